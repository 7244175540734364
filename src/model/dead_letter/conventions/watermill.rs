//! Watermill (Go): `message/router/middleware/poison.go`, `components/requeuer/requeuer.go`.
//!
//! It says which topic, and neither partition nor offset. Its metadata is a map: the last of a name survives, in any
//! order. `_watermill_message_uuid` is the message's own.

use super::{Convention, Mark};
use crate::model::dead_letter::fields::last;
use crate::model::dead_letter::story::Story;

const NAME: &str = "watermill";

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Header(&["topic_poisoned"]),
    read: |record| Some(STORY.read(NAME, record)),
    is_diagnostic: |name| {
        matches!(
            name,
            "topic_poisoned"
                | "handler_poisoned"
                | "subscriber_poisoned"
                | "reason_poisoned"
                | "_watermill_delayed_until"
                | "_watermill_delayed_for"
        )
    },
};

static STORY: Story = Story {
    topic: last(&["topic_poisoned"]),
    group: last(&["handler_poisoned", "subscriber_poisoned"]),
    message: last(&["reason_poisoned"]),
    ..Story::SILENT
};
