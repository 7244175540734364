//! `eda outbox purge`: plan, then delete what is over, a bounded number at a time.

use crate::consent::Consent;
use crate::error::{Error, Result, Status};
use crate::model::duration::human;
use crate::ops::stop::Stop;
use crate::report::{Cell, Report, Table, Tone};
use crate::store::outbox::Outbox;
use crate::store::outbox::error_of;
use serde::Serialize;
use std::time::Duration;

/// So many in one transaction, so that writers and relays wait for none of them long.
const CHUNK: usize = 5_000;

/// What is to go.
#[derive(Clone, Copy, Debug)]
pub struct PurgeRequest {
    /// Those that were published longer ago than this.
    pub published: Option<Duration>,
    /// The dead ones.
    pub dead: bool,
}

/// How many would be deleted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PurgePlan {
    /// null: they stay.
    published: Option<u64>,
    /// null: they stay.
    dead: Option<u64>,
    #[serde(skip)]
    request: PurgeRequest,
}

/// Counts them.
///
/// # Errors
/// The database does not answer.
pub async fn plan(outbox: &dyn Outbox, request: PurgeRequest) -> Result<PurgePlan> {
    let published = match request.published {
        Some(age) => Some(outbox.purgeable(age, false).await.map_err(error_of)?),
        None => None,
    };
    let dead = match request.dead {
        true => {
            let count = outbox.purgeable(Duration::ZERO, true).await;
            Some(count.map_err(error_of)?)
        }
        false => None,
    };
    Ok(PurgePlan {
        published,
        dead,
        request,
    })
}

impl PurgePlan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.published.unwrap_or(0) + self.dead.unwrap_or(0) == 0
    }
}

/// One row for each kind that is to go.
fn rows(published: Option<u64>, dead: Option<u64>) -> Vec<(&'static str, u64)> {
    [("published", published), ("dead", dead)]
        .into_iter()
        .filter_map(|(what, count)| Some((what, count?)))
        .collect()
}

impl Report for PurgePlan {
    fn table(&self) -> Table {
        let mut table = Table::new(&["WHAT", "EVENTS"], "nothing to delete").titled("would delete");
        if self.is_empty() {
            return table;
        }
        for (what, count) in rows(self.published, self.dead) {
            table.row([what.into(), Cell::from(count).tone(Tone::Bad)]);
        }
        if let Some(age) = self.request.published {
            let text = format!("published ones that are older than {}", human(age));
            table.note(text, Tone::Plain);
        }
        if self.dead.unwrap_or(0) > 0 {
            table.note("dead events were never published", Tone::Warn);
        }
        table
    }
}

/// How many were deleted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PurgeOutcome {
    published: Option<u64>,
    dead: Option<u64>,
    interrupted: bool,
    #[serde(skip)]
    stopped: Option<Status>,
    /// What ended it early.
    #[serde(skip)]
    pub error: Option<Error>,
}

/// Deletes as many as were planned, unless fewer are left or a stop is requested.
pub async fn purge(
    outbox: &dyn Outbox,
    plan: PurgePlan,
    stop: &Stop,
    _consent: Consent,
) -> PurgeOutcome {
    let mut outcome = PurgeOutcome {
        published: plan.published.map(|_| 0),
        dead: plan.dead.map(|_| 0),
        interrupted: false,
        stopped: None,
        error: None,
    };
    if let (Some(age), Some(agreed)) = (plan.request.published, plan.published) {
        let (count, ended) = delete(outbox, age, false, agreed, stop).await;
        outcome.published = Some(count);
        outcome.error = ended.err();
    }
    if let (Some(agreed), None) = (plan.dead, &outcome.error) {
        let (count, ended) = delete(outbox, Duration::ZERO, true, agreed, stop).await;
        outcome.dead = Some(count);
        outcome.error = ended.err();
    }
    outcome.stopped = stop.requested();
    outcome.interrupted = outcome.stopped.is_some();
    outcome
}

