//! An event as the services see it.

use super::chance::{Dice, event_id};
use crate::model::dead_letter::{Failure, Stage};
use crate::model::event::{Catalog, EventType, Filling};
use crate::model::record::OutgoingRecord;
use serde_json::{Map, Value};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The field that says which event led to this one; missing on the first of an order.
const CAUSE: &str = "causationId";

/// A valid event of the catalog's.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    pub(super) kind: &'static EventType,
    pub(super) body: Map<String, Value>,
}

impl Event {
    /// The event that starts an order, with made-up contents.
    pub(super) fn first(order: &str, dice: &Dice, now_ms: i64) -> Option<Event> {
        let kind = Catalog::built_in().find("OrderCreated")?;
        let mut filling = Filling {
            now_ms,
            random: dice.random(order),
        };
        let mut body = kind.generate(&mut filling);
        body.insert("eventId".to_owned(), dice.first_event_id(order).into());
        body.insert("orderId".to_owned(), order.into());
        Some(Event { kind, body })
    }

    /// The event of this type that follows from this one, about the same order. `fields` are its own.
    pub(super) fn follow<const N: usize>(
        &self,
        event_type: &str,
        now_ms: i64,
        fields: [(&str, Value); N],
    ) -> Option<Event> {
        let kind = Catalog::built_in().find(event_type)?;
        let time = Filling {
            now_ms,
            random: fastrand::Rng::with_seed(0),
        };
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("eventType", kind.name.as_str().into());
        put("eventId", event_id(self.id(), &kind.name).into());
        put("timestamp", time.timestamp().into());
        put("orderId", self.order().into());
        put("userId", self.value("userId"));
        for (name, value) in fields {
            put(name, value);
        }
        put(CAUSE, self.id().into());
        Some(Event { kind, body })
    }

    /// Reads a record's value.
    ///
    /// # Errors
    /// A permanent failure: it is no JSON object, of no type we know, or not as its type wants it.
    pub(super) fn decode(value: Option<&[u8]>) -> Result<Event, Failure> {
        let malformed =
            |message: String| Failure::permanent("malformed", message).at(Stage::Decode);
        let value = value.ok_or_else(|| malformed("there is no value".to_owned()))?;
        let body: Value =
            serde_json::from_slice(value).map_err(|error| malformed(error.to_string()))?;
        let kind = body.get("eventType").and_then(Value::as_str);
        let kind = kind
            .and_then(|kind| Catalog::built_in().find(kind))
            .ok_or_else(|| malformed("there is no `eventType` we know".to_owned()))?;
        kind.validate(&body).map_err(|error| {
            Failure::permanent("invalid", error.to_string()).at(Stage::Validate)
        })?;
        match body {
            Value::Object(body) => Ok(Event { kind, body }),
            _ => Err(malformed("it is no object".to_owned())),
        }
    }

    /// The record that carries it; `topic` is what its own topic is called in this run.
    pub(super) fn record(&self, topic: String) -> OutgoingRecord {
        OutgoingRecord {
            topic,
            key: self.kind.key(&self.body),
            value: Some(self.text().into_bytes()),
            ..OutgoingRecord::default()
        }
    }

    /// The same, with a value that ends in the middle: nobody can read it, but its key still names the order.
    pub(super) fn malformed_record(&self, topic: String) -> OutgoingRecord {
        let mut record = self.record(topic);
        if let Some(value) = &mut record.value {
            value.truncate(value.len() / 2);
        }
        record
    }

    /// As it is written.
    pub(super) fn text(&self) -> String {
        Value::Object(self.body.clone()).to_string()
    }

    pub(super) fn id(&self) -> &str {
        self.string("eventId")
    }

    pub(super) fn order(&self) -> &str {
        self.string("orderId")
    }

    /// The id of the event that led to this one.
    pub(super) fn cause(&self) -> Option<&str> {
        self.body.get(CAUSE)?.as_str()
    }

    /// When it happened, in milliseconds since 1970-01-01 UTC.
    pub(super) fn at_ms(&self) -> Option<i64> {
        let time: jiff::Timestamp = self.string("timestamp").parse().ok()?;
        Some(time.as_millisecond())
    }

    /// A field as it is, null when it is missing.
    pub(super) fn value(&self, field: &str) -> Value {
        self.body.get(field).cloned().unwrap_or(Value::Null)
    }

    fn string(&self, field: &str) -> &str {
        self.body
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

/// The time of events. It starts with the system's and then never goes back, so that an event is never older than the
/// one that led to it, even when somebody sets the system's clock meanwhile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    started: Instant,
    started_ms: i64,
}

impl Clock {
    pub(super) fn start() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Clock {
            started: Instant::now(),
            started_ms: since.map_or(0, |since| milliseconds(since.as_millis())),
        }
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.started_ms
            .saturating_add(milliseconds(self.started.elapsed().as_millis()))
    }
}

fn milliseconds(count: u128) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::chance::Rates;

    fn first() -> Event {
        let dice = Dice {
            seed: 7,
            rates: Rates::default(),
        };
        Event::first("order-1", &dice, 1_764_000_000_123).unwrap()
    }

    #[test]
    fn an_event_is_read_as_it_was_written() {
        let event = first();
        let record = event.record("x".to_owned());
        assert_eq!(record.key.as_deref(), Some(b"order-1".as_slice()));
        assert_eq!(Event::decode(record.value.as_deref()).unwrap(), event);
        assert_eq!(event.at_ms(), Some(1_764_000_000_123));
        assert_eq!(event.cause(), None);
        assert_eq!(first(), event);
    }

    #[test]
    fn what_cannot_be_read_is_a_permanent_failure_of_the_right_stage() {
        let half = first().malformed_record("x".to_owned()).value;
        let cases: [(Option<&[u8]>, Stage); 5] = [
            (None, Stage::Decode),
            (half.as_deref(), Stage::Decode),
            (Some(b"[]"), Stage::Decode),
            (Some(br#"{"eventType":"Nothing"}"#), Stage::Decode),
            (Some(br#"{"eventType":"OrderCreated"}"#), Stage::Validate),
        ];
        for (value, stage) in cases {
            let failure = Event::decode(value).unwrap_err();
            assert_eq!(failure.stage, stage, "{failure}");
            assert_eq!(
                failure.kind,
                crate::model::dead_letter::FailureKind::Permanent
            );
        }
    }
}
