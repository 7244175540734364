//! CreateTopics and DeleteTopics.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreateTopicsRequest,
};
use kafka_protocol::messages::create_topics_response::{
    CreatableTopicConfigs, CreatableTopicResult, CreateTopicsResponse,
};
use kafka_protocol::messages::delete_topics_request::{DeleteTopicState, DeleteTopicsRequest};
use kafka_protocol::messages::delete_topics_response::{
    DeletableTopicResult, DeleteTopicsResponse,
};
use kafka_protocol::messages::{BrokerId, TopicName};
use uuid::Uuid;

use super::super::NODE_ID;
use super::super::config::{self, TopicConfig};
use super::super::topics::{Refused, Topic};
use super::configs::{DEFAULT_SOURCE, TOPIC_SOURCE};
use super::{Answer, Call, text};

/// Partitions one request may ask for; Kafka's own limit.
pub(super) const PARTITIONS_PER_REQUEST: i64 = 10_000;

/// Makes topics, or with `validate_only` says whether they could be made.
pub(super) async fn create(call: Call<'_>, request: CreateTopicsRequest) -> Answer {
    let mut counts = BTreeMap::new();
    for asked in &request.topics {
        *counts.entry(asked.name.clone()).or_insert(0) += 1;
    }
    let wanted: i64 = request
        .topics
        .iter()
        .map(|topic| i64::from(topic.num_partitions.max(1)))
        .sum();
    let mut results = Vec::new();
    let mut seen = HashSet::new();
    for asked in &request.topics {
        if !seen.insert(asked.name.clone()) {
            continue;
        }
        let made = if counts.get(&asked.name).is_some_and(|count| *count > 1) {
            Err((
                ResponseError::InvalidRequest,
                "Duplicate topic name.".to_owned(),
            ))
        } else if wanted > PARTITIONS_PER_REQUEST {
            let reason = format!("Excessively large number of partitions per request: {wanted}");
            Err((ResponseError::PolicyViolation, reason))
        } else {
            create_one(&call, asked, request.validate_only)
        };
        let result = CreatableTopicResult::default().with_name(asked.name.clone());
        results.push(match made {
            Ok((topic, partitions)) => {
                let result = result
                    .with_num_partitions(partitions)
                    .with_replication_factor(1)
                    .with_configs(Some(described(&topic)));
                match call.version() >= 7 && !request.validate_only {
                    true => result.with_topic_id(topic.id),
                    false => result,
                }
            }
            Err((error, reason)) => result
                .with_error_code(error.code())
                .with_error_message(Some(text(reason)))
                .with_num_partitions(-1)
                .with_replication_factor(-1)
                .with_configs(Some(Vec::new())),
        });
    }
    call.reply(&CreateTopicsResponse::default().with_topics(results))
}

fn create_one(
    call: &Call<'_>,
    asked: &CreatableTopic,
    validate_only: bool,
) -> Result<(Arc<Topic>, i32), Refused> {
    let refused = |error, reason: &str| Err((error, reason.to_owned()));
    let partitions = if asked.assignments.is_empty() {
        if !matches!(asked.replication_factor, -1 | 1) {
            let reason = match asked.replication_factor {
                ..=0 => "Replication factor must be larger than 0, or -1 to use the default value."
                    .to_owned(),
                factor => format!(
                    "Unable to replicate the partition {factor} time(s): The target replication factor of {factor} \
                     cannot be reached because only 1 broker(s) are registered."
                ),
            };
            return Err((ResponseError::InvalidReplicationFactor, reason));
        }
        match asked.num_partitions {
            -1 => call.state.options.default_partitions,
            count => count,
        }
    } else {
        if asked.num_partitions != -1 || asked.replication_factor != -1 {
            let reason =
                "Both a manual assignment and a number of partitions or replicas were given.";
            return refused(ResponseError::InvalidRequest, reason);
        }
        assigned(&asked.assignments)?
    };
    let mut overrides = BTreeMap::new();
    for entry in &asked.configs {
        let Some(value) = &entry.value else {
            let reason = format!("Null value not supported for topic configs: {}", entry.name);
            return Err((ResponseError::InvalidConfig, reason));
        };
        overrides.insert(entry.name.to_string(), value.to_string());
    }
    // Kafka looks at the name before it looks at the configuration.
    super::super::topics::check_name(&asked.name)
        .map_err(|reason| (ResponseError::InvalidTopicException, reason))?;
    let config =
        TopicConfig::new(overrides).map_err(|reason| (ResponseError::InvalidConfig, reason))?;
    let topic = call
        .state
        .topics
        .create(&asked.name, partitions, config, validate_only)?;
    Ok((topic, partitions))
}

