//! AlterConfigs and IncrementalAlterConfigs (KIP-339).

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::alter_configs_response::{self, AlterConfigsResponse};
use kafka_protocol::messages::incremental_alter_configs_request::AlterableConfig;
use kafka_protocol::messages::incremental_alter_configs_response::{
    self, IncrementalAlterConfigsResponse,
};
use kafka_protocol::messages::{AlterConfigsRequest, IncrementalAlterConfigsRequest};

use super::super::config::{TopicConfig, Type, definition, words};
use super::super::topics::{Refused, Topic};
use super::configs::{BROKER_RESOURCE, TOPIC_RESOURCE};
use super::{Answer, Call, text};

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

/// Replaces a resource's whole configuration: what is not named goes back to its default.
pub(super) async fn replace(call: Call<'_>, request: AlterConfigsRequest) -> Answer {
    let mut responses = Vec::with_capacity(request.resources.len());
    for asked in request.resources {
        let entries = asked
            .configs
            .iter()
            .map(|entry| (entry.name.to_string(), entry.value.as_ref()));
        let replaced = (|| {
            let topic = target(&call, asked.resource_type, &asked.resource_name)?;
            let mut overrides = BTreeMap::new();
            for (name, value) in entries {
                let value = value.ok_or_else(|| null_value(&name))?;
                overrides.insert(name, value.to_string());
            }
            apply(&call, &topic, overrides, request.validate_only)
        })();
        let response = alter_configs_response::AlterConfigsResourceResponse::default()
            .with_resource_type(asked.resource_type)
            .with_resource_name(asked.resource_name);
        responses.push(match replaced {
            Ok(()) => response,
            Err((error, reason)) => response
                .with_error_code(error.code())
                .with_error_message(Some(text(reason))),
        });
    }
    call.reply(&AlterConfigsResponse::default().with_responses(responses))
}

/// Changes single values.
pub(super) async fn incremental(call: Call<'_>, request: IncrementalAlterConfigsRequest) -> Answer {
    let mut responses = Vec::with_capacity(request.resources.len());
    for asked in request.resources {
        let changed = target(&call, asked.resource_type, &asked.resource_name).and_then(|topic| {
            let mut overrides = topic.config().overrides().clone();
            for entry in &asked.configs {
                change(&mut overrides, entry)?;
            }
            apply(&call, &topic, overrides, request.validate_only)
        });
        let response = incremental_alter_configs_response::AlterConfigsResourceResponse::default()
            .with_resource_type(asked.resource_type)
            .with_resource_name(asked.resource_name);
        responses.push(match changed {
            Ok(()) => response,
            Err((error, reason)) => response
                .with_error_code(error.code())
                .with_error_message(Some(text(reason))),
        });
    }
    call.reply(&IncrementalAlterConfigsResponse::default().with_responses(responses))
}

fn target(call: &Call<'_>, kind: i8, name: &str) -> Result<Arc<Topic>, Refused> {
    match kind {
        TOPIC_RESOURCE => {
            let unknown = || {
                (
                    ResponseError::UnknownTopicOrPartition,
                    format!("The topic '{name}' does not exist."),
                )
            };
            call.state.topics.get(name).ok_or_else(unknown)
        }
        BROKER_RESOURCE => {
            let reason = "The broker's configuration cannot be changed while it runs".to_owned();
            Err((ResponseError::InvalidRequest, reason))
        }
        kind => Err((
            ResponseError::InvalidRequest,
            format!("Unexpected resource type {kind}."),
        )),
    }
}

fn null_value(name: &str) -> Refused {
    let reason = format!("Null value not supported for : {name}");
    (ResponseError::InvalidConfig, reason)
}

fn change(
    overrides: &mut BTreeMap<String, String>,
    entry: &AlterableConfig,
) -> Result<(), Refused> {
    let name = entry.name.as_str();
    let known = definition(name);
    let known = known.ok_or_else(|| {
        (
            ResponseError::InvalidConfig,
            format!("Unknown topic config name: {name}"),
        )
    })?;
    if entry.config_operation == DELETE {
        overrides.remove(name);
        return Ok(());
    }
    let value = entry.value.as_ref().ok_or_else(|| null_value(name))?;
    let value = match entry.config_operation {
        SET => value.to_string(),
        APPEND | SUBTRACT if known.kind != Type::List => {
            let reason = format!(
                "Can't append to or subtract from key {name} because its type is not LIST."
            );
            return Err((ResponseError::InvalidConfig, reason));
        }
        operation @ (APPEND | SUBTRACT) => {
            let current = overrides.get(name).map_or(known.default, String::as_str);
            let mut list: Vec<&str> = words(current).collect();
            for word in words(value) {
                list.retain(|other| *other != word);
                if operation == APPEND {
                    list.push(word);
                }
            }
            list.join(",")
        }
        operation => {
            let reason = format!("Unknown operation {operation}.");
            return Err((ResponseError::InvalidRequest, reason));
        }
    };
    overrides.insert(name.to_owned(), value);
    Ok(())
}

fn apply(
    call: &Call<'_>,
    topic: &Topic,
    overrides: BTreeMap<String, String>,
    validate_only: bool,
) -> Result<(), Refused> {
    let config =
        TopicConfig::new(overrides).map_err(|reason| (ResponseError::InvalidConfig, reason))?;
    match validate_only {
        true => Ok(()),
        false => call.state.topics.set_config(topic, config),
    }
}
