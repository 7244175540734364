//! `eda offsets skip`: past one record that a group cannot get past.

use super::apply::has_moved;
use crate::consent::Consent;
use crate::error::{Error, Kind, Result, Status};
use crate::kafka::{Cluster, Isolation};
use crate::model::dead_letter::{Failure, topic_for};
use crate::model::record::Record;
use crate::model::record_json;
use crate::model::topic::{TopicName, TopicPartition};
use crate::ops::blocking::blocking;
use crate::ops::dlq::{DeadLetters, Fate};
use crate::ops::group::{Occupied, occupied};
use crate::ops::{missing, scan};
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use serde_json::value::RawValue;
use std::ops::ControlFlow;

/// So much of a key, value or header is shown in a table; JSON has all of it.
const SHOWN: usize = 2000;

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct SkipRequest {
    pub group: String,
    pub place: TopicPartition,
    /// Such as `{topic}.dlq`; `None`: the record is not kept.
    pub dlq: Option<String>,
    /// Why, for the dead letter.
    pub reason: String,
    /// The group also reads records of transactions that were aborted or are open.
    pub read_uncommitted: bool,
}

/// The record that would be passed over.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SkipPlan {
    group: String,
    topic: String,
    partition: i32,
    /// Where the group is.
    prior: i64,
    /// One past the record; `prior` when there is none to skip.
    new: i64,
    /// Where the record is copied to first; null: it is not kept.
    dead_letter_topic: Option<String>,
    /// The record as `eda consume --json` shows it; null: the group has read everything.
    #[serde(rename = "record")]
    shown: Option<Box<RawValue>>,
    #[serde(skip)]
    record: Option<Record>,
    /// Why there is no record, where there may be some that the group cannot be shown yet.
    #[serde(skip)]
    behind: Option<String>,
    /// An earlier record, of a transaction that was aborted.
    passed_over: Option<i64>,
    #[serde(skip)]
    occupied: Vec<Occupied>,
    #[serde(skip)]
    refusals: Vec<String>,
    #[serde(skip)]
    request: SkipRequest,
}

/// Reads the record that the group is to read next. Changes nothing.
///
/// # Errors
/// A group, topic or partition that does not exist, and one in which the group has no commit.
pub async fn plan_skip(cluster: &Cluster, request: &SkipRequest) -> Result<SkipPlan> {
    let (group, place) = (&request.group, &request.place);
    let committed = cluster.committed(group).await?;
    let has_offsets = |_: &str| !committed.is_empty();
    let occupied = occupied(cluster, std::slice::from_ref(group), has_offsets, false).await?;
    let Some(topic) = cluster.topic(&place.topic).await? else {
        let topics = cluster.topics().await?;
        let names = topics.iter().map(|topic| topic.name.as_str());
        return Err(missing::topic(cluster, &place.topic, names).await);
    };
    if !topic
        .partitions
        .iter()
        .any(|partition| partition.id == place.partition)
    {
        let count = topic.partitions.len();
        let error = Error::failed(format!("topic `{}` has {count} partitions", topic.name));
        return Err(error.hint("they count from 0"));
    }
    let dead_letter_topic = request
        .dlq
        .as_ref()
        .map(|template| topic_for(template, &place.topic, group));
    if let Some(name) = &dead_letter_topic {
        name.parse::<TopicName>().map_err(|error| {
            Error::usage(format!("`{name}` cannot be the dead-letter topic")).caused_by(error)
        })?;
        if *name == place.topic {
            let text =
                format!("the dead-letter topic is `{name}` itself: the record would come again");
            return Err(Error::usage(text));
        }
    }
    let Some(prior) = committed.get(place).copied().flatten() else {
        let error = Error::failed(format!(
            "group `{group}` has no commit in `{place}` to go on from"
        ));
        return Err(error.hint(format!(
            "`eda offsets show {group}` shows where it has, `eda offsets reset` sets one"
        )));
    };
    let isolation = match request.read_uncommitted {
        true => Isolation::ReadUncommitted,
        false => Isolation::ReadCommitted,
    };
    let extents = scan::extents(cluster, std::slice::from_ref(place), isolation).await?;
    let record = match extents.get(place) {
        Some(&(start, end)) if prior.max(start) < end => {
            first(
                cluster.clone(),
                place.clone(),
                (prior.max(start), end),
                isolation,
            )
            .await?
        }
        _ => None,
    };
    let behind = match (&record, extents.get(place)) {
        (None, Some(&(start, stable))) => behind(cluster, place, prior.max(start), stable).await?,
        _ => None,
    };
    let passed_over = match (&record, extents.get(place)) {
        (Some(record), Some(&(start, _))) if !request.read_uncommitted => {
            let extent = (prior.max(start), record.offset);
            let isolation = Isolation::ReadUncommitted;
            let first = first(cluster.clone(), place.clone(), extent, isolation).await?;
            first.map(|record| record.offset)
        }
        _ => None,
    };
    let shown = record.as_ref().and_then(|record| {
        let mut line = Vec::new();
        record_json::write(record.into(), None, &mut line);
        RawValue::from_string(String::from_utf8(line).ok()?).ok()
    });
    Ok(SkipPlan {
        group: group.clone(),
        topic: place.topic.clone(),
        partition: place.partition,
        prior,
        new: record.as_ref().map_or(prior, |record| record.offset + 1),
        dead_letter_topic,
        shown,
        record,
        behind,
        passed_over,
        refusals: Occupied::refusals(&occupied),
        occupied,
        request: request.clone(),
    })
}

