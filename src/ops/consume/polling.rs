//! What a member's thread does: poll, give out, commit.

use super::ahead::Ahead;
use super::assignment::Assignment;
use super::end::End;
use super::partition::Given;
use super::recovery::Waiting;
use super::shared::Shared;
use super::{Delivery, Notices, RuntimeOptions};
use crate::error::{Kind, Result};
use crate::kafka::{Consumer, NextOffset, PendingCommit, Polled};
use crate::model::filter::{Filter, Wanted};
use crate::model::record::Record;
use crate::model::topic::TopicPartition;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Records that are committed together before they are handled, at most once: what a crash may lose.
pub const AT_MOST_ONCE_BATCH: usize = 100;

/// How many records of a partition are taken at once.
const BATCH: usize = 500;

/// How long the thread waits at most when nothing wakes it; and while nobody ever answered, when it looks for hope.
const TICK: Duration = Duration::from_millis(250);
const IMPATIENT_TICK: Duration = Duration::from_millis(20);

/// So many commits in a row may be refused, and for so long, while no partitions come or go. A group that has dropped the
/// member refuses some, until the next heartbeat is refused too and it joins again; a missing right refuses all.
pub(super) const REFUSED_COMMITS: u32 = 3;
const REFUSING: Duration = Duration::from_secs(10);

/// A commit that is not answered yet.
struct Committing {
    commit: PendingCommit,
    offsets: Vec<NextOffset>,
    /// How often partitions had changed hands when it was begun.
    changes: u64,
}

/// So many may be under way: while the group has no coordinator they are all answered late.
const COMMITS: usize = 16;

pub(super) struct Polling {
    /// In the order they were begun; before the consumer, which goes last.
    committing: VecDeque<Committing>,
    pub(super) consumer: Consumer,
    pub(super) shared: Arc<Shared>,
    pub(super) assignment: Arc<Assignment>,
    pub(super) notices: Arc<dyn Notices>,
    topics: Vec<String>,
    filter: Filter,
    end: End,
    commit_interval: Duration,
    pub(super) last_commit: Instant,
    refused_commits: u32,
    /// When the first of them was, and how often partitions had changed hands then.
    refused_since: Instant,
    refused_at_changes: u64,
    /// For what was done already.
    pub(super) waiting: Waiting,
    /// How often a transaction was lost since the last that was committed.
    pub(super) setbacks: u32,
}

impl Polling {
    pub(super) fn new(
        consumer: Consumer,
        shared: Arc<Shared>,
        assignment: Arc<Assignment>,
        options: &RuntimeOptions,
        end: End,
    ) -> Self {
        Polling {
            consumer,
            shared,
            assignment,
            notices: Arc::clone(&options.notices),
            topics: options.topics.clone(),
            filter: options.filter.clone(),
            end,
            commit_interval: options.commit_interval,
            last_commit: Instant::now(),
            committing: VecDeque::new(),
            refused_commits: 0,
            refused_since: Instant::now(),
            refused_at_changes: 0,
            setbacks: 0,
            waiting: Waiting::default(),
        }
    }

