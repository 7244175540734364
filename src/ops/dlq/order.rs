//! `--order`: in which order letters are put back.

use super::died;
use super::resolve::Resolved;
use crate::error::{Error, Result};
use crate::model::record::Record;
use std::str::FromStr;

/// Letters that can be sorted, which is done in memory, and the bytes of them.
pub(super) const LETTERS: u64 = 100_000;
pub(super) const BYTES: u64 = 64 * 1024 * 1024;

/// The order in which letters are put back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Each partition of the dead-letter topic in its own.
    #[default]
    Partition,
    /// By the place they came from, so that each key's come as they were produced.
    Key,
    /// By the time of the record that died, over all partitions.
    Timestamp,
}

impl Order {
    /// The words for them.
    pub const NAMES: [&str; 3] = ["partition", "key", "timestamp"];

    /// The word for it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Where a letter belongs.
    pub(super) fn rank(self, record: &Record, resolved: &Resolved) -> Rank {
        let origin = died::origin(resolved);
        let origin = origin.as_deref();
        let own = record.timestamp.map(|(milliseconds, _)| milliseconds);
        let place = || {
            let origin = origin?;
            Some(Place {
                topic: origin.topic.as_deref()?.into(),
                partition: origin.partition?,
                offset: origin.offset?,
            })
        };
        let time = || origin.and_then(|origin| origin.timestamp).or(own);
        match self {
            Order::Partition => Rank::default(),
            Order::Key => Rank::of(None, place()),
            // Records of the same millisecond keep the order of their partition.
            Order::Timestamp => match time() {
                Some(time) => Rank::of(Some(time), place()),
                None => Rank::default(),
            },
        }
    }
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Order::Partition, Order::Key, Order::Timestamp];
        let named = all.into_iter().find(|one| one.name() == text);
        named.ok_or_else(|| format!("`{text}` is none of {}", Self::NAMES.join(", ")))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    topic: Box<str>,
    partition: i32,
    offset: i64,
}

/// Where a letter belongs among others. What does not say it comes last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    is_unknown: bool,
    time: Option<i64>,
    has_no_place: bool,
    place: Option<Place>,
}

impl Rank {
    fn of(time: Option<i64>, place: Option<Place>) -> Self {
        Rank {
            is_unknown: time.is_none() && place.is_none(),
            time,
            has_no_place: place.is_none(),
            place,
        }
    }
}

impl Default for Rank {
    fn default() -> Self {
        Rank::of(None, None)
    }
}

/// Refuses what is too much to be sorted.
///
/// # Errors
/// More letters than [`LETTERS`], or more bytes of them than [`BYTES`].
pub(super) fn check(order: Order, letters: u64, bytes: u64) -> Result<()> {
    if letters <= LETTERS && bytes <= BYTES {
        return Ok(());
    }
    let text = format!(
        "`--order {}` sorts no more than {LETTERS} dead letters, or 64 MiB of them, at once, and these are more",
        order.name()
    );
    Err(Error::failed(text).hint("take a part of them: `-n`, `--since`, `--until`, `--origin`, …"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(topic: &str, partition: i32, offset: i64) -> Option<Place> {
        Some(Place {
            topic: topic.into(),
            partition,
            offset,
        })
    }

    #[test]
    fn what_does_not_say_where_it_belongs_comes_last() {
        let by_place = [
            Rank::of(None, place("a", 1, 9)),
            Rank::of(None, place("a", 2, 0)),
            Rank::of(None, place("a", 2, 1)),
            Rank::of(None, place("b", 0, 0)),
            Rank::default(),
        ];
        assert!(by_place.is_sorted());
        assert_ne!(by_place[3].cmp(&by_place[4]), std::cmp::Ordering::Equal);
        let by_time = [
            Rank::of(Some(-1), place("b", 0, 0)),
            Rank::of(Some(5), place("a", 0, 7)),
            Rank::of(Some(5), place("a", 0, 8)),
            Rank::of(Some(5), None),
            Rank::of(Some(6), place("a", 0, 0)),
            Rank::default(),
        ];
        assert!(by_time.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn what_is_too_much_is_refused_with_a_way_out() {
        assert!(check(Order::Key, LETTERS, BYTES).is_ok());
        for (letters, bytes) in [(LETTERS + 1, 0), (0, BYTES + 1)] {
            let error = check(Order::Timestamp, letters, bytes).unwrap_err();
            let text = error.message();
            assert!(
                text.starts_with("`--order timestamp` sorts no more than 100000"),
                "{text}"
            );
        }
    }

    #[test]
    fn the_names_are_the_names() {
        for name in Order::NAMES {
            assert_eq!(name.parse::<Order>().unwrap().name(), name);
        }
        assert!("topic".parse::<Order>().is_err());
    }
}
