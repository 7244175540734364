//! The others, by language: Ruby, Go, .NET, Node.js, PHP, Python.

use super::*;

#[test]
fn karafka_replaces_so_only_the_last_hop_is_told() {
    let story = |prefix: &str| {
        vec![
            text(&format!("{prefix}_topic"), "orders"),
            text(&format!("{prefix}_partition"), "1"),
            text(&format!("{prefix}_offset"), "42"),
            text(&format!("{prefix}_consumer_group"), "billing"),
            text(&format!("{prefix}_attempts"), "3"),
            text(&format!("{prefix}_trace_id"), "8f1e"),
        ]
    };
    let letter = DeadLetter {
        origin: origin("orders", 1, 42),
        group: some("billing"),
        attempts: Some(3),
        ..DeadLetter::new("karafka")
    };
    tells(&dead("dead_messages", story("source")), &letter);
    // Before 2.4.
    tells(&dead("dead_messages", story("original")), &letter);
    // Piped on: no attempts.
    let piped = DeadLetter {
        attempts: None,
        ..letter
    };
    tells(
        &dead("orders-forwarded", story("source")[..4].to_vec()),
        &piped,
    );
}

#[test]
fn posthog_strips_six_headers() {
    let story = vec![
        text("source_topic", "events"),
        text("source_partition", "5"),
        text("source_offset", "77"),
        text("failed_at", "2026-07-29T10:00:00.250Z"),
        text("error_name", "RedisOperationError"),
        text("error_message", "redis is gone"),
    ];
    let letter = DeadLetter {
        origin: origin("events", 5, 77),
        exception: some("RedisOperationError"),
        message: some("redis is gone"),
        failed_at: Some(1_785_319_200_250),
        ..DeadLetter::new("posthog")
    };
    tells(&dead("events_dlq", story), &letter);
}

#[test]
fn watermill_knows_the_topic_alone_and_the_last_of_a_name_counts() {
    let story = vec![
        text("reason_poisoned", "older"),
        text("handler_poisoned", "charge"),
        text("topic_poisoned", "orders"),
        text("reason_poisoned", "card declined"),
        text("subscriber_poisoned", "kafka.Subscriber"),
        text("_watermill_delayed_until", "2026-07-29T10:00:00Z"),
        text("_watermill_delayed_for", "1m0s"),
    ];
    let letter = DeadLetter {
        origin: Origin {
            topic: some("orders"),
            ..Origin::default()
        },
        group: some("charge"),
        message: some("card declined"),
        ..DeadLetter::new("watermill")
    };
    tells(&dead("poison", story), &letter);
}

fn wolverine() -> Vec<Header> {
    vec![
        text("exception-type", "System.InvalidOperationException"),
        text("exception-message", "card declined"),
        text("exception-stack", "   at Acme.Charge() in Charge.cs:line 7"),
        text("failed-at", "1764000003000"),
    ]
}

#[test]
fn wolverine_names_its_origin_by_a_uri() {
    let place = vec![
        text("original-destination", "kafka://topic/orders.v1"),
        text("original-partition", "1"),
        text("original-offset", "42"),
    ];
    let letter = DeadLetter {
        origin: origin("orders.v1", 1, 42),
        exception: some("System.InvalidOperationException"),
        message: some("card declined"),
        stack_trace: some("   at Acme.Charge() in Charge.cs:line 7"),
        failed_at: Some(1_764_000_003_000),
        ..DeadLetter::new("wolverine")
    };
    let queue = "wolverine-dead-letter-queue";
    tells(&dead(queue, [place, wolverine()].concat()), &letter);
    // Before 6.19 nothing of the origin was told.
    let old = DeadLetter {
        origin: Origin::default(),
        ..letter
    };
    tells(&dead(queue, wolverine()), &old);
}

