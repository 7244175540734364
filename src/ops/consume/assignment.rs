//! The partitions a member holds, and what happens when they come and go.

use super::partition::Partition;
use super::shared::{Shared, lock};
use crate::kafka::Rebalance;
use crate::model::record::Record;
use crate::model::topic::TopicPartition;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

pub(super) struct Assignment {
    shared: Arc<Shared>,
    runtime: Handle,
    /// In milliseconds.
    grace: AtomicU64,
    held: Mutex<Held>,
    /// How often partitions came or went.
    changes: AtomicU64,
}

#[derive(Default)]
struct Held {
    /// By topic and number, so that a record finds its own without a copy of its topic's name.
    partitions: HashMap<String, HashMap<i32, Partition>>,
    paused: usize,
    /// Paused when they were given away; librdkafka may remember it should they come back.
    left_paused: HashSet<TopicPartition>,
}

impl Held {
    fn get_mut(&mut self, topic: &str, partition: i32) -> Option<&mut Partition> {
        self.partitions.get_mut(topic)?.get_mut(&partition)
    }

    fn all(&self) -> impl Iterator<Item = &Partition> {
        self.partitions.values().flat_map(HashMap::values)
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.partitions.values_mut().flat_map(HashMap::values_mut)
    }

    fn insert(&mut self, partition: Partition) {
        self.paused += usize::from(partition.paused);
        let place = partition.place().clone();
        let topic = self.partitions.entry(place.topic).or_default();
        topic.insert(place.partition, partition);
    }

    fn remove(&mut self, place: &TopicPartition) -> Option<Partition> {
        let partition = self
            .partitions
            .get_mut(&place.topic)?
            .remove(&place.partition)?;
        if partition.paused {
            self.paused -= 1;
            self.left_paused.insert(place.clone());
        }
        Some(partition)
    }
}

impl Assignment {
    pub(super) fn new(shared: Arc<Shared>, runtime: Handle, grace: Duration) -> Self {
        Assignment {
            shared,
            runtime,
            grace: AtomicU64::new(milliseconds(grace)),
            held: Mutex::default(),
            changes: AtomicU64::new(0),
        }
    }

    /// Allows a record in hand no more than this from now on.
    pub(super) fn hurry(&self, grace: Duration) {
        self.grace.fetch_min(milliseconds(grace), Ordering::AcqRel);
    }

    /// How often partitions came or went; above 0 the member is in its group, even if it was given none.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// How many partitions there are.
    pub(super) fn len(&self) -> usize {
        lock(&self.held).partitions.values().map(HashMap::len).sum()
    }

    /// Gives the record to its partition's task; answers the partition when it is to be paused. A record of a
    /// partition that is not ours any more is dropped: its new owner reads it.
    pub(super) fn dispatch(&self, record: Record) -> Option<TopicPartition> {
        let mut held = lock(&self.held);
        let partition = held.get_mut(&record.topic, record.partition)?;
        if !partition.push(record) || partition.paused {
            return None;
        }
        partition.paused = true;
        let place = partition.place().clone();
        held.paused += 1;
        Some(place)
    }

    /// Whether any partition is paused.
    pub(super) fn any_paused(&self) -> bool {
        lock(&self.held).paused > 0
    }

    /// The paused partitions that have room again, which are to be resumed.
    pub(super) fn drained(&self) -> Vec<TopicPartition> {
        let mut held = lock(&self.held);
        let mut drained = Vec::new();
        for partition in held.all_mut() {
            if partition.paused && partition.has_room() {
                partition.paused = false;
                drained.push(partition.place().clone());
            }
        }
        held.paused -= drained.len();
        drained
    }

    /// The offsets to commit, sorted.
    pub(super) fn due(&self) -> Vec<(TopicPartition, i64)> {
        let held = lock(&self.held);
        let due = |partition: &Partition| Some((partition.place().clone(), partition.due()?));
        let mut due: Vec<(TopicPartition, i64)> = held.all().filter_map(due).collect();
        due.sort();
        due
    }

    /// These offsets were committed.
    pub(super) fn committed(&self, offsets: &[(TopicPartition, i64)]) {
        let mut held = lock(&self.held);
        for (place, offset) in offsets {
            if let Some(partition) = held.get_mut(&place.topic, place.partition) {
                partition.committed(*offset);
            }
        }
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
        if self.shared.stopping() {
            // It is leaving: whatever would be begun now could not be committed any more.
            return;
        }
        let mut held = lock(&self.held);
        for place in partitions {
            let paused = held.left_paused.remove(place);
            let shared = Arc::clone(&self.shared);
            held.insert(Partition::start(
                place.clone(),
                shared,
                &self.runtime,
                paused,
            ));
        }
    }

    fn revoked(&self, partitions: &[TopicPartition], lost: bool) -> Vec<(TopicPartition, i64)> {
        let leaving: Vec<Partition> = {
            let mut held = lock(&self.held);
            let remove = |place| held.remove(place);
            let leaving = partitions.iter().filter_map(remove);
            // All are told before any is waited for.
            leaving.inspect(Partition::revoke).collect()
        };
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
        let due = |partition: &Partition| Some((partition.place().clone(), partition.due()?));
        leaving.iter().filter_map(due).collect()
    }
}
