//! What the thread and the tasks of one member share.

use super::breaker::Breaker;
use super::figures::Meter;
use super::retry::Backoff;
use super::{Dedupe, Delivery, Handler, RuntimeOptions};
use crate::error::Error;
use crate::kafka::Cluster;
use crate::ops::dlq::DeadLetters;
use fastrand::Rng;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(super) struct Shared {
    pub(super) group: String,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) dead_letters: DeadLetters,
    pub(super) dedupe: Dedupe,
    pub(super) delivery: Delivery,
    pub(super) breaker: Option<Breaker>,
    pub(super) meter: Meter,
    max_retries: u32,
    backoff: (Duration, Duration),
    random: Mutex<Rng>,
    /// Records done, whatever became of them.
    done: AtomicU64,
    stopping: AtomicBool,
    failure: Mutex<Option<Error>>,
}

impl Shared {
    pub(super) fn new(
        cluster: &Cluster,
        options: &RuntimeOptions,
        handler: Arc<dyn Handler>,
    ) -> Self {
        let group = options.group.clone();
        Shared {
            handler,
            dead_letters: DeadLetters::new(cluster.clone(), group.clone(), options.dlq.clone()),
            group,
            dedupe: options.dedupe.clone(),
            delivery: options.delivery,
            breaker: options.breaker.then(Breaker::default),
            meter: Meter::default(),
            max_retries: match options.delivery {
                // A retry would handle it twice.
                Delivery::AtMostOnce => 0,
                Delivery::AtLeastOnce => options.max_retries,
            },
            backoff: (options.backoff_base, options.backoff_cap),
            random: Mutex::new(options.random_seed.map_or_else(Rng::new, Rng::with_seed)),
            done: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            failure: Mutex::default(),
        }
    }

    pub(super) fn max_retries(&self) -> u32 {
        self.max_retries
    }

    /// A backoff for one task, with chance of its own.
    pub(super) fn backoff(&self) -> Backoff {
        let (base, cap) = self.backoff;
        Backoff::new(base, cap, lock(&self.random).fork())
    }

    /// One more record is done.
    pub(super) fn count(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Asks the member to finish.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub(super) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Asks the member to finish because of this; the first failure stays.
    pub(super) fn fail(&self, error: Error) {
        lock(&self.failure).get_or_insert(error);
        self.stop();
    }

    pub(super) fn take_failure(&self) -> Option<Error> {
        lock(&self.failure).take()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