    /// Polls until the member is to stop, or cannot go on; then finishes what is in hand, commits it and leaves the
    /// group, all within `deadline`.
    pub(super) fn run(mut self, deadline: Duration) -> Result<()> {
        self.shared.wake.here();
        let polled = self.poll();
        if self.shared.is_killed() {
            self.committing.clear();
            self.consumer.abandon();
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        // Nothing is begun from here on, even if it was an error that ended the polling.
        shared.stop();
        let assignment = Arc::clone(&self.assignment);
        // Whatever is not answered by now is committed once more.
        if !self.committing.is_empty() {
            self.committing.clear();
            assignment.forget_committed();
        }
        let left = self.consumer.close(deadline);
        // Only now have all tasks ended: the last may have failed.
        if let Some(failure) = shared.take_failure() {
            return Err(failure);
        }
        polled?;
        left?;
        // A last transaction that was lost: what was in it is done again.
        match assignment.take_setback() {
            Some(setback) => Err(setback.error),
            None => Ok(()),
        }
    }

    fn poll(&mut self) -> Result<()> {
        if !self.prepare_transactions()? {
            return Ok(());
        }
        self.consumer.subscribe(&self.topics)?;
        while !self.shared.stopping() {
            while let Some(polled) = self.consumer.poll(Duration::ZERO)? {
                // Fetched before its partition was set apart.
                if let Polled::Record(record) = polled {
                    self.give(record)?;
                }
            }
            // Before it is asked what was done: that may wait for the end of what was lost.
            self.recover_if_lost()?;
            self.ask_what_is_done()?;
            let found = match self.shared.delivery {
                Delivery::AtMostOnce => self.commit_and_give()?,
                Delivery::AtLeastOnce | Delivery::ExactlyOnce => self.read_and_give()?,
            };
            self.assignment.transfer();
            self.commit_if_due()?;
            if self
                .end
                .is_reached(found, &self.shared, &self.assignment, &*self.notices)?
            {
                return Ok(());
            }
            if !found && !self.shared.stopping() {
                self.shared.wake.wait(self.patience());
            }
        }
        Ok(())
    }

    /// How long nothing has to be looked at unless somebody wakes us.
    fn patience(&self) -> Duration {
        if !self.consumer.was_ever_answered() {
            return IMPATIENT_TICK;
        }
        let left = self
            .commit_interval
            .saturating_sub(self.last_commit.elapsed());
        left.clamp(Duration::from_millis(1), TICK)
    }

    fn read_and_give(&mut self) -> Result<bool> {
        let (assignment, filter) = (&self.assignment, &self.filter);
        // Asked anew for each partition: what is read is given, or the next commit would pass over it.
        let room = |place: &TopicPartition| match self.end.wanted(&self.shared, assignment) {
            0 => 0,
            wanted => assignment.room(place).min(BATCH).min(wanted),
        };
        self.consumer.read_each(room, |place, records| {
            let first = records.first().map(|record| record.offset);
            let ahead = assignment.ahead(place, first.unwrap_or_default());
            let was_done = |record: &Record| {
                let has = |(from, ahead): &(i64, Arc<Ahead>)| ahead.has(record.offset - from);
                ahead.as_ref().is_some_and(has)
            };
            assignment.give(place, choose(records, filter, was_done));
        })
    }

    fn give(&mut self, record: Record) -> Result<()> {
        let place = record.topic_partition();
        if self.end.wanted(&self.shared, &self.assignment) == 0 {
            // It comes again when it is wanted.
            return self.consumer.seek(&[(place, record.offset)]);
        }
        let given = choose(vec![record], &self.filter, |_| false);
        self.assignment.give(&place, given);
        Ok(())
    }

    /// At most once: takes what is there, commits it, and only then gives it out; when all of the last batch is begun, so
    /// that a crash loses no more than one.
    fn commit_and_give(&mut self) -> Result<bool> {
        if !self.assignment.is_begun() {
            return Ok(false);
        }
        let mut batch: BTreeMap<TopicPartition, Vec<Record>> = BTreeMap::new();
        let left = std::cell::Cell::new(
            AT_MOST_ONCE_BATCH.min(self.end.wanted(&self.shared, &self.assignment)),
        );
        let assignment = &self.assignment;
        let found = self.consumer.read_each(
            |place| assignment.room(place).min(left.get()),
            |place, records| {
                left.set(left.get().saturating_sub(records.len()));
                batch.entry(place.clone()).or_default().extend(records);
            },
        )?;
        if batch.is_empty() {
            return Ok(found);
        }
        let edge = |at: fn(&[Record]) -> Option<i64>| {
            let edges = batch
                .iter()
                .filter_map(|(place, records)| Some((place.clone(), at(records)?)));
            edges.collect::<Vec<(TopicPartition, i64)>>()
        };
        let nexts = edge(|records| records.last().map(|record| record.offset + 1));
        let nexts: Vec<_> = nexts.into_iter().map(NextOffset::from).collect();
        let firsts = edge(|records| records.first().map(|record| record.offset));
        let outcome = self.consumer.commit(&nexts);
        if self.judge(outcome)? {
            self.assignment.committed(&nexts);
            for (place, records) in batch {
                let given = choose(records, &self.filter, |_| false);
                self.assignment.give(&place, given);
            }
        } else {
            // Not committed, so not to be handled; they come again.
            self.consumer.seek(&firsts)?;
        }
        Ok(true)
    }

    fn commit_if_due(&mut self) -> Result<()> {
        self.hear_commits()?;
        self.recover_if_lost()?;
        let is_time = self.last_commit.elapsed() >= self.commit_interval;
        if !is_time && !self.shared.is_due() {
            return Ok(());
        }
        self.last_commit = Instant::now();
        if self.committing.len() >= COMMITS {
            return Ok(());
        }
        self.shared.note();
        if is_time {
            let idle = self.assignment.idle_places();
            self.assignment.raise(&self.consumer.positions(&idle)?);
        }
        if self.shared.delivery == Delivery::ExactlyOnce {
            self.assignment.transfer();
            return self.commit_transaction();
        }
        let due = self.assignment.due();
        if !due.is_empty() {
            self.committing.push_back(Committing {
                commit: self.consumer.begin_commit(&due)?,
                offsets: due,
                changes: self.assignment.changes(),
            });
        }
        Ok(())
    }

    /// Takes the answers to commits. One that is answered after a later one may have been repeated after it, and what the
    /// later one committed is then to be committed again.
    fn hear_commits(&mut self) -> Result<()> {
        let mut at = 0;
        while let Some(next) = self.committing.get(at) {
            let Some(outcome) = self.consumer.outcome(&next.commit) else {
                at += 1;
                continue;
            };
            let answered = self.committing.remove(at);
            if self.judge(outcome)? {
                let now = self.assignment.changes();
                if let Some(commit) = answered.filter(|commit| commit.changes == now) {
                    self.assignment.committed(&commit.offsets);
                }
            }
        }
        Ok(())
    }

    /// Whether it was committed. A commit that fails is made up for by a later one; refused ones in a row are an error.
    fn judge(&mut self, outcome: Result<()>) -> Result<bool> {
        let Err(error) = outcome else {
            self.refused_commits = 0;
            return Ok(true);
        };
        tracing::warn!(
            group = self.shared.group,
            "offsets were not committed: {}",
            error.one_line()
        );
        let changes = self.assignment.changes();
        match error.kind() {
            Kind::Unreachable => return Ok(false),
            _ if self.refused_commits == 0 || self.refused_at_changes != changes => {
                self.refused_commits = 1;
                self.refused_since = Instant::now();
                self.refused_at_changes = changes;
            }
            _ => self.refused_commits += 1,
        }
        match self.refused_commits < REFUSED_COMMITS || self.refused_since.elapsed() < REFUSING {
            true => Ok(false),
            false => Err(error),
        }
    }
}

/// Which of them are to be handled.
fn choose(records: Vec<Record>, filter: &Filter, was_done: impl Fn(&Record) -> bool) -> Vec<Given> {
    let choose = |record: Record| {
        if was_done(&record) {
            return Given::DoneBefore(record.offset, record.size());
        }
        match filter.is_empty() || filter.wants(&(&record).into()) == Wanted::Yes {
            true => Given::Record(record),
            false => Given::PassedOver(record.offset, record.size()),
        }
    };
    records.into_iter().map(choose).collect()
}
