//! A partition in our hands, as the member's thread sees it: what it has given out, and how far that is done.

use super::Delivery;
use super::ahead::Ahead;
use super::shared::{Shared, lock};
use super::task::Task;
use super::window::{Advance, Window};
use crate::kafka::NextOffset;
use crate::model::record::{OutgoingRecord, Record};
use crate::model::topic::TopicPartition;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

/// So much is taken of a partition and not done at most, counted from the first that is not: what a crash may hand out
/// again. librdkafka keeps what comes after it, and stops fetching when that is enough.
pub(super) const WINDOW_RECORDS: usize = 1000;
const WINDOW_BYTES: usize = 8 * 1024 * 1024;

/// What is given to a partition's task.
#[derive(Debug)]
pub(super) enum Given {
    Record(Record),
    /// Nobody wants it: offset and size.
    PassedOver(i64, usize),
    /// It was done before, by whoever had the partition then: the same.
    DoneBefore(i64, usize),
}

impl Given {
    pub(super) fn place(&self) -> (i64, usize) {
        match self {
            Given::Record(record) => (record.offset, record.size()),
            Given::PassedOver(offset, size) | Given::DoneBefore(offset, size) => (*offset, *size),
        }
    }

    /// Whether it is to be handled.
    fn counts(&self) -> bool {
        matches!(self, Given::Record(_))
    }
}

/// An assigned partition.
pub(super) struct Partition {
    place: TopicPartition,
    given: mpsc::UnboundedSender<Vec<Given>>,
    progress: Arc<Progress>,
    revoked: watch::Sender<bool>,
    task: AbortHandle,
    /// Says nothing, and is closed when the task is gone, however it went.
    ended: std::sync::mpsc::Receiver<()>,
    /// How many records were given that are to be handled.
    handed: u64,
    /// The first offset that was read since the partition was assigned.
    first: Option<i64>,
    /// The last that was committed since then.
    committed: Option<(i64, Option<String>)>,
    /// What was done already beyond what was committed when it was assigned: counted from this offset. `None` while that
    /// has to be asked; nothing is taken before.
    ahead: Option<(i64, Arc<Ahead>)>,
    /// Nothing is committed, and not the beginning is where it began: that is to be committed, or the next owner begins
    /// elsewhere (`auto.offset.reset=latest`).
    is_new: AtomicBool,
    from_beginning: bool,
    /// Nothing is given to it any more, since it begins anew elsewhere.
    pub(super) abandoned: bool,
}

/// How far the task is, for the thread to see.
pub(super) struct Progress {
    /// The offset to commit, -1 while there is none: one past the last record that is done without a gap, or, at most
    /// once, that was begun.
    next: AtomicI64,
    /// Given and not done without a gap.
    records: AtomicUsize,
    bytes: AtomicUsize,
    /// Of those that were to be handled, how many are over for good.
    finished: AtomicU64,
    /// At most once: given, and so committed, and not begun.
    unbegun: AtomicUsize,
    /// The thread found no room and wants to be woken when there is.
    full: AtomicBool,
    window: Mutex<Window>,
    /// Exactly once: what is to become part of the next transaction.
    transfer: Mutex<Transfer>,
}

/// What is done and waits to be part of a transaction.
#[derive(Debug, Default)]
pub(super) struct Transfer {
    /// The offset after it, when there is something.
    pub(super) next: Option<i64>,
    /// How many records were handled for it.
    pub(super) counted: u64,
    /// What was produced, with the offsets of what it was made of.
    pub(super) produced: Vec<(i64, Vec<OutgoingRecord>)>,
}

impl Partition {
    /// Starts the task.
    pub(super) fn start(place: TopicPartition, shared: Arc<Shared>, runtime: &Handle) -> Self {
        let (given, taken) = mpsc::unbounded_channel();
        let (revoked, revocation) = watch::channel(false);
        let (alive, ended) = std::sync::mpsc::channel();
        let progress = Arc::new(Progress {
            next: AtomicI64::new(-1),
            records: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            finished: AtomicU64::new(0),
            unbegun: AtomicUsize::new(0),
            full: AtomicBool::new(false),
            window: Mutex::default(),
            transfer: Mutex::default(),
        });
        let from_beginning = shared.from_beginning;
        // At most once nothing is done after a gap. Exactly once neither, but a transaction that is not ended yet keeps the
        // member from reading, and only who asks is told.
        let is_known = shared.delivery == Delivery::AtMostOnce;
        let task = Task::new(shared, Arc::clone(&progress), revocation, alive);
        Partition {
            place,
            task: runtime.spawn(task.run(taken)).abort_handle(),
            given,
            progress,
            revoked,
            ended,
            handed: 0,
            first: None,
            committed: None,
            ahead: is_known.then(|| (0, Arc::default())),
            is_new: AtomicBool::new(false),
            from_beginning,
            abandoned: false,
        }
    }

