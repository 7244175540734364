//! Brokers that are away while something is to be produced: said once when it begins, and once when it is over.

use super::Notices;
use crate::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug)]
pub(super) struct Absence {
    notices: Arc<dyn Notices>,
    is_told: AtomicBool,
}

impl Absence {
    pub(super) fn new(notices: Arc<dyn Notices>) -> Self {
        Absence {
            notices,
            is_told: AtomicBool::new(false),
        }
    }

    /// They did not answer.
    pub(super) fn begins(&self, error: &Error) {
        if !self.is_told.swap(true, Ordering::AcqRel) {
            self.notices.warn(&format!(
                "what is to be produced waits until brokers answer: {}",
                error.one_line()
            ));
        }
    }

    /// They did.
    pub(super) fn ends(&self) {
        // Read first, so that records that nothing is wrong with write nothing that is shared.
        if self.is_told.load(Ordering::Acquire) && self.is_told.swap(false, Ordering::AcqRel) {
            self.notices.warn("brokers answer again");
        }
    }
}
