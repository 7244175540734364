//! Events: what their types are, how one is built from what a person types, checked, and made up.
//!
//! A type is its JSON Schema, whether it comes with the program or is the user's own, plus three words of ours:
//! `x-topic` and `x-key` at the top, and `x-id` (the start of a made-up id) and `x-distinct` (how many there are) on a
//! field.
//!
//! An event is a JSON object: `eventType`, `eventId` (UUID), `timestamp` (RFC 3339), then its own fields, the
//! entity's id first. The type is in the past tense (`OrderCreated`), its topic the same in kebab case.

mod assignment;
mod asyncapi;
mod build;
mod catalog;
mod check;
pub mod compatibility;
mod completing;
pub mod documents;
mod draft;
mod generate;
mod in_place;
mod light;
pub mod lint;
mod object;
pub(in crate::model) mod path;
mod read;
mod schema;
pub mod starter;
pub mod words;

pub use assignment::{Assignment, check_distinct};
pub use catalog::Catalog;
pub use draft::DraftError;
pub use in_place::{EditError, Edits};
pub use light::Document;
pub use object::object;
pub use read::SchemaError;

use super::suggest;
use completing::Completer;
use jiff::Timestamp;
use jsonschema::Validator;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use thiserror::Error;
use uuid::Uuid;

/// A type of event, built in or the user's own: its JSON Schema, and what that says beside which documents are right.
#[derive(Clone, Debug)]
pub struct EventType {
    /// `OrderCreated`
    pub name: String,
    /// `order-created`
    pub topic: String,
    /// What keeps one entity's events in order: `orderId`. `None`: its records have no key.
    pub key_field: Option<String>,
    /// All its top-level fields, in the schema's order.
    pub fields: Vec<Field>,
    /// Whether the schema says by itself that other fields may be given.
    open: bool,
    /// The JSON Schema; it refers to nothing outside itself.
    pub schema: Value,
    /// How its topic is to be, as far as the catalog says.
    pub layout: Layout,
    /// Compiled once.
    validator: Arc<Validator>,
    /// The same for many events, compiled when the first comes.
    completer: Arc<OnceLock<Option<Completer>>>,
}

/// Two types are the same when they say the same.
impl PartialEq for EventType {
    fn eq(&self, other: &Self) -> bool {
        let said = |event: &EventType| {
            (
                event.name.clone(),
                event.topic.clone(),
                event.key_field.clone(),
            )
        };
        said(self) == said(other) && self.schema == other.schema && self.layout == other.layout
    }
}

/// How a topic is to be, as AsyncAPI's Kafka channel binding says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    pub partitions: Option<i32>,
    pub replicas: Option<i16>,
    /// Topic configurations, by name.
    pub configs: BTreeMap<String, String>,
}

/// A field of an event, or of an object within one.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub name: String,
    pub kind: FieldKind,
    pub required: bool,
    pub description: String,
    /// What a required field is when nobody gives it.
    pub default: Fallback,
    /// All that its schema says, for the generator.
    schema: Map<String, Value>,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldKind {
    Text,
    Number,
    Integer,
    Boolean,
    /// A list of such items; the item has no name.
    List(Box<Field>),
    /// An object with these fields, and others when it is open.
    Object {
        fields: Vec<Field>,
        open: bool,
    },
    /// Of several kinds, or of none that the schema names.
    Any,
}

impl FieldKind {
    /// What an error says was expected.
    pub fn name(&self) -> &'static str {
        match self {
            FieldKind::Text => "text",
            FieldKind::Number => "a number",
            FieldKind::Integer => "a whole number",
            FieldKind::Boolean => "true or false",
            FieldKind::List(_) => "a list",
            FieldKind::Object { .. } => "an object",
            FieldKind::Any => "any JSON",
        }
    }
}

/// What a required field is when nobody gives it.
#[derive(Clone, Debug, PartialEq)]
pub enum Fallback {
    /// Nothing: it must be given.
    None,
    /// The schema's `default`.
    Value(Value),
    /// A new id: this word (the schema's `x-id`), `-`, and random letters.
    Id(String),
}

/// The fields that every event begins with. They are filled in, and can be given all the same.
pub const ENVELOPE: [&str; 3] = ["eventType", "eventId", "timestamp"];

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
        self.event_uuid().to_string()
    }

    fn event_uuid(&mut self) -> Uuid {
        let mut random = [0; 10];
        self.random.fill(&mut random);
        let milliseconds = u64::try_from(self.now_ms).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid()
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
        event: String,
        field: String,
        suggestion: Option<String>,
    },
    #[error("`{event}` needs `{field}`: {description}")]
    Missing {
        event: String,
        field: String,
        description: String,
    },
    /// `path` is as it was typed, or a JSON pointer (RFC 6901) into the document that was checked.
    #[error("`{path}` must be {expected}, not {found}")]
    WrongType {
        path: String,
        expected: String,
        found: String,
    },
    #[error("`{later}` would undo `{earlier}`: give one of them")]
    Undone { later: String, earlier: String },
    #[error("`{path}` cannot hold `{text}`: a number of JSON would be rounded to {rounded}")]
    Rounded {
        path: String,
        text: String,
        rounded: String,
    },
    #[error("`{path}` cannot be read: {reason}")]
    Path { path: String, reason: String },
}

