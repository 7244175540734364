//! Offsets of partitions, and offsets that groups committed.

use super::authorization::Operation;

use super::error::{Fault, Subject, code};
use super::ffi::admin::Pending;
use super::ffi::partitions::Read;
use super::{Client, Cluster};
use crate::error::Result;
use crate::model::group::GroupListing;
use crate::model::topic::TopicPartition;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

/// librdkafka compares every partition of one request with every other: the offsets of 10,000 take a client 0.19 s of
/// processor time in chunks of 500 and 0.16 s in chunks of this size; smaller ones are more work for everybody again.
const PARTITIONS_A_REQUEST: usize = 200;

/// RD_KAFKA_OFFSET_INVALID: what librdkafka gives, without an error, for the partitions of a leader whose connection
/// was lost. No broker's answer is below -1.
const UNANSWERED: i64 = -1001;

/// How many groups are asked about at once.
const GROUPS_IN_FLIGHT: usize = 64;

/// Which offset of a partition is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetQuery {
    /// That of the first record.
    Earliest,
    /// That of the next record.
    Latest,
    /// That of the first record at or after this time, milliseconds since 1970.
    Time(i64),
    /// That of the record with the latest timestamp (KIP-734).
    MaxTimestamp,
}

impl OffsetQuery {
    /// As ListOffsets says it; a time before 1970 is the earliest, since negative numbers mean something else.
    fn number(self) -> i64 {
        match self {
            OffsetQuery::Latest => -1,
            OffsetQuery::Earliest => -2,
            OffsetQuery::MaxTimestamp => -3,
            OffsetQuery::Time(milliseconds) => milliseconds.max(0),
        }
    }
}

/// What [`OffsetQuery::Latest`] is the end of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// All replicated records: the high watermark.
    #[default]
    ReadUncommitted,
    /// What precedes every open transaction: the last stable offset.
    ReadCommitted,
}

/// The answer to an [`OffsetQuery`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedOffset {
    /// -1 when no record is as late as was asked.
    pub offset: i64,
    /// The record's, milliseconds since 1970; for queries by time only.
    pub timestamp: Option<i64>,
}

/// Next offsets by partition; `None` where a group has the partition without an offset.
pub type Committed = BTreeMap<TopicPartition, Option<i64>>;

impl Cluster {
    /// An offset for each partition. Any number of partitions: they are asked about in chunks, all at once.
    pub async fn list_offsets(
        &self,
        queries: &[(TopicPartition, OffsetQuery)],
        isolation: Isolation,
    ) -> Result<BTreeMap<TopicPartition, Result<ListedOffset>>> {
        let queries: BTreeMap<&TopicPartition, i64> = queries
            .iter()
            .map(|(partition, query)| (partition, query.number()))
            .collect();
        if queries.is_empty() {
            return Ok(BTreeMap::new());
        }
        let queries: Vec<(TopicPartition, i64)> = queries
            .into_iter()
            .map(|(partition, query)| (partition.clone(), query))
            .collect();
        let client = self.client()?;
        let error = |fault| client.error("list offsets", Subject::Cluster, fault);
        let mut answers = client.query(&queries, isolation).await.map_err(error)?;
        let unknown: Vec<(TopicPartition, i64)> = queries
            .into_iter()
            .filter(|(partition, _)| {
                answers
                    .get(partition)
                    .is_none_or(|answer| answer.as_ref().is_err_and(may_be_stale))
            })
            .collect();
        if !unknown.is_empty() && client.refreshed().await {
            answers.extend(client.query(&unknown, isolation).await.map_err(error)?);
        }
        let outcome = |(partition, answer): (TopicPartition, Result<ListedOffset, Fault>)| {
            let outcome = answer.map_err(|fault| {
                client.partition_error("list offsets", &partition, Operation::Describe, fault)
            });
            (partition, outcome)
        };
        Ok(answers.into_iter().map(outcome).collect())
    }

    /// The offsets a group committed; empty for a group that does not exist.
    pub async fn committed(&self, group: &str) -> Result<Committed> {
        let client = self.group_client()?;
        let ask = || client.admin.committed(group, None, false);
        let answer = client.settled(ask).await;
        client.committed(group, answer)
    }

    /// The offsets a group committed, once no transaction is about to replace any (KIP-447): waits for those under way,
    /// as long as one request may take.
    ///
    /// # Errors
    /// Also that a transaction which commits offsets of the group goes on for longer.
    pub async fn committed_stable(&self, group: &str) -> Result<Committed> {
        let client = self.group_client()?;
        let ask = || client.admin.committed(group, None, true);
        let answer = client.settled(ask).await;
        client.committed(group, answer)
    }

