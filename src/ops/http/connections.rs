//! Who is connected, and who makes room when there are too many.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::JoinHandle;

/// Whether an answer is being made for a connection; all clones speak of the same one.
#[derive(Clone, Debug, Default)]
pub(super) struct Busy(Arc<AtomicUsize>);

/// An answer is being made while this lives.
pub(super) struct AtWork(Arc<AtomicUsize>);

impl Busy {
    pub(super) fn at_work(&self) -> AtWork {
        self.0.fetch_add(1, Ordering::Relaxed);
        AtWork(Arc::clone(&self.0))
    }

    fn is_busy(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The connections, the oldest first. Dropping them closes them.
pub(super) struct Connections {
    limit: usize,
    open: Vec<(Busy, JoinHandle<()>)>,
}

impl Connections {
    pub(super) fn new(limit: usize) -> Self {
        Connections {
            limit,
            open: Vec::new(),
        }
    }

    /// Starts the work for one more. Where there is no room the oldest makes some that is not being answered: it has
    /// asked nothing yet, is slow to ask, or slow to take its answer. `false` when all are being answered.
    pub(super) fn open<F>(&mut self, work: impl FnOnce(Busy) -> F) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.open.retain(|(_, task)| !task.is_finished());
        if self.open.len() >= self.limit {
            let Some(idle) = self.open.iter().position(|(busy, _)| !busy.is_busy()) else {
                return false;
            };
            self.open.remove(idle).1.abort();
        }
        let busy = Busy::default();
        let task = tokio::spawn(work(busy.clone()));
        self.open.push((busy, task));
        true
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        for (_, task) in &self.open {
            task.abort();
        }
    }
}
