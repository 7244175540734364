//! Whether a repaired record is a right event of its type, where the catalog has one for it.

use crate::model::dead_letter::Original;
use crate::model::event::{Catalog, EventType};
use serde_json::Value;
use std::sync::Arc;

/// The header of CloudEvents' binary mode that names an event's type.
const EVENT_TYPE_HEADER: &str = "ce_type";

/// What nobody knows is right, and so is a tombstone, which is no event. Its type is looked for as `eda produce` does,
/// by the topic that it goes to, else by that which it came from; of several on a topic, and where none has the topic,
/// by the type that the event says it is of.
///
/// # Errors
/// The first thing that is wrong, a sentence.
pub(super) fn check(
    catalog: &Catalog,
    topic: &str,
    origin: Option<&str>,
    repaired: &Original,
) -> Result<(), String> {
    let Some(value) = &repaired.value else {
        return Ok(());
    };
    let topics = [Some(topic), origin].into_iter().flatten();
    let events = topics.map(|topic| catalog.matching(topic));
    let events = events.into_iter().find(|events| !events.is_empty());
    let events = events.unwrap_or_default();
    let document: Value = match serde_json::from_slice(value) {
        Ok(document) => document,
        Err(_) if events.is_empty() => return Ok(()),
        Err(error) => return Err(format!("its value is not JSON: {error}")),
    };
    let (said, event) = event_in(&document, repaired);
    let Some(kind) = choose(catalog, &events, said)? else {
        return Ok(());
    };
    let checked = kind.validate(event);
    checked.map_err(|error| format!("it is no valid {}: {error}", kind.name))
}

/// What the event says its type is, and the event itself: the value, or within it the data of a CloudEvent.
fn event_in<'a>(document: &'a Value, repaired: &'a Original) -> (Option<&'a str>, &'a Value) {
    if document.get("specversion").is_some()
        && let Some(data) = document.get("data")
    {
        let said = data.get("eventType").or_else(|| document.get("type"));
        return (said.and_then(Value::as_str), data);
    }
    let header = || {
        let mut headers = repaired.headers.iter();
        let header = headers.find(|header| header.name == EVENT_TYPE_HEADER)?;
        std::str::from_utf8(header.value.as_deref()?).ok()
    };
    let said = document.get("eventType").and_then(Value::as_str);
    (said.or_else(header), document)
}

fn choose<'a>(
    catalog: &'a Catalog,
    events: &'a [Arc<EventType>],
    said: Option<&str>,
) -> Result<Option<&'a EventType>, String> {
    let named = |events: &'a [Arc<EventType>]| {
        let mut events = events.iter();
        let found = events.find(|event| Some(event.name.as_str()) == said);
        found.map(|event| &**event)
    };
    match events {
        [] => Ok(named(catalog.events())),
        [only] => Ok(Some(only)),
        several => named(several).map(Some).ok_or_else(|| {
            let names: Vec<_> = several.iter().map(|event| event.name.as_str()).collect();
            format!("its eventType is none of {}", names.join(", "))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Header;
    use serde_json::json;

    const RIGHT: &str = r#"{"eventType":"OrderCreated","eventId":"0198c6a0-1234-7abc-8def-0123456789ab",
        "timestamp":"2026-01-02T03:04:05Z","orderId":"o","userId":"u","items":[],"total":12.5}"#;

    fn checked(
        catalog: &Catalog,
        topic: &str,
        origin: Option<&str>,
        value: &str,
        header: Option<&str>,
    ) -> Result<(), String> {
        let repaired = Original {
            key: None,
            value: Some(value.as_bytes().to_vec()),
            headers: header
                .map(|value| Header::text(EVENT_TYPE_HEADER, value))
                .into_iter()
                .collect(),
        };
        check(catalog, topic, origin, &repaired)
    }

    #[test]
    fn what_the_catalog_knows_is_checked_and_nothing_else() {
        let catalog = Catalog::built_in();
        let wrong = RIGHT.replace("12.5", "\"much\"");
        let created = "order-created";
        let refused = Err(
            "it is no valid OrderCreated: `/total` must be a number, not the text `much`".into(),
        );
        let cases = [
            (created, None, RIGHT, None, Ok(())),
            (created, None, &wrong, None, refused.clone()),
            ("retries", Some(created), &wrong, None, refused.clone()),
            // By what it says itself.
            ("orders", Some("orders"), &wrong, None, refused.clone()),
            (
                "orders",
                None,
                r#"{"eventType":"Unheard","total":"much"}"#,
                None,
                Ok(()),
            ),
            ("orders", None, "{}", None, Ok(())),
            (
                "orders",
                None,
                "{}",
                Some("UserRegistered"),
                Err("it is no valid UserRegistered: ".into()),
            ),
            (
                created,
                None,
                "total=1",
                None,
                Err("its value is not JSON: expected ident at line 1 column 2".into()),
            ),
            ("orders", None, "total=1", None, Ok(())),
        ];
        for (topic, origin, value, header, expected) in cases {
            let found = checked(catalog, topic, origin, value, header);
            match (&found, &expected) {
                (Err(found), Err(expected)) => assert!(found.starts_with(expected), "{found}"),
                _ => assert_eq!(found, expected, "{topic} {value}"),
            }
        }
        let tombstone = check(catalog, created, None, &Original::default());
        assert_eq!(tombstone, Ok(()));
    }

    #[test]
    fn the_data_of_a_cloud_event_is_the_event() {
        let envelope = |data: &str| {
            format!(
                r#"{{"specversion":"1.0","id":"1","source":"/","type":"OrderCreated","data":{data}}}"#
            )
        };
        let catalog = Catalog::built_in();
        for topic in ["order-created", "orders"] {
            assert_eq!(
                checked(catalog, topic, None, &envelope(RIGHT), None),
                Ok(())
            );
            let wrong = envelope(&RIGHT.replace("12.5", "null"));
            let error = checked(catalog, topic, None, &wrong, None).unwrap_err();
            assert!(error.contains("`/total` must be a number"), "{error}");
        }
    }

    #[test]
    fn of_several_on_a_topic_the_event_says_which_it_is() {
        let own = |name: &str, field: &str| {
            let schema = json!({"title": name, "type": "object", "x-topic": "orders", "required": [field],
                "properties": {field: {"type": "string"}}});
            EventType::from_schema("x.json", schema).unwrap()
        };
        let catalog = Catalog::with(vec![own("Paid", "payer"), own("Shipped", "carrier")]);
        let check = |value: &str| checked(&catalog, "orders", None, value, None);
        assert_eq!(check(r#"{"eventType":"Shipped","carrier":"c"}"#), Ok(()));
        let error = check(r#"{"eventType":"Shipped","payer":"p"}"#).unwrap_err();
        assert!(error.starts_with("it is no valid Shipped: "), "{error}");
        let error = check(r#"{"payer":"p"}"#).unwrap_err();
        assert_eq!(error, "its eventType is none of Paid, Shipped");
    }
}