impl EventType {
    /// The type that a schema describes. `file` is where it came from, and gives the name when `title` is none.
    ///
    /// # Errors
    /// [`SchemaError`] with the pointer into the schema: it is no JSON Schema, or not one of an object.
    pub fn from_schema(file: &str, schema: Value) -> Result<EventType, SchemaError> {
        read::event_type(file, schema)
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Its fields without those of the envelope.
    pub fn own_fields(&self) -> impl Iterator<Item = &Field> {
        let own = |field: &&Field| !ENVELOPE.contains(&field.name.as_str());
        self.fields.iter().filter(own)
    }

    /// The event with these fields given, and everything else filled in that can be: the common fields, and
    /// required ones that have a sensible default. Values are typed by their field. Of two assignments to one
    /// field the later wins; [`check_distinct`] finds them.
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

    /// What can be filled in and is not there: the envelope, and required fields that have a sensible default.
    pub fn missing(
        &self,
        event: &Map<String, Value>,
        filling: &mut Filling,
    ) -> Vec<(String, Value)> {
        build::missing(self, event, filling)
    }

    /// Whether the document is an event of this type. Fields we do not know are welcome, unless the schema closes
    /// itself: a type may grow.
    ///
    /// # Errors
    /// The first thing that is wrong, with the JSON pointer to it.
    pub fn validate(&self, event: &Value) -> Result<(), EventError> {
        check::event(self, event)
    }

    /// Writes what can be filled in and is not there, as [`EventType::missing`] has it, into `members` as a JSON object.
    /// False when something is missing that must be given.
    pub fn fill_in(
        &self,
        event: &Document<'_>,
        filling: &mut Filling,
        members: &mut Vec<u8>,
    ) -> bool {
        let completer = self.completer();
        completer.is_some_and(|completer| completer.fill_in(event, filling, members))
    }

    /// As [`EventType::validate`]: quickly, and without saying what is wrong.
    pub fn accepts(&self, event: &Document<'_>) -> bool {
        let completer = self.completer();
        completer.is_some_and(|completer| completer.accepts(event))
    }

    fn completer(&self) -> Option<&Completer> {
        let completer = self.completer.get_or_init(|| Completer::new(self));
        completer.as_ref()
    }

    /// As [`EventType::key`].
    pub fn key_of<'a>(&self, event: &'a Document<'_>) -> Option<Cow<'a, [u8]>> {
        match event.get(self.key_field.as_deref()?)? {
            Document::Text(text) => Some(Cow::Borrowed(text.as_bytes())),
            Document::Number(number) => Some(Cow::Owned(number.to_string().into_bytes())),
            _ => None,
        }
    }

    /// A made-up event with all its fields, as it could happen: amounts add up, orders are new ones, users come back.
    /// It is valid unless the schema asks for what cannot be made up (`pattern`, `oneOf`, …): `examples` help there.
    pub fn generate(&self, filling: &mut Filling) -> Map<String, Value> {
        generate::event(self, filling)
    }

    /// The key of the record that carries this event; `None` when the event lacks the field.
    pub fn key(&self, event: &Map<String, Value>) -> Option<Vec<u8>> {
        match event.get(self.key_field.as_deref()?)? {
            Value::String(text) => Some(text.as_bytes().to_vec()),
            Value::Number(number) => Some(number.to_string().into_bytes()),
            _ => None,
        }
    }

    /// Its own fields as JSON for a person to edit: those assigned, and the others made up.
    ///
    /// # Errors
    /// As for [`EventType::assign`].
    pub fn draft(
        &self,
        assignments: &[Assignment],
        filling: &mut Filling,
    ) -> Result<String, EventError> {
        draft::write(self, assignments, filling)
    }

    /// What an edited draft assigns; [`EventType::build`] makes the event of it.
    ///
    /// # Errors
    /// What is no JSON object, or would be no event of this type.
    pub fn edited(
        &self,
        draft: &str,
        filling: &mut Filling,
    ) -> Result<Vec<Assignment>, DraftError> {
        draft::read(self, draft, filling)
    }

    /// What a prompt proposes for a field: its default, else something made up; `None` for an optional field.
    pub fn default_for(&self, field: &Field, filling: &mut Filling) -> Option<String> {
        if !field.required {
            return None;
        }
        let value = match build::fallback(field, filling) {
            Some(value) => value,
            None => self.generate(filling).remove(&field.name)?,
        };
        Some(match value {
            Value::String(text) => text,
            other => other.to_string(),
        })
    }
}

#[cfg(test)]
mod tests;
