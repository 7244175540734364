//! `eda lag`: how far each group is behind, as lag.md defines it.
//!
//! - [`snapshot`]: one look at the cluster; - [`row`]: what is shown of a partition; - [`report`]: the rows of one look,
//!   and [`totals`]: a row a group; - [`probe`]: the record at the committed offset, for its age;
//! - [`gate`]: `--max` judges a look, and [`wait`] judges looks until it holds; - [`watch`]: look after look, with
//!   rates, time left and status;
//! - [`exporter`] looks for itself: it shows every partition, and must not end when a group does.

mod attempt;
pub mod exporter;
mod gate;
mod probe;
mod report;
mod row;
pub(in crate::ops) mod shown;
mod snapshot;
#[cfg(test)]
mod tests;
mod totals;
mod wait;
mod watch;

pub use report::LagReport;
pub use row::{LagRow, Sort};
pub(super) use snapshot::whole_topics;
pub use snapshot::{Snapshot, snapshot};
pub use totals::Totals;
pub use wait::{GateRequest, Waited, wait};
pub use watch::{GroupRow, Outage, Sample, WatchRequest, WatchedRow, watch};
pub(in crate::ops) use watch::{Surroundings, Watcher};

use crate::error::Result;
use crate::kafka::{Cluster, Isolation};
use crate::model::pattern::Pattern;
use probe::Prober;

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct LagRequest {
    /// Empty: all groups. One named without wildcards must exist.
    pub groups: Vec<Pattern>,
    /// Empty: every topic a group has offsets in. One named without wildcards must exist.
    pub topics: Vec<Pattern>,
    /// What the lag counts to: the high watermark, or the last stable offset.
    pub isolation: Isolation,
    /// The gate: a group with more lag than this, or with unknown lag, is an alarm.
    pub max: Option<i64>,
    /// Whether the record at each committed offset is read, for its age.
    pub time: bool,
    /// `None`: by name, or the worst first where a person watches.
    pub sort: Option<Sort>,
}

/// Commits of the groups, starts and ends of what they read, and the difference.
pub async fn lag(cluster: &Cluster, request: &LagRequest) -> Result<LagReport> {
    let snapshot = snapshot(cluster, request).await?;
    let mut report = LagReport::new(cluster, snapshot, request);
    let mut prober = Prober::new(cluster, request);
    if request.time {
        report.probe_all(&mut prober).await;
    } else if report.is_over() {
        report.probe_residue(&mut prober, |_| true).await;
    }
    Ok(report)
}
