//! How far a partition is done: records end in any order, and only what is done without a gap counts.

use super::ahead::Ahead;
use crate::model::record::OutgoingRecord;
use std::collections::VecDeque;

/// The records between the first that is not done and the last that was taken, in the order of their offsets.
#[derive(Debug, Default)]
pub(super) struct Window {
    slots: VecDeque<Slot>,
    /// How many of them are done: those after the first that is not.
    ahead: usize,
}

#[derive(Debug)]
struct Slot {
    offset: i64,
    size: usize,
    /// Whether it was to be handled.
    counts: bool,
    /// What it produced, once it is done.
    done: Option<Vec<OutgoingRecord>>,
}

/// What became done without a gap.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Advance {
    /// The offset after the last of them; `None` when there were none.
    pub(super) next: Option<i64>,
    pub(super) records: usize,
    pub(super) bytes: usize,
    /// How many of them were to be handled.
    pub(super) counted: u64,
    /// What those produced that produced something, with their offsets, in their order.
    pub(super) produced: Vec<(i64, Vec<OutgoingRecord>)>,
}

impl Window {
    /// One more record, the last so far.
    pub(super) fn open(&mut self, offset: i64, size: usize, counts: bool) {
        self.slots.push_back(Slot {
            offset,
            size,
            counts,
            done: None,
        });
    }

    /// The record is done. What it produced counts when everything before it is done.
    pub(super) fn done(&mut self, offset: i64, produced: Vec<OutgoingRecord>) -> Advance {
        if let Ok(at) = self.slots.binary_search_by_key(&offset, |slot| slot.offset) {
            self.slots[at].done = Some(produced);
            self.ahead += 1;
        }
        let mut advance = Advance::default();
        while let Some(produced) = self.slots.front_mut().and_then(|slot| slot.done.take()) {
            let Some(slot) = self.slots.pop_front() else {
                break;
            };
            self.ahead -= 1;
            advance.next = Some(slot.offset + 1);
            advance.records += 1;
            advance.bytes += slot.size;
            advance.counted += u64::from(slot.counts);
            if !produced.is_empty() {
                advance.produced.push((slot.offset, produced));
            }
        }
        advance
    }
}

impl Window {
    /// The first that is not done.
    pub(super) fn first(&self) -> Option<i64> {
        self.slots.front().map(|slot| slot.offset)
    }

    /// Which ones after it are, by their distances from this offset; `None` when none is.
    pub(super) fn ahead_of(&self, offset: i64) -> Option<Ahead> {
        if self.ahead == 0 {
            return None;
        }
        let done = self.slots.iter().filter(|slot| slot.done.is_some());
        Some(Ahead::of(done.map(|slot| slot.offset - offset)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(topic: &str) -> Vec<OutgoingRecord> {
        vec![OutgoingRecord {
            topic: topic.to_owned(),
            ..OutgoingRecord::default()
        }]
    }

    #[test]
    fn only_what_has_no_gap_counts() {
        let mut window = Window::default();
        // Compaction and transactions leave holes.
        for offset in [3, 4, 9] {
            window.open(offset, 10, offset != 4);
        }
        assert_eq!(window.done(4, output("b")), Advance::default());
        let expected = Advance {
            next: Some(5),
            records: 2,
            bytes: 20,
            counted: 1,
            produced: vec![(3, output("a")), (4, output("b"))],
        };
        assert_eq!(window.done(3, output("a")), expected);
        assert_eq!(window.done(9, Vec::new()).next, Some(10));
        assert!(window.slots.is_empty());
    }

    #[test]
    fn an_offset_that_is_not_in_it_changes_nothing() {
        let mut window = Window::default();
        window.open(3, 10, true);
        assert_eq!(window.done(7, Vec::new()), Advance::default());
        assert_eq!(window.done(3, Vec::new()).next, Some(4));
        assert_eq!(window.done(3, Vec::new()), Advance::default());
    }
}
