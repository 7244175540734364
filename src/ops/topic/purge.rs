//! `eda topic purge`: plan, then delete the records before a position, each partition with its result.

use super::readers;
use crate::consent::Consent;
use crate::error::{Error, Result, Status};
use crate::kafka::{Cluster, Isolation};
use crate::model::offset::Position;
use crate::model::topic::TopicPartition;
use crate::ops::{missing, positions, scan};
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct PurgeRequest {
    pub topics: Vec<String>,
    /// What lies before it is deleted.
    pub before: Position,
    /// Empty: all.
    pub partitions: Vec<i32>,
}

/// One partition. The offsets are those of the first record now and afterwards.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Purge {
    topic: String,
    partition: i32,
    start: Option<i64>,
    end: Option<i64>,
    /// Null: it cannot be said, see `error`.
    new_start: Option<i64>,
    /// New start minus start: so many offsets are deleted.
    records: Option<i64>,
    /// Why `new_start` is another place than was asked for.
    note: Option<String>,
    /// Why nothing can be deleted here.
    error: Option<String>,
}

/// A group that has not read some of what would be deleted.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Unread {
    group: String,
    topic: String,
    /// So many records it would never read.
    unread: i64,
}

/// What would be deleted, sorted by topic and partition.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PurgePlan {
    partitions: Vec<Purge>,
    unread_by: Vec<Unread>,
    /// What could not be learnt about the readers.
    failures: Vec<String>,
}

/// Works out what would be deleted, and who has not read it yet. One unknown name refuses all. Reads only.
pub async fn plan_purge(cluster: &Cluster, request: &PurgeRequest) -> Result<PurgePlan> {
    let all = cluster.topics().await?;
    let mut topics = Vec::new();
    for name in request.topics.iter().collect::<BTreeSet<_>>() {
        match all.iter().find(|topic| topic.name == *name) {
            Some(topic) => topics.push(topic.clone()),
            None => {
                let names = all.iter().map(|topic| topic.name.as_str());
                return Err(missing::topic(cluster, name, names).await);
            }
        }
    }
    let is_meant = |id: i32| request.partitions.is_empty() || request.partitions.contains(&id);
    let places: Vec<TopicPartition> = topics
        .iter()
        .flat_map(|topic| {
            let meant = topic.partitions.iter().filter(|one| is_meant(one.id));
            meant.map(|partition| TopicPartition::new(&topic.name, partition.id))
        })
        .collect();
    for id in &request.partitions {
        if !places.iter().any(|place| place.partition == *id) {
            return Err(
                Error::failed(format!("none of the topics has a partition {id}"))
                    .hint("`eda topic describe` shows a topic's partitions; they count from 0"),
            );
        }
    }
    let compacted = compacted(cluster, &topics).await?;
    let isolation = Isolation::ReadUncommitted;
    let answers = scan::extents_each(cluster, &places, isolation).await?;
    let known: scan::Stretch = answers
        .iter()
        .filter_map(|(place, extent)| Some((place.clone(), *extent.as_ref().ok()?)))
        .collect();
    let targets = positions::resolve_each(cluster, &request.before, &known, isolation).await?;
    let purge = |(place, answer): (TopicPartition, Result<(i64, i64)>)| {
        let target = match (
            compacted.contains(&place.topic),
            &answer,
            targets.get(&place),
        ) {
            (true, ..) => {
                Err("the topic is compacted: Kafka deletes no records from it".to_owned())
            }
            (_, Err(error), _) | (_, _, Some(Err(error))) => Err(error.one_line()),
            (_, _, Some(Ok(resolved))) => Ok(*resolved),
            (_, _, None) => Err("the answer leaves it out".to_owned()),
        };
        let extent = answer.ok();
        let start = extent.map(|(start, _)| start);
        let resolved = target.as_ref().ok().copied();
        let new_start = resolved.map(|resolved| resolved.offset);
        Purge {
            topic: place.topic,
            partition: place.partition,
            start,
            end: extent.map(|(_, end)| end),
            new_start,
            records: new_start.zip(start).map(|(new, start)| new - start),
            note: resolved
                .zip(extent)
                .and_then(|(resolved, extent)| resolved.note(extent)),
            error: target.err(),
        }
    };
    let partitions: Vec<Purge> = answers.into_iter().map(purge).collect();
    let mut failures = Vec::new();
    let unread_by = unread_by(cluster, &partitions, &mut failures).await;
    Ok(PurgePlan {
        partitions,
        unread_by,
        failures,
    })
}

/// The topics that only compaction cleans up: DeleteRecords is refused there with POLICY_VIOLATION.
async fn compacted(
    cluster: &Cluster,
    topics: &[crate::model::topic::Topic],
) -> Result<BTreeSet<String>> {
    let names: Vec<String> = topics.iter().map(|topic| topic.name.clone()).collect();
    let mut compacted = BTreeSet::new();
    for (name, answer) in cluster.topic_configs(&names).await? {
        // Who may delete records and not read configurations is told by the broker.
        let policy = answer.ok().and_then(|entries| {
            let policy = entries
                .into_iter()
                .find(|entry| entry.name == "cleanup.policy");
            policy?.value
        });
        if policy.is_some_and(|policy| !policy.split(',').any(|word| word.trim() == "delete")) {
            compacted.insert(name);
        }
    }
    Ok(compacted)
}

