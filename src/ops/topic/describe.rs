//! `eda topic describe`.

use super::readers::{Reader, readers};
use crate::error::{Result, Status};
use crate::kafka::Cluster;
use crate::model::topic::{ConfigEntry, ConfigSource, TopicPartition};
use crate::ops::missing;
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;

/// One topic, whole.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicReport {
    name: String,
    internal: bool,
    partitions: Vec<PartitionRow>,
    configs: Vec<ConfigEntry>,
    groups: Vec<Reader>,
    /// What could not be learnt.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failures: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PartitionRow {
    partition: i32,
    leader: Option<i32>,
    replicas: Vec<i32>,
    in_sync: Vec<i32>,
    start: Option<i64>,
    end: Option<i64>,
    records: Option<i64>,
}

/// Partitions, configurations (those that are not the default, or all) and the groups that read it.
pub async fn describe(cluster: &Cluster, name: &str, all_configs: bool) -> Result<TopicReport> {
    let Some(topic) = cluster.topic(name).await? else {
        let existing = cluster.topics().await?;
        let names = existing.iter().map(|topic| topic.name.as_str());
        return Err(missing::topic(cluster, name, names).await);
    };
    let (extents, unlearnt) = super::extents(cluster, std::slice::from_ref(&topic)).await?;
    let mut failures: Vec<String> = unlearnt.iter().map(crate::error::Error::one_line).collect();
    let partitions = topic.partitions.iter().map(|partition| {
        let extent = extents
            .get(&TopicPartition::new(name, partition.id))
            .copied();
        PartitionRow {
            partition: partition.id,
            leader: partition.leader,
            replicas: partition.replicas.clone(),
            in_sync: partition.in_sync.clone(),
            start: extent.map(|(start, _)| start),
            end: extent.map(|(_, end)| end),
            records: extent.map(|(start, end)| end - start),
        }
    });
    let partitions = partitions.collect();
    let mut configs = Vec::new();
    for (_, entries) in cluster.topic_configs(&[name.to_owned()]).await? {
        configs.extend(entries?);
    }
    configs.retain(|entry| all_configs || entry.source != ConfigSource::Default);
    configs.sort_by(|one, other| one.name.cmp(&other.name));
    let groups = readers(cluster, &topic, &extents, &mut failures).await;
    Ok(TopicReport {
        name: topic.name,
        internal: topic.internal,
        partitions,
        configs,
        groups,
        failures,
    })
}

fn list(ids: &[i32]) -> String {
    ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
}

impl Report for TopicReport {
    fn table(&self) -> Table {
        let headers = [
            "PARTITION",
            "LEADER",
            "REPLICAS",
            "IN-SYNC",
            "START",
            "END",
            "RECORDS",
        ];
        let mut table = Table::new(&headers, "no partitions").titled(self.name.clone());
        for row in &self.partitions {
            let lacking = row.in_sync.len() < row.replicas.len();
            let tone = if lacking { Tone::Warn } else { Tone::Plain };
            let leader = match row.leader {
                Some(leader) => leader.into(),
                None => Cell::from("none").tone(Tone::Bad),
            };
            table.row([
                row.partition.into(),
                leader,
                list(&row.replicas).into(),
                Cell::from(list(&row.in_sync)).tone(tone),
                row.start.into(),
                row.end.into(),
                row.records.into(),
            ]);
        }
        let mut configs = Table::new(&["CONFIG", "VALUE", "SOURCE"], "");
        for entry in &self.configs {
            let value = match (entry.sensitive, &entry.value) {
                (true, _) => Cell::from("(hidden)"),
                (false, value) => value.clone().into(),
            };
            configs.row([
                entry.name.as_str().into(),
                value,
                entry.source.name().into(),
            ]);
        }
        let mut groups = Table::new(&["GROUP", "STATE", "LAG"], "");
        for row in &self.groups {
            groups.row([
                row.group.as_str().into(),
                row.state.name().into(),
                row.lag.into(),
            ]);
        }
        table.more = vec![configs, groups];
        table
    }

    fn failures(&self) -> &[String] {
        &self.failures
    }

    fn status(&self) -> Result<Status> {
        Ok(Status::failed_if(!self.failures.is_empty()))
    }
}
