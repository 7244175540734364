//! What becomes of the records of one partition: which begin, which are done, and what that makes of the partition.

use super::Delivery;
use super::handling::{Ended, Outcome, Record as InHand};
use super::partition::{Given, Progress};
use super::schedule::{Schedule, Track};
use super::shared::Shared;
use crate::error::{Error, Result};
use crate::model::record::OutgoingRecord;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// The task of one partition.
pub(super) struct Task {
    shared: Arc<Shared>,
    progress: Arc<Progress>,
    revoked: watch::Receiver<bool>,
    schedule: Schedule,
    orderly: bool,
    _alive: std::sync::mpsc::Sender<()>,
}

impl Task {
    /// `alive` is dropped when the task is gone.
    pub(super) fn new(
        shared: Arc<Shared>,
        progress: Arc<Progress>,
        revoked: watch::Receiver<bool>,
        alive: std::sync::mpsc::Sender<()>,
    ) -> Self {
        let strictly = shared.delivery == Delivery::AtMostOnce;
        Task {
            schedule: Schedule::new(shared.order, strictly),
            shared,
            progress,
            revoked,
            orderly: false,
            _alive: alive,
        }
    }

    /// Handles what it is given until the partition is given away; then finishes what is in hand.
    pub(super) async fn run(mut self, mut given: mpsc::UnboundedReceiver<Vec<Given>>) {
        let shared = Arc::clone(&self.shared);
        let mut watched = self.revoked.clone();
        let mut revocation = pin!(revocation(&mut watched));
        let mut in_hand = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                () = &mut revocation => break,
                Some(ended) = in_hand.next(), if !in_hand.is_empty() => {
                    if !self.ended(ended) {
                        break;
                    }
                    if in_hand.is_empty() && !self.schedule.has_ready() {
                        // Somebody may wait for the end of everything.
                        shared.wake.wake();
                    }
                }
                permit = shared.permits.acquire(), if self.schedule.has_ready() => {
                    // The news of it may come a moment after the fact, and what was begun then would overtake one that
                    // was left.
                    if *self.revoked.borrow() {
                        break;
                    }
                    let (Ok(permit), Some((record, track))) = (permit, self.schedule.begin()) else {
                        continue;
                    };
                    if shared.delivery == Delivery::AtMostOnce {
                        let was_last = self.progress.begun(record.offset);
                        shared.count(0, was_last);
                    }
                    let record = InHand { shared: &shared, record, revoked: self.revoked.clone() };
                    in_hand.push(async move { (record.handle(permit).await, track) });
                }
                batch = given.recv() => match batch {
                    Some(batch) => self.take(batch),
                    None => break,
                },
            }
        }
        while let Some(ended) = in_hand.next().await {
            self.ended(ended);
        }
        self.orderly = true;
    }

    fn take(&mut self, batch: Vec<Given>) {
        for given in batch {
            self.progress.taken(&given);
            match given {
                Given::Record(record) => self.schedule.push(record),
                Given::PassedOver(offset, _) => {
                    self.shared.meter.passed_over();
                    self.done(offset, Vec::new());
                }
                Given::DoneBefore(offset, _) => {
                    self.shared.meter.duplicate();
                    self.done(offset, Vec::new());
                }
            }
        }
    }

    /// Accounts for a record; `false` when nothing may follow it.
    fn ended(&mut self, (ended, track): (Result<Ended>, Option<Track>)) -> bool {
        match ended {
            Ok(Ended { offset, outcome }) => {
                self.schedule.free(track);
                let produced = match outcome {
                    Outcome::Handled(produced) | Outcome::DeadLettered(produced) => produced,
                    Outcome::Duplicate => Vec::new(),
                    // The partition is given away, and what is behind it goes with it.
                    Outcome::Left => return false,
                };
                if self.shared.delivery != Delivery::ExactlyOnce {
                    // In a transaction it is over when that is committed.
                    self.shared.finish(1);
                    self.progress.finish(1);
                }
                self.done(offset, produced);
                true
            }
            Err(error) => {
                self.shared.fail(error);
                false
            }
        }
    }

    fn done(&mut self, offset: i64, produced: Vec<OutgoingRecord>) {
        let delivery = self.shared.delivery;
        let (records, awaited) = self.progress.done(offset, produced, delivery);
        self.shared.count(records as u64, awaited);
    }
}

impl Drop for Task {
    /// A handler that panics must not leave a partition that nobody reads.
    fn drop(&mut self) {
        if !self.orderly && !*self.revoked.borrow() {
            let group = &self.shared.group;
            self.shared.fail(Error::failed(format!(
                "a task of group `{group}` ended unexpectedly"
            )));
        }
    }
}

/// Waits until the partition is given away.
pub(super) async fn revocation(revoked: &mut watch::Receiver<bool>) {
    // Its only error is that the partition was dropped, which is the same to us.
    let _ = revoked.wait_for(|revoked| *revoked).await;
}
