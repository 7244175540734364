//! Whether records of a dead letter's key were written behind it since it failed: to put it back then is to overtake them.
//!
//! Filled in three steps: each dead letter's coordinates, and what is asked ([`Deaths`]); the records of the partitions that
//! the letters came from ([`NewerRecords::see`]); the answers ([`NewerRecords::newer`]). Keys and groups are kept as keyed
//! hashes, so a letter takes 48 bytes, whatever is in it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// Letters that there is room for at once: what grows leaves holes behind.
const ROOM: usize = 1 << 20;

/// As what a record of a partition counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Of a copy that a replay put back: that of the record which died.
    pub offset: i64,
    /// How often it was put back before.
    pub replays: u32,
}

/// One that died. The same record may have died again after each time it was put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Death {
    offset: i64,
    context: u32,
    replays: u32,
}

/// What is asked: the newest record of this key in this partition, but for those that the group gave up.
#[derive(Clone, Copy, Debug)]
struct Asked {
    key: u64,
    /// As what the newest counts; the least number while there is none.
    newest: i64,
    /// The offset it really has.
    at: i64,
    context: u32,
}

impl Asked {
    fn order(&self) -> (u64, u32) {
        (self.key, self.context)
    }
}

/// A partition with a group, by number: there are few of them.
#[derive(Debug, Default)]
struct Contexts {
    numbers: HashMap<(u32, u64), u32>,
    /// By number: the partition.
    places: Vec<u32>,
}

impl Contexts {
    fn number(&mut self, place: u32, group: u64) -> u32 {
        let next = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry((place, group)).or_insert(next);
        if number == next {
            self.places.push(place);
        }
        number
    }

    fn is_of(&self, number: u32, place: u32) -> bool {
        let at = usize::try_from(number).ok();
        at.and_then(|at| self.places.get(at)) == Some(&place)
    }
}

/// What is known before any partition is read. Partitions are numbered by whoever asks.
#[derive(Debug, Default)]
pub struct Deaths {
    hasher: RandomState,
    contexts: Contexts,
    deaths: Vec<Death>,
    asked: Vec<Asked>,
}

impl Deaths {
    /// For about so many letters.
    pub fn of(letters: usize) -> Self {
        Deaths {
            deaths: Vec::with_capacity(letters.min(ROOM)),
            asked: Vec::with_capacity(letters.min(ROOM)),
            ..Deaths::default()
        }
    }

    /// A letter says that this record died in the hands of this group, after so many replays.
    pub fn died(&mut self, place: u32, died: Standing, group: Option<&str>) {
        let group = self.hasher.hash_one(group);
        self.deaths.push(Death {
            offset: died.offset,
            context: self.contexts.number(place, group),
            replays: died.replays,
        });
    }

    /// It is to be known which record of this key is the newest there, for a letter of this group.
    pub fn ask(&mut self, place: u32, key: &[u8], group: Option<&str>) {
        let group = self.hasher.hash_one(group);
        self.asked.push(Asked {
            key: self.hasher.hash_one(key),
            newest: i64::MIN,
            at: i64::MIN,
            context: self.contexts.number(place, group),
        });
    }

    /// Everything is told.
    pub fn sorted(mut self) -> NewerRecords {
        self.deaths.sort_unstable();
        self.deaths.dedup();
        self.asked.sort_unstable_by_key(Asked::order);
        self.asked
            .dedup_by(|one, other| one.order() == other.order());
        NewerRecords(self)
    }
}

/// The newest record of each key that was asked for.
#[derive(Debug)]
pub struct NewerRecords(Deaths);

impl NewerRecords {
    /// A record of a partition; `standing` is asked only where its key matters.
    pub fn see(
        &mut self,
        place: u32,
        offset: i64,
        key: &[u8],
        standing: impl FnOnce() -> Standing,
    ) {
        let key = self.0.hasher.hash_one(key);
        let first = self.0.asked.partition_point(|asked| asked.key < key);
        let Deaths {
            contexts,
            deaths,
            asked,
            ..
        } = &mut self.0;
        let of_key = asked.iter_mut().skip(first);
        let of_key = of_key.take_while(|asked| asked.key == key);
        let mut same = of_key
            .filter(|asked| contexts.is_of(asked.context, place))
            .peekable();
        if same.peek().is_none() {
            return;
        }
        let standing = standing();
        for asked in same {
            let copy = Death {
                offset: standing.offset,
                context: asked.context,
                replays: standing.replays,
            };
            // By the coordinates it has itself, which most frameworks write down; else as the copy that it is.
            let is_dead =
                has_any(deaths, offset, asked.context) || deaths.binary_search(&copy).is_ok();
            if !is_dead && standing.offset > asked.newest {
                (asked.newest, asked.at) = (standing.offset, offset);
            }
        }
    }

