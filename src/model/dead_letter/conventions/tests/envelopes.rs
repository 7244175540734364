//! Dead letters in an envelope of JSON.

use super::*;

fn enveloped(topic: &str, value: &str) -> Record {
    Record {
        value: Some(value.as_bytes().to_vec()),
        ..dead(topic, Vec::new())
    }
}

/// The event in the envelope; `None` when it is not certain.
#[track_caller]
fn inner(value: &str) -> Option<Original> {
    let record = enveloped("orders.dlq", value);
    let letter = detect(&record).unwrap();
    assert_eq!(letter.convention, "envelope", "{value}");
    assert_eq!(letter.origin.topic.as_deref(), Some("orders"), "{value}");
    original(&record, &letter)
}

#[test]
fn an_envelope_tells_the_story_and_the_event_comes_out_of_it() {
    let value = r#"{"originalTopic":"orders","originalPartition":2,"originalOffset":"41","originalKey":"order-9",
        "originalValue":"{\"id\": 9}","originalHeaders":{"type":"OrderCreated","n":7,"empty":null},
        "error":{"name":"Declined","message":"no funds","stack":"Declined: no funds\n    at x.js:1"},
        "consumerGroup":"billing","retryCount":3,"failedAt":"2025-11-24T16:00:03Z","timestamp":1}"#;
    let record = enveloped("failures", value);
    let letter = DeadLetter {
        origin: origin("orders", 2, 41),
        group: some("billing"),
        exception: some("Declined"),
        message: some("no funds"),
        stack_trace: some("Declined: no funds\n    at x.js:1"),
        attempts: Some(4),
        failed_at: Some(1_764_000_003_000),
        payload: Payload::Envelope,
        ..DeadLetter::new("envelope")
    };
    assert_eq!(detect(&record).as_ref(), Some(&letter));
    let before = Original {
        key: Some(b"order-9".to_vec()),
        value: Some(br#"{"id": 9}"#.to_vec()),
        headers: vec![text("type", "OrderCreated"), text("n", "7"), null("empty")],
    };
    assert_eq!(original(&record, &letter), Some(before));
}

