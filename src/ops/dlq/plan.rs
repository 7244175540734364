//! The plan of a replay: which dead letters, why they died, where they would go.

use super::{find, replay_group, unreplayed};
use crate::error::{Error, Result};
use crate::kafka::{Cluster, Isolation};
use crate::model::dead_letter;
use crate::model::record::Record;
use crate::model::topic::TopicPartition;
use crate::ops::scan;
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct ReplayRequest {
    pub topic: String,
    /// None: all.
    pub count: Option<u64>,
    /// Also what was put back before.
    pub from_beginning: bool,
}

impl ReplayRequest {
    /// The command line that asks for the same.
    pub fn command_line(&self) -> Vec<String> {
        let mut words: Vec<String> = ["eda", "dlq", "replay"].map(str::to_owned).to_vec();
        words.push(self.topic.clone());
        if let Some(count) = self.count {
            words.extend(["-n".to_owned(), count.to_string()]);
        }
        if self.from_beginning {
            words.push("--from-beginning".to_owned());
        }
        words
    }
}

/// A stretch of the dead-letter topic, and a histogram of what is in it.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayPlan {
    topic: String,
    total: u64,
    replayable: u64,
    bytes: u64,
    reasons: Vec<Reason>,
    /// Records that cannot be put back, the first of them.
    unplaceable: Vec<String>,
    #[serde(skip)]
    pub(super) stretch: scan::Stretch,
    /// How many partitions each origin topic has now.
    #[serde(skip)]
    pub(super) origins: BTreeMap<String, usize>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reason {
    count: u64,
    kind: Option<String>,
    exception: Option<String>,
    message: Option<String>,
    /// null: the record does not say.
    origin: Option<String>,
    group: Option<String>,
    replayable: bool,
}

/// How many reasons and records the plan names; the rest is summed up.
const NAMED: usize = 20;
/// Distinct reasons kept apart while reading: messages may hold ids, and memory must not follow them.
const DISTINCT: usize = 1000;

/// Characters of a name that are kept (a topic's is no longer), and of a message.
const LONGEST: usize = 249;
const MESSAGE: usize = 100;

/// Origin, group, kind, exception and message.
type Key = (
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

struct Count<'a> {
    origins: &'a BTreeMap<String, usize>,
    reasons: BTreeMap<Key, u64>,
    unplaceable: Vec<String>,
    total: u64,
    replayable: u64,
    bytes: u64,
}

impl Count<'_> {
    fn add(&mut self, record: &Record) {
        self.total += 1;
        self.bytes += record.size() as u64;
        let letter = dead_letter::detect(record);
        let origin = letter
            .as_ref()
            .and_then(|letter| letter.origin.topic.clone());
        match &origin {
            Some(topic) if self.origins.contains_key(topic) => self.replayable += 1,
            _ if self.unplaceable.len() < NAMED => self.unplaceable.push(record.coordinates()),
            _ => {}
        }
        let (kind, exception, message, group) = match letter {
            Some(letter) => (
                letter.kind.map(|kind| kind.name().to_owned()),
                letter.exception.map(|text| first_line(&text, LONGEST)),
                letter.message.map(|text| first_line(&text, MESSAGE)),
                letter.group.map(|text| first_line(&text, LONGEST)),
            ),
            None => (None, None, None, None),
        };
        // No topic has a longer name: it is none.
        let origin = origin.filter(|topic| topic.len() <= LONGEST);
        self.count((origin, group, kind, exception, message));
    }

    fn count(&mut self, mut key: Key) {
        if self.reasons.len() >= DISTINCT && !self.reasons.contains_key(&key) {
            // Only what there can be few of: the topics that exist, and the kinds.
            let (origin, _, kind, ..) = key;
            let origin = origin.filter(|topic| self.origins.contains_key(topic));
            key = (origin, None, kind, None, Some("(other reasons)".to_owned()));
        }
        *self.reasons.entry(key).or_default() += 1;
    }
}

fn first_line(text: &str, length: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(length).collect()
}

/// Reads what would be replayed; changes nothing.
pub async fn plan(cluster: &Cluster, request: &ReplayRequest) -> Result<ReplayPlan> {
    let Some(topic) = find(cluster, &request.topic).await? else {
        return Ok(ReplayPlan::nothing(&request.topic));
    };
    let committed = match request.from_beginning {
        true => BTreeMap::new(),
        false => progress(cluster, &request.topic).await?,
    };
    let stretch = unreplayed(cluster, &topic, &committed).await?;
    let origins: BTreeMap<String, usize> = cluster
        .topics()
        .await?
        .into_iter()
        .filter(|origin| !origin.internal && origin.name != topic.name)
        .map(|origin| (origin.name, origin.partitions.len()))
        .collect();
    let (cluster, request) = (cluster.clone(), request.clone());
    tokio::task::spawn_blocking(move || histogram(&cluster, &request, stretch, origins))
        .await
        .map_err(|error| Error::failed("the reading thread ended early").caused_by(error))?
}

