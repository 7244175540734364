//! Where each dead letter goes, and as what: its origin, its payload, what its destination takes.
//!
//! The one place that decides it, for a plan and for what is done by it. It works on batches, so that whoever has to
//! ask somebody about many letters (the origin of a mere pointer) can ask once.

use super::request::{Manner, Target};
use super::stay::Stay;
use super::{hydrate, park};
use crate::error::Result;
use crate::kafka::Cluster;
use crate::model::dead_letter::{self, DeadLetter, Original, Payload, eda, is_dead_letter_topic};
use crate::model::ledger::is_ledger;
use crate::model::record::{OutgoingRecord, OutgoingRef, Record};
use crate::model::record_size;
use crate::model::topic::TopicPartition;
use crate::ops::largest_batch::largest_batch;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tokio::runtime::Handle;

/// What all headers begin with that a replay adds.
const REPLAY_PREFIX: &str = "eda-replay-";

/// A topic that letters go to.
#[derive(Debug)]
pub(super) struct Destination {
    pub(super) name: Arc<str>,
    partitions: i32,
    /// The most bytes of a batch; `None` where nobody says.
    pub(super) limit: Option<u32>,
}

/// What is to become of a dead letter.
#[derive(Clone, Debug)]
pub(super) enum Route {
    To(Arc<Destination>, Option<i32>),
    /// To the parking topic, for this reason.
    Park(String),
    /// It stays where it is.
    Stays(Stay),
}

/// A dead letter with all that was found out about it.
#[derive(Debug)]
pub(super) struct Resolved {
    /// `None`: the record says nothing about itself that is understood.
    pub(super) letter: Option<DeadLetter>,
    /// The record that died, when it had to be fetched.
    fetched: Option<Original>,
    pub(super) route: Route,
}

/// Which replay it is that puts a letter back, and when.
#[derive(Clone, Copy)]
pub(super) struct Stamp<'a> {
    pub(super) replay_id: &'a str,
    pub(super) now_ms: i64,
}

/// Knows the topics there are, and what letters are to be put back as.
#[derive(Clone)]
pub(super) struct Resolver {
    cluster: Cluster,
    runtime: Handle,
    /// The dead-letter topic.
    source: String,
    manner: Manner,
    /// How many partitions each topic has that something may be put back into.
    existing: HashMap<String, i32>,
    /// Those that were met.
    known: HashMap<String, Arc<Destination>>,
    /// What a batch weighs then only its broker can tell.
    compresses: bool,
}

impl Resolver {
    /// For the letters of `source`. To be used on blocking threads of the runtime.
    ///
    /// # Errors
    /// The topics cannot be listed.
    pub(super) async fn new(cluster: &Cluster, source: &str, manner: Manner) -> Result<Self> {
        let topics = cluster.topics().await?;
        let topics = topics.into_iter();
        let existing = topics
            .filter(|topic| !topic.internal && topic.name != source && !is_ledger(&topic.name))
            .map(|topic| {
                let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
                (topic.name, partitions)
            })
            .collect();
        let compresses = |(name, value): &(String, String)| {
            matches!(name.as_str(), "compression.type" | "compression.codec") && value != "none"
        };
        Ok(Resolver {
            compresses: cluster.connection().properties.iter().any(compresses),
            cluster: cluster.clone(),
            runtime: Handle::current(),
            source: source.to_owned(),
            manner,
            existing,
            known: HashMap::new(),
        })
    }

    /// How many partitions a topic has that something may be put back into.
    pub(super) fn partitions(&self, topic: &str) -> Option<i32> {
        self.existing.get(topic).copied()
    }

    /// The topics that something may be put back into.
    pub(super) fn topics(&self) -> impl Iterator<Item = &str> {
        self.existing.keys().map(String::as_str)
    }

    /// The topics that letters were found to go to.
    pub(super) fn destinations(&self) -> impl Iterator<Item = &Destination> {
        self.known.values().map(|known| &**known)
    }