    pub(super) fn place(&self) -> &TopicPartition {
        &self.place
    }

    /// Gives records to the task, which are not committed yet, or, at most once, are.
    pub(super) fn give(&mut self, given: Vec<Given>, delivery: Delivery) {
        let Some((first, _)) = given.first().map(Given::place) else {
            return;
        };
        self.first.get_or_insert(first);
        let records = given.iter().filter(|one| one.counts()).count();
        self.handed += records as u64;
        if delivery == Delivery::AtMostOnce {
            self.progress.unbegun.fetch_add(records, Ordering::AcqRel);
            // Committed already: if it is never begun, this is where to begin again.
            let _ =
                self.progress
                    .next
                    .compare_exchange(-1, first, Ordering::AcqRel, Ordering::Acquire);
        }
        let bytes: usize = given.iter().map(|one| one.place().1).sum();
        let progress = &self.progress;
        progress.records.fetch_add(given.len(), Ordering::AcqRel);
        progress.bytes.fetch_add(bytes, Ordering::AcqRel);
        // When the task is gone nothing of it is done, and nothing after it: the member is ending.
        let _ = self.given.send(given);
    }

    /// How many more records it may be given now. Without room the thread is woken when there is again.
    pub(super) fn room(&self) -> usize {
        if self.abandoned || self.ahead.is_none() {
            return 0;
        }
        match self.progress.room() {
            0 => {
                self.progress.full.store(true, Ordering::Release);
                // Room that was made between the two would tell nobody.
                self.progress.room()
            }
            room => room,
        }
    }

    /// Whether everything that was given is done without a gap.
    pub(super) fn is_idle(&self) -> bool {
        self.progress.records.load(Ordering::Acquire) == 0
    }

    /// How many records were given that are to be handled and are not over for good.
    pub(super) fn in_progress(&self) -> u64 {
        let finished = self.progress.finished.load(Ordering::Acquire);
        self.handed.saturating_sub(finished)
    }

    /// So many more of its records are over for good.
    pub(super) fn finish(&self, records: u64) {
        self.progress.finish(records);
    }

    /// Whether everything that was given is begun; at most once.
    pub(super) fn is_begun(&self) -> bool {
        self.progress.unbegun.load(Ordering::Acquire) == 0
    }

    /// Whether anything was done since it was assigned.
    pub(super) fn has_begun(&self) -> bool {
        self.progress.next.load(Ordering::Acquire) >= 0
    }

    /// Whether it has to be asked what was done already.
    pub(super) fn is_fresh(&self) -> bool {
        self.ahead.is_none()
    }

    /// What is committed: an offset, and what was done already from there on.
    pub(super) fn begin(&mut self, offset: Option<i64>, ahead: Ahead) {
        let is_new = offset.is_none() && !self.from_beginning;
        self.is_new.store(is_new, Ordering::Release);
        self.ahead = Some((offset.unwrap_or_default(), Arc::new(ahead)));
    }

    /// What was done already when it was assigned, counted from this offset, for who reads on at `next`.
    pub(super) fn ahead(&mut self, next: i64) -> Option<(i64, Arc<Ahead>)> {
        let (from, ahead) = self.ahead.as_mut()?;
        if ahead.is_empty() {
            return None;
        }
        if next < *from {
            // The log begins anew: what comes there are other records.
            *ahead = Arc::default();
            return None;
        }
        Some((*from, Arc::clone(ahead)))
    }

    /// What to commit, when it is another than the last that was, and no less.
    pub(super) fn due(&self, delivery: Delivery) -> Option<NextOffset> {
        let last = self.last(delivery)?;
        let is_less = |(committed, _): &(i64, _)| *committed > last.offset;
        match self.committed.as_ref().is_some_and(is_less) {
            true => None,
            false => Some(last),
        }
    }

    /// What to leave behind: also what is less than was committed, at most once, for what was not begun.
    pub(super) fn last(&self, delivery: Delivery) -> Option<NextOffset> {
        let window = lock(&self.progress.window);
        let next = self.progress.next.load(Ordering::Acquire);
        let offset = match next {
            0.. => next,
            // Nothing is done without a gap: it begins where it began, for the sake of what is done after it.
            _ => window.first()?,
        };
        let ahead = match delivery {
            Delivery::AtLeastOnce => window.ahead_of(offset),
            Delivery::AtMostOnce | Delivery::ExactlyOnce => None,
        };
        let is_told = !self.is_new.load(Ordering::Acquire) || self.committed.is_some();
        if next < 0 && ahead.is_none() && is_told {
            return None;
        }
        let note = ahead.map(|ahead| ahead.write());
        let is_new = self.committed.as_ref() != Some(&(offset, note.clone()));
        is_new.then(|| NextOffset {
            place: self.place.clone(),
            offset,
            note,
        })
    }

