//! What the journal says: each entry is a change, or, in a snapshot, a part of what all changes before it came to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::group::offsets::Committed;
use super::super::group::saved::SavedGroup;
use super::super::transaction::state::Transaction;

/// A partition's offset, as it is committed.
pub(crate) type CommittedOffset = (String, i32, Committed);

/// A line of the journal. What is no longer there is said to be gone; everything else replaces what was said before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Entry {
    /// A topic as it is now.
    Topic {
        id: Uuid,
        name: String,
        partitions: i32,
        configs: BTreeMap<String, String>,
    },
    /// It is deleted, and with it the offsets that groups committed for it.
    TopicDeleted { id: Uuid },
    /// Records before this offset are deleted.
    LogStart {
        topic: Uuid,
        partition: i32,
        offset: i64,
    },
    /// A group as it was when its last rebalance was over.
    Group { id: String, group: SavedGroup },
    /// It is deleted, with its offsets.
    GroupDeleted { id: String },
    /// A group has committed these.
    Offsets {
        group: String,
        offsets: Vec<CommittedOffset>,
    },
    /// A group will have committed these when the producer's transaction is.
    StagedOffsets {
        group: String,
        producer_id: i64,
        offsets: Vec<CommittedOffset>,
    },
    /// A group's offsets that are forgotten.
    OffsetsDeleted {
        group: String,
        offsets: Vec<(String, i32)>,
    },
    /// Producer ids before this one may be in use.
    ProducerIds { next: i64 },
    /// A transactional id as it is now. One that is about to end its transaction settles the offsets of its groups.
    Transaction { id: String, state: Transaction },
    /// Nobody has used it for too long.
    TransactionForgotten { id: String },
}
