//! The claim of an event while its record is in hand, and what is said when the memory of events does not answer.

use super::Notices;
use super::retry::Backoff;
use super::task::revocation;
use crate::error::{Error, Result};
use crate::store::{Claimed, Idempotency, Outage, Pending, Token};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// How long to wait between two questions to a memory that does not answer: at most this, and at first.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// How soon another's claim is worth another look, at the earliest and at the latest.
const SOON: Duration = Duration::from_millis(5);
const LATE: Duration = Duration::from_millis(500);

/// A lease is renewed when a third of it is over: two renewals may fail.
const RENEWALS: u32 = 3;

/// Says once that the memory does not answer, and once that it does again.
#[derive(Debug)]
pub(super) struct Outages {
    notices: Arc<dyn Notices>,
    is_out: AtomicBool,
}

impl Outages {
    pub(super) fn new(notices: Arc<dyn Notices>) -> Self {
        Outages {
            notices,
            is_out: AtomicBool::new(false),
        }
    }

    /// Asks until there is an answer; no attempt of a handler is counted for it. `None`: the partition was given away while
    /// there was none. A question that is under way is never cut short: each takes only so long, and what it has done would
    /// not be known.
    ///
    /// # Errors
    /// An outage that will not pass.
    async fn patiently<'a, T>(
        &self,
        revoked: &mut watch::Receiver<bool>,
        mut ask: impl FnMut() -> Pending<'a, T>,
    ) -> Result<Option<T>> {
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT, fastrand::Rng::new());
        let mut attempt = 1;
        loop {
            match ask().await {
                Ok(answer) => {
                    if self.is_out.swap(false, Ordering::AcqRel) {
                        self.notices.warn("the memory of events answers again");
                    }
                    return Ok(Some(answer));
                }
                Err(outage) if outage.passing => {
                    if !self.is_out.swap(true, Ordering::AcqRel) {
                        self.notices.warn(&format!(
                            "the memory of events does not answer: waiting until it does ({outage})"
                        ));
                    }
                }
                Err(outage) => return Err(hopeless(outage)),
            }
            tokio::select! {
                biased;
                () = revocation(revoked) => return Ok(None),
                () = tokio::time::sleep(backoff.after(attempt).max(FIRST_WAIT)) => {}
            }
            attempt = attempt.saturating_add(1);
        }
    }
}

fn hopeless(outage: Outage) -> Error {
    Error::failed("the memory of events cannot be used").caused_by(outage)
}

/// What became of asking for it.
pub(super) enum Asked {
    Ours(Claim),
    /// It was done before.
    Done,
    /// The partition was given away first.
    Left,
}

/// The right to handle one event. Given back when it is dropped, as far as that can be done then; else it ends by itself.
pub(super) struct Claim {
    store: Arc<dyn Idempotency>,
    event: String,
    token: Token,
    /// Nothing is left to give back.
    is_settled: bool,
}

impl Claim {
    /// Asks for the right to handle the event. While somebody else has it in hand, waits for the outcome, or the end of
    /// their lease.
    pub(super) async fn get(
        store: &Arc<dyn Idempotency>,
        event: String,
        outages: &Outages,
        revoked: &mut watch::Receiver<bool>,
    ) -> Result<Asked> {
        let mut looks = 0;
        loop {
            let answer = outages.patiently(revoked, || store.claim(&event)).await?;
            let left = match answer {
                None => return Ok(Asked::Left),
                Some(Claimed::Done) => return Ok(Asked::Done),
                Some(Claimed::Ours(token)) => {
                    return Ok(Asked::Ours(Claim {
                        store: Arc::clone(store),
                        event,
                        token,
                        is_settled: false,
                    }));
                }
                Some(Claimed::InHand(left)) => left,
            };
            // Whoever has it is seldom long at work, and never tells when it is done.
            let patience = SOON * 2_u32.saturating_pow(looks);
            looks = (looks + 1).min(10);
            tokio::select! {
                biased;
                () = revocation(revoked) => return Ok(Asked::Left),
                () = tokio::time::sleep(left.clamp(SOON, patience.clamp(SOON, LATE))) => {}
            }
        }
    }

    /// Renews the lease for as long as it is polled.
    pub(super) async fn keep(&self) -> Infallible {
        let lease = self.store.lease();
        loop {
            tokio::time::sleep(lease / RENEWALS).await;
            match self.store.renew(&self.event, &self.token).await {
                Ok(true) => {}
                Ok(false) => tracing::warn!(event = self.event, "its lease ran out"),
                Err(outage) => {
                    tracing::warn!(event = self.event, %outage, "its lease was not renewed");
                }
            }
        }
    }

    /// The event is done, and will not be handed out again. Whether that is known: not when the partition was given away
    /// while nobody could be told.
    pub(super) async fn done(
        mut self,
        outages: &Outages,
        revoked: &mut watch::Receiver<bool>,
    ) -> Result<bool> {
        let marked = outages
            .patiently(revoked, || self.store.done(&self.event, &self.token))
            .await?;
        self.is_settled = marked.is_some();
        if marked == Some(false) {
            tracing::warn!(
                event = self.event,
                "its lease ran out while it was handled, and another took it over: it was handled twice"
            );
        }
        Ok(self.is_settled)
    }

    /// It was not done: whoever comes next may handle it.
    pub(super) async fn release(mut self) {
        self.is_settled = true;
        if let Err(outage) = self.store.release(&self.event, &self.token).await {
            tracing::warn!(event = self.event, %outage, "its claim stays until its lease is over");
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        // Outside of a runtime nobody is left to do it: the lease ends by itself.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (store, event, token) = (
                Arc::clone(&self.store),
                std::mem::take(&mut self.event),
                self.token,
            );
            runtime.spawn(async move {
                if let Err(outage) = store.release(&event, &token).await {
                    tracing::debug!(event, %outage, "its claim stays until its lease is over");
                }
            });
        }
    }
}
