//! Metadata: the node, the topics, their partitions.

use std::net::SocketAddr;
use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{BrokerId, MetadataRequest, MetadataResponse, TopicName};

use super::super::NODE_ID;
use super::super::topics::{Topic, check_name};
use super::{Answer, Call, LEADER_EPOCH, text};

/// What may be done with a topic, as bits: everything, for want of an authorizer.
const TOPIC_OPERATIONS: i32 = 0b1101_1111_1000;
/// The same for the cluster.
pub(super) const CLUSTER_OPERATIONS: i32 = 0b1_1111_1010_0000;

/// The address clients are to use: where the broker listens, or, where that is every interface, the one this client
/// came to.
pub(super) fn advertised(call: &Call<'_>) -> SocketAddr {
    let address = call.state.address;
    match address.ip().is_unspecified() {
        true => SocketAddr::new(call.connection.local.ip(), address.port()),
        false => address,
    }
}

/// Answers for the topics asked for, by name or id; topics are never made by asking.
pub(super) async fn handle(call: Call<'_>, request: MetadataRequest) -> Answer {
    let address = advertised(&call);
    let state = call.state;
    let with_operations = request.include_topic_authorized_operations && call.version() >= 8;
    let describe = |topic: &Arc<Topic>| {
        let described = describe(topic);
        match with_operations {
            true => described.with_topic_authorized_operations(TOPIC_OPERATIONS),
            false => described,
        }
    };
    let all = || state.topics.all().iter().map(describe).collect();
    let topics = match request.topics {
        None => all(),
        Some(topics) if topics.is_empty() && call.version() == 0 => all(),
        Some(topics) => topics
            .into_iter()
            .map(|asked| {
                let name = asked.name.as_ref().map_or("", |name| name.as_str());
                match state.topics.find(name, asked.topic_id) {
                    Ok(topic) => describe(&topic),
                    Err(error) => {
                        let bad_name = asked.topic_id.is_nil() && check_name(name).is_err();
                        let error = if bad_name {
                            ResponseError::InvalidTopicException
                        } else {
                            error
                        };
                        // Before version 12 the name may not be null.
                        let name = asked
                            .name
                            .clone()
                            .or((call.version() < 12).then(TopicName::default));
                        MetadataResponseTopic::default()
                            .with_error_code(error.code())
                            .with_name(name)
                            .with_topic_id(asked.topic_id)
                    }
                }
            })
            .collect(),
    };
    let broker = MetadataResponseBroker::default()
        .with_node_id(BrokerId(NODE_ID))
        .with_host(text(address.ip().to_string()))
        .with_port(address.port().into());
    let mut response = MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_cluster_id(Some(text(&call.state.cluster_id)))
        .with_controller_id(BrokerId(NODE_ID))
        .with_topics(topics);
    if request.include_cluster_authorized_operations && (8..=10).contains(&call.version()) {
        response = response.with_cluster_authorized_operations(CLUSTER_OPERATIONS);
    }
    call.reply(&response)
}

fn describe(topic: &Arc<Topic>) -> MetadataResponseTopic {
    let node = || vec![BrokerId(NODE_ID)];
    let partition = |index| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(BrokerId(NODE_ID))
            .with_leader_epoch(LEADER_EPOCH)
            .with_replica_nodes(node())
            .with_isr_nodes(node())
    };
    MetadataResponseTopic::default()
        .with_name(Some(TopicName(text(&topic.name))))
        .with_topic_id(topic.id)
        .with_partitions((0..topic.partition_count()).map(partition).collect())
}
