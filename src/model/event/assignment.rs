//! `field=value`, as typed after `eda produce order-created`.

use super::EventError;
use std::str::FromStr;

/// A field of an event and what it shall be, as typed: `orderId=order-7`, `items[0].sku=lamp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Names of fields with `.` between them, and `[N]` for the item N of a list, from 0.
    pub path: String,
    /// Text as it stands; the field's kind decides what it means.
    pub value: String,
}

impl Assignment {
    /// `path=value`.
    pub fn new(path: impl Into<String>, value: impl Into<String>) -> Self {
        Assignment {
            path: path.into(),
            value: value.into(),
        }
    }
}

impl FromStr for Assignment {
    type Err = EventError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((path, value)) = text.split_once('=') else {
            return Err(EventError::NoEquals(text.to_owned()));
        };
        if path.trim().is_empty() {
            return Err(EventError::NoField(text.to_owned()));
        }
        Ok(Assignment::new(path.trim(), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_equals_sign_divides() {
        let cases = [
            ("a=b", "a", "b"),
            ("a=b=c", "a", "b=c"),
            ("a=", "a", ""),
            ("items[0].sku= x ", "items[0].sku", " x "),
        ];
        for (text, path, value) in cases {
            assert_eq!(text.parse(), Ok(Assignment::new(path, value)), "{text}");
        }
        assert!("a".parse::<Assignment>().is_err());
        assert!("=a".parse::<Assignment>().is_err());
    }
}
