//! CloudEvents 1.0 on Kafka: an event's id, type, source and time where any consumer of the specification finds them.
//!
//! Source: the CloudEvents specification and its Kafka protocol binding, both 1.0.2. In the binary mode attributes are
//! headers (`ce_id`) and the value is the event; in the structured mode the value is a JSON object of both.

use super::record::Header;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::str::FromStr;

const VERSION: &str = "1.0";
const JSON: &str = "application/json";
const STRUCTURED: &str = "application/cloudevents+json; charset=UTF-8";
const CONTENT_TYPE: &str = "content-type";

/// What an event is wrapped in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Envelope {
    /// Nothing: the value is the event.
    #[default]
    Plain,
    /// CloudEvents' binary mode: the value is the event, its attributes are headers.
    CloudEvents,
    /// CloudEvents' structured mode: the value holds the attributes, and the event as `data`.
    CloudEventsStructured,
}

impl Envelope {
    /// Their names, in the order of their fields above.
    pub const NAMES: [&'static str; 3] = ["plain", "cloudevents", "cloudevents-structured"];

    /// As it is given on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Envelope::Plain => Self::NAMES[0],
            Envelope::CloudEvents => Self::NAMES[1],
            Envelope::CloudEventsStructured => Self::NAMES[2],
        }
    }

    /// Whether it writes a header of this name itself, so that nobody else may.
    pub fn sets_header(self, name: &str) -> bool {
        let is_attribute = || {
            let attribute = name.strip_prefix("ce_");
            attribute.is_some_and(|name| {
                ["specversion", "id", "source", "type", "subject", "time"].contains(&name)
            })
        };
        match self {
            Envelope::Plain => false,
            Envelope::CloudEvents => name == CONTENT_TYPE || is_attribute(),
            Envelope::CloudEventsStructured => name == CONTENT_TYPE,
        }
    }
}

impl FromStr for Envelope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [
            Envelope::Plain,
            Envelope::CloudEvents,
            Envelope::CloudEventsStructured,
        ];
        let named = all.into_iter().find(|envelope| envelope.name() == text);
        named.ok_or_else(|| format!("`{text}` is no envelope"))
    }
}

/// The context attributes of an event; `datacontenttype` is always JSON's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudEvent<'a> {
    pub id: Cow<'a, str>,
    /// A URI reference.
    pub source: &'a str,
    pub event_type: &'a str,
    /// The entity that it happened to.
    pub subject: Option<Cow<'a, str>>,
    /// RFC 3339.
    pub time: Option<String>,
}

/// The structured mode's JSON.
#[derive(Serialize)]
struct Structured<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<&'a str>,
    datacontenttype: &'static str,
}

impl<'a> CloudEvent<'a> {
    /// The attributes of an event of the catalog: `eventId`, its type, `timestamp`, and its entity's id as the subject.
    /// `new_id` gives the id of one that has none.
    pub fn of(
        event_type: &'a str,
        key_field: Option<&str>,
        source: &'a str,
        event: &'a Map<String, Value>,
        new_id: impl FnOnce() -> String,
    ) -> Self {
        // An attribute must not be empty.
        let text = |name: &str| match event.get(name)? {
            Value::String(text) => (!text.is_empty()).then_some(Cow::Borrowed(text.as_str())),
            Value::Number(number) => Some(Cow::Owned(number.to_string())),
            _ => None,
        };
        CloudEvent {
            id: text("eventId").unwrap_or_else(|| Cow::Owned(new_id())),
            source,
            event_type,
            subject: key_field.and_then(text),
            time: event.get("timestamp").and_then(time),
        }
    }

    /// The binary mode's headers; the value is the event.
    pub fn headers(&self) -> Vec<Header> {
        let attributes = [
            ("ce_specversion", Some(VERSION)),
            ("ce_id", Some(&*self.id)),
            ("ce_source", Some(self.source)),
            ("ce_type", Some(self.event_type)),
            ("ce_subject", self.subject.as_deref()),
            ("ce_time", self.time.as_deref()),
            (CONTENT_TYPE, Some(JSON)),
        ];
        let attributes = attributes.into_iter();
        attributes
            .filter_map(|(name, value)| Some(Header::text(name, value?)))
            .collect()
    }

    /// The structured mode's one header.
    pub fn structured_header() -> Header {
        Header::text(CONTENT_TYPE, STRUCTURED)
    }

