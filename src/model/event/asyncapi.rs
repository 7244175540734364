//! An AsyncAPI 3 document as a catalog: its channels' messages are events, their payloads the schemas.
//!
//! Source: AsyncAPI Specification 3.0.0 (channels, messages, multi format schemas), and the Kafka bindings 0.5.0
//! (`bindings.kafka` of a channel: topic, partitions, replicas, topicConfiguration).

use super::{EventType, Layout, SchemaError, read, schema};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The word that tells such a document from a schema.
pub(super) const MARK: &str = "asyncapi";

/// References that lead from one to the next, so many at most.
const LONGEST: usize = 32;

/// The events of the document, in the order of its channels.
pub(super) fn events(document: &Value) -> Result<Vec<EventType>, SchemaError> {
    let version = match &document[MARK] {
        Value::String(version) => version.clone(),
        other => other.to_string(),
    };
    if !version.starts_with("3.") {
        let reason = format!("AsyncAPI {version}: version 3 is needed");
        return Err(SchemaError::at(format!("/{MARK}"), reason));
    }
    let none = Map::new();
    let channels = document["channels"].as_object().unwrap_or(&none);
    let mut events: Vec<EventType> = Vec::new();
    for (id, channel) in channels {
        let (place, channel) = followed(document, format!("/channels/{}", escaped(id)), channel)?;
        let (topic, layout) = layout(document, &place, id, channel)?;
        let messages = channel["messages"].as_object().unwrap_or(&none);
        for (id, message) in messages {
            let at = format!("{place}/messages/{}", escaped(id));
            let (at, message) = followed(document, at, message)?;
            let name = message["name"].as_str().unwrap_or(id);
            let mut schema = payload(document, &at, message)?;
            if let Value::Object(words) = &mut schema {
                words.entry("x-topic").or_insert(topic.as_str().into());
                if let Some(key) = message.get("x-key") {
                    words.insert("x-key".to_owned(), key.clone());
                }
            }
            let event = read::named(name.to_owned(), schema, layout.clone()).map_err(|error| {
                SchemaError::at(format!("{at}/payload{}", error.pointer), error.reason)
            })?;
            if !events
                .iter()
                .any(|known| known.name == event.name && known.topic == event.topic)
            {
                events.push(event);
            }
        }
    }
    if events.is_empty() {
        return Err(SchemaError::at("/channels", "no channel has a message"));
    }
    Ok(events)
}

/// As RFC 6901 has it.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// What is at the end of the references, and where that is.
fn followed<'a>(
    document: &'a Value,
    mut place: String,
    mut value: &'a Value,
) -> Result<(String, &'a Value), SchemaError> {
    for _ in 0..LONGEST {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
            return Ok((place, value));
        };
        let Some(target) = schema::pointed_at(document, reference) else {
            let reason = format!("`{reference}` is nothing within the document");
            return Err(SchemaError::at(format!("{place}/$ref"), reason));
        };
        place = reference.trim_start_matches('#').to_owned();
        value = target;
    }
    Err(SchemaError::at(place, "its references lead in a circle"))
}

/// The channel's topic, and how it is to be.
fn layout(
    document: &Value,
    place: &str,
    id: &str,
    channel: &Value,
) -> Result<(String, Layout), SchemaError> {
    let mut layout = Layout::default();
    let mut topic = channel["address"].as_str().unwrap_or(id).to_owned();
    let (at, bindings) = followed(document, format!("{place}/bindings"), &channel["bindings"])?;
    let kafka = &bindings["kafka"];
    let at = format!("{at}/kafka");
    if let Some(named) = kafka["topic"].as_str() {
        named.clone_into(&mut topic);
    }
    let count = |word: &str| match kafka.get(word) {
        None => Ok(None),
        Some(value) => match value.as_i64().filter(|count| *count > 0) {
            Some(count) => Ok(Some(count)),
            None => Err(SchemaError::at(
                format!("{at}/{word}"),
                format!("must be a number from 1, not {value}"),
            )),
        },
    };
    let too_many = |word: &str| SchemaError::at(format!("{at}/{word}"), "is more than Kafka has");
    layout.partitions = match count("partitions")? {
        Some(count) => Some(i32::try_from(count).map_err(|_| too_many("partitions"))?),
        None => None,
    };
    layout.replicas = match count("replicas")? {
        Some(count) => Some(i16::try_from(count).map_err(|_| too_many("replicas"))?),
        None => None,
    };
    for (name, value) in kafka["topicConfiguration"]
        .as_object()
        .into_iter()
        .flatten()
    {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Array(items) => {
                let items = items.iter().map(|item| {
                    item.as_str()
                        .map_or_else(|| item.to_string(), str::to_owned)
                });
                items.collect::<Vec<_>>().join(",")
            }
            _ => {
                let at = format!("{at}/topicConfiguration/{}", escaped(name));
                return Err(SchemaError::at(
                    at,
                    "must be text, a number, true, false, or a list of them",
                ));
            }
        };
        layout.configs.insert(name.clone(), text);
    }
    Ok((topic, layout))
}

/// The message's schema, with all it refers to moved into it.
fn payload(document: &Value, at: &str, message: &Value) -> Result<Value, SchemaError> {
    let Some(payload) = message.get("payload") else {
        return Err(SchemaError::at(at, "the message has no `payload`"));
    };
    let mut schema = payload;
    if let Some(format) = payload.get("schemaFormat").and_then(Value::as_str) {
        let is_json = format.contains("schema+json")
            || format.contains("schema+yaml")
            || format.contains("asyncapi");
        if !is_json {
            let reason = format!("`{format}` is no JSON Schema");
            return Err(SchemaError::at(
                format!("{at}/payload/schemaFormat"),
                reason,
            ));
        }
        schema = &payload["schema"];
    }
    let mut moved = BTreeMap::new();
    let mut whole = moving(document, schema, &format!("{at}/payload"), &mut moved)?;
    if let (Value::Object(words), false) = (&mut whole, moved.is_empty()) {
        let definitions = words.entry("$defs").or_insert_with(|| Map::new().into());
        if let Value::Object(definitions) = definitions {
            for (name, schema) in moved.into_values() {
                definitions.insert(name, schema);
            }
        }
    }
    Ok(whole)
}

