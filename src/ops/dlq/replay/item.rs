//! What passes from the side that reads to the side that sends.

use super::packed::Packed;
use std::sync::Arc;

/// An offset of the dead-letter topic, with what is to be done about it.
#[derive(Debug)]
pub(super) struct Item {
    /// The number of its partition in the stretch.
    pub(super) place: usize,
    /// The offset after the record before it: between the two there is none, and never will be.
    pub(super) from: i64,
    pub(super) offset: i64,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// An earlier replay was done with it.
    Over,
    /// It is not meant.
    Stays,
    /// It cannot be put back.
    Unplaced {
        stay: String,
        is_unknown: bool,
    },
    Replay(Packed),
    Park(Packed),
    /// It is written already: to this topic, or to the parking topic.
    Sent(Arc<str>),
    Parked,
    /// Nobody takes it.
    Refused(String),
    /// The stretch ends before this offset.
    End,
}

impl What {
    /// Whether it is to be sent.
    pub(super) fn is_copy(&self) -> bool {
        matches!(self, What::Replay(_) | What::Park(_))
    }

    /// Whether it is over for this replay's doing.
    pub(super) fn is_new(&self) -> bool {
        self.is_copy() || matches!(self, What::Sent(_) | What::Parked)
    }

    /// Whether it was written before.
    pub(super) fn is_earlier(&self) -> bool {
        matches!(self, What::Sent(_) | What::Parked)
    }

    /// Whether somebody was to take it.
    pub(super) fn is_tried(&self) -> bool {
        self.is_new() || matches!(self, What::Refused(_))
    }

    /// What was to be sent is written.
    pub(super) fn sent(&mut self) {
        *self = match std::mem::replace(self, What::Over) {
            What::Replay(record) => What::Sent(Arc::clone(record.topic())),
            What::Park(_) => What::Parked,
            other => other,
        };
    }
}

impl Item {
    /// What it weighs in memory, about.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Item>()
            + match &self.what {
                What::Replay(record) | What::Park(record) => record.bytes(),
                _ => 0,
            }
    }
}