async fn unread_by(
    cluster: &Cluster,
    partitions: &[Purge],
    failures: &mut Vec<String>,
) -> Vec<Unread> {
    let doomed: BTreeMap<TopicPartition, (i64, i64)> = partitions
        .iter()
        .filter_map(|row| {
            let place = TopicPartition::new(&row.topic, row.partition);
            Some((place, (row.start?, row.new_start?)))
        })
        .filter(|(_, (start, new_start))| new_start > start)
        .collect();
    if doomed.is_empty() {
        return Vec::new();
    }
    let mut unread: BTreeMap<(String, String), i64> = BTreeMap::new();
    for (group, committed) in readers::committed(cluster, failures).await {
        for (place, offset) in committed {
            let (Some((start, new_start)), Some(offset)) = (doomed.get(&place), offset) else {
                continue;
            };
            let lost = new_start.saturating_sub(offset.max(*start));
            if lost > 0 {
                *unread.entry((group.clone(), place.topic)).or_default() += lost;
            }
        }
    }
    let loser = |((group, topic), unread): ((String, String), i64)| Unread {
        group,
        topic,
        unread,
    };
    unread.into_iter().map(loser).collect()
}

impl PurgePlan {
    /// There is nothing to delete, or nothing that could be.
    pub fn is_empty(&self) -> bool {
        let idle = |row: &Purge| row.error.is_some() || row.records.is_none_or(|count| count <= 0);
        self.partitions.iter().all(idle)
    }

    fn has_failed(&self) -> bool {
        self.partitions.iter().any(|row| row.error.is_some())
    }
}

fn cells(row: &Purge, result: Cell) -> [Cell; 7] {
    [
        row.topic.as_str().into(),
        row.partition.into(),
        row.start.into(),
        row.end.into(),
        row.new_start.into(),
        row.records.into(),
        result,
    ]
}

impl Report for PurgePlan {
    fn table(&self) -> Table {
        let headers = [
            "TOPIC",
            "PARTITION",
            "START",
            "END",
            "NEW-START",
            "RECORDS",
            "NOTE",
        ];
        let mut table = Table::new(&headers, "nothing to delete: no records lie before that");
        if self.is_empty() && !self.has_failed() {
            return table;
        }
        table = table.titled("would delete records");
        for row in &self.partitions {
            let note = match (&row.error, &row.note) {
                (Some(error), _) => Cell::from(error.as_str()).tone(Tone::Bad),
                (None, Some(note)) => Cell::from(note.as_str()).tone(Tone::Warn),
                (None, None) => "".into(),
            };
            table.row(cells(row, note));
        }
        for Unread {
            group,
            topic,
            unread,
        } in &self.unread_by
        {
            let text = format!("{group} has not read {unread} of the records in {topic}");
            table.note(text, Tone::Bad);
        }
        for failure in &self.failures {
            table.note(
                format!("others may not have read them: {failure}"),
                Tone::Warn,
            );
        }
        table
    }

    fn status(&self) -> Result<Status> {
        let failed = self.partitions.iter().any(|row| row.error.is_some());
        Ok(Status::failed_if(failed))
    }
}

/// What became of each partition.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PurgeOutcome {
    partitions: Vec<Purged>,
    unread_by: Vec<Unread>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Purged {
    #[serde(flatten)]
    row: Purge,
    deleted: bool,
}

/// Deletes up to the offsets of the plan, so that what has come since stays. One partition that fails does not keep
/// the others.
pub async fn purge(cluster: &Cluster, plan: PurgePlan, _consent: Consent) -> Result<PurgeOutcome> {
    let before: Vec<(TopicPartition, i64)> = plan
        .partitions
        .iter()
        .filter(|row| row.error.is_none() && row.records.is_some_and(|count| count > 0))
        .filter_map(|row| {
            Some((
                TopicPartition::new(&row.topic, row.partition),
                row.new_start?,
            ))
        })
        .collect();
    let answers = cluster.delete_records(&before).await?;
    let mut answers: BTreeMap<TopicPartition, Result<i64>> = answers.into_iter().collect();
    let asked: BTreeSet<TopicPartition> = before.into_iter().map(|(place, _)| place).collect();
    let outcome = |mut row: Purge| {
        let place = TopicPartition::new(&row.topic, row.partition);
        let is_asked = asked.contains(&place);
        if is_asked {
            match answers.remove(&place) {
                // Where it begins now, in the broker's own words.
                Some(Ok(start)) => row.new_start = Some(start),
                Some(Err(error)) => row.error = Some(error.one_line()),
                None => row.error = Some("the answer leaves it out".to_owned()),
            }
            if row.error.is_some() {
                row.new_start = None;
            }
            row.records = row.new_start.zip(row.start).map(|(new, start)| new - start);
        }
        Purged {
            deleted: is_asked && row.error.is_none(),
            row,
        }
    };
    Ok(PurgeOutcome {
        partitions: plan.partitions.into_iter().map(outcome).collect(),
        unread_by: plan.unread_by,
    })
}

impl Report for PurgeOutcome {
    fn table(&self) -> Table {
        let headers = [
            "TOPIC",
            "PARTITION",
            "START",
            "END",
            "NEW-START",
            "RECORDS",
            "RESULT",
        ];
        let mut table = Table::new(&headers, "nothing was deleted");
        for Purged { row, deleted } in &self.partitions {
            let result = match (&row.error, deleted) {
                (Some(error), _) => Cell::from(error.as_str()).tone(Tone::Bad),
                (None, true) => "deleted".into(),
                (None, false) => "was empty".into(),
            };
            table.row(cells(row, result));
        }
        for Unread {
            group,
            topic,
            unread,
        } in &self.unread_by
        {
            let text = format!("{group} had not read {unread} of the records in {topic}");
            table.note(text, Tone::Warn);
        }
        table
    }

    fn status(&self) -> Result<Status> {
        let failed = self.partitions.iter().any(|row| row.row.error.is_some());
        Ok(Status::failed_if(failed))
    }
}
