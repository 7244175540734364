//! Where each dead letter goes, and as what: its origin, its payload, what its destination takes.
//!
//! The one place that decides it, for a plan and for what is done by it. It works on batches, so that whoever has to
//! ask somebody about many letters (the origin of a mere pointer) can ask once.

mod by_name;
mod outgoing;

use super::destinations::{Destination, Destinations};
use super::request::{Aim, Manner, Target};
use super::same_key::Learnt;
use super::selection::Chooser;
use super::stay::Stay;
use super::{hydrate, park};
use crate::error::{Result, Status};
use crate::kafka::Cluster;
use crate::model::dead_letter::{self, DeadLetter, Original, Payload, eda, is_dead_letter_topic};
use crate::model::record::Record;
use crate::model::record_size;
use crate::model::topic::TopicPartition;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::runtime::Handle;

/// What all headers begin with that a replay adds.
pub(super) const REPLAY_PREFIX: &str = "eda-replay-";

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
    /// Whether it is one of those that were asked for; of the others nothing more is found out.
    pub(super) is_wanted: bool,
    /// The record that died, when it is not the one in the letter: it had to be fetched, or was repaired.
    pub(super) original: Option<Original>,
    /// How it was repaired.
    pub(super) repaired: Option<&'static str>,
    /// The repair gave it another key.
    pub(super) has_other_key: bool,
    /// The topic it came from, where only the dead-letter topic's name tells it.
    pub(super) by_name: Option<Arc<str>>,
    pub(super) route: Route,
    /// A newer record has its key, and it is not put back for that.
    pub(super) is_stale: bool,
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
    pub(super) destinations: Destinations,
    /// What there is to know before letters with a key are put back, unless they are in any case.
    pub(super) learnt: Option<Arc<Learnt>>,
    /// The topic that the dead-letter topic is called after.
    origin_by_name: Option<Arc<str>>,
    /// What a batch weighs then only its broker can tell.
    compresses: bool,
    /// Only where letters go is of interest: they are neither repaired nor weighed.
    places_only: bool,
}

impl Resolver {
    /// For the letters of `source`. To be used on blocking threads of the runtime.
    ///
    /// # Errors
    /// The topics cannot be listed.
    pub(super) async fn new(cluster: &Cluster, source: &str, manner: Manner) -> Result<Self> {
        let compresses = |(name, value): &(String, String)| {
            matches!(name.as_str(), "compression.type" | "compression.codec") && value != "none"
        };
        let destinations = Destinations::new(cluster, source).await?;
        let exists = |topic: &str| destinations.partitions(topic).is_some();
        Ok(Resolver {
            origin_by_name: by_name::origin(source, exists),
            compresses: cluster.connection().properties.iter().any(compresses),
            cluster: cluster.clone(),
            runtime: Handle::current(),
            source: source.to_owned(),
            manner,
            destinations,
            learnt: None,
            places_only: false,
        })
    }

    /// One that only finds out where letters go.
    pub(super) fn of_places(&self) -> Self {
        Resolver {
            places_only: true,
            ..self.clone()
        }
    }

    /// The topic that the dead-letter topic is called after.
    pub(super) fn origin_by_name(&self) -> Option<Arc<str>> {
        self.origin_by_name.clone()
    }

    /// Goes by what letters say themselves, for one that names no topic: others came from elsewhere.
    pub(super) fn doubts_the_name(&mut self) {
        self.origin_by_name = None;
    }

    /// Nobody takes what it is in the middle of.
    pub(super) fn end(&self) {
        self.manner.repair.end();
    }

    /// How it is to end early, if somebody wants that.
    pub(super) fn stopped(&self) -> Option<Status> {
        self.manner.repair.stopped()
    }

    /// What is to become of these records, in their order, of which the chooser's are wanted.
    ///
    /// # Errors
    /// A partition that a record has to be fetched from does not answer.
    pub(super) fn resolve(
        &mut self,
        records: &[Record],
        chooser: &Chooser,
        resolved: &mut Vec<Resolved>,
    ) -> Result<()> {
        resolved.clear();
        resolved.extend(records.iter().map(|record| {
            let letter = dead_letter::detect(record);
            let by_name = self.by_name(letter.as_ref());
            Resolved {
                is_wanted: chooser.wants(record, letter.as_ref(), by_name.as_deref()),
                by_name,
                letter,
                original: None,
                repaired: None,
                has_other_key: false,
                route: Route::Stays(Stay::NotUnderstood),
                is_stale: false,
            }
        }));
        self.fetch(records, resolved)?;
        let wanted = |(_, resolved): &(&Record, &mut Resolved)| resolved.is_wanted;
        for (record, resolved) in records.iter().zip(&mut *resolved).filter(wanted) {
            resolved.route = self.route(record, resolved);
            if let Some(learnt) = &self.learnt {
                learnt.judge(record, resolved);
            }
        }
        if self.places_only {
            return Ok(());
        }
        self.manner.repair.run(&self.runtime, records, resolved)?;
        for (record, resolved) in records.iter().zip(resolved).filter(wanted) {
            if resolved.has_other_key && self.learnt.is_some() {
                resolved.route = Route::Stays(Stay::OtherKey);
            }
            self.weigh(record, resolved);
        }
        Ok(())
    }

