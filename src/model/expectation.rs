//! What a flow of events is expected to bring: `payment-processed`, `order-shipped where orderId=order-123`.

use super::filter::{Comparison, ComparisonError};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// An event of the catalog or a topic, and what must hold for fields of the value.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// As it was written.
    text: String,
    pub name: String,
    pub comparisons: Vec<Comparison>,
}

/// Why a text is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExpectationError {
    #[error(
        "`{0}` is not an expectation: write an event or a topic, and `where COMPARISON` behind it if it must hold"
    )]
    Shape(String),
    #[error(transparent)]
    Comparison(#[from] ComparisonError),
}

impl FromStr for Expectation {
    type Err = ExpectationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = || ExpectationError::Shape(text.to_owned());
        let (name, rest) = match text.trim().split_once(char::is_whitespace) {
            Some((name, rest)) => (name, rest.trim()),
            None => (text.trim(), ""),
        };
        if name.is_empty() {
            return Err(shape());
        }
        let comparisons = match rest.split_once(char::is_whitespace) {
            _ if rest.is_empty() => Vec::new(),
            Some(("where", comparisons)) => {
                let parts = split_at_and(comparisons);
                let parse = |part: &str| Ok(part.trim().parse::<Comparison>()?);
                parts
                    .into_iter()
                    .map(parse)
                    .collect::<Result<_, Self::Err>>()?
            }
            _ => return Err(shape()),
        };
        Ok(Expectation {
            text: text.trim().to_owned(),
            name: name.to_owned(),
            comparisons,
        })
    }
}

/// The parts between ` and `, but not within double quotes, where it is text.
fn split_at_and(text: &str) -> Vec<&str> {
    const AND: &str = " and ";
    let (mut parts, mut from) = (Vec::new(), 0);
    for (at, _) in text.match_indices(AND) {
        let quotes = text[from..at].bytes().filter(|byte| *byte == b'"').count();
        if at >= from && quotes % 2 == 0 {
            parts.push(&text[from..at]);
            from = at + AND.len();
        }
    }
    parts.push(&text[from..]);
    parts
}

impl fmt::Display for Expectation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_what_must_hold() {
        let cases: [(&str, &str, usize); 5] = [
            ("payment-processed", "payment-processed", 0),
            ("  OrderShipped ", "OrderShipped", 0),
            ("order-shipped where orderId=order-123", "order-shipped", 1),
            ("a where total>1 and items[0].sku=lamp", "a", 2),
            (
                "a where note=\"this and that\" and total>1 and user=\"x\"",
                "a",
                3,
            ),
        ];
        for (text, name, comparisons) in cases {
            let expectation: Expectation = text.parse().unwrap();
            assert_eq!(
                (expectation.name.as_str(), expectation.comparisons.len()),
                (name, comparisons),
                "{text}"
            );
            assert_eq!(expectation.to_string(), text.trim());
        }
    }

    #[test]
    fn what_is_none_is_told() {
        for text in ["", "  ", "a b", "a where", "a whether b=1"] {
            let error = text.parse::<Expectation>().unwrap_err();
            assert!(
                matches!(error, ExpectationError::Shape(_)),
                "{text}: {error}"
            );
        }
        let error = "a where total".parse::<Expectation>().unwrap_err();
        assert!(matches!(error, ExpectationError::Comparison(_)), "{error}");
    }
}
