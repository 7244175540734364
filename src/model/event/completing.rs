//! Completing and checking events in bulk: what a line lacks is written beside it, and nothing that is there is copied,
//! hashed or written again. Who is not done here is looked at thoroughly, by [`super::build`] and [`super::check`].

use super::light::{Document, Light};
use super::{EventType, Fallback, Field, FieldKind, Filling};
use jsonschema::Validator;
use std::io::Write;

/// What an event's schema asks for, compiled.
#[derive(Debug)]
pub(super) struct Completer {
    validator: Validator<Light>,
    /// The fields that must be there, in the schema's order.
    required: Vec<Required>,
}

#[derive(Debug)]
struct Required {
    name: String,
    /// `"eventId":`
    label: Vec<u8>,
    filled_in: FilledIn,
}

/// What a field is when nobody gives it.
#[derive(Debug)]
enum FilledIn {
    /// It must be given.
    Nothing,
    /// Always the same JSON.
    Constant(Vec<u8>),
    EventId,
    Timestamp,
    Milliseconds,
    /// A new id with such a start.
    Id(String),
}

impl Completer {
    /// `None` when the schema cannot be compiled.
    pub(super) fn new(event: &EventType) -> Option<Completer> {
        let options = jsonschema::options_for::<Light>();
        let options = options.should_validate_formats(true);
        let required = event.fields.iter().filter(|field| field.required);
        Some(Completer {
            validator: options.build(&event.schema).ok()?,
            required: required.map(|field| Required::new(event, field)).collect(),
        })
    }

    /// See [`EventType::fill_in`].
    pub(super) fn fill_in(
        &self,
        event: &Document<'_>,
        filling: &mut Filling,
        members: &mut Vec<u8>,
    ) -> bool {
        members.clear();
        members.push(b'{');
        for field in &self.required {
            if event.get(&field.name).is_some() {
                continue;
            }
            if members.len() > 1 {
                members.push(b',');
            }
            members.extend_from_slice(&field.label);
            // Writing to memory does not fail.
            let _ = match &field.filled_in {
                FilledIn::Nothing => return false,
                FilledIn::Constant(json) => members.write_all(json),
                FilledIn::EventId => write!(members, "\"{}\"", filling.event_uuid()),
                FilledIn::Timestamp => write!(members, "\"{}\"", filling.timestamp()),
                FilledIn::Milliseconds => write!(members, "{}", filling.now_ms),
                FilledIn::Id(prefix) => {
                    serde_json::to_writer(&mut *members, &filling.id(prefix)).map_err(Into::into)
                }
            };
        }
        members.push(b'}');
        true
    }

    /// Whether nothing is wrong with the event.
    pub(super) fn accepts(&self, event: &Document<'_>) -> bool {
        self.validator.is_valid(event)
    }
}

impl Required {
    fn new(event: &EventType, field: &Field) -> Required {
        let json = |value: &serde_json::Value| value.to_string().into_bytes();
        let filled_in = match (field.name.as_str(), &field.kind, &field.default) {
            ("eventType", FieldKind::Text, _) => {
                FilledIn::Constant(json(&event.name.as_str().into()))
            }
            ("eventId", FieldKind::Text, _) => FilledIn::EventId,
            ("timestamp", FieldKind::Text, _) => FilledIn::Timestamp,
            ("timestamp", FieldKind::Integer, _) => FilledIn::Milliseconds,
            (.., Fallback::Value(value)) => FilledIn::Constant(json(value)),
            (.., Fallback::Id(prefix)) => FilledIn::Id(prefix.clone()),
            (.., Fallback::None) => FilledIn::Nothing,
        };
        let mut label = json(&field.name.as_str().into());
        label.push(b':');
        Required {
            name: field.name.clone(),
            label,
            filled_in,
        }
    }
}
