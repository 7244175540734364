//! The transactions of one partition: which are open, and which were aborted, so that readers of committed records pass
//! over theirs (KIP-98; Kafka's `ProducerStateManager` and transaction index).

use std::collections::HashMap;

/// A transaction that was aborted in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Aborted {
    pub(crate) producer_id: i64,
    /// Offset of its first record.
    pub(crate) first_offset: i64,
    /// Offset of its marker.
    last_offset: i64,
    /// The last stable offset once it had ended: every transaction that began before has ended by then.
    last_stable: i64,
}

impl Aborted {
    /// Whether a batch of its producer's at `offset` is a part of it.
    pub(crate) fn holds(&self, offset: i64) -> bool {
        (self.first_offset..self.last_offset).contains(&offset)
    }
}

/// The transactions of a partition.
#[derive(Debug, Default)]
pub(crate) struct Ongoing {
    /// Offset of the first record of each open one, by producer.
    open: HashMap<i64, i64>,
    /// The smallest of these.
    first_open: Option<i64>,
    /// In the order of their markers.
    aborted: Vec<Aborted>,
}

impl Ongoing {
    /// A record of this producer's transaction was written at `offset`.
    pub(crate) fn written(&mut self, producer_id: i64, offset: i64) {
        self.open.entry(producer_id).or_insert(offset);
        self.first_open = self.first_open.or(Some(offset));
    }

    /// The marker of this producer's transaction was written at `offset`, the last of the log.
    pub(crate) fn ended(&mut self, producer_id: i64, committed: bool, offset: i64) {
        let Some(first_offset) = self.open.remove(&producer_id) else {
            return;
        };
        self.first_open = self.open.values().copied().min();
        if !committed {
            self.aborted.push(Aborted {
                producer_id,
                first_offset,
                last_offset: offset,
                last_stable: self.last_stable(offset + 1),
            });
        }
    }

    /// The offset of the first record of this producer's open transaction.
    pub(crate) fn began_at(&self, producer_id: i64) -> Option<i64> {
        self.open.get(&producer_id).copied()
    }

    /// The last stable offset of a log that ends at `end`: no open transaction has a record before it.
    pub(crate) fn last_stable(&self, end: i64) -> i64 {
        self.first_open.unwrap_or(end)
    }

    /// The aborted transactions that have a record from `offset` to before `until`.
    pub(crate) fn aborted(&self, offset: i64, until: i64) -> Vec<Aborted> {
        let from = self.aborted.partition_point(|one| one.last_offset < offset);
        let mut found = Vec::new();
        for one in &self.aborted[from..] {
            if one.first_offset < until {
                found.push(*one);
            }
            if one.last_stable >= until {
                break;
            }
        }
        found
    }

    /// Forgets the aborted ones that ended before `end`: cleaning has taken their records away.
    pub(crate) fn forget_aborted_before(&mut self, end: i64) {
        self.aborted.retain(|one| one.last_offset >= end);
    }

    /// Forgets those whose records are all before `start`.
    pub(crate) fn forget_before(&mut self, start: i64) {
        let gone = self.aborted.partition_point(|one| one.last_offset < start);
        self.aborted.drain(..gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_open_transaction_holds_the_stable_offset() {
        let mut ongoing = Ongoing::default();
        assert_eq!(ongoing.last_stable(9), 9);
        ongoing.written(1, 10);
        ongoing.written(2, 12);
        ongoing.written(1, 14);
        assert_eq!(
            (ongoing.last_stable(16), ongoing.began_at(2)),
            (10, Some(12))
        );
        ongoing.ended(1, true, 16);
        assert_eq!(ongoing.last_stable(17), 12);
        ongoing.ended(2, false, 17);
        assert_eq!(ongoing.last_stable(18), 18);
        assert_eq!(ongoing.began_at(2), None);
        // Its marker comes again: nothing was open.
        ongoing.ended(2, false, 18);
        assert_eq!(ongoing.aborted(0, 100).len(), 1);
    }

    #[test]
    fn readers_hear_of_the_aborted_ones_they_meet() {
        let mut ongoing = Ongoing::default();
        for producer in 0..5 {
            ongoing.written(producer, producer * 10);
            ongoing.ended(producer, producer == 2, producer * 10 + 5);
        }
        let met = |offset, until| -> Vec<i64> {
            let aborted = ongoing.aborted(offset, until);
            aborted.iter().map(|one| one.producer_id).collect()
        };
        assert_eq!(met(0, 50), [0, 1, 3, 4]);
        assert_eq!(met(5, 10), [0]);
        assert_eq!(met(6, 11), [1]);
        assert_eq!(met(16, 30), Vec::<i64>::new());
        ongoing.forget_before(16);
        assert_eq!(ongoing.aborted(0, 50).len(), 2);
    }

    #[test]
    fn a_long_transaction_is_met_behind_short_ones() {
        let mut ongoing = Ongoing::default();
        ongoing.written(9, 0);
        for producer in 0..3 {
            ongoing.written(producer, producer * 10 + 1);
            ongoing.ended(producer, false, producer * 10 + 5);
        }
        ongoing.ended(9, false, 30);
        let aborted = ongoing.aborted(0, 1);
        assert_eq!(aborted.len(), 1);
        assert_eq!(aborted[0].producer_id, 9);
    }
}
