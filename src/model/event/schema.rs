//! What an event's JSON Schema says of its fields, in the few words that prompts, assignments and generators need.
//! Whether a document is right is not decided here: the validator reads the whole schema.

use super::{Fallback, Field, FieldKind};
use serde_json::{Map, Value};

/// A schema that refers to itself is looked into so far.
const DEEPEST: usize = 12;

/// The properties of the schema's object, in its order; none when it describes no object.
pub(super) fn fields(root: &Value) -> Vec<Field> {
    match kind(root, &merged(root, root, 0), 0) {
        FieldKind::Object { fields, .. } => fields,
        _ => Vec::new(),
    }
}

/// Whether the schema itself says that fields it does not name are welcome.
pub(super) fn is_open(root: &Value) -> bool {
    matches!(
        kind(root, &merged(root, root, 0), 0),
        FieldKind::Object { open: true, .. }
    )
}

/// The schema with what its `$ref` (within the document) and its `allOf` say put in.
pub(super) fn merged(root: &Value, schema: &Value, depth: usize) -> Map<String, Value> {
    let Value::Object(schema) = schema else {
        return Map::new();
    };
    let mut all = schema.clone();
    if depth > DEEPEST {
        return all;
    }
    if let Some(Value::String(reference)) = all.shift_remove("$ref")
        && let Some(target) = pointed_at(root, &reference)
    {
        add(&mut all, merged(root, target, depth + 1));
    }
    if let Some(Value::Array(parts)) = all.shift_remove("allOf") {
        for part in &parts {
            add(&mut all, merged(root, part, depth + 1));
        }
    }
    // Kept as JSON Schema's users write "may be null".
    let nullable = ["anyOf", "oneOf"].iter().find_map(|word| {
        let parts = all.get(*word)?.as_array()?;
        let mut real = parts.iter().filter(|part| part["type"] != "null");
        let only = real.next()?;
        (parts.len() > 1 && real.next().is_none()).then(|| only.clone())
    });
    if let Some(only) = nullable {
        add(&mut all, merged(root, &only, depth + 1));
    }
    all
}

/// What `#/$defs/money` names.
pub(super) fn pointed_at<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    root.pointer(reference.strip_prefix('#')?)
}

fn add(all: &mut Map<String, Value>, more: Map<String, Value>) {
    for (word, value) in more {
        match (all.get_mut(&word), value) {
            (Some(Value::Object(known)), Value::Object(new)) if word == "properties" => {
                for (name, schema) in new {
                    known.entry(name).or_insert(schema);
                }
            }
            (Some(Value::Array(known)), Value::Array(new)) if word == "required" => {
                known.extend(new);
            }
            (Some(_), _) => {}
            (None, value) => {
                all.insert(word, value);
            }
        }
    }
}

fn field(root: &Value, name: &str, schema: &Value, required: bool, depth: usize) -> Field {
    let schema = merged(root, schema, depth);
    let text = |word: &str| schema.get(word).and_then(Value::as_str);
    let default = match (text("x-id"), schema.get("default")) {
        (Some(prefix), _) => Fallback::Id(prefix.to_owned()),
        (None, Some(value)) => Fallback::Value(value.clone()),
        (None, None) => Fallback::None,
    };
    Field {
        name: name.to_owned(),
        kind: kind(root, &schema, depth),
        required,
        description: text("description").unwrap_or_default().to_owned(),
        default,
        schema,
    }
}

fn kind(root: &Value, schema: &Map<String, Value>, depth: usize) -> FieldKind {
    if depth > DEEPEST {
        return FieldKind::Any;
    }
    match type_name(schema) {
        Some("string") => FieldKind::Text,
        Some("number") => FieldKind::Number,
        Some("integer") => FieldKind::Integer,
        Some("boolean") => FieldKind::Boolean,
        Some("array") => {
            let any = Value::Bool(true);
            let items = schema.get("items").unwrap_or(&any);
            FieldKind::List(Box::new(field(root, "", items, true, depth + 1)))
        }
        Some("object") => {
            let required = schema.get("required").and_then(Value::as_array);
            let is_required =
                |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
            let properties = schema.get("properties").and_then(Value::as_object);
            FieldKind::Object {
                fields: properties
                    .into_iter()
                    .flatten()
                    .map(|(name, schema)| field(root, name, schema, is_required(name), depth + 1))
                    .collect(),
                open: schema
                    .get("additionalProperties")
                    .is_some_and(|more| *more != Value::Bool(false)),
            }
        }
        _ => FieldKind::Any,
    }
}

/// The one type of the schema, but for null; from its constants where it names none.
fn type_name(schema: &Map<String, Value>) -> Option<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => return Some(name),
        Some(Value::Array(names)) => {
            let mut names = names
                .iter()
                .filter_map(Value::as_str)
                .filter(|name| *name != "null");
            return names.next().filter(|_| names.next().is_none());
        }
        _ => {}
    }
    let options = schema.get("enum").and_then(Value::as_array);
    let example = schema.get("const").or_else(|| options?.first());
    match example {
        Some(Value::String(_)) => Some("string"),
        Some(Value::Number(number)) if number.is_f64() => Some("number"),
        Some(Value::Number(_)) => Some("integer"),
        Some(Value::Bool(_)) => Some("boolean"),
        _ if schema.contains_key("properties") => Some("object"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_and_compositions_are_followed() {
        let schema = json!({
            "$ref": "#/$defs/base",
            "allOf": [{"properties": {"total": {"$ref": "#/$defs/money"}}, "required": ["total"]}],
            "$defs": {
                "base": {"type": "object", "properties": {"id": {"type": ["string", "null"]}}},
                "money": {"type": "object", "properties": {"cents": {"type": "integer"}}, "required": ["cents"]},
            }
        });
        let fields = fields(&schema);
        let names: Vec<_> = fields
            .iter()
            .map(|field| (field.name.as_str(), field.required))
            .collect();
        assert_eq!(names, [("id", false), ("total", true)]);
        assert_eq!(fields[0].kind, FieldKind::Text);
        let FieldKind::Object {
            fields,
            open: false,
        } = &fields[1].kind
        else {
            panic!("{:?}", fields[1])
        };
        assert_eq!(
            (fields[0].kind.clone(), fields[0].required),
            (FieldKind::Integer, true)
        );
    }

    #[test]
    fn a_schema_that_holds_itself_ends() {
        let schema = json!({"type": "object", "properties": {"child": {"$ref": "#"}}});
        assert_eq!(fields(&schema).len(), 1);
        let circle = json!({"$ref": "#"});
        assert_eq!(fields(&circle), []);
    }
}
