//! Each invariant is broken on purpose, and is the only one reported.

mod books;

use super::*;
use crate::demo::chance::{Dice, Rates};
use crate::demo::saga::react;
use crate::demo::topology::SERVICES;
use crate::model::dead_letter::{Failure, eda};
use crate::model::record::OutgoingRecord;

const OTHER: &str = "0190163d-8694-739b-aea5-966c26f8ad91";
const PAYMENT_GROUP: &str = "payment-service";

fn received(record: OutgoingRecord, partition: i32) -> Record {
    Record {
        topic: record.topic,
        partition,
        offset: 0,
        timestamp: None,
        key: record.key,
        value: record.value,
        headers: record.headers,
    }
}

fn dice(payment_failures: f64, inventory_failures: f64) -> Dice {
    let rates = Rates {
        payment_failures,
        inventory_failures,
        ..Rates::default()
    };
    Dice { seed: 7, rates }
}

/// All events of one order, in the order in which they happen.
fn story(order: &str, dice: &Dice) -> Vec<Event> {
    let mut events = vec![Event::first(order, dice, 1000).unwrap()];
    let mut next = 0;
    while let Some(event) = events.get(next).cloned() {
        let readers = SERVICES
            .iter()
            .filter(|service| service.reads.contains(&event.kind.topic.as_str()));
        let now_ms = 1001 + i64::try_from(next).unwrap();
        events.extend(readers.filter_map(|service| react(service.name, &event, dice, now_ms)));
        next += 1;
    }
    events
}

/// A shipped order, one declined, one out of stock, and one that nobody can read.
struct Run {
    records: Vec<Record>,
    put_in: Vec<String>,
    lags: BTreeMap<String, Option<i64>>,
    charges: BTreeMap<String, usize>,
    /// With an outbox.
    stored: Option<BTreeSet<String>>,
}

impl Run {
    fn new() -> Self {
        let mut records = Vec::new();
        let fates = [
            ("shipped", 0.0, 0.0),
            ("declined", 1.0, 0.0),
            ("sold-out", 0.0, 1.0),
        ];
        for (order, payment, inventory) in fates {
            for event in story(order, &dice(payment, inventory)) {
                records.push(received(event.record(event.kind.topic.to_owned()), 1));
            }
        }
        let first = Event::first("garbled", &dice(0.0, 0.0), 1000).unwrap();
        let garbled = received(first.malformed_record("order-created".to_owned()), 2);
        records.push(buried(&garbled, PAYMENT_GROUP));
        records.push(garbled);
        let groups = SERVICES.iter().map(|service| Names::new("").group(service));
        Run {
            records,
            put_in: ["shipped", "declined", "sold-out", "garbled"]
                .map(str::to_owned)
                .into(),
            lags: groups.map(|group| (group, Some(0))).collect(),
            stored: None,
            charges: ["shipped", "sold-out"]
                .map(|order| (order.to_owned(), 1))
                .into(),
        }
    }

    fn audit(&self) -> Audit {
        let mut audit = Audit::new(Names::new(""));
        self.records.iter().for_each(|record| audit.observe(record));
        audit
    }

    /// The invariants that do not hold, with what is said about them.
    fn broken(&self) -> Vec<(&'static str, String)> {
        let known = Known {
            put_in: &self.put_in,
            lags: &self.lags,
            charges: &self.charges,
            stored: self.stored.as_ref(),
        };
        let verdicts = judge(&self.audit(), &known);
        let outbox = if self.stored.is_some() { 2 } else { 0 };
        assert_eq!(verdicts.len(), 6 + outbox);
        let broken = verdicts.into_iter().filter(|verdict| !verdict.holds);
        broken
            .map(|verdict| (verdict.name, verdict.detail))
            .collect()
    }

    fn place(&self, order: &str, topic: &str) -> usize {
        let is = |record: &Record| {
            record.topic == topic && record.key.as_deref() == Some(order.as_bytes())
        };
        self.records.iter().position(is).unwrap()
    }

    fn lose(mut self, order: &str, topic: &str) -> Self {
        let place = self.place(order, topic);
        self.records.remove(place);
        self
    }

    fn lose_all(mut self, order: &str) -> Self {
        self.records
            .retain(|record| record.key.as_deref() != Some(order.as_bytes()));
        self
    }

    /// Adds another event like this one, with a field of it changed.
    fn forge(mut self, order: &str, topic: &str, field: &str, value: &str) -> Self {
        let place = self.place(order, topic);
        let mut event = Event::decode(self.records[place].value.as_deref()).unwrap();
        event.body.insert(field.to_owned(), value.into());
        let record = received(event.record(topic.to_owned()), 1);
        match field {
            "eventId" => self.records.push(record),
            _ => self.records[place] = record,
        }
        self
    }
}

fn buried(record: &Record, group: &str) -> Record {
    let failure = Failure::permanent("malformed", "it ends too soon");
    let topic = format!("{}.dlq", record.topic);
    received(
        eda::bury(record, &failure, group, 1, &topic, None, 1),
        record.partition,
    )
}

#[test]
fn a_good_run_holds() {
    let run = Run::new();
    assert_eq!(run.broken(), []);
    let ends = Ends {
        shipped: 1,
        cancelled: 2,
        parked: 1,
    };
    assert_eq!(run.audit().ends(), ends);
    assert_eq!(run.audit().letters()["order-created.dlq"], 1);
}

