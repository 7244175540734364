//! One sample of a watch: what was seen, or why nothing was.

use super::super::{LagRow, Sort};
use super::WatchRequest;
use crate::error::Error;
use crate::model::group::GroupState;
use crate::model::lag::status::{GroupStatus, PartitionStatus};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::time::Duration;

/// A group in a partition, and how it has been doing.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WatchedRow {
    #[serde(flatten)]
    pub lag: LagRow,
    /// Offsets committed a second, over the last ten samples.
    pub consumed_per_second: Option<f64>,
    /// Offsets written a second, over the last ten samples.
    pub produced_per_second: Option<f64>,
    /// How long until it has caught up; `None` when that is not known, or never.
    pub eta_ms: Option<i64>,
    /// `Some(false)`: it never will, as things go.
    pub catching_up: Option<bool>,
    pub status: Option<PartitionStatus>,
    /// The course of the lag, as a sparkline.
    #[serde(skip)]
    pub course: String,
}

/// A group in all its partitions.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupRow {
    pub group: String,
    pub state: Option<GroupState>,
    pub members: Option<usize>,
    pub partitions: usize,
    pub lag: Option<i64>,
    pub effective_lag: Option<i64>,
    pub unknown: usize,
    pub lost: i64,
    pub time_lag_ms: Option<i64>,
    pub consumed_per_second: Option<f64>,
    pub produced_per_second: Option<f64>,
    pub eta_ms: Option<i64>,
    pub catching_up: Option<bool>,
    pub status: Option<GroupStatus>,
    #[serde(skip)]
    pub course: String,
}

/// What a look found, with what came before it taken into account.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) rows: Vec<WatchedRow>,
    pub(super) groups: Vec<GroupRow>,
    pub(super) failures: Vec<String>,
    /// Why there are no rows, where there are none.
    pub(super) empty: String,
}

/// Why nothing is seen, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outage {
    pub kind: &'static str,
    pub message: String,
    #[serde(serialize_with = "time")]
    pub since: Timestamp,
    /// The innermost cause: it fits on a line.
    #[serde(skip)]
    pub(super) reason: String,
}

impl Outage {
    pub(super) fn new(since: Timestamp, error: &Error) -> Outage {
        Outage {
            kind: error.kind().name(),
            message: error.one_line(),
            since,
            reason: error.causes().pop().unwrap_or_else(|| error.one_line()),
        }
    }
}

/// One sample. As JSON `{time, rows, groups, failures, error}`; during an outage rows and groups are empty, for they are
/// not known, and `error` says why.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    #[serde(serialize_with = "time")]
    pub time: Timestamp,
    pub rows: Vec<WatchedRow>,
    pub groups: Vec<GroupRow>,
    /// What else could not be learnt.
    pub failures: Vec<String>,
    pub error: Option<Outage>,
    #[serde(skip)]
    pub(super) empty: String,
    /// What was seen before an outage, and when; for people.
    #[serde(skip)]
    pub(super) before: Option<Box<Sample>>,
    #[serde(skip)]
    pub(super) style: Style,
}

/// How it is shown to people.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) total: bool,
    pub(super) time: bool,
    pub(super) sort: Sort,
    pub(super) interval: Duration,
}

impl Sample {
    pub(super) fn of(time: Timestamp, request: &WatchRequest, seen: Seen) -> Sample {
        Sample {
            time,
            rows: seen.rows,
            groups: seen.groups,
            failures: seen.failures,
            error: None,
            empty: seen.empty,
            before: None,
            style: Style {
                total: request.total,
                time: request.lag.time,
                sort: request.lag.sort.unwrap_or(Sort::Lag),
                interval: request.interval,
            },
        }
    }

    /// Nothing was seen this time.
    pub(super) fn during(time: Timestamp, outage: Outage, last: Sample) -> Sample {
        let style = last.style;
        let before = match last.before {
            Some(before) => before,
            None => Box::new(last),
        };
        Sample {
            time,
            rows: Vec::new(),
            groups: Vec::new(),
            failures: Vec::new(),
            error: Some(outage),
            empty: String::new(),
            before: Some(before),
            style,
        }
    }
}

/// RFC 3339, to the millisecond.
fn time<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.3}"))
}
