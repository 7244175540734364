//! The partitions a member holds, and what happens when they come and go.

use super::ahead::Ahead;
use super::partition::{Given, Partition};
use super::shared::{Shared, lock};
use super::transfers::{Committed, Setback, Transfers};
use crate::error::Error;
use crate::kafka::{NextOffset, Rebalance, Standing};
use crate::model::topic::TopicPartition;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// No rebalance takes longer: it is librdkafka's `max.poll.interval.ms`, for which a group waits for its members.
const REBALANCE: Duration = Duration::from_secs(300);

pub(super) struct Assignment {
    shared: Arc<Shared>,
    runtime: Handle,
    /// In milliseconds.
    grace: AtomicU64,
    held: Mutex<HashMap<TopicPartition, Partition>>,
    /// How often partitions came or went.
    changes: AtomicU64,
    /// Whether it was ever given any.
    ever_held: AtomicBool,
    /// When it gave the last of them away, unless the group has answered since.
    given_away: Mutex<Option<Instant>>,
    /// Exactly once.
    pub(super) transfers: Option<Mutex<Transfers>>,
}

impl Assignment {
    pub(super) fn new(
        shared: Arc<Shared>,
        runtime: Handle,
        grace: Duration,
        transfers: Option<Transfers>,
    ) -> Self {
        Assignment {
            shared,
            runtime,
            grace: AtomicU64::new(milliseconds(grace)),
            held: Mutex::default(),
            changes: AtomicU64::new(0),
            ever_held: AtomicBool::new(false),
            given_away: Mutex::default(),
            transfers: transfers.map(Mutex::new),
        }
    }

    /// Allows records in hand no more than this from now on.
    pub(super) fn hurry(&self, grace: Duration) {
        self.grace.fetch_min(milliseconds(grace), Ordering::AcqRel);
    }

