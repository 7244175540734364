//! Committed offsets, and who may commit them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;
use serde::{Deserialize, Serialize};

use super::member::Caller;
use super::state::{Group, Phase};

/// `offsets.retention.minutes`: a week.
const RETENTION_MILLISECONDS: i64 = 7 * 24 * 60 * 60 * 1000;

/// One committed offset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Committed {
    /// The next offset to be read.
    pub(crate) offset: i64,
    /// -1 when the client did not say.
    pub(crate) leader_epoch: i32,
    /// Whatever the client wanted to keep with it.
    pub(crate) metadata: String,
    /// When it was committed, in milliseconds since the Unix epoch.
    pub(crate) at: i64,
    /// Its place among all that was committed and staged in the group; 0 before it is.
    #[serde(default)]
    pub(crate) order: u64,
}

/// A group's committed offsets, by topic and partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offsets {
    /// The last place given out.
    order: u64,
    topics: BTreeMap<String, BTreeMap<i32, Committed>>,
    /// Those of open transactions, by producer id: nobody is told of them.
    staged: BTreeMap<i64, BTreeMap<(String, i32), Committed>>,
}

impl Offsets {
    /// Whether nothing is committed, nor about to be.
    pub(crate) fn is_empty(&self) -> bool {
        self.topics.is_empty() && self.staged.is_empty()
    }

    /// The offset of one partition.
    pub(crate) fn get(&self, topic: &str, partition: i32) -> Option<&Committed> {
        self.topics.get(topic)?.get(&partition)
    }

    /// Every topic and its partitions, sorted.
    pub(crate) fn topics(&self) -> impl Iterator<Item = (&String, &BTreeMap<i32, Committed>)> {
        self.topics.iter()
    }

    /// Those of open transactions, by producer id.
    pub(crate) fn staged(&self) -> impl Iterator<Item = (i64, Vec<(String, i32, Committed)>)> {
        self.staged.iter().map(|(producer, staged)| {
            let staged = staged.iter();
            let staged = staged
                .map(|((topic, partition), offset)| (topic.clone(), *partition, offset.clone()));
            (*producer, staged.collect())
        })
    }

    /// Gives a newcomer its place; one from a snapshot has it.
    fn place(&mut self, committed: &mut Committed) {
        if committed.order == 0 {
            committed.order = self.order + 1;
        }
        self.order = self.order.max(committed.order);
    }

    /// Keeps an offset.
    pub(crate) fn set(&mut self, topic: &str, partition: i32, mut committed: Committed) {
        self.place(&mut committed);
        match self.topics.get_mut(topic) {
            Some(partitions) => {
                partitions.insert(partition, committed);
            }
            None => {
                self.topics
                    .insert(topic.to_owned(), BTreeMap::from([(partition, committed)]));
            }
        }
    }

    /// Keeps an offset until the producer's transaction ends.
    pub(crate) fn stage(
        &mut self,
        producer: i64,
        topic: &str,
        partition: i32,
        mut offset: Committed,
    ) {
        self.place(&mut offset);
        let staged = self.staged.entry(producer).or_default();
        staged.insert((topic.to_owned(), partition), offset);
    }

    /// Whether an open transaction is to change the offset (KIP-447: it is not stable).
    pub(crate) fn is_staged(&self, topic: &str, partition: i32) -> bool {
        let place = |(name, index): &(String, i32)| name == topic && *index == partition;
        self.staged.values().flat_map(BTreeMap::keys).any(place)
    }

    /// The producer's transaction has ended: what it staged is committed, or forgotten. What was committed after it was
    /// staged stays.
    pub(crate) fn settle(&mut self, producer: i64, committed: bool) {
        let staged = self.staged.remove(&producer).filter(|_| committed);
        for ((topic, partition), offset) in staged.into_iter().flatten() {
            let known = self.get(&topic, partition);
            if known.is_none_or(|known| known.order < offset.order) {
                self.set(&topic, partition, offset);
            }
        }
    }

    /// Forgets one partition's offset.
    pub(crate) fn remove(&mut self, topic: &str, partition: i32) {
        if let Some(partitions) = self.topics.get_mut(topic) {
            partitions.remove(&partition);
            if partitions.is_empty() {
                self.topics.remove(topic);
            }
        }
    }

