//! `eda topic list`.

use crate::error::{Result, Status};
use crate::kafka::Cluster;
use crate::model::pattern::{self, Pattern};
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;

/// The topics, sorted by name.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct TopicList {
    rows: Vec<Row>,
    /// Why some records are not counted.
    #[serde(skip)]
    failure: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    partitions: usize,
    /// Replicas of the first partition: a topic is created with as many everywhere.
    replicas: usize,
    /// End minus start, summed; null when a partition did not answer.
    records: Option<i64>,
    internal: bool,
    /// Partitions that nobody leads: they can be neither read nor written.
    offline: usize,
}

/// Lists the topics that match one of the patterns, all when there are none; Kafka's own only when `internal`.
pub async fn list(cluster: &Cluster, patterns: &[Pattern], internal: bool) -> Result<TopicList> {
    let mut topics = cluster.topics().await?;
    topics.retain(|topic| (internal || !topic.internal) && pattern::chooses(patterns, &topic.name));
    let (extents, failure) = super::extents(cluster, &topics).await?;
    let rows = topics.into_iter().map(|topic| {
        let records = topic.partitions.iter().map(|partition| {
            let place = crate::model::topic::TopicPartition::new(&topic.name, partition.id);
            extents.get(&place).map(|(start, end)| end - start)
        });
        Row {
            records: records.sum(),
            partitions: topic.partitions.len(),
            replicas: topic
                .partitions
                .first()
                .map_or(0, |partition| partition.replicas.len()),
            offline: topic
                .partitions
                .iter()
                .filter(|partition| partition.leader.is_none())
                .count(),
            internal: topic.internal,
            name: topic.name,
        }
    });
    Ok(TopicList {
        rows: rows.collect(),
        failure: failure.map(|error| error.one_line()),
    })
}

impl Report for TopicList {
    fn table(&self) -> Table {
        let mut table = Table::new(&["NAME", "PARTITIONS", "REPLICAS", "RECORDS"], "no topics");
        for row in &self.rows {
            let tone = if row.offline > 0 {
                Tone::Bad
            } else {
                Tone::Plain
            };
            table.row([
                Cell::from(row.name.as_str()).tone(tone),
                row.partitions.into(),
                row.replicas.into(),
                row.records.into(),
            ]);
            if row.offline > 0 {
                let text = format!("{}: {} partitions have no leader", row.name, row.offline);
                table.note(text, Tone::Bad);
            }
        }
        if let Some(failure) = &self.failure {
            table.note(failure.clone(), Tone::Bad);
        }
        table
    }

    fn status(&self) -> Result<Status> {
        Ok(match self.failure {
            Some(_) => Status::Failed,
            None => Status::Done,
        })
    }
}
