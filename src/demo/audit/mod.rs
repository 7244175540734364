//! What the audit group saw on the topics, and whether the invariants of the pipeline hold.
//!
//! The audit knows which orders were put in, and otherwise nothing but the records it read: no counter of a producer or
//! a service. A record that is delivered twice, or produced twice, is seen once.

mod invariant;
#[cfg(test)]
mod tests;

pub use invariant::{Invariant, Verdict};
pub(super) use invariant::{Known, judge};

use super::event::Event;
use super::topology::Names;
use crate::model::dead_letter;
use crate::model::record::Record;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// How many orders came to which end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    pub shipped: u64,
    pub cancelled: u64,
    /// In a dead-letter topic, and named there.
    pub parked: u64,
}

/// What was seen so far.
#[derive(Debug)]
pub(super) struct Audit {
    names: Names,
    orders: BTreeMap<String, Order>,
    /// Events seen, by id.
    events: HashSet<String>,
    /// Where the dead letters seen came from, and who gave up.
    letters: BTreeSet<(String, Option<String>)>,
    letters_of_topics: BTreeMap<String, u64>,
    /// By the first end that each order reached.
    ends: Ends,
}

/// What was seen of one order.
#[derive(Debug, Default)]
struct Order {
    events: Vec<Seen>,
    /// Something of it was on the topic where orders begin, be it readable or not.
    created: bool,
    /// A service that the order cannot do without gave up on it.
    parked: bool,
    partitions: BTreeSet<i32>,
}

#[derive(Debug)]
struct Seen {
    kind: &'static str,
    id: String,
    cause: Option<String>,
    at_ms: Option<i64>,
}

impl Order {
    fn count(&self, kind: &str) -> usize {
        self.events.iter().filter(|seen| seen.kind == kind).count()
    }

    fn has(&self, kind: &str) -> bool {
        self.count(kind) > 0
    }

    fn ends(&self) -> usize {
        self.count("OrderShipped") + self.count("OrderCancelled") + usize::from(self.parked)
    }
}

impl Audit {
    pub(super) fn new(names: Names) -> Self {
        Audit {
            names,
            orders: BTreeMap::new(),
            events: HashSet::new(),
            letters: BTreeSet::new(),
            letters_of_topics: BTreeMap::new(),
            ends: Ends::default(),
        }
    }

    /// Takes note of a record of one of the run's topics.
    pub(super) fn observe(&mut self, record: &Record) {
        if self.names.is_dead_letters(&record.topic) {
            return self.observe_letter(record);
        }
        let Ok(event) = Event::decode(record.value.as_deref()) else {
            // Whoever needed it parks it. Its key says which order it would have been.
            if let Some(order) = named(record) {
                let order = self.orders.entry(order).or_default();
                order.created |= record.topic == self.names.topic("order-created");
                order.partitions.insert(record.partition);
            }
            return;
        };
        if !self.events.insert(event.id().to_owned()) {
            return;
        }
        let order = self.orders.entry(event.order().to_owned()).or_default();
        order.created |= event.kind.name == "OrderCreated";
        order.partitions.insert(record.partition);
        let first_end = order.ends() == 0;
        match event.kind.name.as_str() {
            "OrderShipped" => self.ends.shipped += u64::from(first_end),
            "OrderCancelled" => self.ends.cancelled += u64::from(first_end),
            _ => {}
        }
        order.events.push(Seen {
            kind: &event.kind.name,
            id: event.id().to_owned(),
            cause: event.cause().map(str::to_owned),
            at_ms: event.at_ms(),
        });
    }

    fn observe_letter(&mut self, record: &Record) {
        let letter = dead_letter::detect(record);
        let group = letter.as_ref().and_then(|letter| letter.group.clone());
        let origin = letter.and_then(|letter| {
            let origin = letter.origin;
            Some(format!(
                "{}:{}:{}",
                origin.topic?, origin.partition?, origin.offset?
            ))
        });
        // Without an origin it cannot be told from another, so it is one of its own.
        let origin = origin.unwrap_or_else(|| record.coordinates());
        if !self.letters.insert((origin, group.clone())) {
            return;
        }
        *self
            .letters_of_topics
            .entry(record.topic.clone())
            .or_default() += 1;
        if let Some(order) = named(record)
            && group.is_some_and(|group| self.names.parks(&group))
        {
            let order = self.orders.entry(order).or_default();
            self.ends.parked += u64::from(order.ends() == 0);
            order.parked = true;
        }
    }

    /// How many orders came to an end.
    pub(super) fn ends(&self) -> Ends {
        self.ends
    }

    /// How many dead letters there are in each topic, sorted by topic.
    pub(super) fn letters(&self) -> &BTreeMap<String, u64> {
        &self.letters_of_topics
    }
}

/// The order that a record's key names.
fn named(record: &Record) -> Option<String> {
    let key = std::str::from_utf8(record.key.as_deref()?).ok()?;
    (!key.is_empty()).then(|| key.to_owned())
}
