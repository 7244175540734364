//! Events: what their types are, how one is built from what a person types, checked, and made up.
//!
//! An event is a JSON object: `eventType`, `eventId` (UUID), `timestamp` (RFC 3339), then its own fields, the
//! entity's id first. The type is in the past tense (`OrderCreated`), its topic the same in kebab case.

mod assignment;
mod build;
mod catalog;
mod check;
mod generate;
mod object;
pub(in crate::model) mod path;

pub use assignment::Assignment;
pub use catalog::Catalog;
pub use object::object;

use super::suggest;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use thiserror::Error;

/// A type of event. On what topic it goes, which field is the record's key, and what fields there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventType {
    /// `OrderCreated`
    pub name: &'static str,
    /// `order-created`
    pub topic: &'static str,
    /// What keeps one entity's events in order: `orderId`.
    pub key_field: &'static str,
    /// Its own fields, without [`COMMON_FIELDS`].
    pub fields: &'static [Field],
}

/// A field of an event, or of an object within one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    pub name: &'static str,
    pub kind: FieldKind,
    pub required: bool,
    pub description: &'static str,
    /// What a required field is when nobody gives it.
    pub default: Fallback,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FieldKind {
    Text,
    Number,
    Integer,
    Boolean,
    /// A list of objects with these fields.
    List(&'static [Field]),
    /// An object with these fields.
    Object(&'static [Field]),
}

impl FieldKind {
    /// What an error says was expected.
    pub fn name(self) -> &'static str {
        match self {
            FieldKind::Text => "text",
            FieldKind::Number => "a number",
            FieldKind::Integer => "a whole number",
            FieldKind::Boolean => "true or false",
            FieldKind::List(_) => "a list",
            FieldKind::Object(_) => "an object",
        }
    }
}

/// What a required field is when nobody gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Fallback {
    /// Nothing: it must be given.
    None,
    Text(&'static str),
    EmptyList,
    /// A new id: this word, `-`, and random letters.
    Id(&'static str),
}

/// The fields that every event begins with. They are filled in, and can be given all the same.
pub static COMMON_FIELDS: [Field; 3] = [
    Field {
        name: "eventType",
        kind: FieldKind::Text,
        required: true,
        description: "type of event",
        default: Fallback::None,
    },
    Field {
        name: "eventId",
        kind: FieldKind::Text,
        required: true,
        description: "UUID that tells this event from every other",
        default: Fallback::None,
    },
    Field {
        name: "timestamp",
        kind: FieldKind::Text,
        required: true,
        description: "when it happened, RFC 3339",
        default: Fallback::None,
    },
];

/// What an event needs that is in no argument: the time, and chance for ids and made-up values.
#[derive(Clone, Debug)]
pub struct Filling {
    /// Milliseconds since 1970-01-01 UTC.
    pub now_ms: i64,
    pub random: fastrand::Rng,
}

impl Filling {
    /// A new event's id: UUIDv7, so that ids sort by time.
    pub fn event_id(&mut self) -> String {
        let mut random = [0; 10];
        self.random.fill(&mut random);
        let milliseconds = u64::try_from(self.now_ms).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &random)
            .into_uuid()
            .to_string()
    }

    /// The time as an event has it: `2026-01-02T03:04:05.000Z`.
    pub fn timestamp(&self) -> String {
        let time = Timestamp::from_millisecond(self.now_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        format!("{time:.3}")
    }

    /// `order-7k2m9x4c1b`: 36^10 of them, so that a million hardly ever repeat.
    pub fn id(&mut self, prefix: &str) -> String {
        let mut id = format!("{prefix}-");
        id.extend((0..10).map(|_| self.random.digit(36)));
        id
    }
}

/// Why a text or a document is not an event of this type.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EventError {
    #[error("`{0}` sets no field: write FIELD=VALUE, such as `orderId=order-123`")]
    NoEquals(String),
    #[error("`{0}` has no field before its `=`: write FIELD=VALUE, such as `orderId=order-123`")]
    NoField(String),
    #[error("`{event}` has no field `{field}`{}", suggest::clause(.suggestion.as_deref()))]
    UnknownField {
        event: &'static str,
        field: String,
        suggestion: Option<String>,
    },
    #[error("`{event}` needs `{field}`: {description}")]
    Missing {
        event: &'static str,
        field: String,
        description: &'static str,
    },
    /// `path` is as it was typed, or a JSON pointer (RFC 6901) into the document that was checked.
    #[error("`{path}` must be {expected}, not {found}")]
    WrongType {
        path: String,
        expected: String,
        found: String,
    },
    #[error("`{path}` cannot be read: {reason}")]
    Path { path: String, reason: String },
}

impl EventType {
    /// The field of this name, its own or one that every event has.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        let mut all = COMMON_FIELDS.iter().chain(self.fields);
        all.find(|field| field.name == name)
    }

    /// The event with these fields given, and everything else filled in that can be: the common fields, and
    /// required ones that have a sensible default. Values are typed by their field. Of two assignments to one
    /// field the later wins.
    ///
    /// # Errors
    /// An unknown field, a value of the wrong type, or a required field that is missing.
    pub fn build(
        &self,
        assignments: &[Assignment],
        filling: &mut Filling,
    ) -> Result<Map<String, Value>, EventError> {
        build::build(self, assignments, filling)
    }

    /// Sets fields of an event that is there already, such as a made-up one. Values are typed by their field.
    ///
    /// # Errors
    /// An unknown field, or a value of the wrong type; the event is not to be used then. What was not assigned is
    /// not looked at.
    pub fn assign(
        &self,
        event: &mut Map<String, Value>,
        assignments: &[Assignment],
    ) -> Result<(), EventError> {
        build::assign(self, event, assignments)
    }

    /// Fills in what can be and is not there: the common fields, which come first then, and required ones that
    /// have a sensible default. What is there stays, right or wrong.
    pub fn complete(&self, event: &mut Map<String, Value>, filling: &mut Filling) {
        build::complete(self, event, filling);
    }

    /// Whether the document is an event of this type. Fields we do not know are welcome: a type may grow.
    ///
    /// # Errors
    /// The first thing that is wrong, with the JSON pointer to it.
    pub fn validate(&self, event: &Value) -> Result<(), EventError> {
        check::event(self, event)
    }

    /// A made-up event with all its fields, as it could happen: amounts add up, orders are new ones.
    pub fn generate(&self, filling: &mut Filling) -> Map<String, Value> {
        generate::event(self, filling)
    }

    /// The key of the record that carries this event; `None` when the event lacks the field.
    pub fn key(&self, event: &Map<String, Value>) -> Option<Vec<u8>> {
        match event.get(self.key_field)? {
            Value::String(text) => Some(text.as_bytes().to_vec()),
            Value::Number(number) => Some(number.to_string().into_bytes()),
            _ => None,
        }
    }

    /// What a prompt proposes for a field: its default, else something made up; `None` for an optional field.
    pub fn default_for(&self, field: &Field, filling: &mut Filling) -> Option<String> {
        if !field.required {
            return None;
        }
        let value = match build::fallback(field, filling) {
            Some(value) => value,
            None => self.generate(filling).remove(field.name)?,
        };
        Some(match value {
            Value::String(text) => text,
            other => other.to_string(),
        })
    }
}

#[cfg(test)]
mod tests;
