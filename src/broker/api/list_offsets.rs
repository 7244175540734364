//! ListOffsets: the ends of a log, and the offset of a time.

use std::collections::HashSet;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::ListOffsetsRequest;
use kafka_protocol::messages::list_offsets_request::ListOffsetsPartition;
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsResponse, ListOffsetsTopicResponse,
};

use super::super::topics::Topic;
use super::{Answer, Call, LEADER_EPOCH};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
/// The earliest record on local disk (KIP-405): all are, so the earliest.
const EARLIEST_LOCAL: i64 = -4;
/// The latest record in tiered storage (KIP-1005): there is none.
const LATEST_TIERED: i64 = -5;

/// For each partition the timestamp and offset asked for; -1 and -1 where no record is as late as that. Error of its own:
/// INVALID_REQUEST for a partition that is asked for twice.
pub(super) async fn handle(call: Call<'_>, request: ListOffsetsRequest) -> Answer {
    let committed = request.isolation_level == 1;
    let mut topics = Vec::with_capacity(request.topics.len());
    let twice = twice(&request);
    for asked in request.topics {
        let topic = call.state.topics.get(&asked.name);
        let look = |asked: &ListOffsetsPartition| {
            let result = match &topic {
                Some(topic) if twice.contains(&(topic.name.clone(), asked.partition_index)) => {
                    Err(ResponseError::InvalidRequest)
                }
                Some(topic) => find(topic, asked, committed),
                None => Err(ResponseError::UnknownTopicOrPartition),
            };
            let response = ListOffsetsPartitionResponse::default()
                .with_partition_index(asked.partition_index)
                .with_error_code(super::code(&result));
            match result {
                Ok(Some((timestamp, offset))) => {
                    let response = response.with_timestamp(timestamp).with_offset(offset);
                    match call.version() >= 4 {
                        true => response.with_leader_epoch(LEADER_EPOCH),
                        false => response,
                    }
                }
                Ok(None) | Err(_) => response.with_timestamp(-1).with_offset(-1),
            }
        };
        let partitions = asked.partitions.iter().map(look).collect();
        topics.push(
            ListOffsetsTopicResponse::default()
                .with_name(asked.name)
                .with_partitions(partitions),
        );
    }
    call.reply(&ListOffsetsResponse::default().with_topics(topics))
}

/// Partitions that are asked for more than once: Kafka refuses these.
fn twice(request: &ListOffsetsRequest) -> HashSet<(String, i32)> {
    let mut seen = HashSet::new();
    let mut twice = HashSet::new();
    for topic in &request.topics {
        for asked in &topic.partitions {
            let place = (topic.name.as_str(), asked.partition_index);
            if !seen.insert(place) {
                twice.insert((place.0.to_owned(), place.1));
            }
        }
    }
    twice
}

/// The timestamp and the offset; with `committed`, of what lies before the last stable offset.
fn find(
    topic: &Topic,
    asked: &ListOffsetsPartition,
    committed: bool,
) -> Result<Option<(i64, i64)>, ResponseError> {
    let partition = topic.partition(asked.partition_index);
    let partition = partition.ok_or(ResponseError::UnknownTopicOrPartition)?;
    match asked.current_leader_epoch {
        -1 | LEADER_EPOCH => {}
        epoch if epoch > LEADER_EPOCH => return Err(ResponseError::UnknownLeaderEpoch),
        _ => return Err(ResponseError::FencedLeaderEpoch),
    }
    let (start, end) = partition.bounds(committed);
    let readable = |(_, offset): &(i64, i64)| !committed || *offset < end;
    match asked.timestamp {
        LATEST => Ok(Some((-1, end))),
        EARLIEST | EARLIEST_LOCAL => Ok(Some((-1, start))),
        MAX_TIMESTAMP => Ok(partition.latest()?.filter(readable)),
        LATEST_TIERED => Ok(None),
        timestamp if timestamp >= 0 => Ok(partition.first_at(timestamp)?.filter(readable)),
        _ => Err(ResponseError::UnsupportedVersion),
    }
}
