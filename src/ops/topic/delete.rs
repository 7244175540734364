//! `eda topic delete`: plan, then delete, each topic with its result.

use super::readers;
use crate::consent::Consent;
use crate::error::{Error, Result, Status};
use crate::kafka::Cluster;
use crate::model::topic::TopicPartition;
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// The topics that would be deleted, and what is in them.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct DeletePlan {
    rows: Vec<Doomed>,
    /// Why other groups may read them too.
    #[serde(skip)]
    unknown: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Doomed {
    name: String,
    partitions: usize,
    records: Option<i64>,
    /// The groups that have commits in it.
    groups: Vec<String>,
}

/// Looks the topics up. One unknown name refuses them all: a typo next to a deletion is no time to go on.
pub async fn plan_delete(cluster: &Cluster, names: &[String]) -> Result<DeletePlan> {
    let existing = cluster.topics().await?;
    let mut doomed = Vec::new();
    for name in names {
        match existing.iter().find(|topic| topic.name == *name) {
            Some(topic) if topic.internal => {
                let error = Error::failed(format!("topic `{name}` is Kafka's own"));
                return Err(error.hint(
                    "every group's offsets, or every transaction's state, would go with it",
                ));
            }
            Some(topic) => doomed.push(topic.clone()),
            None => {
                let names = existing.iter().map(|topic| topic.name.as_str());
                return Err(super::super::missing::topic(cluster, name, names).await);
            }
        }
    }
    doomed.sort_by(|one, other| one.name.cmp(&other.name));
    doomed.dedup_by(|one, other| one.name == other.name);
    // One that cannot be counted can be deleted all the same.
    let (extents, _uncounted) = super::extents(cluster, &doomed).await?;
    // Nor does it keep anybody from deleting that not every group can be asked: that is said.
    let mut readers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut unknown = Vec::new();
    for (group, committed) in readers::committed(cluster, &mut unknown).await {
        for place in committed.into_keys() {
            readers
                .entry(place.topic)
                .or_default()
                .insert(group.clone());
        }
    }
    let rows = doomed.into_iter().map(|topic| Doomed {
        groups: readers
            .remove(&topic.name)
            .unwrap_or_default()
            .into_iter()
            .collect(),
        records: topic
            .partitions
            .iter()
            .map(|partition| extents.get(&TopicPartition::new(&topic.name, partition.id)))
            .map(|extent| extent.map(|(start, end)| end - start))
            .sum(),
        partitions: topic.partitions.len(),
        name: topic.name,
    });
    Ok(DeletePlan {
        rows: rows.collect(),
        unknown,
    })
}

impl Report for DeletePlan {
    fn table(&self) -> Table {
        let mut table = Table::new(&["NAME", "PARTITIONS", "RECORDS"], "nothing to delete")
            .titled("would delete, with all records");
        for doomed in &self.rows {
            table.row([
                Cell::from(doomed.name.as_str()).tone(Tone::Bad),
                doomed.partitions.into(),
                doomed.records.into(),
            ]);
            if !doomed.groups.is_empty() {
                let groups = doomed.groups.join(", ");
                table.note(format!("{} is read by {groups}", doomed.name), Tone::Warn);
            }
        }
        for reason in &self.unknown {
            table.note(format!("others may read them too: {reason}"), Tone::Warn);
        }
        table
    }
}

/// What became of each topic.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct DeleteOutcome(Vec<Deleted>);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Deleted {
    name: String,
    deleted: bool,
    error: Option<String>,
}

/// Deletes them and waits until they are gone; one that fails does not keep the others.
pub async fn delete(
    cluster: &Cluster,
    plan: DeletePlan,
    _consent: Consent,
) -> Result<DeleteOutcome> {
    let names: Vec<String> = plan.rows.into_iter().map(|doomed| doomed.name).collect();
    let results = cluster.delete_topics(&names).await?;
    let deleted = results.iter().filter(|(_, result)| result.is_ok());
    let deleted: BTreeSet<&str> = deleted.map(|(name, _)| name.as_str()).collect();
    wait_until_gone(cluster, deleted).await;
    let rows = results.into_iter().map(|(name, result)| Deleted {
        name,
        deleted: result.is_ok(),
        error: result.err().map(|error| error.one_line()),
    });
    Ok(DeleteOutcome(rows.collect()))
}

/// Deletion is answered by the controller; the brokers hear of it a little later, and whoever lists the topics right
/// afterwards would see them still. They are deleted all the same, so not to learn of it is no failure.
async fn wait_until_gone(cluster: &Cluster, names: BTreeSet<&str>) {
    let deadline = Instant::now() + cluster.connection().timeout;
    let mut pause = Duration::from_millis(5);
    while let Ok(topics) = cluster.topics().await {
        let are_gone = !topics
            .iter()
            .any(|topic| names.contains(topic.name.as_str()));
        if are_gone || Instant::now() >= deadline {
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}

impl Report for DeleteOutcome {
    fn table(&self) -> Table {
        let mut table = Table::new(&["NAME", "RESULT"], "nothing was deleted");
        for row in &self.0 {
            let result = match &row.error {
                None => Cell::from("deleted"),
                Some(error) => Cell::from(error.as_str()).tone(Tone::Bad),
            };
            table.row([row.name.as_str().into(), result]);
        }
        table
    }

    fn status(&self) -> Result<Status> {
        Ok(Status::failed_if(!self.0.iter().all(|row| row.deleted)))
    }
}
