//! KDLQ (Java): `KDLQHeaders.java`, `KDLQHeadersService.java`. Numbers are big-endian bytes.
//!
//! It names no topic: the dead-letter topic's name or the user must.

use super::{Convention, Mark};
use crate::model::dead_letter::fields::{first, int32, int64, last};
use crate::model::dead_letter::story::Story;

const NAME: &str = "kdlq";

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Header(&["KDLQ_Kills", "KDLQ_Redelivered"]),
    read: |record| Some(STORY.read(NAME, record)),
    is_diagnostic: |name| name.starts_with("KDLQ_"),
};

static STORY: Story = Story {
    partition: first(&["KDLQ_OrigPartition"]).number(int32),
    offset: first(&["KDLQ_OrigOffset"]).number(int64),
    timestamp: first(&["KDLQ_OrigTs"]).number(int64),
    group: last(&["KDLQ_PrcMarker"]),
    // How often it was delivered again.
    attempts: last(&["KDLQ_Redelivered"]).number(int32).plus(1),
    ..Story::SILENT
};
