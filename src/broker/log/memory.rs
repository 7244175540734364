//! The budget of bytes all logs of a broker share.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the bytes the logs hold against a limit.
#[derive(Debug)]
pub(crate) struct Memory {
    used: AtomicU64,
    limit: u64,
}

impl Memory {
    /// A budget of `limit` bytes, none used.
    pub(crate) fn new(limit: u64) -> Memory {
        Memory {
            used: AtomicU64::new(0),
            limit,
        }
    }

    /// Takes `bytes` of the budget; false, and nothing taken, when they are not there.
    pub(crate) fn take(&self, bytes: u64) -> bool {
        let taken = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        self.used
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, taken)
            .is_ok()
    }

    /// Takes `bytes` whether they are there or not: for what must not fail, which is small.
    pub(crate) fn take_anyway(&self, bytes: u64) {
        self.used.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Gives back what was taken.
    pub(crate) fn give(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::AcqRel);
    }

    /// Bytes in use.
    #[cfg(test)]
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Acquire)
    }
}
