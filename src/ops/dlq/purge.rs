//! `eda dlq purge`: plan, then delete the letters that replays are done with, each partition with its result.

use super::audit::{Audit, Auditor, Event, both};
use super::replay::new_id;
use super::{check_unchanged, find, ledger, places, replay_group};
use crate::consent::Consent;
use crate::error::{Error, Result, Status};
use crate::kafka::{Cluster, Isolation};
use crate::model::topic::{Topic, TopicPartition};
use crate::ops::blocking::blocking;
use crate::ops::scan;
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct PurgeRequest {
    pub topic: String,
    /// Whose progress it is; None: that of the replays of this topic.
    pub group: Option<String>,
    /// Also what no replay is done with.
    pub all: bool,
    /// Where it is told what is done.
    pub audit: Option<Audit>,
}

impl PurgeRequest {
    /// The command line that asks for the same.
    pub fn command_line(&self) -> Vec<String> {
        let mut words = vec!["eda", "dlq", "purge", &self.topic];
        if self.all {
            words.push("--all");
        }
        if let Some(group) = &self.group {
            words.extend(["--replay-group", group]);
        }
        let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        if let Some(audit) = &self.audit {
            words.extend(["--audit".to_owned(), audit.to.to_string()]);
        }
        words
    }
}

/// One partition. The offsets are those of the first record now and afterwards.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    partition: i32,
    start: i64,
    end: i64,
    /// null: it was not deleted, see `error`.
    new_start: Option<i64>,
    /// So many offsets are deleted.
    records: i64,
    /// Of these, so many that no replay is done with.
    unreplayed: i64,
    error: Option<String>,
}

/// What is to be deleted, and afterwards what was.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Purge {
    topic: String,
    replay_group: String,
    records: i64,
    /// Of these, so many that no replay is done with: they are lost.
    unreplayed: i64,
    /// Not deleted, and no replay is done with them.
    kept_unreplayed: i64,
    deleted: bool,
    partitions: Vec<Row>,
    /// The topic that was looked at.
    #[serde(skip)]
    source: Option<Topic>,
    /// Where it is told what is done, and by which command.
    #[serde(skip)]
    audit: Option<(Audit, Vec<String>)>,
}

/// Works out what would be deleted; changes nothing.
pub async fn plan_purge(cluster: &Cluster, request: &PurgeRequest) -> Result<Purge> {
    let group = request.group.clone();
    let mut plan = Purge {
        topic: request.topic.clone(),
        replay_group: group.unwrap_or_else(|| replay_group(&request.topic)),
        records: 0,
        unreplayed: 0,
        kept_unreplayed: 0,
        deleted: false,
        partitions: Vec::new(),
        source: None,
        audit: request
            .audit
            .clone()
            .map(|audit| (audit, request.command_line())),
    };
    let Some(topic) = find(cluster, &request.topic).await? else {
        return Ok(plan);
    };
    if let Some(audit) = &request.audit {
        audit.check(cluster, &topic.name).await?;
    }
    // Also what a transaction has yet to commit lies before the end, and is not meant.
    let extents = scan::extents(cluster, &places(&topic), Isolation::ReadCommitted).await?;
    plan.source = Some(topic);
    let progress = ledger::progress(cluster, &plan.replay_group, &extents).await?;
    for ((place, (start, end)), progress) in extents.into_iter().zip(progress) {
        let new_start = match request.all {
            true => end.max(start),
            false => progress.next_in((start, end)),
        };
        let left = |from: i64, to: i64| (to - from).max(0) - progress.count(from, to);
        plan.kept_unreplayed += left(new_start, end);
        plan.partitions.push(Row {
            partition: place.partition,
            start,
            end,
            new_start: Some(new_start),
            records: new_start - start,
            unreplayed: left(start, new_start),
            error: None,
        });
    }
    plan.sum();
    Ok(plan)
}

/// Deletes up to the offsets of the plan, so that what has died since stays.
///
/// # Errors
/// Also an audit that cannot be written, with what was deleted before.
pub async fn purge(cluster: &Cluster, mut plan: Purge, _consent: Consent) -> Result<Purge> {
    let Some((audit, command)) = plan.audit.take() else {
        return delete(cluster, plan).await;
    };
    let auditor = open(cluster, audit, command).await?;
    tell(&auditor, Event::Begun, plan.told()).await?;
    let deleted = match delete(cluster, plan).await {
        Ok(deleted) => deleted,
        Err(error) => {
            let told = json!({ "error": error.message() });
            let told = tell(&auditor, Event::Ended, told).await;
            return Err(both(error, told.err()));
        }
    };
    let told = async {
        tell(&auditor, Event::Committed, deleted.told_spans()).await?;
        tell(&auditor, Event::Ended, deleted.told()).await
    };
    let after = |error: Error| error.adding(&format!("{} were deleted", deleted.records));
    told.await.map_err(after)?;
    Ok(deleted)
}

