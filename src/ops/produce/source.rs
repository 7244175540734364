//! Where records come from, one at a time.

use super::lines::each_line;
use super::typed::Room;
use super::{Destination, ProduceRequest, template, typed};
use crate::error::{Error, Result};
use crate::model::cloud_event::{CloudEvent, Envelope};
use crate::model::event::{EventError, EventType, Filling};
use crate::model::record::{Headers, OutgoingRecord, OutgoingRef};
use crate::model::record_json;
use crate::model::template::Reader;
use crate::ops::stop::Stop;
use serde_json::{Map, Value};
use std::io::BufRead;

/// What is read to make records of.
pub enum Input {
    /// One event from the request's fields.
    Fields,
    /// So many generated events; the request's fields overlay each.
    Generated(u64),
    /// A JSON payload a line.
    Payloads(Box<dyn BufRead + Send>),
    /// A whole record a line, as `eda consume --json` writes it; its topic is not looked at.
    Records(Box<dyn BufRead + Send>),
    /// A line is a value, as it comes.
    Raw(Box<dyn BufRead + Send>),
    /// Records as the template says; where they are to go is said elsewhere.
    Template(Box<dyn BufRead + Send>, Reader),
}

/// Takes a record, with its line, and says whether it wants more.
pub(super) type Sink<'a> = dyn FnMut(u64, OutgoingRef<'_>) -> Result<bool> + 'a;

impl Input {
    /// What it is counted in.
    pub(super) fn unit(&self) -> &'static str {
        match self {
            Input::Fields | Input::Generated(_) => "record",
            Input::Payloads(_) | Input::Records(_) | Input::Raw(_) => "line",
            Input::Template(_, reader) => template::unit(reader),
        }
    }

    /// Hands the records to `sink`, each with its line (from 1), until it wants no more.
    ///
    /// # Errors
    /// The first thing that is wrong, with the input or in the sink; what came before it was handed over.
    pub(super) fn feed(
        self,
        payload: &mut Payload,
        stop: &Stop,
        sink: &mut Sink<'_>,
    ) -> Result<()> {
        let mut each = |line, record: OutgoingRecord| sink(line, OutgoingRef::from(&record));
        match self {
            Input::Fields => {
                let record = payload.of_fields()?;
                each(1, record)?;
            }
            Input::Generated(count) => {
                for line in 1..=count {
                    if !each(line, payload.generate()?)? {
                        break;
                    }
                }
            }
            Input::Payloads(reader) => {
                let mut room = Room::default();
                return each_line(reader, stop, |number, line| {
                    payload.send_line(number, line, &mut room, sink)
                });
            }
            Input::Records(reader) => {
                return each_line(reader, stop, |number, line| {
                    each(number, payload.of_record(number, line)?)
                });
            }
            Input::Raw(input) => return template::feed_lines(input, payload, stop, sink),
            Input::Template(input, reader) => {
                return template::feed(input, &reader, payload, stop, sink);
            }
        }
        Ok(())
    }
}

/// Makes records of payloads: the rules of the event, the request's key, headers and partition.
pub struct Payload {
    destination: Destination,
    request: ProduceRequest,
    filling: Filling,
    /// The source that envelopes name.
    origin: String,
}

impl Payload {
    /// The random numbers of ids and generated values follow the request's seed, when it has one.
    pub fn new(destination: Destination, request: ProduceRequest) -> Self {
        let random = request
            .seed
            .map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let filling = Filling { now_ms: 0, random };
        let origin = request.source.clone();
        let origin = origin.unwrap_or_else(|| format!("/eda/{}", destination.topic()));
        Payload {
            origin,
            destination,
            request,
            filling,
        }
    }

    fn filling(&mut self) -> &mut Filling {
        self.filling.now_ms = jiff::Timestamp::now().as_millisecond();
        &mut self.filling
    }

    pub(super) fn of_fields(&mut self) -> Result<OutgoingRecord> {
        let assignments = std::mem::take(&mut self.request.assignments);
        let named = assignments.iter().rev().find(|one| one.path == "eventType");
        let event = self.destination.choose(named.map(|one| one.value.as_str()));
        let event =
            event.map_err(|error| Error::usage(error).hint("`eventType=TYPE` says which"))?;
        let map = match &event {
            Some(event) => event
                .build(&assignments, self.filling())
                .map_err(refused(event))?,
            None => crate::model::event::object(&assignments).map_err(|error| {
                Error::usage("the fields do not make a JSON object").caused_by(error)
            })?,
        };
        Ok(self.record(&map, event.as_deref()))
    }

    pub(super) fn generate(&mut self) -> Result<OutgoingRecord> {
        let events = self.destination.events();
        let Some(event) = self.filling.random.choice(events).cloned() else {
            return Err(Error::usage(format!(
                "`{}` is not an event of the catalog, so none can be generated",
                self.destination.topic()
            ))
            .hint("payloads can come from fields, a file, or standard input"));
        };
        let mut map = event.generate(self.filling());
        let overlay = &self.request.assignments;
        event.assign(&mut map, overlay).map_err(refused(&event))?;
        // A schema may ask for what cannot be made up.
        let document = Value::Object(map);
        if let Err(error) = event.validate(&document) {
            let text = format!("no valid {} can be made up", event.name);
            let hint = "give the field FIELD=VALUE, or its schema `examples` to choose from";
            return Err(Error::usage(text).caused_by(error).hint(hint));
        }
        match document {
            Value::Object(map) => Ok(self.record(&map, Some(&event))),
            _ => Err(Error::failed("an event is an object")),
        }
    }

