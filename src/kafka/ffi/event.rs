//! An event of librdkafka's, destroyed on drop. Everything read from it is copied.

use super::super::error::Fault;
use super::partitions;
use super::{raw, text};
use crate::model::topic::TopicPartition;
use rdkafka::bindings as c;
use std::ffi::c_char;
use std::ptr::{self, NonNull};

pub(in crate::kafka) struct Event(NonNull<c::rd_kafka_event_t>);

// SAFETY: an event has one owner and no tie to the thread that polled it.
unsafe impl Send for Event {}

/// What a consumer's partitions are to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kafka) enum Change {
    Assign,
    Revoke,
}

impl Event {
    pub(super) fn new(event: *mut c::rd_kafka_event_t) -> Option<Self> {
        NonNull::new(event).map(Event)
    }

    pub(super) fn pointer(&self) -> *mut c::rd_kafka_event_t {
        self.0.as_ptr()
    }

    pub(super) fn kind(&self) -> i32 {
        // SAFETY: the event is alive.
        unsafe { c::rd_kafka_event_type(self.pointer()) }
    }

    /// Code and sentence of the event as a whole; `None` when it says nothing is wrong.
    pub(in crate::kafka) fn fault(&self) -> Option<Fault> {
        // SAFETY: the event is alive; its string is copied.
        let (number, reason) = unsafe {
            (
                raw::rd_kafka_event_error(self.pointer()),
                text(c::rd_kafka_event_error_string(self.pointer())),
            )
        };
        Fault::check(number, reason).err()
    }

    pub(in crate::kafka) fn is_error(&self) -> bool {
        self.kind() == c::RD_KAFKA_EVENT_ERROR
    }

    /// Whether the client cannot go on after it.
    pub(in crate::kafka) fn is_fatal(&self) -> bool {
        // SAFETY: the event is alive.
        unsafe { c::rd_kafka_event_error_is_fatal(self.pointer()) != 0 }
    }

    /// Syslog level, facility and text, when it is a line of the log.
    pub(super) fn log_line(&self) -> Option<(i32, String, String)> {
        if self.kind() != c::RD_KAFKA_EVENT_LOG {
            return None;
        }
        let mut facility: *const c_char = ptr::null();
        let mut line: *const c_char = ptr::null();
        let mut level = 0;
        // SAFETY: the event is alive and a log event; the strings belong to it and are copied.
        unsafe {
            c::rd_kafka_event_log(self.pointer(), &mut facility, &mut line, &mut level);
            Some((level, text(facility), text(line)))
        }
    }

    /// The number an admin request was given, to find who waits for its answer.
    pub(super) fn request_id(&self) -> usize {
        // SAFETY: the event is alive; the opaque is a number of ours, never a pointer.
        unsafe { c::rd_kafka_event_opaque(self.pointer()) as usize }
    }

    /// The partition an error or an end of partition is about, with its offset.
    pub(in crate::kafka) fn partition(&self) -> Option<(TopicPartition, i64)> {
        // SAFETY: the event is alive; the answer is a copy that is ours to free, after it was read.
        unsafe {
            let partition = c::rd_kafka_event_topic_partition(self.pointer());
            if partition.is_null() {
                return None;
            }
            let read = partitions::read_one(partition);
            c::rd_kafka_topic_partition_destroy(partition);
            Some((read.partition, read.offset))
        }
    }

    /// The partitions to take or to give away, when it is a rebalance.
    pub(in crate::kafka) fn rebalance(&self) -> Option<(Change, Vec<TopicPartition>)> {
        if self.kind() != c::RD_KAFKA_EVENT_REBALANCE {
            return None;
        }
        // SAFETY: the event is alive; the list belongs to it and is copied.
        let (number, list) = unsafe {
            (
                raw::rd_kafka_event_error(self.pointer()),
                partitions::read(c::rd_kafka_event_topic_partition_list(self.pointer())),
            )
        };
        let change =
            if number == c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS as i32 {
                Change::Assign
            } else {
                // Revocation, and whatever else may come: without partitions nothing is read that is another's.
                Change::Revoke
            };
        Some((
            change,
            list.into_iter().map(|read| read.partition).collect(),
        ))
    }

    /// The outcome of a commit, when it is one: the first thing that went wrong with it.
    pub(in crate::kafka) fn commit(&self) -> Option<Result<(), Fault>> {
        if self.kind() != c::RD_KAFKA_EVENT_OFFSET_COMMIT {
            return None;
        }
        // SAFETY: the event is alive; the list belongs to it and is copied.
        let list =
            unsafe { partitions::read(c::rd_kafka_event_topic_partition_list(self.pointer())) };
        let fault = self
            .fault()
            .or_else(|| list.into_iter().find_map(|read| read.fault));
        Some(fault.map_or(Ok(()), Err))
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: ours, destroyed once.
        unsafe { c::rd_kafka_event_destroy(self.pointer()) }
    }
}
