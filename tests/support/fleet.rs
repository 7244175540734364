//! A fleet of groups, made in seconds: Kafka's protocol is spoken directly, with many requests under way at once, since
//! starting a client for each group would take minutes.

use super::broker::Broker;
use super::connection::{Connection, PATIENCE};
use super::wait::wait_for;
use bytes::{Bytes, BytesMut};
use kafka_protocol::error::ResponseError;
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    CreateTopicsRequest, FindCoordinatorRequest, GroupId, OffsetCommitRequest, ProduceRequest,
    TopicName,
};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record,
    RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use std::collections::BTreeMap;

/// Versions that both Kafka 4 and the embedded broker speak, old enough to do without topic ids.
const CREATE_TOPICS: i16 = 4;
const PRODUCE: i16 = 8;
const OFFSET_COMMIT: i16 = 7;
const FIND_COORDINATOR: i16 = 2;

const PARTITIONS_A_REQUEST: usize = 500;

/// So many groups without members, each with commits in one topic; the topics go round.
#[derive(Clone, Copy, Debug)]
pub struct Fleet<'a> {
    /// What the names of its groups and topics begin with.
    pub name: &'a str,
    pub groups: usize,
    pub topics: usize,
    /// Of each topic.
    pub partitions: i32,
    /// Leaves one partition of seven without a commit.
    pub gaps: bool,
}

impl Fleet<'_> {
    pub fn topic(&self, topic: usize) -> String {
        format!("{}-topic-{topic:05}", self.name)
    }

    pub fn group(&self, group: usize) -> String {
        format!("{}-group-{group:05}", self.name)
    }

    /// The topic that the group reads.
    pub fn topic_of(&self, group: usize) -> usize {
        group % self.topics
    }

    /// How many records the partition is given: none to three.
    pub fn records(&self, topic: usize, partition: i32) -> i64 {
        (topic as i64 + i64::from(partition)) % 4
    }

    /// What the group commits there, so that its lag is none to three; `None` for a gap.
    pub fn committed(&self, group: usize, partition: i32) -> Option<i64> {
        let place = group as i64 * i64::from(self.partitions) + i64::from(partition);
        let is_gap = self.gaps && place % 7 == 3;
        let records = self.records(self.topic_of(group), partition);
        (!is_gap).then(|| records * (place % 3) / 2)
    }

    /// Makes topics, records and commits on a broker that leads every partition and coordinates every group.
    pub fn make(&self, broker: &Broker) -> Result<(), String> {
        let mut connection = Connection::open(broker.address())?;
        self.wait_for_coordinator(&mut connection)?;
        let topics: Vec<usize> = (0..self.topics).collect();
        let batch = (PARTITIONS_A_REQUEST / self.partitions.max(1) as usize).max(1);
        for topics in topics.chunks(batch) {
            self.make_topics(&mut connection, topics)?;
        }
        for topics in topics.chunks(batch) {
            self.fill(&mut connection, topics)?;
        }
        let commits = (0..self.groups).map(|group| self.commit(group));
        connection.ask_all(commits, OFFSET_COMMIT, |answer| {
            let topics = answer.topics.iter();
            let partitions = topics.flat_map(|topic| &topic.partitions);
            checked(partitions.map(|partition| partition.error_code))
        })
    }

    /// A broker that is new makes the topic of the offsets first.
    fn wait_for_coordinator(&self, connection: &mut Connection) -> Result<(), String> {
        let request = FindCoordinatorRequest::default().with_key(text(&self.group(0)));
        let mut last = String::new();
        let found = wait_for(PATIENCE, || {
            let answer = connection.ask(&request, FIND_COORDINATOR);
            match answer.and_then(|answer| checked([answer.error_code])) {
                Ok(()) => return Some(()),
                Err(reason) => last = reason,
            }
            None
        });
        found.ok_or_else(|| format!("no coordinator: {last}"))
    }

    fn make_topics(&self, connection: &mut Connection, topics: &[usize]) -> Result<(), String> {
        let topic = |&topic: &usize| {
            CreatableTopic::default()
                .with_name(TopicName(text(&self.topic(topic))))
                .with_num_partitions(self.partitions)
                .with_replication_factor(1)
        };
        let request = CreateTopicsRequest::default()
            .with_topics(topics.iter().map(topic).collect())
            .with_timeout_ms(PATIENCE.as_millis() as i32);
        let answer = connection.ask(&request, CREATE_TOPICS)?;
        checked(answer.topics.iter().map(|topic| topic.error_code))
    }

    /// Sends records until every partition has its own: the broker knows of a topic before it leads its partitions.
    fn fill(&self, connection: &mut Connection, topics: &[usize]) -> Result<(), String> {
        let mut due: BTreeMap<String, Vec<(i32, i64)>> = BTreeMap::new();
        for &topic in topics {
            let counts = (0..self.partitions)
                .map(|partition| (partition, self.records(topic, partition)))
                .filter(|&(_, count)| count > 0);
            due.insert(self.topic(topic), counts.collect());
        }
        let mut last = String::new();
        let filled = wait_for(PATIENCE, || {
            let answer = produce(&due).and_then(|request| connection.ask(&request, PRODUCE));
            let answer = match answer {
                Ok(answer) => answer,
                Err(reason) => return Some(Err(reason)),
            };
            for topic in answer.responses {
                let counts = due.entry(topic.name.to_string()).or_default();
                for partition in topic.partition_responses {
                    match checked([partition.error_code]) {
                        Ok(()) => counts.retain(|(index, _)| *index != partition.index),
                        Err(reason) => last = reason,
                    }
                }
            }
            due.retain(|_, counts| !counts.is_empty());
            due.is_empty().then_some(Ok(()))
        });
        filled.unwrap_or(Err(last))
    }

    /// As a tool commits that is no member: without generation and member.
    fn commit(&self, group: usize) -> Result<OffsetCommitRequest, String> {
        let partition = |partition: i32| {
            let offset = self.committed(group, partition)?;
            Some(
                OffsetCommitRequestPartition::default()
                    .with_partition_index(partition)
                    .with_committed_offset(offset)
                    .with_committed_metadata(Some(text(""))),
            )
        };
        let topic = OffsetCommitRequestTopic::default()
            .with_name(TopicName(text(&self.topic(self.topic_of(group)))))
            .with_partitions((0..self.partitions).filter_map(partition).collect());
        Ok(OffsetCommitRequest::default()
            .with_group_id(GroupId(text(&self.group(group))))
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![topic]))
    }
}

