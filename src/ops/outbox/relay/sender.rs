//! The producer, and the ways to the topics.

use crate::error::{Error, Result};
use crate::kafka::{Cluster, Delivery, Outlet, Producer, ProducerOptions};
use crate::model::outbox::NewOutboxEvent;
use crate::model::record::{HeaderRef, Headers, OutgoingRef};
use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

/// The most bytes of a batch, where no topic wants less.
pub(super) const BATCH_BYTES: u32 = 1_000_000;

/// The most bytes of a record: brokers end the connection on which a larger request comes (`socket.request.max.bytes`),
/// and it would be sent again for ever.
pub(super) const MOST_BYTES: usize = 64 * 1024 * 1024;

/// The header by which consumers know duplicates.
pub(super) const ID: &str = "id";

pub(super) struct Sender {
    outlets: HashMap<String, Outlet>,
    producer: Producer,
    /// The most bytes of a batch of several records.
    pub(super) company: u32,
}

impl Sender {
    /// Connects when there is something to send. `lingers`: whether records wait for company.
    pub(super) fn open(cluster: &Cluster, company: u32, lingers: bool) -> Result<Self> {
        let options = ProducerOptions {
            company: Some(company),
            linger: (!lingers).then_some(Duration::ZERO),
            patient: true,
            ..ProducerOptions::default()
        };
        Ok(Sender {
            outlets: HashMap::new(),
            producer: Producer::open(cluster.connection(), options)?,
            company,
        })
    }

    /// Why it can do nothing more, when that is so.
    pub(super) fn broken(&self) -> Option<Error> {
        self.producer.broken()
    }

    /// The way to a topic.
    ///
    /// # Errors
    /// The name cannot be a topic's.
    pub(super) fn outlet(&mut self, topic: &str) -> Result<Outlet> {
        if let Some(outlet) = self.outlets.get(topic) {
            return Ok(outlet.clone());
        }
        let outlet = self.producer.outlet(topic)?;
        self.outlets.insert(topic.to_owned(), outlet.clone());
        Ok(outlet)
    }
}

/// Puts the event into the producer's queue, as Debezium's event router would write it; with its type in this header, as
/// that does with `table.fields.additional.placement`.
///
/// # Errors
/// It cannot be sent at all.
pub(super) fn send(
    outlet: &Outlet,
    event: &NewOutboxEvent,
    type_header: Option<&str>,
) -> Result<Delivery> {
    if size(event) > MOST_BYTES {
        let text = format!(
            "{} bytes are more than a relay sends: {MOST_BYTES}",
            size(event)
        );
        return Err(Error::failed(text));
    }
    let name = type_header.unwrap_or_default();
    let headers: [HeaderRef<'_>; 2] = [
        (Cow::Borrowed(ID), Some(event.id.as_bytes())),
        (Cow::Borrowed(name), Some(event.event_type.as_bytes())),
    ];
    let count = if type_header.is_some() { 2 } else { 1 };
    outlet.send(OutgoingRef {
        key: Some(event.aggregate_id.as_bytes()),
        value: event.payload.as_deref(),
        headers: Headers::Borrowed(&headers[..count]),
        ..OutgoingRef::default()
    })
}

/// Bytes of key and value.
pub(super) fn size(event: &NewOutboxEvent) -> usize {
    event.aggregate_id.len() + event.payload.as_ref().map_or(0, Vec::len)
}
