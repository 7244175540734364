//! Through the dead letters of a stretch, each with what is to become of it.

use super::resolve::{Resolved, Resolver};
use super::selection::Chooser;
use crate::error::{Error, Result};
use crate::kafka::{Cluster, Isolation};
use crate::model::ledger::Progress;
use crate::model::record::{Record, RecordRef};
use crate::ops::scan::{self, Found, Reading, Stretch};
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, SyncSender};

/// Records that are resolved together, and the bytes that are enough whatever their number.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 1024 * 1024;

/// What is fetched ahead.
const AHEAD_KIBIBYTES: u32 = 16 * 1024;

/// What a record may leave behind of the memory it took.
const KEPT_BYTES: usize = 16 * 1024;

/// What is met on the way. `place` counts the partitions of the stretch in their order; offsets of one only grow.
pub(super) enum Met<'a> {
    /// An earlier replay was done with it.
    Over,
    /// It is not meant.
    Passed(&'a Record, &'a Resolved),
    Letter(&'a Record, &'a Resolved),
    /// The end of the partition's stretch, which is the offset.
    End,
}

/// Where to go, and what to look at.
pub(super) struct Walk<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) stretch: &'a Stretch,
    /// By partition, in the order of the stretch.
    pub(super) progress: &'a [Progress],
    /// Also what is over.
    pub(super) anew: bool,
    pub(super) chooser: &'a Chooser,
}

/// Batches that wait between the two threads.
const WAITING: usize = 2;

impl Walk<'_> {
    /// Reads on a thread of its own and resolves on the calling one, until everything was shown or `visit` breaks.
    pub(super) fn run(
        &self,
        resolver: &mut Resolver,
        mut visit: impl FnMut(usize, i64, Met<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let (full, batches) = mpsc::sync_channel::<Batch>(WAITING);
        let (used, empty) = mpsc::channel::<Batch>();
        std::thread::scope(|scope| {
            let reading = scope.spawn(move || self.read(&full, &empty));
            let mut resolved = Vec::new();
            let mut shown = Ok(ControlFlow::Continue(()));
            for mut batch in &batches {
                shown = batch.show(self.chooser, resolver, &mut resolved, &mut visit);
                if !matches!(shown, Ok(ControlFlow::Continue(()))) {
                    break;
                }
                // Once everything is read, nobody wants it.
                let _ = used.send(batch);
            }
            // Whoever reads on finds that nobody takes it.
            drop(batches);
            let read = reading.join();
            let early = |_| Err(Error::failed("the reading thread ended early"));
            shown.and(read.unwrap_or_else(early))
        })
    }

    fn read(&self, full: &SyncSender<Batch>, empty: &Receiver<Batch>) -> Result<()> {
        let reading = Reading {
            isolation: Isolation::ReadCommitted,
            ahead_kibibytes: Some(AHEAD_KIBIBYTES),
        };
        let places: Vec<_> = self.stretch.iter().collect();
        let find = |topic: &str, partition: i32, last: usize| {
            let is_it = |at: usize| {
                let (place, _) = places[at];
                place.partition == partition && place.topic == topic
            };
            match is_it(last) {
                true => last,
                false => (0..places.len()).find(|at| is_it(*at)).unwrap_or(last),
            }
        };
        let mut batch = Batch::default();
        let mut place = 0;
        scan::pass(self.cluster, self.stretch, &reading, |found| {
            let is_end = match found {
                Found::Record(record) => {
                    place = find(record.topic, record.partition, place);
                    let progress = self.progress.get(place);
                    let is_over = progress.is_some_and(|it| it.is_over(record.offset));
                    match is_over && !self.anew {
                        true => batch.entries.push((place, record.offset, Entry::Over)),
                        false => batch.add(place, &record),
                    }
                    false
                }
                Found::Reached(reached) => {
                    place = find(&reached.topic, reached.partition, place);
                    let (_, (_, end)) = places[place];
                    batch.entries.push((place, *end, Entry::End));
                    true
                }
            };
            if !batch.is_full() && !is_end {
                return Ok(ControlFlow::Continue(()));
            }
            let next = empty.try_recv().unwrap_or_default();
            Ok(match full.send(std::mem::replace(&mut batch, next)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            })
        })
    }
}

/// Records in memory that is used again and again.
#[derive(Default)]
struct Batch {
    records: Vec<Record>,
    filled: usize,
    bytes: usize,
    entries: Vec<(usize, i64, Entry)>,
}

#[derive(Clone, Copy)]
enum Entry {
    Over,
    /// The next of the records.
    Letter,
    End,
}

impl Batch {
    fn add(&mut self, place: usize, record: &RecordRef<'_>) {
        match self.records.get_mut(self.filled) {
            Some(slot) => slot.refill(record),
            None => self.records.push(record.to_record()),
        }
        self.bytes += self.records[self.filled].size();
        self.filled += 1;
        self.entries.push((place, record.offset, Entry::Letter));
    }

    fn is_full(&self) -> bool {
        self.filled >= BATCH || self.bytes >= BATCH_BYTES || self.entries.len() >= 4 * BATCH
    }

    fn show(
        &mut self,
        chooser: &Chooser,
        resolver: &mut Resolver,
        resolved: &mut Vec<Resolved>,
        visit: &mut impl FnMut(usize, i64, Met<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        resolver.resolve(&self.records[..self.filled], chooser, resolved)?;
        let mut letters = self.records.iter().zip(resolved);
        let mut going = ControlFlow::Continue(());
        for (place, offset, entry) in self.entries.drain(..) {
            let met = match entry {
                Entry::Over => Met::Over,
                Entry::End => Met::End,
                Entry::Letter => {
                    let Some((record, resolved)) = letters.next() else {
                        // There are as many of them as entries.
                        break;
                    };
                    match resolved.is_wanted {
                        true => Met::Letter(record, resolved),
                        false => Met::Passed(record, resolved),
                    }
                }
            };
            going = visit(place, offset, met)?;
            if going.is_break() {
                break;
            }
        }
        self.records.retain(|record| record.size() <= KEPT_BYTES);
        (self.filled, self.bytes) = (0, 0);
        Ok(going)
    }
}