    /// What is to become of these records, in their order.
    ///
    /// # Errors
    /// A partition that a record has to be fetched from does not answer.
    pub(super) fn resolve(
        &mut self,
        records: &[Record],
        resolved: &mut Vec<Resolved>,
    ) -> Result<()> {
        resolved.clear();
        let mut wanted: BTreeMap<TopicPartition, BTreeSet<i64>> = BTreeMap::new();
        for record in records {
            let letter = dead_letter::detect(record);
            let died = letter
                .as_ref()
                .and_then(|letter| self.died_elsewhere(letter));
            if let Some((place, offset)) = died {
                wanted.entry(place).or_default().insert(offset);
            }
            resolved.push(Resolved {
                letter,
                fetched: None,
                route: Route::Stays(Stay::NotUnderstood),
            });
        }
        let fetched = match wanted.is_empty() {
            true => HashMap::new(),
            false => hydrate::fetch(&self.cluster, &self.runtime, &wanted)?,
        };
        for (record, resolved) in records.iter().zip(resolved) {
            let letter = resolved.letter.as_ref();
            let died = letter.and_then(|letter| self.died_elsewhere(letter));
            let original = died.and_then(|place| fetched.get(&place));
            resolved.fetched = original.map(|original| Original {
                key: original.key.clone(),
                value: original.value.clone(),
                headers: original.headers.clone(),
            });
            resolved.route = self.route(record, letter, original.is_some());
            self.weigh(record, resolved);
        }
        Ok(())
    }

    /// Where the record is that a dead letter only points at, or lacks the headers of (KIP-1191).
    fn died_elsewhere(&self, letter: &DeadLetter) -> Option<hydrate::Place> {
        if !matches!(letter.payload, Payload::Pointer | Payload::Copy) {
            return None;
        }
        let origin = &letter.origin;
        let topic = origin.topic.as_deref()?;
        let (partition, offset) = (origin.partition?, origin.offset?);
        let is_there = (0..self.partitions(topic)?).contains(&partition);
        is_there.then(|| (TopicPartition::new(topic, partition), offset))
    }

    fn route(&mut self, record: &Record, letter: Option<&DeadLetter>, is_fetched: bool) -> Route {
        let (topic, partition) = match self.place(letter, is_fetched) {
            Ok(place) => place,
            Err(stay) => return Route::Stays(stay),
        };
        let replays = letter.map_or_else(|| eda::replays(record), |letter| letter.replays);
        if replays >= self.manner.max_replays {
            return match park::is_parking(&self.source) {
                true => Route::Stays(Stay::TooOften(replays)),
                false => Route::Park(format!("it was put back {replays} times already")),
            };
        }
        let partitions = topic.partitions;
        let is_origin =
            letter.and_then(|letter| letter.origin.topic.as_deref()) == Some(&topic.name);
        // To another topic its key decides; without one its old neighbours stay its neighbours.
        let pinned = partition.filter(|_| is_origin || record.key.is_none());
        Route::To(
            topic,
            pinned.filter(|number| (0..partitions).contains(number)),
        )
    }

    /// The topic a letter goes to, and the partition it came from.
    fn place(
        &mut self,
        letter: Option<&DeadLetter>,
        is_fetched: bool,
    ) -> Result<(Arc<Destination>, Option<i32>), Stay> {
        let partition = letter.and_then(|letter| letter.origin.partition);
        if let Some(letter) = letter.filter(|_| !is_fetched) {
            match letter.payload {
                Payload::Record | Payload::Key | Payload::Envelope => {}
                Payload::Missing => return Err(Stay::Lost),
                Payload::Pointer | Payload::Copy => return Err(self.unfetched(letter)),
            }
        }
        if let Target::Topic(topic) = &self.manner.target {
            let topic = topic.clone();
            return Ok((self.destination(&topic).ok_or(Stay::OriginGone)?, partition));
        }
        let letter = letter.ok_or(Stay::NotUnderstood)?;
        let origin = letter.origin.topic.as_deref().ok_or(Stay::NoOrigin)?;
        if self.manner.target == Target::GroupRetry {
            let group = letter.group.as_deref().unwrap_or_default();
            let retry = self.retry_topic(origin, group, letter.convention);
            let retry = retry.ok_or_else(|| Stay::NoRetryTopic(group.to_owned()))?;
            return Ok((retry, partition));
        }
        let topic = self.destination(origin).ok_or(Stay::OriginGone)?;
        if !self.manner.force && is_dead_letter_topic(&topic.name) {
            return Err(Stay::Circle(topic.name.to_string()));
        }
        Ok((topic, partition))
    }

    /// Why the record is not to be had that this one points at.
    fn unfetched(&self, letter: &DeadLetter) -> Stay {
        let origin = &letter.origin;
        match (origin.topic.as_deref(), origin.partition, origin.offset) {
            (None, ..) => Stay::NoOrigin,
            (Some(topic), ..) if self.partitions(topic).is_none() => Stay::OriginGone,
            (Some(topic), Some(partition), Some(offset)) => {
                Stay::Gone(format!("{topic}:{partition}:{offset}"))
            }
            _ => Stay::Lost,
        }
    }

