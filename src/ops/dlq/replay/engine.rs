//! The side that sends: takes letters as they come, and puts them back a handful at a time.
//!
//! A handful is one transaction: the copies, what the ledger is to learn, and the offsets that are over then. It stays in
//! memory until it is committed. When a letter of it is refused, the handful is tried again in small ones with each record
//! a batch of its own, which shows who it is; that one is left, or parked, and the others are put back. When it is not
//! known what became of a transaction, a new producer of the same id ends it, and the progress is read again.

use super::super::audit::{Auditor, Event};
use super::super::plan::Carrying;
use super::super::{ledger, park};
use super::item::{Item, What};
use super::outcome::ReplayOutcome;
use super::packed::Packed;
use super::pipe::{Pipe, Taken};
use super::told::Committed;
use super::way::{Shape, Trouble, Way};
use crate::error::Result;
use crate::kafka::Cluster;
use crate::model::ledger::Progress;
use crate::model::topic::TopicPartition;
use crate::ops::pace::Pace;
use crate::ops::scan;
use crate::ops::stop::Stop;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// A handful at most. Who reads committed records waits at an open transaction, whoever else wrote behind it.
const RECORDS: usize = 10_000;
const BYTES: usize = 8 * 1024 * 1024;
const LONGEST: Duration = Duration::from_millis(500);

/// How often it is looked at whether to stop.
const LOOK: Duration = Duration::from_millis(100);

/// The number of what is told to the audit: after all records, and all of the ledger.
pub(super) const AUDIT: u64 = u64::MAX >> 1;

/// What a replay works with.
pub(super) struct Site<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) runtime: Handle,
    pub(super) stop: &'a Stop,
    pub(super) group: &'a str,
    pub(super) carrying: &'a Carrying,
    pub(super) stretch: &'a scan::Stretch,
    pub(super) shape: Shape,
    pub(super) auditor: Option<&'a Auditor>,
    pub(super) watch: &'a (dyn Fn(u64) + Sync),
}

pub(super) struct Engine<'a> {
    pub(super) site: Site<'a>,
    pub(super) way: Way,
    pub(super) places: Vec<TopicPartition>,
    /// With what is in hand.
    pub(super) progress: Vec<Progress>,
    /// What the group has, by partition.
    pub(super) committed: Vec<i64>,
    has_ledger: bool,
    pub(super) outcome: ReplayOutcome,
}

/// What was taken from the pipe.
struct Source<'a> {
    pipe: &'a Pipe<Item>,
    chunk: std::vec::IntoIter<Item>,
    pace: Option<Pace>,
    /// How it ended, once it has.
    end: Option<Result<()>>,
}

impl<'a> Engine<'a> {
    /// Goes on from `progress`, which was read after `way` was opened.
    pub(super) fn new(
        site: Site<'a>,
        way: Way,
        progress: Vec<Progress>,
        has_ledger: bool,
        outcome: ReplayOutcome,
    ) -> Self {
        Engine {
            places: site.stretch.keys().cloned().collect(),
            committed: progress.iter().map(Progress::next).collect(),
            progress,
            way,
            site,
            has_ledger,
            outcome,
        }
    }

    /// Puts back what comes, until nothing comes any more or a stop is requested.
    pub(super) fn run(&mut self, pipe: &Pipe<Item>) -> Result<()> {
        let mut source = Source {
            pipe,
            chunk: Vec::new().into_iter(),
            pace: self.site.carrying.rate.map(Pace::new),
            end: None,
        };
        loop {
            let mut hand = Vec::new();
            let saved = self.progress.clone();
            let filled = self.fill(&mut source, &mut hand);
            let done = filled.and_then(|()| self.finish(&hand));
            match done {
                Ok(()) => self.count(hand)?,
                Err(trouble) => {
                    self.progress = saved;
                    self.again(hand, trouble)?;
                }
            }
            if let Some(end) = source.end {
                return end;
            }
            if self.site.stop.requested().is_some() {
                return Ok(());
            }
        }
    }

    /// Sends as it comes, until the handful is full, or old enough.
    fn fill(&mut self, source: &mut Source<'_>, hand: &mut Vec<Item>) -> Result<(), Trouble> {
        let longest = self
            .way
            .limit()
            .map_or(LONGEST, |limit| LONGEST.min(limit / 4));
        let (mut began, mut bytes) = (None, 0);
        while hand.len() < RECORDS && bytes < BYTES && self.site.stop.requested().is_none() {
            let age = began.map(|began: Instant| began.elapsed());
            if age.is_some_and(|age| age >= longest) {
                return Ok(());
            }
            if source.chunk.len() == 0 {
                let left = age.map_or(LOOK, |age| LOOK.min(longest - age));
                match source.pipe.take(left) {
                    Taken::Chunk(chunk) => source.chunk = chunk.into_iter(),
                    Taken::Nothing => {}
                    Taken::End(end) => {
                        source.end = Some(end);
                        return Ok(());
                    }
                }
                continue;
            }
            if let (Some(pace), Some(first)) = (&mut source.pace, source.chunk.as_slice().first())
                && first.what.is_copy()
            {
                // Nothing is kept waiting for a moment that is far.
                if began.is_some() && pace.left() > longest {
                    return Ok(());
                }
                if !pace.wait(self.site.stop) {
                    return Ok(());
                }
            }
            let Some(item) = source.chunk.next() else {
                continue;
            };
            began = began.or_else(|| Some(Instant::now()));
            bytes += item.bytes();
            let number = hand.len();
            hand.push(item);
            self.add(number, &hand[number])?;
        }
        Ok(())
    }

