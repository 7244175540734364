//! `--same-key`: what becomes of a letter when newer records of its key were written where it came from.
//!
//! The dead-letter topic is gone through once for what is asked, then each partition that letters came from, from behind
//! the oldest failure to its end. What was learnt holds for the plan and for what is done by it.

use super::resolve::{Resolved, Resolver, Route};
use super::selection::Chooser;
use super::stay::Stay;
use super::walk::{Met, Walk};
use super::{died, park};
use crate::error::{Error, Result};
use crate::kafka::{Cluster, Isolation};
use crate::model::dead_letter::{Origin, eda};
use crate::model::ledger::Progress;
use crate::model::record::{Record, RecordRef};
use crate::model::same_key::{Deaths, NewerRecords, Standing};
use crate::model::topic::TopicPartition;
use crate::ops::scan::{self, Found, Reading, Stretch};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::str::FromStr;
use tokio::runtime::Handle;

/// What is fetched ahead: of most records only the key is looked at.
const AHEAD_KIBIBYTES: u32 = 16 * 1024;

/// What becomes of a letter when newer records of its key were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameKey {
    /// It is put back all the same; nobody looks for them.
    #[default]
    Force,
    /// It stays, and has failed.
    Block,
    /// It is parked.
    SkipOlder,
}

impl SameKey {
    /// The words for them.
    pub const NAMES: [&str; 3] = ["force", "block", "skip-older"];

    /// The word for it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl FromStr for SameKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [SameKey::Force, SameKey::Block, SameKey::SkipOlder];
        let named = all.into_iter().find(|one| one.name() == text);
        named.ok_or_else(|| format!("`{text}` is none of {}", Self::NAMES.join(", ")))
    }
}

/// What was learnt of the keys of the letters that are meant.
#[derive(Debug)]
pub(super) struct Learnt {
    /// A letter that would overtake is parked; else it stays.
    parks: bool,
    places: Places,
    newer: NewerRecords,
}

/// Whether a letter would overtake.
#[derive(Debug, PartialEq, Eq)]
enum Overtaking {
    No,
    /// This record, `order-created:1:42`.
    Yes(String),
    /// It has a key, but where it was is not known, or is no more.
    Unknown,
}

/// The letters that are looked at.
pub(super) struct Looking<'a> {
    pub(super) same_key: SameKey,
    /// The dead-letter topic.
    pub(super) source: &'a str,
    pub(super) cluster: &'a Cluster,
    pub(super) runtime: &'a Handle,
    /// The whole dead-letter topic, up to where the plan ends: also a letter that is over tells what died.
    pub(super) extents: &'a Stretch,
    pub(super) progress: &'a [Progress],
    pub(super) anew: bool,
    pub(super) chooser: &'a Chooser,
}

