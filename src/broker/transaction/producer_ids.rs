//! Producer ids, each given out once.

use std::sync::Mutex;

use kafka_protocol::error::ResponseError;

use super::super::storage::Journal;
use super::super::storage::entry::Entry;
use super::super::sync::lock;

/// Ids that the journal says are in use before they are: a killed broker leaves at most so many unused.
const BLOCK: i64 = 1000;

/// The counter behind InitProducerId.
#[derive(Debug)]
pub(crate) struct ProducerIds {
    /// The next id, and the first that the journal does not say is in use.
    next: Mutex<(i64, i64)>,
    journal: Journal,
}

impl ProducerIds {
    /// Ids from `next` on.
    pub(crate) fn new(next: i64, journal: Journal) -> ProducerIds {
        ProducerIds {
            next: Mutex::new((next, next)),
            journal,
        }
    }

    /// An id nobody has; its epoch is 0. Error: NOT_COORDINATOR when the journal cannot be written.
    pub(crate) fn allocate(&self) -> Result<i64, ResponseError> {
        let mut next = lock(&self.next);
        if next.0 == next.1 {
            let end = next.1 + BLOCK;
            let written = self.journal.write(|| Entry::ProducerIds { next: end });
            written.map_err(|_| ResponseError::NotCoordinator)?;
            next.1 = end;
        }
        next.0 += 1;
        Ok(next.0 - 1)
    }
}
