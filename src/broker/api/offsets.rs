//! OffsetCommit, OffsetFetch, OffsetDelete.

use std::time::Instant;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::offset_commit_request::OffsetCommitRequestPartition;
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponse, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::offset_delete_response::{
    OffsetDeleteResponse, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponse, OffsetFetchResponseGroup, OffsetFetchResponsePartition,
    OffsetFetchResponsePartitions, OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{
    OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use super::super::group::offsets::{Committed, Offsets};
use super::super::group::state::{Group, Phase};
use super::super::sync::now_milliseconds;
use super::groups::{caller, owned};
use super::{Answer, Call, text};

/// `offset.metadata.max.bytes`.
const METADATA_LIMIT: usize = 4096;
/// From this version on OffsetCommit and OffsetFetch know of member epochs (KIP-848).
const MEMBER_EPOCH_VERSION: i16 = 9;
const CONSUMER: &str = "consumer";

/// Whether an offset can be kept for this partition. Errors: UNKNOWN_TOPIC_OR_PARTITION, OFFSET_METADATA_TOO_LARGE.
pub(super) fn check_place(
    call: &Call<'_>,
    topic: &str,
    partition: i32,
    metadata: Option<&str>,
) -> Result<(), ResponseError> {
    let topic = call.state.topics.get(topic);
    if topic.is_none_or(|topic| topic.partition(partition).is_none()) {
        Err(ResponseError::UnknownTopicOrPartition)
    } else if metadata.is_some_and(|metadata| metadata.len() > METADATA_LIMIT) {
        Err(ResponseError::OffsetMetadataTooLarge)
    } else {
        Ok(())
    }
}

/// What a request asks to be kept.
pub(super) fn committed_now(
    offset: i64,
    leader_epoch: i32,
    metadata: Option<&StrBytes>,
) -> Committed {
    Committed {
        offset,
        leader_epoch,
        metadata: owned(metadata).unwrap_or_default(),
        at: now_milliseconds(),
        order: 0,
    }
}

/// Keeps offsets. Whether the caller may commit decides for all of them; what is wrong with one is said of it alone.
pub(super) async fn commit(call: Call<'_>, request: OffsetCommitRequest) -> Answer {
    let generation = request.generation_id_or_member_epoch;
    let caller = caller(
        &request.member_id,
        request.group_instance_id.as_ref(),
        generation,
    );
    let (now, version) = (Instant::now(), call.version());
    let id = request.group_id.as_str();
    let check = |topic: &TopicName, asked: &OffsetCommitRequestPartition| {
        let metadata = asked.committed_metadata.as_deref();
        check_place(&call, topic, asked.partition_index, metadata)
    };
    // The checks look at topics; done first, so that no two locks are held.
    let mut checked: Vec<Vec<Result<(), ResponseError>>> = request
        .topics
        .iter()
        .map(|topic| {
            topic
                .partitions
                .iter()
                .map(|asked| check(&topic.name, asked))
                .collect()
        })
        .collect();
    let keep = |group: &mut Group| {
        group.may_commit(&caller, false, now)?;
        if generation >= 0 && group.consumer().is_some() && version < MEMBER_EPOCH_VERSION {
            return Err(ResponseError::UnsupportedVersion);
        }
        let mut accepted = Vec::new();
        for (topic, checked) in request.topics.iter().zip(&mut checked) {
            for (asked, checked) in topic.partitions.iter().zip(checked) {
                let may = group.may_commit_place(&caller, &topic.name, asked.partition_index);
                *checked = checked.and(may);
                if checked.is_ok() {
                    let committed = committed_now(
                        asked.committed_offset,
                        asked.committed_leader_epoch,
                        asked.committed_metadata.as_ref(),
                    );
                    accepted.push((topic.name.to_string(), asked.partition_index, committed));
                }
            }
        }
        call.state.groups.commit(group, accepted)
    };
    let allowed = if let Some(fault) = call.fault {
        Err(ResponseError::Unknown(fault))
    } else if id.is_empty() {
        Err(ResponseError::InvalidGroupId)
    } else if generation < 0 {
        call.state.groups.with_or_create(id, keep)
    } else {
        call.state
            .groups
            .with(id, keep)
            .unwrap_or(Err(match version {
                ..MEMBER_EPOCH_VERSION => ResponseError::IllegalGeneration,
                _ => ResponseError::GroupIdNotFound,
            }))
    };
    let answered = request.topics.iter().zip(checked).map(|(topic, checked)| {
        let partition =
            |(asked, checked): (&OffsetCommitRequestPartition, Result<(), ResponseError>)| {
                OffsetCommitResponsePartition::default()
                    .with_partition_index(asked.partition_index)
                    .with_error_code(super::code(&allowed.and(checked)))
            };
        OffsetCommitResponseTopic::default()
            .with_name(topic.name.clone())
            .with_partitions(
                topic
                    .partitions
                    .iter()
                    .zip(checked)
                    .map(partition)
                    .collect(),
            )
    });
    call.reply(&OffsetCommitResponse::default().with_topics(answered.collect()))
}

/// What is said of a partition's offset.
struct Found {
    /// -1 where nothing is committed.
    offset: i64,
    leader_epoch: i32,
    metadata: String,
    error: i16,
}

/// The offset of a partition. Who asks for a stable one is told UNSTABLE_OFFSET_COMMIT while a transaction is about to
/// change it (KIP-447).
fn found(offsets: Option<&Offsets>, topic: &str, partition: i32, stable: bool) -> Found {
    let is_staged = stable && offsets.is_some_and(|offsets| offsets.is_staged(topic, partition));
    let committed = offsets.and_then(|offsets| offsets.get(topic, partition));
    match committed.filter(|_| !is_staged) {
        Some(committed) => Found {
            offset: committed.offset,
            leader_epoch: committed.leader_epoch,
            metadata: committed.metadata.clone(),
            error: 0,
        },
        None => Found {
            offset: -1,
            leader_epoch: -1,
            metadata: String::new(),
            error: match is_staged {
                true => ResponseError::UnstableOffsetCommit.code(),
                false => 0,
            },
        },
    }
}

type Asked = Option<Vec<(TopicName, Vec<i32>)>>;
type FetchedTopics = Vec<(TopicName, Vec<(i32, Found)>)>;

/// What is committed for the partitions asked for, or, asked for none in particular, for all there are.
fn look_up(call: &Call<'_>, group: &str, asked: Asked, stable: bool) -> FetchedTopics {
    let look = |offsets: Option<&Offsets>| match asked {
        Some(asked) => asked
            .into_iter()
            .map(|(topic, indexes)| {
                let partitions = indexes
                    .into_iter()
                    .map(|index| (index, found(offsets, &topic, index, stable)));
                let partitions = partitions.collect();
                (topic, partitions)
            })
            .collect(),
        None => offsets
            .into_iter()
            .flat_map(Offsets::topics)
            .map(|(topic, partitions)| {
                let partitions = partitions
                    .keys()
                    .map(|index| (*index, found(offsets, topic, *index, stable)));
                (TopicName(text(topic)), partitions.collect())
            })
            .collect(),
    };
    match call.state.groups.get(group) {
        Some(group) => look(Some(&super::super::sync::lock(&group).offsets)),
        None => look(None),
    }
}

/// Committed offsets: of one group before version 8, of several from there on.
pub(super) async fn fetch(call: Call<'_>, request: OffsetFetchRequest) -> Answer {
    let response = OffsetFetchResponse::default();
    if let Some(fault) = call.fault {
        let failed = |asked: OffsetFetchRequestGroup| {
            OffsetFetchResponseGroup::default()
                .with_group_id(asked.group_id)
                .with_error_code(fault)
        };
        let response = match call.version() {
            ..8 => response.with_error_code(fault),
            _ => response.with_groups(request.groups.into_iter().map(failed).collect()),
        };
        return call.reply(&response);
    }
    let stable = request.require_stable;
    if call.version() < 8 {
        let asked = request.topics.map(|topics| {
            topics
                .into_iter()
                .map(|topic| (topic.name, topic.partition_indexes))
                .collect()
        });
        let topics = look_up(&call, &request.group_id, asked, stable)
            .into_iter()
            .map(|(name, partitions)| {
                let partition = |(index, found): (i32, Found)| {
                    OffsetFetchResponsePartition::default()
                        .with_partition_index(index)
                        .with_committed_offset(found.offset)
                        .with_committed_leader_epoch(found.leader_epoch)
                        .with_metadata(Some(text(found.metadata)))
                        .with_error_code(found.error)
                };
                OffsetFetchResponseTopic::default()
                    .with_name(name)
                    .with_partitions(partitions.into_iter().map(partition).collect())
            });
        return call.reply(&response.with_topics(topics.collect()));
    }
    let mut groups = Vec::with_capacity(request.groups.len());
    for asked in request.groups {
        if call.version() >= MEMBER_EPOCH_VERSION {
            let (member, epoch) = (asked.member_id.as_deref(), asked.member_epoch);
            let may = |group: &mut Group| group.may_fetch(member, epoch);
            if let Some(Err(error)) = call.state.groups.with(&asked.group_id, may) {
                let refused = OffsetFetchResponseGroup::default().with_error_code(error.code());
                groups.push(refused.with_group_id(asked.group_id));
                continue;
            }
        }
        let topics = asked.topics.map(|topics| {
            topics
                .into_iter()
                .map(|topic| (topic.name, topic.partition_indexes))
                .collect()
        });
        let topics = look_up(&call, &asked.group_id, topics, stable)
            .into_iter()
            .map(|(name, partitions)| {
                let partition = |(index, found): (i32, Found)| {
                    OffsetFetchResponsePartitions::default()
                        .with_partition_index(index)
                        .with_committed_offset(found.offset)
                        .with_committed_leader_epoch(found.leader_epoch)
                        .with_metadata(Some(text(found.metadata)))
                        .with_error_code(found.error)
                };
                OffsetFetchResponseTopics::default()
                    .with_name(name)
                    .with_partitions(partitions.into_iter().map(partition).collect())
            });
        let group = OffsetFetchResponseGroup::default().with_topics(topics.collect());
        groups.push(group.with_group_id(asked.group_id));
    }
    call.reply(&response.with_groups(groups))
}

/// Forgets single offsets (KIP-496). Errors: GROUP_ID_NOT_FOUND; NON_EMPTY_GROUP for a live group that is not made of
/// consumers; GROUP_SUBSCRIBED_TO_TOPIC for a topic a live consumer reads.
pub(super) async fn delete(call: Call<'_>, request: OffsetDeleteRequest) -> Answer {
    let topics = &call.state.topics;
    let known: Vec<Vec<bool>> = request
        .topics
        .iter()
        .map(|asked| {
            let topic = topics.get(&asked.name);
            let exists = |index| {
                topic
                    .as_ref()
                    .is_some_and(|topic| topic.partition(index).is_some())
            };
            asked
                .partitions
                .iter()
                .map(|partition| exists(partition.partition_index))
                .collect()
        })
        .collect();
    let forget = |group: &mut Group| {
        if group.phase() != Phase::Empty && group.protocol_type() != CONSUMER {
            return Err(ResponseError::NonEmptyGroup);
        }
        let mut forgotten = Vec::new();
        let topics = request.topics.iter().zip(&known).map(|(asked, known)| {
            let subscribed = group.subscribes(&asked.name);
            let partition = asked
                .partitions
                .iter()
                .zip(known)
                .map(|(partition, known)| {
                    let result = match (known, subscribed) {
                        (false, _) => Err(ResponseError::UnknownTopicOrPartition),
                        (true, true) => Err(ResponseError::GroupSubscribedToTopic),
                        (true, false) => {
                            forgotten.push((asked.name.to_string(), partition.partition_index));
                            Ok(())
                        }
                    };
                    OffsetDeleteResponsePartition::default()
                        .with_partition_index(partition.partition_index)
                        .with_error_code(super::code(&result))
                });
            let partitions = partition.collect();
            OffsetDeleteResponseTopic::default()
                .with_name(asked.name.clone())
                .with_partitions(partitions)
        });
        let topics = topics.collect::<Vec<_>>();
        call.state.groups.forget(group, &forgotten)?;
        Ok(topics)
    };
    let result = call.state.groups.with(&request.group_id, forget);
    let result = result.unwrap_or(Err(ResponseError::GroupIdNotFound));
    let response = OffsetDeleteResponse::default().with_error_code(super::code(&result));
    call.reply(&response.with_topics(result.unwrap_or_default()))
}