    /// Nothing is left before this position. Only while it is idle, and its task at rest.
    pub(super) fn raise(&self, position: i64, delivery: Delivery) {
        if self.progress.next.fetch_max(position, Ordering::AcqRel) < position
            && delivery == Delivery::ExactlyOnce
        {
            self.progress.transfer(Advance {
                next: Some(position),
                ..Advance::default()
            });
        }
    }

    /// What is to become part of a transaction, taken away; nothing of a partition that begins anew, whose earlier records
    /// may have been lost.
    pub(super) fn take_transfer(&self) -> Transfer {
        if self.abandoned {
            return Transfer::default();
        }
        let mut transfer = std::mem::take(&mut *lock(&self.progress.transfer));
        if self.first.is_some() && self.is_new.swap(false, Ordering::AcqRel) {
            transfer.next = transfer.next.or(self.first);
        }
        transfer
    }

    /// What was committed is not known any more.
    pub(super) fn forget_committed(&mut self) {
        self.committed = None;
    }

    pub(super) fn committed(&mut self, next: &NextOffset) {
        self.committed = Some((next.offset, next.note.clone()));
    }

    /// Where to begin anew when nothing was ever committed.
    pub(super) fn first(&self) -> Option<i64> {
        self.first
    }

    /// Asks the task to end after the records in hand.
    pub(super) fn revoke(&self) {
        self.revoked.send_replace(true);
    }

    /// Ends the task at its next wait, with what it has in hand.
    pub(super) fn kill(&self) {
        self.revoke();
        self.task.abort();
    }

    /// Waits until the task has ended, which is dropped when the time is over.
    pub(super) fn end(&self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        // Nothing is ever sent: this returns when the task is gone, or the time is over.
        let ended = self.ended.recv_timeout(left);
        if ended == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            self.task.abort();
            // What is dropped may still be at work, but not for long: it ends at its next wait.
            let _ = self.ended.recv_timeout(Duration::from_secs(1));
        }
    }
}

impl Progress {
    fn room(&self) -> usize {
        let records = self.records.load(Ordering::Acquire);
        match self.bytes.load(Ordering::Acquire) < WINDOW_BYTES {
            true => WINDOW_RECORDS.saturating_sub(records),
            false => 0,
        }
    }

    /// A record was begun, at most once. Whether it was the last.
    pub(super) fn begun(&self, offset: i64) -> bool {
        self.next.store(offset + 1, Ordering::Release);
        self.unbegun.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// One more record was taken, the last so far.
    pub(super) fn taken(&self, given: &Given) {
        let (offset, size) = given.place();
        lock(&self.window).open(offset, size, given.counts());
    }

    /// So many more records are over for good.
    pub(super) fn finish(&self, records: u64) {
        self.finished.fetch_add(records, Ordering::AcqRel);
    }

    /// A record is done. How many are now without a gap that were not before, and whether the thread waits for that.
    pub(super) fn done(
        &self,
        offset: i64,
        produced: Vec<OutgoingRecord>,
        delivery: Delivery,
    ) -> (usize, bool) {
        let mut window = lock(&self.window);
        let advance = window.done(offset, produced);
        let Some(next) = advance.next else {
            return (0, false);
        };
        let (records, bytes) = (advance.records, advance.bytes);
        match delivery {
            Delivery::AtLeastOnce => self.next.store(next, Ordering::Release),
            Delivery::ExactlyOnce => {
                self.transfer(advance);
                self.next.store(next, Ordering::Release);
            }
            // Beginning is what counted.
            Delivery::AtMostOnce => {}
        }
        drop(window);
        self.records.fetch_sub(records, Ordering::AcqRel);
        self.bytes.fetch_sub(bytes, Ordering::AcqRel);
        // Half of it, so that it is woken for more than one record.
        let has_room = self.room() >= WINDOW_RECORDS / 2;
        let awaited = has_room && self.full.swap(false, Ordering::AcqRel);
        (records, awaited)
    }

    /// What was done is to become part of a transaction.
    fn transfer(&self, advance: Advance) {
        let mut transfer = lock(&self.transfer);
        transfer.next = advance.next.or(transfer.next);
        transfer.counted += advance.counted;
        transfer.produced.extend(advance.produced);
    }
}
