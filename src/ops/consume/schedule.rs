//! Which records of a partition may begin: those of different keys side by side, those of one key one after the other.

use super::Order;
use crate::model::record::Record;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

/// What a record must not be side by side with: others of the same track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Track(u64);

/// The records of one partition that are not begun yet. They come in the order of their offsets.
///
/// Of those that may begin, the one with the lowest offset is next, so that what can be committed grows soon.
#[derive(Debug)]
pub(super) struct Schedule {
    order: Order,
    /// Whether none may begin before all before it have: what is begun is then always a prefix.
    strictly: bool,
    /// Keys that hash alike share a track, which is only slower.
    hasher: RandomState,
    /// The tracks that have a record ready or in hand, and what waits behind it.
    behind: HashMap<Track, VecDeque<Record>>,
    ready: BinaryHeap<Ready>,
    /// The offsets that are not begun, in order; only kept `strictly`.
    unbegun: VecDeque<i64>,
}

/// The one with the lowest offset is the greatest.
#[derive(Debug)]
struct Ready {
    record: Record,
    track: Option<Track>,
}

impl Schedule {
    pub(super) fn new(order: Order, strictly: bool) -> Self {
        Schedule {
            order,
            strictly,
            hasher: RandomState::new(),
            behind: HashMap::new(),
            ready: BinaryHeap::new(),
            unbegun: VecDeque::new(),
        }
    }

    /// One more record, the last so far.
    pub(super) fn push(&mut self, record: Record) {
        if self.strictly {
            self.unbegun.push_back(record.offset);
        }
        let track = self.track(&record);
        if let Some(track) = track {
            if let Some(behind) = self.behind.get_mut(&track) {
                behind.push_back(record);
                return;
            }
            self.behind.insert(track, VecDeque::new());
        }
        self.ready.push(Ready { record, track });
    }

    /// A record without a key has nobody to wait for, unless the partition as a whole keeps its order.
    fn track(&self, record: &Record) -> Option<Track> {
        match (self.order, &record.key) {
            (Order::Partition, _) => Some(Track(0)),
            (Order::Key, Some(key)) => Some(Track(self.hasher.hash_one(key))),
            (Order::Key, None) => None,
        }
    }

    /// Whether [`Schedule::begin`] has one.
    pub(super) fn has_ready(&self) -> bool {
        match self.ready.peek() {
            Some(first) if self.strictly => self.unbegun.front() == Some(&first.record.offset),
            first => first.is_some(),
        }
    }

    /// The next record that may begin, and its track, which is to be freed when the record is done.
    pub(super) fn begin(&mut self) -> Option<(Record, Option<Track>)> {
        if !self.has_ready() {
            return None;
        }
        let Ready { record, track } = self.ready.pop()?;
        if self.strictly {
            self.unbegun.pop_front();
        }
        Some((record, track))
    }

    /// The record of this track is done: the one behind it may begin.
    pub(super) fn free(&mut self, track: Option<Track>) {
        let Some(track) = track else { return };
        let Some(behind) = self.behind.get_mut(&track) else {
            return;
        };
        match behind.pop_front() {
            Some(record) => self.ready.push(Ready {
                record,
                track: Some(track),
            }),
            None => {
                self.behind.remove(&track);
            }
        }
    }
}

impl PartialEq for Ready {
    fn eq(&self, other: &Self) -> bool {
        self.record.offset == other.record.offset
    }
}

impl Eq for Ready {}

impl PartialOrd for Ready {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ready {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.record.offset.cmp(&self.record.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(offset: i64, key: Option<u8>) -> Record {
        Record {
            topic: "orders".to_owned(),
            partition: 0,
            offset,
            timestamp: None,
            key: key.map(|key| vec![key]),
            value: None,
            headers: Vec::new(),
        }
    }

    fn schedule(order: Order, strictly: bool, keys: &[Option<u8>]) -> Schedule {
        let mut schedule = Schedule::new(order, strictly);
        for (offset, key) in (0..).zip(keys) {
            schedule.push(record(offset, *key));
        }
        schedule
    }

    fn begin_all(schedule: &mut Schedule) -> Vec<(i64, Option<Track>)> {
        std::iter::from_fn(|| schedule.begin())
            .map(|(record, track)| (record.offset, track))
            .collect()
    }

    fn offsets(begun: &[(i64, Option<Track>)]) -> Vec<i64> {
        begun.iter().map(|(offset, _)| *offset).collect()
    }

    #[test]
    fn one_of_each_key_may_begin_and_all_that_have_none() {
        let keys = [Some(1), Some(1), Some(2), None, None, Some(1)];
        let mut schedule = schedule(Order::Key, false, &keys);
        let begun = begin_all(&mut schedule);
        assert_eq!(offsets(&begun), [0, 2, 3, 4]);
        schedule.free(begun[0].1);
        let begun = begin_all(&mut schedule);
        assert_eq!(offsets(&begun), [1]);
    }

    #[test]
    fn a_partition_in_order_is_one_track() {
        let mut schedule = schedule(Order::Partition, false, &[None, Some(1), None]);
        for expected in 0..3 {
            let begun = begin_all(&mut schedule);
            assert_eq!(offsets(&begun), [expected]);
            schedule.free(begun[0].1);
        }
        assert!(schedule.behind.is_empty());
    }

    #[test]
    fn strictly_nothing_begins_before_what_is_before_it() {
        let mut schedule = schedule(Order::Key, true, &[Some(1), Some(1), Some(2)]);
        let begun = begin_all(&mut schedule);
        assert_eq!(offsets(&begun), [0]);
        schedule.free(begun[0].1);
        assert_eq!(offsets(&begin_all(&mut schedule)), [1, 2]);
    }

    proptest! {
        /// Whatever finishes when: never two of a key at once, each key in the order of its offsets, everything begins,
        /// and nothing is remembered afterwards.
        #[test]
        fn keys_keep_their_order(
            keys in proptest::collection::vec(proptest::option::of(0..5_u8), 1..60),
            choices in proptest::collection::vec(any::<prop::sample::Index>(), 60),
            strictly: bool,
        ) {
            let mut schedule = schedule(Order::Key, strictly, &keys);
            let mut in_hand: Vec<(i64, Option<Track>)> = Vec::new();
            let mut begun: Vec<i64> = Vec::new();
            for choice in choices {
                while let Some((record, track)) = schedule.begin() {
                    let key = &keys[record.offset as usize];
                    let is_same = |(other, _): &&(i64, Option<Track>)| keys[*other as usize] == *key;
                    prop_assert!(key.is_none() || in_hand.iter().find(is_same).is_none());
                    in_hand.push((record.offset, track));
                    begun.push(record.offset);
                }
                if !in_hand.is_empty() {
                    let (_, track) = in_hand.remove(choice.index(in_hand.len()));
                    schedule.free(track);
                }
            }
            for key in 0..5 {
                let of_key: Vec<i64> =
                    begun.iter().copied().filter(|&offset| keys[offset as usize] == Some(key)).collect();
                prop_assert!(of_key.is_sorted());
            }
            if strictly {
                prop_assert!(begun.is_sorted());
            }
            begun.sort_unstable();
            prop_assert_eq!(begun, (0..keys.len() as i64).collect::<Vec<_>>());
            for (_, track) in in_hand {
                schedule.free(track);
            }
            prop_assert!(schedule.behind.is_empty());
        }
    }
}