#[test]
fn wolverine_after_its_retry_topics_means_the_topic_before_them() {
    let mut story = wolverine();
    story.truncate(3);
    story.extend([
        text("original-destination", "kafka://topic/orders.retry.30s"),
        text("original-partition", "0"),
        text("original-offset", "3"),
        text("wolverine-kafka-retry-source", "orders"),
        text("wolverine-kafka-retry-tier", "1"),
        text("wolverine-kafka-retry-attempt", "4"),
        // DateTimeOffset.UtcNow.UtcTicks
        text("wolverine-kafka-retry-first-failed", "638996032030000000"),
        text(
            "wolverine-kafka-retry-exception-type",
            "System.TimeoutException",
        ),
        text("wolverine-kafka-retry-exception-message", "too slow"),
    ]);
    let letter = DeadLetter {
        origin: Origin {
            topic: some("orders"),
            ..Origin::default()
        },
        exception: some("System.InvalidOperationException"),
        message: some("card declined"),
        stack_trace: some("   at Acme.Charge() in Charge.cs:line 7"),
        attempts: Some(4),
        failed_at: Some(1_764_006_403_000),
        ..DeadLetter::new("wolverine")
    };
    tells(&dead("wolverine-dead-letter-queue", story), &letter);
}

#[test]
fn what_is_no_uri_of_wolverines_is_not_wolverines() {
    for destination in ["orders", "kafka://orders", "kafka://topic/", ""] {
        let story = vec![text("original-destination", destination)];
        assert_eq!(detect(&dead("x", story)), None, "{destination}");
    }
}

#[test]
fn silverback_names_the_innermost_exception_and_its_assembly() {
    let story = vec![
        text("x-source-topic", "orders"),
        text("x-source-consumer-group-id", "billing"),
        text(
            "x-failure-reason",
            "System.InvalidOperationException in Acme.Billing",
        ),
        text("x-source-partition", "1"),
        text("x-source-offset", "42"),
        text("x-source-timestamp", "2025-11-24T16:00:00.0000000Z"),
        text("x-failed-attempts", "3"),
    ];
    let letter = DeadLetter {
        origin: Origin {
            timestamp: Some(PRODUCED),
            ..origin("orders", 1, 42)
        },
        group: some("billing"),
        exception: some("System.InvalidOperationException"),
        message: some("System.InvalidOperationException in Acme.Billing"),
        attempts: Some(3),
        ..DeadLetter::new("silverback")
    };
    tells(&dead("orders-error", story), &letter);
}

/// Protobuf, field by field.
fn uber(fields: &[(u8, &[u8])]) -> Vec<u8> {
    let mut message = Vec::new();
    for (tag, value) in fields {
        message.push(*tag);
        if tag & 7 == 2 {
            message.push(u8::try_from(value.len()).unwrap());
        }
        message.extend_from_slice(value);
    }
    message
}

#[test]
fn uber_keeps_the_key_inside_the_key() {
    // 1764000000000000000 ns
    let time = [0x80, 0x80, 0xa8, 0xbe, 0xf6, 0x94, 0xbf, 0xbd, 0x18];
    let fields: [(u8, &[u8]); 6] = [
        (0x08, &[4]),
        (0x12, b"orders"),
        (0x18, &[3]),
        (0x20, &[0xe8, 0x07]),
        (0x28, &time),
        (0x32, b"order-7"),
    ];
    let record = Record {
        key: Some(uber(&fields)),
        ..dead("orders__billing__dlq", Vec::new())
    };
    let letter = DeadLetter {
        origin: Origin {
            timestamp: Some(PRODUCED),
            ..origin("orders", 3, 1000)
        },
        group: some("billing"),
        attempts: Some(4),
        payload: Payload::Key,
        ..DeadLetter::new("uber")
    };
    assert_eq!(detect(&record).as_ref(), Some(&letter));
    let before = original(&record, &letter).unwrap();
    assert_eq!(before.key.as_deref(), Some(&b"order-7"[..]));
    assert_eq!(before.headers, own());
    // Without a key; and a key of the application's that looks like it, or a topic that is not in the name.
    let keyless = Record {
        key: Some(uber(&fields[..5])),
        ..record.clone()
    };
    assert_eq!(original(&keyless, &letter).unwrap().key, None);
    let foreign = [
        Record {
            key: Some(uber(&[(0x12, b"others")])),
            ..record.clone()
        },
        Record {
            key: Some(uber(&[(0x12, b"orders"), (0x42, b"8")])),
            ..record.clone()
        },
        Record {
            key: Some(b"\x12\x06orders\x32\x7f".to_vec()),
            ..record.clone()
        },
        Record {
            key: Some(Vec::new()),
            ..record.clone()
        },
        Record {
            key: None,
            ..record.clone()
        },
        Record {
            topic: "orders__billing".to_owned(),
            ..record
        },
    ];
    for record in foreign {
        assert_eq!(detect(&record), None, "{:?}", record.key);
    }
}

