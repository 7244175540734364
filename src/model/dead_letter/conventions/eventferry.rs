//! eventferry's relay, and the many at home that write `dlq-…` like it.

use super::{Convention, Mark};
use crate::model::dead_letter::fields::{decimal, first, last, time};
use crate::model::dead_letter::story::Story;

const NAME: &str = "eventferry";

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Header(&["dlq-reason", "dlq-error-class", "dlq-original-topic"]),
    read: |record| {
        let letter = STORY.read(NAME, record);
        letter.origin.topic.is_some().then_some(letter)
    },
    is_diagnostic: |name| name == "original-topic" || name.starts_with("dlq-"),
};

static STORY: Story = Story {
    topic: first(&["dlq-original-topic", "original-topic"]),
    partition: first(&["dlq-original-partition"]).number(decimal),
    offset: first(&["dlq-original-offset"]).number(decimal),
    group: last(&["dlq-consumer-group", "dlq-consumer"]),
    exception: last(&["dlq-error-class"]),
    message: last(&["dlq-reason", "dlq-error-message"]),
    stack_trace: last(&["dlq-stack", "dlq-error-stack"]),
    attempts: last(&["dlq-attempts"]).number(decimal),
    failed_at: last(&["dlq-failed-at"]).number(time),
    ..Story::SILENT
};
