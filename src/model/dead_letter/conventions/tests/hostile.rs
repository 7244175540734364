//! Headers that nobody means well with: no panic, and no destination that is not there word for word.

use super::*;
use crate::model::dead_letter::{Failure, eda};
use crate::model::tests::cases;
use fastrand::Rng;
use proptest::collection::vec;
use proptest::prelude::*;

/// Every name that some convention looks at, and some that are nearly one.
const NAMES: &[&str] = &[
    "__dlq.errors.topic",
    "__dlq.errors.partition",
    "__dlq.errors.offset",
    "__dlq.errors.kind",
    "__dlq.errors.failed.at",
    "__dlq.errors.timestamp",
    "__dlq.errors.delivery.count",
    "eda-replay-count",
    "eda-replay-origin",
    "eda-replay-target",
    "__connect.errors.topic",
    "__connect.errors.partition",
    "__connect.errors.offset",
    "__connect.errors.exception.message",
    "__connect.errors.exception.stacktrace",
    "__streams.errors.topic",
    "__streams.errors.offset",
    "__streams.errors.stacktrace",
    "kafka_dlt-original-topic",
    "kafka_dlt-original-partition",
    "kafka_dlt-original-offset",
    "kafka_dlt-original-timestamp",
    "kafka_dlt-exception-stacktrace",
    "kafka_deliveryAttempt",
    "kafka_dlt-key-exception-fqcn",
    "kafka_original-topic",
    "kafka_original-timestamp",
    "retry_topic-attempts",
    "retry_topic-original-timestamp",
    "x-original-topic",
    "x-original-partition",
    "x-original-offset",
    "x-exception-stacktrace",
    "dead-letter-topic",
    "dead-letter-offset",
    "dead-letter-cause",
    "dead-letter-cause-class-name",
    "delayed-retry-topic",
    "delayed-retry-count",
    "source_topic",
    "source_offset",
    "source_consumer_group",
    "source_attempts",
    "original_topic",
    "original_partition",
    "original_offset",
    "original_consumer_group",
    "failed_at",
    "error_name",
    "topic_poisoned",
    "reason_poisoned",
    "original-destination",
    "original-partition",
    "exception-stack",
    "exception-type",
    "failed-at",
    "wolverine-kafka-retry-source",
    "wolverine-kafka-retry-first-failed",
    "x-source-topic",
    "x-source-timestamp",
    "x-failure-reason",
    "asyncRetry",
    "KDLQ_Kills",
    "KDLQ_Redelivered",
    "KDLQ_OrigOffset",
    "kafka_throwable_class_name",
    "dlq-reason",
    "dlq-original-topic",
    "original-topic",
    "dlq-failed-at",
    "x-dlq-original-topic",
    "x-dlq-replay-count",
    "X-Original-Topic",
    "Source.Topic",
    "dead_letter_origin_topic",
    "X_DLQ_Source_Partition",
    "originalTopic",
    "retry-count",
    "xoriginal",
    "traceparent",
    "",
    "topic",
];

/// One of them.
fn one<'a>(random: &mut Rng, of: &[&'a str]) -> &'a str {
    random.choice(of).copied().unwrap_or_default()
}

fn bytes(random: &mut Rng, longest: usize) -> Vec<u8> {
    let length = random.usize(..longest);
    (0..length).map(|_| random.u8(..)).collect()
}

fn words(random: &mut Rng, of: &[&str], most: usize) -> String {
    (0..random.usize(..most)).map(|_| one(random, of)).collect()
}

fn number(random: &mut Rng) -> i64 {
    let bits = random.u32(..64);
    random.i64(..) >> bits
}