    /// Sends what is to be sent, and notes that it is over, or left.
    pub(super) fn add(&mut self, number: usize, item: &Item) -> Result<(), Trouble> {
        if let What::Replay(record) | What::Park(record) = &item.what {
            self.way.send(record, number as u64)?;
        }
        let Some(progress) = self.progress.get_mut(item.place) else {
            return Ok(());
        };
        let is_over = match &item.what {
            What::End | What::Stays | What::Unplaced { .. } | What::Refused(_) => false,
            What::Over | What::Replay(_) | What::Park(_) | What::Sent(_) | What::Parked => true,
        };
        progress.mark(item.from, item.offset + i64::from(is_over));
        Ok(())
    }

    /// Makes it true.
    pub(super) fn finish(&mut self, hand: &[Item]) -> Result<(), Trouble> {
        let timeout = self.site.cluster.connection().timeout;
        // Before anything is remembered: in a transaction the order is no matter, without one it is.
        if matches!(self.way, Way::AtLeastOnce { .. }) {
            self.way.settle(timeout)?;
        }
        self.tell_ledger(hand)?;
        self.tell_audit(hand)?;
        let places = self
            .places
            .iter()
            .zip(self.progress.iter().zip(&self.committed));
        // What leaves the ledger is said by the commit from then on.
        let leaves = |progress: &Progress| progress.untold().any(|(_, block)| block.is_none());
        let offsets: Vec<(TopicPartition, i64)> = places
            .filter(|(_, (progress, at))| progress.next() != **at || leaves(progress))
            .map(|(place, (progress, _))| (place.clone(), progress.next()))
            .collect();
        if !offsets.is_empty() {
            self.way.begin()?;
        }
        self.way.commit(&offsets, timeout)?;
        self.committed = self.progress.iter().map(Progress::next).collect();
        if self.has_ledger {
            self.progress.iter_mut().for_each(Progress::told);
        }
        Ok(())
    }

    /// Something was put back behind what is left, so that a ledger must be.
    fn is_beyond(&self, hand: &[Item]) -> bool {
        hand.iter().any(|item| {
            let progress = self.progress.get(item.place);
            item.what.is_new() && progress.is_some_and(|progress| progress.next() <= item.offset)
        })
    }

    /// Writes the blocks that changed, in the transaction; numbered after what is in hand.
    fn tell_ledger(&mut self, hand: &[Item]) -> Result<(), Trouble> {
        let is_untold = |progress: &Progress| progress.untold().next().is_some();
        if !self.progress.iter().any(is_untold) || !(self.has_ledger || self.is_beyond(hand)) {
            return Ok(());
        }
        if !self.has_ledger {
            let ensuring = park::ensure(self.site.cluster, &self.site.carrying.ledger);
            let ensured = self.site.runtime.block_on(ensuring);
            ensured.map_err(|error| self.way.give_up(error))?;
            self.has_ledger = true;
        }
        let name = &self.site.carrying.ledger.name;
        let mut number = hand.len() as u64;
        for (place, progress) in self.places.iter().zip(&self.progress) {
            for (block, content) in progress.untold() {
                let source = &self.site.carrying.source;
                let entry = ledger::entry(name, source, place, block, content);
                let entry = Packed::of(&entry).map_err(|error| self.way.give_up(error))?;
                self.way.send(&entry, number)?;
                number += 1;
            }
        }
        if matches!(self.way, Way::AtLeastOnce { .. }) {
            self.way.settle(self.site.cluster.connection().timeout)?;
        }
        Ok(())
    }

    /// To a topic in the transaction, so that it is true when it is seen.
    fn tell_audit(&mut self, hand: &[Item]) -> Result<(), Trouble> {
        let auditor = self.site.auditor.filter(|it| self.tells_inside(it));
        let told = auditor.and_then(|auditor| {
            let told = Committed::of(hand, &self.places, false)?;
            Some(auditor.record(Event::Committed, &told))
        });
        let Some(record) = told else {
            return Ok(());
        };
        let packed = record.and_then(|record| record.as_ref().map(Packed::of).transpose());
        match packed.map_err(|error| self.way.give_up(error))? {
            Some(record) => self.way.send(&record, AUDIT),
            None => Ok(()),
        }
    }

    fn tells_inside(&self, auditor: &Auditor) -> bool {
        auditor.is_topic() && matches!(self.way, Way::ExactlyOnce { .. })
    }

    /// It is true now: into the figures, and told.
    ///
    /// # Errors
    /// The audit cannot be written.
    pub(super) fn count(&mut self, hand: Vec<Item>) -> Result<()> {
        let auditor = self.site.auditor.filter(|it| !self.tells_inside(it));
        let told = auditor.and_then(|it| Some((it, Committed::of(&hand, &self.places, true)?)));
        let outcome = &mut self.outcome;
        for item in hand {
            let place =
                |places: &[TopicPartition]| format!("{}:{}", places[item.place], item.offset);
            match item.what {
                What::Over | What::Stays | What::End => {}
                What::Replay(record) => outcome.replayed(record.topic()),
                What::Sent(topic) => outcome.replayed(&topic),
                What::Park(_) | What::Parked => {
                    outcome.parked += 1;
                    let parking = &self.site.carrying.parking.name;
                    outcome.parking_topic.get_or_insert_with(|| parking.clone());
                }
                What::Unplaced { stay, is_unknown } => {
                    match is_unknown {
                        true => outcome.skipped += 1,
                        false => outcome.failed += 1,
                    }
                    outcome.problem(place(&self.places), stay);
                }
                What::Refused(reason) => {
                    outcome.failed += 1;
                    outcome.problem(place(&self.places), reason);
                }
            }
        }
        (self.site.watch)(self.outcome.done());
        match told {
            Some((auditor, told)) => auditor.write(Event::Committed, &told),
            None => Ok(()),
        }
    }
}