/// How many, also when it ended early; no more than was agreed to, whatever has come since.
async fn delete(
    outbox: &dyn Outbox,
    older_than: Duration,
    dead: bool,
    agreed: u64,
    stop: &Stop,
) -> (u64, Result<()>) {
    let mut count = 0;
    while count < agreed && stop.requested().is_none() {
        let left = usize::try_from(agreed - count).unwrap_or(usize::MAX);
        match outbox.purge(older_than, dead, left.min(CHUNK)).await {
            Ok(0) => break,
            Ok(deleted) => count += deleted,
            Err(outage) => return (count, Err(error_of(outage))),
        }
    }
    (count, Ok(()))
}

impl Report for PurgeOutcome {
    fn table(&self) -> Table {
        let mut table = Table::new(&["WHAT", "DELETED"], "nothing was deleted");
        for (what, count) in rows(self.published, self.dead) {
            table.row([what.into(), count.into()]);
        }
        if self.interrupted {
            table.note("interrupted: the rest is still there", Tone::Warn);
        }
        table
    }

    fn status(&self) -> Result<Status> {
        Ok(self.stopped.unwrap_or(Status::Done))
    }

    fn effect(&self) -> Option<String> {
        match self.published.unwrap_or(0) + self.dead.unwrap_or(0) {
            0 => None,
            count => Some(format!("{count} were deleted all the same")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::outbox::{
        DeadOutboxEvent, NewOutboxEvent, OnDead, OutboxCounts, OutboxEvent, Settled,
        WaitingOutboxEvents,
    };
    use crate::store::{Outage, Pending};

    /// More comes all the time.
    #[derive(Debug)]
    struct Endless;

    fn nobody_asks<'a, T: 'a>() -> Pending<'a, T> {
        Box::pin(async { Err(Outage::lasting("nobody asks")) })
    }

    impl Outbox for Endless {
        fn named(&self) -> &str {
            ""
        }
        fn purge(&self, _: Duration, _: bool, limit: usize) -> Pending<'_, u64> {
            Box::pin(async move { Ok(limit as u64) })
        }
        fn missing(&self) -> Pending<'_, String> {
            nobody_asks()
        }
        fn create(&self) -> Pending<'_, ()> {
            nobody_asks()
        }
        fn add<'a>(&'a self, _: &'a [NewOutboxEvent]) -> Pending<'a, ()> {
            nobody_asks()
        }
        fn claim<'a>(
            &'a self,
            _: &'a str,
            _: usize,
            _: Duration,
            _: OnDead,
        ) -> Pending<'a, Vec<OutboxEvent>> {
            nobody_asks()
        }
        fn renew<'a>(&'a self, _: &'a str, _: Duration) -> Pending<'a, u64> {
            nobody_asks()
        }
        fn settle<'a>(&'a self, _: &'a str, _: &'a [(i64, Settled)]) -> Pending<'a, u64> {
            nobody_asks()
        }
        fn added(&self, _: Duration) -> Pending<'_, ()> {
            nobody_asks()
        }
        fn counts(&self) -> Pending<'_, OutboxCounts> {
            nobody_asks()
        }

        fn pending(&self) -> Pending<'_, OutboxCounts> {
            nobody_asks()
        }
        fn waiting(&self, _: usize) -> Pending<'_, Vec<WaitingOutboxEvents>> {
            nobody_asks()
        }
        fn hasten(&self) -> Pending<'_, u64> {
            nobody_asks()
        }
        fn dead(&self, _: usize) -> Pending<'_, Vec<DeadOutboxEvent>> {
            nobody_asks()
        }
        fn retry<'a>(&'a self, _: &'a [String]) -> Pending<'a, Vec<String>> {
            nobody_asks()
        }
        fn purgeable(&self, _: Duration, _: bool) -> Pending<'_, u64> {
            nobody_asks()
        }
    }

    #[tokio::test]
    async fn no_more_is_deleted_than_was_agreed_to() {
        for agreed in [0, 3, CHUNK as u64, 2 * CHUNK as u64 + 1] {
            let (count, ended) = delete(&Endless, Duration::ZERO, true, agreed, &Stop::new()).await;
            ended.unwrap();
            assert_eq!(count, agreed);
        }
    }
}
