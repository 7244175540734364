//! Kafka Connect's sinks, and all that are built on them: `DeadLetterQueueReporter.java`.
//!
//! The headers are there only with `errors.deadletterqueue.context.headers.enable=true`. Key, value, headers and
//! timestamp are the record's. Dead-lettered again, the whole block is appended again.

use super::{Convention, Mark};
use crate::model::dead_letter::fields::{decimal, first, last};
use crate::model::dead_letter::story::Story;

const NAME: &str = "kafka-connect";

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Header(&["__connect.errors.topic"]),
    read: |record| Some(STORY.read(NAME, record)),
    is_diagnostic: |name| name.starts_with("__connect.errors."),
};

static STORY: Story = Story {
    topic: first(&["__connect.errors.topic"]),
    partition: first(&["__connect.errors.partition"]).number(decimal),
    offset: first(&["__connect.errors.offset"]).number(decimal),
    keeps_timestamp: true,
    // There is no group in it; a sink's is `connect-` and this name, unless it was configured otherwise.
    group: last(&["__connect.errors.connector.name"]),
    exception: last(&["__connect.errors.exception.class.name"]),
    message: last(&["__connect.errors.exception.message"]),
    stack_trace: last(&["__connect.errors.exception.stacktrace"]),
    stage: last(&["__connect.errors.stage"]),
    ..Story::SILENT
};
