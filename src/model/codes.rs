//! Exit codes and HTTP statuses that a user judges otherwise than we do: `75,500-599,4xx`.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use thiserror::Error;

/// An HTTP status has three digits, an exit code is smaller.
const GREATEST: u16 = 599;

/// Codes, from 1 to 599. Which of them mean anything is whoever's that looks one up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeList(Vec<RangeInclusive<u16>>);

/// Why a text is no list of codes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CodeListError {
    #[error(
        "`{0}` is not a code: write exit codes or HTTP statuses such as `75`, `500-599` or `5xx`, with commas between them"
    )]
    Shape(String),
    #[error("`{0}` is out of range: exit codes are 1 to 255, HTTP statuses 100 to 599")]
    Range(String),
    #[error("`{0}` is no range: it ends before it begins")]
    Backwards(String),
    #[error("0 is always a success")]
    Success,
}

/// A code that is to be tried again and never to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0} cannot be both transient and permanent")]
pub struct ConflictError(u16);

impl CodeList {
    /// Whether the code is one of these.
    pub fn holds(&self, code: u16) -> bool {
        self.0.iter().any(|range| range.contains(&code))
    }

    /// The lowest code that is in both.
    fn common(&self, other: &CodeList) -> Option<u16> {
        let pairs = self
            .0
            .iter()
            .flat_map(|ours| other.0.iter().map(move |theirs| (ours, theirs)));
        pairs
            .map(|(ours, theirs)| {
                let (first, last) = (
                    ours.start().max(theirs.start()),
                    ours.end().min(theirs.end()),
                );
                *first..=*last
            })
            .filter(|both| !both.is_empty())
            .map(|both| *both.start())
            .min()
    }
}

impl FromStr for CodeList {
    type Err = CodeListError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',')
            .map(|part| range(part.trim()))
            .collect::<Result<_, _>>()
            .map(CodeList)
    }
}

impl fmt::Display for CodeList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match range.start() == range.end() {
                true => write!(formatter, "{comma}{}", range.start())?,
                false => write!(formatter, "{comma}{}-{}", range.start(), range.end())?,
            }
        }
        Ok(())
    }
}

/// `75`, `500-599` or `5xx`.
fn range(text: &str) -> Result<RangeInclusive<u16>, CodeListError> {
    if let [class @ b'0'..=b'9', b'x' | b'X', b'x' | b'X'] = text.as_bytes() {
        let first = u16::from(class - b'0') * 100;
        return match first {
            100..GREATEST => Ok(first..=first + 99),
            _ => Err(CodeListError::Range(text.to_owned())),
        };
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (code(first.trim(), text)?, code(last.trim(), text)?);
    match first <= last {
        true => Ok(first..=last),
        false => Err(CodeListError::Backwards(text.to_owned())),
    }
}

fn code(number: &str, text: &str) -> Result<u16, CodeListError> {
    // `+75` would parse.
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(CodeListError::Shape(text.to_owned()));
    }
    match number.parse() {
        Ok(0) => Err(CodeListError::Success),
        Ok(code @ 1..=GREATEST) => Ok(code),
        _ => Err(CodeListError::Range(text.to_owned())),
    }
}

/// What the user says of codes, above what everybody thinks of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    transient: CodeList,
    permanent: CodeList,
}

impl Overrides {
    /// Codes that are to be transient, and codes that are to be permanent.
    ///
    /// # Errors
    /// A code is in both.
    pub fn new(transient: CodeList, permanent: CodeList) -> Result<Self, ConflictError> {
        match transient.common(&permanent) {
            Some(code) => Err(ConflictError(code)),
            None => Ok(Overrides {
                transient,
                permanent,
            }),
        }
    }

    /// Whether the code is to be transient.
    pub fn is_transient(&self, code: u16) -> bool {
        self.transient.holds(code)
    }

    /// Whether the code is to be permanent.
    pub fn is_permanent(&self, code: u16) -> bool {
        self.permanent.holds(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> CodeList {
        text.parse().unwrap()
    }

    #[test]
    fn numbers_ranges_and_classes_are_codes() {
        let cases = [
            ("75", "75"),
            (" 1 , 75 ", "1,75"),
            ("500-599", "500-599"),
            ("5xx,4XX", "500-599,400-499"),
            ("200 - 201", "200-201"),
            ("9-9", "9"),
        ];
        for (text, read) in cases {
            assert_eq!(list(text).to_string(), read, "{text}");
        }
        let codes = list("65,5xx");
        for (code, held) in [
            (64, false),
            (65, true),
            (499, false),
            (500, true),
            (599, true),
        ] {
            assert_eq!(codes.holds(code), held, "{code}");
        }
        assert!(!CodeList::default().holds(1));
    }

    #[test]
    fn what_is_no_code_is_refused_with_the_reason() {
        let shape = |text: &str| CodeListError::Shape(text.to_owned());
        let range = |text: &str| CodeListError::Range(text.to_owned());
        let cases = [
            ("", shape("")),
            ("75,", shape("")),
            ("+75", shape("+75")),
            ("-75", shape("-75")),
            ("7x", shape("7x")),
            ("xxx", shape("xxx")),
            ("1-2-3", shape("1-2-3")),
            ("0", CodeListError::Success),
            ("0-9", CodeListError::Success),
            ("600", range("600")),
            ("500-600", range("500-600")),
            ("99999999", range("99999999")),
            ("0xx", range("0xx")),
            ("6xx", range("6xx")),
            ("9-8", CodeListError::Backwards("9-8".to_owned())),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<CodeList>(), Err(expected), "{text}");
        }
    }

    #[test]
    fn no_code_is_both_transient_and_permanent() {
        let both = |transient: &str, permanent: &str| {
            Overrides::new(list(transient), list(permanent)).map(drop)
        };
        assert_eq!(both("4xx", "500-599"), Ok(()));
        assert_eq!(both("5xx", "65,503,501"), Err(ConflictError(501)));
        assert_eq!(both("1-75", "64-65"), Err(ConflictError(64)));
        assert_eq!(
            both("65", "65").unwrap_err().to_string(),
            "65 cannot be both transient and permanent"
        );
        let overrides = Overrides::new(list("65"), list("4")).unwrap();
        assert!(overrides.is_transient(65) && !overrides.is_permanent(65));
        assert!(overrides.is_permanent(4) && !overrides.is_transient(4));
    }
}
