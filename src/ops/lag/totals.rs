//! A row a group: the sum over its partitions.

use super::LagReport;
use super::row::{LagRow, Sort};
use super::shown;
use crate::error::{Result, Status};
use crate::model::group::{GroupListing, GroupState};
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// A group in all its partitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupTotal {
    pub group: String,
    pub state: GroupState,
    /// `None`: KIP-848's group, of which the listing does not count them.
    pub members: Option<usize>,
    pub topics: usize,
    pub partitions: usize,
    /// The sum of the lags that are known; `None` when none is.
    pub lag: Option<i64>,
    pub effective_lag: Option<i64>,
    /// The greatest lag of a partition.
    pub max_lag: Option<i64>,
    /// Partitions whose lag is unknown though they may hold records.
    pub unknown: usize,
    pub lost: i64,
    /// Partitions that stand where the oldest records are deleted.
    pub retention_at_risk: usize,
    /// The age of the oldest unread record.
    pub time_lag_ms: Option<i64>,
}

/// A look at the lag, summed by group.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Totals {
    groups: Vec<GroupTotal>,
    #[serde(skip)]
    time: bool,
    #[serde(skip)]
    report: LagReport,
}

impl Totals {
    /// The sums of what was seen.
    pub fn of(report: LagReport, time: bool, by: Option<Sort>) -> Totals {
        let mut groups = totals(&report.rows, &report.groups);
        let unknown = |total: &GroupTotal| total.unknown > 0;
        match by.unwrap_or_default() {
            Sort::Name => {}
            Sort::Lag => groups.sort_by_key(|total| Reverse((unknown(total), total.lag))),
            Sort::Time => {
                groups.sort_by_key(|total| Reverse((unknown(total), total.time_lag_ms, total.lag)))
            }
        }
        Totals {
            groups,
            time,
            report,
        }
    }
}

/// A total for every group that has rows, by name.
fn totals(rows: &[LagRow], listings: &[GroupListing]) -> Vec<GroupTotal> {
    let listings: BTreeMap<&str, &GroupListing> = listings
        .iter()
        .map(|listing| (listing.id.as_str(), listing))
        .collect();
    let mut groups: BTreeMap<&str, Vec<&LagRow>> = BTreeMap::new();
    for row in rows {
        groups.entry(&row.partition.group).or_default().push(row);
    }
    let total = |(group, rows): (&str, Vec<&LagRow>)| {
        let listing = listings.get(group);
        let topics: BTreeSet<&str> = rows
            .iter()
            .map(|row| row.partition.topic.as_str())
            .collect();
        let lags = || rows.iter().filter_map(|row| row.partition.lag);
        GroupTotal {
            group: group.to_owned(),
            state: listing.map_or(GroupState::Unknown, |listing| listing.state),
            members: listing.and_then(|listing| listing.members),
            topics: topics.len(),
            partitions: rows.len(),
            lag: lags().reduce(i64::saturating_add),
            effective_lag: rows
                .iter()
                .filter_map(|row| row.effective_lag)
                .reduce(i64::saturating_add),
            max_lag: lags().max(),
            unknown: rows.iter().filter(|row| row.partition.is_unknown()).count(),
            lost: rows
                .iter()
                .fold(0, |lost, row| row.partition.lost.saturating_add(lost)),
            retention_at_risk: rows.iter().filter(|row| row.retention_at_risk).count(),
            time_lag_ms: rows.iter().filter_map(|row| row.time_lag_ms).max(),
        }
    };
    groups.into_iter().map(total).collect()
}

impl Report for Totals {
    fn table(&self) -> Table {
        let of_rows = self.report.table();
        let mut headers = vec![
            "GROUP",
            "STATE",
            "MEMBERS",
            "TOPICS",
            "PARTITIONS",
            "UNKNOWN",
            "MAX",
            "LAG",
        ];
        if self.time {
            headers.push("TIME");
        }
        let mut table = Table::new(&headers, of_rows.empty);
        for total in &self.groups {
            let tone = match total.lag {
                _ if total.lost > 0 => Tone::Bad,
                _ if total.retention_at_risk > 0 => Tone::Warn,
                Some(0) if total.unknown == 0 => Tone::Good,
                _ => Tone::Plain,
            };
            let unknown = match total.unknown {
                0 => Tone::Plain,
                _ => Tone::Warn,
            };
            let mut cells = vec![
                total.group.as_str().into(),
                total.state.name().into(),
                total.members.into(),
                total.topics.into(),
                total.partitions.into(),
                Cell::from(total.unknown).tone(unknown),
                total.max_lag.into(),
                Cell::from(total.lag).tone(tone),
            ];
            if self.time {
                cells.push(shown::age(total.time_lag_ms));
            }
            table.row(cells);
        }
        table.notes = of_rows.notes;
        table
    }

    fn status(&self) -> Result<Status> {
        self.report.status()
    }

    fn failures(&self) -> &[String] {
        self.report.failures()
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::row;
    use super::*;

    #[test]
    fn a_group_is_summed_over_what_is_known() {
        let mut lost = row(0, Some(1), Some(5));
        lost.partition.lost = 3;
        lost.time_lag_ms = Some(70);
        let mut other = row(1, Some(9), Some(10));
        other.time_lag_ms = Some(900);
        let rows = [lost, other, row(2, None, Some(4)), row(3, None, Some(0))];
        let mut listing = GroupListing::unlisted("payment");
        listing.state = GroupState::Stable;
        listing.members = Some(2);
        let expected = GroupTotal {
            group: "payment".to_owned(),
            state: GroupState::Stable,
            members: Some(2),
            topics: 1,
            partitions: 4,
            lag: Some(5),
            effective_lag: Some(5),
            max_lag: Some(4),
            unknown: 1,
            lost: 3,
            retention_at_risk: 0,
            time_lag_ms: Some(900),
        };
        assert_eq!(totals(&rows, &[listing]), [expected]);
        let unknown = totals(&[row(0, None, Some(4))], &[]);
        assert_eq!((unknown[0].lag, unknown[0].unknown), (None, 1));
    }
}
