//! A type of event from a JSON Schema.

use super::{EventType, Layout, schema, words};
use serde_json::Value;
use std::sync::Arc;
use thiserror::Error;

/// Why a document describes no events.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}: {reason}", if pointer.is_empty() { "at the top" } else { pointer })]
pub struct SchemaError {
    /// JSON pointer (RFC 6901) into the document.
    pub pointer: String,
    pub reason: String,
}

impl SchemaError {
    pub(super) fn at(pointer: impl Into<String>, reason: impl Into<String>) -> Self {
        SchemaError {
            pointer: pointer.into(),
            reason: reason.into(),
        }
    }
}

/// What makes an object of a schema a schema at all: any JSON object without them allows everything.
const TELLING: [&str; 8] = [
    "type",
    "properties",
    "required",
    "$ref",
    "allOf",
    "anyOf",
    "oneOf",
    "enum",
];

/// See [`EventType::from_schema`].
pub(super) fn event_type(file: &str, schema: Value) -> Result<EventType, SchemaError> {
    let title = schema.get("title").and_then(Value::as_str);
    let title = title.filter(|title| !title.is_empty() && title.chars().all(char::is_alphanumeric));
    let stem = file.rsplit('/').next().unwrap_or(file);
    let stem = stem.strip_suffix(".json").unwrap_or(stem);
    let stem = stem.strip_suffix(".schema").unwrap_or(stem);
    let name = title.map_or_else(|| words::pascal(stem), str::to_owned);
    named(name, schema, Layout::default())
}

/// The type of this name; its topic and key are in the schema, or follow from the name and the fields.
pub(super) fn named(name: String, schema: Value, layout: Layout) -> Result<EventType, SchemaError> {
    let Value::Object(words) = &schema else {
        return Err(SchemaError::at("", "a schema is a JSON object"));
    };
    if !TELLING.iter().any(|word| words.contains_key(*word)) {
        return Err(SchemaError::at(
            "",
            "no JSON Schema: it has neither `type` nor `properties`",
        ));
    }
    for word in ["x-topic", "x-key"] {
        if words.get(word).is_some_and(|value| !value.is_string()) {
            return Err(SchemaError::at(format!("/{word}"), "must be text"));
        }
    }
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .map_err(|error| SchemaError::at(error.instance_path().to_string(), error.to_string()))?;
    let merged = schema::merged(&schema, &schema, 0);
    if merged.get("type").is_some_and(|kind| kind != "object") {
        return Err(SchemaError::at(
            "/type",
            "an event is an object: `type` must be `object`",
        ));
    }
    let text = |word: &str| merged.get(word).and_then(Value::as_str);
    let fields = schema::fields(&schema);
    // The first id that every such event has is the entity's, or else the first thing that looks like an id.
    let is_id = |name: &str| name.ends_with("Id") && name != "eventId";
    let first = fields
        .iter()
        .find(|field| field.required && is_id(&field.name));
    let key_field = text("x-key").or(first.map(|field| field.name.as_str()));
    Ok(EventType {
        topic: text("x-topic").map_or_else(|| words::kebab(&name), str::to_owned),
        key_field: key_field.map(str::to_owned),
        open: schema::is_open(&schema),
        name,
        fields,
        layout,
        validator: Arc::new(validator),
        completer: Arc::default(),
        schema,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(schema: Value) -> String {
        event_type("x.json", schema).unwrap_err().to_string()
    }

    #[test]
    fn name_topic_and_key_are_in_the_schema_or_follow() {
        let schema = |title: &str| {
            json!({"title": title, "type": "object", "properties": {"eventId": {}, "refId": {}, "billId": {}},
                "required": ["eventId", "billId"]})
        };
        let event = event_type("events/bill-paid.json", schema("A bill was paid")).unwrap();
        assert_eq!(
            (
                event.name.as_str(),
                event.topic.as_str(),
                event.key_field.as_deref()
            ),
            ("BillPaid", "bill-paid", Some("billId"))
        );
        let mut said = schema("Paid");
        said["x-topic"] = json!("bills");
        said["x-key"] = json!("refId");
        let event = event_type("events/bill-paid.schema.json", said).unwrap();
        assert_eq!(
            (
                event.name.as_str(),
                event.topic.as_str(),
                event.key_field.as_deref()
            ),
            ("Paid", "bills", Some("refId"))
        );
    }

    #[test]
    fn what_is_no_schema_is_refused_with_its_place() {
        assert!(refused(json!([])).starts_with("at the top: "));
        assert!(refused(json!({"orderId": "o"})).starts_with("at the top: no JSON Schema"));
        assert!(
            refused(json!({"type": "object", "properties": {"a": {"type": "txt"}}}))
                .starts_with("/properties/a/type: ")
        );
        assert!(refused(json!({"type": "string"})).starts_with("/type: "));
        assert!(refused(json!({"type": "object", "x-key": 1})).starts_with("/x-key: "));
        let outside = refused(
            json!({"type": "object", "properties": {"a": {"$ref": "https://example.com/a"}}}),
        );
        assert!(outside.contains("example.com"), "{outside}");
    }
}
