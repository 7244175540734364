//! `eda dlq list`.

use super::discover::{Discovered, KnownBy, discover};
use super::left::{self, Left};
use super::peek::{Of, Peek, half_way, peek};
use super::unlearnt::Unlearnt;
use super::{hours, ledger, places, rate, replay_group};
use crate::error::{Error, Result, Status};
use crate::kafka::{Cluster, Isolation};
use crate::model::group::GroupListing;
use crate::model::ledger::Progress;
use crate::model::topic::{Topic, TopicPartition};
use crate::ops::scan::{self, Stretch};
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// What the user asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListRequest {
    /// More waiting in all is an alarm.
    pub max: Option<i64>,
    /// Whether to look into topics whose name and configuration say nothing.
    pub probe: bool,
}

/// The dead-letter topics, sorted by name.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct DeadLetterTopics {
    rows: Vec<Row>,
    #[serde(skip)]
    max: Option<i64>,
    #[serde(skip)]
    unlearnt: Unlearnt,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    topic: String,
    partitions: usize,
    records: i64,
    /// Not yet put back by `eda dlq replay`.
    unreplayed: i64,
    found: KnownBy,
    /// When the first and the last of them died, in milliseconds since 1970-01-01 UTC.
    oldest: Option<i64>,
    newest: Option<i64>,
    /// How many came in an hour, over the last day or since the oldest.
    rate_per_hour: Option<f64>,
}

/// Finds them, by name, configuration and, if that is asked for, by what lies in them, and counts what they hold.
///
/// # Errors
/// One that is known by its name or configuration does not tell how much it holds. What else cannot be learnt is told in
/// the report.
pub async fn list(cluster: &Cluster, request: &ListRequest) -> Result<DeadLetterTopics> {
    let topics = cluster.topics().await?;
    let names: BTreeSet<String> = topics.iter().map(|topic| topic.name.clone()).collect();
    let mut unlearnt = Unlearnt::default();
    let mut discovered = discover(cluster, topics, &mut unlearnt).await;
    if !request.probe {
        discovered.silent.clear();
    }
    // One that is known to hold dead letters and does not answer may hold any number.
    let known = discovered.known_places();
    let extents = scan::extents_of_existing(cluster, &known, Isolation::ReadCommitted);
    let mut extents = scan::whole(extents.await?)?;
    let silent = extents_of_silent(cluster, &discovered, &mut unlearnt).await;

    // The known ones first, and with time of their own: there may be any number of others.
    let begun = Instant::now();
    let deadline = begun + cluster.connection().timeout;
    let share = match silent.is_empty() {
        true => deadline,
        false => half_way(begun, deadline),
    };
    let seen = peek(cluster, extents.clone(), Of::Known, share).await;
    let mut seen = seen.unwrap_or_else(|error| {
        unlearnt.add("look into the dead-letter topics", &error);
        Peek::default()
    });
    let failed = std::mem::take(&mut seen.failed);
    let unseen: BTreeSet<String> = failed
        .iter()
        .map(|(place, _)| place.topic.clone())
        .collect();
    unlearnt.add_all("look into", named(failed));
    let probed = peek(cluster, silent.clone(), Of::Silent, deadline).await;
    let probed = probed.unwrap_or_else(|error| {
        unlearnt.warn("look into the topics whose names say nothing", &error);
        Peek::default()
    });
    unlearnt.warn_all("look into", named(probed.failed));
    discovered.settle(&probed.by_records);
    let is_found = |(place, _): &(TopicPartition, _)| probed.by_records.contains(&place.topic);
    extents.extend(silent.into_iter().filter(is_found));
    let mut ages = seen.ages;
    ages.extend(probed.ages);

    let now_ms = jiff::Timestamp::now().as_millisecond();
    let rates = rate::rates(cluster, &extents, &ages, now_ms, &mut unlearnt).await;
    let left = left(cluster, &discovered, &extents, &names, &mut unlearnt).await?;
    let mut left = count(cluster, left, &unseen, &mut unlearnt).await;
    let row = |(name, (topic, found)): (String, (Topic, KnownBy))| {
        let age = ages.get(&name);
        let of_topic = places(&topic);
        let of_topic = of_topic.iter().filter_map(|place| extents.get(place));
        Row {
            partitions: topic.partitions.len(),
            records: of_topic.map(|(start, end)| end - start).sum(),
            unreplayed: left.remove(&name).unwrap_or_default(),
            found,
            oldest: age.map(|(oldest, _)| *oldest),
            newest: age.map(|(_, newest)| *newest),
            rate_per_hour: rates.get(&name).copied(),
            topic: name,
        }
    };
    Ok(DeadLetterTopics {
        rows: discovered.known.into_iter().map(row).collect(),
        max: request.max,
        unlearnt,
    })
}

