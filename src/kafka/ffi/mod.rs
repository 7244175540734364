//! The only `unsafe` of the program: librdkafka's C interface, wrapped so that nothing outside can misuse it.
//!
//! Why not the binding's own clients: its `AdminClient` loses per-item errors and messages, its consumer does not say
//! which topic a partition's end belongs to and panics on header names that are not UTF-8, its drop blocks without
//! bound, and every code it reads is a Rust enum, for which a broker's code that the enum lacks is undefined behaviour.
//! So one [`handle::Handle`] serves all three kinds of client. Rules of the folder: every code crosses as an integer
//! ([`raw`]), every text is copied and made UTF-8, an event is turned into owned data before it is destroyed, and
//! panics cannot cross into C because the callbacks do nothing that could panic.
#![allow(unsafe_code)]
#![deny(unsafe_op_in_unsafe_fn)]

pub(super) mod admin;
pub(super) mod batch;
pub(super) mod configs;
pub(super) mod consumer;
pub(super) mod event;
pub(super) mod groups;
pub(super) mod handle;
pub(super) mod message;
pub(super) mod metadata;
pub(super) mod offsets;
pub(super) mod partition_queue;
pub(super) mod partitions;
pub(super) mod producer;
mod raw;
pub(super) mod topics;
pub(super) mod transaction;

use super::error::{Fault, code};
use rdkafka::bindings::rd_kafka_error_t;
use std::ffi::{CStr, CString, c_char};
use std::ptr::NonNull;
use std::time::Duration;

/// Room for librdkafka's own error texts.
const ERROR_TEXT_BYTES: usize = 512;

/// A C string as owned text; null is empty, bytes that are not UTF-8 are replaced.
///
/// # Safety
/// `pointer` is null or points to a NUL-terminated string that lives for the call.
unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: not null, and the caller promises a NUL-terminated string.
    unsafe { CStr::from_ptr(pointer) }
        .to_string_lossy()
        .into_owned()
}

/// Like [`text`], with null as `None`.
///
/// # Safety
/// As for [`text`].
unsafe fn optional_text(pointer: *const c_char) -> Option<String> {
    // SAFETY: the same promise, handed on.
    (!pointer.is_null()).then(|| unsafe { text(pointer) })
}

/// A Rust string for C.
fn c_text(value: &str) -> Result<CString, Fault> {
    CString::new(value).map_err(|_| {
        Fault::new(
            code::INVALID_ARG,
            format!("`{}` contains a NUL byte", value.escape_default()),
        )
    })
}

/// An array that librdkafka answers with, as a slice; null and zero are empty.
///
/// # Safety
/// `pointer` is null or points to `count` initialised values that outlive `'a`.
unsafe fn slice<'a, T>(pointer: *const T, count: usize) -> &'a [T] {
    if pointer.is_null() || count == 0 {
        return &[];
    }
    // SAFETY: not null, and the caller promises `count` values that live long enough.
    unsafe { std::slice::from_raw_parts(pointer, count) }
}

/// What an `rd_kafka_error_t` says; `None` for null and for "no error". Does not take ownership.
///
/// # Safety
/// `error` is null or a live error object.
unsafe fn fault_of(error: *const rd_kafka_error_t) -> Option<Fault> {
    if error.is_null() {
        return None;
    }
    // SAFETY: not null, alive by the caller's promise; the string belongs to the error and is copied.
    let (number, reason) = unsafe {
        (
            raw::rd_kafka_error_code(error),
            text(rdkafka::bindings::rd_kafka_error_string(error)),
        )
    };
    (number != 0).then(|| Fault::new(number, reason))
}

/// Takes an error object over: its content as a result, and the object freed.
///
/// # Safety
/// `error` is null or an error object that nobody else will free.
unsafe fn consume_error(error: *mut rd_kafka_error_t) -> Result<(), Fault> {
    // SAFETY: the same promise; freed once, after the copy.
    let fault = unsafe { fault_of(error) };
    if !error.is_null() {
        // SAFETY: not null and ours to free.
        unsafe { rdkafka::bindings::rd_kafka_error_destroy(error) };
    }
    fault.map_or(Ok(()), Err)
}

/// A bare code as a result, with librdkafka's description as the reason.
fn check(number: i32) -> Result<(), Fault> {
    if number == 0 {
        return Ok(());
    }
    Err(Fault::new(number, describe(number)))
}

/// librdkafka's sentence for a code, `Broker: Unknown topic or partition`.
pub(super) fn describe(number: i32) -> String {
    // SAFETY: takes any integer and answers with a static or thread-local string, copied at once.
    unsafe { text(raw::rd_kafka_err2str(number)) }
}

/// librdkafka's name for a code, `UNKNOWN_TOPIC_OR_PART`.
pub(super) fn name(number: i32) -> String {
    // SAFETY: takes any integer and answers with a static or thread-local string, copied at once.
    unsafe { text(raw::rd_kafka_err2name(number)) }
}

/// Whole milliseconds for librdkafka; longer than it can say is as long as it can.
fn milliseconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

/// An error text buffer that librdkafka filled, as owned text.
fn buffer_text(buffer: &[u8]) -> String {
    let end = buffer
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(buffer.len());
    String::from_utf8_lossy(&buffer[..end]).into_owned()
}

/// An object of librdkafka's that is ours to free.
struct Owned<T> {
    pointer: NonNull<T>,
    free: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    /// Takes over what a constructor answered; null is "out of memory or a bad argument".
    ///
    /// # Safety
    /// `pointer` is null or an object that nobody else frees, and `free` is what frees it.
    unsafe fn new(pointer: *mut T, free: unsafe extern "C" fn(*mut T)) -> Result<Self, Fault> {
        NonNull::new(pointer)
            .map(|pointer| Owned { pointer, free })
            .ok_or_else(|| Fault::new(code::INVALID_ARG, describe(code::INVALID_ARG)))
    }

    fn pointer(&self) -> *mut T {
        self.pointer.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: ours by the promise at construction, freed once.
        unsafe { (self.free)(self.pointer()) }
    }
}

/// The pointers of objects, as requests want them: an array that lives for the call.
fn pointers<T>(objects: &[Owned<T>]) -> Vec<*mut T> {
    objects.iter().map(Owned::pointer).collect()
}
