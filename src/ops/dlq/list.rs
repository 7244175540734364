//! `eda dlq list`.

use super::{ledger, places, replay_group};
use crate::error::{Result, Status};
use crate::kafka::{Cluster, Isolation};
use crate::model::dead_letter;
use crate::model::group::GroupListing;
use crate::model::ledger::{Progress, is_ledger};
use crate::model::topic::TopicPartition;
use crate::ops::scan;
use crate::report::{Report, Table, Tone};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The dead-letter topics, sorted by name.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct DeadLetterTopics {
    rows: Vec<Row>,
    #[serde(skip)]
    max: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    topic: String,
    partitions: usize,
    records: i64,
    /// Not yet put back by `eda dlq replay`.
    unreplayed: i64,
}

/// Finds them by name; with `max`, more waiting in all is an alarm.
pub async fn list(cluster: &Cluster, max: Option<i64>) -> Result<DeadLetterTopics> {
    let topics = cluster.topics().await?;
    let is_dead = |name: &str| dead_letter::is_dead_letter_topic(name) && !is_ledger(name);
    let (topics, others): (Vec<_>, Vec<_>) = topics
        .into_iter()
        .partition(|topic| !topic.internal && is_dead(&topic.name));
    let names = others
        .iter()
        .map(|topic| topic.name.as_str())
        .collect::<BTreeSet<_>>();
    let ledgers = ledger::existing(topics.iter().map(|topic| topic.name.as_str()), &names);
    let mut blocks = match ledgers.is_empty() {
        true => BTreeMap::new(),
        false => ledger::read(cluster, ledgers).await?,
    };
    let groups = cluster.groups().await?;
    let replayed: Vec<GroupListing> = groups
        .into_iter()
        .filter(|group| {
            topics
                .iter()
                .any(|topic| replay_group(&topic.name) == group.id)
        })
        .collect();
    let mut progress = BTreeMap::new();
    for (group, offsets) in cluster.committed_of_groups(&replayed).await? {
        progress.insert(group, offsets?);
    }
    let all: Vec<TopicPartition> = topics.iter().flat_map(places).collect();
    let answers = scan::extents_of_existing(cluster, &all, Isolation::ReadCommitted).await?;
    // A topic that was deleted meanwhile holds nothing; one that does not answer may hold anything.
    let all = scan::whole(answers)?;
    let mut rows = Vec::new();
    for topic in topics {
        let extents: scan::Stretch = places(&topic)
            .into_iter()
            .filter_map(|place| all.get_key_value(&place))
            .map(|(place, extent)| (place.clone(), *extent))
            .collect();
        let mut committed = progress
            .remove(&replay_group(&topic.name))
            .unwrap_or_default();
        let mut progress = |(place, (start, _)): (&TopicPartition, &(i64, i64))| {
            let next = committed.remove(place).flatten().unwrap_or(0).max(*start);
            Progress::new(next, blocks.remove(place).unwrap_or_default())
        };
        let over: Vec<Progress> = extents.iter().map(&mut progress).collect();
        rows.push(Row {
            partitions: topic.partitions.len(),
            records: extents.values().map(|(start, end)| end - start).sum(),
            unreplayed: ledger::count_left(&extents, &over),
            topic: topic.name,
        });
    }
    Ok(DeadLetterTopics { rows, max })
}

impl DeadLetterTopics {
    /// The topics' names.
    pub fn names(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.topic.clone()).collect()
    }

    fn waiting(&self) -> i64 {
        self.rows.iter().map(|row| row.unreplayed).sum()
    }
}

impl Report for DeadLetterTopics {
    fn table(&self) -> Table {
        let headers = ["TOPIC", "PARTITIONS", "RECORDS", "UNREPLAYED"];
        let mut table = Table::new(&headers, "no dead-letter topics");
        for row in &self.rows {
            table.row([
                row.topic.as_str().into(),
                row.partitions.into(),
                row.records.into(),
                row.unreplayed.into(),
            ]);
        }
        if let Some(max) = self.max.filter(|max| self.waiting() > *max) {
            table.note(
                format!("{} dead letters wait, more than {max}", self.waiting()),
                Tone::Bad,
            );
        }
        table
    }

    fn status(&self) -> Result<Status> {
        Ok(match self.max {
            Some(max) if self.waiting() > max => Status::Alarm,
            _ => Status::Done,
        })
    }
}
