//! Breaking an invariant on purpose, to see that a run reports it: the audit is shown something that did not happen, or
//! not shown something that did. The services work as ever.

use super::audit::Invariant;
use super::chance::Dice;
use super::event::Event;
use super::topology::Names;
use crate::model::record::Record;
use std::borrow::Cow;

/// Tampers with the first record that is fit for it.
#[derive(Debug)]
pub(super) struct Sabotage {
    invariant: Option<Invariant>,
    names: Names,
    dice: Dice,
    /// The event or order that was chosen: what was done to it is done again when it is delivered again.
    chosen: Option<String>,
}

impl Sabotage {
    /// Breaks this invariant; `None` breaks nothing.
    pub(super) fn new(invariant: Option<Invariant>, names: Names, dice: Dice) -> Self {
        Sabotage {
            invariant,
            names,
            dice,
            chosen: None,
        }
    }

    /// What the audit is to see instead of this record.
    pub(super) fn tamper<'a>(&mut self, record: &'a Record) -> Vec<Cow<'a, Record>> {
        let chosen = match self.invariant {
            Some(Invariant::OneEnd | Invariant::InOrder) => self.chooses(record, "order-shipped"),
            // Of an order that is shipped: a second charge of a cancelled one would lack its refund too.
            Some(Invariant::ChargedOnce) => {
                !self.will_be_cancelled(record) && self.chooses(record, "payment-processed")
            }
            Some(Invariant::Refunded) => self.chooses(record, "payment-refunded"),
            Some(Invariant::AccountedFor) => self.chooses_order(record),
            // Lag is what the cluster says, and orders are stored in a database: nothing that the audit sees.
            Some(Invariant::NoLag | Invariant::OrderHasEvent | Invariant::EventHasOrder) | None => {
                false
            }
        };
        if !chosen {
            return vec![Cow::Borrowed(record)];
        }
        match self.invariant {
            // A charge becomes two.
            Some(Invariant::ChargedOnce) => {
                let another = forge(record, "eventId", "00000000-0000-8000-8000-000000000000");
                std::iter::once(Cow::Borrowed(record))
                    .chain(another)
                    .collect()
            }
            // An event happens before the one that led to it.
            Some(Invariant::InOrder) => forge(record, "timestamp", "1970-01-01T00:00:00.000Z")
                .into_iter()
                .collect(),
            // It goes missing.
            _ => vec![],
        }
    }

    fn chooses(&mut self, record: &Record, topic: &str) -> bool {
        if record.topic != self.names.topic(topic) {
            return false;
        }
        let event = record.event_id();
        *self.chosen.get_or_insert_with(|| event.clone()) == event
    }

    fn will_be_cancelled(&self, record: &Record) -> bool {
        let order = record.key.as_deref().map(String::from_utf8_lossy);
        order.is_some_and(|order| self.dice.inventory_fails(&order))
    }

    fn chooses_order(&mut self, record: &Record) -> bool {
        let Some(order) = record.key.as_deref().map(String::from_utf8_lossy) else {
            return false;
        };
        *self.chosen.get_or_insert_with(|| order.to_string()) == order
    }
}

/// The record with a field of its event changed.
fn forge<'a>(record: &Record, field: &str, value: &str) -> Option<Cow<'a, Record>> {
    let mut event = Event::decode(record.value.as_deref()).ok()?;
    event.body.insert(field.to_owned(), value.into());
    let mut forged = record.clone();
    forged.value = event.record(String::new()).value;
    Some(Cow::Owned(forged))
}
