//! `eda consume` without a handler: records handed to a sink, in a group or not.
//!
//! With a group, an offset is committed only after the sink has flushed the record, so what is committed was
//! printed: at least once, and after a crash a record may be printed again but none is passed over.

mod follow;
mod taken;

use super::topics;
use crate::error::{Error, Result, Status};
use crate::kafka::{Cluster, Isolation};
use crate::model::filter::Filter;
use crate::model::offset::{Position, Range};
use crate::model::record::RecordRef;
use crate::model::topic::{Topic, TopicPartition};
use crate::ops::blocking::blocking;
use crate::ops::stop::Stop;
use crate::ops::{positions, scan};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct PrintRequest {
    /// Names; what begins with `^` is a regular expression over them.
    pub topics: Vec<String>,
    pub group: Option<String>,
    /// Without a group: where to begin and to end. With one: where to begin where nothing is committed.
    pub range: Option<Range>,
    /// How many records to hand on.
    pub count: Option<u64>,
    /// Empty: all. Not with a group.
    pub partitions: Vec<i32>,
    /// End when nothing came for this long.
    pub idle: Option<Duration>,
    pub read_uncommitted: bool,
    /// What is not wanted is read, and committed, and not handed on.
    pub filter: Filter,
}

/// Takes the records. Called from one thread at a time.
pub trait Sink: Send {
    fn record(&mut self, record: RecordRef<'_>) -> Result<()>;
    /// Everything taken so far must be out when this returns; an error when nobody takes it any more.
    fn flush(&mut self) -> Result<()>;
    /// Something that whoever watches should know; no record, and no end either.
    fn warn(&mut self, text: &str);
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Printed {
    /// Handed on.
    pub records: u64,
    /// Read, wanted or not.
    pub read: u64,
    /// Passed over because a field was asked for and the value is not JSON.
    pub not_json: u64,
    pub stopped: Option<Status>,
}

/// Reads until the count, the end of the range, idleness, or a request to stop.
pub async fn print(
    cluster: &Cluster,
    mut request: PrintRequest,
    mut sink: Box<dyn Sink>,
    stop: Stop,
) -> Result<Printed> {
    // A group refuses a topic that is named twice; it is meant once.
    let mut named = BTreeSet::new();
    request.topics.retain(|topic| named.insert(topic.clone()));
    let patterns = topics::Patterns::new(&request.topics)?;
    let existing = topics::existing(cluster, &request.topics).await?;
    let reading = match &request.group {
        Some(group) => Reading::Group {
            from_beginning: from_beginning(&request, group)?,
        },
        None => {
            let wanted = |topic: &&Topic| {
                request.topics.contains(&topic.name) || patterns.matches(&topic.name)
            };
            let chosen: Vec<_> = existing.iter().filter(wanted).collect();
            if let Some(unmatched) = patterns.unmatched(&chosen) {
                return Err(unmatched);
            }
            let mut partitions = BTreeSet::new();
            for topic in chosen {
                let wanted =
                    |id: &i32| request.partitions.is_empty() || request.partitions.contains(id);
                let ids = topic
                    .partitions
                    .iter()
                    .map(|partition| partition.id)
                    .filter(wanted);
                partitions.extend(ids.map(|id| TopicPartition::new(&topic.name, id)));
            }
            if let Some(id) = request.partitions.iter().find(|id| {
                !partitions
                    .iter()
                    .any(|partition| partition.partition == **id)
            }) {
                let topics = request.topics.join("`, `");
                return Err(Error::failed(format!("`{topics}` has no partition {id}"))
                    .hint("`eda topic describe` shows the partitions"));
            }
            let partitions: Vec<_> = partitions.into_iter().collect();
            Reading::Alone(stretch(cluster, &request, &partitions, &mut *sink).await?)
        }
    };
    let cluster = cluster.clone();
    let follow = move || follow::run(&cluster, &request, &reading, sink, &stop);
    blocking("consuming", follow).await
}

enum Reading {
    Group {
        from_beginning: bool,
    },
    /// From, and up to but not including.
    Alone(BTreeMap<TopicPartition, (i64, Option<i64>)>),
}

fn from_beginning(request: &PrintRequest, group: &str) -> Result<bool> {
    if !request.partitions.is_empty() {
        return Err(Error::usage("`--partition` does not go with `--group`")
            .hint("a group's partitions are given out among its members"));
    }
    begins_at_beginning(request.range.as_ref(), group)
}

/// Where a group's member begins without a commit: the beginning, else the end.
///
/// # Errors
/// Usage: any other place, for a group begins where it left off.
pub fn begins_at_beginning(range: Option<&Range>, group: &str) -> Result<bool> {
    match range {
        None => Ok(true),
        Some(Range {
            start: Position::Stored | Position::Beginning,
            end: None,
        }) => Ok(true),
        Some(Range {
            start: Position::End,
            end: None,
        }) => Ok(false),
        Some(_) => Err(
            Error::usage(format!("group `{group}` begins where it left off")).hint(
                "with `--group`, `-o` is `beginning` or `end`: where to begin without a commit",
            ),
        ),
    }
}

/// Turns positions into offsets, with as many look-ups as there are kinds of position.
async fn stretch(
    cluster: &Cluster,
    request: &PrintRequest,
    partitions: &[TopicPartition],
    sink: &mut dyn Sink,
) -> Result<BTreeMap<TopicPartition, (i64, Option<i64>)>> {
    let isolation = match request.read_uncommitted {
        true => Isolation::ReadUncommitted,
        false => Isolation::ReadCommitted,
    };
    let extents = scan::extents(cluster, partitions, isolation).await?;
    let range = request.range.clone().unwrap_or(Range {
        start: Position::Beginning,
        end: None,
    });
    let starts = positions::resolve(cluster, &range.start, &extents, isolation).await?;
    if let Position::At(wanted) = range.start {
        let beyond = starts.iter().filter(|(_, start)| **start < wanted);
        let ends: Vec<_> = beyond
            .map(|(place, end)| format!("`{place}` ends at {end}"))
            .collect();
        if let Some(first) = ends.first() {
            let more = match ends.len() {
                1 => String::new(),
                count => format!(", and {} more end earlier too", count - 1),
            };
            sink.warn(&format!(
                "there is no offset {wanted} yet: {first}{more}; what comes next is read"
            ));
        }
    }
    let ends = match &range.end {
        Some(end) => Some(positions::resolve(cluster, end, &extents, isolation).await?),
        None => None,
    };
    let stretch = starts.into_iter().map(|(partition, start)| {
        let end = ends.as_ref().and_then(|ends| ends.get(&partition).copied());
        (partition, (start, end))
    });
    Ok(stretch.collect())
}
