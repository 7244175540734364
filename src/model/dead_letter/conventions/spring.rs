//! Spring for Apache Kafka: `DeadLetterPublishingRecoverer.java`, and `@RetryableTopic`
//! (`DeadLetterPublishingRecovererFactory.java`, `RetryTopicHeaders.java`).
//!
//! Numbers are big-endian bytes. The origin is appended, so that the first is the root; what tells of the exception is
//! replaced. The class in a header is what the listener threw, or a wrapper of Spring's own: the root is in the trace.

use super::{Convention, Mark};
use crate::model::dead_letter::DeadLetter;
use crate::model::dead_letter::fields::{big_integer, first, int32, int32_or_byte, int64, last};
use crate::model::dead_letter::story::Story;
use crate::model::record::Record;

const NAME: &str = "spring";
const RETRY_NAME: &str = "spring-retry";

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Header(&["kafka_dlt-original-topic"]),
    read: |record| {
        Some(with_stage(
            STORY.read(NAME, record),
            record,
            "kafka_dlt-key-",
        ))
    },
    is_diagnostic,
};

/// `@RetryableTopic`, in its retry topics and in the dead-letter topic after them.
pub(super) static RETRY: Convention = Convention {
    name: RETRY_NAME,
    mark: Mark::Header(&["kafka_original-topic", "retry_topic-attempts"]),
    read: |record| {
        let letter = RETRY_STORY.read(RETRY_NAME, record);
        Some(with_stage(letter, record, "kafka_key-"))
    },
    is_diagnostic,
};

static STORY: Story = Story {
    topic: first(&["kafka_dlt-original-topic"]),
    partition: first(&["kafka_dlt-original-partition"]).number(int32),
    offset: first(&["kafka_dlt-original-offset"]).number(int64),
    timestamp: first(&["kafka_dlt-original-timestamp"]).number(int64),
    group: last(&["kafka_dlt-original-consumer-group"]),
    exception: last(&[
        "kafka_dlt-exception-cause-fqcn",
        "kafka_dlt-exception-fqcn",
        "kafka_dlt-key-exception-fqcn",
    ]),
    message: last(&[
        "kafka_dlt-exception-message",
        "kafka_dlt-key-exception-message",
    ]),
    stack_trace: last(&[
        "kafka_dlt-exception-stacktrace",
        "kafka_dlt-key-exception-stacktrace",
    ]),
    attempts: last(&["kafka_deliveryAttempt"]).number(int32),
    ..Story::SILENT
};

/// In words of their own; in those of the others before 2.8.
static RETRY_STORY: Story = Story {
    topic: first(&["kafka_original-topic", "kafka_dlt-original-topic"]),
    partition: first(&["kafka_original-partition", "kafka_dlt-original-partition"]).number(int32),
    offset: first(&["kafka_original-offset", "kafka_dlt-original-offset"]).number(int64),
    // A long, or a BigInteger of as few bytes as will do: both are read the same.
    timestamp: first(&[
        "kafka_original-timestamp",
        "kafka_dlt-original-timestamp",
        "retry_topic-original-timestamp",
    ])
    .number(big_integer),
    group: last(&[
        "kafka_dlt-original-consumer-group",
        "kafka_original-consumer-group",
    ]),
    exception: last(&[
        "kafka_exception-cause-fqcn",
        "kafka_exception-fqcn",
        "kafka_key-exception-fqcn",
        "kafka_dlt-exception-cause-fqcn",
        "kafka_dlt-exception-fqcn",
    ]),
    message: last(&[
        "kafka_exception-message",
        "kafka_key-exception-message",
        "kafka_dlt-exception-message",
    ]),
    stack_trace: last(&[
        "kafka_exception-stacktrace",
        "kafka_key-exception-stacktrace",
        "kafka_dlt-exception-stacktrace",
    ]),
    // Repeated, one a hop; the last is the attempt that would come next.
    attempts: last(&["retry_topic-attempts"])
        .number(int32_or_byte)
        .plus(-1),
    ..Story::SILENT
};

/// A key that could not be deserialized is told in headers of its own.
fn with_stage(mut letter: DeadLetter, record: &Record, prefix: &str) -> DeadLetter {
    if record
        .headers
        .iter()
        .any(|header| header.name.starts_with(prefix))
    {
        letter.stage = Some("key deserialization".to_owned());
    }
    letter
}

/// Both ways' headers: a record may have gone both.
fn is_diagnostic(name: &str) -> bool {
    name == "kafka_deliveryAttempt"
        || [
            "kafka_dlt-",
            "kafka_original-",
            "kafka_exception-",
            "kafka_key-exception-",
            "retry_topic-",
            "springDeserializerException",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}
