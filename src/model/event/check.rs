//! Whether a document is an event of a type.

use super::{COMMON_FIELDS, EventError, EventType, Field, FieldKind};
use crate::model::suggest;
use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

/// What to do with a field that the type does not have.
#[derive(Clone, Copy, PartialEq)]
enum Unknown {
    Allowed,
    Refused,
}

/// See [`EventType::validate`].
pub(super) fn event(event: &EventType, document: &Value) -> Result<(), EventError> {
    match document {
        Value::Object(object) => whole(event, object),
        other => Err(wrong("", "an object", other)),
    }
}

/// Whether what was built from a person's words is right all through. Errors name places as he would type them.
pub(super) fn built(event: &EventType, object: &Map<String, Value>) -> Result<(), EventError> {
    whole(event, object).map_err(|error| as_typed("", error))
}

/// Whether one of the event's fields is right, wherever its value came from.
pub(super) fn field(event: &EventType, field: &Field, found: &Value) -> Result<(), EventError> {
    let pointer = format!("/{}", field.name);
    value(event, field.kind, found, &pointer, Unknown::Allowed)
        .and_then(|()| form(event, field, found))
        .map_err(|error| as_typed("", error))
}

/// Whether a value that a person gave for `path` is right. A field within it that we do not know is a slip.
pub(super) fn given(
    event: &EventType,
    kind: FieldKind,
    found: &Value,
    path: &str,
) -> Result<(), EventError> {
    value(event, kind, found, "", Unknown::Refused).map_err(|error| as_typed(path, error))
}

/// The same error, its place as an assignment has it: `/items/0/sku` is `items[0].sku`.
fn as_typed(prefix: &str, mut error: EventError) -> EventError {
    if let EventError::UnknownField { field: place, .. }
    | EventError::Missing { field: place, .. }
    | EventError::WrongType { path: place, .. } = &mut error
    {
        let mut path = prefix.to_owned();
        for segment in place.split('/').skip(1) {
            match segment.parse::<usize>() {
                Ok(index) => path.push_str(&format!("[{index}]")),
                Err(_) if path.is_empty() => path.push_str(segment),
                Err(_) => path.push_str(&format!(".{segment}")),
            }
        }
        *place = path;
    }
    error
}

fn whole(event: &EventType, object: &Map<String, Value>) -> Result<(), EventError> {
    fields(event, &COMMON_FIELDS, object, "", Unknown::Allowed)?;
    for field in &COMMON_FIELDS {
        object
            .get(field.name)
            .map_or(Ok(()), |value| form(event, field, value))?;
    }
    fields(event, event.fields, object, "", Unknown::Allowed)
}

/// What is more to a text than being one.
fn form(event: &EventType, field: &Field, value: &Value) -> Result<(), EventError> {
    let text = value.as_str().unwrap_or_default();
    let (right, expected) = match field.name {
        "eventType" => (text == event.name, format!("`{}`", event.name)),
        "eventId" => (Uuid::try_parse(text).is_ok(), "a UUID".to_owned()),
        "timestamp" => {
            let expected = "a time such as `2026-01-02T03:04:05Z`".to_owned();
            (text.parse::<Timestamp>().is_ok(), expected)
        }
        _ => return Ok(()),
    };
    match right {
        true => Ok(()),
        false => Err(EventError::WrongType {
            path: format!("/{}", field.name),
            expected,
            found: format!("`{}`", text.escape_debug()),
        }),
    }
}

fn fields(
    event: &EventType,
    known: &[Field],
    object: &Map<String, Value>,
    pointer: &str,
    unknown: Unknown,
) -> Result<(), EventError> {
    if unknown == Unknown::Refused {
        let is_known = |name: &String| known.iter().any(|field| field.name == *name);
        if let Some(name) = object.keys().find(|name| !is_known(name)) {
            let names = known.iter().map(|field| field.name);
            return Err(EventError::UnknownField {
                event: event.name,
                // As RFC 6901 has it.
                field: format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")),
                suggestion: suggest::closest(name, names).map(str::to_owned),
            });
        }
    }
    for field in known {
        let path = format!("{pointer}/{}", field.name);
        match object.get(field.name) {
            None if field.required => {
                return Err(EventError::Missing {
                    event: event.name,
                    field: path,
                    description: field.description,
                });
            }
            Some(Value::Null) if !field.required => {}
            Some(found) => value(event, field.kind, found, &path, unknown)?,
            None => {}
        }
    }
    Ok(())
}

fn value(
    event: &EventType,
    kind: FieldKind,
    found: &Value,
    path: &str,
    unknown: Unknown,
) -> Result<(), EventError> {
    match (kind, found) {
        (FieldKind::Text, Value::String(_))
        | (FieldKind::Number, Value::Number(_))
        | (FieldKind::Boolean, Value::Bool(_)) => Ok(()),
        (FieldKind::Integer, Value::Number(number)) if !number.is_f64() => Ok(()),
        (FieldKind::Object(known), Value::Object(object)) => {
            fields(event, known, object, path, unknown)
        }
        (FieldKind::List(known), Value::Array(items)) => {
            let kind = FieldKind::Object(known);
            let mut items = items.iter().enumerate();
            items.try_for_each(|(index, item)| {
                value(event, kind, item, &format!("{path}/{index}"), unknown)
            })
        }
        (kind, found) => Err(wrong(path, kind.name(), found)),
    }
}

fn wrong(pointer: &str, expected: &str, found: &Value) -> EventError {
    let path = if pointer.is_empty() {
        "the event"
    } else {
        pointer
    };
    EventError::WrongType {
        path: path.to_owned(),
        expected: expected.to_owned(),
        found: match found {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => format!("the text `{}`", text.escape_debug()),
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
        },
    }
}
