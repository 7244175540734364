//! What has come of what is expected. Pure: it is shown each record, with the time since the last event was sent.

use super::condition::{contradictions, hold};
use super::outcome::{Found, Happened, Line, Met, NearMiss};
use crate::model::dead_letter;
use crate::model::filter::{Comparison, Filter, Wanted, event_type};
use crate::model::record::RecordRef;
use crate::model::topic::TopicPartition;
use std::collections::BTreeSet;
use std::time::Duration;

/// Lines of a timeline; more are counted.
const LINES: usize = 1000;
/// Records that are told of each expectation that was nearly met; more are counted.
const NEAR: usize = 3;

/// What a record must be to meet an expectation.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// As it was written.
    pub(super) text: String,
    pub(super) topic: String,
    /// Whatever must hold besides.
    pub(super) events: Filter,
    pub(super) comparisons: Vec<Comparison>,
}

impl Wish {
    /// Whether it is such an event, whatever is in it.
    fn is_of(&self, record: &RecordRef<'_>) -> bool {
        record.topic == self.topic && self.events.wants(record) == Wanted::Yes
    }

    fn is_met_by(&self, record: &RecordRef<'_>) -> bool {
        self.is_of(record) && hold(&self.comparisons, record.value)
    }
}

/// A wish, and what came of it.
#[derive(Debug)]
struct Pending {
    wish: Wish,
    found: Option<Found>,
    near: Vec<NearMiss>,
    near_in_all: u64,
    other_keys: u64,
}

impl Pending {
    fn new(wish: Wish) -> Self {
        Pending {
            wish,
            found: None,
            near: Vec::new(),
            near_in_all: 0,
            other_keys: 0,
        }
    }

    fn into_met(self) -> Met {
        let is_missing = self.found.is_none();
        // What nearly met it explains nothing when something did.
        let count = |count: u64| if is_missing { count } else { 0 };
        Met {
            expectation: self.wish.text,
            near_misses: if is_missing { self.near } else { Vec::new() },
            near_misses_in_all: count(self.near_in_all),
            other_keys: count(self.other_keys),
            found: self.found,
        }
    }
}

/// The wishes, and what was seen so far.
#[derive(Debug)]
pub(super) struct Board {
    expected: Vec<Pending>,
    forbidden: Vec<Pending>,
    /// `None`: any.
    keys: Option<BTreeSet<Vec<u8>>>,
    sent: BTreeSet<(TopicPartition, i64)>,
    lines: Vec<Line>,
    untold: u64,
}

impl Board {
    pub(super) fn new(
        expected: Vec<Wish>,
        forbidden: Vec<Wish>,
        keys: Option<BTreeSet<Vec<u8>>>,
        sent: BTreeSet<(TopicPartition, i64)>,
    ) -> Self {
        let open = |wishes: Vec<Wish>| wishes.into_iter().map(Pending::new).collect();
        Board {
            expected: open(expected),
            forbidden: open(forbidden),
            keys,
            sent,
            lines: Vec::new(),
            untold: 0,
        }
    }

    /// Whether nothing that comes can change the answer: all is there that is expected, or something that must not be.
    pub(super) fn is_decided(&self) -> bool {
        let is_met = |pending: &Pending| pending.found.is_some();
        self.forbidden.iter().any(is_met)
            || (!self.expected.is_empty() && self.expected.iter().all(is_met))
    }

    /// Takes notice of a record; one meets one expectation, the first that is open.
    pub(super) fn see(&mut self, record: &RecordRef<'_>, after: Duration) {
        let is_ours = |keys: &BTreeSet<Vec<u8>>| record.key.is_some_and(|key| keys.contains(key));
        if !self.keys.as_ref().is_none_or(is_ours) {
            let open = self.expected.iter_mut();
            for pending in open.filter(|one| one.found.is_none() && one.wish.is_of(record)) {
                pending.other_keys += 1;
            }
            return;
        }
        let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        let place = TopicPartition::new(record.topic, record.partition);
        let found = Found {
            topic: place.topic.clone(),
            partition: place.partition,
            offset: record.offset,
            after_ms,
        };
        let happened = if self.sent.contains(&(place, record.offset)) {
            Happened::Sent
        } else if let Some(text) = meet(&mut self.forbidden, record, &found) {
            Happened::Forbidden(text)
        } else if let Some(text) = meet(&mut self.expected, record, &found) {
            Happened::Expected(text)
        } else if dead_letter::is_dead_letter_topic(record.topic) {
            let letter = dead_letter::detect(&record.to_record());
            let told = letter.map(|letter| [letter.exception, letter.message]);
            let told = told.into_iter().flatten().flatten().collect::<Vec<_>>();
            Happened::Died(told.join(": "))
        } else {
            Happened::Passed(self.miss(record, &found))
        };
        if self.lines.len() >= LINES {
            self.untold += 1;
            return;
        }
        self.lines.push(Line {
            found,
            key: record
                .key
                .map(|key| String::from_utf8_lossy(key).into_owned()),
            event: event_type(record).map(|name| name.into_owned()),
            happened,
        });
    }

    /// Notes what a record lacks that is such an event as is waited for; why the first of them is not met by it.
    fn miss(&mut self, record: &RecordRef<'_>, found: &Found) -> Option<String> {
        let mut first = None;
        let open = self.expected.iter_mut();
        for pending in open.filter(|one| one.found.is_none() && one.wish.is_of(record)) {
            pending.near_in_all += 1;
            if pending.near.len() >= NEAR && first.is_some() {
                continue;
            }
            let why = contradictions(&pending.wish.comparisons, record.value);
            if pending.near.len() < NEAR {
                pending.near.push(NearMiss {
                    found: found.clone(),
                    why: why.clone(),
                });
            }
            first.get_or_insert(why);
        }
        first
    }

