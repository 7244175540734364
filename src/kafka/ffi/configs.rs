//! Topics' configurations: read whole, changed key by key (KIP-339), so that what is not named stays.

use super::super::error::Fault;
use super::admin::{Admin, Options, Pending};
use super::topics::other_kind;
use super::{Owned, c_text, consume_error, optional_text, pointers, raw, slice, text};
use crate::model::topic::{ConfigEntry, ConfigSource};
use rdkafka::bindings as c;
use std::ptr;

type Described = Vec<(String, Result<Vec<ConfigEntry>, Fault>)>;

impl Admin {
    /// The names must differ from each other.
    pub(in crate::kafka) fn describe_topic_configs(&self, topics: &[&str]) -> Pending<Described> {
        self.submit(
            c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS,
            Options::default(),
            |request| {
                let resources = topics
                    .iter()
                    .map(|topic| resource(topic))
                    .collect::<Result<Vec<_>, _>>()?;
                // SAFETY: the array and what it points to live for the call and are copied; client, options and queue
                // are alive.
                unsafe {
                    c::rd_kafka_DescribeConfigs(
                        request.client,
                        pointers(&resources).as_mut_ptr(),
                        resources.len(),
                        request.options,
                        request.queue,
                    );
                }
                Ok(())
            },
            // SAFETY: the event is alive and keeps its result and all that hangs on it; a result of another kind is null.
            |event| unsafe {
                let result = c::rd_kafka_event_DescribeConfigs_result(event.pointer());
                if result.is_null() {
                    return Err(other_kind());
                }
                let mut count = 0;
                let resources = c::rd_kafka_DescribeConfigs_result_resources(result, &mut count);
                let read = |&resource: &*const c::rd_kafka_ConfigResource_t| {
                    let outcome = outcome(resource).map(|()| entries(resource));
                    (text(c::rd_kafka_ConfigResource_name(resource)), outcome)
                };
                Ok(slice(resources, count).iter().map(read).collect())
            },
        )
    }

    /// Sets the keys that have a value, unsets those without.
    pub(in crate::kafka) fn alter_topic_configs(
        &self,
        topic: &str,
        changes: &[(String, Option<String>)],
        validate_only: bool,
    ) -> Pending<()> {
        self.submit(
            c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS,
            Options {
                validate_only,
                ..Options::default()
            },
            |request| {
                let resources = [changed(topic, changes)?];
                // SAFETY: the array and what it points to live for the call and are copied; client, options and queue
                // are alive.
                unsafe {
                    c::rd_kafka_IncrementalAlterConfigs(
                        request.client,
                        pointers(&resources).as_mut_ptr(),
                        resources.len(),
                        request.options,
                        request.queue,
                    );
                }
                Ok(())
            },
            // SAFETY: the event is alive and keeps its result and all that hangs on it; a result of another kind is null.
            |event| unsafe {
                let result = c::rd_kafka_event_IncrementalAlterConfigs_result(event.pointer());
                if result.is_null() {
                    return Err(other_kind());
                }
                let mut count = 0;
                let resources =
                    c::rd_kafka_IncrementalAlterConfigs_result_resources(result, &mut count);
                slice(resources, count)
                    .iter()
                    .try_for_each(|&resource| outcome(resource))
            },
        )
    }
}

fn resource(topic: &str) -> Result<Owned<c::rd_kafka_ConfigResource_t>, Fault> {
    let topic = c_text(topic)?;
    // SAFETY: the name is copied, the object is ours.
    unsafe {
        Owned::new(
            c::rd_kafka_ConfigResource_new(
                c::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC,
                topic.as_ptr(),
            ),
            c::rd_kafka_ConfigResource_destroy,
        )
    }
}

fn changed(
    topic: &str,
    changes: &[(String, Option<String>)],
) -> Result<Owned<c::rd_kafka_ConfigResource_t>, Fault> {
    use c::rd_kafka_AlterConfigOpType_t as operation;
    let resource = resource(topic)?;
    for (name, value) in changes {
        let name = c_text(name)?;
        let value = value.as_deref().map(c_text).transpose()?;
        let (operation, value) = match &value {
            Some(value) => (operation::RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET, value.as_ptr()),
            None => (operation::RD_KAFKA_ALTER_CONFIG_OP_TYPE_DELETE, ptr::null()),
        };
        // SAFETY: the resource is alive, strings are copied, the error is taken over.
        unsafe {
            consume_error(c::rd_kafka_ConfigResource_add_incremental_config(
                resource.pointer(),
                name.as_ptr(),
                operation,
                value,
            ))?;
        }
    }
    Ok(resource)
}

/// # Safety
/// `resource` is alive.
unsafe fn outcome(resource: *const c::rd_kafka_ConfigResource_t) -> Result<(), Fault> {
    // SAFETY: alive by the caller's promise; the string is copied.
    unsafe {
        Fault::check(
            raw::rd_kafka_ConfigResource_error(resource),
            text(c::rd_kafka_ConfigResource_error_string(resource)),
        )
    }
}

/// # Safety
/// `resource` is alive.
unsafe fn entries(resource: *const c::rd_kafka_ConfigResource_t) -> Vec<ConfigEntry> {
    // SAFETY: alive by the caller's promise; entries belong to the resource, strings are copied, the source is read as
    // an integer.
    unsafe {
        let mut count = 0;
        let entries = c::rd_kafka_ConfigResource_configs(resource, &mut count);
        let read = |&entry: &*const c::rd_kafka_ConfigEntry_t| ConfigEntry {
            name: text(c::rd_kafka_ConfigEntry_name(entry)),
            value: optional_text(c::rd_kafka_ConfigEntry_value(entry)),
            source: source(raw::rd_kafka_ConfigEntry_source(entry)),
            sensitive: c::rd_kafka_ConfigEntry_is_sensitive(entry) == 1,
            read_only: c::rd_kafka_ConfigEntry_is_read_only(entry) == 1,
        };
        let mut entries: Vec<ConfigEntry> = slice(entries, count).iter().map(read).collect();
        entries.sort_by(|left, right| left.name.cmp(&right.name));
        entries
    }
}

/// `rd_kafka_ConfigSource_t`, as DescribeConfigs numbers it.
fn source(number: i32) -> ConfigSource {
    match number {
        1 => ConfigSource::Topic,
        2 => ConfigSource::DynamicBroker,
        3 => ConfigSource::DynamicDefaultBroker,
        4 => ConfigSource::StaticBroker,
        5 => ConfigSource::Default,
        _ => ConfigSource::Unknown,
    }
}
