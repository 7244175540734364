//! Producer ids, each given out once.

use std::sync::atomic::{AtomicI64, Ordering};

/// The counter behind InitProducerId.
#[derive(Debug, Default)]
pub(crate) struct ProducerIds {
    next: AtomicI64,
}

impl ProducerIds {
    /// An id nobody has; its epoch is 0.
    pub(crate) fn allocate(&self) -> i64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}
