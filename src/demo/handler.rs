//! The services as handlers of the consumer runtime, and how their events get onto the topics.

use super::audit::Audit;
use super::chance::Dice;
use super::event::{Clock, Event};
use super::sabotage::Sabotage;
use super::saga::react;
use super::topology::{Names, Service};
use crate::error::Result;
use crate::kafka::Producer;
use crate::model::dead_letter::Failure;
use crate::model::record::Record;
use crate::ops::consume::{Handled, Handler, Handling};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Puts events onto their topics, some of them twice.
#[derive(Clone)]
pub(super) struct Publisher {
    pub(super) producer: Producer,
    pub(super) names: Names,
    pub(super) dice: Dice,
}

impl Publisher {
    /// Produces the event and waits until it is acknowledged.
    pub(super) async fn publish(&self, event: &Event) -> Result<()> {
        let record = event.record(self.names.topic(&event.kind.topic));
        let first = self.producer.send(&record)?;
        if self.dice.is_duplicated(event.id()) {
            self.producer.send(&record)?.await?;
        }
        first.await?;
        Ok(())
    }

    /// The first event of an order, as nobody can read it.
    pub(super) async fn publish_malformed(&self, event: &Event) -> Result<()> {
        let record = event.malformed_record(self.names.topic(&event.kind.topic));
        self.producer.send(&record)?.await?;
        Ok(())
    }
}

/// A service that answers events with events, or only counts them.
pub(super) struct ServiceHandler {
    pub(super) service: &'static Service,
    pub(super) publisher: Publisher,
    pub(super) clock: Clock,
}

impl Handler for ServiceHandler {
    fn handle<'a>(&'a self, record: &'a Record, attempt: u32) -> Handling<'a> {
        Box::pin(async move {
            let event = match Event::decode(record.value.as_deref()) {
                Ok(event) => event,
                Err(failure) if self.service.in_saga => return Err(failure),
                Err(_) => return Ok(Handled::default()),
            };
            fail_at_first(&self.publisher.dice, self.service.name, event.id(), attempt)?;
            let dice = &self.publisher.dice;
            if let Some(answer) = react(self.service.name, &event, dice, self.clock.now_ms()) {
                let published = self.publisher.publish(&answer).await;
                published.map_err(|error| Failure::transient("produce", error.one_line()))?;
            }
            Ok(Handled::default())
        })
    }
}

/// The injected failures that a retry cures.
fn fail_at_first(dice: &Dice, service: &str, event: &str, attempt: u32) -> Result<(), Failure> {
    match attempt <= dice.transient_failures(service, event) {
        true => Err(Failure::transient(
            "timeout",
            "the database did not answer in time",
        )),
        false => Ok(()),
    }
}

/// The audit: it reads everything, dead letters included, and changes nothing.
pub(super) struct AuditHandler {
    seen: Mutex<(Audit, Sabotage)>,
    dice: Dice,
    service: &'static Service,
}

impl AuditHandler {
    pub(super) fn new(
        service: &'static Service,
        audit: Audit,
        sabotage: Sabotage,
        dice: Dice,
    ) -> Self {
        AuditHandler {
            seen: Mutex::new((audit, sabotage)),
            dice,
            service,
        }
    }

    /// Looks at what was seen so far.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Audit) -> T) -> T {
        look(&self.seen().0)
    }

    fn seen(&self) -> MutexGuard<'_, (Audit, Sabotage)> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handler for AuditHandler {
    fn handle<'a>(&'a self, record: &'a Record, attempt: u32) -> Handling<'a> {
        Box::pin(async move {
            fail_at_first(&self.dice, self.service.name, &record.event_id(), attempt)?;
            let (audit, sabotage) = &mut *self.seen();
            for record in sabotage.tamper(record) {
                audit.observe(&record);
            }
            Ok(Handled::default())
        })
    }
}
