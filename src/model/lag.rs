//! How far groups are behind: a pure function of what they committed and where the logs start and end.

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
}

impl PartitionLag {
    /// The partition it speaks of.
    pub fn topic_partition(&self) -> TopicPartition {
        TopicPartition::new(self.topic.as_str(), self.partition)
    }
}

/// The lag of `group` in every partition that `committed` names, sorted by topic and partition.
///
/// A partition without a commit has no lag, rather than one counted from the log's start: what a new member
/// would read there depends on its `auto.offset.reset`. A commit past the end (the topic was created anew) is lag 0.
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
        PartitionLag {
            group: group.to_owned(),
            topic: partition.topic.clone(),
            partition: partition.partition,
            committed: *committed,
            start,
            end,
            lag,
            lost,
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
