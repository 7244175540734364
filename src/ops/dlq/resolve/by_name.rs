//! The origin that only the dead-letter topic's name tells, for letters that name none themselves.

use super::super::request::Target;
use super::Resolver;
use crate::model::dead_letter::{DeadLetter, Payload, is_dead_letter_topic, origin_from_name};
use std::sync::Arc;

/// The topic that the dead-letter topic `source` is called after: the one there is. Letters are brought out of dead-letter
/// topics, so none is the origin of another by its name alone.
pub(super) fn origin(source: &str, exists: impl Fn(&str) -> bool) -> Option<Arc<str>> {
    let origin = origin_from_name(source, exists)?;
    (!is_dead_letter_topic(&origin)).then(|| origin.into())
}

/// Whether what is in there are the records that died, also when they say nothing of it themselves. `orders-errors` may as
/// well be a log.
fn holds_records(source: &str) -> bool {
    let name = source.to_ascii_lowercase();
    let name = name.strip_suffix(".parking").unwrap_or(&name);
    let ends = ["error", "errors", "poison"].map(|word| name.ends_with(word));
    !(ends.contains(&true) || name.starts_with("error."))
}

impl Resolver {
    /// That topic, for a letter that says nothing against it. Not where it names a topic that cannot be its origin, and
    /// not where the record that died is not in it: then it lies where the letter does not say.
    pub(super) fn by_name(&self, letter: Option<&DeadLetter>) -> Option<Arc<str>> {
        let applies = match (letter, &self.manner.target) {
            (_, Target::Topic(_)) => false,
            // Who says nothing names no group either.
            (None, target) => *target == Target::Origin && holds_records(&self.source),
            (Some(letter), _) => {
                letter.origin.topic.is_none()
                    && letter.origin_doubt.is_none()
                    && matches!(
                        letter.payload,
                        Payload::Record | Payload::Key | Payload::Envelope
                    )
            }
        };
        self.origin_by_name.clone().filter(|_| applies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_may_be_no_dead_letter_at_all() {
        for source in ["orders.dlq", "orders-dlt", "orders.dead-letter.parking"] {
            assert!(holds_records(source), "{source}");
        }
        for source in [
            "orders-errors",
            "orders.ERROR.parking",
            "error.orders.billing",
        ] {
            assert!(!holds_records(source), "{source}");
        }
    }

    #[test]
    fn it_is_the_only_one_there_is_and_no_dead_letter_topic() {
        let cases: [(&str, &[&str], Option<&str>); 7] = [
            ("orders.dlq", &["orders"], Some("orders")),
            ("orders.dlq.parking", &["orders"], Some("orders")),
            ("orders.dlq", &["order"], None),
            ("orders-dlt-dlt", &["orders", "orders-dlt"], None),
            ("error.orders.v1.billing", &["orders.v1"], Some("orders.v1")),
            ("error.orders.v1.billing", &["orders.v1", "orders"], None),
            // One of them is a dead-letter topic, and yet it may be the one that is meant.
            ("error.orders.dlq.billing", &["orders.dlq", "orders"], None),
        ];
        for (source, topics, expected) in cases {
            let found = origin(source, |name| topics.contains(&name));
            assert_eq!(found.as_deref(), expected, "{source}");
        }
    }
}
