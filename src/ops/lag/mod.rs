//! `eda lag`: how far each group is behind, as lag.md defines it.
//!
//! [`snapshot`] asks the cluster; [`LagReport`] is what is shown of one, and [`gate`] judges it. [`exporter`]
//! looks for itself: it shows every partition, and must not end when a group does.

pub mod exporter;
mod gate;
mod report;
mod snapshot;

pub use report::LagReport;
pub(super) use snapshot::{Committed, whole_topics};
pub use snapshot::{Snapshot, snapshot};

use crate::error::Result;
use crate::kafka::Cluster;
use crate::model::pattern::Pattern;

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct LagRequest {
    /// Empty: all groups. One named without wildcards must exist.
    pub groups: Vec<Pattern>,
    /// Empty: every topic a group has offsets in.
    pub topics: Vec<String>,
    /// The gate: a group with more lag than this, or with unknown lag, is an alarm.
    pub max: Option<i64>,
}

/// Commits of the groups, starts and ends of what they read, and the difference.
pub async fn lag(cluster: &Cluster, request: &LagRequest) -> Result<LagReport> {
    Ok(LagReport::new(snapshot(cluster, request).await?, request))
}