impl Learnt {
    /// Reads what there is to know.
    ///
    /// # Errors
    /// A partition that letters came from does not answer.
    pub(super) fn learn(looking: &Looking<'_>, resolver: &Resolver) -> Result<Self> {
        let mut resolver = resolver.of_places();
        let letters = looking.extents.values();
        let letters: i64 = letters.map(|(start, end)| (end - start).max(0)).sum();
        let letters = usize::try_from(letters).unwrap_or(usize::MAX);
        let (mut places, mut deaths) = (Places::default(), Deaths::of(letters));
        let walk = Walk {
            cluster: looking.cluster,
            stretch: looking.extents,
            progress: looking.progress,
            anew: true,
            chooser: looking.chooser,
        };
        let existing = resolver.destinations.existing.clone();
        let stopping = resolver.clone();
        walk.run(&mut resolver, |at, offset, met| {
            check(&stopping)?;
            let (record, resolved, is_meant) = match met {
                Met::Over | Met::End => return Ok(ControlFlow::Continue(())),
                Met::Passed(record, resolved) => (record, resolved, false),
                Met::Letter(record, resolved) => {
                    let is_over = looking.progress[at].is_over(offset);
                    let goes = matches!(resolved.route, Route::To(..));
                    (record, resolved, goes && (looking.anew || !is_over))
                }
            };
            let origin = died::origin(resolved);
            let Some((topic, partition, died)) = coordinates(origin.as_deref(), resolved) else {
                return Ok(ControlFlow::Continue(()));
            };
            let partitions = existing.get(topic).copied().unwrap_or_default();
            if (0..partitions).contains(&partition) {
                let place = places.number(topic, partition);
                let group = died::group(resolved);
                deaths.died(place, died, group);
                if is_meant && let Some(key) = died::key(record, resolved) {
                    places.lower(place, died.offset);
                    deaths.ask(place, &key, group);
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let mut learnt = Learnt {
            parks: looking.same_key == SameKey::SkipOlder && !park::is_parking(looking.source),
            places,
            newer: deaths.sorted(),
        };
        learnt.read(looking, &stopping)?;
        Ok(learnt)
    }

    /// Reads the partitions that are asked about.
    fn read(&mut self, looking: &Looking<'_>, resolver: &Resolver) -> Result<()> {
        let asked: Vec<TopicPartition> = self.places.asked().map(|(place, _)| place).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let isolation = Isolation::ReadCommitted;
        let extents = scan::extents_of_existing(looking.cluster, &asked, isolation);
        let extents = scan::whole(looking.runtime.block_on(extents)?)?;
        let lowest: HashMap<TopicPartition, i64> = self.places.asked().collect();
        let behind = |(place, (start, end)): (TopicPartition, (i64, i64))| {
            let first = lowest.get(&place).map_or(start, |lowest| lowest + 1);
            (place, (first.max(start).min(end), end))
        };
        let stretch: Stretch = extents.into_iter().map(behind).collect();
        let reading = Reading {
            isolation,
            ahead_kibibytes: Some(AHEAD_KIBIBYTES),
        };
        scan::pass(looking.cluster, &stretch, &reading, |found| {
            check(resolver)?;
            if let Found::Record(record) = found
                && let Some(key) = record.key
                && let Some(place) = self.places.find(record.topic, record.partition)
            {
                let standing = || standing(&record);
                self.newer.see(place, record.offset, key, standing);
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Puts nothing back behind a newer record of its key.
    pub(super) fn judge(&self, record: &Record, resolved: &mut Resolved) {
        if !matches!(resolved.route, Route::To(..)) {
            return;
        }
        let newer = match self.overtaking(record, resolved) {
            Overtaking::No => return,
            Overtaking::Unknown => {
                resolved.route = Route::Stays(Stay::Unchecked);
                return;
            }
            Overtaking::Yes(newer) => newer,
        };
        resolved.is_stale = true;
        resolved.route = match self.parks {
            true => Route::Park(format!("`{newer}` has its key and is newer")),
            false => Route::Stays(Stay::Newer(newer)),
        };
    }

    /// Whether this letter would overtake a record of its key.
    fn overtaking(&self, record: &Record, resolved: &Resolved) -> Overtaking {
        let Some(key) = died::key(record, resolved) else {
            return Overtaking::No;
        };
        let origin = died::origin(resolved);
        let Some((topic, partition, died)) = coordinates(origin.as_deref(), resolved) else {
            return Overtaking::Unknown;
        };
        let Some(place) = self.places.find(topic, partition) else {
            return Overtaking::Unknown;
        };
        match self
            .newer
            .newer(place, died.offset, &key, died::group(resolved))
        {
            Some(Some(offset)) => Overtaking::Yes(format!("{topic}:{partition}:{offset}")),
            Some(None) => Overtaking::No,
            None => Overtaking::Unknown,
        }
    }
}

/// # Errors
/// Somebody wants it to end.
fn check(resolver: &Resolver) -> Result<()> {
    match resolver.stopped() {
        Some(status) => Err(Error::stopped(status)),
        None => Ok(()),
    }
}

/// The partitions that letters came from, by number.
#[derive(Debug, Default)]
struct Places {
    numbers: HashMap<String, HashMap<i32, u32>>,
    /// By number: the lowest offset that is asked about.
    lowest: Vec<Option<i64>>,
}

impl Places {
    fn find(&self, topic: &str, partition: i32) -> Option<u32> {
        self.numbers.get(topic)?.get(&partition).copied()
    }

    /// There are no more of them than partitions exist.
    fn number(&mut self, topic: &str, partition: i32) -> u32 {
        if let Some(known) = self.find(topic, partition) {
            return known;
        }
        let number = u32::try_from(self.lowest.len()).unwrap_or(u32::MAX);
        let of_topic = self.numbers.entry(topic.to_owned()).or_default();
        of_topic.insert(partition, number);
        self.lowest.push(None);
        number
    }

    fn lower(&mut self, number: u32, offset: i64) {
        let slot = usize::try_from(number).ok();
        if let Some(lowest) = slot.and_then(|slot| self.lowest.get_mut(slot)) {
            *lowest = Some(lowest.map_or(offset, |lowest| lowest.min(offset)));
        }
    }

    /// Those that something is asked about, with the lowest offset.
    fn asked(&self) -> impl Iterator<Item = (TopicPartition, i64)> {
        self.numbers.iter().flat_map(move |(topic, numbers)| {
            numbers.iter().filter_map(move |(partition, number)| {
                let lowest = self.lowest.get(usize::try_from(*number).ok()?)?;
                Some((TopicPartition::new(topic, *partition), (*lowest)?))
            })
        })
    }
}

/// Where the record of a letter was, where it says all of it.
fn coordinates<'a>(
    origin: Option<&'a Origin>,
    resolved: &Resolved,
) -> Option<(&'a str, i32, Standing)> {
    let origin = origin?;
    let died = Standing {
        offset: origin.offset?,
        replays: died::replays(resolved),
    };
    Some((origin.topic.as_deref()?, origin.partition?, died))
}

/// As what a record of an origin counts: a copy that a replay put back there as the one it is a copy of.
fn standing(record: &RecordRef<'_>) -> Standing {
    let (origin, replays) = eda::replayed(record);
    let of_here = |origin: &Origin| {
        origin.topic.as_deref() == Some(record.topic) && origin.partition == Some(record.partition)
    };
    let offset = origin.filter(of_here).and_then(|origin| origin.offset);
    Standing {
        offset: offset.unwrap_or(record.offset),
        replays,
    }
}
