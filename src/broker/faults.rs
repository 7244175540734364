//! Faults on demand, for tests and the demo: inside the process only, nothing on the wire can ask for them.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kafka_protocol::messages::ApiKey;
use tokio::sync::watch;

use super::sync::lock;

/// Requests that can be answered with an error on demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// Produce: the error is given for every partition, and nothing is appended.
    Produce,
    /// Fetch: the error is given for every partition.
    Fetch,
    /// OffsetCommit: the error is given for every partition, and nothing is kept.
    OffsetCommit,
    /// OffsetFetch, from version 2 on: the error is given for every group.
    OffsetFetch,
    /// JoinGroup.
    JoinGroup,
    /// SyncGroup.
    SyncGroup,
    /// Heartbeat.
    Heartbeat,
    /// FindCoordinator: the error is given for every key.
    FindCoordinator,
    /// InitProducerId.
    InitProducerId,
}

impl Request {
    fn of(api: ApiKey) -> Option<Request> {
        Some(match api {
            ApiKey::Produce => Request::Produce,
            ApiKey::Fetch => Request::Fetch,
            ApiKey::OffsetCommit => Request::OffsetCommit,
            ApiKey::OffsetFetch => Request::OffsetFetch,
            ApiKey::JoinGroup => Request::JoinGroup,
            ApiKey::SyncGroup => Request::SyncGroup,
            ApiKey::Heartbeat => Request::Heartbeat,
            ApiKey::FindCoordinator => Request::FindCoordinator,
            ApiKey::InitProducerId => Request::InitProducerId,
            _ => return None,
        })
    }
}

/// The faults of one broker, see [`super::Broker::faults`].
#[derive(Debug)]
pub struct Faults {
    // Asked on every request; the map behind the lock only when somebody asked for an error.
    failing: AtomicBool,
    failures: Mutex<HashMap<Request, (u32, i16)>>,
    delay: watch::Sender<Duration>,
    silent: watch::Sender<bool>,
    dropped: watch::Sender<u64>,
}

impl Faults {
    pub(crate) fn new() -> Faults {
        Faults {
            failing: AtomicBool::new(false),
            failures: Mutex::default(),
            delay: watch::Sender::new(Duration::ZERO),
            silent: watch::Sender::new(false),
            dropped: watch::Sender::new(0),
        }
    }

    /// Answers the next `times` requests of this kind with a Kafka error code (7 is REQUEST_TIMED_OUT, for instance)
    /// instead of doing what they ask. Zero `times` takes it back.
    pub fn fail_next(&self, request: Request, times: u32, error_code: i16) {
        let mut failures = lock(&self.failures);
        match times {
            0 => failures.remove(&request),
            _ => failures.insert(request, (times, error_code)),
        };
        self.failing.store(!failures.is_empty(), Ordering::Release);
    }

    /// Holds every answer back for so long; zero ends it.
    pub fn delay(&self, delay: Duration) {
        self.delay.send_replace(delay);
    }

    /// Stops answering: connections stay open, requests are read and carried out, answers are kept back until
    /// `silent(false)`.
    pub fn silent(&self, silent: bool) {
        self.silent.send_replace(silent);
    }

    /// Closes every connection there is now; new ones are welcome.
    pub fn drop_connections(&self) {
        self.dropped.send_modify(|count| *count += 1);
    }

    /// The error to answer this request with, if one was asked for.
    pub(crate) fn take(&self, api: ApiKey) -> Option<i16> {
        if !self.failing.load(Ordering::Acquire) {
            return None;
        }
        let request = Request::of(api)?;
        let mut failures = lock(&self.failures);
        let (left, error_code) = failures.get_mut(&request)?;
        let error_code = *error_code;
        *left -= 1;
        if *left == 0 {
            failures.remove(&request);
            self.failing.store(!failures.is_empty(), Ordering::Release);
        }
        Some(error_code)
    }

    /// Returns when an answer may be sent.
    pub(crate) async fn before_answer(&self) {
        let delay = *self.delay.borrow();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if *self.silent.borrow() {
            let mut silent = self.silent.subscribe();
            // An error means that the broker is gone, and with it the one who would read the answer.
            let _ = silent.wait_for(|silent| !silent).await;
        }
    }

    /// Changes when connections are to be closed; subscribe when a connection starts.
    pub(crate) fn drops(&self) -> watch::Receiver<u64> {
        self.dropped.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_taken_as_often_as_asked_for() {
        let faults = Faults::new();
        faults.fail_next(Request::Produce, 2, 7);
        assert_eq!(faults.take(ApiKey::Fetch), None);
        assert_eq!(faults.take(ApiKey::Produce), Some(7));
        assert_eq!(faults.take(ApiKey::Produce), Some(7));
        assert_eq!(faults.take(ApiKey::Produce), None);
    }
}
