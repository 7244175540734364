//! What a record tells of the topic it lies in.

use super::{DeadLetter, eda};
use crate::model::record::Record;

/// Whether the topic that a record lies in is one of dead letters, as far as the record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// It is a dead letter, and died elsewhere.
    DeadLetter,
    /// It is no dead letter, or none for sure.
    Other,
    /// A replay brought it here, with its story still on it or without: it may have died again, and it may not.
    PutBack,
}

/// Conventions that others than writers of dead letters keep to as well: names and payloads of everybody's.
const UNSURE: [&str; 2] = ["generic", "envelope"];

/// What this record tells, of which this is the story ([`detect`](super::detect)). A story alone is not enough: a replay may leave it on a record that it puts back, and who
/// tries again later keeps one, too. So it must be of a framework's own making, of another topic, and not of a retry.
pub fn evidence(record: &Record, letter: Option<&DeadLetter>) -> Evidence {
    let notes = |name: &str| record.headers.iter().any(|header| header.name == name);
    if notes(eda::REPLAY_ID) || eda::replays(record) > 0 {
        return Evidence::PutBack;
    }
    let Some(letter) = letter else {
        return Evidence::Other;
    };
    let is_sure = !UNSURE.contains(&letter.convention) && !letter.convention.ends_with("-retry");
    let topic = letter.origin.topic.as_deref();
    let elsewhere = topic.is_some_and(|topic| topic != record.topic);
    match is_sure && elsewhere {
        true => Evidence::DeadLetter,
        false => Evidence::Other,
    }
}

/// Whether a topic of this name looks like one whose records are tried again later: they tell the same story.
pub fn is_retry_topic(name: &str) -> bool {
    name.split(['.', '_', '-'])
        .any(|word| word.eq_ignore_ascii_case("retry") || word.eq_ignore_ascii_case("retries"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dead_letter::detect;
    use crate::model::record::Header;

    type Headers = &'static [(&'static str, &'static str)];

    fn record(headers: &[(&str, &str)], value: &str) -> Record {
        let header = |(name, value): &(&str, &str)| Header::text(*name, value);
        Record {
            topic: "dl-orders".to_owned(),
            partition: 0,
            offset: 0,
            timestamp: None,
            key: None,
            value: Some(value.as_bytes().to_vec()),
            headers: headers.iter().map(header).collect(),
        }
    }

    #[test]
    fn only_a_story_of_elsewhere_that_a_framework_told_is_one() {
        use Evidence::{DeadLetter, Other, PutBack};
        const CONNECT: (&str, &str) = ("__connect.errors.topic", "orders");
        let envelope = r#"{"originalTopic":"orders","error":"no funds","payload":{"n":9}}"#;
        let cases: [(Headers, &str, Evidence); 10] = [
            (&[CONNECT], "{}", DeadLetter),
            (
                &[
                    ("__dlq.errors.topic", "orders"),
                    ("__dlq.errors.kind", "permanent"),
                ],
                "{}",
                DeadLetter,
            ),
            (&[("x-dlq-original-topic", "orders")], "{}", DeadLetter),
            (&[], "{}", Other),
            // It lies where it came from: put back by somebody who left the story on it.
            (&[("__connect.errors.topic", "dl-orders")], "{}", Other),
            (&[CONNECT, ("eda-replay-id", "7")], "{}", PutBack),
            (&[CONNECT, ("dlq_replay_count", "1")], "{}", PutBack),
            // Anybody's words.
            (&[("x-original-topic", "orders")], "{}", Other),
            (&[], envelope, Other),
            // It names no topic.
            (
                &[("original_partition", "1"), ("original_offset", "7")],
                "{}",
                Other,
            ),
        ];
        for (headers, value, expected) in cases {
            let record = record(headers, value);
            assert_eq!(
                evidence(&record, detect(&record).as_ref()),
                expected,
                "{headers:?} {value}"
            );
        }
        let retry = record(
            &[
                ("delayed-retry-count", "1"),
                ("delayed-retry-topic", "orders"),
            ],
            "{}",
        );
        assert_eq!(evidence(&retry, detect(&retry).as_ref()), Other);
    }

    #[test]
    fn retry_topics_are_known_by_their_names() {
        for name in [
            "orders-retry-0",
            "orders.Retry.30s",
            "orders__billing__retry",
            "retries",
        ] {
            assert!(is_retry_topic(name), "{name}");
        }
        for name in ["orders", "retrying-orders", "dl-orders"] {
            assert!(!is_retry_topic(name), "{name}");
        }
    }
}
