//! The topics there are, and which of them a member wants: those it names, and those its pattern matches.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kafka_protocol::error::ResponseError;
use regex::{Regex, RegexBuilder};
use uuid::Uuid;

use super::Refused;

/// What a compiled pattern may take, in bytes: strangers send them.
const PATTERN_SIZE_LIMIT: usize = 128 * 1024;

/// The topics of the broker at one moment, by name: their ids and how many partitions they have.
pub(crate) type Image = BTreeMap<String, (Uuid, i32)>;

/// A pattern (KIP-848's SubscribedTopicRegex) and the topics it matches.
#[derive(Debug)]
struct Pattern {
    regex: Regex,
    matches: BTreeSet<String>,
}

/// Compiles a pattern so that it matches whole names only. Kafka's syntax is RE2J's, which this one is next to. Errors:
/// INVALID_REGULAR_EXPRESSION.
fn compile(pattern: &str) -> Result<Regex, Refused> {
    let build = |pattern: &str| {
        let built = RegexBuilder::new(pattern)
            .size_limit(PATTERN_SIZE_LIMIT)
            .build();
        built.map_err(|error| {
            let reason = format!(
                "SubscribedTopicRegex `{pattern}` is not a valid regular expression: {error}."
            );
            (ResponseError::InvalidRegularExpression, reason)
        })
    };
    // By itself first: a parenthesis that closes the group around it must not pass.
    build(pattern)?;
    build(&format!(r"\A(?:{pattern})\z"))
}

/// The patterns of a group's members.
#[derive(Debug, Default)]
pub(super) struct Patterns(HashMap<String, Pattern>);

impl Patterns {
    /// Gets to know a pattern. Errors: INVALID_REGULAR_EXPRESSION.
    pub(super) fn learn(&mut self, pattern: &str, image: &Image) -> Result<(), Refused> {
        if !pattern.is_empty() && !self.0.contains_key(pattern) {
            let regex = compile(pattern)?;
            let matches = matching(&regex, image);
            self.0
                .insert(pattern.to_owned(), Pattern { regex, matches });
        }
        Ok(())
    }

    /// Forgets the patterns nobody uses any more.
    pub(super) fn keep(&mut self, is_used: impl Fn(&str) -> bool) {
        self.0.retain(|pattern, _| is_used(pattern));
    }

    /// Other topics exist than before.
    pub(super) fn look_again(&mut self, image: &Image) {
        for pattern in self.0.values_mut() {
            pattern.matches = matching(&pattern.regex, image);
        }
    }

    /// The topics that one matches.
    pub(super) fn matches(&self, pattern: Option<&str>) -> impl Iterator<Item = &String> {
        let known = pattern.and_then(|pattern| self.0.get(pattern));
        known.into_iter().flat_map(|pattern| &pattern.matches)
    }
}

fn matching(regex: &Regex, image: &Image) -> BTreeSet<String> {
    let names = image.keys().filter(|name| regex.is_match(name));
    names.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_names() {
        let image: Image = ["orders", "orders-eu", "my-orders", "payments"]
            .map(|name| (name.to_owned(), (Uuid::nil(), 1)))
            .into();
        let matches = |pattern: &str| -> Vec<String> {
            let mut patterns = Patterns::default();
            patterns.learn(pattern, &image).unwrap();
            patterns.matches(Some(pattern)).cloned().collect()
        };
        assert_eq!(matches("orders"), ["orders"]);
        assert_eq!(matches("orders|payments"), ["orders", "payments"]);
        assert_eq!(matches("^orders.*"), ["orders", "orders-eu"]);
        assert_eq!(
            matches("(?i)ORDERS-.*|.*-ORDERS$"),
            ["my-orders", "orders-eu"]
        );
        assert_eq!(matches("order"), [""; 0]);
    }

    #[test]
    fn a_pattern_that_is_none_is_refused() {
        for bad in ["(", "a)(b", "*", r"\", "[", "(?x)a) # ", "(a{1000}){1000}"] {
            let refused = compile(bad).map(|_| ()).unwrap_err();
            assert_eq!(refused.0, ResponseError::InvalidRegularExpression, "{bad}");
        }
    }
}
