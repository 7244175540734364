//! What the thread and the tasks of one member share.

use super::absence::Absence;
use super::breaker::Breaker;
use super::claim::Outages;
use super::figures::Meter;
use super::outputs::Outputs;
use super::retry::Backoff;
use super::{Delivery, Handler, Notices, Order, RuntimeOptions};
use crate::error::Error;
use crate::kafka::{Cluster, NextOffset, Wake};
use crate::model::dead_letter::Failure;
use crate::model::record::Record;
use crate::model::topic::TopicPartition;
use crate::ops::dlq::{DeadLetters, Fate};
use crate::store::Idempotency;
use fastrand::Rng;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// So many events are claimed at the same time for each record that may be attempted; at least so many altogether.
const CLAIMS: usize = 4;
const LEAST_CLAIMS: usize = 16;

pub(super) struct Shared {
    pub(super) group: String,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) dead_letters: DeadLetters,
    /// What becomes of a record that ends the member.
    pub(super) fate: Fate,
    pub(super) outputs: Outputs,
    pub(super) dedupe: Option<Arc<dyn Idempotency>>,
    pub(super) notices: Arc<dyn Notices>,
    pub(super) outages: Outages,
    pub(super) absence: Absence,
    pub(super) delivery: Delivery,
    pub(super) order: Order,
    /// Whether a group without commits begins at the beginning.
    pub(super) from_beginning: bool,
    /// One for each record that may be attempted at the same time.
    pub(super) permits: Semaphore,
    /// One for each record whose event may be asked for: not all that wait for a permit need a lease.
    pub(super) claims: Semaphore,
    pub(super) breaker: Option<Breaker>,
    pub(super) meter: Arc<Meter>,
    /// Wakes the member's thread.
    pub(super) wake: Arc<Wake>,
    max_retries: u32,
    backoff: Mutex<Backoff>,
    commit_records: u64,
    /// Records done, whatever became of them, and how many of them the thread has taken note of.
    done: AtomicU64,
    noted: AtomicU64,
    /// Records that were to be handled and are over, for good: counted against how many were asked for.
    finished: AtomicU64,
    stopping: AtomicBool,
    killed: AtomicBool,
    failure: Mutex<Option<Error>>,
    /// Exactly once: records whose outputs were refused, which cost their transaction, and why.
    refused: Mutex<HashMap<(TopicPartition, i64), Failure>>,
    has_refused: AtomicBool,
}

impl Shared {
    pub(super) fn new(
        cluster: &Cluster,
        options: &RuntimeOptions,
        handler: Arc<dyn Handler>,
    ) -> Self {
        let group = options.group.clone();
        let fate = match options.delivery {
            Delivery::AtMostOnce => Fate::Lost,
            Delivery::AtLeastOnce | Delivery::ExactlyOnce => Fate::Uncommitted,
        };
        let random = options.random_seed.map_or_else(Rng::new, Rng::with_seed);
        Shared {
            handler,
            dead_letters: DeadLetters::new(
                cluster.clone(),
                group.clone(),
                options.dlq.clone(),
                fate,
            ),
            fate,
            outputs: Outputs::new(cluster.clone()),
            group,
            dedupe: options.dedupe.clone(),
            notices: Arc::clone(&options.notices),
            outages: Outages::new(Arc::clone(&options.notices)),
            absence: Absence::new(Arc::clone(&options.notices)),
            delivery: options.delivery,
            order: options.order,
            from_beginning: options.from_beginning,
            permits: Semaphore::new(options.concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            claims: Semaphore::new(
                options
                    .concurrency
                    .saturating_mul(CLAIMS)
                    .clamp(LEAST_CLAIMS, Semaphore::MAX_PERMITS),
            ),
            breaker: options.breaker.then(Breaker::default),
            meter: Arc::default(),
            wake: Arc::default(),
            max_retries: match options.delivery {
                // A retry would handle it twice.
                Delivery::AtMostOnce => 0,
                Delivery::AtLeastOnce | Delivery::ExactlyOnce => options.max_retries,
            },
            backoff: Mutex::new(Backoff::new(
                options.backoff_base,
                options.backoff_cap,
                random,
            )),
            commit_records: options.commit_records.max(1),
            done: AtomicU64::new(0),
            noted: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            killed: AtomicBool::new(false),
            failure: Mutex::default(),
            refused: Mutex::default(),
            has_refused: AtomicBool::new(false),
        }
    }

    pub(super) fn max_retries(&self) -> u32 {
        self.max_retries
    }

    /// How long to wait after the attempt of this number failed.
    pub(super) fn backoff(&self, attempt: u32) -> Duration {
        lock(&self.backoff).after(attempt)
    }

    /// So many more records are done; the thread is woken when it waits for that, or when there are enough to commit.
    pub(super) fn count(&self, records: u64, awaited: bool) {
        let done = self.done.fetch_add(records, Ordering::AcqRel) + records;
        let before = done - records;
        let due = self.noted.load(Ordering::Acquire) + self.commit_records;
        if awaited || (before < due && done >= due) {
            self.wake.wake();
        }
    }

    /// Whether enough is done since [`Shared::note`] to be committed.
    pub(super) fn is_due(&self) -> bool {
        let noted = self.noted.load(Ordering::Acquire);
        self.done.load(Ordering::Acquire) - noted >= self.commit_records
    }

    /// Counting begins anew.
    pub(super) fn note(&self) {
        let done = self.done.load(Ordering::Acquire);
        self.noted.store(done, Ordering::Release);
    }

    /// So many more records are over for good.
    pub(super) fn finish(&self, records: u64) {
        self.finished.fetch_add(records, Ordering::AcqRel);
    }

    pub(super) fn finished(&self) -> u64 {
        self.finished.load(Ordering::Acquire)
    }

    /// Asks the member to finish.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.wake.wake();
    }

    pub(super) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Ends the member without a word to anybody.
    pub(super) fn kill(&self) {
        self.killed.store(true, Ordering::Release);
        self.stop();
    }

    pub(super) fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }

    /// Asks the member to finish because of this; the first failure stays.
    pub(super) fn fail(&self, error: Error) {
        lock(&self.failure).get_or_insert(error);
        self.stop();
    }

    pub(super) fn take_failure(&self) -> Option<Error> {
        lock(&self.failure).take()
    }

    /// What this record produced was refused: when it comes again it fails.
    pub(super) fn refuse_output(&self, place: TopicPartition, offset: i64, failure: Failure) {
        lock(&self.refused).insert((place, offset), failure);
        self.has_refused.store(true, Ordering::Release);
    }

    /// Whether that was known already: then it is its dead letter that was refused.
    pub(super) fn is_refused(&self, place: &TopicPartition, offset: i64) -> bool {
        lock(&self.refused).contains_key(&(place.clone(), offset))
    }

    /// These are committed: what is before them does not come again.
    pub(super) fn forget_refused(&self, committed: &[NextOffset]) {
        if !self.has_refused.load(Ordering::Acquire) {
            return;
        }
        let mut refused = lock(&self.refused);
        for next in committed {
            refused.retain(|(place, offset), _| *place != next.place || *offset >= next.offset);
        }
        self.has_refused
            .store(!refused.is_empty(), Ordering::Release);
    }

    /// Why what this record produced was refused, when it was.
    pub(super) fn refused_output(&self, record: &Record) -> Option<Failure> {
        if !self.has_refused.load(Ordering::Acquire) {
            return None;
        }
        let place = (record.topic_partition(), record.offset);
        lock(&self.refused).get(&place).cloned()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
