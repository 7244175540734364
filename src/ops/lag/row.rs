//! What is shown of a group in a partition.

use super::Snapshot;
use crate::model::lag::PartitionLag;
use serde::Serialize;
use std::cmp::Reverse;
use std::str::FromStr;

/// How rows are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Group, topic, partition.
    #[default]
    Name,
    /// The greatest lag first, and before it what is unknown.
    Lag,
    /// The oldest unread record first, and before it what is unknown.
    Time,
}

impl FromStr for Sort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "name" => Ok(Sort::Name),
            "lag" => Ok(Sort::Lag),
            "time" => Ok(Sort::Time),
            _ => Err("rows are sorted by `name`, `lag` or `time`".to_owned()),
        }
    }
}

/// A group in a partition: the lag, and what else is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LagRow {
    #[serde(flatten)]
    pub partition: PartitionLag,
    /// The lag without offsets that are known to hold nothing to read: records that were deleted unread, and, where it
    /// was looked, the markers of transactions.
    pub effective_lag: Option<i64>,
    /// See [`PartitionLag::retention_at_risk`].
    pub retention_at_risk: bool,
    /// The age of the record at the committed offset, in milliseconds; 0 when nothing is left to read, `None` when it was
    /// not asked for or could not be learnt.
    pub time_lag_ms: Option<i64>,
    /// Why the partition did not tell its offsets.
    pub error: Option<String>,
}

impl LagRow {
    /// Where an unknown lag stands among the known ones: before them, but for an empty log without a commit.
    fn worst(&self) -> (bool, i64) {
        let lag = self.effective_lag.unwrap_or(0);
        (self.partition.is_unknown(), lag)
    }
}

/// The rows of a look, by name.
pub(super) fn rows(snapshot: &Snapshot) -> Vec<LagRow> {
    let row = |partition: &PartitionLag| {
        let place = partition.topic_partition();
        let error = match snapshot.unanswered.get(&place) {
            None if snapshot.gone.contains(&place.topic) => {
                Some(format!("topic `{}` does not exist", place.topic))
            }
            reason => reason.cloned(),
        };
        LagRow {
            effective_lag: partition.remaining(),
            retention_at_risk: partition.retention_at_risk(),
            time_lag_ms: None,
            error,
            partition: partition.clone(),
        }
    };
    snapshot.rows.iter().map(row).collect()
}

/// Rows that are sorted by name, in another order; equal ones stay by name.
pub(super) fn sort(rows: &mut [LagRow], by: Sort) {
    match by {
        Sort::Name => {}
        Sort::Lag => rows.sort_by_key(|row| Reverse(row.worst())),
        Sort::Time => rows.sort_by_key(|row| {
            let is_unknown = row.time_lag_ms.is_none() && row.worst() != (false, 0);
            (Reverse((is_unknown, row.time_lag_ms)), Reverse(row.worst()))
        }),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::lag::compute;
    use crate::model::topic::TopicPartition;
    use std::collections::{BTreeMap, BTreeSet};

    /// Of group `payment` in topic `orders`, whose log starts at 0.
    pub(in crate::ops::lag) fn row(
        partition: i32,
        committed: Option<i64>,
        end: Option<i64>,
    ) -> LagRow {
        let place = TopicPartition::new("orders", partition);
        let of = |offset: Option<i64>| {
            let known = offset.map(|offset| (place.clone(), offset));
            known.into_iter().collect()
        };
        let committed = BTreeMap::from([(place.clone(), committed)]);
        let snapshot = Snapshot {
            rows: compute("payment", &committed, &of(end.map(|_| 0)), &of(end)),
            described: BTreeMap::new(),
            unread: BTreeSet::new(),
            groups: Vec::new(),
            topics: Vec::new(),
            extents: BTreeMap::new(),
            gone: BTreeSet::new(),
            unanswered: BTreeMap::new(),
            failures: Vec::new(),
        };
        rows(&snapshot).remove(0)
    }

    fn order(mut rows: Vec<LagRow>, by: Sort) -> Vec<i32> {
        sort(&mut rows, by);
        rows.iter().map(|row| row.partition.partition).collect()
    }

    #[test]
    fn the_worst_first_and_unknown_is_worse_than_known() {
        let rows = vec![
            row(0, Some(5), Some(5)),
            row(1, Some(2), Some(5)),
            row(2, None, Some(5)),
            row(3, None, Some(0)),
            row(4, Some(1), None),
            row(5, Some(0), Some(500)),
            row(6, Some(497), Some(500)),
        ];
        assert_eq!(order(rows.clone(), Sort::Name), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(order(rows.clone(), Sort::Lag), [2, 4, 5, 1, 6, 0, 3]);
        let mut timed = rows;
        timed[0].time_lag_ms = Some(0);
        timed[1].time_lag_ms = Some(9000);
        timed[6].time_lag_ms = Some(70);
        assert_eq!(order(timed, Sort::Time), [2, 4, 5, 1, 6, 0, 3]);
    }

    #[test]
    fn keys_of_a_row() {
        let row = serde_json::to_value(row(0, Some(2), Some(5))).unwrap();
        let expected = serde_json::json!({
            "group": "payment", "topic": "orders", "partition": 0, "committed": 2, "start": 0, "end": 5,
            "lag": 3, "lost": 0, "ahead": 0, "effectiveLag": 3, "retentionAtRisk": false, "timeLagMs": null, "error": null,
        });
        assert_eq!(row, expected);
    }
}
