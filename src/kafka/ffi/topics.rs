//! Creating, growing and deleting topics, and deleting their records.

use super::super::error::{Fault, code};
use super::admin::{Admin, Options, Pending};
use super::partitions::{self, List, Read};
use super::{ERROR_TEXT_BYTES, Owned, buffer_text, c_text, check, pointers, raw, slice, text};
use crate::model::topic::{NewTopic, TopicPartition};
use rdkafka::bindings as c;
use std::ffi::c_int;

type Results = Vec<(String, Result<(), Fault>)>;

impl Admin {
    pub(in crate::kafka) fn create_topic(
        &self,
        topic: &NewTopic,
        validate_only: bool,
    ) -> Pending<Results> {
        self.submit(
            c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_CREATETOPICS,
            Options {
                validate_only,
                has_operation_timeout: true,
                ..Options::default()
            },
            |request| {
                let topics = [new_topic(topic)?];
                // SAFETY: the array and what it points to live for the call and are copied; client, options and queue
                // are alive.
                unsafe {
                    c::rd_kafka_CreateTopics(
                        request.client,
                        pointers(&topics).as_mut_ptr(),
                        topics.len(),
                        request.options,
                        request.queue,
                    );
                }
                Ok(())
            },
            // SAFETY: the event is alive and keeps its result; a result of another kind is null.
            |event| unsafe {
                let result = c::rd_kafka_event_CreateTopics_result(event.pointer());
                if result.is_null() {
                    return Err(other_kind());
                }
                let mut count = 0;
                let topics = c::rd_kafka_CreateTopics_result_topics(result, &mut count);
                Ok(read_results(slice(topics, count)))
            },
        )
    }

    pub(in crate::kafka) fn create_partitions(
        &self,
        topic: &str,
        total: i32,
        validate_only: bool,
    ) -> Pending<Results> {
        self.submit(
            c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_CREATEPARTITIONS,
            Options {
                validate_only,
                has_operation_timeout: true,
                ..Options::default()
            },
            |request| {
                let topics = [new_partitions(topic, total)?];
                // SAFETY: the array and what it points to live for the call and are copied; client, options and queue
                // are alive.
                unsafe {
                    c::rd_kafka_CreatePartitions(
                        request.client,
                        pointers(&topics).as_mut_ptr(),
                        topics.len(),
                        request.options,
                        request.queue,
                    );
                }
                Ok(())
            },
            // SAFETY: the event is alive and keeps its result; a result of another kind is null.
            |event| unsafe {
                let result = c::rd_kafka_event_CreatePartitions_result(event.pointer());
                if result.is_null() {
                    return Err(other_kind());
                }
                let mut count = 0;
                let topics = c::rd_kafka_CreatePartitions_result_topics(result, &mut count);
                Ok(read_results(slice(topics, count)))
            },
        )
    }

    /// The names must differ from each other.
    pub(in crate::kafka) fn delete_topics(&self, names: &[&str]) -> Pending<Results> {
        self.submit(
            c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DELETETOPICS,
            Options {
                has_operation_timeout: true,
                ..Options::default()
            },
            |request| {
                let topics = names
                    .iter()
                    .map(|name| delete_topic(name))
                    .collect::<Result<Vec<_>, _>>()?;
                // SAFETY: the array and what it points to live for the call and are copied; client, options and queue
                // are alive.
                unsafe {
                    c::rd_kafka_DeleteTopics(
                        request.client,
                        pointers(&topics).as_mut_ptr(),
                        topics.len(),
                        request.options,
                        request.queue,
                    );
                }
                Ok(())
            },
            // SAFETY: the event is alive and keeps its result; a result of another kind is null.
            |event| unsafe {
                let result = c::rd_kafka_event_DeleteTopics_result(event.pointer());
                if result.is_null() {
                    return Err(other_kind());
                }
                let mut count = 0;
                let topics = c::rd_kafka_DeleteTopics_result_topics(result, &mut count);
                Ok(read_results(slice(topics, count)))
            },
        )
    }

