//! Spring Cloud Stream's Kafka binder: `KafkaMessageChannelBinder.java`.
//!
//! Its names are anybody's; that the partition is four bytes is not. The origin is appended, so that the first is the
//! root. The dead-letter topic is `error.<destination>.<group>` unless configured otherwise.

use super::{Convention, Mark};
use crate::model::dead_letter::fields::{first, int32, int64, last};
use crate::model::dead_letter::story::Story;

const NAME: &str = "spring-cloud-stream";

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Header(&["x-original-topic"]),
    read: |record| {
        let partition = record.first_header("x-original-partition")?;
        if partition.len() != 4 || partition.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let mut letter = STORY.read(NAME, record);
        letter.group = letter.origin.topic.as_deref().and_then(|topic| {
            let rest = record.topic.strip_prefix("error.")?.strip_prefix(topic)?;
            let group = rest.strip_prefix('.').filter(|group| !group.is_empty())?;
            Some(group.to_owned())
        });
        Some(letter)
    },
    is_diagnostic: |name| name.starts_with("x-original-") || name.starts_with("x-exception-"),
};

static STORY: Story = Story {
    topic: first(&["x-original-topic"]),
    partition: first(&["x-original-partition"]).number(int32),
    offset: first(&["x-original-offset"]).number(int64),
    timestamp: first(&["x-original-timestamp"]).number(int64),
    exception: last(&["x-exception-fqcn"]),
    message: last(&["x-exception-message"]),
    stack_trace: last(&["x-exception-stacktrace"]),
    ..Story::SILENT
};