    /// Where only the one group reads: `TOPIC.GROUP.retry`, Uber's `TOPIC__GROUP__retry`, and Spring's `TOPIC-retry`,
    /// which nobody reads but the listener that wrote the letter.
    fn retry_topic(
        &mut self,
        origin: &str,
        group: &str,
        convention: &str,
    ) -> Option<Arc<Destination>> {
        let mut names = Vec::new();
        if !group.is_empty() {
            names.push(format!("{origin}.{group}.retry"));
            names.push(format!("{origin}__{group}__retry"));
        }
        if convention.starts_with("spring") {
            names.push(format!("{origin}-retry"));
        }
        names.iter().find_map(|name| self.destination(name))
    }

    /// A topic that exists; its limit is asked for when it is met for the first time.
    fn destination(&mut self, name: &str) -> Option<Arc<Destination>> {
        if let Some(known) = self.known.get(name) {
            return Some(Arc::clone(known));
        }
        let partitions = *self.existing.get(name)?;
        let limit = self.runtime.block_on(largest_batch(&self.cluster, name));
        let destination = Arc::new(Destination {
            name: name.into(),
            partitions,
            limit,
        });
        self.known.insert(name.to_owned(), Arc::clone(&destination));
        Some(destination)
    }

    /// Parks what its topic cannot take for its size.
    fn weigh(&self, record: &Record, resolved: &mut Resolved) {
        let Route::To(topic, _) = &resolved.route else {
            return;
        };
        let Some(limit) = topic.limit.filter(|_| !self.compresses) else {
            return;
        };
        // What is added on the way back, generously: most records are far from any limit.
        const ADDED: usize = 2048;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if record.size() + ADDED + 16 * record.headers.len() <= limit {
            return;
        }
        let stamp = Stamp {
            replay_id: "00000000-0000-0000-0000-000000000000",
            now_ms: 1_000_000_000_000,
        };
        let size = self.outgoing(record, resolved, stamp);
        let size = size.map_or(0, |outgoing| {
            record_size::smallest_batch(&(&outgoing).into())
        });
        if size > limit {
            let name = &topic.name;
            let text = format!("{size} bytes are over the limit of {limit} for topic `{name}`");
            resolved.route = match park::is_parking(&self.source) {
                // It was parked for that already, and stays where it is until the limit is another.
                true => return,
                false => Route::Park(text),
            };
        }
    }

    /// Whether the batch of this record alone is larger than the topic takes, as far as that is known.
    pub(super) fn is_too_large(&self, topic: &str, outgoing: &OutgoingRef<'_>) -> bool {
        let limit = self.known.get(topic).and_then(|topic| topic.limit);
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        limit.is_some_and(|limit| record_size::smallest_batch(outgoing) > limit)
    }

    /// The record as it is put back; `None` when it is not.
    pub(super) fn outgoing(
        &self,
        record: &Record,
        resolved: &Resolved,
        stamp: Stamp<'_>,
    ) -> Option<OutgoingRecord> {
        let Route::To(topic, partition) = &resolved.route else {
            return None;
        };
        let unknown;
        let letter = match &resolved.letter {
            Some(letter) => letter,
            None => {
                unknown = nothing_told(record);
                &unknown
            }
        };
        let (id, now) = (stamp.replay_id, stamp.now_ms);
        let mut outgoing = match &resolved.fetched {
            None => eda::revive_to(&topic.name, record, letter, *partition, id, now),
            Some(original) => OutgoingRecord {
                partition: *partition,
                ..eda::revive_original(&topic.name, original.clone(), record, letter, id, now)
            },
        };
        if self.manner.keep_diagnostics {
            let of_replay = |name: &str| name.starts_with(REPLAY_PREFIX);
            let added = std::mem::take(&mut outgoing.headers).into_iter();
            let kept = record
                .headers
                .iter()
                .filter(|header| !of_replay(&header.name));
            outgoing.headers = kept.cloned().collect();
            outgoing
                .headers
                .extend(added.filter(|header| of_replay(&header.name)));
        }
        if record.headers.iter().any(park::is_note) {
            outgoing.headers.retain(|header| !park::is_note(header));
        }
        if self.manner.preserve_timestamp {
            let own = record.timestamp.map(|(milliseconds, _)| milliseconds);
            outgoing.timestamp = letter.origin.timestamp.or(own);
        }
        Some(outgoing)
    }
}

/// What a record tells that is no dead letter we know: that it was put back before.
fn nothing_told(record: &Record) -> DeadLetter {
    DeadLetter {
        replays: eda::replays(record),
        ..DeadLetter::new("")
    }
}

#[cfg(test)]
mod tests;