/// Opens the audit on a thread that may wait for it.
async fn open(cluster: &Cluster, audit: Audit, command: Vec<String>) -> Result<Arc<Auditor>> {
    let cluster = cluster.clone();
    let open = move || Auditor::open(&cluster, &audit, &new_id(), &command);
    blocking("auditing", open).await.map(Arc::new)
}

/// Writes an event on a thread that may wait for it.
async fn tell(auditor: &Arc<Auditor>, event: Event, told: Value) -> Result<()> {
    let auditor = Arc::clone(auditor);
    blocking("auditing", move || auditor.write(event, &told)).await
}

async fn delete(cluster: &Cluster, mut plan: Purge) -> Result<Purge> {
    if let Some(source) = &plan.source {
        check_unchanged(cluster, source).await?;
    }
    let doomed = plan.partitions.iter().filter(|row| row.records > 0);
    let before: Vec<(TopicPartition, i64)> = doomed
        .filter_map(|row| {
            Some((
                TopicPartition::new(&plan.topic, row.partition),
                row.new_start?,
            ))
        })
        .collect();
    let answers = cluster.delete_records(&before).await?;
    let mut answers: BTreeMap<i32, Result<i64>> = answers
        .into_iter()
        .map(|(place, answer)| (place.partition, answer))
        .collect();
    for row in plan.partitions.iter_mut().filter(|row| row.records > 0) {
        let error = match answers.remove(&row.partition) {
            Some(Ok(start)) => {
                row.new_start = Some(start);
                continue;
            }
            Some(Err(error)) => error.one_line(),
            None => "the answer leaves it out".to_owned(),
        };
        plan.kept_unreplayed += row.unreplayed;
        (row.new_start, row.records, row.unreplayed) = (None, 0, 0);
        row.error = Some(error);
    }
    plan.sum();
    plan.deleted = true;
    Ok(plan)
}

impl Purge {
    /// There is nothing to delete.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Counts, for the audit.
    fn told(&self) -> Value {
        let mut errors = self.partitions.iter().filter_map(|row| row.error.as_ref());
        json!({
            "topic": self.topic,
            "replayGroup": self.replay_group,
            "records": self.records,
            "unreplayed": self.unreplayed,
            "error": errors.next(),
        })
    }

    /// The offsets that were deleted, the last included.
    fn told_spans(&self) -> Value {
        let deleted = self.partitions.iter().filter(|row| row.records > 0);
        let spans: Vec<Value> = deleted
            .filter_map(|row| {
                let last = row.new_start? - 1;
                Some(json!({"partition": row.partition, "first": row.start, "last": last}))
            })
            .collect();
        json!({"partitions": spans, "deleted": self.records})
    }

    fn sum(&mut self) {
        self.records = self.partitions.iter().map(|row| row.records).sum();
        self.unreplayed = self.partitions.iter().map(|row| row.unreplayed).sum();
    }
}

impl Report for Purge {
    fn table(&self) -> Table {
        let headers = [
            "PARTITION",
            "START",
            "END",
            "NEW-START",
            "RECORDS",
            "UNREPLAYED",
            "RESULT",
        ];
        let empty = match self.kept_unreplayed {
            0 => format!("nothing to delete: `{}` holds no dead letters", self.topic),
            kept => format!(
                "nothing to delete: no replay is done with the first of {kept} dead letters in `{}` (`--all` \
                 deletes them)",
                self.topic
            ),
        };
        let mut table = Table::new(&headers, empty);
        let has_failed = self.partitions.iter().any(|row| row.error.is_some());
        if self.is_empty() && !has_failed {
            return table;
        }
        for row in &self.partitions {
            let result = match &row.error {
                Some(error) => Cell::from(error.as_str()).tone(Tone::Bad),
                None if row.records == 0 => "".into(),
                None if self.deleted => "deleted".into(),
                None => "would be deleted".into(),
            };
            let lost = match row.unreplayed {
                0 => Cell::from(0_i64),
                lost => Cell::from(lost).tone(Tone::Bad),
            };
            table.row([
                row.partition.into(),
                row.start.into(),
                row.end.into(),
                row.new_start.into(),
                row.records.into(),
                lost,
                result,
            ]);
        }
        if self.unreplayed > 0 {
            let verb = if self.deleted { "were" } else { "would be" };
            let text = format!("{} unreplayed dead letters {verb} lost", self.unreplayed);
            table.note(text, Tone::Bad);
        }
        if self.kept_unreplayed > 0 {
            let text = format!("{} unreplayed dead letters stay", self.kept_unreplayed);
            table.note(text, Tone::Plain);
        }
        table
    }

    fn status(&self) -> Result<Status> {
        let failed = self.partitions.iter().any(|row| row.error.is_some());
        Ok(Status::failed_if(failed))
    }

    fn effect(&self) -> Option<String> {
        let text = format!("{} dead letters were deleted all the same", self.records);
        (self.deleted && self.records > 0).then_some(text)
    }
}
