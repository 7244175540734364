//! Committed offsets, and who may commit them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;

use super::member::Caller;
use super::state::{Group, Phase};

/// `offsets.retention.minutes`: a week.
const RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// One committed offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    /// The next offset to be read.
    pub(crate) offset: i64,
    /// -1 when the client did not say.
    pub(crate) leader_epoch: i32,
    /// Whatever the client wanted to keep with it.
    pub(crate) metadata: String,
    /// When it was committed.
    pub(crate) at: Instant,
}

/// A group's committed offsets, by topic and partition.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    topics: BTreeMap<String, BTreeMap<i32, Committed>>,
}

impl Offsets {
    /// Whether nothing is committed.
    pub(crate) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// The offset of one partition.
    pub(crate) fn get(&self, topic: &str, partition: i32) -> Option<&Committed> {
        self.topics.get(topic)?.get(&partition)
    }

    /// Every topic and its partitions, sorted.
    pub(crate) fn topics(&self) -> impl Iterator<Item = (&String, &BTreeMap<i32, Committed>)> {
        self.topics.iter()
    }

    /// Keeps an offset.
    pub(crate) fn set(&mut self, topic: &str, partition: i32, committed: Committed) {
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
    }

    /// Forgets what was committed longer ago than the retention, in a group empty for as long.
    pub(crate) fn expire(&mut self, now: Instant, empty: Duration) {
        if empty <= RETENTION {
            return;
        }
        self.topics.retain(|_, partitions| {
            partitions
                .retain(|_, committed| now.saturating_duration_since(committed.at) <= RETENTION);
            !partitions.is_empty()
        });
    }
}

impl Group {
    /// Whether `caller` may commit, as Kafka's `ClassicGroup.validateOffsetCommit`: an empty group takes a commit from
    /// anybody who claims no membership (a consumer with assigned partitions, an operator); a group with members takes
    /// one from its members only. Errors: UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION,
    /// REBALANCE_IN_PROGRESS.
    pub(crate) fn may_commit(
        &mut self,
        caller: &Caller,
        now: Instant,
    ) -> Result<(), ResponseError> {
        if caller.generation < 0 && self.phase == Phase::Empty {
            return Ok(());
        }
        if caller.generation < 0 && caller.member.is_empty() && caller.instance.is_none() {
            return Err(ResponseError::UnknownMemberId);
        }
        self.check(caller)?;
        if self.phase == Phase::Completing {
            return Err(ResponseError::RebalanceInProgress);
        }
        if let Some(member) = self.members.get_mut(&caller.member) {
            member.touch(now);
        }
        Ok(())
    }

    /// Whether a live member of a consumer group subscribes to `topic`: then its offsets may not be deleted.
    pub(crate) fn subscribes(&self, topic: &str) -> bool {
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
