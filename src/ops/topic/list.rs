//! `eda topic list`.

use crate::error::{Result, Status};
use crate::kafka::Cluster;
use crate::model::pattern::{self, Pattern};
use crate::model::topic::TopicPartition;
use crate::ops::scan::Stretch;
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;

/// The topics, sorted by name.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct TopicList {
    rows: Vec<Row>,
    #[serde(skip)]
    counted: bool,
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
    /// End minus start, summed, when it was asked for; null when a partition did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<Option<i64>>,
    internal: bool,
    /// Partitions that nobody leads: they can be neither read nor written.
    offline: usize,
}

/// Which topics to list, and how much of them.
#[derive(Debug)]
pub struct ListRequest {
    /// Topics that match one of these; all when there are none.
    pub patterns: Vec<Pattern>,
    /// Kafka's own topics, too.
    pub internal: bool,
    /// Whether to count the records. The list itself is one broker's answer; to count, the leader of every partition is
    /// asked twice, which takes several times as long on a large cluster and fails for what has no leader.
    pub count: bool,
}

/// Lists topics, sorted by name.
pub async fn list(cluster: &Cluster, request: &ListRequest) -> Result<TopicList> {
    let mut topics = cluster.topics().await?;
    topics.retain(|topic| {
        (request.internal || !topic.internal) && pattern::chooses(&request.patterns, &topic.name)
    });
    let (extents, failure) = match request.count {
        true => super::extents(cluster, &topics).await?,
        false => (Stretch::new(), None),
    };
    let rows = topics.into_iter().map(|topic| {
        let count = || {
            let records = topic.partitions.iter().map(|partition| {
                let place = TopicPartition::new(&topic.name, partition.id);
                extents.get(&place).map(|(start, end)| end - start)
            });
            records.sum::<Option<i64>>()
        };
        Row {
            records: request.count.then(count),
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
        counted: request.count,
        failure: failure.map(|error| error.one_line()),
    })
}

impl Report for TopicList {
    fn table(&self) -> Table {
        let headers = ["NAME", "PARTITIONS", "REPLICAS", "RECORDS"];
        let shown = if self.counted { 4 } else { 3 };
        let mut table = Table::new(&headers[..shown], "no topics");
        for row in &self.rows {
            let tone = if row.offline > 0 {
                Tone::Bad
            } else {
                Tone::Plain
            };
            let cells = [
                Cell::from(row.name.as_str()).tone(tone),
                row.partitions.into(),
                row.replicas.into(),
                row.records.flatten().into(),
            ];
            table.row(cells.into_iter().take(shown));
            if row.offline > 0 {
                let text = format!("{}: {} partitions have no leader", row.name, row.offline);
                table.note(text, Tone::Bad);
            }
        }
        table
    }

    fn failures(&self) -> &[String] {
        self.failure.as_slice()
    }

    fn status(&self) -> Result<Status> {
        Ok(Status::failed_if(self.failure.is_some()))
    }
}
