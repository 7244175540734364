//! From a line to a record.

use super::{is_hostile, nest};
use crate::model::record::{Header, OutgoingRecord};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use thiserror::Error;

/// Other programs often leave the padding out.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a line is not a record. Columns are bytes of the line, from 1.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordJsonError {
    #[error("the line is not UTF-8 from column {column} on")]
    Encoding { column: usize },
    #[error("the line is not a JSON object such as `{{\"topic\":\"order-created\",\"value\":…}}`")]
    NoObject,
    #[error("the line has no `value`; `\"value\":null` is a tombstone")]
    NoValue,
    #[error("column {column}: {reason}")]
    Syntax { column: usize, reason: String },
    #[error("column {column}: not base64")]
    Base64 { column: usize },
}

impl RecordJsonError {
    /// Where in the line, in bytes from 1, where that is known.
    pub fn column(&self) -> Option<usize> {
        match self {
            RecordJsonError::NoObject | RecordJsonError::NoValue => None,
            RecordJsonError::Encoding { column }
            | RecordJsonError::Syntax { column, .. }
            | RecordJsonError::Base64 { column } => Some(*column),
        }
    }

    /// serde_json counts from the start of what it was given, which may begin within the line.
    fn syntax(error: &serde_json::Error, offset: usize) -> Self {
        let place = format!(" at line {} column {}", error.line(), error.column());
        let text = error.to_string();
        let reason = text.strip_suffix(&place).unwrap_or(&text);
        // The reason may quote the line.
        let harmless = |c: char| match c.is_control() || is_hostile(c) {
            true => c.escape_unicode().to_string(),
            false => c.to_string(),
        };
        RecordJsonError::Syntax {
            column: offset + error.column(),
            reason: reason.chars().map(harmless).collect(),
        }
    }
}

/// The keys of a line. An unknown one is refused: it is a misspelled one, whose value would be lost.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line<'a> {
    #[serde(default)]
    topic: String,
    partition: Option<i32>,
    #[serde(default, rename = "offset")]
    _offset: IgnoredAny,
    timestamp: Option<i64>,
    #[serde(default, rename = "timestampType")]
    _timestamp_type: IgnoredAny,
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    /// Some also where it is null.
    #[serde(borrow, default, deserialize_with = "present")]
    value: Option<Option<&'a RawValue>>,
    #[serde(borrow)]
    headers: Option<Vec<(String, Option<&'a RawValue>)>>,
    #[serde(default, rename = "deadLetter")]
    _dead_letter: IgnoredAny,
    #[serde(default, rename = "attempt")]
    _attempt: IgnoredAny,
    #[serde(default, rename = "eventId")]
    _event_id: IgnoredAny,
}

/// What is there, be it null.
fn present<'de, D: Deserializer<'de>>(json: D) -> Result<Option<Option<&'de RawValue>>, D::Error> {
    Option::deserialize(json).map(Some)
}

/// The record in a line that [`write`](super::write), or a person, wrote. It has a value, null or not, for whoever
/// forgets it must not delete what the key names; what else a line leaves out is null, and a topic left out is empty,
/// for the caller to fill in or refuse. The offset, the timestamp's type, a dead letter's
/// story and what [`write_attempt`](super::write_attempt) adds are passed over.
///
/// # Errors
/// The line is not UTF-8, not JSON, has no value, an unknown or repeated key, or a value that is none.
pub fn read(line: &[u8]) -> Result<OutgoingRecord, RecordJsonError> {
    let line = std::str::from_utf8(line).map_err(|error| RecordJsonError::Encoding {
        column: error.valid_up_to() + 1,
    })?;
    // serde would take the elements of an array for the fields in their order.
    if !line.trim_ascii_start().starts_with('{') {
        return Err(RecordJsonError::NoObject);
    }
    let read: Line<'_> =
        serde_json::from_str(line).map_err(|error| RecordJsonError::syntax(&error, 0))?;
    let value = read.value.ok_or(RecordJsonError::NoValue)?;
    let mut headers = Vec::new();
    for (name, value) in read.headers.unwrap_or_default() {
        let value = bytes(value, line)?;
        headers.push(Header { name, value });
    }
    Ok(OutgoingRecord {
        topic: read.topic,
        partition: read.partition,
        timestamp: read.timestamp,
        key: bytes(read.key, line)?,
        value: bytes(value, line)?,
        headers,
    })
}

/// What the JSON stands for: see the four forms in [`super`].
fn bytes(json: Option<&RawValue>, line: &str) -> Result<Option<Vec<u8>>, RecordJsonError> {
    let Some(json) = json.map(RawValue::get) else {
        return Ok(None);
    };
    let offset = || json.as_ptr().addr().saturating_sub(line.as_ptr().addr());
    if json.starts_with('"') {
        return serde_json::from_str(json)
            .map(|text: String| Some(text.into_bytes()))
            .map_err(|error| RecordJsonError::syntax(&error, offset()));
    }
    match nest::base64_text(json) {
        Some(text) => LENIENT
            .decode(text)
            .map(Some)
            .map_err(|_| RecordJsonError::Base64 {
                column: offset() + 1,
            }),
        None => Ok(Some(json.as_bytes().to_vec())),
    }
}