    /// The structured mode's value. `data` is the event's JSON, and stays byte for byte what it is.
    pub fn structured(&self, data: &[u8]) -> Vec<u8> {
        let attributes = Structured {
            specversion: VERSION,
            id: &self.id,
            source: self.source,
            event_type: self.event_type,
            subject: self.subject.as_deref(),
            time: self.time.as_deref(),
            datacontenttype: JSON,
        };
        // Writing text to memory does not fail.
        let mut value = serde_json::to_vec(&attributes).unwrap_or_default();
        value.pop();
        value.reserve(data.len() + 16);
        value.extend_from_slice(br#","data":"#);
        value.extend_from_slice(data);
        value.push(b'}');
        value
    }
}

/// RFC 3339, as the specification wants it, of a text or of milliseconds since 1970-01-01 UTC.
fn time(timestamp: &Value) -> Option<String> {
    match timestamp {
        Value::String(text) => {
            let time: Timestamp = text.parse().ok()?;
            // What is RFC 3339 already stays as it was written; there are more ways to write a time than that.
            let bytes = text.as_bytes();
            let written = (bytes.get(10), bytes.get(16), bytes.last());
            match written {
                (Some(b'T'), Some(b':'), Some(b'Z')) => Some(text.clone()),
                _ => Some(time.to_string()),
            }
        }
        Value::Number(number) => {
            let time = Timestamp::from_millisecond(number.as_i64()?).ok()?;
            Some(format!("{time:.3}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn attributes(event: &Value) -> CloudEvent<'_> {
        CloudEvent::of(
            "OrderCreated",
            Some("orderId"),
            "/eda/order-created",
            event.as_object().unwrap(),
            || "new".to_owned(),
        )
    }

    fn whole() -> Value {
        json!({"eventType": "OrderCreated", "eventId": "0198-7", "timestamp": "2026-01-02T03:04:05.000Z", "orderId": "ä\"1"})
    }

    #[test]
    fn the_binary_mode_is_headers() {
        let event = whole();
        let headers = attributes(&event).headers().into_iter().map(|header| {
            let value = String::from_utf8(header.value.unwrap()).unwrap();
            (header.name, value)
        });
        let headers: Vec<(String, String)> = headers.collect();
        let expected = [
            ("ce_specversion", "1.0"),
            ("ce_id", "0198-7"),
            ("ce_source", "/eda/order-created"),
            ("ce_type", "OrderCreated"),
            ("ce_subject", "ä\"1"),
            ("ce_time", "2026-01-02T03:04:05.000Z"),
            ("content-type", "application/json"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(headers, expected);
    }

    #[test]
    fn the_structured_mode_keeps_the_data_as_it_is() {
        let event = whole();
        let value = attributes(&event).structured(br#"{ "total": 12.50 }"#);
        assert_eq!(
            String::from_utf8(value).unwrap(),
            concat!(
                r#"{"specversion":"1.0","id":"0198-7","source":"/eda/order-created","type":"OrderCreated","#,
                r#""subject":"ä\"1","time":"2026-01-02T03:04:05.000Z","datacontenttype":"application/json","#,
                r#""data":{ "total": 12.50 }}"#
            )
        );
        assert_eq!(
            CloudEvent::structured_header().value.unwrap(),
            STRUCTURED.as_bytes()
        );
    }

    #[test]
    fn what_an_event_does_not_say_is_made_or_left_out() {
        let event = json!({"eventId": "", "orderId": 7, "timestamp": "yesterday"});
        let found = attributes(&event);
        assert_eq!(found.id, "new");
        assert_eq!(found.subject.as_deref(), Some("7"));
        assert_eq!(found.time, None);
        let event = json!({});
        assert_eq!(attributes(&event).headers().len(), 5);
        let value: Value = serde_json::from_slice(&attributes(&event).structured(b"{}")).unwrap();
        assert!(value.get("time").is_none() && value.get("subject").is_none());
    }

    #[test]
    fn the_time_is_rfc_3339_however_the_event_writes_it() {
        let cases = [
            (json!("2026-01-02T03:04:05Z"), Some("2026-01-02T03:04:05Z")),
            (
                json!("2026-01-02 03:04:05+01:00"),
                Some("2026-01-02T02:04:05Z"),
            ),
            (
                json!(1_767_323_045_006_i64),
                Some("2026-01-02T03:04:05.006Z"),
            ),
            (json!("2026-01-02T03:04:05"), None),
            (json!(true), None),
        ];
        for (timestamp, expected) in cases {
            assert_eq!(time(&timestamp).as_deref(), expected, "{timestamp}");
        }
    }

    #[test]
    fn an_envelope_knows_its_name_and_its_headers() {
        for name in Envelope::NAMES {
            assert_eq!(name.parse::<Envelope>().unwrap().name(), name);
        }
        assert!("avro".parse::<Envelope>().is_err());
        let cases = [
            (Envelope::Plain, "ce_id", false),
            (Envelope::CloudEvents, "ce_id", true),
            (Envelope::CloudEvents, "ce_traceparent", false),
            (Envelope::CloudEvents, "content-type", true),
            (Envelope::CloudEventsStructured, "ce_id", false),
            (Envelope::CloudEventsStructured, "content-type", true),
        ];
        for (envelope, name, expected) in cases {
            assert_eq!(envelope.sets_header(name), expected, "{envelope:?} {name}");
        }
    }
}
