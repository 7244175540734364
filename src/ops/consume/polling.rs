//! What a member's thread does: poll, hand out, pause and resume, commit.

use super::assignment::Assignment;
use super::shared::Shared;
use super::{Delivery, RuntimeOptions};
use crate::error::{Kind, Result};
use crate::kafka::{Consumer, Polled};
use crate::model::record::Record;
use crate::model::topic::TopicPartition;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Records that are committed together before they are handled, at most once: what a crash may lose.
pub const AT_MOST_ONCE_BATCH: usize = 100;

/// How long a poll waits when nothing comes: the longest that a request to stop goes unseen.
const TICK: Duration = Duration::from_millis(50);

/// The same while a partition is paused, whose task may have made room.
const PAUSED_TICK: Duration = Duration::from_millis(5);

/// So many commits in a row may be refused. A rebalance refuses one, a missing right refuses all.
const REFUSED_COMMITS: u32 = 3;

pub(super) struct Polling {
    consumer: Consumer,
    shared: Arc<Shared>,
    assignment: Arc<Assignment>,
    commit_interval: Duration,
    commit_records: u64,
    last_commit: Instant,
    /// How many records were done then.
    done_at_commit: u64,
    refused_commits: u32,
}

impl Polling {
    pub(super) fn new(
        consumer: Consumer,
        shared: Arc<Shared>,
        assignment: Arc<Assignment>,
        options: &RuntimeOptions,
    ) -> Self {
        Polling {
            consumer,
            shared,
            assignment,
            commit_interval: options.commit_interval,
            commit_records: options.commit_records.max(1),
            last_commit: Instant::now(),
            done_at_commit: 0,
            refused_commits: 0,
        }
    }

    /// Polls until the member is to stop, or cannot go on; then finishes what is in hand, commits it and leaves the
    /// group, all within `deadline`.
    pub(super) fn run(mut self, deadline: Duration) -> Result<()> {
        let polled = self.poll();
        let shared = Arc::clone(&self.shared);
        // Nothing is begun from here on, even if it was an error that ended the polling.
        shared.stop();
        let left = self.consumer.close(deadline);
        // Only now have all tasks ended: the last may have failed.
        match shared.take_failure() {
            Some(failure) => Err(failure),
            None => polled.and(left),
        }
    }

    fn poll(&mut self) -> Result<()> {
        while !self.shared.stopping() {
            match self.shared.delivery {
                Delivery::AtLeastOnce => {
                    if let Some(Polled::Record(record)) = self.consumer.poll(self.tick())? {
                        self.dispatch(record)?;
                    }
                }
                Delivery::AtMostOnce => self.commit_and_dispatch()?,
            }
            if self.assignment.any_paused() {
                self.consumer.resume(&self.assignment.drained())?;
            }
            self.commit_if_due()?;
        }
        Ok(())
    }

    fn tick(&self) -> Duration {
        match self.assignment.any_paused() {
            true => PAUSED_TICK,
            false => TICK,
        }
    }

    fn dispatch(&self, record: Record) -> Result<()> {
        match self.assignment.dispatch(record) {
            Some(full) => self.consumer.pause(&[full]),
            None => Ok(()),
        }
    }

    /// At most once: takes what is there, commits it, and only then hands it out.
    fn commit_and_dispatch(&mut self) -> Result<()> {
        let mut changes = self.assignment.changes();
        let mut batch: Vec<Record> = Vec::new();
        while batch.len() < AT_MOST_ONCE_BATCH {
            let wait = if batch.is_empty() {
                self.tick()
            } else {
                Duration::ZERO
            };
            let polled = self.consumer.poll(wait)?;
            // Partitions that went and came back are read again from their commit, which is before these records.
            if self.assignment.changes() != changes {
                changes = self.assignment.changes();
                batch.clear();
            }
            match polled {
                Some(Polled::Record(record)) => batch.push(record),
                Some(Polled::EndOfPartition(..)) => {}
                None => break,
            }
        }
        let (mut firsts, mut nexts) = (BTreeMap::new(), BTreeMap::new());
        for record in &batch {
            let place = record.topic_partition();
            firsts.entry(place.clone()).or_insert(record.offset);
            nexts.insert(place, record.offset + 1);
        }
        let nexts: Vec<(TopicPartition, i64)> = nexts.into_iter().collect();
        if self.commit(&nexts)? {
            for record in batch {
                self.dispatch(record)?;
            }
        } else {
            // Not committed, so not to be handled; they come again.
            let firsts: Vec<(TopicPartition, i64)> = firsts.into_iter().collect();
            self.consumer.seek(&firsts)?;
        }
        Ok(())
    }

    fn commit_if_due(&mut self) -> Result<()> {
        let done = self.shared.done();
        let records = done - self.done_at_commit;
        if records < self.commit_records && self.last_commit.elapsed() < self.commit_interval {
            return Ok(());
        }
        self.last_commit = Instant::now();
        self.done_at_commit = done;
        if self.shared.delivery == Delivery::AtMostOnce {
            return Ok(());
        }
        let due = self.assignment.due();
        if self.commit(&due)? {
            self.assignment.committed(&due);
        }
        Ok(())
    }

    /// Whether it was committed. A commit that fails is made up for by a later one; refused ones in a row are an error.
    fn commit(&mut self, offsets: &[(TopicPartition, i64)]) -> Result<bool> {
        if offsets.is_empty() {
            return Ok(true);
        }
        let Err(error) = self.consumer.commit(offsets) else {
            self.refused_commits = 0;
            return Ok(true);
        };
        tracing::warn!(
            group = self.shared.group,
            "offsets were not committed: {}",
            error.one_line()
        );
        if error.kind() != Kind::Unreachable {
            self.refused_commits += 1;
        }
        match self.refused_commits < REFUSED_COMMITS {
            true => Ok(false),
            false => Err(error),
        }
    }
}
