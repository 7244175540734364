//! What a member did, in numbers.

use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest handler time told apart from longer ones.
const LONGEST_MICROSECONDS: u64 = 3_600_000_000;

/// What a member did since it started. A snapshot; those of several members add up.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Records that the handler took.
    pub processed: u64,
    /// Attempts beyond the first.
    pub retried: u64,
    /// Attempts that failed, whatever came of them.
    pub failed_attempts: u64,
    /// Records that handlers answered were to be produced.
    pub produced: u64,
    /// Records passed over because their event was done before.
    pub duplicates: u64,
    /// Records written to a dead-letter topic.
    pub dead_lettered: u64,
    /// The same for each of these topics.
    pub dead_letter_topics: BTreeMap<String, u64>,
    /// Records that the filter did not want.
    pub passed_over: u64,
    /// How long each attempt of the handler took, in microseconds; waits between attempts are not in it.
    times: Option<Histogram<u64>>,
}

impl Figures {
    /// The time that this share (from 0 to 1: 0.95) of the attempts stayed within; `None` when there was none.
    pub fn handler_time(&self, share: f64) -> Option<Duration> {
        let times = self.times.as_ref().filter(|times| !times.is_empty())?;
        Some(Duration::from_micros(times.value_at_quantile(share)))
    }

    /// Half of the attempts took no longer.
    pub fn p50(&self) -> Option<Duration> {
        self.handler_time(0.5)
    }

    /// 95 of 100 attempts took no longer.
    pub fn p95(&self) -> Option<Duration> {
        self.handler_time(0.95)
    }

    /// 99 of 100 attempts took no longer.
    pub fn p99(&self) -> Option<Duration> {
        self.handler_time(0.99)
    }

    /// Adds what another member did.
    pub fn add(&mut self, other: &Figures) {
        self.processed += other.processed;
        self.retried += other.retried;
        self.failed_attempts += other.failed_attempts;
        self.produced += other.produced;
        self.duplicates += other.duplicates;
        self.dead_lettered += other.dead_lettered;
        for (topic, records) in &other.dead_letter_topics {
            *self.dead_letter_topics.entry(topic.clone()).or_default() += records;
        }
        self.passed_over += other.passed_over;
        match (&mut self.times, &other.times) {
            // Both have the same bounds, so nothing can be out of range.
            (Some(times), Some(others)) => times.add(others).unwrap_or(()),
            (times @ None, others) => times.clone_from(others),
            (Some(_), None) => {}
        }
    }
}

/// Where a member's tasks count. One relaxed addition a record, and one lock an attempt that only the tasks of the
/// same member share.
#[derive(Debug, Default)]
pub struct Meter {
    processed: AtomicU64,
    retried: AtomicU64,
    failed_attempts: AtomicU64,
    produced: AtomicU64,
    duplicates: AtomicU64,
    /// There are as many as topics that are read, and each costs an acknowledged write.
    dead_letters: Mutex<BTreeMap<String, u64>>,
    passed_over: AtomicU64,
    times: Mutex<Option<Histogram<u64>>>,
}

impl Meter {
    pub(super) fn processed(&self) {
        self.processed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn retried(&self) {
        self.retried.fetch_add(1, Ordering::Relaxed);
    }

    /// An attempt failed.
    pub(super) fn failed(&self) {
        self.failed_attempts.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn produced(&self, records: u64) {
        self.produced.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn duplicate(&self) {
        self.duplicates.fetch_add(1, Ordering::Relaxed);
    }

    /// One more dead letter in this topic.
    pub(super) fn dead_lettered(&self, topic: String) {
        let mut letters = lock(&self.dead_letters);
        *letters.entry(topic).or_default() += 1;
    }

    pub(super) fn passed_over(&self) {
        self.passed_over.fetch_add(1, Ordering::Relaxed);
    }

    /// An attempt took this long.
    pub(super) fn attempt(&self, time: Duration) {
        let mut times = lock(&self.times);
        if times.is_none() {
            *times = Histogram::new_with_max(LONGEST_MICROSECONDS, 2).ok();
        }
        if let Some(times) = &mut *times {
            times.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        }
    }

    /// What was counted so far.
    pub fn snapshot(&self) -> Figures {
        let times = lock(&self.times).clone();
        let dead_letter_topics = lock(&self.dead_letters).clone();
        Figures {
            processed: self.processed.load(Ordering::Relaxed),
            retried: self.retried.load(Ordering::Relaxed),
            failed_attempts: self.failed_attempts.load(Ordering::Relaxed),
            produced: self.produced.load(Ordering::Relaxed),
            duplicates: self.duplicates.load(Ordering::Relaxed),
            dead_lettered: dead_letter_topics.values().sum(),
            dead_letter_topics,
            passed_over: self.passed_over.load(Ordering::Relaxed),
            times,
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_two_members_add_up() {
        let (one, other) = (Meter::default(), Meter::default());
        (0..95).for_each(|_| one.attempt(Duration::from_millis(1)));
        (0..5).for_each(|_| other.attempt(Duration::from_secs(2)));
        one.processed();
        other.processed();
        other.retried();
        other.duplicate();
        other.dead_lettered("orders.dlq".to_owned());
        let mut figures = Figures::default();
        assert_eq!(figures.p95(), None);
        figures.add(&one.snapshot());
        figures.add(&other.snapshot());
        let counts = (
            figures.processed,
            figures.retried,
            figures.duplicates,
            figures.dead_lettered,
        );
        assert_eq!(counts, (2, 1, 1, 1));
        let near = |time: Option<Duration>, expected: f64| {
            let time = time.unwrap().as_secs_f64();
            assert!((time / expected - 1.0).abs() < 0.02, "{time} {expected}");
        };
        near(figures.p50(), 0.001);
        near(figures.p95(), 0.001);
        near(figures.p99(), 2.0);
    }

    #[test]
    fn a_time_beyond_the_longest_counts_as_the_longest() {
        let meter = Meter::default();
        meter.attempt(Duration::from_secs(100_000));
        assert!(meter.snapshot().p50().unwrap() >= Duration::from_secs(3_590));
    }
}