/// So many records for each of these partitions.
fn produce(due: &BTreeMap<String, Vec<(i32, i64)>>) -> Result<ProduceRequest, String> {
    let partition = |&(partition, count): &(i32, i64)| {
        Ok(PartitionProduceData::default()
            .with_index(partition)
            .with_records(Some(batch(count)?)))
    };
    let mut topics = Vec::new();
    for (topic, counts) in due {
        let partitions: Result<_, String> = counts.iter().map(partition).collect();
        let data = TopicProduceData::default()
            .with_name(TopicName(text(topic)))
            .with_partition_data(partitions?);
        topics.push(data);
    }
    Ok(ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(PATIENCE.as_millis() as i32)
        .with_topic_data(topics))
}

/// The first error among these codes.
fn checked(codes: impl IntoIterator<Item = i16>) -> Result<(), String> {
    let error = codes.into_iter().find_map(ResponseError::try_from_code);
    error.map_or(Ok(()), |error| Err(error.to_string()))
}

fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

/// So many small records.
fn batch(count: i64) -> Result<Bytes, String> {
    let record = |offset: i64| Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset,
        // Counted on: the encoder would begin a new batch where offset and sequence part.
        sequence: NO_SEQUENCE + offset as i32,
        timestamp: 1_700_000_000_000 + offset,
        key: None,
        value: Some(Bytes::from_static(b"record")),
        headers: IndexMap::new(),
    };
    let records: Vec<Record> = (0..count).map(record).collect();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    let mut bytes = BytesMut::new();
    RecordBatchEncoder::encode(&mut bytes, &records, &options)
        .map_err(|error| error.to_string())?;
    Ok(bytes.freeze())
}
