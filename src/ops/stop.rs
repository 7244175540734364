//! A request to finish: set once by a signal or a watch over the cluster, seen by threads that poll and tasks that wait.

use crate::error::Status;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::sync::Notify;

/// Cheap to clone; all clones see the same request.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// 0 while nobody asked, else the exit code of the [`Status`] asked for.
    code: AtomicU8,
    notify: Notify,
}

impl Stop {
    /// Nobody has asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks to finish; `status` is how the command ends for it. The first request stays.
    pub fn request(&self, status: Status) {
        let _ = self
            .0
            .code
            .compare_exchange(0, status.code(), Ordering::AcqRel, Ordering::Acquire);
        self.0.notify.notify_waiters();
    }

    /// How to end, once somebody asked. One atomic load: fit for a loop over records.
    pub fn requested(&self) -> Option<Status> {
        match self.0.code.load(Ordering::Acquire) {
            0 => None,
            code if code == Status::Terminated.code() => Some(Status::Terminated),
            code if code == Status::Unreachable.code() => Some(Status::Unreachable),
            _ => Some(Status::Interrupted),
        }
    }

    /// Waits until somebody asks.
    pub async fn wait(&self) -> Status {
        loop {
            let notified = self.0.notify.notified();
            tokio::pin!(notified);
            // Registered before the look, or a request between look and wait would be missed.
            notified.as_mut().enable();
            if let Some(status) = self.requested() {
                return status;
            }
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_request_stays_and_wakes_who_waits() {
        let stop = Stop::new();
        assert_eq!(stop.requested(), None);
        let waiting = tokio::spawn({
            let stop = stop.clone();
            async move { stop.wait().await }
        });
        stop.request(Status::Terminated);
        stop.request(Status::Interrupted);
        assert_eq!(waiting.await.unwrap(), Status::Terminated);
        assert_eq!(stop.requested(), Some(Status::Terminated));
    }
}