/// First and next offsets of the topics whose names say nothing, as far as they are to be learnt. A topic that was deleted
/// meanwhile holds nothing.
async fn extents_of_silent(
    cluster: &Cluster,
    discovered: &Discovered,
    unlearnt: &mut Unlearnt,
) -> Stretch {
    let places = discovered.silent_places();
    let answers = scan::extents_of_existing(cluster, &places, Isolation::ReadCommitted);
    let answers = answers.await.unwrap_or_else(|error| {
        unlearnt.warn(
            "learn the offsets of the topics whose names say nothing",
            &error,
        );
        scan::Answers::new()
    });
    let mut extents = Stretch::new();
    let mut failed = Vec::new();
    for (place, answer) in answers {
        match answer {
            Ok(extent) => {
                extents.insert(place, extent);
            }
            Err(error) => failed.push((place, error)),
        }
    }
    unlearnt.warn_all("learn the offsets of", named(failed));
    extents
}

fn named(failed: Vec<(TopicPartition, Error)>) -> Vec<(String, Error)> {
    let name = |(place, error): (TopicPartition, Error)| (place.to_string(), error);
    failed.into_iter().map(name).collect()
}

/// How many letters wait: where that is quick the letters themselves are counted, but not of what was `unseen`, which would
/// not come now either.
async fn count(
    cluster: &Cluster,
    left: Vec<Left>,
    unseen: &BTreeSet<String>,
    unlearnt: &mut Unlearnt,
) -> BTreeMap<String, i64> {
    let seen = left.iter().filter(|left| !unseen.contains(&left.topic));
    let counted = left::count_few(cluster, seen)
        .await
        .unwrap_or_else(|error| {
            unlearnt.warn("count the letters themselves instead of offsets", &error);
            BTreeMap::new()
        });
    let count = |left: Left| {
        let counted = counted.get(&left.topic).copied();
        (left.topic, counted.unwrap_or(left.offsets))
    };
    left.into_iter().map(count).collect()
}

/// What no replay is done with of each topic; `names` are all topics there are.
async fn left(
    cluster: &Cluster,
    discovered: &Discovered,
    extents: &Stretch,
    names: &BTreeSet<String>,
    unlearnt: &mut Unlearnt,
) -> Result<Vec<Left>> {
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let ledgers = ledger::existing(discovered.known.keys().map(String::as_str), &names);
    let (mut blocks, damaged) = match ledgers.is_empty() {
        true => Default::default(),
        false => ledger::read(cluster, ledgers).await?,
    };
    for (topic, error) in &damaged {
        let error = error.one_line();
        let text = format!("what was put back of `{topic}` is not known: {error}");
        unlearnt.failures.push(text);
    }
    let by_group: BTreeMap<String, &str> = discovered
        .known
        .keys()
        .map(|topic| (replay_group(topic), topic.as_str()))
        .collect();
    let groups = cluster.groups().await?.into_iter();
    let replayed: Vec<GroupListing> = groups
        .filter(|group| by_group.contains_key(&group.id))
        .collect();
    let mut committed = BTreeMap::new();
    for (group, offsets) in cluster.committed_of_groups(&replayed).await? {
        committed.insert(group, offsets?);
    }
    let mut left = Vec::new();
    for (group, topic) in by_group {
        let mut committed = committed.remove(&group).unwrap_or_default();
        let of_topic = extents.iter().filter(|(place, _)| place.topic == topic);
        let stretch: Stretch = of_topic
            .map(|(place, extent)| (place.clone(), *extent))
            .collect();
        let mut progress = |(place, (start, _)): (&TopicPartition, &(i64, i64))| {
            let next = committed.remove(place).flatten().unwrap_or(0).max(*start);
            Progress::new(next, blocks.remove(place).unwrap_or_default())
        };
        let over: Vec<Progress> = stretch.iter().map(&mut progress).collect();
        left.push(Left::new(topic, stretch, over));
    }
    Ok(left)
}

impl DeadLetterTopics {
    /// The topics' names.
    pub fn names(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.topic.clone()).collect()
    }

    /// What was not learnt and fails nothing, a sentence each: rates, and what lies in topics whose names say nothing, or
    /// that we may not look into.
    pub fn warnings(&self) -> &[String] {
        &self.unlearnt.warnings
    }

    fn waiting(&self) -> i64 {
        self.rows.iter().map(|row| row.unreplayed).sum()
    }
}

impl Report for DeadLetterTopics {
    fn table(&self) -> Table {
        let headers = [
            "TOPIC",
            "PARTITIONS",
            "RECORDS",
            "UNREPLAYED",
            "FOUND",
            "OLDEST",
            "NEWEST",
            "RATE",
        ];
        let mut table = Table::new(&headers, "no dead-letter topics");
        let time = |time: Option<i64>| Cell::from(time.map(hours::time));
        for row in &self.rows {
            table.row([
                row.topic.as_str().into(),
                row.partitions.into(),
                row.records.into(),
                row.unreplayed.into(),
                row.found.name().into(),
                time(row.oldest),
                time(row.newest),
                row.rate_per_hour.map(|rate| rate.to_string()).into(),
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

    fn failures(&self) -> &[String] {
        &self.unlearnt.failures
    }

    fn status(&self) -> Result<Status> {
        Ok(match self.max {
            Some(max) if self.waiting() > max => Status::Alarm,
            _ => Status::failed_if(!self.unlearnt.failures.is_empty()),
        })
    }
}