    /// What is said of it all: expected, forbidden, the timeline and how much it leaves out.
    pub(super) fn into_parts(self) -> (Vec<Met>, Vec<Met>, Vec<Line>, u64) {
        let met = |all: Vec<Pending>| all.into_iter().map(Pending::into_met).collect();
        (
            met(self.expected),
            met(self.forbidden),
            self.lines,
            self.untold,
        )
    }
}

/// Notes that the first open wish is met which this record meets; its text.
fn meet(wishes: &mut [Pending], record: &RecordRef<'_>, found: &Found) -> Option<String> {
    let is_open =
        |pending: &&mut Pending| pending.found.is_none() && pending.wish.is_met_by(record);
    let pending = wishes.iter_mut().find(is_open)?;
    pending.found = Some(found.clone());
    Some(pending.wish.text.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Record;

    fn wish(text: &str) -> Wish {
        let expectation: crate::model::expectation::Expectation = text.parse().unwrap();
        Wish {
            text: text.to_owned(),
            topic: expectation.name,
            events: Filter::default(),
            comparisons: expectation.comparisons,
        }
    }

    fn record(topic: &str, offset: i64, key: Option<&str>, value: &str) -> Record {
        Record {
            topic: topic.to_owned(),
            partition: 0,
            offset,
            timestamp: None,
            key: key.map(|key| key.as_bytes().to_vec()),
            value: Some(value.as_bytes().to_vec()),
            headers: Vec::new(),
        }
    }

    fn board(expected: &[&str], forbidden: &[&str]) -> Board {
        let wishes = |texts: &[&str]| texts.iter().map(|text| wish(text)).collect();
        let keys = BTreeSet::from([b"k".to_vec()]);
        let sent = BTreeSet::from([(TopicPartition::new("orders", 0), 7)]);
        Board::new(wishes(expected), wishes(forbidden), Some(keys), sent)
    }

    #[test]
    fn each_record_meets_one_expectation_and_only_with_the_key() {
        let mut board = board(&["paid", "paid where n=2", "orders"], &[]);
        let after = Duration::from_millis(5);
        let see = |board: &mut Board, record: &Record| board.see(&record.into(), after);
        // The event that was sent is not what is expected.
        see(&mut board, &record("orders", 7, Some("k"), "{}"));
        for other in [None, Some("other")] {
            see(&mut board, &record("paid", 1, other, "{\"n\":2}"));
        }
        see(&mut board, &record("paid", 2, Some("k"), "{\"n\":2}"));
        assert!(!board.is_decided());
        // The first took the record of n=2; this one does not do for the second.
        see(&mut board, &record("paid", 3, Some("k"), "{\"n\":1}"));
        see(&mut board, &record("paid", 4, Some("k"), "{\"n\":2}"));
        assert!(!board.is_decided());
        see(&mut board, &record("orders", 8, Some("k"), "{}"));
        assert!(board.is_decided());
        let (expected, _, lines, untold) = board.into_parts();
        let offsets: Vec<_> = expected
            .iter()
            .map(|met| met.found.as_ref().unwrap().offset)
            .collect();
        assert_eq!(offsets, [2, 4, 8]);
        assert_eq!((lines.len(), untold), (5, 0));
        assert!(matches!(lines[0].happened, Happened::Sent));
        assert!(matches!(lines[2].happened, Happened::Passed(Some(_))));
    }

    #[test]
    fn what_nearly_met_an_expectation_is_kept_and_counted() {
        let mut board = board(&["paid where n=9", "paid where n=1"], &[]);
        let see = |board: &mut Board, record: &Record| board.see(&record.into(), Duration::ZERO);
        see(&mut board, &record("paid", 0, Some("k"), "{\"n\":1}"));
        for offset in 1..6 {
            see(&mut board, &record("paid", offset, Some("k"), "{\"n\":2}"));
        }
        for key in [None, Some("other")] {
            see(&mut board, &record("paid", 6, key, "{\"n\":9}"));
        }
        see(&mut board, &record("orders", 9, Some("k"), "{\"n\":2}"));
        let (expected, _, lines, _) = board.into_parts();
        let told = expected[0].near_misses.iter();
        let told: Vec<_> = told
            .map(|miss| (miss.found.offset, miss.why.as_str()))
            .collect();
        let why = "n is 2, not 9";
        assert_eq!(told, [(1, why), (2, why), (3, why)]);
        assert_eq!(
            (expected[0].near_misses_in_all, expected[0].other_keys),
            (5, 2)
        );
        // The second has come: nothing is to be explained.
        assert_eq!(
            (expected[1].near_misses.len(), expected[1].other_keys),
            (0, 0)
        );
        assert!(matches!(&lines[5].happened, Happened::Passed(Some(told)) if told == why));
        assert!(matches!(lines[6].happened, Happened::Passed(None)));
    }

    #[test]
    fn what_must_not_come_decides_at_once() {
        let mut board = board(&["paid"], &["failed"]);
        let failed = record("failed", 0, Some("k"), "{}");
        board.see(&(&failed).into(), Duration::ZERO);
        assert!(board.is_decided());
    }

    #[test]
    fn a_timeline_is_bounded() {
        let mut board = board(&["paid"], &[]);
        for offset in 0..2000 {
            let other = record("other", offset, Some("k"), "");
            board.see(&(&other).into(), Duration::ZERO);
        }
        let (_, _, lines, untold) = board.into_parts();
        assert_eq!((lines.len(), untold), (LINES, 1000));
    }
}
