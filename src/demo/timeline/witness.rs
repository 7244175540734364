//! Watches one order while it goes its way.

use super::{Handled, Step, Timeline};
use crate::demo::event::{Clock, Event};
use crate::demo::topology::Names;
use crate::model::record::Record;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A record's topic, partition and offset.
pub(super) type Place = (String, i32, i64);

/// What became of a record in a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Handling {
    /// How often somebody began with it: again after whoever had it was killed.
    pub(super) begun: u32,
    pub(super) retries: u32,
    /// When it was done, in milliseconds since 1970.
    pub(super) done_ms: Option<i64>,
}

#[derive(Debug, Default)]
struct Seen {
    records: BTreeMap<Place, Record>,
    handlings: BTreeMap<Place, BTreeMap<String, Handling>>,
}

/// Keeps what happens to one order: the records that the audit sees, and who handles them.
pub(in crate::demo) struct Witness {
    order: String,
    names: Names,
    clock: Clock,
    seen: Mutex<Seen>,
}

impl Witness {
    pub(in crate::demo) fn new(order: String, names: Names, clock: Clock) -> Self {
        Witness {
            order,
            names,
            clock,
            seen: Mutex::default(),
        }
    }

    /// The record is on its topic.
    pub(in crate::demo) fn sees(&self, record: &Record) {
        if self.is_about(record) {
            self.seen().records.insert(place(record), record.clone());
        }
    }

    /// Somebody of this group begins to handle it.
    pub(in crate::demo) fn begins(&self, group: &str, record: &Record, attempt: u32) {
        self.handling(group, record, |handling| match attempt {
            1 => handling.begun += 1,
            _ => handling.retries += 1,
        });
    }

    /// It is handled.
    pub(in crate::demo) fn ended(&self, group: &str, record: &Record) {
        let now = self.clock.now_ms();
        self.handling(group, record, |handling| handling.done_ms = Some(now));
    }

    /// What happened so far, from the beginning.
    pub(in crate::demo) fn timeline(&self) -> Timeline {
        let seen = self.seen();
        let step = |(place, record): (&Place, &Record)| {
            let event = Event::decode(record.value.as_deref()).ok();
            let handlings = seen.handlings.get(place).into_iter().flatten();
            Step {
                topic: place.0.clone(),
                partition: place.1,
                offset: place.2,
                time_ms: event
                    .as_ref()
                    .and_then(Event::at_ms)
                    .or_else(|| Some(record.timestamp?.0)),
                is_dead_letter: self.names.is_dead_letters(&place.0),
                event: event.as_ref().map(|event| event.kind.name.clone()),
                event_id: event.as_ref().map(|event| event.id().to_owned()),
                cause: event
                    .as_ref()
                    .and_then(|event| event.cause().map(str::to_owned)),
                handled: handlings
                    .map(|(group, handling)| Handled::new(group, handling))
                    .collect(),
                ..Step::default()
            }
        };
        Timeline::new(self.order.clone(), seen.records.iter().map(step).collect())
    }

    fn handling(&self, group: &str, record: &Record, change: impl FnOnce(&mut Handling)) {
        if self.is_about(record) {
            let mut seen = self.seen();
            let of_record = seen.handlings.entry(place(record)).or_default();
            change(of_record.entry(group.to_owned()).or_default());
        }
    }

    fn is_about(&self, record: &Record) -> bool {
        record.key.as_deref() == Some(self.order.as_bytes())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(record: &Record) -> Place {
    (record.topic.clone(), record.partition, record.offset)
}
