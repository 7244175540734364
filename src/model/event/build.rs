//! An event from what a person typed.

use super::path::{self, Step};
use super::{
    Assignment, COMMON_FIELDS, EventError, EventType, Fallback, Field, FieldKind, Filling, check,
};
use crate::model::suggest;
use serde_json::{Map, Number, Value};

/// See [`EventType::build`].
pub(super) fn build(
    event: &EventType,
    assignments: &[Assignment],
    filling: &mut Filling,
) -> Result<Map<String, Value>, EventError> {
    let mut given = Map::new();
    put_all(event, &mut given, assignments)?;
    // In the order of the fields, whatever order they were typed in.
    let mut built = Map::new();
    for field in COMMON_FIELDS.iter().chain(event.fields) {
        let value = given
            .remove(field.name)
            .or_else(|| filled_in(event, field, filling));
        if let Some(value) = value {
            built.insert(field.name.to_owned(), value);
        }
    }
    check::built(event, &built)?;
    Ok(built)
}

/// See [`EventType::assign`].
pub(super) fn assign(
    event: &EventType,
    object: &mut Map<String, Value>,
    assignments: &[Assignment],
) -> Result<(), EventError> {
    put_all(event, object, assignments)?;
    for field in COMMON_FIELDS.iter().chain(event.fields) {
        let touched = |assignment: &Assignment| {
            let steps = path::steps(&assignment.path);
            steps.is_ok_and(|steps| steps.first() == Some(&Step::Name(field.name)))
        };
        if assignments.iter().any(touched)
            && let Some(value) = object.get(field.name)
        {
            check::field(event, field, value)?;
        }
    }
    Ok(())
}

/// See [`EventType::complete`].
pub(super) fn complete(event: &EventType, object: &mut Map<String, Value>, filling: &mut Filling) {
    let mut given = std::mem::take(object);
    for field in &COMMON_FIELDS {
        // Not swap_remove: what follows shall keep its order.
        let value = given.shift_remove(field.name);
        if let Some(value) = value.or_else(|| filled_in(event, field, filling)) {
            object.insert(field.name.to_owned(), value);
        }
    }
    object.append(&mut given);
    for field in event.fields {
        if !object.contains_key(field.name)
            && let Some(value) = fallback(field, filling)
        {
            object.insert(field.name.to_owned(), value);
        }
    }
}

/// What a field is when nobody gives it.
fn filled_in(event: &EventType, field: &Field, filling: &mut Filling) -> Option<Value> {
    let text = match field.name {
        "eventType" => event.name.to_owned(),
        "eventId" => filling.event_id(),
        "timestamp" => filling.timestamp(),
        _ => return fallback(field, filling),
    };
    Some(Value::String(text))
}

/// The field's default; optional fields stay away.
pub(super) fn fallback(field: &Field, filling: &mut Filling) -> Option<Value> {
    match field.default {
        _ if !field.required => None,
        Fallback::None => None,
        Fallback::Text(text) => Some(Value::String(text.to_owned())),
        Fallback::EmptyList => Some(Value::Array(Vec::new())),
        Fallback::Id(prefix) => Some(Value::String(filling.id(prefix))),
    }
}

fn put_all(
    event: &EventType,
    object: &mut Map<String, Value>,
    assignments: &[Assignment],
) -> Result<(), EventError> {
    for assignment in assignments {
        let steps = path::steps(&assignment.path)?;
        let kind = kind_at(event, &assignment.path, &steps)?;
        let value = typed(event, kind, assignment)?;
        path::put(object, &assignment.path, &steps, value)?;
    }
    Ok(())
}

/// What the event's type has where the steps lead.
fn kind_at(event: &EventType, path: &str, steps: &[Step<'_>]) -> Result<FieldKind, EventError> {
    let mut kind = FieldKind::Object(event.fields);
    let mut parent = "";
    for (depth, step) in steps.iter().enumerate() {
        kind = match (kind, *step) {
            (FieldKind::Object(fields), Step::Name(name)) => {
                parent = name;
                let field = match depth {
                    0 => event.field(name),
                    _ => fields.iter().find(|field| field.name == name),
                };
                field
                    .ok_or_else(|| unknown(event, fields, name, path))?
                    .kind
            }
            (FieldKind::List(fields), Step::Index(_)) => FieldKind::Object(fields),
            (FieldKind::List(_), Step::Name(_)) => {
                return Err(path::wrong(
                    path,
                    format!("`{parent}` is a list: write `{parent}[0].`…"),
                ));
            }
            (_, Step::Index(_)) => return Err(path::wrong(path, format!("`{parent}` is no list"))),
            (kind, Step::Name(_)) => {
                let reason = format!("`{parent}` is {} and has no fields", kind.name());
                return Err(path::wrong(path, reason));
            }
        };
    }
    Ok(kind)
}

fn unknown(event: &EventType, fields: &[Field], name: &str, path: &str) -> EventError {
    let names = fields.iter().map(|field| field.name);
    EventError::UnknownField {
        event: event.name,
        field: path.to_owned(),
        suggestion: suggest::closest(name, names).map(str::to_owned),
    }
}

/// The text as what the field holds.
fn typed(event: &EventType, kind: FieldKind, assignment: &Assignment) -> Result<Value, EventError> {
    let text = &assignment.value;
    let value = match kind {
        FieldKind::Text => Some(Value::String(text.clone())),
        FieldKind::Number => text.parse::<Number>().ok().map(Value::Number),
        FieldKind::Integer => text.parse::<i64>().ok().map(Value::from),
        FieldKind::Boolean => text.parse::<bool>().ok().map(Value::Bool),
        FieldKind::List(_) => serde_json::from_str(text).ok().filter(Value::is_array),
        FieldKind::Object(_) => serde_json::from_str(text).ok().filter(Value::is_object),
    };
    let Some(value) = value else {
        return Err(EventError::WrongType {
            path: assignment.path.clone(),
            expected: match kind {
                FieldKind::List(_) => "a JSON list".to_owned(),
                FieldKind::Object(_) => "a JSON object".to_owned(),
                kind => kind.name().to_owned(),
            },
            found: format!("`{text}`"),
        });
    };
    check::given(event, kind, &value, &assignment.path)?;
    Ok(value)
}
