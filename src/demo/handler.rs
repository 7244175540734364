//! The services as handlers of the consumer runtime, and how their events get onto the topics.

use super::audit::Audit;
use super::chance::Dice;
use super::event::{Clock, Event};
use super::provider::Provider;
use super::sabotage::Sabotage;
use super::saga::react;
use super::timeline::Witness;
use super::topology::{Names, Service};
use crate::error::Result;
use crate::kafka::{Connection, Producer, ProducerOptions};
use crate::model::dead_letter::Failure;
use crate::model::record::Record;
use crate::ops::consume::{Handled, Handler, Handling};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Puts events onto their topics, some of them twice.
#[derive(Clone)]
pub(super) struct Publisher {
    pub(super) producer: Producer,
    pub(super) names: Names,
    pub(super) dice: Dice,
}

impl Publisher {
    /// Events go out as soon as they are made.
    pub(super) fn open(connection: &Connection, names: Names, dice: Dice) -> Result<Self> {
        let no_wait = ProducerOptions {
            linger: Some(Duration::ZERO),
            ..ProducerOptions::default()
        };
        Ok(Publisher {
            producer: Producer::open(connection, no_wait)?,
            names,
            dice,
        })
    }

    /// The same with a producer of its own.
    pub(super) fn another(&self, connection: &Connection) -> Result<Self> {
        Publisher::open(connection, self.names.clone(), self.dice)
    }

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
    pub(super) provider: Arc<Provider>,
    pub(super) group: String,
    /// Watches the order that is followed.
    pub(super) witness: Option<Arc<Witness>>,
}

impl Handler for ServiceHandler {
    fn handle<'a>(&'a self, record: &'a Record, attempt: u32) -> Handling<'a> {
        Box::pin(async move {
            let Some(witness) = &self.witness else {
                return self.answer(record, attempt).await;
            };
            witness.begins(&self.group, record, attempt);
            let answer = self.answer(record, attempt).await;
            // What is dead-lettered at once is not done.
            if answer.is_ok() {
                witness.ended(&self.group, record);
            }
            answer
        })
    }
}

impl ServiceHandler {
    async fn answer(&self, record: &Record, attempt: u32) -> Result<Handled, Failure> {
        let event = match Event::decode(record.value.as_deref()) {
            Ok(event) => event,
            Err(failure) if self.service.in_saga => return Err(failure),
            Err(_) => return Ok(Handled::default()),
        };
        fail_at_first(&self.publisher.dice, self.service.name, event.id(), attempt)?;
        let dice = &self.publisher.dice;
        let [before, after] = dice.delays(self.service.name, event.id());
        linger(before).await;
        if let Some(answer) = react(self.service.name, &event, dice, self.clock.now_ms()) {
            self.pay(&answer)?;
            let published = self.publisher.publish(&answer).await;
            published.map_err(|error| Failure::transient("produce", error.one_line()))?;
        }
        linger(after).await;
        Ok(Handled::default())
    }

    /// Does what the answer will say was done with money. A crash between the two is made up for by whoever handles the
    /// event again: the id of the payment, which follows from the event, is the key of the charge.
    fn pay(&self, answer: &Event) -> Result<(), Failure> {
        match answer.kind.name.as_str() {
            "PaymentProcessed" => {
                let payment = answer.value("paymentId");
                let key = payment.as_str().unwrap_or_default();
                self.provider.charge(answer.order(), key)
            }
            "PaymentFailed" | "PaymentRefunded" => self.provider.call(),
            _ => Ok(()),
        }
    }
}

async fn linger(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
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
    witness: Option<Arc<Witness>>,
}

impl AuditHandler {
    pub(super) fn new(
        service: &'static Service,
        audit: Audit,
        sabotage: Sabotage,
        dice: Dice,
        witness: Option<Arc<Witness>>,
    ) -> Self {
        AuditHandler {
            seen: Mutex::new((audit, sabotage)),
            dice,
            service,
            witness,
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
            if let Some(witness) = &self.witness {
                witness.sees(record);
            }
            let (audit, sabotage) = &mut *self.seen();
            for record in sabotage.tamper(record) {
                audit.observe(&record);
            }
            Ok(Handled::default())
        })
    }
}