#[test]
fn kafkajs_async_retry_is_one_header_of_json() {
    let json = r#"{"top":"orders","ttl":1764000060000,"att":2}"#;
    let letter = DeadLetter {
        origin: Origin {
            topic: some("orders"),
            ..Origin::default()
        },
        group: some("billing"),
        attempts: Some(3),
        ..DeadLetter::new("kafkajs-async-retry")
    };
    tells(
        &dead("billing-dlq", vec![text("asyncRetry", json)]),
        &letter,
    );
    for json in ["", "{}", "[]", r#"{"top":7}"#, "\u{0}"] {
        assert_eq!(
            detect(&dead("billing-dlq", vec![text("asyncRetry", json)])),
            None
        );
    }
}

#[test]
fn laravel_and_arroyo_do_not_say_where_it_came_from() {
    let story = vec![
        text("kafka_throwable_message", "card declined"),
        text("kafka_throwable_code", "0"),
        text(
            "kafka_throwable_class_name",
            "App\\Exceptions\\CardDeclined",
        ),
    ];
    let letter = DeadLetter {
        exception: some("App\\Exceptions\\CardDeclined"),
        message: some("card declined"),
        ..DeadLetter::new("laravel-kafka")
    };
    tells(&dead("orders-dlq", story), &letter);
    let pair = |partition: &str, offset: &str| {
        vec![
            text("original_partition", partition),
            text("original_offset", offset),
        ]
    };
    let letter = DeadLetter {
        origin: Origin {
            topic: None,
            ..origin("", 1, 42)
        },
        ..DeadLetter::new("arroyo")
    };
    // Replayed with its headers, and dead again.
    tells(
        &dead("ingest-dlq", [pair("1", "42"), pair("0", "9")].concat()),
        &letter,
    );
    assert_eq!(detect(&dead("ingest-dlq", pair("one", "2"))), None);
}

#[test]
fn eventferry_and_the_like_write_text_and_an_iso_time() {
    let story = vec![
        text("original-topic", "orders"),
        text("dlq-reason", "schema mismatch"),
        text("dlq-failed-at", "2025-11-24T16:00:03Z"),
        text("dlq-error-class", "ValidationError"),
        text("dlq-attempts", "5"),
        text("dlq-original-message-id", "m-1"),
        text(
            "dlq-error-stack",
            "ValidationError: schema mismatch\n    at relay.js:7",
        ),
    ];
    let letter = DeadLetter {
        origin: Origin {
            topic: some("orders"),
            ..Origin::default()
        },
        exception: some("ValidationError"),
        message: some("schema mismatch"),
        stack_trace: some("ValidationError: schema mismatch\n    at relay.js:7"),
        attempts: Some(5),
        failed_at: Some(1_764_000_003_000),
        ..DeadLetter::new("eventferry")
    };
    tells(&dead("orders.dlq", story), &letter);
}

#[test]
fn kafka_dlq_manager_keeps_its_notes_of_replays() {
    let story = vec![
        text("x-dlq-original-topic", "orders"),
        text("x-dlq-original-partition", "1"),
        text("x-dlq-original-offset", "42"),
        text("x-dlq-original-timestamp", "1764000000000"),
        text("x-dlq-consumer-group", "billing"),
        text("x-dlq-exception-class", "java.lang.IllegalStateException"),
        text("x-dlq-exception-message", "outer"),
        text(
            "x-dlq-exception-stacktrace",
            "java.lang.IllegalStateException: outer\n\tat x\nCaused by: com.acme.Declined\n",
        ),
        text("x-dlq-delivery-attempts", "3"),
        text("x-dlq-failed-at", "2025-11-24T16:00:03Z"),
    ];
    let letter = DeadLetter {
        origin: Origin {
            timestamp: Some(PRODUCED),
            ..origin("orders", 1, 42)
        },
        group: some("billing"),
        exception: some("com.acme.Declined"),
        message: some("outer"),
        stack_trace: some(
            "java.lang.IllegalStateException: outer\n\tat x\nCaused by: com.acme.Declined\n",
        ),
        attempts: Some(3),
        failed_at: Some(1_764_000_003_000),
        ..DeadLetter::new("x-dlq")
    };
    tells(&dead("orders-dlq", story), &letter);
}
