//! An outbox in a PostgreSQL database.
//!
//! One connection, which a transaction has to itself; one more listens for what is added. What was settled or added is
//! on the database's disk when it is answered. Times are the database's.

mod claim;
mod line;
mod questions;
mod session;
mod tables;

use super::Outbox;
use crate::model::outbox::{
    DeadOutboxEvent, NewOutboxEvent, OnDead, OutboxCounts, OutboxEvent, Settled,
    WaitingOutboxEvents,
};
use crate::store::Pending;
use crate::store::stored::milliseconds;
use claim::Claim;
pub use session::PostgresOutbox;
use session::{Plans, plans};
use std::time::Duration;
use tokio_postgres::types::{ToSql, Type};

/// A parameter, and what the database takes it for.
type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

impl Outbox for PostgresOutbox {
    fn named(&self) -> &str {
        &self.named
    }

    fn missing(&self) -> Pending<'_, String> {
        Box::pin(self.bounded(async {
            let mut session = self.session().await?;
            let transaction = session.0.transaction().await?;
            Ok(self.look(&transaction).await?.missing())
        }))
    }

    fn create(&self) -> Pending<'_, ()> {
        Box::pin(self.bounded(self.create_tables()))
    }

    fn add<'a>(&'a self, events: &'a [NewOutboxEvent]) -> Pending<'a, ()> {
        Box::pin(self.bounded(self.add_events(events)))
    }

    fn claim<'a>(
        &'a self,
        owner: &'a str,
        limit: usize,
        lease: Duration,
        on_dead: OnDead,
    ) -> Pending<'a, Vec<OutboxEvent>> {
        let what = Claim {
            owner,
            limit,
            lease_ms: milliseconds(lease),
            on_dead,
        };
        Box::pin(self.bounded(self.claim_events(what)))
    }

    fn renew<'a>(&'a self, owner: &'a str, lease: Duration) -> Pending<'a, u64> {
        Box::pin(self.bounded(self.renew_leases(owner, milliseconds(lease))))
    }

    fn settle<'a>(&'a self, owner: &'a str, outcomes: &'a [(i64, Settled)]) -> Pending<'a, u64> {
        Box::pin(self.bounded(self.settle_events(owner, outcomes)))
    }

    fn added(&self, at_most: Duration) -> Pending<'_, ()> {
        Box::pin(self.listen(at_most))
    }

    fn counts(&self) -> Pending<'_, OutboxCounts> {
        Box::pin(self.bounded(self.count_events(true)))
    }

    fn pending(&self) -> Pending<'_, OutboxCounts> {
        Box::pin(self.bounded(self.count_events(false)))
    }

    fn waiting(&self, limit: usize) -> Pending<'_, Vec<WaitingOutboxEvents>> {
        Box::pin(self.bounded(self.waiting_events(limit)))
    }

    fn hasten(&self) -> Pending<'_, u64> {
        Box::pin(self.bounded(self.hasten_events()))
    }

    fn dead(&self, limit: usize) -> Pending<'_, Vec<DeadOutboxEvent>> {
        Box::pin(self.bounded(self.dead_events(limit)))
    }

    fn retry<'a>(&'a self, ids: &'a [String]) -> Pending<'a, Vec<String>> {
        Box::pin(self.bounded(self.retry_events(ids)))
    }

    fn purgeable(&self, older_than: Duration, dead: bool) -> Pending<'_, u64> {
        Box::pin(self.bounded(self.old_events(older_than, dead, None)))
    }

    fn purge(&self, older_than: Duration, dead: bool, limit: usize) -> Pending<'_, u64> {
        Box::pin(self.bounded(self.old_events(older_than, dead, Some(limit))))
    }
}
