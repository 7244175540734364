//! Spring for Apache Kafka and Spring Cloud Stream.

use super::*;

const TRACE: &str = "org.springframework.kafka.listener.ListenerExecutionFailedException: Listener failed
\tat org.springframework.kafka.listener.adapter.MessagingMessageListenerAdapter.onMessage(Unknown Source)
\tSuppressed: java.lang.IllegalStateException: suppressed
\tCaused by: java.lang.Error: of the suppressed one
Caused by: org.springframework.kafka.KafkaException: wrapped
\tat com.acme.Orders.handle(Orders.java:7)
Caused by: com.acme.CardDeclinedException: card declined: no funds
\tat com.acme.Payment.charge(Payment.java:12)
\t... 14 more
";

fn place(topic: &str, partition: i32, offset: i64) -> Vec<Header> {
    vec![
        text("kafka_dlt-original-topic", topic),
        int32("kafka_dlt-original-partition", partition),
        int64("kafka_dlt-original-offset", offset),
        int64("kafka_dlt-original-timestamp", PRODUCED),
        text("kafka_dlt-original-timestamp-type", "CreateTime"),
        text("kafka_dlt-original-consumer-group", "payment-service"),
    ]
}

fn exception() -> Vec<Header> {
    vec![
        text(
            "kafka_dlt-exception-fqcn",
            "org.springframework.kafka.listener.ListenerExecutionFailedException",
        ),
        text(
            "kafka_dlt-exception-cause-fqcn",
            "org.springframework.kafka.KafkaException",
        ),
        text("kafka_dlt-exception-message", "Listener failed"),
        text("kafka_dlt-exception-stacktrace", TRACE),
    ]
}

fn expected() -> DeadLetter {
    DeadLetter {
        origin: Origin {
            timestamp: Some(PRODUCED),
            ..origin("orders", 300, 4_294_967_296)
        },
        group: some("payment-service"),
        exception: some("com.acme.CardDeclinedException"),
        message: some("Listener failed"),
        cause: some("card declined: no funds"),
        stack_trace: some(TRACE),
        ..DeadLetter::new("spring")
    }
}

#[test]
fn spring_writes_numbers_as_bytes_and_the_root_cause_into_the_trace() {
    let story = [place("orders", 300, 4_294_967_296), exception()].concat();
    tells(&dead("orders-dlt", story), &expected());
    // `kafka_deliveryAttempt`, when the container is told to add it.
    let mut story = [place("orders", 300, 4_294_967_296), exception()].concat();
    story.push(int32("kafka_deliveryAttempt", 3));
    let letter = DeadLetter {
        attempts: Some(3),
        ..expected()
    };
    tells(&dead("orders.DLT", story), &letter);
}

#[test]
fn spring_appends_the_origin_so_the_first_is_the_root() {
    let first = place("orders", 300, 4_294_967_296);
    let second = place("orders-dlt", 0, 7);
    let story = [first, exception(), second].concat();
    tells(&dead("orders-dlt-dlt", story), &expected());
}

#[test]
fn spring_without_a_trace_tells_what_the_listener_threw() {
    let mut story = place("orders", 0, 1);
    story.extend(exception().into_iter().take(3));
    let letter = DeadLetter {
        origin: Origin {
            timestamp: Some(PRODUCED),
            ..origin("orders", 0, 1)
        },
        exception: some("org.springframework.kafka.KafkaException"),
        cause: None,
        stack_trace: None,
        ..expected()
    };
    tells(&dead("orders-dlt", story), &letter);
}

#[test]
fn spring_tells_of_a_key_that_cannot_be_read_in_headers_of_its_own() {
    let class = "org.springframework.kafka.support.serializer.DeserializationException";
    let trace = format!("{class}: failed to deserialize\n\tat org.apache.kafka.X\n");
    let mut story = place("orders", 2, 9);
    story.pop();
    story.extend([
        text("kafka_dlt-exception-cause-fqcn", class),
        text("kafka_dlt-key-exception-fqcn", class),
        text("kafka_dlt-key-exception-message", "failed to deserialize"),
        text("kafka_dlt-key-exception-stacktrace", &trace),
        Header::new("springDeserializerExceptionKey", [0xac, 0xed, 0x00, 0x05]),
    ]);
    let letter = DeadLetter {
        origin: Origin {
            timestamp: Some(PRODUCED),
            ..origin("orders", 2, 9)
        },
        exception: some(class),
        message: some("failed to deserialize"),
        stack_trace: Some(trace),
        stage: some("key deserialization"),
        ..DeadLetter::new("spring")
    };
    tells(&dead("orders-dlt", story), &letter);
}

