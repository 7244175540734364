//! A handler that is watched: how many records it has, and how long its attempts took.

use super::super::handler::{Closing, Handling};
use super::Handler;
use crate::model::record::Record;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The upper bounds of Prometheus's buckets, in seconds: from a worker's answer to the patience of a handler.
pub(super) const BOUNDS: [f64; 15] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

pub(super) struct Watched {
    handler: Arc<dyn Handler>,
    in_hand: AtomicUsize,
    /// How many attempts fell into each bucket, the last being for what is longer than all bounds.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    /// All attempts together.
    nanoseconds: AtomicU64,
}

/// Attempts by how long they took.
#[derive(Debug, PartialEq)]
pub(super) struct Times {
    /// Upper bounds in seconds, with how many attempts are in each bucket alone.
    pub(super) buckets: Vec<(f64, u64)>,
    /// In these buckets, and beyond them.
    pub(super) count: u64,
    /// In seconds.
    pub(super) sum: f64,
}

impl Watched {
    pub(super) fn new(handler: Arc<dyn Handler>) -> Self {
        Watched {
            handler,
            in_hand: AtomicUsize::new(0),
            buckets: Default::default(),
            nanoseconds: AtomicU64::new(0),
        }
    }

    /// How many records the handler has now.
    pub(super) fn in_hand(&self) -> usize {
        self.in_hand.load(Ordering::Relaxed)
    }

    pub(super) fn times(&self) -> Times {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts: Vec<u64> = self.buckets.iter().map(count).collect();
        Times {
            // Of these counts, not of another's a moment later: they must add up.
            count: counts.iter().sum(),
            buckets: BOUNDS.into_iter().zip(counts).collect(),
            sum: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)).as_secs_f64(),
        }
    }

    fn took(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

impl Handler for Watched {
    fn handle<'a>(&'a self, record: &'a Record, attempt: u32) -> Handling<'a> {
        Box::pin(async move {
            let _in_hand = InHand::new(&self.in_hand);
            let begun = Instant::now();
            let answer = self.handler.handle(record, attempt).await;
            self.took(begun.elapsed());
            answer
        })
    }

    fn close(&self, grace: Duration) -> Closing<'_> {
        self.handler.close(grace)
    }
}

/// One more, until this is dropped, however the attempt ends.
struct InHand<'a>(&'a AtomicUsize);

impl<'a> InHand<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        InHand(count)
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::handler::{Exec, ExecOptions};
    use super::*;

    #[test]
    fn attempts_fall_into_the_bucket_that_holds_them() {
        let exec = Exec::new(ExecOptions {
            argv: vec!["/bin/sh".to_owned()],
            environment: Vec::new(),
            group: "billing".to_owned(),
            timeout: Duration::from_secs(1),
            verdicts: Default::default(),
            notices: Arc::new(super::super::super::Unwatched),
        });
        let watched = Watched::new(Arc::new(exec.unwrap()));
        for milliseconds in [0, 1, 2, 30_000, 30_001] {
            watched.took(Duration::from_millis(milliseconds));
        }
        let times = watched.times();
        let at = |bound: f64| times.buckets.iter().find(|(at, _)| *at == bound).unwrap().1;
        assert_eq!((at(0.0005), at(0.001), at(0.0025)), (1, 1, 1));
        assert_eq!((at(30.0), times.count), (1, 5));
        assert!((times.sum - 60.004).abs() < 1e-9, "{}", times.sum);
    }
}
