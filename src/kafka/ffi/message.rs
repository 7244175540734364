//! A record as librdkafka hands it over, copied into ours. Nothing in a record is trusted: names that are not UTF-8
//! are made so, and nothing here panics.

use super::super::error::{Fault, code};
use super::{c_text, raw, slice, text};
use crate::model::record::{Header, Record, TimestampType};
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

/// Copies a record that was fetched.
///
/// # Safety
/// `message` is a live message without an error.
pub(super) unsafe fn read(message: *const c::rd_kafka_message_t) -> Record {
    // SAFETY: the message is alive; its pointers are null or point to as many bytes as it says.
    unsafe {
        Record {
            topic: text(c::rd_kafka_topic_name((*message).rkt)),
            partition: (*message).partition,
            offset: (*message).offset,
            timestamp: timestamp(message),
            key: bytes((*message).key, (*message).key_len),
            value: bytes((*message).payload, (*message).len),
            headers: headers(message),
        }
    }
}

/// # Safety
/// `pointer` is null or points to `length` bytes.
unsafe fn bytes(pointer: *const c_void, length: usize) -> Option<Vec<u8>> {
    // SAFETY: the caller's promise.
    (!pointer.is_null()).then(|| unsafe { slice(pointer.cast::<u8>(), length) }.to_vec())
}

/// # Safety
/// `message` is a live message.
unsafe fn timestamp(message: *const c::rd_kafka_message_t) -> Option<(i64, TimestampType)> {
    let mut kind: c_int = 0;
    // SAFETY: the message is alive, the kind is written as an integer.
    let milliseconds = unsafe { raw::rd_kafka_message_timestamp(message, &mut kind) };
    match kind {
        _ if milliseconds < 0 => None,
        1 => Some((milliseconds, TimestampType::Create)),
        2 => Some((milliseconds, TimestampType::LogAppend)),
        _ => None,
    }
}

/// # Safety
/// `message` is a live message.
unsafe fn headers(message: *const c::rd_kafka_message_t) -> Vec<Header> {
    let mut list: *mut c::rd_kafka_headers_t = ptr::null_mut();
    // SAFETY: the message is alive and keeps the list.
    if unsafe { raw::rd_kafka_message_headers(message, &mut list) } != 0 || list.is_null() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut name: *const c_char = ptr::null();
    let mut value: *const c_void = ptr::null();
    let mut size = 0_usize;
    // SAFETY: the list is alive; past its end the call answers with an error, which ends the loop. Names are
    // NUL-terminated, values are null or `size` bytes long.
    unsafe {
        while raw::rd_kafka_header_get_all(list, found.len(), &mut name, &mut value, &mut size) == 0
        {
            found.push(Header {
                name: CStr::from_ptr(name).to_string_lossy().into_owned(),
                value: bytes(value, size),
            });
        }
    }
    found
}

/// Headers to send, freed on drop unless librdkafka took them.
pub(super) struct Headers(NonNull<c::rd_kafka_headers_t>);

impl Headers {
    pub(super) fn new(headers: &[Header]) -> Result<Self, Fault> {
        // SAFETY: no preconditions; the list is ours.
        let list = NonNull::new(unsafe { c::rd_kafka_headers_new(headers.len()) })
            .map(Headers)
            .ok_or_else(|| Fault::new(code::INVALID_ARG, "out of memory"))?;
        for header in headers {
            let name = c_text(&header.name)?;
            let (value, size) = match &header.value {
                Some(value) => (value.as_ptr().cast::<c_void>(), length(value.len())?),
                None => (ptr::null(), 0),
            };
            // SAFETY: the list is ours; name and value are copied, with the lengths given.
            super::check(unsafe {
                raw::rd_kafka_header_add(
                    list.pointer(),
                    name.as_ptr(),
                    length(name.as_bytes().len())?,
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