    /// How often partitions came or went; above 0 the member is in its group, even if it was given none.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    pub(super) fn has_ever_held(&self) -> bool {
        self.ever_held.load(Ordering::Acquire)
    }

    /// Whether it waits for partitions, or for what is committed of them.
    pub(super) fn is_between(&self) -> bool {
        let held = lock(&self.held);
        match held.is_empty() {
            true => lock(&self.given_away).is_some_and(|since| since.elapsed() < REBALANCE),
            false => held.values().any(Partition::is_fresh),
        }
    }

    /// How many partitions there are.
    pub(super) fn len(&self) -> usize {
        lock(&self.held).len()
    }

    pub(super) fn places(&self) -> Vec<TopicPartition> {
        lock(&self.held).keys().cloned().collect()
    }

    /// How many more records of this partition there is room for.
    pub(super) fn room(&self, place: &TopicPartition) -> usize {
        lock(&self.held).get(place).map_or(0, Partition::room)
    }

    /// Gives records to their partition's task. Those of a partition that is not ours any more are dropped: its new owner
    /// reads them.
    pub(super) fn give(&self, place: &TopicPartition, given: Vec<Given>) {
        if let Some(partition) = lock(&self.held).get_mut(place) {
            partition.give(given, self.shared.delivery);
        }
    }

    /// Whether everything that was given is done.
    pub(super) fn is_idle(&self) -> bool {
        lock(&self.held).values().all(Partition::is_idle)
    }

    /// How many records are to be handled and are not over for good.
    pub(super) fn in_progress(&self) -> u64 {
        let held = lock(&self.held);
        let at_work = held.values().filter(|partition| !partition.abandoned);
        at_work.map(Partition::in_progress).sum()
    }

    /// Whether everything that was given is begun; at most once.
    pub(super) fn is_begun(&self) -> bool {
        lock(&self.held).values().all(Partition::is_begun)
    }

    /// The partitions of which everything that was read is done.
    pub(super) fn idle_places(&self) -> Vec<TopicPartition> {
        let held = lock(&self.held);
        let is_done = |partition: &&Partition| partition.is_idle() && partition.has_begun();
        let idle = held.values().filter(is_done);
        idle.map(|partition| partition.place().clone()).collect()
    }

    /// Nothing is left before these positions: only markers of transactions, which nobody handles.
    pub(super) fn raise(&self, positions: &[(TopicPartition, i64)]) {
        let held = lock(&self.held);
        for (place, position) in positions {
            if let Some(partition) = held.get(place) {
                partition.raise(*position, self.shared.delivery);
            }
        }
    }

    /// The partitions of which it has to be asked what was done already.
    pub(super) fn fresh(&self) -> Vec<TopicPartition> {
        let held = lock(&self.held);
        let fresh = held.values().filter(|partition| partition.is_fresh());
        fresh.map(|partition| partition.place().clone()).collect()
    }

    /// The answer: what is committed for these.
    pub(super) fn begin(&self, asked: &[TopicPartition], committed: Vec<NextOffset>) {
        let mut held = lock(&self.held);
        let committed = committed.iter().map(|next| (&next.place, next));
        let committed: HashMap<_, _> = committed.collect();
        for place in asked {
            if let Some(partition) = held.get_mut(place) {
                let next = committed.get(place);
                let note = next.and_then(|next| next.note.as_deref());
                let ahead = note.map(Ahead::read).unwrap_or_default();
                partition.begin(next.map(|next| next.offset), ahead);
            }
        }
    }

    /// What of this partition was done already when it was assigned, counted from an offset, for who reads on at `next`.
    pub(super) fn ahead(&self, place: &TopicPartition, next: i64) -> Option<(i64, Arc<Ahead>)> {
        lock(&self.held).get_mut(place)?.ahead(next)
    }

    /// What to commit.
    pub(super) fn due(&self) -> Vec<NextOffset> {
        let held = lock(&self.held);
        let due = |partition: &Partition| partition.due(self.shared.delivery);
        held.values().filter_map(due).collect()
    }

    /// This was committed.
    pub(super) fn committed(&self, offsets: &[NextOffset]) {
        let mut held = lock(&self.held);
        for next in offsets {
            if let Some(partition) = held.get_mut(&next.place) {
                partition.committed(next);
            }
        }
    }

    /// What was committed is not known any more.
    pub(super) fn forget_committed(&self) {
        for partition in lock(&self.held).values_mut() {
            partition.forget_committed();
        }
    }

    /// Moves what is done into the transaction.
    pub(super) fn transfer(&self) {
        let Some(transfers) = &self.transfers else {
            return;
        };
        let mut transfers = lock(transfers);
        if !transfers.is_ready() {
            return;
        }
        // Adding may wait for room in the producer: who asks for the partitions must not wait for that.
        let due: Vec<_> = {
            let held = lock(&self.held);
            let take =
                |partition: &Partition| (partition.place().clone(), partition.take_transfer());
            held.values().map(take).collect()
        };
        for (place, transfer) in due {
            transfers.add(&place, transfer);
        }
    }

    /// Whether anything is in a transaction; for tests.
    #[cfg(test)]
    pub(super) fn has_open_transaction(&self) -> bool {
        let transfers = self.transfers.as_ref();
        transfers.is_some_and(|transfers| lock(transfers).is_open())
    }

    /// Why the last transaction was lost, when it was; told once.
    pub(super) fn take_setback(&self) -> Option<Setback> {
        lock(self.transfers.as_ref()?).take_setback()
    }

    /// Ends all tasks at once: whatever they did since the last commit comes again.
    pub(super) fn abandon(&self) {
        let mut held = lock(&self.held);
        for partition in held.values_mut() {
            partition.abandoned = true;
            partition.revoke();
        }
        let now = Instant::now();
        for partition in held.values() {
            partition.end(now);
        }
    }

    /// Ends all tasks where they stand, and waits for none.
    pub(super) fn kill(&self) {
        lock(&self.held).values().for_each(Partition::kill);
    }

    /// Where to read the abandoned partitions from: their commit, else where they began.
    pub(super) fn beginnings(
        &self,
        committed: &HashMap<TopicPartition, i64>,
    ) -> Vec<(TopicPartition, i64)> {
        let held = lock(&self.held);
        let abandoned = held.values().filter(|partition| partition.abandoned);
        let beginning = |partition: &Partition| {
            let place = partition.place();
            let offset = committed.get(place).copied().or(partition.first())?;
            Some((place.clone(), offset))
        };
        abandoned.filter_map(beginning).collect()
    }

    /// Begins the abandoned partitions anew.
    pub(super) fn restart(&self) {
        let mut held = lock(&self.held);
        for partition in held.values_mut() {
            if partition.abandoned {
                let place = partition.place().clone();
                *partition = Partition::start(place, Arc::clone(&self.shared), &self.runtime);
            }
        }
    }

    /// A transaction was committed.
    pub(super) fn committed_together(&self, committed: &Committed) {
        self.committed(&committed.offsets);
        self.shared.forget_refused(&committed.offsets);
        let held = lock(&self.held);
        for (place, records) in &committed.counted {
            // Of a partition that is given away nobody counts any more what is in progress.
            if let Some(partition) = held.get(place) {
                partition.finish(*records);
            }
            self.shared.finish(*records);
        }
    }

    /// Commits what is done of all partitions, those `leaving` included, before these are given away; the consumer itself
    /// has nothing to commit.
    fn end_transaction(
        &self,
        transfers: &Mutex<Transfers>,
        leaving: &[Partition],
        standing: Standing<'_>,
    ) {
        self.transfer();
        let committed = {
            let mut transfers = lock(transfers);
            if !transfers.is_ready() {
                return;
            }
            for partition in leaving {
                transfers.add(partition.place(), partition.take_transfer());
            }
            transfers.commit(standing.group_metadata())
        };
        self.committed_together(&committed);
    }
}

