//! `eda offsets show`.

use crate::error::{Result, Status};
use crate::kafka::Cluster;
use crate::model::lag::PartitionLag;
use crate::model::pattern::Pattern;
use crate::ops::lag::{LagRequest, snapshot};
use crate::report::{Report, Table};
use serde::Serialize;

/// What groups have committed, sorted by group, topic and partition.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct OffsetsReport {
    rows: Vec<PartitionLag>,
    #[serde(skip)]
    failures: Vec<String>,
}

/// The commits of the groups that match, and where the logs start and end. Partitions without a commit are left out:
/// `eda lag` has them.
pub async fn show(
    cluster: &Cluster,
    groups: Vec<Pattern>,
    topics: Vec<Pattern>,
) -> Result<OffsetsReport> {
    let request = LagRequest {
        groups,
        topics: topics.iter().map(|topic| topic.as_str().into()).collect(),
        ..LagRequest::default()
    };
    let mut snapshot = snapshot(cluster, &request).await?;
    snapshot.rows.retain(|row| row.committed.is_some());
    Ok(OffsetsReport {
        rows: snapshot.rows,
        failures: snapshot.failures,
    })
}

impl Report for OffsetsReport {
    fn table(&self) -> Table {
        let headers = ["GROUP", "TOPIC", "PARTITION", "COMMITTED", "START", "END"];
        let mut table = Table::new(&headers, "no committed offsets");
        for row in &self.rows {
            table.row([
                row.group.as_str().into(),
                row.topic.as_str().into(),
                row.partition.into(),
                row.committed.into(),
                row.start.into(),
                row.end.into(),
            ]);
        }
        table
    }

    fn failures(&self) -> &[String] {
        &self.failures
    }

    fn status(&self) -> Result<Status> {
        Ok(Status::failed_if(!self.failures.is_empty()))
    }
}
