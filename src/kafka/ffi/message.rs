//! A record as librdkafka hands it over. Nothing in a record is trusted: names that are not UTF-8 are made so, and
//! nothing here panics.

use super::super::error::{Fault, code};
use super::{raw, slice};
use crate::model::record::{
    Header, HeaderRef, Headers as Listed, Record, RecordRef, TimestampType,
};
use rdkafka::bindings as c;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{self, NonNull};

/// The code of a message: its delivery's outcome, or what is wrong instead of a record.
///
/// # Safety
/// `message` is a live message.
pub(super) unsafe fn code_of(message: *const c::rd_kafka_message_t) -> i32 {
    // SAFETY: alive; read as an integer, because the binding's enum does not list every code.
    unsafe { ptr::addr_of!((*message).err).cast::<c_int>().read() }
}

/// A record where librdkafka keeps it.
pub(in crate::kafka) struct Message<'a> {
    /// A pointer and no reference: librdkafka reads the headers into it when they are asked for.
    message: NonNull<c::rd_kafka_message_t>,
    topic: &'a str,
}

impl<'a> Message<'a> {
    /// The name of a message's topic; empty when it is not UTF-8, which no topic's is.
    ///
    /// # Safety
    /// `message` is a live message, as is whatever it is read from while the name is in use.
    pub(super) unsafe fn topic(message: *const c::rd_kafka_message_t) -> &'a str {
        // SAFETY: the message is alive, and keeps the topic; the name is NUL-terminated, or null without a topic.
        unsafe {
            if (*message).rkt.is_null() {
                return "";
            }
            let name = c::rd_kafka_topic_name((*message).rkt);
            CStr::from_ptr(name).to_str().unwrap_or_default()
        }
    }

    /// # Safety
    /// `message` is a message without an error that outlives the value; `topic` is its topic's name.
    pub(super) unsafe fn new(message: NonNull<c::rd_kafka_message_t>, topic: &'a str) -> Self {
        Message { message, topic }
    }

    fn pointer(&self) -> *const c::rd_kafka_message_t {
        self.message.as_ptr()
    }

    /// The record, of which nothing is copied, with the headers that [`Message::headers`] read.
    pub(in crate::kafka) fn record<'r>(&'r self, headers: &'r [HeaderRef<'r>]) -> RecordRef<'r> {
        let message = self.pointer();
        // SAFETY: the message is alive; its pointers are null or point to as many bytes as it says.
        unsafe {
            RecordRef {
                topic: self.topic,
                partition: (*message).partition,
                offset: (*message).offset,
                timestamp: self.timestamp(),
                key: bytes((*message).key, (*message).key_len),
                value: bytes((*message).payload, (*message).len),
                headers: Listed::Borrowed(headers),
            }
        }
    }

    /// A copy that is ours.
    pub(in crate::kafka) fn to_record(&self) -> Record {
        let headers = self.headers();
        let record = self.record(&headers);
        let header = |(name, value): &HeaderRef<'_>| Header {
            name: name.clone().into_owned(),
            value: value.map(<[u8]>::to_vec),
        };
        Record {
            topic: record.topic.to_owned(),
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: headers.iter().map(header).collect(),
        }
    }

    /// Its headers; without any, nothing is allocated.
    pub(in crate::kafka) fn headers(&self) -> Vec<HeaderRef<'_>> {
        let mut found = Vec::new();
        let mut list: *mut c::rd_kafka_headers_t = ptr::null_mut();
        let mut name: *const c_char = ptr::null();
        let mut value: *const c_void = ptr::null();
        let mut size = 0_usize;
        // SAFETY: the message is alive and keeps the list. Past its end the call answers with an error, which ends the
        // loop. Names are NUL-terminated, values are null or `size` bytes long.
        unsafe {
            if raw::rd_kafka_message_headers(self.pointer(), &mut list) != 0 || list.is_null() {
                return found;
            }
            while raw::rd_kafka_header_get_all(list, found.len(), &mut name, &mut value, &mut size)
                == 0
            {
                found.push((CStr::from_ptr(name).to_string_lossy(), bytes(value, size)));
            }
        }
        found
    }

    fn timestamp(&self) -> Option<(i64, TimestampType)> {
        let mut kind: c_int = 0;
        // SAFETY: the message is alive, the kind is written as an integer.
        let milliseconds = unsafe { raw::rd_kafka_message_timestamp(self.pointer(), &mut kind) };
        match kind {
            _ if milliseconds < 0 => None,
            1 => Some((milliseconds, TimestampType::Create)),
            2 => Some((milliseconds, TimestampType::LogAppend)),
            _ => None,
        }
    }
}

/// # Safety
/// `pointer` is null or points to `length` bytes that live as long as the result.
unsafe fn bytes<'a>(pointer: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    (!pointer.is_null()).then(|| unsafe { slice(pointer.cast::<u8>(), length) })
}

/// Headers to send, freed on drop unless librdkafka took them.
pub(super) struct Headers(NonNull<c::rd_kafka_headers_t>);

impl Headers {
    pub(super) fn new(headers: Listed<'_>) -> Result<Self, Fault> {
        // SAFETY: no preconditions; the list is ours.
        let list = NonNull::new(unsafe { c::rd_kafka_headers_new(headers.len()) })
            .map(Headers)
            .ok_or_else(|| Fault::new(code::INVALID_ARG, "out of memory"))?;
        for (name, value) in headers.iter() {
            if memchr::memchr(0, name.as_bytes()).is_some() {
                let text = format!("`{}` contains a NUL byte", name.escape_default());
                return Err(Fault::new(code::INVALID_ARG, text));
            }
            let (value, size) = match value {
                Some(value) => (value.as_ptr().cast::<c_void>(), length(value.len())?),
                None => (ptr::null(), 0),
            };
            // SAFETY: the list is ours; name and value are copied, with the lengths given, and the name is ended then.
            super::check(unsafe {
                raw::rd_kafka_header_add(
                    list.pointer(),
                    name.as_ptr().cast(),
                    length(name.len())?,
                    value,
                    size,
                )
            })?;
        }
        Ok(list)
    }

    pub(super) fn pointer(&self) -> *mut c::rd_kafka_headers_t {
        self.0.as_ptr()
    }
}

fn length(bytes: usize) -> Result<isize, Fault> {
    isize::try_from(bytes).map_err(|_| Fault::new(code::INVALID_ARG, "header too large"))
}

impl Drop for Headers {
    fn drop(&mut self) {
        // SAFETY: ours: whoever gives the list away forgets this value.
        unsafe { c::rd_kafka_headers_destroy(self.pointer()) }
    }
}
