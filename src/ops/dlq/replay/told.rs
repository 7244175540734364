//! What a replay tells its audit.

use super::super::audit::{Auditor, Event};
use super::super::plan::ReplayPlan;
use super::super::request::Delivery;
use super::item::{Item, What};
use super::outcome::ReplayOutcome;
use crate::error::{Error, Result};
use crate::model::topic::TopicPartition;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is to be done: the plan's counts.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Begun<'a> {
    topic: &'a str,
    replay_group: &'a str,
    delivery: Delivery,
    total: u64,
    replayable: u64,
    parked: u64,
    unknown_origin: u64,
    gone_origin: u64,
    passed: u64,
    stale: Option<u64>,
    bytes: u64,
}

/// The offsets of a partition of the dead-letter topic, the last included, that something is told of.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Span {
    partition: i32,
    first: i64,
    last: i64,
}

/// What became of a handful.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Committed {
    partitions: Vec<Span>,
    replayed: u64,
    parked: u64,
    /// Those that cannot be put back, or that nobody takes: they are left.
    stayed: u64,
    destinations: BTreeMap<String, u64>,
}

impl Committed {
    /// `None` when there is nothing to tell. What was written by an earlier transaction is told only where that has not
    /// told it itself.
    pub(super) fn of(hand: &[Item], places: &[TopicPartition], with_earlier: bool) -> Option<Self> {
        let mut told = Committed::default();
        let mut spans: BTreeMap<i32, Span> = BTreeMap::new();
        let is_told_again = !with_earlier && hand.iter().any(|item| item.what.is_earlier());
        for item in hand {
            match &item.what {
                What::Over | What::Stays | What::End => continue,
                What::Sent(_) | What::Parked if !with_earlier => continue,
                What::Unplaced { .. } | What::Refused(_) if is_told_again => continue,
                What::Unplaced { .. } | What::Refused(_) => told.stayed += 1,
                What::Park(_) | What::Parked => told.parked += 1,
                What::Replay(record) => told.replayed_to(record.topic()),
                What::Sent(topic) => told.replayed_to(topic),
            }
            let Some(place) = places.get(item.place) else {
                continue;
            };
            let span = spans.entry(place.partition).or_insert(Span {
                partition: place.partition,
                first: item.offset,
                last: item.offset,
            });
            span.first = span.first.min(item.offset);
            span.last = span.last.max(item.offset);
        }
        told.partitions = spans.into_values().collect();
        (!told.partitions.is_empty()).then_some(told)
    }

    fn replayed_to(&mut self, topic: &str) {
        self.replayed += 1;
        match self.destinations.get_mut(topic) {
            Some(count) => *count += 1,
            None => {
                self.destinations.insert(topic.to_owned(), 1);
            }
        }
    }
}

/// How it ended.
#[derive(Serialize)]
struct Ended<'a> {
    replayed: u64,
    parked: u64,
    skipped: u64,
    failed: u64,
    destinations: &'a BTreeMap<String, u64>,
    interrupted: bool,
    error: Option<String>,
}

/// Before anything is changed.
pub(super) fn begun(auditor: &Auditor, plan: &ReplayPlan, delivery: Delivery) -> Result<()> {
    let told = Begun {
        topic: plan.topic(),
        replay_group: plan.group(),
        delivery,
        total: plan.total,
        replayable: plan.replayable,
        parked: plan.parked,
        unknown_origin: plan.unknown_origin,
        gone_origin: plan.gone_origin,
        passed: plan.passed,
        stale: plan.stale,
        bytes: plan.bytes,
    };
    auditor.write(Event::Begun, &told)
}

/// When it is over, well or not.
pub(super) fn ended(
    auditor: &Auditor,
    outcome: &ReplayOutcome,
    error: Option<&Error>,
) -> Result<()> {
    let told = Ended {
        replayed: outcome.replayed,
        parked: outcome.parked,
        skipped: outcome.skipped,
        failed: outcome.failed,
        destinations: &outcome.destinations,
        interrupted: outcome.interrupted,
        // Without its causes: a filter may have said there what is in a letter.
        error: error.map(|error| error.message().to_owned()),
    };
    auditor.write(Event::Ended, &told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(place: usize, offset: i64, what: What) -> Item {
        Item {
            place,
            from: offset,
            offset,
            what,
        }
    }

    fn hand() -> Vec<Item> {
        vec![
            item(0, 3, What::Over),
            item(0, 9, What::Sent("orders".into())),
            item(0, 4, What::Parked),
            item(0, 12, What::End),
            item(1, 7, What::Refused("too large".to_owned())),
            item(1, 8, What::Stays),
        ]
    }

    #[test]
    fn what_is_told_is_what_became_of_letters() {
        let places = [0, 5].map(|partition| TopicPartition::new("orders.dlq", partition));
        let told = Committed::of(&hand(), &places, true).unwrap();
        let span = |partition, first, last| Span {
            partition,
            first,
            last,
        };
        assert_eq!(told.partitions, [span(0, 4, 9), span(5, 7, 7)]);
        assert_eq!((told.replayed, told.parked, told.stayed), (1, 1, 1));
        assert_eq!(told.destinations["orders"], 1);
        assert_eq!(Committed::of(&hand()[..1], &places, true), None);
        // A transaction that was committed after all has told it.
        assert_eq!(Committed::of(&hand(), &places, false), None);
    }
}
