//! The schema somebody starts a new type of event with.

use super::words;
use serde_json::{Value, json};

/// A schema that passes `eda event check` but for its name: the envelope, the entity's id as the key, one amount to
/// change or to delete. `OrderCreated` and `order-created` give the same.
pub fn schema(name: &str) -> Value {
    let name = words::pascal(name);
    let parts = words::words(&name);
    let entity = match parts.len() {
        0 | 1 => words::kebab(&name),
        count => parts[..count - 1].concat(),
    };
    let mut letters = entity.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string());
    let key = format!("{}{}Id", first.unwrap_or_default(), letters.as_str());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        "description": "What happened, in a sentence.",
        "x-topic": words::kebab(&name),
        "x-key": key,
        "type": "object",
        "properties": {
            "eventType": {"const": name},
            "eventId": {"type": "string", "format": "uuid"},
            "timestamp": {"type": "string", "format": "date-time"},
            key.as_str(): {"type": "string", "description": "whom it happened to, and the record's key"},
            "amount": {"type": "number", "minimum": 0, "description": "an example of a field"}
        },
        "required": ["eventType", "eventId", "timestamp", key]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{EventType, lint};

    #[test]
    fn what_one_starts_with_passes_the_check() {
        for name in ["InvoicePaid", "invoice-paid", "OrderItemAdded"] {
            let event = EventType::from_schema("x.json", schema(name)).unwrap();
            assert_eq!(lint::findings(&event), [], "{name}");
        }
        assert_eq!(schema("invoice-paid")["x-key"], "invoiceId");
        assert_eq!(schema("OrderItemAdded")["x-key"], "orderItemId");
    }
}