    /// The offset of the newest record of this key in this partition that the group did not give up, if that is newer than
    /// the one which died at `offset`. `None`: it was not asked, and nobody knows.
    pub fn newer(
        &self,
        place: u32,
        offset: i64,
        key: &[u8],
        group: Option<&str>,
    ) -> Option<Option<i64>> {
        let hasher = &self.0.hasher;
        let context = (place, hasher.hash_one(group));
        let context = *self.0.contexts.numbers.get(&context)?;
        let order = (hasher.hash_one(key), context);
        let asked = &self.0.asked;
        let at = asked.binary_search_by_key(&order, Asked::order).ok()?;
        Some((asked[at].newest > offset).then_some(asked[at].at))
    }
}

/// Whether the record at this offset died, after however many replays.
fn has_any(deaths: &[Death], offset: i64, context: u32) -> bool {
    let wanted = (offset, context);
    let at = deaths.partition_point(|death| (death.offset, death.context) < wanted);
    let found = deaths.get(at);
    found.is_some_and(|death| (death.offset, death.context) == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYMENT: Option<&str> = Some("payment");

    fn first(offset: i64) -> Standing {
        Standing { offset, replays: 0 }
    }

    /// One letter of key `k`, which died at 10 in partition 0, after the others that are told.
    fn asked(others: impl Fn(&mut Deaths)) -> NewerRecords {
        let mut deaths = Deaths::default();
        deaths.died(0, first(10), PAYMENT);
        others(&mut deaths);
        deaths.ask(0, b"k", PAYMENT);
        deaths.sorted()
    }

    fn newer(records: &NewerRecords) -> Option<i64> {
        records.newer(0, 10, b"k", PAYMENT).unwrap()
    }

    #[test]
    fn a_newer_record_is_one_behind_it_with_its_key() {
        let mut records = asked(|_| {});
        let unasked = || panic!("nobody asks for this key here");
        records.see(0, 11, b"other", unasked);
        records.see(1, 12, b"k", unasked);
        records.see(0, 9, b"k", || first(9));
        records.see(0, 10, b"k", || first(10));
        assert_eq!(newer(&records), None);
        records.see(0, 20, b"k", || first(20));
        records.see(0, 15, b"k", || first(15));
        assert_eq!(newer(&records), Some(20));
        assert_eq!(records.newer(0, 19, b"k", PAYMENT), Some(Some(20)));
        assert_eq!(records.newer(0, 20, b"k", PAYMENT), Some(None));
        assert_eq!(records.newer(0, 10, b"k", None), None, "was not asked for");
    }

    #[test]
    fn what_the_same_group_gave_up_is_not_newer_and_what_another_did_is() {
        let mut records = asked(|deaths| {
            deaths.died(0, first(20), PAYMENT);
            deaths.died(0, first(21), Some("billing"));
            deaths.died(1, first(22), PAYMENT);
        });
        records.see(0, 20, b"k", || first(20));
        assert_eq!(newer(&records), None);
        records.see(0, 21, b"k", || first(21));
        assert_eq!(newer(&records), Some(21));
        records.see(0, 22, b"k", || first(22));
        assert_eq!(newer(&records), Some(22), "it died in another partition");
    }

    #[test]
    fn a_copy_counts_as_what_it_is_a_copy_of() {
        let copy = |offset, replays| Standing { offset, replays };
        let mut records = asked(|_| {});
        // An older one of the key, and this one itself.
        records.see(0, 30, b"k", || copy(5, 1));
        records.see(0, 31, b"k", || copy(10, 1));
        assert_eq!(newer(&records), None);
        records.see(0, 32, b"k", || copy(20, 1));
        assert_eq!(newer(&records), Some(32), "where it really is");
        // One that died again: its letter has the first coordinates, and the count of the copy.
        let died_again = |deaths: &mut Deaths| {
            deaths.died(0, first(20), PAYMENT);
            deaths.died(0, copy(20, 1), PAYMENT);
        };
        let mut records = asked(died_again);
        records.see(0, 20, b"k", || first(20));
        records.see(0, 32, b"k", || copy(20, 1));
        assert_eq!(newer(&records), None);
        records.see(0, 33, b"k", || copy(20, 2));
        assert_eq!(newer(&records), Some(33), "this one lives");
        // Who writes down the copy's own coordinates.
        let mut records = asked(|deaths| deaths.died(0, first(32), PAYMENT));
        records.see(0, 32, b"k", || copy(20, 1));
        assert_eq!(newer(&records), None);
    }

    #[test]
    fn a_letter_takes_few_bytes() {
        assert!(size_of::<Death>() + size_of::<Asked>() <= 48);
        let mut deaths = Deaths::of(usize::MAX);
        for _ in 0..3 {
            deaths.died(0, first(1), PAYMENT);
            deaths.ask(0, b"k", PAYMENT);
        }
        let records = deaths.sorted();
        assert_eq!((records.0.deaths.len(), records.0.asked.len()), (1, 1));
    }
}