    /// Sends the line as what it is: an event of the catalog, or any JSON.
    fn send_line(
        &mut self,
        number: u64,
        line: &[u8],
        room: &mut Room,
        sink: &mut Sink<'_>,
    ) -> Result<bool> {
        if self.destination.events().is_empty() {
            // Checked, then sent as it came: numbers and spacing are the user's.
            serde_json::from_slice::<serde::de::IgnoredAny>(line)
                .map_err(|error| typed::malformed(number, line, &error))?;
            return sink(number, self.of_slices(None, Some(line)));
        }
        self.filling();
        // An envelope is made of the event's fields, which a line that is only looked at does not give.
        if self.request.assignments.is_empty()
            && self.request.envelope == Envelope::Plain
            && let Some((key, value)) = room.completed(&self.destination, line, &mut self.filling)
        {
            return sink(number, self.of_slices(key, Some(value)));
        }
        let record = self.of_line(number, line)?;
        sink(number, OutgoingRef::from(&record))
    }

    fn of_line(&mut self, number: u64, line: &[u8]) -> Result<OutgoingRecord> {
        let map = typed::object(number, line)?;
        let named = map.get("eventType").and_then(Value::as_str);
        let event = self.destination.choose(named);
        let event = event.map_err(|error| Error::failed(format!("line {number}: {error}")))?;
        let Some(event) = event else {
            return Ok(self.of_bytes(line.to_vec()));
        };
        let overlay = &self.request.assignments;
        let completed = typed::complete(&event, number, line, map, overlay, &mut self.filling)?;
        let mut record = self.of_bytes(completed.value);
        record.key = record.key.or(completed.key);
        self.wrap(&mut record, &event, &completed.event);
        Ok(record)
    }

    fn of_record(&mut self, number: u64, line: &[u8]) -> Result<OutgoingRecord> {
        let mut record = record_json::read(line).map_err(|error| {
            Error::failed(format!("line {number} is not a record")).caused_by(error)
        })?;
        let negative = record.partition.is_some_and(|partition| partition < 0)
            || record.timestamp.is_some_and(|timestamp| timestamp < 0);
        if negative {
            return Err(Error::failed(format!(
                "line {number} has a negative partition or timestamp"
            )));
        }
        keeps_timestamp(record.timestamp, "line", number)?;
        record.topic = self.destination.topic().to_owned();
        record.partition = self.request.partition.or(record.partition);
        if let Some(key) = &self.request.key {
            record.key = Some(key.clone().into_bytes());
        }
        record.headers.extend(self.request.headers.iter().cloned());
        Ok(record)
    }

    /// A record of what was read as it is; the request's key goes before its own.
    pub(super) fn of_slices<'a>(
        &'a self,
        key: Option<&'a [u8]>,
        value: Option<&'a [u8]>,
    ) -> OutgoingRef<'a> {
        let request = &self.request;
        let full = |bytes: &&[u8]| !(request.empty_is_null && bytes.is_empty());
        let given = request.key.as_ref().map(String::as_bytes);
        OutgoingRef {
            partition: request.partition,
            timestamp: None,
            key: given.or(key.filter(full)),
            value: value.filter(full),
            headers: Headers::Owned(&request.headers),
        }
    }

    fn of_bytes(&self, value: Vec<u8>) -> OutgoingRecord {
        OutgoingRecord {
            topic: self.destination.topic().to_owned(),
            partition: self.request.partition,
            timestamp: None,
            key: self.request.key.clone().map(String::into_bytes),
            value: Some(value),
            headers: self.request.headers.clone(),
        }
    }

    fn record(&mut self, map: &Map<String, Value>, event: Option<&EventType>) -> OutgoingRecord {
        let value = serde_json::to_vec(map).unwrap_or_default();
        let mut record = self.of_bytes(value);
        if let Some(event) = event {
            record.key = record.key.or_else(|| event.key(map));
            self.wrap(&mut record, event, map);
        }
        record
    }

    /// Puts the event that the record's value is into the request's envelope.
    fn wrap(&mut self, record: &mut OutgoingRecord, event: &EventType, map: &Map<String, Value>) {
        let envelope = self.request.envelope;
        if envelope == Envelope::Plain {
            return;
        }
        let key_field = event.key_field.as_deref();
        let new_id = || self.filling.event_id();
        let attributes = CloudEvent::of(&event.name, key_field, &self.origin, map, new_id);
        let mut headers = match envelope {
            Envelope::CloudEventsStructured => {
                let data = record.value.take().unwrap_or_default();
                record.value = Some(attributes.structured(&data));
                vec![CloudEvent::structured_header()]
            }
            _ => attributes.headers(),
        };
        headers.append(&mut record.headers);
        record.headers = headers;
    }
}

/// librdkafka takes 0 for "none said" (`rd_kafka_msg_new00`), and the record would not be the same.
pub(super) fn keeps_timestamp(timestamp: Option<i64>, unit: &str, number: u64) -> Result<()> {
    match timestamp {
        Some(0) => Err(Error::failed(format!(
            "{unit} {number} has timestamp 0, which the client would replace by the time of sending"
        ))
        .hint("make it 1, or leave `timestamp` out")),
        _ => Ok(()),
    }
}

fn refused(event: &EventType) -> impl Fn(EventError) -> Error {
    let (name, topic) = (event.name.clone(), event.topic.clone());
    move |error| {
        // What is wrong is not made right by being asked for it once more.
        let hint = match error {
            EventError::Missing { .. } => {
                format!("`eda produce {topic}` on a terminal asks for each field")
            }
            _ => format!("`eda event show {name}` shows the fields"),
        };
        Error::usage(format!("not a valid {name}"))
            .caused_by(error)
            .hint(hint)
    }
}
