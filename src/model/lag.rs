//! How far groups are behind: a pure function of what they committed and where the logs start and end.
//!
//! - [`trend`]: what successive looks at one partition tell: rates, time left, status; - [`status`]: Burrow's rules;
//! - [`sparkline`]: the lag's course in a few characters.

pub mod sparkline;
pub mod status;
pub mod trend;

use super::topic::TopicPartition;
use serde::Serialize;
use std::collections::BTreeMap;

/// How far one group is behind in one partition. Offsets are those of the next record to read or to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PartitionLag {
    pub group: String,
    pub topic: String,
    pub partition: i32,
    /// `None`: the group never committed here.
    pub committed: Option<i64>,
    /// The first offset still there; `None` when it could not be learnt.
    pub start: Option<i64>,
    /// One past the last offset; `None` when it could not be learnt.
    pub end: Option<i64>,
    /// Records still to be read; `None` when there is no commit, or no known end, to count from.
    pub lag: Option<i64>,
    /// Records that were deleted before the group read them.
    pub lost: i64,
    /// How far the commit is past the end: the topic was made anew, or its log cut off. What is in it now was never
    /// read, and where a consumer begins is up to its `auto.offset.reset`.
    pub ahead: i64,
}

/// A log shorter than this is no reason to worry about retention: it is gone, and read, in a moment.
const TRIVIAL_LOG: i64 = 100;

impl PartitionLag {
    /// The partition it speaks of.
    pub fn topic_partition(&self) -> TopicPartition {
        TopicPartition::new(self.topic.as_str(), self.partition)
    }

    /// The offset from which the group can still read: its commit, or the log's start where that is later.
    pub fn position(&self) -> Option<i64> {
        let committed = self.committed?;
        Some(self.start.map_or(committed, |start| committed.max(start)))
    }

    /// The lag without what was deleted unread: a group cannot catch up with records that are gone.
    pub fn remaining(&self) -> Option<i64> {
        let (position, end) = self.position().zip(self.end)?;
        Some(end.saturating_sub(position).max(0))
    }

    /// Whether the lag is unknown though there may be records: no commit in a log that is not known to be empty, or
    /// an offset that could not be learnt.
    pub fn is_unknown(&self) -> bool {
        let is_empty = self.start.is_some() && self.start == self.end;
        self.lag.is_none() && !is_empty
    }

    /// Whether records are about to be deleted unread: the group stands in the oldest tenth of what is left of a log
    /// (`lag / (end - start)` is 0.9 or more), and the head of that log was deleted before (its start is past 0), so
    /// that something deletes there. Not for a log of less than a hundred offsets. A young or compacted log that still
    /// has its first record says nothing about retention, however far behind the group is.
    pub fn retention_at_risk(&self) -> bool {
        let (Some(committed), Some(start), Some(end)) = (self.committed, self.start, self.end)
        else {
            return false;
        };
        let log = end.saturating_sub(start);
        let lag = end.saturating_sub(committed);
        let is_near = lag.saturating_mul(10) >= log.saturating_mul(9);
        start > 0 && log >= TRIVIAL_LOG && committed >= start && is_near
    }
}

/// The lag in all these partitions together; `None` when it is unknown in one that may hold records.
pub fn total<'a>(rows: impl IntoIterator<Item = &'a PartitionLag>) -> Option<i64> {
    let lag = |row: &PartitionLag| (!row.is_unknown()).then(|| row.lag.unwrap_or(0));
    rows.into_iter().map(lag).sum()
}