    /// The offsets of many groups, in the order given: pipelined, and asked of the coordinator that the listing named.
    pub async fn committed_of_groups(
        &self,
        groups: &[GroupListing],
    ) -> Result<Vec<(String, Result<Committed>)>> {
        let client = self.group_client()?;
        let mut outcomes = Vec::with_capacity(groups.len());
        let mut in_flight: VecDeque<(&GroupListing, Pending<Vec<Read>>)> = VecDeque::new();
        let mut waiting = groups.iter();
        // However many groups meet a coordinator that loads or is silent, it is waited for once.
        let deadline = Instant::now() + client.timeout;
        let mut silent: BTreeMap<Option<i32>, Fault> = BTreeMap::new();
        loop {
            while in_flight.len() < GROUPS_IN_FLIGHT {
                let Some(group) = waiting.next() else { break };
                if let Some(fault) = silent.get(&group.coordinator) {
                    let answer = client.committed(&group.id, Err(fault.clone()));
                    outcomes.push((group.id.clone(), answer));
                    continue;
                }
                in_flight.push_back((
                    group,
                    client.admin.committed(&group.id, group.coordinator, false),
                ));
            }
            let Some((group, pending)) = in_flight.pop_front() else {
                // Those that were not asked about stand where the others were waited for.
                let places: BTreeMap<&str, usize> = groups
                    .iter()
                    .enumerate()
                    .map(|(at, group)| (group.id.as_str(), at))
                    .collect();
                outcomes.sort_by_key(|(id, _)| places.get(id.as_str()).copied());
                return Ok(outcomes);
            };
            let mut answer = pending.answer().await;
            // The group moved since it was listed, or its coordinator is still loading: now it is looked for.
            if answer.as_ref().is_err_and(Fault::is_passing) {
                let ask = || client.admin.committed(&group.id, None, false);
                answer = client.settled_until(deadline, ask).await;
            }
            if let Err(fault) = &answer
                && fault.is_silence()
            {
                silent.insert(group.coordinator, fault.clone());
            }
            outcomes.push((group.id.clone(), client.committed(&group.id, answer)));
        }
    }

    /// Commits next offsets for a group without members; an outcome for each partition, sorted.
    pub async fn commit_for_group(
        &self,
        group: &str,
        offsets: &[(TopicPartition, i64)],
    ) -> Result<Vec<(TopicPartition, Result<()>)>> {
        let offsets: BTreeMap<&TopicPartition, i64> = offsets
            .iter()
            .map(|(partition, offset)| (partition, *offset))
            .collect();
        if offsets.is_empty() {
            return Ok(Vec::new());
        }
        let client = self.group_client()?;
        let offsets: Vec<(&TopicPartition, i64)> = offsets.into_iter().collect();
        let ask = || {
            let offsets = offsets.iter().copied();
            client.admin.commit_for_group(group, offsets)
        };
        let doing = format!("commit offsets for group `{group}`");
        client.change_of_group(group, &doing, Operation::Read, client.settled(ask).await)
    }

    /// Makes a group forget what it committed in these partitions; an outcome for each, sorted. A live group keeps
    /// the offsets of topics that it subscribes to (KIP-496).
    pub async fn delete_committed(
        &self,
        group: &str,
        partitions: &[TopicPartition],
    ) -> Result<Vec<(TopicPartition, Result<()>)>> {
        let partitions: BTreeSet<TopicPartition> = partitions.iter().cloned().collect();
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let client = self.group_client()?;
        let partitions: Vec<TopicPartition> = partitions.into_iter().collect();
        let ask = || client.admin.delete_committed(group, &partitions);
        let doing = format!("delete offsets of group `{group}`");
        client.change_of_group(group, &doing, Operation::Delete, client.settled(ask).await)
    }
}

/// A live group refuses each partition, not the request.
fn is_about_the_group(fault: &Fault) -> bool {
    matches!(
        fault.code,
        code::NON_EMPTY_GROUP
            | code::UNKNOWN_MEMBER_ID
            | code::ILLEGAL_GENERATION
            | code::STALE_MEMBER_EPOCH
            | code::REBALANCE_IN_PROGRESS
            | code::GROUP_AUTHORIZATION_FAILED
            | code::GROUP_ID_NOT_FOUND
            | code::GROUP_SUBSCRIBED_TO_TOPIC
    )
}

/// Whether the client may have asked the wrong broker: it is then worth asking again, once it has looked.
fn may_be_stale(fault: &Fault) -> bool {
    is_unknown(fault)
        || matches!(
            fault.code,
            code::NOT_LEADER_OR_FOLLOWER | code::LEADER_NOT_AVAILABLE
        )
}

