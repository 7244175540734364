//! The record inside an envelope, as bytes.

use super::members::{Object, text};
use crate::model::record::Header;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

/// The record that died, as far as the envelope has it.
pub(super) struct Inner {
    pub value: Vec<u8>,
    /// `None`: the envelope does not say. `Some(None)`: it had no key.
    pub key: Option<Option<Vec<u8>>>,
    /// `None`: the envelope does not say.
    pub headers: Option<Vec<Header>>,
}

/// What stands in the event's place; `None` when it is not certain which bytes it was.
pub(super) fn of(value: &RawValue) -> Option<Inner> {
    if let Some(record) = Record::of(value) {
        return record.inner();
    }
    Some(Inner {
        value: bytes(value)?,
        key: None,
        headers: None,
    })
}

/// The same of a member that may as well be a sentence: JSON is none.
pub(super) fn of_message(value: &RawValue) -> Option<Inner> {
    let is_json = match text(value) {
        Some(text) => is_structured(text.as_bytes()),
        None => is_structured(value.get().as_bytes()),
    };
    is_json.then(|| of(value)).flatten()
}

/// A key: text, a number, or null.
pub(super) fn key(value: &RawValue) -> Option<Option<Vec<u8>>> {
    match value.get() {
        "null" => Some(None),
        text if text.starts_with('[') => None,
        _ => bytes(value).map(Some),
    }
}

/// Headers: an object of texts.
pub(super) fn headers(value: &RawValue) -> Option<Vec<Header>> {
    let Object(members) = serde_json::from_str(value.get()).ok()?;
    let header = |(name, value): (std::borrow::Cow<'_, str>, &RawValue)| {
        let value = match value.get() {
            "null" => None,
            _ => Some(match text(value) {
                Some(text) => text.into_owned().into_bytes(),
                None => bytes(value)?,
            }),
        };
        Some(Header {
            name: name.into_owned(),
            value,
        })
    };
    members.into_iter().map(header).collect()
}

/// JSON as it stands there; of a text what is in it. `None` for null, which may have been a tombstone or not, and for
/// what may be base64 of bytes or a text that looks like it.
fn bytes(value: &RawValue) -> Option<Vec<u8>> {
    if value.get() == "null" {
        return None;
    }
    if let Some(bytes) = node_buffer(value) {
        return Some(bytes);
    }
    let Some(text) = text(value) else {
        return Some(value.get().as_bytes().to_vec());
    };
    let text = text.into_owned();
    if text.len() < 12 || text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.into_bytes());
    }
    match STANDARD.decode(&text) {
        Ok(decoded) if is_structured(&decoded) => Some(decoded),
        Ok(_) => None,
        Err(_) => Some(text.into_bytes()),
    }
}

/// JSON that is an object or an array, and all of it.
fn is_structured(json: &[u8]) -> bool {
    let begins = json
        .trim_ascii_start()
        .first()
        .is_some_and(|byte| matches!(byte, b'{' | b'['));
    begins && serde_json::from_slice::<serde::de::IgnoredAny>(json).is_ok()
}

/// How Node.js writes bytes as JSON: `{"type":"Buffer","data":[123,34]}`.
fn node_buffer(value: &RawValue) -> Option<Vec<u8>> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Buffer {
        r#type: String,
        data: Vec<u8>,
    }
    if !value.get().starts_with('{') {
        return None;
    }
    let buffer: Buffer = serde_json::from_str(value.get()).ok()?;
    (buffer.r#type == "Buffer").then_some(buffer.data)
}

/// An object that is a record's parts and nothing else: `{"key":…,"value":…,"headers":…}`.
#[derive(Default)]
struct Record<'a> {
    value: Option<&'a RawValue>,
    key: Option<&'a RawValue>,
    headers: Option<&'a RawValue>,
}

impl<'a> Record<'a> {
    fn of(value: &'a RawValue) -> Option<Self> {
        if !value.get().starts_with('{') {
            return None;
        }
        let Object(members) = serde_json::from_str(value.get()).ok()?;
        let mut record = Record::default();
        for (name, value) in members {
            match &*name {
                "value" => record.value = Some(value),
                "key" => record.key = Some(value),
                "headers" => record.headers = Some(value),
                "topic" | "partition" | "offset" | "timestamp" => {}
                _ => return None,
            }
        }
        record.value.is_some().then_some(record)
    }

    /// With headers it is a record; without, an event may look the same, so that it is not certain.
    fn inner(self) -> Option<Inner> {
        Some(Inner {
            value: bytes(self.value?)?,
            key: self.key.and_then(key),
            headers: Some(headers(self.headers?)?),
        })
    }
}
