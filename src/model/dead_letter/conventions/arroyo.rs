//! Sentry's Arroyo (Python, Rust): `dlq.py`. It tells partition and offset, and neither topic nor reason.
//!
//! A replay that keeps headers leaves the old pair, and the next is appended: the first is the root.

use super::{Convention, Mark};
use crate::model::dead_letter::fields::{decimal, first};
use crate::model::dead_letter::story::Story;

const NAME: &str = "arroyo";
const PARTITION: &str = "original_partition";
const OFFSET: &str = "original_offset";

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Header(&[OFFSET]),
    read: |record| {
        // With a topic beside them they are somebody else's.
        let named = record
            .headers
            .iter()
            .any(|header| header.name == "original_topic");
        let letter = STORY.read(NAME, record);
        let origin = &letter.origin;
        (!named && origin.partition.is_some() && origin.offset.is_some()).then_some(letter)
    },
    is_diagnostic: |name| matches!(name, PARTITION | OFFSET),
};

static STORY: Story = Story {
    partition: first(&[PARTITION]).number(decimal),
    offset: first(&[OFFSET]).number(decimal),
    ..Story::SILENT
};
