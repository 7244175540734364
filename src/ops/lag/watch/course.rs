//! What was seen of every partition so far.

use super::super::{LagReport, LagRow};
use super::sample::{GroupRow, Seen, WatchedRow};
use crate::model::group::GroupListing;
use crate::model::lag::sparkline;
use crate::model::lag::status::GroupStatus;
use crate::model::lag::trend::{Eta, Trend};
use crate::model::topic::TopicPartition;
use crate::report::Report;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How many looks the course of a group's lag shows.
const COURSE: usize = 20;

/// The trends of all partitions, and the sums of all groups.
#[derive(Debug, Default)]
pub(super) struct Courses {
    partitions: BTreeMap<(String, TopicPartition), Trend>,
    groups: BTreeMap<String, VecDeque<Option<i64>>>,
}

impl Courses {
    /// Adds a look. What is in it no more is forgotten: should it come back, it is something new.
    pub(super) fn see(&mut self, at: Duration, report: LagReport) -> Seen {
        let mut partitions = std::mem::take(&mut self.partitions);
        let listings: BTreeMap<&str, &GroupListing> = report
            .groups
            .iter()
            .map(|listing| (listing.id.as_str(), listing))
            .collect();
        let mut rows = Vec::with_capacity(report.rows.len());
        let mut groups: BTreeMap<String, Vec<WatchedRow>> = BTreeMap::new();
        for row in &report.rows {
            let partition = &row.partition;
            let key = (partition.group.clone(), partition.topic_partition());
            let mut trend = partitions.remove(&key).unwrap_or_default();
            trend.see(at, partition, row.effective_lag);
            let listing = listings.get(partition.group.as_str());
            // A state that is not known may hide members: then it is no stop.
            let has_members = listing.is_none_or(|listing| listing.state.is_live());
            let watched = watched(row, &trend, has_members);
            groups
                .entry(partition.group.clone())
                .or_default()
                .push(watched.clone());
            rows.push(watched);
            self.partitions.insert(key, trend);
        }
        let mut courses = std::mem::take(&mut self.groups);
        let mut totals = Vec::with_capacity(groups.len());
        for (group, rows) in groups {
            let mut course = courses.remove(&group).unwrap_or_default();
            let lags = rows.iter().filter_map(|row| row.lag.effective_lag);
            if course.len() == COURSE {
                course.pop_front();
            }
            course.push_back(lags.reduce(i64::saturating_add));
            let listing = listings.get(group.as_str()).copied();
            totals.push(total(&group, listing, &rows, &course));
            self.groups.insert(group, course);
        }
        Seen {
            rows,
            groups: totals,
            failures: report.failures().to_vec(),
            empty: report.empty().to_owned(),
        }
    }

    /// Nothing could be seen.
    pub(super) fn gap(&mut self) {
        for trend in self.partitions.values_mut() {
            trend.gap();
        }
        for course in self.groups.values_mut() {
            if course.len() == COURSE {
                course.pop_front();
            }
            course.push_back(None);
        }
    }
}

fn watched(row: &LagRow, trend: &Trend, has_members: bool) -> WatchedRow {
    let eta = trend.eta();
    WatchedRow {
        lag: row.clone(),
        consumed_per_second: trend.consumed().map(thousandths),
        produced_per_second: trend.produced().map(thousandths),
        eta_ms: milliseconds(eta),
        catching_up: catching_up(eta),
        status: trend.status(has_members),
        course: trend.course(),
    }
}

fn total(
    group: &str,
    listing: Option<&GroupListing>,
    rows: &[WatchedRow],
    course: &VecDeque<Option<i64>>,
) -> GroupRow {
    let sum = |of: fn(&WatchedRow) -> Option<f64>| {
        let known = rows.iter().filter_map(of);
        known.reduce(|left, right| left + right).map(thousandths)
    };
    // The group has caught up when its slowest partition has.
    let catching_up: Option<Vec<bool>> = rows.iter().map(|row| row.catching_up).collect();
    let never = rows.iter().any(|row| row.catching_up == Some(false));
    let etas: Option<Vec<i64>> = rows.iter().map(|row| row.eta_ms).collect();
    let lags = |of: fn(&LagRow) -> Option<i64>| {
        let known = rows.iter().filter_map(|row| of(&row.lag));
        known.reduce(i64::saturating_add)
    };
    GroupRow {
        group: group.to_owned(),
        state: listing.map(|listing| listing.state),
        members: listing.and_then(|listing| listing.members),
        partitions: rows.len(),
        lag: lags(|row| row.partition.lag),
        effective_lag: lags(|row| row.effective_lag),
        unknown: rows
            .iter()
            .filter(|row| row.lag.partition.is_unknown())
            .count(),
        lost: rows
            .iter()
            .fold(0, |sum, row| row.lag.partition.lost.saturating_add(sum)),
        time_lag_ms: rows.iter().filter_map(|row| row.lag.time_lag_ms).max(),
        consumed_per_second: sum(|row| row.consumed_per_second),
        produced_per_second: sum(|row| row.produced_per_second),
        eta_ms: etas.and_then(|etas| etas.into_iter().max()),
        catching_up: match never {
            true => Some(false),
            false => catching_up.map(|_| true),
        },
        status: GroupStatus::of(rows.iter().map(|row| row.status)),
        course: sparkline::line(course.iter().copied()),
    }
}

fn milliseconds(eta: Eta) -> Option<i64> {
    match eta {
        Eta::In(length) => i64::try_from(length.as_millis()).ok(),
        Eta::Never | Eta::Unknown => None,
    }
}

fn catching_up(eta: Eta) -> Option<bool> {
    match eta {
        Eta::In(_) => Some(true),
        Eta::Never => Some(false),
        Eta::Unknown => None,
    }
}

/// More digits than that are noise of the clock.
fn thousandths(rate: f64) -> f64 {
    (rate * 1000.0).round() / 1000.0
}
