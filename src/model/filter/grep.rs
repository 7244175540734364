//! A regular expression, and which part of a record it is looked for in.

use crate::model::record::RecordRef;
use regex::bytes::Regex;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// `lamp` anywhere, `key:^order-7$`, `value:…`, `header:…` (any header's value), `header[NAME]:…`.
#[derive(Clone, Debug)]
pub struct Grep {
    part: Part,
    expression: Regex,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Key, value, or a header's name or value.
    Any,
    Key,
    Value,
    /// The value of any header, or of those with this name.
    Header(Option<String>),
}

/// Why a text is not a regular expression.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{expression}` is not a regular expression: {reason}")]
pub struct GrepError {
    expression: String,
    reason: String,
}

impl Grep {
    /// Whether it is in the record. Nothing is found in what is null.
    pub fn finds(&self, record: &RecordRef<'_>) -> bool {
        let is_in = |bytes: Option<&[u8]>| bytes.is_some_and(|it| self.expression.is_match(it));
        match &self.part {
            Part::Key => is_in(record.key),
            Part::Value => is_in(record.value),
            Part::Header(wanted) => record.headers.iter().any(|(name, value)| {
                wanted.as_ref().is_none_or(|wanted| wanted == name) && is_in(value)
            }),
            Part::Any => {
                let mut headers = record.headers.iter();
                is_in(record.value)
                    || is_in(record.key)
                    || headers.any(|(name, value)| is_in(value) || is_in(Some(name.as_bytes())))
            }
        }
    }
}

impl fmt::Display for Grep {
    /// As it is written.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Part::Any => {}
            Part::Key => formatter.write_str("key:")?,
            Part::Value => formatter.write_str("value:")?,
            Part::Header(None) => formatter.write_str("header:")?,
            Part::Header(Some(name)) => write!(formatter, "header[{name}]:")?,
        }
        formatter.write_str(self.expression.as_str())
    }
}

impl FromStr for Grep {
    type Err = GrepError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (part, expression) = part(text);
        let expression = Regex::new(expression).map_err(|error| GrepError {
            expression: expression.to_owned(),
            reason: reason(&error),
        })?;
        Ok(Grep { part, expression })
    }
}

/// The part that is named in front, and the rest.
fn part(text: &str) -> (Part, &str) {
    if let Some(rest) = text.strip_prefix("key:") {
        return (Part::Key, rest);
    }
    if let Some(rest) = text.strip_prefix("value:") {
        return (Part::Value, rest);
    }
    if let Some(rest) = text.strip_prefix("header:") {
        return (Part::Header(None), rest);
    }
    let named = text.strip_prefix("header[");
    match named.and_then(|rest| rest.split_once("]:")) {
        Some((name, rest)) => (Part::Header(Some(name.to_owned())), rest),
        None => (Part::Any, text),
    }
}

/// The last line of what may be a drawing of where the mistake is.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}