/// After the third call: each hop appends its number.
fn retried(attempts: Vec<Header>) -> Vec<Header> {
    let mut story = vec![
        text("kafka_original-topic", "orders"),
        int32("kafka_original-partition", 1),
        int64("kafka_original-offset", 42),
        int64("kafka_original-timestamp", PRODUCED),
        text("kafka_original-timestamp-type", "CreateTime"),
        text("kafka_dlt-original-consumer-group", "payment-service"),
        text(
            "kafka_exception-fqcn",
            "org.x.ListenerExecutionFailedException",
        ),
        text("kafka_exception-cause-fqcn", "org.x.TimestampedException"),
        text("kafka_exception-message", "Listener failed; boom"),
        text("kafka_exception-stacktrace", TRACE),
    ];
    story.extend(attempts);
    // BigInteger.valueOf(…).toByteArray(): six bytes today.
    let time = PRODUCED.to_be_bytes();
    assert_eq!(time[..2], [0, 0]);
    story.push(Header::new("retry_topic-original-timestamp", &time[2..]));
    story.push(Header::new("retry_topic-backoff-timestamp", &time[2..]));
    story
}

#[test]
fn spring_retry_counts_the_attempt_that_would_come_next() {
    let attempts = |numbers: [i32; 3]| numbers.map(|it| int32("retry_topic-attempts", it));
    let letter = DeadLetter {
        origin: Origin {
            timestamp: Some(PRODUCED),
            ..origin("orders", 1, 42)
        },
        group: some("payment-service"),
        exception: some("com.acme.CardDeclinedException"),
        message: some("Listener failed; boom"),
        cause: some("card declined: no funds"),
        stack_trace: some(TRACE),
        attempts: Some(3),
        ..DeadLetter::new("spring-retry")
    };
    let story = retried(attempts([2, 3, 4]).to_vec());
    tells(&dead("orders-dlt", story), &letter);
    // Before 2.8 it was one byte.
    let old = retried(vec![Header::new("retry_topic-attempts", [4])]);
    tells(&dead("orders-dlt", old), &letter);
}

#[test]
fn spring_retry_before_its_own_words_used_the_others() {
    let mut story = [place("orders", 1, 42), exception()].concat();
    story.push(Header::new("retry_topic-attempts", [3]));
    let letter = DeadLetter {
        origin: Origin {
            timestamp: Some(PRODUCED),
            ..origin("orders", 1, 42)
        },
        attempts: Some(2),
        convention: "spring-retry",
        ..expected()
    };
    tells(&dead("orders-dlt", story), &letter);
}

#[test]
fn spring_retry_has_the_timestamp_twice_and_the_short_one_will_do() {
    let mut story = retried(vec![int32("retry_topic-attempts", 2)]);
    story.retain(|header| !header.name.starts_with("kafka_original-timestamp"));
    let letter = detect(&dead("orders-retry-1000", story)).unwrap();
    assert_eq!(letter.origin.timestamp, Some(PRODUCED));
    assert_eq!(letter.attempts, Some(1));
}

#[test]
fn spring_cloud_stream_has_anybodys_names_but_a_partition_of_four_bytes() {
    let story = vec![
        text("x-original-topic", "orders.v1"),
        int32("x-original-partition", 3),
        int64("x-original-offset", 1_000),
        int64("x-original-timestamp", PRODUCED),
        text("x-original-timestamp-type", "CreateTime"),
        text(
            "x-exception-fqcn",
            "org.springframework.messaging.MessageHandlingException",
        ),
        text("x-exception-message", "error occurred in message handler"),
        text("x-exception-stacktrace", TRACE),
    ];
    let again = vec![
        text("x-original-topic", "error.orders.v1.payment"),
        int32("x-original-partition", 0),
        int64("x-original-offset", 2),
    ];
    let letter = DeadLetter {
        origin: Origin {
            timestamp: Some(PRODUCED),
            ..origin("orders.v1", 3, 1_000)
        },
        group: some("payment"),
        exception: some("com.acme.CardDeclinedException"),
        message: some("error occurred in message handler"),
        cause: some("card declined: no funds"),
        stack_trace: some(TRACE),
        ..DeadLetter::new("spring-cloud-stream")
    };
    tells(&dead("error.orders.v1.payment", story.clone()), &letter);
    let named = DeadLetter {
        group: None,
        ..letter
    };
    tells(&dead("my-dlq", [story.clone(), again].concat()), &named);
    // In digits they are anybody's.
    let mut digits = story;
    digits[1] = text("x-original-partition", "1234");
    digits.truncate(2);
    let letter = detect(&dead("my-dlq", digits)).unwrap();
    assert_eq!(letter.convention, "generic");
    assert_eq!(letter.origin.partition, Some(1234));
}
