//! The life of one record: claimed, tried until it is taken or given up, and what it leaves behind.

use super::claim::{Asked, Claim};
use super::shared::Shared;
use super::task::revocation;
use super::{Delivery, Handled};
use crate::error::{Error, Kind, Result};
use crate::model::dead_letter::{Failure, FailureKind};
use crate::model::record::{OutgoingRecord, Record as Read};
use crate::store::Idempotency;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{SemaphorePermit, watch};

/// So many times a handler may die of a record; then the record is poison.
const DEATHS: u32 = 2;

/// Nobody is left alone for longer, whatever it asks for: the records behind wait too.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);

/// How long to wait when brokers are away.
const BEFORE_ANOTHER_TRY: Duration = Duration::from_millis(500);

/// A record in hand.
pub(super) struct Record<'a> {
    pub(super) shared: &'a Shared,
    pub(super) record: Read,
    pub(super) revoked: watch::Receiver<bool>,
}

/// What became of it.
pub(super) struct Ended {
    pub(super) offset: i64,
    pub(super) outcome: Outcome,
}

/// What it leaves to be produced in a transaction is empty unless it is exactly once.
pub(super) enum Outcome {
    Handled(Vec<OutgoingRecord>),
    /// Done before, by its event id.
    Duplicate,
    DeadLettered(Vec<OutgoingRecord>),
    /// The partition was given away first.
    Left,
}

impl<'a> Record<'a> {
    /// `permit` is the right to attempt something, given back while nothing is attempted.
    ///
    /// # Errors
    /// What ends the member: the record is then not done.
    pub(super) async fn handle(mut self, permit: SemaphorePermit<'a>) -> Result<Ended> {
        let outcome = match &self.shared.dedupe {
            None => self.attempts(Some(permit)).await?,
            Some(store) => {
                // Whoever waits for another's claim must not keep others from working.
                drop(permit);
                self.once(store).await?
            }
        };
        Ok(Ended {
            offset: self.record.offset,
            outcome,
        })
    }

    /// Handles the record unless its event was done before.
    async fn once(&mut self, store: &Arc<dyn Idempotency>) -> Result<Outcome> {
        let shared = self.shared;
        let slot = tokio::select! {
            biased;
            () = revocation(&mut self.revoked) => return Ok(Outcome::Left),
            slot = shared.claims.acquire() => slot.ok(),
        };
        let event = self.record.event_id();
        let claim = match Claim::get(store, event, &shared.outages, &mut self.revoked).await? {
            Asked::Ours(claim) => claim,
            Asked::Done => {
                shared.meter.duplicate();
                return Ok(Outcome::Duplicate);
            }
            Asked::Left => return Ok(Outcome::Left),
        };
        let outcome = tokio::select! {
            biased;
            outcome = self.when_permitted(slot) => outcome?,
            never = claim.keep() => match never {},
        };
        if !matches!(outcome, Outcome::Handled(_)) {
            // Also of a dead letter, whose replay must not be passed over.
            claim.release().await;
            return Ok(outcome);
        }
        match claim.done(&shared.outages, &mut self.revoked).await? {
            true => Ok(outcome),
            // The memory could not be told: whoever has it next handles it once more.
            false => Ok(Outcome::Left),
        }
    }

    /// A `slot` among those who claim is held until there is something to do.
    async fn when_permitted(&mut self, slot: Option<SemaphorePermit<'a>>) -> Result<Outcome> {
        let permit = self.permit().await;
        drop(slot);
        match permit {
            None => Ok(Outcome::Left),
            permit => self.attempts(permit).await,
        }
    }

    async fn attempts(&mut self, mut permit: Option<SemaphorePermit<'a>>) -> Result<Outcome> {
        let shared = self.shared;
        let (mut attempt, mut deaths) = (1, 0);
        loop {
            if permit.is_none() {
                permit = self.permit().await;
            }
            if permit.is_none() {
                return Ok(Outcome::Left);
            }
            let mut failure = match self.attempt(attempt).await {
                Ok(Some(produced)) => {
                    shared.meter.processed();
                    if let Some(breaker) = &shared.breaker {
                        breaker.lived();
                    }
                    return Ok(Outcome::Handled(produced));
                }
                Ok(None) => return Ok(Outcome::Left),
                Err(failure) => failure,
            };
            // Nothing is attempted while it waits.
            permit = None;
            shared.meter.failed();
            tracing::debug!(record = self.record.coordinates(), attempt, %failure, "failed");
            let is_leaving = shared.stopping() || *self.revoked.borrow();
            if failure.is_death && is_leaving && shared.delivery != Delivery::AtMostOnce {
                // Whoever stops us may have ended the handler too, as service managers do.
                return Ok(Outcome::Left);
            }
            deaths += u32::from(failure.is_death);
            if deaths >= DEATHS {
                failure.kind = FailureKind::Poison;
            }
            if failure.kind != FailureKind::Transient || attempt > shared.max_retries() {
                return self.bury(&failure, attempt).await;
            }
            if !self.wait(attempt, &failure).await {
                return Ok(Outcome::Left);
            }
            shared.meter.retried();
            attempt += 1;
        }
    }

