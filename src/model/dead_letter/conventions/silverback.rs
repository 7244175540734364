//! Silverback (.NET): `KafkaMessageHeaders.cs`, `DefaultMessageHeaders.cs`, `KafkaMovePolicyMessageEnricher.cs`.
//!
//! They are replaced. The chunks of a message (`x-chunk-…`) are its own headers: they must be put back as a set.

use super::{Convention, Mark};
use crate::model::dead_letter::fields::{decimal, last, time};
use crate::model::dead_letter::story::Story;

const NAME: &str = "silverback";

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Header(&["x-failure-reason"]),
    read: |record| {
        let mut letter = STORY.read(NAME, record);
        letter.origin.topic.as_ref()?;
        // `<innermost exception> in <assembly>`
        let reason = letter.message.as_deref();
        letter.exception = reason
            .and_then(|reason| reason.split_once(" in "))
            .map(|(class, _)| class.to_owned());
        Some(letter)
    },
    is_diagnostic: |name| {
        matches!(
            name,
            "x-source-topic"
                | "x-source-partition"
                | "x-source-offset"
                | "x-source-timestamp"
                | "x-source-consumer-group-id"
                | "x-failure-reason"
                | "x-failed-attempts"
        )
    },
};

static STORY: Story = Story {
    topic: last(&["x-source-topic"]),
    partition: last(&["x-source-partition"]).number(decimal),
    offset: last(&["x-source-offset"]).number(decimal),
    timestamp: last(&["x-source-timestamp"]).number(time),
    group: last(&["x-source-consumer-group-id"]),
    message: last(&["x-failure-reason"]),
    attempts: last(&["x-failed-attempts"]).number(decimal),
    ..Story::SILENT
};
