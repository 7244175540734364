//! A handful that went wrong, tried again until it is known what becomes of each of its records.

use super::super::{ledger, park};
use super::engine::{AUDIT, Engine};
use super::item::{Item, What};
use super::packed::Packed;
use super::way::{Trouble, Way};
use crate::error::{Error, Result};
use crate::kafka::Isolation;
use crate::model::ledger::Progress;
use crate::model::record::Record;
use crate::model::topic::TopicPartition;
use crate::ops::scan;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// How many records are tried together when one was refused.
const ALONE: usize = 500;

/// How often in a row a handful may be lost.
const LOSSES: u32 = 3;

/// So many refusals in a row are not about the records. (Records are sent in order, and of those before the first that is
/// refused it is known that they are taken.)
const HOPELESS: usize = 30;

impl Engine<'_> {
    /// Tries what is in hand again, until it is done with.
    pub(super) fn again(&mut self, mut hand: Vec<Item>, mut trouble: Trouble) -> Result<()> {
        let mut losses = 0;
        loop {
            tracing::debug!("tried again: {trouble:?}");
            match trouble {
                Trouble::End(error) => return Err(error),
                Trouble::TakenOver => return Err(self.taken_over()),
                Trouble::Lost { error, .. } if losses >= LOSSES => return Err(error),
                Trouble::Lost { error, unknown } => {
                    losses += 1;
                    self.recover(&mut hand, error, unknown)?;
                }
                Trouble::Refused(refused, others_are_written) => {
                    if let Some(error) = of_none(&refused, hand.len()) {
                        return Err(error);
                    }
                    if others_are_written {
                        let written = hand.iter_mut().enumerate();
                        let written =
                            written.filter(|(at, _)| !refused.contains_key(&(*at as u64)));
                        written.for_each(|(_, item)| item.what.sent());
                    }
                    if !self.site.shape.alone {
                        return self.one_by_one(hand);
                    }
                    self.leave(&mut hand, refused)?;
                }
            }
            let saved = self.progress.clone();
            match self.attempt(&hand) {
                Ok(()) => return self.count(hand),
                Err(next) => {
                    self.progress = saved;
                    trouble = next;
                }
            }
        }
    }

    fn attempt(&mut self, hand: &[Item]) -> Result<(), Trouble> {
        for (number, item) in hand.iter().enumerate() {
            self.add(number, item)?;
        }
        self.finish(hand)
    }

    /// Small handfuls with each record a batch of its own: whoever is refused then is meant.
    fn one_by_one(&mut self, hand: Vec<Item>) -> Result<()> {
        self.site.shape.alone = true;
        self.reopen()?;
        let mut rest = hand.into_iter();
        while rest.len() > 0 {
            let few: Vec<Item> = rest.by_ref().take(ALONE).collect();
            let saved = self.progress.clone();
            match self.attempt(&few) {
                Ok(()) => self.count(few)?,
                Err(trouble) => {
                    self.progress = saved;
                    self.again(few, trouble)?;
                }
            }
        }
        self.site.shape.alone = false;
        self.reopen()
    }

    /// Leaves what was refused where it is; what is too large for its topic is parked instead.
    fn leave(&mut self, hand: &mut [Item], refused: BTreeMap<u64, Error>) -> Result<()> {
        let mut last = None;
        for (number, error) in refused {
            let at = usize::try_from(number).unwrap_or(usize::MAX);
            let Some(item) = hand.get_mut(at) else {
                continue;
            };
            let reason = error.one_line();
            last = Some(error);
            let destinations = &self.site.carrying.resolver.destinations;
            item.what = match &item.what {
                What::Replay(record)
                    if record.show(|shown| destinations.is_too_large(record.topic(), &shown)) =>
                {
                    let place = self.places[item.place].clone();
                    match self.park(&place, item.offset, &reason)? {
                        Some(parked) => parked,
                        None => What::Refused(reason),
                    }
                }
                _ => What::Refused(reason),
            };
        }
        let tried = hand
            .iter()
            .filter(|item| item.what.is_tried())
            .take(HOPELESS);
        let refused = tried
            .filter(|item| matches!(item.what, What::Refused(_)))
            .count();
        match last {
            Some(error) if refused == HOPELESS => {
                let text = format!("{HOPELESS} records in a row were refused");
                Err(error.context(text))
            }
            _ => Ok(()),
        }
    }

    /// The letter as it goes to the parking topic, which is there afterwards. Read again: what was to be put back is less.
    fn park(&self, place: &TopicPartition, offset: i64, reason: &str) -> Result<Option<What>> {
        if park::is_parking(&place.topic) {
            return Ok(None);
        }
        let parking = &self.site.carrying.parking;
        let partitions = self
            .site
            .runtime
            .block_on(park::ensure(self.site.cluster, parking))?;
        let one = scan::Stretch::from([(place.clone(), (offset, offset + 1))]);
        let mut found: Option<Record> = None;
        scan::read(
            self.site.cluster,
            &one,
            Isolation::ReadCommitted,
            |record| {
                found = Some(record).filter(|record| record.offset == offset);
                Ok(ControlFlow::Break(()))
            },
        )?;
        let now = jiff::Timestamp::now().as_millisecond();
        let parked = |record| park::parked(&record, &parking.name, partitions, reason, now);
        let found = found.map(|record| Packed::of(&parked(record)));
        Ok(found.transpose()?.map(What::Park))
    }

    /// A new producer ends what was open, and the progress tells whether it was committed after all.
    fn recover(&mut self, hand: &mut [Item], error: Error, unknown: bool) -> Result<()> {
        tracing::info!("a transaction was lost: {}", error.one_line());
        if unknown && self.site.carrying.anew {
            // What was put back before is over either way.
            let count = hand.iter().filter(|item| item.what.is_copy()).count();
            let text = format!("whether the last {count} were put back is not known");
            return Err(error.adding(&text));
        }
        self.reopen()?;
        let reading = ledger::progress(self.site.cluster, self.site.group, self.site.stretch);
        self.progress = self.site.runtime.block_on(reading)?;
        self.committed = self.progress.iter().map(Progress::next).collect();
        if !self.site.carrying.anew {
            for item in hand {
                let progress = self.progress.get(item.place);
                if progress.is_some_and(|progress| progress.is_over(item.offset)) {
                    item.what.sent();
                }
            }
        }
        Ok(())
    }

    fn reopen(&mut self) -> Result<()> {
        let site = &self.site;
        let ids = (site.group, site.carrying.source.name.as_str());
        let way = Way::open(
            site.carrying.delivery,
            site.cluster,
            &site.runtime,
            ids,
            site.shape,
            || true,
        )?;
        if let Some(way) = way {
            self.way = way;
        }
        Ok(())
    }

    fn taken_over(&self) -> Error {
        let topic = &self.site.carrying.source.name;
        let text = format!(
            "another replay of `{topic}` under the group `{}` has taken over",
            self.site.group
        );
        Error::failed(text)
            .hint("it goes on where this one stood: nothing is lost, and nothing is put back twice")
    }
}

/// The refusal of what is no letter, and comes after those in hand.
fn of_none(refused: &BTreeMap<u64, Error>, records: usize) -> Option<Error> {
    let (number, error) = refused.range(records as u64..).next()?;
    let what = match *number {
        AUDIT => "the audit of the replay cannot be written",
        _ => "the ledger of the replay cannot be written",
    };
    Some(Error::failed(error.one_line()).context(what))
}