fn milliseconds(duration: Duration) -> u64 {
    // A day, so that deadlines never overflow.
    u64::try_from(duration.as_millis())
        .unwrap_or(u64::MAX)
        .min(86_400_000)
}

impl Rebalance for Assignment {
    fn assigned(&self, partitions: &[TopicPartition]) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        *lock(&self.given_away) = None;
        if self.shared.stopping() {
            // It is leaving: whatever would be begun now could not be committed any more.
            return;
        }
        if !partitions.is_empty() {
            self.ever_held.store(true, Ordering::Release);
        }
        let mut held = lock(&self.held);
        for place in partitions {
            let shared = Arc::clone(&self.shared);
            let partition = Partition::start(place.clone(), shared, &self.runtime);
            held.insert(place.clone(), partition);
        }
    }

    fn revoked(
        &self,
        partitions: &[TopicPartition],
        lost: bool,
        standing: Standing<'_>,
    ) -> Vec<NextOffset> {
        if self.shared.is_killed() {
            return Vec::new();
        }
        match &self.transfers {
            Some(transfers) if lost => {
                let error = Error::failed("the group gave the partitions to another member");
                lock(transfers).abort(error);
            }
            // What is done does not wait for what is in hand: a transaction may be open only so long.
            Some(transfers) => self.end_transaction(transfers, &[], standing),
            None => {}
        }
        let leaving: Vec<Partition> = {
            let mut held = lock(&self.held);
            let remove = |place| held.remove(place);
            let leaving = partitions.iter().filter_map(remove);
            // All are told before any is waited for.
            let leaving = leaving.inspect(Partition::revoke).collect();
            if held.is_empty() {
                *lock(&self.given_away) = Some(Instant::now());
            }
            leaving
        };
        if lost && !leaving.is_empty() && !self.shared.stopping() {
            self.shared.notices.warn(&format!(
                "group `{}` took back {} of this member's partitions: what was in hand and not committed is handled again",
                self.shared.group,
                leaving.len()
            ));
        }
        self.changes.fetch_add(1, Ordering::AcqRel);
        let grace = match lost {
            // Somebody else reads them already: what is done now is done twice.
            true => Duration::ZERO,
            false => Duration::from_millis(self.grace.load(Ordering::Acquire)),
        };
        let deadline = Instant::now() + grace;
        for partition in &leaving {
            partition.end(deadline);
        }
        if let Some(transfers) = &self.transfers {
            if !lost {
                self.end_transaction(transfers, &leaving, standing);
            }
            return Vec::new();
        }
        let last = |partition: &Partition| partition.last(self.shared.delivery);
        leaving.iter().filter_map(last).collect()
    }
}
