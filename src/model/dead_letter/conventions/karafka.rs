//! Karafka Pro's dead-letter queue and its piping, and Web UI's forwarding: `strategies/dlq/default.rb`, `piping.rb`.
//!
//! Before 2.4 the headers began with `original_`. They are replaced, so that a record that died twice tells of the last
//! time only. What Karafka without Pro writes has no headers at all and cannot be recognised.

use super::{Convention, Mark};
use crate::model::dead_letter::fields::{decimal, last};
use crate::model::dead_letter::story::Story;

const NAME: &str = "karafka";

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Header(&["source_consumer_group", "original_consumer_group"]),
    read: |record| {
        let letter = STORY.read(NAME, record);
        (letter.origin.topic.is_some() && letter.origin.offset.is_some()).then_some(letter)
    },
    is_diagnostic: |name| {
        let rest = name
            .strip_prefix("source_")
            .or_else(|| name.strip_prefix("original_"));
        rest.is_some_and(|rest| {
            matches!(
                rest,
                "topic" | "partition" | "offset" | "consumer_group" | "attempts" | "trace_id"
            )
        })
    },
};

static STORY: Story = Story {
    topic: last(&["source_topic", "original_topic"]),
    partition: last(&["source_partition", "original_partition"]).number(decimal),
    offset: last(&["source_offset", "original_offset"]).number(decimal),
    group: last(&["source_consumer_group", "original_consumer_group"]),
    attempts: last(&["source_attempts", "original_attempts"]).number(decimal),
    ..Story::SILENT
};
