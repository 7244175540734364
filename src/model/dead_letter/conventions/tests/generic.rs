//! What is written at home.

use super::*;

#[test]
fn anybodys_words_are_understood_however_they_are_spelt() {
    let spellings: [[&str; 5]; 6] = [
        [
            "x-original-topic",
            "x-original-partition",
            "x-original-offset",
            "x-original-timestamp",
            "x-retry-count",
        ],
        [
            "Original_Topic",
            "Original_Partition",
            "Original_Offset",
            "Original_Timestamp",
            "Retry_Count",
        ],
        [
            "sourceTopic",
            "sourcePartition",
            "sourceOffset",
            "originalTimestamp",
            "retryCount",
        ],
        [
            "dlq.origin.topic",
            "dlq.origin.partition",
            "dlq.origin.offset",
            "dlq.origin.timestamp",
            "retries.count",
        ],
        [
            "X-DLQ-Original-Topic",
            "X-DLQ-Original-Partition",
            "X-DLQ-Original-Offset",
            "X-DLQ-Source-Timestamp",
            "retry-count",
        ],
        [
            "dead-letter-source-topic",
            "dead-letter-source-partition",
            "dead-letter-source-offset",
            "dead-letter-source-timestamp",
            "x-retry-count",
        ],
    ];
    for [topic, partition, offset, timestamp, retries] in spellings {
        let story = vec![
            text(topic, "orders"),
            text(partition, "1"),
            text(offset, "42"),
            text(timestamp, "2025-11-24T16:00:00Z"),
            text(retries, "2"),
        ];
        let letter = DeadLetter {
            origin: Origin {
                timestamp: Some(PRODUCED),
                ..origin("orders", 1, 42)
            },
            attempts: Some(3),
            ..DeadLetter::new("generic")
        };
        tells(&dead("orders-failed", story), &letter);
    }
}

#[test]
fn numbers_are_bytes_or_digits() {
    let cases: [(&[u8], Option<i64>); 9] = [
        (b"42", Some(42)),
        (&[0, 0, 0, 42], Some(42)),
        (&[0, 0, 0, 0, 0, 0, 0, 42], Some(42)),
        (b"1234", Some(1234)),
        (b"12345678", Some(12_345_678)),
        (b"-1", None),
        (&[0xff; 8], None),
        (b"", None),
        (b"about 42", Some(7_017_293_719_646_778_418)),
    ];
    for (bytes, expected) in cases {
        let story = vec![
            text("original-topic", "orders"),
            Header::new("original-offset", bytes),
        ];
        let letter = detect(&dead("x", story)).unwrap();
        assert_eq!(letter.origin.offset, expected, "{bytes:?}");
    }
}

#[test]
fn of_repeated_headers_the_first_origin_counts_and_the_last_failure() {
    let story = vec![
        text("original-topic", ""),
        text("original-topic", "orders"),
        text("dlq-error-type", "Old"),
        text("original-topic", "orders-failed"),
        text("dlq-error-type", "New"),
        text("dlq-reason", "why"),
        text("dlq-consumer-group", "billing"),
        text("dlq-failed-at", "1764000003000"),
        text("delivery-count", "5"),
        text("retry-count", "1"),
    ];
    // eventferry has one of these names too, and nothing without a topic in words of its own.
    let story: Vec<Header> = story
        .into_iter()
        .map(|header| Header {
            name: header.name.replace('-', "_"),
            ..header
        })
        .collect();
    let letter = DeadLetter {
        origin: Origin {
            topic: some("orders"),
            ..Origin::default()
        },
        group: some("billing"),
        exception: some("New"),
        message: some("why"),
        attempts: Some(5),
        failed_at: Some(1_764_000_003_000),
        ..DeadLetter::new("generic")
    };
    tells(&dead("x", story), &letter);
}

#[test]
fn words_that_may_be_the_records_own_stay_on_it() {
    let its_own = [
        text("error-message", "an event about an error"),
        text("source_timestamp", "1764000000000"),
        text("attempts", "3"),
        text("group", "a"),
    ];
    let mut story = vec![text("source-topic", "orders")];
    story.extend(its_own.clone());
    let record = dead("x", story);
    let letter = detect(&record).unwrap();
    assert_eq!(letter.message.as_deref(), Some("an event about an error"));
    let kept = original(&record, &letter).unwrap().headers;
    assert_eq!(kept[1..5], its_own);
}

#[test]
fn a_name_that_no_topic_can_have_is_no_origin() {
    for name in ["orders and more", "../etc/passwd", "..", &"x".repeat(250)] {
        let record = dead(
            "x",
            vec![text("original-topic", name), text("original-offset", "1")],
        );
        let letter = detect(&record).unwrap();
        assert_eq!(letter.origin.topic, None);
        let doubt = letter.origin_doubt.unwrap().to_string();
        assert!(doubt.starts_with("no topic can be called `"), "{doubt}");
        assert!(doubt.len() < 300);
    }
    let unreadable = dead("x", vec![Header::new("original-topic", [0xff])]);
    assert_eq!(detect(&unreadable), None);
}