/// What a header may hold: names, numbers in every encoding and in none, times, traces, garbage, a lot of it.
fn header_value(random: &mut Rng) -> Vec<u8> {
    let number = number(random);
    let text = match random.u8(..16) {
        0..4 => words(
            random,
            &["orders", "-dlt", "payments.v1", "app-x-repartition", "a"],
            3,
        ),
        4 => number.to_string(),
        5 => words(
            random,
            &["1", "99999999", " ", "-", "+", "\u{661}", "1234"],
            5,
        ),
        6 => return bytes(random, 12),
        7 => return number.to_be_bytes()[random.usize(..8)..].to_vec(),
        8 => return number.to_be_bytes().to_vec(),
        9 => words(random, &["kafka", "://", "topic/", "orders", "/"], 6),
        10 => format!("orders/{number}/{number}/x{number}/"),
        11 => format!(
            "{{\"top\":\"{}\",\"att\":{number}}}",
            one(random, &["orders", "a b", "\\u002d"])
        ),
        12 => words(
            random,
            &[
                "Caused by: ",
                "\n",
                "\tat x",
                "com.acme.X",
                ": ",
                "boom",
                "\r\n",
            ],
            12,
        ),
        13 => words(
            random,
            &["2025-11-24", "T16:00:00", ".5", "Z", "+14:00", "-9999"],
            5,
        ),
        14 => words(random, &["\u{e4}", "\0", "\u{202e}", "\u{1b}[2J"], 4),
        _ => return vec![random.u8(..); random.usize(300..3000)],
    };
    text.into_bytes()
}

fn header(name: usize, seed: u64) -> Header {
    let random = &mut Rng::with_seed(seed);
    let name = match NAMES.get(name) {
        Some(name) => (*name).to_owned(),
        None => words(
            random,
            &[
                "x", "-", "Original", "source", "_", "dlq", "opic", "TOPIC", "\u{e4}",
            ],
            7,
        ),
    };
    let value = (random.u8(..10) > 0).then(|| header_value(random));
    Header { name, value }
}

/// Mostly envelopes, whole and broken.
fn value(random: &mut Rng) -> Option<Vec<u8>> {
    const MEMBERS: [&str; 20] = [
        "originalTopic",
        "topic",
        "source_topic",
        "error",
        "reason",
        "metadata",
        "message",
        "payload",
        "originalValue",
        "value",
        "data",
        "key",
        "headers",
        "retryCount",
        "timestamp",
        "failedAt",
        "partition",
        "offset",
        "stack",
        "x",
    ];
    const VALUES: [&str; 18] = [
        "\"orders\"",
        "\"orders.v1\"",
        "\"a b\"",
        "\"\\u002d\"",
        "\"\"",
        "\"eyJpZCI6OX0=\"",
        "\"AAAAAAEOb3JkZXI=\"",
        "\"{}\"",
        "null",
        "true",
        "-9223372036854775808",
        "7",
        "[1]",
        "{}",
        "{\"key\":1,\"value\":2,\"headers\":{\"a\":[]}}",
        "{\"topic\":\"b\",\"originalTopic\":\"c\"}",
        "{\"type\":\"Buffer\",\"data\":[1,256]}",
        "{",
    ];
    match random.u8(..6) {
        0 => None,
        1 => Some(bytes(random, 20)),
        _ => {
            let members: Vec<String> = (0..random.usize(..8))
                .map(|_| format!("\"{}\":{}", one(random, &MEMBERS), one(random, &VALUES)))
                .collect();
            let end = one(random, &["}", "}", "}", "}", ""]);
            Some(format!("{{{}{end}", members.join(",")).into_bytes())
        }
    }
}

/// Uber's protobuf, whole and broken.
fn key(random: &mut Rng) -> Option<Vec<u8>> {
    let fields = (0..random.usize(..6)).map(|_| match random.u8(..8) {
        0..3 => b"\x12\x06orders".to_vec(),
        3 => bytes(random, 12),
        4 => vec![0x32, random.u8(..), 1, 2, 3],
        _ => vec![8 * random.u8(1..9), random.u8(..), random.u8(..128)],
    });
    let fields: Vec<_> = fields.collect();
    (random.u8(..4) > 0).then(|| fields.concat())
}

