//! DescribeConfigs.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::DescribeConfigsRequest;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResponse, DescribeConfigsResult,
    DescribeConfigsSynonym,
};

use super::super::config::{BROKER, Definition, TOPIC, TopicConfig};
use super::super::{NODE_ID, topics::Refused};
use super::{Answer, Call, text};

/// Resource types.
pub(super) const TOPIC_RESOURCE: i8 = 2;
pub(super) const BROKER_RESOURCE: i8 = 4;

/// Where a value comes from: set for the topic, in the broker's properties, or nowhere.
pub(super) const TOPIC_SOURCE: i8 = 1;
const STATIC_BROKER_SOURCE: i8 = 4;
pub(super) const DEFAULT_SOURCE: i8 = 5;

/// Describes topics and the broker. Errors: UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION, INVALID_REQUEST.
pub(super) async fn describe(call: Call<'_>, request: DescribeConfigsRequest) -> Answer {
    let (synonyms, version) = (request.include_synonyms, call.version());
    let describe = |asked: &DescribeConfigsResource| {
        let result = DescribeConfigsResult::default()
            .with_resource_type(asked.resource_type)
            .with_resource_name(asked.resource_name.clone());
        match describe_one(&call, asked, synonyms, version >= 3) {
            Ok(configs) => result.with_configs(configs),
            Err((error, reason)) => result
                .with_error_code(error.code())
                .with_error_message(Some(text(reason))),
        }
    };
    let results = request.resources.iter().map(describe).collect();
    call.reply(&DescribeConfigsResponse::default().with_results(results))
}

fn describe_one(
    call: &Call<'_>,
    asked: &DescribeConfigsResource,
    synonyms: bool,
    with_types: bool,
) -> Result<Vec<DescribeConfigsResourceResult>, Refused> {
    let keys = asked.configuration_keys.as_ref();
    let wanted = |name: &str| keys.is_none_or(|keys| keys.iter().any(|key| key.as_str() == name));
    let name = asked.resource_name.as_str();
    match asked.resource_type {
        TOPIC_RESOURCE => {
            super::super::topics::check_name(name)
                .map_err(|reason| (ResponseError::InvalidTopicException, reason))?;
            let Some(topic) = call.state.topics.get(name) else {
                let reason = "This server does not host this topic-partition.".to_owned();
                return Err((ResponseError::UnknownTopicOrPartition, reason));
            };
            let config = topic.config();
            let chosen = TOPIC.iter().filter(|definition| wanted(definition.name));
            Ok(chosen
                .map(|definition| entry(definition, &config, synonyms, with_types))
                .collect())
        }
        BROKER_RESOURCE if name.is_empty() => Ok(Vec::new()),
        BROKER_RESOURCE if name == NODE_ID.to_string() => {
            let chosen = BROKER.iter().filter(|(name, ..)| wanted(name));
            let entry = |(name, kind, value): &(&str, super::super::config::Type, &str)| {
                let entry = DescribeConfigsResourceResult::default()
                    .with_name(text(*name))
                    .with_value(Some(text(*value)))
                    .with_read_only(true)
                    .with_config_source(STATIC_BROKER_SOURCE);
                match with_types {
                    true => entry.with_config_type(*kind as i8),
                    false => entry,
                }
            };
            Ok(chosen.map(entry).collect())
        }
        BROKER_RESOURCE => {
            let reason = format!(
                "Unexpected broker id, expected {NODE_ID} or empty string, but received {name}"
            );
            Err((ResponseError::InvalidRequest, reason))
        }
        kind => Err((
            ResponseError::InvalidRequest,
            format!("Resource type {kind} is not supported"),
        )),
    }
}

fn entry(
    definition: &Definition,
    config: &TopicConfig,
    synonyms: bool,
    with_type: bool,
) -> DescribeConfigsResourceResult {
    let set = config.overrides().get(definition.name);
    let (value, source) = match set {
        Some(value) => (value.as_str(), TOPIC_SOURCE),
        None => (definition.default, DEFAULT_SOURCE),
    };
    let synonym = |name: &str, value: &str, source| {
        DescribeConfigsSynonym::default()
            .with_name(text(name))
            .with_value(Some(text(value)))
            .with_source(source)
    };
    let mut list = Vec::new();
    if synonyms {
        list.extend(set.map(|value| synonym(definition.name, value, TOPIC_SOURCE)));
        if !definition.broker_name.is_empty() {
            list.push(synonym(
                definition.broker_name,
                definition.default,
                DEFAULT_SOURCE,
            ));
        }
    }
    let entry = DescribeConfigsResourceResult::default()
        .with_name(text(definition.name))
        .with_value(Some(text(value)))
        .with_config_source(source)
        .with_synonyms(list);
    match with_type {
        true => entry.with_config_type(definition.kind as i8),
        false => entry,
    }
}
