//! What is next, waiting for it, and waiting for a database that does not answer.

use super::super::status::without_id;
use super::Lease;
use super::Told;
use super::engine::{Engine, new_owner};
use super::waiting::Waiting;
use crate::error::Result;
use crate::model::outbox::OutboxEvent;
use crate::model::wording::counted;
use crate::store::Outage;
use crate::store::outbox::error_of;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long nothing is looked for when there was nothing: whatever tells of new events may be missed.
const POLL: Duration = Duration::from_millis(500);

/// How long what is due may be late, and how often it is asked for meanwhile.
const LATE: Duration = Duration::from_secs(1);
const SHORTLY: Duration = Duration::from_millis(50);

/// So many topics are named for which events still wait.
const REASONS: usize = 100;

/// What a claim is to weigh at most, going by the one before it.
const CLAIM_BYTES: usize = 16 * 1024 * 1024;

/// The answer to a claim.
pub(super) enum Claimed {
    Events(Vec<OutboxEvent>),
    /// There was none: nobody knows whether it was carried out.
    Lost,
    /// There was none, and it is to stop.
    Stopped,
}

impl Engine<'_> {
    /// Claims the next batch.
    pub(super) async fn claim(&mut self) -> Result<Claimed> {
        let (lease, on_dead) = (self.request.lease, self.request.on_dead);
        let claimed = self
            .outbox
            .claim(&self.owner, self.limit, lease, on_dead)
            .await;
        match claimed {
            Ok(events) => {
                self.database.is_over(self.watch);
                self.reckon(&events);
                if !events.is_empty() {
                    (self.others, self.was_free) = (None, false);
                }
                Ok(Claimed::Events(events))
            }
            Err(outage) => Ok(match self.wait_for_database(outage).await? {
                true => Claimed::Lost,
                false => Claimed::Stopped,
            }),
        }
    }

    /// What a lost claim may have claimed is in the hand of this name, which is not given it again and which later events
    /// of the same aggregates are given to. In another's hand it blocks them, until the lease has run out.
    pub(super) fn take_another_name(&mut self) {
        self.owner = new_owner();
        let (outbox, owner) = (Arc::clone(&self.outbox), self.owner.clone());
        self.lease = Lease::keep(outbox, owner, self.request.lease);
    }

    /// How many the next claim may be for, so that what is in hand fits into memory.
    fn reckon(&mut self, events: &[OutboxEvent]) {
        let bytes: usize = events
            .iter()
            .map(|event| super::sender::size(&event.event))
            .sum();
        self.limit = match bytes > CLAIM_BYTES {
            true => events.len().saturating_mul(CLAIM_BYTES) / bytes,
            false => self.limit.saturating_mul(2),
        };
        self.limit = self.limit.clamp(1, self.request.batch.max(1));
    }

    /// Waits a moment for a database that did not answer; false when it is to stop.
    ///
    /// # Errors
    /// Waiting does not help, or is over.
    pub(super) async fn wait_for_database(&mut self, outage: Outage) -> Result<bool> {
        if !outage.passing {
            return Err(error_of(outage));
        }
        let pause = self.database.goes_on(&outage.message, self.watch);
        if self.is_over(&self.database) {
            return Err(error_of(outage));
        }
        Ok(self.rest(pause).await)
    }

    /// Whether one run alone has waited long enough.
    pub(super) fn is_over(&self, waiting: &Waiting) -> bool {
        self.request.once && waiting.lasts() > self.cluster.connection().timeout
    }

    /// Whether it is to go on after this long.
    async fn rest(&self, pause: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            _ = self.stop.wait() => false,
        }
    }

    /// There is nothing to claim: waits until there may be. False when it is over.
    pub(super) async fn pause(&mut self) -> Result<bool> {
        self.lease.set(false);
        let mut pause = POLL;
        if self.request.once {
            match self.patience().await {
                Some(patience) => pause = patience,
                None => return Ok(false),
            }
        } else if self.missing.is_empty() && !std::mem::replace(&mut self.was_idle, true) {
            self.tell_idle().await;
        }
        let added = tokio::select! {
            added = self.outbox.added(pause) => added,
            _ = self.stop.wait() => return Ok(true),
        };
        match added {
            Ok(()) => Ok(true),
            Err(outage) => {
                self.wait_for_database(outage).await?;
                Ok(true)
            }
        }
    }

    /// Nothing is to be done for the first time; what never will be is told then.
    async fn tell_idle(&mut self) {
        (self.watch)(Told::Idle);
        let counts = self.outbox.pending().await.unwrap_or_default();
        if counts.without_id > 0 {
            (self.watch)(Told::Warning(&without_id(counts.without_id)));
        }
    }

    /// How long one run alone waits before it looks again; `None` when it has nothing to wait for.
    async fn patience(&mut self) -> Option<Duration> {
        // What was refused in this run has the attempts it is given.
        if let Some(due) = self.due {
            let left = due.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                return Some(POLL.min(left + Duration::from_millis(1)));
            }
            // It may be late: somebody has its row, or the clock of the database was set.
            if due.elapsed() <= LATE && self.is_any_retrying().await {
                return Some(SHORTLY);
            }
        }
        self.patience_with_others().await
    }

    /// What others have in hand may become free: they publish it, or are no more and their leases run out.
    async fn patience_with_others(&mut self) -> Option<Duration> {
        let counts = self.outbox.pending().await.ok()?;
        let Some(lasts) = counts.in_hand_ms else {
            // What was in another's hand when the last claim was made may be free by now.
            let again = counts.pending > 0 && !std::mem::replace(&mut self.was_free, true);
            return again.then_some(SHORTLY);
        };
        self.was_free = false;
        let lasts = u64::try_from(lasts).unwrap_or(0);
        let lasts = Duration::from_millis(lasts).min(self.request.lease);
        let now = Instant::now();
        let until = match self.others {
            Some(until) => until,
            None => {
                let events = counted(counts.in_hand, "event");
                let text = format!("waiting for {events} that another relay has in hand");
                (self.watch)(Told::Warning(&text));
                *self.others.insert(now + lasts + LATE)
            }
        };
        (now < until).then_some(POLL)
    }

    /// Whether events are left of which another attempt may be made, as far as the database says.
    async fn is_any_retrying(&self) -> bool {
        let counts = self.outbox.pending().await;
        counts.map_or(true, |counts| counts.retrying > 0)
    }

    /// What waits for a topic is due. A database that does not answer now is met soon enough.
    pub(super) async fn hasten(&self) {
        if let Err(outage) = self.outbox.hasten().await {
            tracing::warn!("what waits for a topic is not tried at once: {outage}");
        }
    }

    /// What there is that could not be claimed.
    ///
    /// # Errors
    /// Events that one run alone was to publish; or nobody knows whether there are any.
    pub(super) async fn look_back(&mut self) -> Result<()> {
        let counts = self.outbox.pending().await.map_err(error_of)?;
        let waiting = self.outbox.waiting(REASONS).await.map_err(error_of)?;
        self.tally.look_back(&counts, waiting)
    }
}