/// A manual assignment must name every partition from 0 on once, and put it on the only node.
fn assigned(assignments: &[CreatableReplicaAssignment]) -> Result<i32, Refused> {
    let indexes: HashSet<i32> = assignments
        .iter()
        .map(|assignment| assignment.partition_index)
        .collect();
    let consecutive = (0..assignments.len() as i32).all(|index| indexes.contains(&index));
    let here = |assignment: &CreatableReplicaAssignment| is_here(&assignment.broker_ids);
    if !consecutive || !assignments.iter().all(here) {
        let reason =
            "Partitions must be numbered from 0 on, each with the one replica 1.".to_owned();
        return Err((ResponseError::InvalidReplicaAssignment, reason));
    }
    Ok(assignments.len() as i32)
}

/// Whether a list of replicas is what it must be here: the only node.
pub(super) fn is_here(brokers: &[BrokerId]) -> bool {
    brokers == [BrokerId(NODE_ID)]
}

fn described(topic: &Topic) -> Vec<CreatableTopicConfigs> {
    let set = topic.config();
    let describe = |definition: &config::Definition| {
        let value = set.overrides().get(definition.name);
        CreatableTopicConfigs::default()
            .with_name(text(definition.name))
            .with_value(Some(text(value.map_or(definition.default, String::as_str))))
            .with_config_source(if value.is_some() {
                TOPIC_SOURCE
            } else {
                DEFAULT_SOURCE
            })
    };
    config::TOPIC.iter().map(describe).collect()
}

/// Deletes topics, by name or (from version 6 on) by id, with their records and the offsets committed for them.
pub(super) async fn delete(call: Call<'_>, request: DeleteTopicsRequest) -> Answer {
    let by_name = request
        .topic_names
        .into_iter()
        .map(|name| DeleteTopicState::default().with_name(Some(name)));
    let asked = request.topics.into_iter().chain(by_name);
    let delete = |asked: DeleteTopicState| {
        let name = asked.name.clone();
        let found = match (&name, asked.topic_id.is_nil()) {
            (Some(_), false) | (None, true) => Err(ResponseError::InvalidRequest),
            (Some(name), true) => call.state.topics.find(name, Uuid::nil()),
            (None, false) => call.state.topics.find("", asked.topic_id),
        };
        let deleted = found.and_then(|topic| {
            let forget = |name: &str| call.state.groups.forget_topic(name);
            let deleted = call.state.topics.delete(&topic, forget);
            deleted.map_err(|(error, _)| error)?;
            Ok(topic)
        });
        let result = DeletableTopicResult::default().with_error_code(super::code(&deleted));
        match deleted {
            Ok(topic) => {
                let result = result.with_name(Some(TopicName(text(&topic.name))));
                match call.version() >= 6 {
                    true => result.with_topic_id(topic.id),
                    false => result,
                }
            }
            Err(error) => {
                let reason = match error {
                    ResponseError::KafkaStorageError => "The data directory cannot be written.",
                    ResponseError::UnknownTopicId => "This server does not host this topic ID.",
                    ResponseError::InvalidRequest => {
                        "A topic is named either by its name or by its id."
                    }
                    _ => "This server does not host this topic-partition.",
                };
                result
                    .with_name(name)
                    .with_topic_id(asked.topic_id)
                    .with_error_message(Some(text(reason)))
            }
        }
    };
    let responses = asked.map(delete).collect();
    call.reply(&DeleteTopicsResponse::default().with_responses(responses))
}
