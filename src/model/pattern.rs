//! Names as people write them on a command line: one name, or a pattern with `*` and `?`.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// A name, or a pattern over names. Topics cannot have `*` or `?` in theirs; a group that has is found by a pattern
/// that matches itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(String);

impl Pattern {
    /// Whether it names exactly one thing, so that a missing one is a mistake and not an empty answer.
    pub fn is_literal(&self) -> bool {
        !self.0.contains(['*', '?'])
    }

    /// Whether the whole name fits: `*` stands for any text, also none, `?` for one character.
    pub fn matches(&self, name: &str) -> bool {
        matches(self.0.as_bytes(), name.as_bytes())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the name fits one of the patterns, or there are none: who names nothing means everything.
pub fn chooses(patterns: &[Pattern], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(name))
}

impl FromStr for Pattern {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Pattern(text.to_owned()))
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Pattern(text.to_owned())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Linear in practice: on a mismatch only the last star is tried again.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            // One character, which may be several bytes.
            Some(b'?') => {
                p += 1;
                n += 1;
                while name.get(n).is_some_and(|byte| byte & 0xc0 == 0x80) {
                    n += 1;
                }
            }
            Some(&byte) if byte == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let cases = [
            ("*", "", true),
            ("order-*", "order-created", true),
            ("order-*", "payment", false),
            ("*-created", "order-created", true),
            ("*a*b", "xaxbxb", true),
            ("o?der", "order", true),
            ("o?der", "oder", false),
            ("o?der", "oßder", true),
            ("", "x", false),
            ("order", "orders", false),
            ("order", "order", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(
                Pattern::from(pattern).matches(name),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn no_pattern_at_all_chooses_everything() {
        assert!(chooses(&[], "audit"));
        let patterns = [Pattern::from("payment-*"), Pattern::from("audit")];
        assert!(chooses(&patterns, "audit") && chooses(&patterns, "payment-dlq"));
        assert!(!chooses(&patterns, "orders"));
    }

    #[test]
    fn only_a_name_without_wildcards_names_one_thing() {
        assert!(Pattern::from("payment-service").is_literal());
        assert!(!Pattern::from("payment-*").is_literal());
        assert!(!Pattern::from("payment-?").is_literal());
    }
}
