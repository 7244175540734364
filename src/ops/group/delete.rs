//! `eda group delete`: plan, then delete, each group with its result.

use super::{Occupied, occupied};
use crate::consent::Consent;
use crate::error::{Error, Result, Status};
use crate::kafka::Cluster;
use crate::model::pattern::Pattern;
use crate::ops::lag::{LagRequest, snapshot};
use crate::ops::missing;
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use std::collections::BTreeSet;

/// The groups that would be deleted, with what they would forget.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct DeletePlan {
    rows: Vec<Doomed>,
    #[serde(skip)]
    occupied: Vec<Occupied>,
    #[serde(skip)]
    refusals: Vec<String>,
    /// Why the figures are not whole. Such a group can be deleted all the same.
    #[serde(skip)]
    unknown: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Doomed {
    group: String,
    /// In how many topics and partitions it has commits; null: they could not be read.
    topics: Option<usize>,
    partitions: Option<usize>,
    /// Records behind in all, as far as they are known.
    lag: Option<i64>,
}

/// Looks the groups up. One unknown name refuses them all: a typo next to a deletion is no time to go on. Reads only.
pub async fn plan_delete(cluster: &Cluster, groups: &[String]) -> Result<DeletePlan> {
    let names: BTreeSet<&String> = groups.iter().collect();
    let names: Vec<String> = names.into_iter().cloned().collect();
    let request = LagRequest {
        groups: names
            .iter()
            .map(|name| Pattern::from(name.as_str()))
            .collect(),
        ..LagRequest::default()
    };
    let snapshot = snapshot(cluster, &request).await?;
    // A name with a `*` in it has matched others: they are not meant.
    for name in &names {
        if !snapshot.groups.iter().any(|group| group.id == *name) {
            let listings = cluster.groups().await?;
            let known = listings.iter().map(|listing| listing.id.as_str());
            if !known.clone().any(|known| known == name) {
                return Err(missing::group(cluster, name, known).await);
            }
        }
    }
    let occupied = occupied(cluster, &names, |_| true, true).await?;
    let rows = names.into_iter().map(|group| {
        let is_read = !snapshot.unread.contains(&group);
        let committed = || {
            let own = snapshot.rows.iter().filter(|row| row.group == group);
            own.filter(|row| row.committed.is_some())
        };
        let topics: BTreeSet<&str> = committed().map(|row| row.topic.as_str()).collect();
        Doomed {
            topics: is_read.then_some(topics.len()),
            partitions: is_read.then(|| committed().count()),
            lag: is_read.then(|| committed().filter_map(|row| row.lag).sum()),
            group: group.clone(),
        }
    });
    let rows = rows.collect();
    Ok(DeletePlan {
        rows,
        refusals: Occupied::refusals(&occupied),
        occupied,
        unknown: snapshot.failures,
    })
}

impl DeletePlan {
    /// Why it cannot be carried out: a group has members. A dry run shows the plan all the same.
    pub fn refusal(&self) -> Option<Error> {
        Occupied::refusal(&self.occupied)
    }
}

impl Report for DeletePlan {
    fn table(&self) -> Table {
        let headers = ["GROUP", "TOPICS", "PARTITIONS", "LAG"];
        let mut table = Table::new(&headers, "nothing to delete")
            .titled("would delete, with all committed offsets");
        for doomed in &self.rows {
            table.row([
                Cell::from(doomed.group.as_str()).tone(Tone::Bad),
                doomed.topics.into(),
                doomed.partitions.into(),
                doomed.lag.into(),
            ]);
        }
        table.note(
            "`eda offsets export` keeps the offsets in a file first",
            Tone::Plain,
        );
        for reason in &self.unknown {
            table.note(format!("not counted: {reason}"), Tone::Warn);
        }
        table
    }

    fn failures(&self) -> &[String] {
        &self.refusals
    }

    fn status(&self) -> Result<Status> {
        Ok(Status::failed_if(!self.occupied.is_empty()))
    }
}

/// What became of each group.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct DeleteOutcome(Vec<Deleted>);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Deleted {
    group: String,
    deleted: bool,
    error: Option<String>,
}

/// Deletes them; one that fails does not keep the others.
pub async fn delete(
    cluster: &Cluster,
    plan: DeletePlan,
    _consent: Consent,
) -> Result<DeleteOutcome> {
    let groups: Vec<String> = plan.rows.into_iter().map(|doomed| doomed.group).collect();
    let results = cluster.delete_groups(&groups).await?;
    let rows = results.into_iter().map(|(group, result)| Deleted {
        group,
        deleted: result.is_ok(),
        error: result.err().map(|error| error.one_line()),
    });
    Ok(DeleteOutcome(rows.collect()))
}

impl Report for DeleteOutcome {
    fn table(&self) -> Table {
        let mut table = Table::new(&["GROUP", "RESULT"], "nothing was deleted");
        for row in &self.0 {
            let result = match &row.error {
                None => Cell::from("deleted"),
                Some(error) => Cell::from(error.as_str()).tone(Tone::Bad),
            };
            table.row([row.group.as_str().into(), result]);
        }
        table
    }

    fn status(&self) -> Result<Status> {
        Ok(Status::failed_if(!self.0.iter().all(|row| row.deleted)))
    }
}
