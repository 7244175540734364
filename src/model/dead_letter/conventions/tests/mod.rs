//! Every convention, by what its framework writes: header for header, byte for byte.

mod conventions;
mod envelopes;
mod generic;
mod hostile;
mod java;
mod pointers;
mod replays;
mod spring;

use super::super::{DeadLetter, Origin, Original, Payload, detect, is_diagnostic, original};
use super::{CONVENTIONS, Mark};
use crate::model::record::{Header, Record, TimestampType};

/// When the fixtures' dead letters were written.
const WRITTEN: i64 = 1_764_000_009_000;
/// When the records in them were.
const PRODUCED: i64 = 1_764_000_000_000;

fn text(name: &str, value: &str) -> Header {
    Header::text(name, value)
}

/// Java's `ByteBuffer.allocate(4).putInt(…)`.
fn int32(name: &str, value: i32) -> Header {
    Header::new(name, value.to_be_bytes())
}

/// Java's `ByteBuffer.allocate(8).putLong(…)`.
fn int64(name: &str, value: i64) -> Header {
    Header::new(name, value.to_be_bytes())
}

fn null(name: &str) -> Header {
    Header {
        name: name.to_owned(),
        value: None,
    }
}

/// The headers that the record had before it died.
fn own() -> [Header; 2] {
    [
        text("traceparent", "00-0af7-b7ad-01"),
        Header::new("ce_type", [0xff, 0x00]),
    ]
}

/// A dead letter in `topic`, with the story between the record's own headers.
fn dead(topic: &str, story: Vec<Header>) -> Record {
    let [before, after] = own();
    let mut headers = vec![before];
    headers.extend(story);
    headers.push(after);
    Record {
        topic: topic.to_owned(),
        partition: 0,
        offset: 7,
        timestamp: Some((WRITTEN, TimestampType::Create)),
        key: Some(b"order-7".to_vec()),
        value: Some(br#"{"eventId":"e-7"}"#.to_vec()),
        headers,
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn origin(topic: &str, partition: i32, offset: i64) -> Origin {
    Origin {
        topic: some(topic),
        partition: Some(partition),
        offset: Some(offset),
        timestamp: None,
    }
}

/// It tells this story, and the record comes out of it as it was.
#[track_caller]
fn tells(record: &Record, expected: &DeadLetter) {
    assert_eq!(detect(record).as_ref(), Some(expected));
    let before = Original {
        key: record.key.clone(),
        value: record.value.clone(),
        headers: own().to_vec(),
    };
    assert_eq!(original(record, expected), Some(before));
}

#[test]
fn a_record_that_is_no_dead_letter_tells_nothing() {
    let plain = dead("order-created", Vec::new());
    assert_eq!(detect(&plain), None);
    let bare = Record {
        key: None,
        value: None,
        headers: Vec::new(),
        ..plain.clone()
    };
    assert_eq!(detect(&bare), None);
    for value in ["", "{", "topic", r#"{"topic":"news","message":"hello"}"#] {
        let record = Record {
            value: Some(value.as_bytes().to_vec()),
            ..plain.clone()
        };
        assert_eq!(detect(&record), None, "{value}");
    }
}

#[test]
fn names_of_conventions_are_unique_and_fit_the_marks() {
    let names: std::collections::BTreeSet<&str> = CONVENTIONS.iter().map(|it| it.name).collect();
    assert_eq!(names.len(), CONVENTIONS.len());
    assert!(CONVENTIONS.len() <= 32, "a bit each");
    for convention in CONVENTIONS {
        let Mark::Header(marks) = convention.mark else {
            continue;
        };
        for mark in marks {
            assert!(
                is_diagnostic(convention.name, mark),
                "{}: the mark `{mark}` would stay on what is put back",
                convention.name
            );
        }
    }
}

#[test]
fn headers_that_any_record_may_have_are_never_stripped() {
    let own = [
        "traceparent",
        "tracestate",
        "ce_id",
        "ce_type",
        "id",
        "content-type",
        "contentType",
        "__TypeId__",
        "spring_json_header_types",
        "_watermill_message_uuid",
        "x-chunk-index",
        "x-message-id",
        "correlation-id",
        "timestamp",
        "source",
        "key",
        "dlq_replay_count",
        "replay_count",
        "x-dlq-replay-count",
        "x-dlq-replayed-at",
        "_watermill_requeuer_retries",
        "eda-replay-count",
        "eda-replay-origin",
        "",
    ];
    for convention in CONVENTIONS {
        for name in own {
            assert!(
                !is_diagnostic(convention.name, name),
                "{}: {name}",
                convention.name
            );
        }
    }
    assert!(!is_diagnostic("nobody's", "__dlq.errors.topic"));
}

#[test]
fn replays_by_other_tools_count() {
    let story = vec![
        text("kafka_throwable_class_name", "RuntimeException"),
        text("dlq_replay_count", "2"),
        text("replay_count", "1"),
        text("x-dlq-replay-count", "4"),
        text("_watermill_requeuer_retries", "8"),
        text("eda-replay-count", "16"),
    ];
    assert_eq!(detect(&dead("orders-dlq", story)).unwrap().replays, 31);
    let story = vec![
        text("kafka_throwable_class_name", "RuntimeException"),
        text("dlq_replay_count", "many"),
        text("eda-replay-count", "4294967295"),
        text("replay_count", "1"),
    ];
    let replays = detect(&dead("orders-dlq", story)).unwrap().replays;
    assert_eq!(replays, u32::MAX);
}
