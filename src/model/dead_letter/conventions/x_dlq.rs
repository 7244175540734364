//! Kafka DLQ Manager, and the many at home that write `x-dlq-…` like it, each with words of its own for the error.
//!
//! `x-dlq-replay-count` and `x-dlq-replayed-at` are notes of replays: they stay, so that the next one counts them.

use super::{Convention, Mark};
use crate::model::dead_letter::fields::{decimal, first, last, time};
use crate::model::dead_letter::story::Story;

const NAME: &str = "x-dlq";

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Header(&["x-dlq-original-topic", "x-dlq-source-topic"]),
    read: |record| Some(STORY.read(NAME, record)),
    is_diagnostic: |name| name.starts_with("x-dlq-") && !name.starts_with("x-dlq-replay"),
};

static STORY: Story = Story {
    topic: first(&["x-dlq-original-topic", "x-dlq-source-topic"]),
    partition: first(&["x-dlq-original-partition", "x-dlq-source-partition"]).number(decimal),
    offset: first(&["x-dlq-original-offset", "x-dlq-source-offset"]).number(decimal),
    timestamp: first(&["x-dlq-original-timestamp"]).number(time),
    group: last(&["x-dlq-consumer-group"]),
    exception: last(&["x-dlq-exception-class", "x-dlq-error-class"]),
    message: last(&[
        "x-dlq-exception-message",
        "x-dlq-error-message",
        "x-dlq-error",
        "x-dlq-reason",
    ]),
    stack_trace: last(&[
        "x-dlq-exception-stacktrace",
        "x-dlq-error-stack",
        "x-dlq-stack",
    ]),
    attempts: last(&[
        "x-dlq-delivery-attempts",
        "x-dlq-attempts",
        "x-dlq-attempt-count",
    ])
    .number(decimal),
    failed_at: last(&["x-dlq-failed-at", "x-dlq-timestamp"]).number(time),
    ..Story::SILENT
};
