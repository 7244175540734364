//! Whether a document is an event of a type, and what is wrong with it in the words of a person.

use super::{EventError, EventType, Field, FieldKind};
use crate::model::suggest;
use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind};
use serde_json::{Map, Value};

/// See [`EventType::validate`].
pub(super) fn event(event: &EventType, document: &Value) -> Result<(), EventError> {
    // Finding out that nothing is wrong costs a fraction of finding out what is.
    if event.validator.is_valid(document) {
        return Ok(());
    }
    match event.validator.iter_errors(document).next() {
        Some(error) => Err(described(event, &error)),
        None => Ok(()),
    }
}

/// Whether what was built from a person's words is right all through. Errors name places as he would type them.
pub(super) fn built(event: &EventType, object: &Map<String, Value>) -> Result<(), EventError> {
    self::event(event, &Value::Object(object.clone())).map_err(|error| as_typed("", error))
}

/// Whether these fields of the event are right, whatever the others are.
pub(super) fn touched(
    event: &EventType,
    object: &Map<String, Value>,
    names: &[&str],
) -> Result<(), EventError> {
    let document = Value::Object(object.clone());
    let is_touched = |error: &ValidationError<'_>| {
        let path = error.instance_path().to_string();
        let first = path.split('/').nth(1).unwrap_or_default();
        names.contains(&first)
    };
    match event.validator.iter_errors(&document).find(is_touched) {
        Some(error) => Err(as_typed("", described(event, &error))),
        None => Ok(()),
    }
}

/// Refuses what a person gave for `path` when there is a field in it that we do not know: a slip.
pub(super) fn given(
    event: &EventType,
    kind: &FieldKind,
    found: &Value,
    path: &str,
) -> Result<(), EventError> {
    known(event, kind, found, "").map_err(|error| as_typed(path, error))
}

fn known(event: &EventType, kind: &FieldKind, found: &Value, at: &str) -> Result<(), EventError> {
    match (kind, found) {
        (FieldKind::Object { fields, open }, Value::Object(object)) => {
            for (name, value) in object {
                // As RFC 6901 has it.
                let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                match fields.iter().find(|field| field.name == *name) {
                    Some(field) => known(event, &field.kind, value, &place)?,
                    None if *open => {}
                    None => return Err(unknown(event, fields, name, place)),
                }
            }
            Ok(())
        }
        (FieldKind::List(item), Value::Array(items)) => {
            let mut items = items.iter().enumerate();
            items.try_for_each(|(index, value)| {
                known(event, &item.kind, value, &format!("{at}/{index}"))
            })
        }
        _ => Ok(()),
    }
}

pub(super) fn unknown(
    event: &EventType,
    fields: &[Field],
    name: &str,
    place: String,
) -> EventError {
    let names = fields.iter().map(|field| field.name.as_str());
    EventError::UnknownField {
        event: event.name.clone(),
        field: place,
        suggestion: suggest::closest(name, names).map(str::to_owned),
    }
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

/// What the validator found: the JSON pointer, what was expected, what was found.
fn described(event: &EventType, error: &ValidationError<'_>) -> EventError {
    use ValidationErrorKind as Found;
    let pointer = error.instance_path().to_string();
    let instance = error.instance();
    let wrong = |expected: String, found: String| EventError::WrongType {
        path: match pointer.as_str() {
            "" => "the event".to_owned(),
            pointer => pointer.to_owned(),
        },
        expected,
        found,
    };
    let expected = match error.kind() {
        Found::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let field = format!("{pointer}/{name}");
            let description = described_at(event, &field);
            return EventError::Missing {
                event: event.name.clone(),
                field,
                description,
            };
        }
        Found::AdditionalProperties { unexpected }
        | Found::UnevaluatedProperties { unexpected } => {
            let name = unexpected.first().map_or("", String::as_str);
            return unknown(event, &event.fields, name, format!("{pointer}/{name}"));
        }
        Found::Type { kind } => return wrong(types(kind), shown(instance)),
        Found::Constant { expected_value } => quoted(expected_value),
        Found::Enum { options } => {
            let options: Vec<String> = options
                .as_array()
                .into_iter()
                .flatten()
                .map(quoted)
                .collect();
            format!("one of {}", options.join(", "))
        }
        Found::Format { format } => match format.as_str() {
            "uuid" => "a UUID".to_owned(),
            "date-time" => "a time such as `2026-01-02T03:04:05Z`".to_owned(),
            "date" => "a date such as `2026-01-02`".to_owned(),
            "email" => "an e-mail address".to_owned(),
            format => format!("of the format `{format}`"),
        },
        Found::Pattern { pattern } => format!("text that matches `{pattern}`"),
        Found::Minimum { limit } => format!("at least {limit}"),
        Found::Maximum { limit } => format!("at most {limit}"),
        Found::ExclusiveMinimum { limit } => format!("more than {limit}"),
        Found::ExclusiveMaximum { limit } => format!("less than {limit}"),
        Found::MultipleOf { multiple_of } => format!("a multiple of {multiple_of}"),
        Found::MinLength { limit } => format!("at least {limit} characters long"),
        Found::MaxLength { limit } => format!("at most {limit} characters long"),
        Found::MinItems { limit } => format!("a list of at least {limit}"),
        Found::MaxItems { limit } => format!("a list of at most {limit}"),
        Found::UniqueItems => "a list without duplicates".to_owned(),
        Found::FalseSchema => "left out".to_owned(),
        other => format!("what `{}` of its schema allows", other.keyword()),
    };
    wrong(expected, quoted(instance))
}

/// The description of the field a pointer leads to, or where its schema is when it has none.
fn described_at(event: &EventType, pointer: &str) -> String {
    let mut fields: &[Field] = &event.fields;
    let mut found = None;
    for segment in pointer.split('/').skip(1) {
        if segment.parse::<usize>().is_ok() {
            continue;
        }
        found = fields.iter().find(|field| field.name == segment);
        let mut kind = found.map(|field| &field.kind);
        while let Some(FieldKind::List(item)) = kind {
            kind = Some(&item.kind);
        }
        fields = match kind {
            Some(FieldKind::Object { fields, .. }) => fields,
            _ => &[],
        };
    }
    match found {
        Some(field) if !field.description.is_empty() => field.description.clone(),
        Some(field) => field.kind.name().to_owned(),
        None => "it is required".to_owned(),
    }
}

fn types(kind: &TypeKind) -> String {
    let name = |kind: jsonschema::JsonType| match kind {
        jsonschema::JsonType::String => "text",
        jsonschema::JsonType::Number => "a number",
        jsonschema::JsonType::Integer => "a whole number",
        jsonschema::JsonType::Boolean => "true or false",
        jsonschema::JsonType::Array => "a list",
        jsonschema::JsonType::Object => "an object",
        jsonschema::JsonType::Null => "null",
    };
    match kind {
        TypeKind::Single(kind) => name(*kind).to_owned(),
        TypeKind::Multiple(kinds) => kinds.iter().map(name).collect::<Vec<_>>().join(" or "),
    }
}

/// As much of a value as an error's line should hold.
const LONGEST: usize = 80;

fn shown(found: &Value) -> String {
    match found {
        Value::String(_) => format!("the text {}", quoted(found)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => other.to_string(),
    }
}

fn quoted(found: &Value) -> String {
    match found {
        Value::String(text) if text.chars().count() > LONGEST => {
            let start: String = text.chars().take(LONGEST).collect();
            format!("`{}…`", start.escape_debug())
        }
        Value::String(text) => format!("`{}`", text.escape_debug()),
        Value::Array(items) => format!("a list of {}", items.len()),
        other => shown(other),
    }
}