/// The lag of `group` in every partition that `committed` names, sorted by topic and partition.
///
/// A partition without a commit has no lag, rather than one counted from the log's start: what a new member
/// would read there depends on its `auto.offset.reset`. A commit past the end is lag 0, and [`PartitionLag::ahead`] of it.
pub fn compute(
    group: &str,
    committed: &BTreeMap<TopicPartition, Option<i64>>,
    starts: &BTreeMap<TopicPartition, i64>,
    ends: &BTreeMap<TopicPartition, i64>,
) -> Vec<PartitionLag> {
    let of_partition = |(partition, committed): (&TopicPartition, &Option<i64>)| {
        let start = starts.get(partition).copied();
        let end = ends.get(partition).copied();
        let lag = committed
            .zip(end)
            .map(|(committed, end)| end.saturating_sub(committed).max(0));
        let lost = start.zip(*committed).map_or(0, |(start, committed)| {
            start.saturating_sub(committed).max(0)
        });
        let ahead = committed
            .zip(end)
            .map_or(0, |(committed, end)| committed.saturating_sub(end).max(0));
        PartitionLag {
            group: group.to_owned(),
            topic: partition.topic.clone(),
            partition: partition.partition,
            committed: *committed,
            start,
            end,
            lag,
            lost,
            ahead,
        }
    };
    committed.iter().map(of_partition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_and_loss_follow_from_commit_start_and_end() {
        let cases = [
            // committed, start, end → lag, lost
            (Some(40), Some(0), Some(100), Some(60), 0),
            (Some(100), Some(0), Some(100), Some(0), 0),
            (Some(120), Some(0), Some(100), Some(0), 0),
            (Some(10), Some(25), Some(100), Some(90), 15),
            (Some(25), Some(25), Some(25), Some(0), 0),
            (Some(10), None, Some(100), Some(90), 0),
            (Some(10), Some(25), None, None, 15),
            (None, Some(25), Some(100), None, 0),
            (None, None, None, None, 0),
        ];
        for (committed, start, end, lag, lost) in cases {
            let partition = TopicPartition::new("order-created", 0);
            let of = |offset: Option<i64>| {
                offset
                    .map(|offset| (partition.clone(), offset))
                    .into_iter()
                    .collect()
            };
            let committed = BTreeMap::from([(partition.clone(), committed)]);
            let rows = compute("payment-service", &committed, &of(start), &of(end));
            assert_eq!(rows.len(), 1);
            assert_eq!((rows[0].lag, rows[0].lost), (lag, lost), "{rows:?}");
            assert_eq!(rows[0].topic_partition(), partition);
        }
    }

    #[test]
    fn a_total_is_known_when_it_is_known_wherever_there_are_records() {
        let known = row(Some(3), Some(0), Some(10));
        let untouched = row(None, Some(5), Some(5));
        let unread = row(None, Some(0), Some(4));
        let silent = row(None, None, None);
        let committed_and_silent = row(Some(7), None, None);
        assert_eq!(total([&known, &untouched]), Some(7));
        assert_eq!(total([&known, &known]), Some(14));
        assert_eq!(total([&known, &unread]), None);
        assert_eq!(total([&known, &silent]), None);
        assert_eq!(total([&known, &committed_and_silent]), None);
    }

    fn row(committed: Option<i64>, start: Option<i64>, end: Option<i64>) -> PartitionLag {
        let place = TopicPartition::new("order-created", 0);
        let of = |offset: Option<i64>| {
            let known = offset.map(|offset| (place.clone(), offset));
            known.into_iter().collect()
        };
        let committed = BTreeMap::from([(place.clone(), committed)]);
        compute("g", &committed, &of(start), &of(end)).remove(0)
    }

    #[test]
    fn what_was_deleted_is_nothing_to_catch_up_with() {
        let cases = [
            // committed, start, end → position, remaining, unknown
            (Some(40), Some(0), Some(100), Some(40), Some(60), false),
            (Some(10), Some(25), Some(100), Some(25), Some(75), false),
            (Some(10), Some(25), Some(25), Some(25), Some(0), false),
            (Some(10), None, Some(25), Some(10), Some(15), false),
            (Some(120), Some(0), Some(100), Some(120), Some(0), false),
            (None, Some(0), Some(100), None, None, true),
            (None, Some(7), Some(7), None, None, false),
            (None, None, None, None, None, true),
            (Some(10), Some(0), None, Some(10), None, true),
        ];
        for (committed, start, end, position, remaining, unknown) in cases {
            let row = row(committed, start, end);
            assert_eq!(row.position(), position, "{row:?}");
            assert_eq!(row.remaining(), remaining, "{row:?}");
            assert_eq!(row.is_unknown(), unknown, "{row:?}");
        }
    }

    #[test]
    fn retention_is_a_risk_where_something_deletes_and_the_group_is_near_the_start() {
        let cases = [
            (Some(1000), 1000, 2000, true, "at the start"),
            (Some(1100), 1000, 2000, true, "in the oldest tenth"),
            (Some(1101), 1000, 2000, false, "past it"),
            (Some(0), 0, 2000, false, "nothing was ever deleted"),
            (Some(900), 1000, 2000, false, "already lost, which is worse"),
            (Some(1000), 1000, 1099, false, "a log of 99 offsets"),
            (Some(1000), 1000, 1100, true, "a log of 100 offsets"),
            (Some(2000), 1000, 2000, false, "caught up"),
            (Some(1000), 1000, 1000, false, "an empty log"),
            (None, 1000, 2000, false, "no commit"),
        ];
        for (committed, start, end, expected, why) in cases {
            let row = row(committed, Some(start), Some(end));
            assert_eq!(row.retention_at_risk(), expected, "{why}: {row:?}");
        }
        assert!(!row(Some(0), None, Some(1000)).retention_at_risk());
    }

    #[test]
    fn rows_are_sorted_and_only_what_the_group_has_is_shown() {
        let partition = TopicPartition::new;
        let committed = BTreeMap::from([
            (partition("b", 0), Some(1)),
            (partition("a", 10), None),
            (partition("a", 2), Some(1)),
        ]);
        let ends = BTreeMap::from([(partition("c", 0), 5), (partition("a", 2), 5)]);
        let rows = compute("g", &committed, &BTreeMap::new(), &ends);
        let shown: Vec<_> = rows
            .iter()
            .map(|row| row.topic_partition().to_string())
            .collect();
        assert_eq!(shown, ["a:2", "a:10", "b:0"]);
    }
}
