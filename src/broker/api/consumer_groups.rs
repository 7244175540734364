//! ConsumerGroupHeartbeat and ConsumerGroupDescribe: groups of the next generation (KIP-848).

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::consumer_group_describe_response::{
    self as described, ConsumerGroupDescribeResponse, DescribedGroup,
};
use kafka_protocol::messages::consumer_group_heartbeat_response::{
    Assignment, ConsumerGroupHeartbeatResponse, TopicPartitions,
};
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, GroupId, TopicName,
};
use uuid::Uuid;

use super::super::group::consumer::Refused;
use super::super::group::consumer::heartbeat::{Heartbeat, Told};
use super::super::group::consumer::machine::Machine;
use super::super::group::consumer::member::{Member, by_topic};
use super::describe_groups::GROUP_OPERATIONS;
use super::groups::owned;
use super::{Answer, Call, text};

/// A member of the consumer protocol, as opposed to a classic one in an upgraded group (KIP-1099).
const CONSUMER_MEMBER: i8 = 1;

/// A member joins, lives or leaves, and is told what it may read.
pub(super) async fn heartbeat(call: Call<'_>, request: ConsumerGroupHeartbeatRequest) -> Answer {
    let result = match call.fault {
        Some(fault) => Err((
            ResponseError::Unknown(fault),
            "a fault was asked for".to_owned(),
        )),
        None => beat(&call, &request),
    };
    let response = ConsumerGroupHeartbeatResponse::default();
    let told = match result {
        Ok(told) => told,
        Err((error, reason)) => {
            return call.reply(
                &response
                    .with_error_code(error.code())
                    .with_error_message(Some(text(reason))),
            );
        }
    };
    let assignment = told.assignment.map(|topics| {
        let topic = |(id, partitions)| {
            TopicPartitions::default()
                .with_topic_id(id)
                .with_partitions(partitions)
        };
        Assignment::default().with_topic_partitions(topics.into_iter().map(topic).collect())
    });
    // A member that has left is asked for nothing.
    let interval = match told.epoch {
        ..0 => Duration::ZERO,
        _ => call.state.options.consumer_heartbeat_interval,
    };
    call.reply(
        &response
            .with_member_id(Some(text(told.member)))
            .with_member_epoch(told.epoch)
            .with_heartbeat_interval_ms(i32::try_from(interval.as_millis()).unwrap_or(i32::MAX))
            .with_assignment(assignment),
    )
}

fn beat(call: &Call<'_>, request: &ConsumerGroupHeartbeatRequest) -> Result<Told, Refused> {
    let rebalance = u64::try_from(request.rebalance_timeout_ms).ok();
    let topics = request.subscribed_topic_names.as_ref();
    let places = request.topic_partitions.as_ref().map(|topics| {
        let of_topic = topics.iter().flat_map(|topic| {
            let partitions = topic.partitions.iter();
            partitions.map(|partition| (topic.topic_id, *partition))
        });
        of_topic.collect()
    });
    let heartbeat = Heartbeat {
        member: request.member_id.to_string(),
        epoch: request.member_epoch,
        instance: owned(request.instance_id.as_ref()),
        rack: owned(request.rack_id.as_ref()),
        client_id: call.header.client_id.clone(),
        client_host: format!("/{}", call.connection.peer.ip()),
        rebalance: rebalance.map(Duration::from_millis),
        topics: topics.map(|names| names.iter().map(|name| name.to_string()).collect()),
        pattern: owned(request.subscribed_topic_regex.as_ref()),
        assignor: owned(request.server_assignor.as_ref()),
        owned: places,
    };
    heartbeat.check(&request.group_id, call.version())?;
    let groups = &call.state.groups;
    groups.consumer_heartbeat(
        &request.group_id,
        &heartbeat,
        &call.state.topics,
        Instant::now(),
    )
}

/// State, epochs and members of groups of this kind. Errors, one by one: GROUP_ID_NOT_FOUND.
pub(super) async fn describe(call: Call<'_>, request: ConsumerGroupDescribeRequest) -> Answer {
    // Looked up first: no lock of topics may be taken under that of a group.
    let topics = call.state.topics.all();
    let names: HashMap<Uuid, &str> = topics
        .iter()
        .map(|topic| (topic.id, topic.name.as_str()))
        .collect();
    let describe = |id: GroupId| {
        let found = call.state.groups.with(&id, |group| {
            let described = group.consumer().map(|group| describe_one(group, &names));
            described.ok_or("is not a consumer group.")
        });
        let found = match call.fault {
            Some(fault) => DescribedGroup::default().with_error_code(fault),
            None => found.unwrap_or(Err("not found.")).unwrap_or_else(|reason| {
                let reason = format!("Group {} {reason}", id.as_str());
                DescribedGroup::default()
                    .with_error_code(ResponseError::GroupIdNotFound.code())
                    .with_error_message(Some(text(reason)))
            }),
        };
        let found = match request.include_authorized_operations && found.error_code == 0 {
            true => found.with_authorized_operations(GROUP_OPERATIONS),
            false => found,
        };
        found.with_group_id(id)
    };
    let groups = request.group_ids.into_iter().map(describe).collect();
    call.reply(&ConsumerGroupDescribeResponse::default().with_groups(groups))
}

fn describe_one(group: &Machine, names: &HashMap<Uuid, &str>) -> DescribedGroup {
    let (epoch, assignment_epoch) = group.epochs();
    let member = |member: &Member| {
        let topics = member.topics.iter().map(|name| TopicName(text(name)));
        described::Member::default()
            .with_member_id(text(&member.id))
            .with_instance_id(member.instance.as_deref().map(text))
            .with_rack_id(member.rack.as_deref().map(text))
            .with_member_epoch(member.epoch)
            .with_client_id(text(&member.client_id))
            .with_client_host(text(&member.client_host))
            .with_subscribed_topic_names(topics.collect())
            .with_subscribed_topic_regex(member.pattern.as_deref().map(text))
            .with_assignment(named(member.holdings(), names))
            .with_target_assignment(named(by_topic(group.target(&member.id)), names))
            .with_member_type(CONSUMER_MEMBER)
    };
    DescribedGroup::default()
        .with_group_state(text(group.state()))
        .with_group_epoch(epoch)
        .with_assignment_epoch(assignment_epoch)
        .with_assignor_name(text(group.assignor().name()))
        .with_members(group.members().map(member).collect())
}

/// An assignment with the names of its topics; those that are gone are left out.
fn named(topics: BTreeMap<Uuid, Vec<i32>>, names: &HashMap<Uuid, &str>) -> described::Assignment {
    let topic = |(id, partitions)| {
        let name = TopicName(text(*names.get(&id)?));
        let topic = described::TopicPartitions::default()
            .with_topic_id(id)
            .with_topic_name(name);
        Some(topic.with_partitions(partitions))
    };
    let topics = topics.into_iter().filter_map(topic);
    described::Assignment::default().with_topic_partitions(topics.collect())
}