    /// The right to attempt something; `None` when the partition was given away first.
    async fn permit(&mut self) -> Option<SemaphorePermit<'a>> {
        tokio::select! {
            biased;
            () = revocation(&mut self.revoked) => None,
            permit = self.shared.permits.acquire() => permit.ok(),
        }
    }

    /// One attempt, and what is to be produced in a transaction for it. `None`: the partition was given away before what the
    /// handler answered could be produced.
    async fn attempt(&mut self, attempt: u32) -> Result<Option<Vec<OutgoingRecord>>, Failure> {
        let shared = self.shared;
        if let Some(failure) = shared.refused_output(&self.record) {
            return Err(failure);
        }
        let begun = Instant::now();
        let answer = shared.handler.handle(&self.record, attempt).await;
        shared.meter.attempt(begun.elapsed());
        let Handled { produce } = answer?;
        if produce.is_empty() {
            return Ok(Some(produce));
        }
        let sends = shared.delivery != Delivery::ExactlyOnce;
        while let Err(error) = shared.outputs.produce(&produce, sends).await {
            if error.kind() != Kind::Unreachable {
                return Err(Failure::permanent("produce", error.one_line()));
            }
            // Brokers that are away are nothing that the handler could do better next time.
            if !self.rest(&error).await {
                return match shared.delivery {
                    // Nobody else handles it.
                    Delivery::AtMostOnce => Err(Failure::permanent("produce", error.one_line())),
                    Delivery::AtLeastOnce | Delivery::ExactlyOnce => Ok(None),
                };
            }
        }
        shared.absence.ends();
        shared.meter.produced(produce.len() as u64);
        Ok(Some(if sends { Vec::new() } else { produce }))
    }

    /// Waits because the brokers are away; `false` when the partition was given away first.
    async fn rest(&mut self, error: &Error) -> bool {
        let record = self.record.coordinates();
        tracing::warn!(record, "tried again: {}", error.one_line());
        self.shared.absence.begins(error);
        tokio::select! {
            biased;
            () = revocation(&mut self.revoked) => false,
            () = tokio::time::sleep(BEFORE_ANOTHER_TRY) => true,
        }
    }

    /// Whether the wait before the next attempt ended by itself.
    async fn wait(&mut self, attempt: u32, failure: &Failure) -> bool {
        let backoff = self.shared.backoff(attempt);
        let asked = failure.retry_after.unwrap_or_default();
        let wait = asked.min(LONGEST_RETRY_AFTER).max(backoff);
        tokio::select! {
            biased;
            () = revocation(&mut self.revoked) => false,
            () = tokio::time::sleep(wait) => true,
        }
    }

    async fn bury(&mut self, failure: &Failure, attempts: u32) -> Result<Outcome> {
        let shared = self.shared;
        if let Some(breaker) = &shared.breaker
            && !breaker.may_die()
        {
            let error = Error::failed(format!(
                "group `{}` stopped: more than half of its last 100 records failed, now `{}`: {failure}",
                shared.group,
                self.record.coordinates()
            ));
            return Err(error.hint(format!(
                "{}; repair the handler, or what it depends on",
                shared.fate.sentence()
            )));
        }
        let letters = &shared.dead_letters;
        let sends = shared.delivery != Delivery::ExactlyOnce;
        let in_transaction = loop {
            let written = match sends {
                true => letters
                    .bury(&self.record, failure, Some(attempts))
                    .await
                    .map(|()| Vec::new()),
                false => letters
                    .letter(&self.record, failure, Some(attempts))
                    .await
                    .map(|letter| vec![letter]),
            };
            match written {
                Ok(in_transaction) => break in_transaction,
                Err(error) if error.kind() == Kind::Unreachable => {
                    if !self.rest(&error).await {
                        return match shared.delivery {
                            // Nobody else handles it, and nobody would know of it.
                            Delivery::AtMostOnce => Err(error.hint(shared.fate.sentence())),
                            Delivery::AtLeastOnce | Delivery::ExactlyOnce => Ok(Outcome::Left),
                        };
                    }
                }
                Err(error) => return Err(error),
            }
        };
        shared.absence.ends();
        let topic = letters.topic(&self.record).unwrap_or_default();
        shared.meter.dead_lettered(topic);
        Ok(Outcome::DeadLettered(in_transaction))
    }
}
