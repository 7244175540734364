//! Records to send, and what became of them.

use super::super::error::{Fault, code};
use super::event::Event;
use super::handle::Handle;
use super::message::{self, Headers};
use super::{c_text, consume_error, describe, milliseconds, raw};
use crate::model::record::OutgoingRef;
use rdkafka::bindings as c;
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::time::Duration;

type Value = c::rd_kafka_vu_s__bindgen_ty_1;

/// RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT
const PURGE_EVERYTHING: i32 = 1 | 2;

/// A topic to send to. Must not outlive its client: keep it in a field declared before the handle.
pub(in crate::kafka) struct Topic(NonNull<c::rd_kafka_topic_t>);

// SAFETY: topic objects may be used from any thread, as the client itself.
unsafe impl Send for Topic {}
// SAFETY: as above; it has no state of ours.
unsafe impl Sync for Topic {}

impl Topic {
    /// Tells reports on this topic from others.
    pub(in crate::kafka) fn id(&self) -> usize {
        self.0.as_ptr() as usize
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: ours, given back once, before its client goes.
        unsafe { c::rd_kafka_topic_destroy(self.0.as_ptr()) }
    }
}

/// What became of one record.
pub(in crate::kafka) struct Report {
    /// [`Topic::id`] of its topic.
    pub(in crate::kafka) topic: usize,
    pub(in crate::kafka) partition: i32,
    /// Meaningful when there is no fault.
    pub(in crate::kafka) offset: i64,
    pub(in crate::kafka) fault: Option<Fault>,
    /// Bytes of key and value.
    pub(in crate::kafka) size: usize,
    /// The number given to [`Handle::produce`].
    pub(in crate::kafka) opaque: usize,
}

impl Handle {
    pub(in crate::kafka) fn topic(&self, name: &str) -> Result<Topic, Fault> {
        let name = c_text(name)?;
        // SAFETY: the client is alive, the name NUL-terminated and copied; null means the client's own properties.
        let topic = unsafe { c::rd_kafka_topic_new(self.client(), name.as_ptr(), ptr::null_mut()) };
        NonNull::new(topic)
            .map(Topic)
            .ok_or_else(|| Fault::new(code::INVALID_TOPIC, describe(code::INVALID_TOPIC)))
    }

    /// Puts a copy of the record into the client's queue. `opaque` comes back with its report, unless this fails.
    pub(in crate::kafka) fn produce(
        &self,
        topic: &Topic,
        record: OutgoingRef<'_>,
        opaque: usize,
    ) -> Result<(), Fault> {
        use c::rd_kafka_vtype_t as kind;
        let argument = |vtype, u| c::rd_kafka_vu_t { vtype, u };
        let headers = match record.headers.is_empty() {
            true => None,
            false => Some(Headers::new(record.headers)?),
        };
        let arguments = [
            argument(
                kind::RD_KAFKA_VTYPE_RKT,
                Value {
                    rkt: topic.0.as_ptr(),
                },
            ),
            argument(
                kind::RD_KAFKA_VTYPE_PARTITION,
                Value {
                    // RD_KAFKA_PARTITION_UA: the partitioner decides.
                    i32_: record.partition.unwrap_or(-1),
                },
            ),
            argument(
                kind::RD_KAFKA_VTYPE_MSGFLAGS,
                Value {
                    i: c::RD_KAFKA_MSG_F_COPY,
                },
            ),
            argument(kind::RD_KAFKA_VTYPE_VALUE, bytes(record.value)),
            argument(kind::RD_KAFKA_VTYPE_KEY, bytes(record.key)),
            argument(
                kind::RD_KAFKA_VTYPE_OPAQUE,
                Value {
                    ptr: opaque as *mut c_void,
                },
            ),
            argument(
                kind::RD_KAFKA_VTYPE_TIMESTAMP,
                Value {
                    i64_: record.timestamp.unwrap_or(0),
                },
            ),
            argument(
                kind::RD_KAFKA_VTYPE_HEADERS,
                Value {
                    headers: headers.as_ref().map_or(ptr::null_mut(), Headers::pointer),
                },
            ),
        ];
        // A null list of headers is not the same as none to every version.
        let count = arguments.len() - usize::from(headers.is_none());
        // SAFETY: the client and the topic are alive; each value is of the kind its tag says; key and value are
        // copied before the call returns (MSG_F_COPY); the error is taken over.
        let result = unsafe {
            consume_error(c::rd_kafka_produceva(
                self.client(),
                arguments.as_ptr(),
                count,
            ))
        };
        if result.is_ok() {
            // librdkafka owns the headers now.
            std::mem::forget(headers);
        }
        result
    }

    /// The reports in an event; none when it is of another kind.
    pub(in crate::kafka) fn reports(&self, event: &Event) -> Vec<Report> {
        if event.kind() != c::RD_KAFKA_EVENT_DR {
            return Vec::new();
        }
        // SAFETY: the event is alive.
        let count = unsafe { c::rd_kafka_event_message_count(event.pointer()) };
        let mut reports = Vec::with_capacity(count);
        loop {
            // SAFETY: the event is alive and keeps its messages; null ends them.
            let message = unsafe { c::rd_kafka_event_message_next(event.pointer()) };
            if message.is_null() {
                return reports;
            }
            // SAFETY: the message is alive; fields are read one by one, the code as an integer.
            reports.push(unsafe {
                let number = message::code_of(message);
                Report {
                    topic: (*message).rkt as usize,
                    partition: (*message).partition,
                    offset: (*message).offset,
                    // Not `rd_kafka_message_produce_errstr`: with librdkafka 2.12.1 it points into an answer that is freed
                    // already when the report is served (rd_kafka_dr_msgq0 copies the answer, not the messages' pointers).
                    fault: (number != 0).then(|| Fault::new(number, describe(number))),
                    size: (*message).len + (*message).key_len,
                    opaque: (*message)._private as usize,
                }
            });
        }
    }

    /// Sends what lingers and waits until every record has its report, no longer than `timeout`. Whether it is so.
    /// Somebody else must serve the events meanwhile.
    pub(in crate::kafka) fn flush(&self, timeout: Duration) -> bool {
        // SAFETY: the client is alive.
        unsafe { raw::rd_kafka_flush(self.client(), milliseconds(timeout)) == 0 }
    }

    /// Asks for the metadata of the topics in use, and waits for it. For its side effect: an idempotent producer that
    /// has no id yet asks for one when metadata arrives, else only every 500 ms.
    pub(in crate::kafka) fn refresh_metadata(&self, timeout: Duration) {
        let mut metadata = ptr::null();
        // SAFETY: the client is alive; no topic is named; an answer is ours to free.
        unsafe {
            raw::rd_kafka_metadata(
                self.client(),
                0,
                ptr::null_mut(),
                &mut metadata,
                milliseconds(timeout),
            );
            if !metadata.is_null() {
                c::rd_kafka_metadata_destroy(metadata);
            }
        }
    }

    /// Fails every record that has no report yet.
    pub(in crate::kafka) fn purge(&self) {
        // SAFETY: the client is alive.
        unsafe { raw::rd_kafka_purge(self.client(), PURGE_EVERYTHING) };
    }
}

/// Null for none, which is not the same as empty: a record without a value is a tombstone.
fn bytes(value: Option<&[u8]>) -> Value {
    let (pointer, size) = value.map_or((ptr::null_mut(), 0), |value| {
        (value.as_ptr().cast_mut().cast(), value.len())
    });
    Value {
        mem: c::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 { ptr: pointer, size },
    }
}