/// What a client also says of a topic or a partition that is younger than its metadata.
pub(super) fn is_unknown(fault: &Fault) -> bool {
    matches!(
        fault.code,
        code::UNKNOWN_TOPIC_OR_PARTITION | code::UNKNOWN_TOPIC | code::UNKNOWN_PARTITION
    )
}

impl Client {
    /// Makes the client forget what it knew of topics: librdkafka answers for a partition it has not heard of without
    /// asking anybody. Whether it is worth asking again.
    pub(super) async fn refreshed(&self) -> bool {
        self.describe_cluster().await.is_ok()
    }

    async fn query(
        &self,
        queries: &[(TopicPartition, i64)],
        isolation: Isolation,
    ) -> Result<BTreeMap<TopicPartition, Result<ListedOffset, Fault>>, Fault> {
        self.hear_of(queries).await?;
        let read_committed = isolation == Isolation::ReadCommitted;
        type Chunk<'a> = (&'a [(TopicPartition, i64)], Pending<Vec<(Read, i64)>>);
        let chunks: Vec<Chunk> = queries
            .chunks(PARTITIONS_A_REQUEST)
            .map(|chunk| (chunk, self.admin.list_offsets(chunk, read_committed)))
            .collect();
        let mut answers = BTreeMap::new();
        let mut silence: Option<Fault> = None;
        let mut unanswered: Vec<&TopicPartition> = Vec::new();
        for (chunk, pending) in chunks {
            let reads = match pending.answer().await {
                Ok(reads) => reads,
                Err(fault) if fault.code == code::NO_LEADERS => chunk
                    .iter()
                    .map(|(partition, _)| (Read::unknown(partition), -1))
                    .collect(),
                // One broker that hangs keeps a whole chunk waiting; the other chunks are answered all the same.
                Err(fault) if fault.is_silence() => {
                    unanswered.extend(chunk.iter().map(|(partition, _)| partition));
                    silence = Some(fault);
                    continue;
                }
                Err(fault) => return Err(fault),
            };
            for (read, timestamp) in reads {
                let listed = ListedOffset {
                    offset: read.offset,
                    timestamp: Some(timestamp).filter(|&timestamp| timestamp >= 0),
                };
                let answer = match read.fault {
                    Some(fault) => Err(fault),
                    None if read.offset == UNANSWERED => Err(Fault::new(
                        code::TIMED_OUT,
                        "the partition's leader did not answer",
                    )),
                    None => Ok(listed),
                };
                answers.insert(read.partition, answer);
            }
        }
        match silence {
            Some(fault) if answers.is_empty() => Err(fault),
            Some(fault) => {
                let failed = |partition: &TopicPartition| (partition.clone(), Err(fault.clone()));
                answers.extend(unanswered.into_iter().map(failed));
                Ok(answers)
            }
            None => Ok(answers),
        }
    }

    fn committed(&self, group: &str, answer: Result<Vec<Read>, Fault>) -> Result<Committed> {
        let doing = format!("read the offsets of group `{group}`");
        let asked = Subject::Group(group).needing(Operation::Describe);
        let reads = answer.map_err(|fault| self.error(&doing, asked, fault))?;
        let mut committed = BTreeMap::new();
        for read in reads {
            if let Some(fault) = read.fault {
                let needed = Operation::Describe;
                return Err(self.partition_error(&doing, &read.partition, needed, fault));
            }
            committed.insert(
                read.partition,
                Some(read.offset).filter(|&offset| offset >= 0),
            );
        }
        Ok(committed)
    }

    /// What became of each partition of a change to a group's offsets. `needed` is what the group's ACL must allow;
    /// a topic's must allow `Read`.
    fn change_of_group(
        &self,
        group: &str,
        doing: &str,
        needed: Operation,
        answer: Result<Vec<Read>, Fault>,
    ) -> Result<Vec<(TopicPartition, Result<()>)>> {
        let of_group = |fault| self.error(doing, Subject::Group(group).needing(needed), fault);
        let outcome = |read: Read| {
            let outcome = match read.fault {
                None => Ok(()),
                Some(fault) if is_about_the_group(&fault) => Err(of_group(fault)),
                Some(fault) => {
                    Err(self.partition_error(doing, &read.partition, Operation::Read, fault))
                }
            };
            (read.partition, outcome)
        };
        let mut outcomes: Vec<_> = answer.map_err(of_group)?.into_iter().map(outcome).collect();
        outcomes.sort_by(|left, right| left.0.cmp(&right.0));
        Ok(outcomes)
    }

    pub(super) fn partition_error(
        &self,
        doing: &str,
        partition: &TopicPartition,
        needed: Operation,
        fault: Fault,
    ) -> crate::error::Error {
        let subject = Subject::Partition(&partition.topic, partition.partition);
        self.error(doing, subject.needing(needed), fault)
    }
}
