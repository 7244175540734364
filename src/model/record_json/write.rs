//! From a record to a line.

use super::{BASE64, is_hostile, nest};
use crate::model::dead_letter::DeadLetter;
use crate::model::record::Record;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::io::{self, Write};

/// Appends the record to `out` as one line of JSON, without the newline. `dead_letter` becomes a key of its own,
/// which [`read`](super::read) passes over.
pub fn write(record: &Record, dead_letter: Option<&DeadLetter>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"topic\":");
    json(&record.topic, out);
    out.extend_from_slice(b",\"partition\":");
    json(&record.partition, out);
    out.extend_from_slice(b",\"offset\":");
    json(&record.offset, out);
    out.extend_from_slice(b",\"timestamp\":");
    json(&record.timestamp.map(|(milliseconds, _)| milliseconds), out);
    out.extend_from_slice(b",\"timestampType\":");
    json(&record.timestamp.map(|(_, kind)| kind.name()), out);
    out.extend_from_slice(b",\"key\":");
    bytes(record.key.as_deref(), out);
    out.extend_from_slice(b",\"value\":");
    value(record.value.as_deref(), out);
    out.extend_from_slice(b",\"headers\":[");
    for (index, header) in record.headers.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"[" } else { b",[" });
        json(&header.name, out);
        out.push(b',');
        bytes(header.value.as_deref(), out);
        out.push(b']');
    }
    out.push(b']');
    if let Some(letter) = dead_letter {
        out.extend_from_slice(b",\"deadLetter\":");
        json(letter, out);
    }
    out.push(b'}');
}

fn value(value: Option<&[u8]>, out: &mut Vec<u8>) {
    match value.map(std::str::from_utf8) {
        Some(Ok(text)) if nest::can_nest(text) => out.extend_from_slice(text.as_bytes()),
        _ => bytes(value, out),
    }
}

fn bytes(bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    let Some(bytes) = bytes else {
        return out.extend_from_slice(b"null");
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => json(text, out),
        Err(_) => {
            out.extend_from_slice(b"{\"");
            out.extend_from_slice(BASE64.as_bytes());
            out.extend_from_slice(b"\":\"");
            out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
            out.extend_from_slice(b"\"}");
        }
    }
}

fn json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    // A Vec takes every byte, and nothing we write has keys that are no text: this cannot fail.
    let _ = value.serialize(&mut Serializer::with_formatter(out, Harmless));
}

/// serde_json's compact form, with everything a terminal could mistake for a command escaped as well.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_hostile) {
            let (harmless, hostile) = rest.split_at(at);
            writer.write_all(harmless.as_bytes())?;
            let mut characters = hostile.chars();
            // All of them are in the Basic Multilingual Plane: one escape is enough.
            for character in characters.by_ref().take(1) {
                write!(writer, "\\u{:04x}", u32::from(character))?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}
