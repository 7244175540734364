//! From a record to a line.

use super::{BASE64, nest, text};
use crate::model::dead_letter::DeadLetter;
use crate::model::record::RecordRef;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::io::{self, Write};

/// Appends the record to `out` as one line of JSON, without the newline. `dead_letter` becomes a key of its own,
/// which [`read`](super::read) passes over: an object with a key for each field of [`DeadLetter`], in camel case, null
/// where the dead letter does not say.
///
/// ```json
/// {"convention":"spring","origin":{"topic":"orders","partition":1,"offset":42,"timestamp":1764000000000},
///  "originDoubt":null,"group":"billing","exception":"com.acme.Declined","message":"Listener failed","cause":"no funds",
///  "stackTrace":"…","attempts":3,"failedAt":null,"kind":null,"stage":null,"replays":0,"payload":"record"}
/// ```
pub fn write(record: RecordRef<'_>, dead_letter: Option<&DeadLetter>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"topic\":");
    text::quote(record.topic, out);
    out.extend_from_slice(b",\"partition\":");
    number(record.partition, out);
    out.extend_from_slice(b",\"offset\":");
    number(record.offset, out);
    match record.timestamp {
        Some((milliseconds, kind)) => {
            out.extend_from_slice(b",\"timestamp\":");
            number(milliseconds, out);
            out.extend_from_slice(b",\"timestampType\":");
            text::quote(kind.name(), out);
        }
        None => out.extend_from_slice(b",\"timestamp\":null,\"timestampType\":null"),
    }
    out.extend_from_slice(b",\"key\":");
    bytes(record.key, out);
    out.extend_from_slice(b",\"value\":");
    value(record.value, out);
    out.extend_from_slice(b",\"headers\":[");
    for (index, (name, value)) in record.headers.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"[" } else { b",[" });
        text::quote(name, out);
        out.push(b',');
        bytes(value, out);
        out.push(b']');
    }
    out.push(b']');
    if let Some(letter) = dead_letter {
        out.extend_from_slice(b",\"deadLetter\":");
        // A Vec takes every byte, and nothing in the story has keys that are no text: this cannot fail.
        let _ = letter.serialize(&mut Serializer::with_formatter(&mut *out, Harmless));
    }
    out.push(b'}');
}

/// The same for a program that handles the record: with `attempt`, from 1, and `eventId` as two keys more, which
/// [`read`](super::read) passes over, so that the program may hand the record on as it is.
pub fn write_attempt(record: RecordRef<'_>, attempt: u32, event_id: &str, out: &mut Vec<u8>) {
    write(record, None, out);
    // The closing brace comes later.
    out.pop();
    out.extend_from_slice(b",\"attempt\":");
    number(attempt, out);
    out.extend_from_slice(b",\"eventId\":");
    text::quote(event_id, out);
    out.push(b'}');
}

fn number(number: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn value(value: Option<&[u8]>, out: &mut Vec<u8>) {
    match value.map(std::str::from_utf8) {
        Some(Ok(text)) if nest::can_nest(text) => out.extend_from_slice(text.as_bytes()),
        Some(Ok(text)) => text::quote(text, out),
        _ => bytes(value, out),
    }
}

fn bytes(bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    let Some(bytes) = bytes else {
        return out.extend_from_slice(b"null");
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => text::quote(text, out),
        Err(_) => {
            out.extend_from_slice(b"{\"");
            out.extend_from_slice(BASE64.as_bytes());
            out.extend_from_slice(b"\":\"");
            out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
            out.extend_from_slice(b"\"}");
        }
    }
}

/// serde_json's compact form, with everything a terminal could mistake for a command escaped as well.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut escaped = Vec::with_capacity(fragment.len());
        text::escape(fragment, &mut escaped);
        writer.write_all(&escaped)
    }
}