/// Of a failure the headers that are not needed for it can be left out; what is in them is made of a seed.
fn record() -> impl Strategy<Value = Record> {
    let headers = vec((0..NAMES.len() + 8, any::<u64>()), 0..10);
    (headers, any::<u64>()).prop_map(|(headers, seed)| {
        let random = &mut Rng::with_seed(seed);
        let topics = [
            "orders",
            "orders.dlq",
            "orders__billing__dlq",
            "error.orders.billing",
            "x",
        ];
        Record {
            topic: one(random, &topics).to_owned(),
            partition: 0,
            offset: 7,
            timestamp: random
                .bool()
                .then(|| (number(random), TimestampType::Create)),
            key: key(random),
            value: value(random),
            headers: headers
                .into_iter()
                .map(|(name, seed)| header(name, seed))
                .collect(),
        }
    })
}

/// Whether the name stands in the record, in a header, the key or the value.
fn is_in(record: &Record, name: &str) -> bool {
    let headers = record.headers.iter().map(|header| &header.value);
    let mut texts = headers.chain([&record.key, &record.value]).flatten();
    texts.any(|bytes| memchr::memmem::find(bytes, name.as_bytes()).is_some())
}

/// Replays leave notes of origins, too, and a note must not be believed more than a header.
#[test]
fn a_note_of_a_replay_names_no_topic_that_cannot_be() {
    for note in ["a b/1/2/3", "//1", "..", "\u{e4}/0/0/0"] {
        let headers = vec![
            text("kafka_throwable_class_name", "X"),
            text("topic_poisoned", "orders"),
            text("eda-replay-origin", note),
            text("eda-replay-target", "orders"),
        ];
        let letter = detect(&dead("orders.dlq", headers)).unwrap();
        assert_eq!(letter.origin.topic.as_deref(), Some("orders"), "{note}");
    }
}

proptest! {
    #![proptest_config(cases(20_000))]

    #[test]
    fn no_headers_make_it_panic_or_name_a_destination_that_is_not_there(record in record()) {
        let Some(letter) = detect(&record) else {
            return Ok(());
        };
        let origin = &letter.origin;
        if let Some(topic) = &origin.topic {
            prop_assert!(is_in(&record, topic), "{topic}");
            prop_assert!(topic.parse::<crate::model::topic::TopicName>().is_ok());
        }
        prop_assert!(origin.topic.is_none() || letter.origin_doubt.is_none());
        let numbers = [origin.partition.map(i64::from), origin.offset, letter.failed_at];
        prop_assert!(numbers.iter().flatten().all(|number| *number >= 0));
        let revived = eda::revive(&record, &letter, None, "r", 1);
        let destination = origin.topic.as_deref().unwrap_or_default();
        match original(&record, &letter) {
            Some(original) => {
                prop_assert_eq!(&revived.topic, destination);
                prop_assert_eq!(&revived.value, &original.value);
                // Nothing of the story is left.
                let told = |header: &Header| is_diagnostic(letter.convention, &header.name);
                let enveloped = letter.payload == Payload::Envelope;
                prop_assert!(enveloped || !revived.headers.iter().any(told));
            }
            None => prop_assert_eq!(&revived.topic, ""),
        }
    }
}

proptest! {
    #![proptest_config(cases(5_000))]

    #[test]
    fn what_we_bury_leads_to_where_it_lay_or_to_what_it_names(record in record()) {
        let failure = Failure::permanent("exit 65", "no");
        let buried = eda::bury(&record, &failure, "g", 1, "x.dlq", None, 1);
        let read = Record { headers: buried.headers, key: buried.key, value: buried.value, ..record.clone() };
        let letter = detect(&read).unwrap();
        prop_assert_eq!(letter.convention, "eda");
        let topic = letter.origin.topic.unwrap();
        prop_assert!(topic == record.topic || is_in(&record, &topic), "{topic}");
    }
}