#[test]
fn what_comes_twice_is_seen_once_and_the_topics_may_be_read_in_any_order() {
    let mut run = Run::new();
    run.records.extend(run.records.clone());
    run.records.reverse();
    assert_eq!(run.broken(), []);
    assert_eq!(run.audit().ends(), Run::new().audit().ends());
    assert_eq!(run.audit().letters()["order-created.dlq"], 1);
}

#[test]
fn a_lost_event_is_reported_by_the_invariant_it_belongs_to() {
    let cases = [
        (
            "shipped",
            "order-shipped",
            "one-end",
            "shipped reached no end",
        ),
        (
            "declined",
            "order-cancelled",
            "one-end",
            "declined reached no end",
        ),
        (
            "garbled",
            "order-created.dlq",
            "one-end",
            "garbled reached no end",
        ),
        (
            "shipped",
            "payment-processed",
            "charged-once",
            "shipped went on without being charged",
        ),
        (
            "sold-out",
            "payment-processed",
            "charged-once",
            "sold-out went on without being charged",
        ),
        (
            "sold-out",
            "payment-refunded",
            "refunded",
            "sold-out was cancelled with 0 of 1 charges refunded",
        ),
        (
            "shipped",
            "inventory-reserved",
            "in-order",
            "shipped has OrderShipped without the event that led to it",
        ),
        (
            "declined",
            "payment-failed",
            "in-order",
            "declined has OrderCancelled without the event that led to it",
        ),
        (
            "sold-out",
            "inventory-failed",
            "in-order",
            "sold-out has PaymentRefunded without the event that led to it",
        ),
        (
            "shipped",
            "order-created",
            "accounted-for",
            "shipped was never seen",
        ),
        (
            "garbled",
            "order-created",
            "accounted-for",
            "garbled was never seen",
        ),
    ];
    for (order, topic, name, detail) in cases {
        let broken = Run::new().lose(order, topic).broken();
        assert_eq!(
            broken,
            [(name, detail.to_owned())],
            "without {topic} of {order}"
        );
    }
}

#[test]
fn a_second_end_is_reported() {
    let twice = Run::new()
        .forge("shipped", "order-shipped", "eventId", OTHER)
        .broken();
    assert_eq!(
        twice,
        [("one-end", "shipped was shipped and shipped".to_owned())]
    );
    let mut run = Run::new();
    let place = run.place("declined", "order-created");
    run.records.push(buried(&run.records[place], PAYMENT_GROUP));
    assert_eq!(
        run.broken(),
        [("one-end", "declined was cancelled and parked".to_owned())]
    );
    // The fate of an order does not depend on who tells people about it.
    run.records.pop();
    run.records
        .push(buried(&run.records[place], "notification-service"));
    assert_eq!(run.broken(), []);
}

#[test]
fn a_second_charge_is_reported() {
    let broken = Run::new()
        .forge("shipped", "payment-processed", "eventId", OTHER)
        .broken();
    assert_eq!(
        broken,
        [("charged-once", "shipped was charged 2 times".to_owned())]
    );
}

#[test]
fn an_event_before_its_cause_or_in_another_partition_is_reported() {
    let time = "1970-01-01T00:00:00.000Z";
    let broken = Run::new()
        .forge("shipped", "order-shipped", "timestamp", time)
        .broken();
    let early = "shipped has OrderShipped before InventoryReserved";
    assert_eq!(broken, [("in-order", early.to_owned())]);

    let mut run = Run::new();
    let place = run.place("shipped", "order-shipped");
    run.records[place].partition = 0;
    assert_eq!(
        run.broken(),
        [("in-order", "shipped is in partitions 0 and 1".to_owned())]
    );
}

#[test]
fn lag_is_reported() {
    let mut run = Run::new();
    run.lags.insert(PAYMENT_GROUP.to_owned(), Some(3));
    assert_eq!(
        run.broken(),
        [("no-lag", "payment-service has lag 3".to_owned())]
    );
    run.lags.insert(PAYMENT_GROUP.to_owned(), None);
    assert_eq!(
        run.broken(),
        [("no-lag", "the lag of payment-service is unknown".to_owned())]
    );
}

#[test]
fn an_order_that_vanished_or_came_from_nowhere_is_reported() {
    for order in ["shipped", "declined", "sold-out", "garbled"] {
        let broken = Run::new().lose_all(order).broken();
        assert_eq!(
            broken,
            [("accounted-for", format!("{order} was never seen"))]
        );
    }
    let mut run = Run::new();
    run.put_in.retain(|order| order != "declined");
    assert_eq!(
        run.broken(),
        [("accounted-for", "declined was never put in".to_owned())]
    );
}

#[test]
fn many_offenders_are_counted() {
    let mut run = Run::new();
    run.put_in
        .extend((0..10).map(|number| format!("x{number}")));
    let detail = "x0 was never seen; x1 was never seen; x2 was never seen; and 7 more";
    assert_eq!(run.broken(), [("accounted-for", detail.to_owned())]);
}

#[test]
fn invariants_are_known_by_name() {
    for invariant in Invariant::ALL {
        assert_eq!(invariant.name().parse(), Ok(invariant));
    }
    let error = "no-lagg".parse::<Invariant>().unwrap_err();
    assert_eq!(error, "`no-lagg` is no invariant, did you mean `no-lag`?");
    let error = "x".parse::<Invariant>().unwrap_err();
    assert!(
        error.starts_with("`x` is no invariant: there are one-end, "),
        "{error}"
    );
}
