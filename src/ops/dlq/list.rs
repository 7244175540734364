//! `eda dlq list`.

use super::discover::{Discovered, KnownBy, discover};
use super::peek::{Peek, peek};
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
/// One that is found does not answer. What cannot be learnt of others is told in the report.
pub async fn list(cluster: &Cluster, request: &ListRequest) -> Result<DeadLetterTopics> {
    let topics = cluster.topics().await?;
    let names: BTreeSet<String> = topics.iter().map(|topic| topic.name.clone()).collect();
    let mut unlearnt = Unlearnt::default();
    let mut discovered = discover(cluster, topics, &mut unlearnt).await;
    if !request.probe {
        discovered.silent.clear();
    }
    let extents = extents(cluster, &discovered, &mut unlearnt).await?;
    let known: BTreeSet<String> = discovered.known.keys().cloned().collect();
    let deadline = Instant::now() + cluster.connection().timeout;
    let peeked = peek(cluster, extents.clone(), known, deadline).await;
    let mut peeked = peeked.unwrap_or_else(|error| {
        unlearnt.add("look into the topics", &error);
        Peek::default()
    });
    let failed = std::mem::take(&mut peeked.failed).into_iter();
    let failed = failed.map(|(place, error)| (place.to_string(), error));
    unlearnt.add_all("look into", failed.collect());
    discovered.settle(&peeked.by_records);

    let now_ms = jiff::Timestamp::now().as_millisecond();
    let of_known = |place: &TopicPartition| discovered.known.contains_key(&place.topic);
    let extents: Stretch = extents
        .into_iter()
        .filter(|(place, _)| of_known(place))
        .collect();
    let rates = rate::rates(cluster, &extents, &peeked.ages, now_ms).await?;
    let mut left = left(cluster, &discovered, &extents, &names).await?;
    let row = |(name, (topic, found)): (String, (Topic, KnownBy))| {
        let age = peeked.ages.get(&name);
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

/// First and next offsets. One that is known to hold dead letters and does not answer may hold any number; of the others
/// it is told. A topic that was deleted meanwhile holds nothing.
async fn extents(
    cluster: &Cluster,
    discovered: &Discovered,
    unlearnt: &mut Unlearnt,
) -> Result<Stretch> {
    let all = discovered.places();
    let answers = scan::extents_of_existing(cluster, &all, Isolation::ReadCommitted).await?;
    let (known, silent): (scan::Answers, scan::Answers) = answers
        .into_iter()
        .partition(|(place, _)| discovered.known.contains_key(&place.topic));
    let mut extents = scan::whole(known)?;
    let mut failed: Vec<(String, Error)> = Vec::new();
    for (place, answer) in silent {
        match answer {
            Ok(extent) => {
                extents.insert(place, extent);
            }
            Err(error) => failed.push((place.to_string(), error)),
        }
    }
    unlearnt.add_all("learn the offsets of", failed);
    Ok(extents)
}

/// How many letters of each topic no replay is done with; `names` are all topics there are.
async fn left(
    cluster: &Cluster,
    discovered: &Discovered,
    extents: &Stretch,
    names: &BTreeSet<String>,
) -> Result<BTreeMap<String, i64>> {
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let ledgers = ledger::existing(discovered.known.keys().map(String::as_str), &names);
    let mut blocks = match ledgers.is_empty() {
        true => BTreeMap::new(),
        false => ledger::read(cluster, ledgers).await?,
    };
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
    let mut left = BTreeMap::new();
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
        left.insert(topic.to_owned(), ledger::count_left(&stretch, &over));
    }
    Ok(left)
}

impl DeadLetterTopics {
    /// The topics' names.
    pub fn names(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.topic.clone()).collect()
    }

    /// What we may not look into, a sentence each: it may hold dead letters, and that is nobody's failure.
    pub fn refused(&self) -> &[String] {
        &self.unlearnt.refused
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