/// By where it was in the document: its new name, and its schema (null while that is being read).
type Moved = BTreeMap<String, (String, Value)>;

/// A copy of the schema whose references lead to `#/$defs/…`, and what is to be there.
fn moving(
    document: &Value,
    schema: &Value,
    at: &str,
    moved: &mut Moved,
) -> Result<Value, SchemaError> {
    Ok(match schema {
        Value::Object(words) => {
            let mut copy = Map::new();
            for (word, value) in words {
                let at = format!("{at}/{}", escaped(word));
                let value = match (word.as_str(), value) {
                    ("$ref", Value::String(reference)) => {
                        Value::String(new_place(document, reference, &at, moved)?)
                    }
                    (_, value) => moving(document, value, &at, moved)?,
                };
                copy.insert(word.clone(), value);
            }
            Value::Object(copy)
        }
        Value::Array(items) => {
            let copies = items.iter().enumerate();
            let copies =
                copies.map(|(index, item)| moving(document, item, &format!("{at}/{index}"), moved));
            Value::Array(copies.collect::<Result<_, _>>()?)
        }
        other => other.clone(),
    })
}

fn new_place(
    document: &Value,
    reference: &str,
    at: &str,
    moved: &mut Moved,
) -> Result<String, SchemaError> {
    if let Some((name, _)) = moved.get(reference) {
        return Ok(format!("#/$defs/{name}"));
    }
    let Some(target) = schema::pointed_at(document, reference) else {
        let reason = format!("`{reference}` is nothing within the document");
        return Err(SchemaError::at(at, reason));
    };
    let last = reference.rsplit('/').next().unwrap_or_default();
    let plain: String = last
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .collect();
    let taken = |name: &str| moved.values().any(|(known, _)| known == name);
    let name = match taken(&plain) || plain.is_empty() {
        true => format!("{plain}{}", moved.len() + 1),
        false => plain,
    };
    moved.insert(reference.to_owned(), (name.clone(), Value::Null));
    let schema = moving(document, target, reference.trim_start_matches('#'), moved)?;
    if let Some((_, place)) = moved.get_mut(reference) {
        *place = schema;
    }
    Ok(format!("#/$defs/{name}"))
}

#[cfg(test)]
mod tests {
    use super::super::documents;

    const DOCUMENT: &str = r##"
asyncapi: 3.0.0
info: {title: Billing, version: 1.0.0}
channels:
  bills:
    address: billing.bills
    messages:
      paid: {$ref: "#/components/messages/BillPaid"}
      BillSent: {payload: {type: object, properties: {billId: {type: string}}, required: [billId]}}
    bindings:
      kafka:
        partitions: 6
        replicas: 1
        topicConfiguration: {cleanup.policy: [compact, delete], retention.ms: 604800000}
components:
  messages:
    BillPaid:
      name: BillPaid
      x-key: customerId
      payload: {$ref: "#/components/schemas/BillPaid"}
  schemas:
    BillPaid:
      type: object
      properties: {customerId: {type: string}, amount: {$ref: "#/components/schemas/money"}, parent: {$ref: "#/components/schemas/BillPaid"}}
      required: [customerId, amount]
    money: {type: number, minimum: 0}
"##;

    #[test]
    fn channels_are_topics_and_messages_are_events() {
        let events = documents::read("a.yaml", DOCUMENT).unwrap();
        let names: Vec<_> = events
            .iter()
            .map(|event| {
                (
                    event.name.as_str(),
                    event.topic.as_str(),
                    event.key_field.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            names,
            [
                ("BillPaid", "billing.bills", Some("customerId")),
                ("BillSent", "billing.bills", Some("billId"))
            ]
        );
        let layout = &events[0].layout;
        assert_eq!((layout.partitions, layout.replicas), (Some(6), Some(1)));
        assert_eq!(layout.configs["cleanup.policy"], "compact,delete");
        assert_eq!(layout.configs["retention.ms"], "604800000");
        let valid = serde_json::json!({"customerId": "c", "amount": 1, "parent": {"customerId": "d", "amount": 2}});
        assert_eq!(events[0].validate(&valid), Ok(()));
        let mut wrong = valid.clone();
        wrong["parent"]["amount"] = (-1).into();
        assert_eq!(
            events[0].validate(&wrong).unwrap_err().to_string(),
            "`/parent/amount` must be at least 0, not -1"
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let cases = [
            (
                "3.0.0",
                "2.6.0",
                "/asyncapi: AsyncAPI 2.6.0: version 3 is needed",
            ),
            (
                "schemas/money\"",
                "schemas/cash\"",
                "/components/schemas/BillPaid/properties/amount/$ref: `#/components/schemas/cash` is nothing within the document",
            ),
            (
                "partitions: 6",
                "partitions: 0",
                "/channels/bills/bindings/kafka/partitions: must be a number from 1, not 0",
            ),
            ("channels:", "lanes:", "/channels: no channel has a message"),
        ];
        for (from, to, expected) in cases {
            let text = DOCUMENT.replace(from, to);
            assert_eq!(
                documents::read("a.yaml", &text).unwrap_err().to_string(),
                expected,
                "{to}"
            );
        }
    }
}
