//! The invariants, and how each is judged by what was seen.
//!
//! Each speaks of one thing only, so that one fault breaks one of them: an event that is missing is reported by the
//! invariant that is about it, and not a second time as a gap in the order of events. But an order whose first event is
//! missing from a run with an outbox is missing twice: from those that were put in, and from those that are stored.

use super::{Audit, Order};
use crate::demo::saga::causes;
use crate::model::suggest;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// How many offenders a detail names.
const NAMED: usize = 3;

/// What must be true at the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invariant {
    /// Every order that was seen is shipped, cancelled, or parked in a dead-letter topic and named there: one of them,
    /// and once.
    OneEnd,
    /// No order was charged twice, and none went on without being charged.
    ChargedOnce,
    /// Every charge of a cancelled order was refunded, and no other.
    Refunded,
    /// Every event comes after the one that led to it, and all events of one order are in one partition.
    InOrder,
    /// All groups have read, and committed, everything.
    NoLag,
    /// The orders that were put in are those that were seen on the topic where orders begin.
    AccountedFor,
    /// With an outbox: every order in the order service's table has its event on the topic where orders begin.
    OrderHasEvent,
    /// With an outbox: no order was seen there that is not in the table.
    EventHasOrder,
}

impl Invariant {
    /// All of them, in the order of a report.
    pub const ALL: [Invariant; 8] = [
        Invariant::OneEnd,
        Invariant::ChargedOnce,
        Invariant::Refunded,
        Invariant::InOrder,
        Invariant::NoLag,
        Invariant::AccountedFor,
        Invariant::OrderHasEvent,
        Invariant::EventHasOrder,
    ];

    /// Whether it is judged in a run with an outbox only.
    pub fn needs_outbox(self) -> bool {
        matches!(self, Invariant::OrderHasEvent | Invariant::EventHasOrder)
    }

    /// The word for it in reports.
    pub fn name(self) -> &'static str {
        match self {
            Invariant::OneEnd => "one-end",
            Invariant::ChargedOnce => "charged-once",
            Invariant::Refunded => "refunded",
            Invariant::InOrder => "in-order",
            Invariant::NoLag => "no-lag",
            Invariant::AccountedFor => "accounted-for",
            Invariant::OrderHasEvent => "order-has-event",
            Invariant::EventHasOrder => "event-has-order",
        }
    }

    /// What is said when it holds.
    fn sentence(self) -> &'static str {
        match self {
            Invariant::OneEnd => "every order reached exactly one end",
            Invariant::ChargedOnce => "no order was charged twice",
            Invariant::Refunded => "every charge of a cancelled order was refunded",
            Invariant::InOrder => "each order's events are in order",
            Invariant::NoLag => "all groups have lag 0",
            Invariant::AccountedFor => "orders produced are orders accounted for",
            Invariant::OrderHasEvent => "every stored order has its event",
            Invariant::EventHasOrder => "no event is without its order",
        }
    }
}

impl FromStr for Invariant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Invariant::ALL
            .into_iter()
            .find(|known| known.name() == text);
        found.ok_or_else(|| {
            let names = Invariant::ALL.map(Invariant::name);
            match suggest::closest(text, names) {
                Some(close) => format!("`{text}` is no invariant, did you mean `{close}`?"),
                None => format!("`{text}` is no invariant: there are {}", names.join(", ")),
            }
        })
    }
}

/// Whether an invariant holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    pub name: &'static str,
    pub holds: bool,
    /// What holds, or who broke it and how; the first three are named.
    pub detail: String,
}

/// What is known besides what the audit saw.
pub(in crate::demo) struct Known<'a> {
    /// The orders that were produced.
    pub(in crate::demo) put_in: &'a [String],
    /// What each group has left to read; `None` when that could not be learnt.
    pub(in crate::demo) lags: &'a BTreeMap<String, Option<i64>>,
    /// How often each order was charged, by the payment provider's own books.
    pub(in crate::demo) charges: &'a BTreeMap<String, usize>,
    /// The orders in the order service's table, when it has an outbox.
    pub(in crate::demo) stored: Option<&'a BTreeSet<String>>,
}

/// Judges all invariants.
pub(in crate::demo) fn judge(audit: &Audit, known: &Known<'_>) -> Vec<Verdict> {
    let verdict = |invariant: Invariant| {
        let broken: Vec<String> = match invariant {
            Invariant::OneEnd => each(audit, one_end),
            Invariant::ChargedOnce => {
                let mut broken = each(audit, charged_once);
                broken.extend(by_the_books(audit, known.charges));
                broken
            }
            Invariant::Refunded => each(audit, refunded),
            Invariant::InOrder => each(audit, in_order),
            Invariant::NoLag => known.lags.iter().filter_map(lag).collect(),
            Invariant::AccountedFor => accounted_for(audit, known.put_in),
            Invariant::OrderHasEvent => stored(audit, known.stored).0,
            Invariant::EventHasOrder => stored(audit, known.stored).1,
        };
        Verdict {
            name: invariant.name(),
            holds: broken.is_empty(),
            detail: match broken.is_empty() {
                true => invariant.sentence().to_owned(),
                false => listed(&broken),
            },
        }
    };
    let judged = Invariant::ALL.into_iter();
    let judged = judged.filter(|invariant| known.stored.is_some() || !invariant.needs_outbox());
    judged.map(verdict).collect()
}