#[test]
fn the_short_envelope_counts_in_a_dead_letter_topic_only() {
    let value = r#"{"topic":"orders","message":{"id":9},"error":"no funds","retryCount":3,"timestamp":1764000003000}"#;
    let letter = DeadLetter {
        origin: Origin {
            topic: some("orders"),
            ..Origin::default()
        },
        message: some("no funds"),
        attempts: Some(4),
        failed_at: Some(1_764_000_003_000),
        payload: Payload::Envelope,
        ..DeadLetter::new("envelope")
    };
    let record = enveloped("orders.dlq", value);
    assert_eq!(detect(&record), Some(letter));
    assert_eq!(inner(value).unwrap().value.unwrap(), br#"{"id":9}"#);
    assert_eq!(detect(&enveloped("notifications", value)), None);
    // An event about a topic is not a dead letter of it, wherever it lies.
    for value in [
        r#"{"topic":"orders","message":"hello","error":"none","timestamp":1}"#,
        r#"{"topic":"orders","payload":{"id":9},"timestamp":1}"#,
        r#"{"topic":"orders","payload":{"id":9},"error":"x"}"#,
        r#"{"topic":"News of today","payload":{"id":9},"error":"x","retryCount":1}"#,
        r#"{"originalTopic":"orders","payload":{"id":9}}"#,
        r#"{"originalTopic":7,"error":"x"}"#,
        r#"{"originalTopic":"orders","error":"x""#,
    ] {
        assert_eq!(detect(&enveloped("orders.dlq", value)), None, "{value}");
    }
}

#[test]
fn the_event_keeps_its_own_bytes() {
    let cases = [
        // As the application wrote it, spaces and all.
        (
            r#""payload": {"b": 1.50, "a": [1, 2]}"#,
            Some(r#"{"b": 1.50, "a": [1, 2]}"#),
        ),
        (r#""data":[1]"#, Some("[1]")),
        (r#""value":7"#, Some("7")),
        (r#""payload":"just text""#, Some("just text")),
        (r#""payload":"\u00e4\n""#, Some("ä\n")),
        (r#""message":"{\"id\":9}""#, Some(r#"{"id":9}"#)),
        // base64 of {"id":9}, and Node.js's Buffer.
        (r#""originalValue":"eyJpZCI6OX0=""#, Some(r#"{"id":9}"#)),
        (
            r#""original_message":{"type":"Buffer","data":[104,105]}"#,
            Some("hi"),
        ),
        (
            r#""payload":{"key":"k","value":"v","headers":{}}"#,
            Some("v"),
        ),
        (
            r#""payload":{"key":"k","value":"v","note":1}"#,
            Some(r#"{"key":"k","value":"v","note":1}"#),
        ),
        // The sure word wins over the one that may be anything.
        (
            r#""event":"OrderCreated","originalEvent":{"id":9}"#,
            Some(r#"{"id":9}"#),
        ),
    ];
    for (member, expected) in cases {
        let value = format!(r#"{{"originalTopic":"orders","error":"x",{member}}}"#);
        let found = inner(&value).and_then(|original| original.value);
        let found = found.map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(found.as_deref(), expected, "{member}");
    }
}

#[test]
fn where_it_is_not_certain_which_bytes_were_the_event_it_is_missing() {
    let members = [
        r#""note":1"#,
        // A tombstone, or somebody who did not keep it.
        r#""originalValue":null"#,
        // A sentence.
        r#""message":"card declined""#,
        // One of two.
        r#""event":"OrderCreated","data":{"id":9}"#,
        r#""originalEvent":{},"originalPayload":{}"#,
        // Bytes in base64, or a text that looks so.
        r#""payload":"AAAAAAEOb3JkZXI=""#,
        // A record, or an event that looks so.
        r#""payload":{"key":"k","value":"v"}"#,
        r#""payload":{"key":"k","value":null,"headers":{}}"#,
    ];
    for member in members {
        let value = format!(r#"{{"originalTopic":"orders","error":"x",{member}}}"#);
        assert_eq!(inner(&value), None, "{member}");
        let letter = detect(&enveloped("orders.dlq", &value)).unwrap();
        assert_eq!(letter.payload, Payload::Missing, "{member}");
    }
}

#[test]
fn the_key_is_the_envelopes_where_it_has_one() {
    let cases = [
        (r#""note":1"#, Some("order-7")),
        (r#""key":"order-9""#, Some("order-9")),
        (r#""messageKey":9"#, Some("9")),
        (r#""originalKey":null"#, None),
        (r#""key":["order-9"]"#, Some("order-7")),
    ];
    for (member, expected) in cases {
        let value = format!(r#"{{"originalTopic":"orders","error":"x","payload":{{}},{member}}}"#);
        let original = inner(&value).unwrap();
        let key = original.key.map(|key| String::from_utf8(key).unwrap());
        assert_eq!(key.as_deref(), expected, "{member}");
        assert_eq!(original.headers, own(), "{member}");
    }
}

#[test]
fn the_story_may_be_in_an_object_of_its_own() {
    let value = r#"{"metadata":{"originalTopic":"orders","originalPartition":1,"originalOffset":42,"error":"no funds",
        "timestamp":"2025-11-24T16:00:03Z","key":"not this","payload":"nor this"},
        "payload":{"key":"order-9","value":"{\"id\":9}","headers":{"a":"1"}}}"#;
    let letter = detect(&enveloped("orders.dlq", value)).unwrap();
    assert_eq!(letter.origin, origin("orders", 1, 42));
    assert_eq!(letter.message.as_deref(), Some("no funds"));
    assert_eq!(letter.failed_at, Some(1_764_000_003_000));
    let before = Original {
        key: Some(b"order-9".to_vec()),
        value: Some(br#"{"id":9}"#.to_vec()),
        headers: vec![text("a", "1")],
    };
    assert_eq!(inner(value), Some(before));
}

#[test]
fn headers_of_a_framework_are_surer_than_an_envelope_and_an_envelope_than_headers_of_anybodys() {
    let value = r#"{"originalTopic":"orders","error":"x","payload":{}}"#;
    let with = |name: &str| Record {
        headers: vec![text(name, "payments")],
        ..enveloped("failures", value)
    };
    let convention = |record: &Record| detect(record).unwrap().convention;
    assert_eq!(convention(&with("dead-letter-topic")), "smallrye");
    assert_eq!(convention(&with("X-Original-Topic")), "envelope");
}
