//! Kafka Streams (KIP-1034, since Apache Kafka 4.2): `ExceptionHandlerUtils.java`.
//!
//! Key, value, headers and timestamp are the record's. What the topology reads from a topic of its own (a
//! repartition, a changelog) names that topic as its origin.

use super::{Convention, Mark};
use crate::model::dead_letter::fields::{decimal, first, last};
use crate::model::dead_letter::story::Story;
use crate::model::dead_letter::{DeadLetter, Origin, OriginDoubt};

const NAME: &str = "kafka-streams";

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Header(&["__streams.errors.topic"]),
    read: |record| {
        let mut letter = STORY.read(NAME, record);
        doubt_internal(&mut letter);
        Some(letter)
    },
    is_diagnostic: |name| name.starts_with("__streams.errors."),
};

static STORY: Story = Story {
    topic: first(&["__streams.errors.topic"]),
    partition: first(&["__streams.errors.partition"]).number(decimal),
    offset: first(&["__streams.errors.offset"]).number(decimal),
    keeps_timestamp: true,
    exception: last(&["__streams.errors.exception"]),
    message: last(&["__streams.errors.message"]),
    stack_trace: last(&["__streams.errors.stacktrace"]),
    ..Story::SILENT
};

fn doubt_internal(letter: &mut DeadLetter) {
    let timestamp = letter.origin.timestamp;
    if let Some(topic) = letter.origin.topic.take_if(|topic| is_internal(topic)) {
        letter.origin_doubt = Some(OriginDoubt::StreamsInternal(topic));
        // Partition and offset are that topic's.
        letter.origin = Origin {
            timestamp,
            ..Origin::default()
        };
    }
}

/// `InternalTopologyBuilder.java`, and the two of a foreign-key join.
fn is_internal(topic: &str) -> bool {
    topic.ends_with("-repartition")
        || topic.ends_with("-changelog")
        || topic.contains("-KTABLE-FK-JOIN-SUBSCRIPTION-")
}