fn each(audit: &Audit, broken: fn(&Order) -> Option<String>) -> Vec<String> {
    let orders = audit.orders.iter();
    orders
        .filter_map(|(id, order)| Some(format!("{id} {}", broken(order)?)))
        .collect()
}

fn listed(broken: &[String]) -> String {
    let mut text = broken
        .iter()
        .take(NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join("; ");
    if broken.len() > NAMED {
        text.push_str(&format!("; and {} more", broken.len() - NAMED));
    }
    text
}

fn one_end(order: &Order) -> Option<String> {
    match order.ends() {
        1 => None,
        0 => Some("reached no end".to_owned()),
        _ => {
            let mut ends = vec!["shipped"; order.count("OrderShipped")];
            ends.extend(vec!["cancelled"; order.count("OrderCancelled")]);
            ends.extend(order.parked.then_some("parked"));
            Some(format!("was {}", ends.join(" and ")))
        }
    }
}

fn charged_once(order: &Order) -> Option<String> {
    let on = ["InventoryReserved", "InventoryFailed", "OrderShipped"];
    match order.count("PaymentProcessed") {
        0 if on.into_iter().any(|kind| order.has(kind)) => {
            Some("went on without being charged".to_owned())
        }
        0 | 1 => None,
        charges => Some(format!("was charged {charges} times")),
    }
}

/// What the payment provider's books say of orders of which the events say nothing wrong.
fn by_the_books(audit: &Audit, charges: &BTreeMap<String, usize>) -> Vec<String> {
    let unlike = |(id, order): (&String, &Order)| {
        let charged = charges.get(id).copied().unwrap_or_default();
        match charged {
            _ if charged_once(order).is_some() => None,
            0 | 1 if charged == order.count("PaymentProcessed") => None,
            1 => Some(format!("{id} was charged, and no event says so")),
            0 => Some(format!("{id} was not charged, whatever its events say")),
            _ => Some(format!(
                "{id} was charged {charged} times by the payment provider"
            )),
        }
    };
    audit.orders.iter().filter_map(unlike).collect()
}

fn refunded(order: &Order) -> Option<String> {
    let charges = order.count("PaymentProcessed");
    let refunds = order.count("PaymentRefunded");
    if order.has("OrderCancelled") && refunds < charges {
        return Some(format!(
            "was cancelled with {refunds} of {charges} charges refunded"
        ));
    }
    // A refund without a charge is a missing charge, and that is another invariant's business.
    if order.has("OrderShipped") && refunds > 0 || refunds > charges && charges > 0 {
        return Some("got money back that it owes".to_owned());
    }
    None
}

fn in_order(order: &Order) -> Option<String> {
    if order.partitions.len() > 1 {
        let partitions: Vec<String> = order.partitions.iter().map(i32::to_string).collect();
        return Some(format!("is in partitions {}", partitions.join(" and ")));
    }
    order.events.iter().find_map(|seen| {
        let allowed = causes(seen.kind);
        if allowed.is_empty() {
            return None;
        }
        let cause = seen.cause.as_deref();
        let Some(cause) = order.events.iter().find(|other| Some(&*other.id) == cause) else {
            let missing = match seen.kind {
                "OrderShipped" | "PaymentRefunded" => true,
                // Else it is the refund that is missing.
                "OrderCancelled" => !order.has("PaymentProcessed"),
                _ => false,
            };
            return missing.then(|| format!("has {} without the event that led to it", seen.kind));
        };
        if !allowed.contains(&cause.kind) {
            return Some(format!(
                "has {} that follows from {}",
                seen.kind, cause.kind
            ));
        }
        (seen.at_ms < cause.at_ms).then(|| format!("has {} before {}", seen.kind, cause.kind))
    })
}

fn lag((group, lag): (&String, &Option<i64>)) -> Option<String> {
    match lag {
        Some(0) => None,
        Some(lag) => Some(format!("{group} has lag {lag}")),
        None => Some(format!("the lag of {group} is unknown")),
    }
}

/// The orders that were seen on the topic where orders begin.
fn created(audit: &Audit) -> BTreeSet<&str> {
    let created = audit.orders.iter().filter(|(_, order)| order.created);
    created.map(|(id, _)| id.as_str()).collect()
}

/// Orders in the table without an event, and events without an order in the table.
fn stored(audit: &Audit, stored: Option<&BTreeSet<String>>) -> (Vec<String>, Vec<String>) {
    let stored: BTreeSet<&str> = stored.into_iter().flatten().map(String::as_str).collect();
    let created = created(audit);
    let without_event = stored
        .difference(&created)
        .map(|id| format!("{id} is stored, and its event was never seen"));
    let without_order = created
        .difference(&stored)
        .map(|id| format!("{id} has an event, and is not stored"));
    (without_event.collect(), without_order.collect())
}

fn accounted_for(audit: &Audit, put_in: &[String]) -> Vec<String> {
    let put_in: BTreeSet<&str> = put_in.iter().map(String::as_str).collect();
    let created = created(audit);
    let missing = put_in
        .difference(&created)
        .map(|id| format!("{id} was never seen"));
    let unknown = created
        .difference(&put_in)
        .map(|id| format!("{id} was never put in"));
    missing.chain(unknown).collect()
}