/// What there is from `position` on though no record could be read before `stable`, where an open transaction begins.
async fn behind(
    cluster: &Cluster,
    place: &TopicPartition,
    position: i64,
    stable: i64,
) -> Result<Option<String>> {
    let isolation = Isolation::ReadUncommitted;
    let extents = scan::extents(cluster, std::slice::from_ref(place), isolation).await?;
    let end = extents.get(place).map_or(stable, |(_, end)| *end);
    Ok(why_nothing(position, stable, end))
}

/// Why there is nothing to read from `position` on; `None` when the group has read everything.
fn why_nothing(position: i64, stable: i64, end: i64) -> Option<String> {
    if position > end {
        // As after a topic was made anew, or lost its latest records with their only leader.
        Some(format!(
            "the group is at {position}, past the end at {end}; `eda offsets reset` sets it back"
        ))
    } else if end > stable {
        Some(format!(
            "a transaction that began at offset {stable} is still open, and holds up what comes after; `--read-uncommitted` looks there"
        ))
    } else if stable > position {
        Some("only markers of transactions are left".to_owned())
    } else {
        None
    }
}

/// The first record of the stretch: offsets may hold none (compacted away, transaction markers).
async fn first(
    cluster: Cluster,
    place: TopicPartition,
    extent: (i64, i64),
    isolation: Isolation,
) -> Result<Option<Record>> {
    let read = move || {
        let mut found = None;
        let stretch = scan::Stretch::from([(place, extent)]);
        scan::read(&cluster, &stretch, isolation, |record| {
            found = Some(record);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    };
    blocking("reading", read).await
}

impl SkipPlan {
    /// The group has read everything there is.
    pub fn is_empty(&self) -> bool {
        self.record.is_none()
    }

    /// Why it cannot be carried out: the group has members.
    pub fn refusal(&self) -> Option<Error> {
        Occupied::refusal(&self.occupied)
    }
}

/// Bytes for a table: text as far as it is, and not more than a screen of it. `ui` escapes what is hostile.
fn shown(bytes: Option<&[u8]>) -> Cell {
    let Some(bytes) = bytes else {
        return Cell::Missing;
    };
    let text = String::from_utf8_lossy(bytes);
    match text.len() > SHOWN {
        true => {
            let cut = &text[..text.floor_char_boundary(SHOWN)];
            Cell::from(format!("{cut}… ({} bytes)", bytes.len()))
        }
        false => Cell::from(text.into_owned()),
    }
}

impl Report for SkipPlan {
    fn table(&self) -> Table {
        let SkipPlan { group, topic, .. } = self;
        let place = format!("{topic}:{}", self.partition);
        let empty = match &self.behind {
            Some(behind) => format!("no record to skip in `{place}`: {behind}"),
            None => format!("nothing to skip: group `{group}` has read all of `{place}`"),
        };
        let mut table = Table::new(&["FIELD", "VALUE"], empty);
        let Some(record) = &self.record else {
            return table;
        };
        table = table.titled(format!("group {group} would skip {}", record.coordinates()));
        let time = record.timestamp.map(|(milliseconds, _)| {
            jiff::Timestamp::from_millisecond(milliseconds)
                .map_or_else(|_| milliseconds.to_string(), |time| time.to_string())
        });
        table.row(["time".into(), time.into()]);
        table.row(["key".into(), shown(record.key.as_deref())]);
        table.row(["value".into(), shown(record.value.as_deref())]);
        for header in &record.headers {
            let name = format!("header {}", header.name);
            table.row([name.into(), shown(header.value.as_deref())]);
        }
        if let Some(offset) = self.passed_over {
            let text = format!(
                "the record at {offset}, of an aborted transaction, is passed over too; if the group reads such records, `--read-uncommitted` skips only that one"
            );
            table.note(text, Tone::Warn);
        }
        if record.offset > self.prior {
            let text = format!(
                "the group is at {}, and this is the first record from there on",
                self.prior
            );
            table.note(text, Tone::Plain);
        }
        match &self.dead_letter_topic {
            Some(topic) => table.note(format!("it is copied to {topic} first"), Tone::Plain),
            None => table.note("it is not kept anywhere else", Tone::Warn),
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

/// What was passed over.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SkipOutcome {
    group: String,
    topic: String,
    partition: i32,
    prior: i64,
    new: i64,
    dead_letter_topic: Option<String>,
}

/// Copies the record, waits until that is acknowledged, and commits the next offset.
///
/// # Errors
/// When it is not certain that the record was copied: then the offset is where it was. When the offset cannot be
/// committed: then the record is in the dead-letter topic, and will be again when the command is repeated.
pub async fn skip(cluster: &Cluster, plan: SkipPlan, _consent: Consent) -> Result<SkipOutcome> {
    let SkipPlan { request, group, .. } = plan;
    let Some(record) = plan.record else {
        return Err(Error::failed("there is no record to skip"));
    };
    unmoved(cluster, &group, &request.place, plan.prior).await?;
    if request.dlq.is_some() {
        let letters = DeadLetters::new(
            cluster.clone(),
            group.clone(),
            request.dlq,
            Fate::Uncommitted,
        );
        let failure = Failure::permanent("Skipped", request.reason);
        letters.bury(&record, &failure, None).await?;
        // To create the topic may have taken a while.
        let still = unmoved(cluster, &group, &request.place, plan.prior).await;
        still.map_err(|error| copied(error, plan.dead_letter_topic.as_deref()))?;
    }
    let committed = cluster
        .commit_for_group(&group, &[(request.place, plan.new)])
        .await;
    let outcome = committed.and_then(|outcomes| match outcomes.into_iter().next() {
        Some((_, outcome)) => outcome,
        None => Err(Error::failed("the answer leaves it out")),
    });
    outcome.map_err(|error| copied(error, plan.dead_letter_topic.as_deref()))?;
    Ok(SkipOutcome {
        group,
        topic: plan.topic,
        partition: plan.partition,
        prior: plan.prior,
        new: plan.new,
        dead_letter_topic: plan.dead_letter_topic,
    })
}

/// The group is still where the plan found it.
async fn unmoved(
    cluster: &Cluster,
    group: &str,
    place: &TopicPartition,
    planned: i64,
) -> Result<()> {
    let committed = cluster.committed(group).await?;
    match committed.get(place).copied().flatten() {
        Some(now) if now == planned => Ok(()),
        now => Err(has_moved(Some(planned), now)),
    }
}

fn copied(error: Error, topic: Option<&str>) -> Error {
    let offset = match error.kind() {
        Kind::Unreachable => "it is not known whether the offset was moved",
        _ => "the offset was not moved",
    };
    match topic {
        Some(topic) => error.context(format!("the record was copied to `{topic}`; {offset}")),
        None => error,
    }
}

impl Report for SkipOutcome {
    fn table(&self) -> Table {
        let headers = ["GROUP", "TOPIC", "PARTITION", "PRIOR", "NEW", "COPIED-TO"];
        let mut table = Table::new(&headers, "");
        table.row([
            self.group.as_str().into(),
            self.topic.as_str().into(),
            self.partition.into(),
            self.prior.into(),
            self.new.into(),
            self.dead_letter_topic
                .as_deref()
                .map(Cell::from)
                .unwrap_or(Cell::Missing),
        ]);
        table
    }
}

#[cfg(test)]
mod tests;
