//! PostHog's ingestion: what `posthog/kafka_client/dlq_replay.py` strips before it puts a record back.

use super::{Convention, Mark};
use crate::model::dead_letter::fields::{decimal, first, last, time};
use crate::model::dead_letter::story::Story;

const NAME: &str = "posthog";

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Header(&["source_topic"]),
    read: |record| {
        // `source_topic` alone may be anybody's.
        let has = |name: &str| record.first_header(name).is_some();
        (has("failed_at") && has("error_name")).then(|| STORY.read(NAME, record))
    },
    is_diagnostic: |name| {
        matches!(
            name,
            "source_topic"
                | "source_partition"
                | "source_offset"
                | "failed_at"
                | "error_name"
                | "error_message"
        )
    },
};

static STORY: Story = Story {
    topic: first(&["source_topic"]),
    partition: first(&["source_partition"]).number(decimal),
    offset: first(&["source_offset"]).number(decimal),
    exception: last(&["error_name"]),
    message: last(&["error_message"]),
    failed_at: last(&["failed_at"]).number(time),
    ..Story::SILENT
};