    /// Fetches what letters only point at, and what they are copies of, for its headers. Where another record is by now,
    /// as in a topic that was created again, the copy is all there is.
    fn fetch(&self, records: &[Record], resolved: &mut [Resolved]) -> Result<()> {
        if self.manner.aim != Aim::PutBack {
            // What is parked stays what it is.
            return Ok(());
        }
        let mut wanted: BTreeMap<TopicPartition, BTreeSet<i64>> = BTreeMap::new();
        for (place, offset) in resolved.iter().filter_map(|it| self.died_elsewhere(it)) {
            wanted.entry(place).or_default().insert(offset);
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let fetched = hydrate::fetch(&self.cluster, &self.runtime, &wanted)?;
        for (record, resolved) in records.iter().zip(resolved) {
            let died = self.died_elsewhere(resolved);
            let original = died.and_then(|place| fetched.get(&place));
            let is_copy = is_copy(resolved);
            let is_it = |found: &&Record| {
                !is_copy || (found.key == record.key && found.value == record.value)
            };
            let original = original.filter(is_it);
            resolved.original = original.map(|original| Original {
                key: original.key.clone(),
                value: original.value.clone(),
                headers: original.headers.clone(),
            });
        }
        Ok(())
    }

    /// Where the record is that a dead letter only points at, or lacks the headers of (KIP-1191).
    fn died_elsewhere(&self, resolved: &Resolved) -> Option<hydrate::Place> {
        let letter = resolved.letter.as_ref().filter(|_| resolved.is_wanted)?;
        if !matches!(letter.payload, Payload::Pointer | Payload::Copy) {
            return None;
        }
        let origin = &letter.origin;
        let topic = origin.topic.as_deref()?;
        let (partition, offset) = (origin.partition?, origin.offset?);
        let is_there = (0..self.destinations.partitions(topic)?).contains(&partition);
        is_there.then(|| (TopicPartition::new(topic, partition), offset))
    }

    fn route(&mut self, record: &Record, resolved: &Resolved) -> Route {
        if let Aim::Park(reason) = &self.manner.aim {
            return Route::Park(reason.clone());
        }
        let letter = resolved.letter.as_ref();
        let by_name = resolved.by_name.as_deref();
        let (topic, partition) = match self.place(letter, by_name, resolved.original.is_some()) {
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
        let said = letter.and_then(|letter| letter.origin.topic.as_deref());
        let is_origin = said.or(by_name) == Some(&topic.name);
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
        by_name: Option<&str>,
        is_fetched: bool,
    ) -> Result<(Arc<Destination>, Option<i32>), Stay> {
        let partition = letter.and_then(|letter| letter.origin.partition);
        if let Some(letter) = letter.filter(|_| !is_fetched) {
            match letter.payload {
                Payload::Record | Payload::Copy | Payload::Key | Payload::Envelope => {}
                Payload::Missing => return Err(Stay::Lost),
                Payload::Pointer => return Err(self.unfetched(letter)),
            }
        }
        if let Target::Topic(topic) = &self.manner.target {
            let topic = topic.clone();
            return Ok((
                self.destinations.find(&topic).ok_or(Stay::OriginGone)?,
                partition,
            ));
        }
        let said = letter.and_then(|letter| letter.origin.topic.as_deref());
        let origin = said.or(by_name).ok_or(match letter {
            Some(_) => Stay::NoOrigin,
            None => Stay::NotUnderstood,
        })?;
        if self.manner.target == Target::GroupRetry {
            let group = letter.and_then(|letter| letter.group.as_deref());
            let group = group.unwrap_or_default();
            let convention = letter.map_or("", |letter| letter.convention);
            let retry = self.destinations.retry_topic(origin, group, convention);
            let retry = retry.ok_or_else(|| Stay::NoRetryTopic(group.to_owned()))?;
            return Ok((retry, partition));
        }
        let topic = self.destinations.find(origin).ok_or(Stay::OriginGone)?;
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
            (Some(topic), ..) if self.destinations.partitions(topic).is_none() => Stay::OriginGone,
            (Some(topic), Some(partition), Some(offset)) => {
                Stay::Gone(format!("{topic}:{partition}:{offset}"))
            }
            _ => Stay::Lost,
        }
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
        let other = resolved.original.as_ref();
        let other = other.map_or(0, |original| original.size() + 16 * original.headers.len());
        if record.size() + 16 * record.headers.len() + other + ADDED <= limit {
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
}

fn is_copy(resolved: &Resolved) -> bool {
    let letter = resolved.letter.as_ref();
    letter.is_some_and(|letter| letter.payload == Payload::Copy)
}

impl Resolved {
    /// A copy whose headers are not to be had.
    pub(super) fn lacks_headers(&self) -> bool {
        is_copy(self) && self.original.is_none()
    }
}

#[cfg(test)]
mod tests;
