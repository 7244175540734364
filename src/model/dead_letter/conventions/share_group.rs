//! Kafka's share groups (KIP-1191, since Apache Kafka 4.4): `ShareGroupDLQStateManager.java`.
//!
//! The broker writes it, and by default nothing of the record: neither key nor value (`errors.deadletterqueue.copy.
//! record.enable`), and never its headers. Of a tombstone without a key a copy cannot be told from a pointer; fetching
//! it is right for both.

use super::{Convention, Mark};
use crate::model::dead_letter::fields::{decimal, last};
use crate::model::dead_letter::story::Story;
use crate::model::dead_letter::{FailureKind, Payload};

const NAME: &str = "share-group";

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Header(&["__dlq.errors.topic"]),
    read: |record| {
        let mut letter = STORY.read(NAME, record);
        letter.kind = match letter.message.as_deref() {
            Some("Offset rejected by client.") => Some(FailureKind::Permanent),
            Some("Offset delivery count exceeded the threshold.") => Some(FailureKind::Transient),
            _ => None,
        };
        letter.payload = match (&record.key, &record.value) {
            (None, None) => Payload::Pointer,
            _ => Payload::Copy,
        };
        Some(letter)
    },
    is_diagnostic: |name| name.starts_with("__dlq.errors."),
};

static STORY: Story = Story {
    topic: last(&["__dlq.errors.topic"]),
    partition: last(&["__dlq.errors.partition"]).number(decimal),
    offset: last(&["__dlq.errors.offset"]).number(decimal),
    group: last(&["__dlq.errors.group"]),
    message: last(&["__dlq.errors.message"]),
    attempts: last(&["__dlq.errors.delivery.count"]).number(decimal),
    ..Story::SILENT
};