    /// Forgets a topic.
    pub(crate) fn forget_topic(&mut self, topic: &str) {
        self.topics.remove(topic);
        for staged in self.staged.values_mut() {
            staged.retain(|(name, _), _| name != topic);
        }
    }

    /// What was committed longer ago than the retention, in a group empty for as long. `now` is in milliseconds since
    /// the Unix epoch.
    pub(crate) fn expired(&self, now: i64, empty: Duration) -> Vec<(String, i32)> {
        if empty.as_millis() <= RETENTION_MILLISECONDS as u128 {
            return Vec::new();
        }
        let is_old = |one: &Committed| now.saturating_sub(one.at) > RETENTION_MILLISECONDS;
        let mut old = Vec::new();
        for (topic, partitions) in &self.topics {
            let partitions = partitions.iter().filter(|(_, committed)| is_old(committed));
            old.extend(partitions.map(|(partition, _)| (topic.clone(), *partition)));
        }
        old
    }
}

impl Group {
    /// Whether `caller` may commit, as Kafka's `ClassicGroup.validateOffsetCommit`: an empty group takes a commit from
    /// anybody who claims no membership (a consumer with assigned partitions, an operator); a group with members takes
    /// one from its members only. A transaction may commit for a consumer that claims no membership, and while the group
    /// waits for its assignment. Errors: UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION,
    /// REBALANCE_IN_PROGRESS.
    pub(crate) fn may_commit(
        &mut self,
        caller: &Caller,
        transactional: bool,
        now: Instant,
    ) -> Result<(), ResponseError> {
        if let Some(machine) = self.consumer() {
            return machine.may_commit(caller, transactional);
        }
        if caller.generation < 0 && self.phase == Phase::Empty {
            return Ok(());
        }
        if caller.generation < 0 && caller.member.is_empty() && caller.instance.is_none() {
            return match transactional {
                true => Ok(()),
                false => Err(ResponseError::UnknownMemberId),
            };
        }
        self.check(caller)?;
        if self.phase == Phase::Completing && !transactional {
            return Err(ResponseError::RebalanceInProgress);
        }
        if let Some(member) = self.members.get_mut(&caller.member) {
            member.touch(now);
        }
        Ok(())
    }

    /// Whether a live member of a consumer group subscribes to `topic`: then its offsets may not be deleted.
    pub(crate) fn subscribes(&self, topic: &str) -> bool {
        if let Some(machine) = self.consumer() {
            return machine.subscribes(topic);
        }
        self.members()
            .flat_map(|member| &member.protocols)
            .any(|(_, metadata)| subscription(metadata).any(|name| name == topic.as_bytes()))
    }
}

/// The topics in a consumer's subscription (`ConsumerProtocolSubscription.json`: version, then an array of names).
fn subscription(metadata: &[u8]) -> impl Iterator<Item = &[u8]> {
    let count = metadata.get(2..).and_then(|rest| rest.first_chunk());
    let count = count.map_or(0, |count| i32::from_be_bytes(*count));
    let mut rest = metadata.get(6..).unwrap_or_default();
    (0..count).map_while(move |_| {
        let (length, after) = rest.split_first_chunk()?;
        let (name, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        rest = after;
        Some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staged_offsets_are_seen_when_they_are_committed() {
        let at = |offset| Committed {
            offset,
            leader_epoch: -1,
            metadata: String::new(),
            at: 0,
            order: 0,
        };
        let mut offsets = Offsets::default();
        offsets.set("orders", 0, at(1));
        offsets.stage(7, "orders", 0, at(5));
        offsets.stage(8, "orders", 1, at(6));
        let found = |offsets: &Offsets, partition| {
            let found = offsets.get("orders", partition);
            found.map(|committed| committed.offset)
        };
        assert_eq!((found(&offsets, 0), found(&offsets, 1)), (Some(1), None));
        assert!(offsets.is_staged("orders", 0) && !offsets.is_staged("orders", 2));
        offsets.settle(7, true);
        offsets.settle(8, false);
        offsets.settle(9, true);
        assert_eq!((found(&offsets, 0), found(&offsets, 1)), (Some(5), None));
        assert!(!offsets.is_staged("orders", 0));
        offsets.stage(7, "orders", 0, at(10));
        offsets.set("orders", 0, at(2));
        offsets.settle(7, true);
        assert_eq!(found(&offsets, 0), Some(2), "somebody moved it meanwhile");
    }
}