/// How far earlier replays came. No such group yet: nowhere.
async fn progress(cluster: &Cluster, topic: &str) -> Result<BTreeMap<TopicPartition, Option<i64>>> {
    let group = replay_group(topic);
    let known = cluster
        .groups()
        .await?
        .iter()
        .any(|listing| listing.id == group);
    if known {
        cluster.committed(&group).await
    } else {
        Ok(BTreeMap::new())
    }
}

fn histogram(
    cluster: &Cluster,
    request: &ReplayRequest,
    stretch: scan::Stretch,
    origins: BTreeMap<String, usize>,
) -> Result<ReplayPlan> {
    let mut count = Count {
        origins: &origins,
        reasons: BTreeMap::new(),
        unplaceable: Vec::new(),
        total: 0,
        replayable: 0,
        bytes: 0,
    };
    let mut planned = scan::Stretch::new();
    match request.count {
        None => {
            scan::read(cluster, &stretch, Isolation::ReadCommitted, |record| {
                count.add(&record);
                Ok(ControlFlow::Continue(()))
            })?;
            planned = stretch;
        }
        // Partition by partition, so that "the first N" is the same stretch whenever it is asked for.
        Some(limit) => {
            for (place, (start, end)) in stretch {
                if count.total >= limit {
                    break;
                }
                let mut reached = start;
                let one = scan::Stretch::from([(place.clone(), (start, end))]);
                scan::read(cluster, &one, Isolation::ReadCommitted, |record| {
                    count.add(&record);
                    reached = record.offset + 1;
                    let full = count.total >= limit;
                    Ok(if full {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    })
                })?;
                let until = if count.total >= limit { reached } else { end };
                planned.insert(place, (start, until));
            }
        }
    }
    let mut reasons: Vec<Reason> = count
        .reasons
        .into_iter()
        .map(
            |((origin, group, kind, exception, message), count)| Reason {
                replayable: origin
                    .as_ref()
                    .is_some_and(|origin| origins.contains_key(origin)),
                count,
                kind,
                exception,
                message,
                origin,
                group,
            },
        )
        .collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.count));
    Ok(ReplayPlan {
        topic: request.topic.clone(),
        total: count.total,
        replayable: count.replayable,
        bytes: count.bytes,
        reasons,
        unplaceable: count.unplaceable,
        stretch: planned,
        origins,
    })
}

impl ReplayPlan {
    /// The plan for a topic in which nothing has died yet.
    fn nothing(topic: &str) -> Self {
        ReplayPlan {
            topic: topic.to_owned(),
            ..ReplayPlan::default()
        }
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// How many dead letters the plan covers.
    pub fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn topic(&self) -> &str {
        &self.topic
    }
}

impl Report for ReplayPlan {
    fn table(&self) -> Table {
        let headers = ["COUNT", "ORIGIN", "GROUP", "KIND", "EXCEPTION", "MESSAGE"];
        let empty = format!("no dead letters wait in `{}`", self.topic);
        let mut table = Table::new(&headers, empty);
        for reason in self.reasons.iter().take(NAMED) {
            let origin = match &reason.origin {
                Some(origin) if reason.replayable => Cell::from(origin.as_str()),
                Some(origin) => Cell::from(format!("{origin} (gone)")).tone(Tone::Bad),
                None => Cell::from("unknown").tone(Tone::Bad),
            };
            table.row([
                reason.count.into(),
                origin,
                reason.group.clone().into(),
                reason.kind.clone().into(),
                reason.exception.clone().into(),
                reason.message.clone().into(),
            ]);
        }
        if self.total == 0 {
            return table;
        }
        if self.reasons.len() > NAMED {
            table.note(
                format!("and {} more reasons", self.reasons.len() - NAMED),
                Tone::Plain,
            );
        }
        let text = format!(
            "{} of {} can be put back, {} bytes",
            self.replayable, self.total, self.bytes
        );
        table.note(text, Tone::Plain);
        let left = self.total - self.replayable;
        if left > 0 {
            let text = format!("{left} cannot: {}", self.unplaceable.join(" "));
            table.note(text, Tone::Bad);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_does_not_follow_the_reasons() {
        let origins = BTreeMap::from([("orders".to_owned(), 3)]);
        let mut count = Count {
            origins: &origins,
            reasons: BTreeMap::new(),
            unplaceable: Vec::new(),
            total: 0,
            replayable: 0,
            bytes: 0,
        };
        for id in 0..3 * DISTINCT {
            let origin = match id % 2 {
                0 => "orders".to_owned(),
                _ => format!("gone-{id}"),
            };
            let text = Some(id.to_string());
            count.count((Some(origin), text.clone(), None, text.clone(), text));
        }
        assert_eq!(count.reasons.len(), DISTINCT + 2);
        assert_eq!(count.reasons.values().sum::<u64>(), 3 * DISTINCT as u64);
        let others = (
            Some("orders".to_owned()),
            None,
            None,
            None,
            Some("(other reasons)".to_owned()),
        );
        assert_eq!(count.reasons[&others], DISTINCT as u64);
    }
}
