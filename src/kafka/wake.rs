//! Waking a thread that waits for several things at once.

use std::sync::OnceLock;
use std::thread::Thread;
use std::time::Duration;

/// Lets one thread wait, and everybody else end its wait. A wake before the wait ends the next one.
#[derive(Debug, Default)]
pub struct Wake(OnceLock<Thread>);

impl Wake {
    /// From here on it is the calling thread that waits; what was missed before is to be looked at first.
    pub fn here(&self) {
        let _ = self.0.set(std::thread::current());
    }

    /// Ends the wait. Cheap, and never blocks.
    pub fn wake(&self) {
        if let Some(thread) = self.0.get() {
            thread.unpark();
        }
    }

    /// Waits to be woken, no longer than `timeout`; may return for no reason.
    pub fn wait(&self, timeout: Duration) {
        std::thread::park_timeout(timeout);
    }
}
