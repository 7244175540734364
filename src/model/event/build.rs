//! An event from what a person typed.

use super::path::{self, Step};
use super::{
    Assignment, EventError, EventType, Fallback, Field, FieldKind, Filling, check, object,
};
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
    for field in &event.fields {
        let value = given
            .remove(&field.name)
            .or_else(|| filled_in(event, field, filling));
        if let Some(value) = value {
            built.insert(field.name.clone(), value);
        }
    }
    // Those that only an open schema allows.
    built.append(&mut given);
    check::built(event, &built)?;
    Ok(built)
}

/// See [`EventType::assign`].
pub(super) fn assign(
    event: &EventType,
    object: &mut Map<String, Value>,
    assignments: &[Assignment],
) -> Result<(), EventError> {
    if assignments.is_empty() {
        return Ok(());
    }
    put_all(event, object, assignments)?;
    let mut names = Vec::new();
    for assignment in assignments {
        if let Some(Step::Name(name)) = path::steps(&assignment.path)?.first() {
            names.push(*name);
        }
    }
    check::touched(event, object, &names)
}

/// See [`EventType::missing`].
pub(super) fn missing(
    event: &EventType,
    object: &Map<String, Value>,
    filling: &mut Filling,
) -> Vec<(String, Value)> {
    let absent = |field: &&Field| field.required && !object.contains_key(&field.name);
    let fields = event.fields.iter().filter(absent);
    let filled = fields.filter_map(|field| {
        let value = filled_in(event, field, filling)?;
        Some((field.name.clone(), value))
    });
    filled.collect()
}

/// What a field is when nobody gives it.
fn filled_in(event: &EventType, field: &Field, filling: &mut Filling) -> Option<Value> {
    match envelope(event, field, filling) {
        Some(value) => Some(value),
        None => fallback(field, filling),
    }
}

/// What a field of the envelope is: every event has its type, its id and its time.
pub(super) fn envelope(event: &EventType, field: &Field, filling: &mut Filling) -> Option<Value> {
    match (field.name.as_str(), &field.kind) {
        ("eventType", FieldKind::Text) => Some(Value::String(event.name.clone())),
        ("eventId", FieldKind::Text) => Some(Value::String(filling.event_id())),
        ("timestamp", FieldKind::Text) => Some(Value::String(filling.timestamp())),
        ("timestamp", FieldKind::Integer) => Some(Value::from(filling.now_ms)),
        _ => None,
    }
}

/// The field's default; optional fields stay away.
pub(super) fn fallback(field: &Field, filling: &mut Filling) -> Option<Value> {
    match &field.default {
        _ if !field.required => None,
        Fallback::None => None,
        Fallback::Value(value) => Some(value.clone()),
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
fn kind_at<'a>(
    event: &'a EventType,
    path: &str,
    steps: &[Step<'_>],
) -> Result<&'a FieldKind, EventError> {
    let mut kind = &FieldKind::Any;
    let (mut fields, mut open) = (Some(event.fields.as_slice()), event.open);
    let mut parent = "";
    for step in steps {
        kind = match (fields, kind, *step) {
            (Some(fields), _, Step::Name(name)) => {
                parent = name;
                match fields.iter().find(|field| field.name == name) {
                    Some(field) => &field.kind,
                    None if open => &FieldKind::Any,
                    None => return Err(check::unknown(event, fields, name, path.to_owned())),
                }
            }
            (_, FieldKind::Any, _) => &FieldKind::Any,
            (_, FieldKind::List(item), Step::Index(_)) => &item.kind,
            (_, FieldKind::List(_), Step::Name(_)) => {
                let reason = format!("`{parent}` is a list: write `{parent}[0].`…");
                return Err(path::wrong(path, reason));
            }
            (_, _, Step::Index(_)) => {
                return Err(path::wrong(path, format!("`{parent}` is no list")));
            }
            (_, kind, Step::Name(_)) => {
                let reason = format!("`{parent}` is {} and has no fields", kind.name());
                return Err(path::wrong(path, reason));
            }
        };
        (fields, open) = match kind {
            FieldKind::Object { fields, open } => (Some(fields.as_slice()), *open),
            _ => (None, false),
        };
    }
    Ok(kind)
}

/// The text as what the field holds.
fn typed(
    event: &EventType,
    kind: &FieldKind,
    assignment: &Assignment,
) -> Result<Value, EventError> {
    let text = &assignment.value;
    let round = |number| object::rounded(assignment, &number);
    let value = match kind {
        FieldKind::Text => Some(Value::String(text.clone())),
        FieldKind::Number => match text.parse::<Number>() {
            Ok(number) => Some(Value::Number(object::exact(text, number).map_err(round)?)),
            Err(_) => None,
        },
        FieldKind::Integer => text.parse::<i64>().ok().map(Value::from),
        FieldKind::Boolean => text.parse::<bool>().ok().map(Value::Bool),
        FieldKind::List(_) => serde_json::from_str(text).ok().filter(Value::is_array),
        FieldKind::Object { .. } => serde_json::from_str(text).ok().filter(Value::is_object),
        FieldKind::Any => Some(object::guess(text).map_err(round)?),
    };
    let Some(value) = value else {
        return Err(EventError::WrongType {
            path: assignment.path.clone(),
            expected: match kind {
                FieldKind::List(_) => "a JSON list".to_owned(),
                FieldKind::Object { .. } => "a JSON object".to_owned(),
                kind => kind.name().to_owned(),
            },
            found: format!("`{text}`"),
        });
    };
    check::given(event, kind, &value, &assignment.path)?;
    Ok(value)
}