    /// Deletes what lies before the offsets (-1: everything); the answer's offset is where the log begins now.
    pub(in crate::kafka) fn delete_records<'a>(
        &self,
        before: impl ExactSizeIterator<Item = (&'a TopicPartition, i64)>,
    ) -> Pending<Vec<Read>> {
        self.submit(
            c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DELETERECORDS,
            Options {
                has_operation_timeout: true,
                ..Options::default()
            },
            |request| {
                let list = List::with_offsets(before)?;
                // SAFETY: the list and the array live for the call and are copied; client, options and queue are alive.
                unsafe {
                    let records = [Owned::new(
                        c::rd_kafka_DeleteRecords_new(list.pointer()),
                        c::rd_kafka_DeleteRecords_destroy,
                    )?];
                    c::rd_kafka_DeleteRecords(
                        request.client,
                        pointers(&records).as_mut_ptr(),
                        records.len(),
                        request.options,
                        request.queue,
                    );
                }
                Ok(())
            },
            // SAFETY: the event is alive and keeps its result; a result of another kind is null.
            |event| unsafe {
                let result = c::rd_kafka_event_DeleteRecords_result(event.pointer());
                if result.is_null() {
                    return Err(other_kind());
                }
                Ok(partitions::read(c::rd_kafka_DeleteRecords_result_offsets(
                    result,
                )))
            },
        )
    }
}

/// An answer to something else than was asked.
pub(super) fn other_kind() -> Fault {
    Fault::new(code::INVALID_ARG, "the answer is of another kind")
}

/// # Safety
/// Each pointer is a live result.
unsafe fn read_results(results: &[*const c::rd_kafka_topic_result_t]) -> Results {
    let read = |&result: &*const c::rd_kafka_topic_result_t| {
        // SAFETY: alive by the caller's promise; strings are copied.
        unsafe {
            let number = raw::rd_kafka_topic_result_error(result);
            let reason = text(c::rd_kafka_topic_result_error_string(result));
            let name = text(c::rd_kafka_topic_result_name(result));
            (name, Fault::check(number, reason))
        }
    };
    results.iter().map(read).collect()
}

fn new_topic(topic: &NewTopic) -> Result<Owned<c::rd_kafka_NewTopic_t>, Fault> {
    let name = c_text(&topic.name)?;
    let mut buffer = [0_u8; ERROR_TEXT_BYTES];
    // -1 leaves it to the broker (KIP-464).
    let replicas = topic.replicas.map_or(-1, c_int::from);
    // SAFETY: the name is copied, the buffer has the size given, the object is ours.
    let native = unsafe {
        Owned::new(
            c::rd_kafka_NewTopic_new(
                name.as_ptr(),
                topic.partitions,
                replicas,
                buffer.as_mut_ptr().cast(),
                buffer.len(),
            ),
            c::rd_kafka_NewTopic_destroy,
        )
    }
    .map_err(|fault| with_text(fault, &buffer))?;
    for (name, value) in &topic.configs {
        let (name, value) = (c_text(name)?, c_text(value)?);
        // SAFETY: the object is alive, both strings are copied.
        check(unsafe {
            raw::rd_kafka_NewTopic_set_config(native.pointer(), name.as_ptr(), value.as_ptr())
        })?;
    }
    Ok(native)
}

fn new_partitions(topic: &str, total: i32) -> Result<Owned<c::rd_kafka_NewPartitions_t>, Fault> {
    let name = c_text(topic)?;
    let total = usize::try_from(total)
        .map_err(|_| Fault::new(code::INVALID_PARTITIONS, "the number is negative"))?;
    let mut buffer = [0_u8; ERROR_TEXT_BYTES];
    // SAFETY: the name is copied, the buffer has the size given, the object is ours.
    unsafe {
        Owned::new(
            c::rd_kafka_NewPartitions_new(
                name.as_ptr(),
                total,
                buffer.as_mut_ptr().cast(),
                buffer.len(),
            ),
            c::rd_kafka_NewPartitions_destroy,
        )
    }
    .map_err(|fault| with_text(fault, &buffer))
}

fn delete_topic(name: &str) -> Result<Owned<c::rd_kafka_DeleteTopic_t>, Fault> {
    let name = c_text(name)?;
    // SAFETY: the name is copied, the object is ours.
    unsafe {
        Owned::new(
            c::rd_kafka_DeleteTopic_new(name.as_ptr()),
            c::rd_kafka_DeleteTopic_destroy,
        )
    }
}

fn with_text(fault: Fault, buffer: &[u8]) -> Fault {
    Fault::new(fault.code, buffer_text(buffer))
}
