//! Kafka's own (Connect, Streams), SmallRye and KDLQ.

use super::*;

const TRACE: &str = "org.apache.kafka.connect.errors.DataException: Converting byte[] failed
\tat org.apache.kafka.connect.json.JsonConverter.toConnectData(JsonConverter.java:333)
Caused by: org.apache.kafka.common.errors.SerializationException: com.fasterxml.jackson.core.JsonParseException: Unrecognized token 'x'
Caused by: com.fasterxml.jackson.core.JsonParseException: Unrecognized token 'x'
 at [Source: (byte[])\"x\"; line: 1, column: 2]
\tat com.fasterxml.jackson.core.JsonParser._constructError(JsonParser.java:2391)
";

fn connect(topic: &str, partition: &str, offset: &str, message: Header) -> Vec<Header> {
    let name = |rest: &str| format!("__connect.errors.{rest}");
    vec![
        text(&name("topic"), topic),
        text(&name("partition"), partition),
        text(&name("offset"), offset),
        text(&name("connector.name"), "orders-sink"),
        text(&name("task.id"), "0"),
        text(&name("stage"), "VALUE_CONVERTER"),
        text(
            &name("class.name"),
            "org.apache.kafka.connect.json.JsonConverter",
        ),
        text(
            &name("exception.class.name"),
            "org.apache.kafka.connect.errors.DataException",
        ),
        message,
        text(&name("exception.stacktrace"), TRACE),
    ]
}

#[test]
fn kafka_connect_writes_text_keeps_the_timestamp_and_appends_its_block() {
    let message = text(
        "__connect.errors.exception.message",
        "Converting byte[] failed",
    );
    let first = connect("orders", "11", "4294967296", message);
    let letter = DeadLetter {
        origin: Origin {
            timestamp: Some(WRITTEN),
            ..origin("orders", 11, 4_294_967_296)
        },
        group: some("orders-sink"),
        exception: some("com.fasterxml.jackson.core.JsonParseException"),
        message: some("Converting byte[] failed"),
        cause: some("Unrecognized token 'x'"),
        stack_trace: some(TRACE),
        stage: some("VALUE_CONVERTER"),
        ..DeadLetter::new("kafka-connect")
    };
    tells(&dead("orders-sink-errors", first.clone()), &letter);
    // Again, with an exception that says nothing: its message is null, and the older one is not its.
    let second = connect(
        "orders-sink-errors",
        "0",
        "3",
        null("__connect.errors.exception.message"),
    );
    let letter = DeadLetter {
        message: None,
        ..letter
    };
    tells(&dead("errors-of-errors", [first, second].concat()), &letter);
}

fn streams(topic: &str) -> Vec<Header> {
    vec![
        text(
            "__streams.errors.exception",
            "org.apache.kafka.streams.errors.StreamsException",
        ),
        text("__streams.errors.message", "boom"),
        text(
            "__streams.errors.stacktrace",
            "java.lang.IllegalStateException: boom\n\tat x.Y.z(Y.java:1)\n",
        ),
        text("__streams.errors.topic", topic),
        text("__streams.errors.partition", "2"),
        text("__streams.errors.offset", "99"),
    ]
}

#[test]
fn kafka_streams_writes_text_and_keeps_the_timestamp() {
    let letter = DeadLetter {
        origin: Origin {
            timestamp: Some(WRITTEN),
            ..origin("orders", 2, 99)
        },
        exception: some("java.lang.IllegalStateException"),
        message: some("boom"),
        stack_trace: some("java.lang.IllegalStateException: boom\n\tat x.Y.z(Y.java:1)\n"),
        ..DeadLetter::new("kafka-streams")
    };
    let twice = [streams("orders"), streams("orders-app-dlq")].concat();
    tells(&dead("orders-app-dlq", streams("orders")), &letter);
    tells(&dead("orders-app-dlq", twice), &letter);
    // Of a producer that lets the broker set the time nothing is known.
    let mut logged = dead("orders-app-dlq", streams("orders"));
    logged.timestamp = Some((WRITTEN, TimestampType::LogAppend));
    assert_eq!(detect(&logged).unwrap().origin.timestamp, None);
}

#[test]
fn kafka_streams_reads_from_topics_of_its_own_which_are_no_origin() {
    let internal = [
        "app-KSTREAM-AGGREGATE-STATE-STORE-0000000003-repartition",
        "app-orders-changelog",
        "app-KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-0000000006-topic",
    ];
    for topic in internal {
        let letter = detect(&dead("app-dlq", streams(topic))).unwrap();
        let unknown = Origin {
            timestamp: Some(WRITTEN),
            ..Origin::default()
        };
        assert_eq!(letter.origin, unknown, "{topic}");
        let doubt = letter.origin_doubt.unwrap().to_string();
        assert_eq!(
            doubt,
            format!(
                "`{topic}` is an internal topic of Kafka Streams, where the record was before is not known"
            )
        );
    }
    let letter = detect(&dead("app-dlq", streams("orders-topic"))).unwrap();
    assert_eq!(letter.origin_doubt, None);
}

fn smallrye(prefix: &str, topic: &str, offset: &str, reason: &str) -> Vec<Header> {
    vec![
        text(
            &format!("{prefix}-exception-class-name"),
            "java.lang.reflect.InvocationTargetException",
        ),
        text(&format!("{prefix}-reason"), reason),
        text(&format!("{prefix}-topic"), topic),
        text(&format!("{prefix}-partition"), "1"),
        text(&format!("{prefix}-offset"), offset),
    ]
}

fn with_cause(mut story: Vec<Header>, prefix: &str, cause: &str) -> Vec<Header> {
    let class = text(&format!("{prefix}-cause-class-name"), "com.acme.Declined");
    story.insert(2, class);
    story.insert(3, text(&format!("{prefix}-cause"), cause));
    story
}

#[test]
fn smallrye_puts_the_new_headers_first_so_the_last_origin_is_the_root() {
    let first = with_cause(
        smallrye("dead-letter", "orders", "42", "failed"),
        "dead-letter",
        "declined",
    );
    let letter = DeadLetter {
        origin: origin("orders", 1, 42),
        exception: some("com.acme.Declined"),
        message: some("failed"),
        cause: some("declined"),
        ..DeadLetter::new("smallrye")
    };
    tells(&dead("dead-letter-topic-orders", first.clone()), &letter);
    // The newest failure had no cause: the older one's is not taken for it.
    let second = smallrye(
        "dead-letter",
        "dead-letter-topic-orders",
        "3",
        "failed again",
    );
    let letter = DeadLetter {
        exception: some("java.lang.reflect.InvocationTargetException"),
        message: some("failed again"),
        cause: None,
        ..letter
    };
    tells(
        &dead("graveyard", [second.clone(), first.clone()].concat()),
        &letter,
    );
    let letter = DeadLetter {
        exception: some("com.acme.Declined"),
        cause: some("anew"),
        ..letter
    };
    let second = with_cause(second, "dead-letter", "anew");
    tells(&dead("graveyard", [second, first].concat()), &letter);
}

#[test]
fn smallrye_retry_counts_from_zero_and_the_last_origin_is_the_root() {
    let first = smallrye("delayed-retry", "orders", "42", "failed");
    let mut second = smallrye("delayed-retry", "orders_retry_10000", "5", "failed again");
    second.extend(first);
    second.extend([
        text("delayed-retry-original-timestamp", "1764000000000"),
        text("delayed-retry-first-processing-timestamp", "1764000001000"),
        text("delayed-retry-count", "1"),
    ]);
    let letter = DeadLetter {
        origin: Origin {
            timestamp: Some(PRODUCED),
            ..origin("orders", 1, 42)
        },
        exception: some("java.lang.reflect.InvocationTargetException"),
        message: some("failed again"),
        attempts: Some(2),
        ..DeadLetter::new("smallrye-retry")
    };
    tells(&dead("dead-letter-topic-orders", second), &letter);
}

#[test]
fn kdlq_writes_bytes_and_names_no_topic() {
    let story = vec![
        text("KDLQ_PrcMarker", "orders-processor"),
        int64("KDLQ_OrigTs", PRODUCED),
        int64("KDLQ_OrigOffset", 42),
        int32("KDLQ_OrigPartition", 1),
        int32("KDLQ_Redelivered", 2),
        int32("KDLQ_Kills", 1),
    ];
    let letter = DeadLetter {
        origin: Origin {
            topic: None,
            timestamp: Some(PRODUCED),
            ..origin("", 1, 42)
        },
        group: some("orders-processor"),
        attempts: Some(3),
        ..DeadLetter::new("kdlq")
    };
    tells(&dead("orders-dlq", story), &letter);
}
