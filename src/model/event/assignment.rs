//! `field=value`, as typed after `eda produce order-created`.

use super::{EventError, path};
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

impl std::fmt::Display for Assignment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}={}", self.path, self.value)
    }
}

/// Whether each of them is there in the end.
///
/// # Errors
/// One would undo another before it: a mistake rather than a wish, and which of the two is the mistake nobody knows.
pub fn check_distinct(assignments: &[Assignment]) -> Result<(), EventError> {
    for (index, later) in assignments.iter().enumerate() {
        let mut before = assignments[..index].iter();
        if let Some(earlier) = before.find(|earlier| path::undoes(&later.path, &earlier.path)) {
            return Err(EventError::Undone {
                later: later.to_string(),
                earlier: earlier.to_string(),
            });
        }
    }
    Ok(())
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
        assert_eq!(Assignment::new("a", " x").to_string(), "a= x");
        assert!("a".parse::<Assignment>().is_err());
        assert!("=a".parse::<Assignment>().is_err());
    }

    #[test]
    fn none_may_undo_another() {
        let check = |words: &[&str]| {
            let words: Vec<Assignment> = words.iter().map(|word| word.parse().unwrap()).collect();
            check_distinct(&words).map_err(|error| error.to_string())
        };
        let fine = [
            "a=1", "b.c=1", "b.d=1", "e={}", "e.f=1", "ab=1", "g[0]=1", "g[1]=1",
        ];
        assert_eq!(check(&fine), Ok(()));
        let cases: [(&[&str], &str); 3] = [
            (
                &["a=1", "b=1", "a=2"],
                "`a=2` would undo `a=1`: give one of them",
            ),
            (
                &["a.b=1", "a=2"],
                "`a=2` would undo `a.b=1`: give one of them",
            ),
            (
                &["a[0].b=1", "a[0]={}"],
                "`a[0]={}` would undo `a[0].b=1`: give one of them",
            ),
        ];
        for (words, expected) in cases {
            assert_eq!(check(words), Err(expected.to_owned()));
        }
    }
}
