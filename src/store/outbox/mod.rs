//! The transactional outbox, behind one small trait: a table in a SQLite file or a PostgreSQL database.
//!
//! Events have a position, taken when they are written. A relay claims the earliest that nobody else has in hand, with a
//! lease, publishes them, and settles each. **Per aggregate they are claimed in the order of their positions**: an event
//! is not claimed while an earlier one of its aggregate is in another relay's hand, waits for its next attempt, or is
//! dead and blocks. For writers who change one aggregate one after the other (a row lock, a unique version) and write its
//! event after that, it is the order of their commits.
//!
//! Nothing is lost to the gap that a sequence has while a transaction is open: what is to be published is found by its
//! state and not by a place that was reached, so an event that becomes visible late is claimed late. To order by the
//! transactions' ids behind the oldest that is open, as others do, would be worse: one long transaction anywhere would
//! hold up everybody, and a transaction has its id from its first write on, which may be long before it comes to the
//! aggregate, so the ids of two that waited for each other there may stand in the wrong order. Nothing is asked of them,
//! so the table has no column for them.
//!
//! # Our own table
//!
//! Debezium's columns `id`, `aggregatetype`, `aggregateid`, `type` and `payload` are all that an application writes:
//!
//! ```sql
//! INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload) VALUES (…);
//! ```
//!
//! Beside them are `position`, `created_ms`, and what relays write down: `attempts`, `next_attempt_ms`, `published_ms`,
//! `dead_ms`, `error`, `locked_by`, `locked_until_ms`. Times are milliseconds since 1970, in PostgreSQL by the server's
//! clock, in SQLite by the machine's. The payload is text as it was written; bytes that are no text are in PostgreSQL's
//! `payload_bytes` instead.
//!
//! # A table that was made for Debezium
//!
//! It is left as it is, also with more columns (`timestamp`, `tracingspancontext`). What relays write down is in a second
//! table, `outbox_relay`, with one row an event. A claim that runs out of events known there searches the outbox for new
//! ones and gives them their positions: in SQLite in the order of rowids, in PostgreSQL in the order of commits where
//! `track_commit_timestamp` is on, else in that in which their transactions began to write, which is the same unless two
//! overlap. The search reads the whole table, so what is published should be purged, or deleted by the application: what
//! is gone before it was claimed is not published.
//!
//! # What it costs
//!
//! A claim reads the line of pending events from its beginning, and for each that it may take a few more; where all these
//! are blocked, it jumps from one aggregate to the next, so the steps are those of blocked aggregates and not of events.

mod address;
mod choice;
mod pace;
mod postgres;
mod sql;
mod sqlite;

pub use address::{OutboxAddress, TableName};

use super::{Outage, Pending};
use crate::error::{Error, Result};
use crate::model::outbox::{
    DeadOutboxEvent, NewOutboxEvent, OnDead, OutboxCounts, OutboxEvent, Settled,
    WaitingOutboxEvents,
};
use postgres::PostgresOutbox;
use sqlite::SqliteOutbox;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Opens the outbox at an address. It need not be made yet: whether it is, [`Outbox::missing`] says. Every answer, then
/// and later, takes `timeout` at most.
///
/// # Errors
/// Unreachable, with host and port or the path, when nothing answers, there can be no file, or credentials or rights are
/// refused; a failure when the table is no outbox; a usage error when the file is no database.
pub async fn open(
    address: &OutboxAddress,
    table: &TableName,
    timeout: Duration,
) -> Result<Arc<dyn Outbox>> {
    open_named(address, table, timeout, "").await
}

/// The same; `named` is what follows a command of ours for it to mean this outbox, in what is said of it.
///
/// # Errors
/// Those of [`open`].
pub async fn open_named(
    address: &OutboxAddress,
    table: &TableName,
    timeout: Duration,
    named: &str,
) -> Result<Arc<dyn Outbox>> {
    match address {
        OutboxAddress::Sqlite(path) => Ok(Arc::new(
            SqliteOutbox::open(path, table, timeout, named).await?,
        )),
        OutboxAddress::Postgres(address) => Ok(Arc::new(
            PostgresOutbox::open(address, table, timeout, named).await?,
        )),
    }
}

/// How it begins what is said of a schema that is not there, in which a table was to be made.
pub const NO_SCHEMA: &str = "there is no schema";

/// The error of an outage that ends a command: a database that does not answer, is not there or not for us may be asked
/// again.
pub fn error_of(outage: Outage) -> Error {
    match outage.passing || outage.barred {
        true => Error::unreachable(outage.message),
        false => Error::failed(outage.message),
    }
}

/// An outbox in a database. Every method may be called from many tasks at once, and its future dropped at any wait: what
/// it asked for may then have happened or not.
///
/// The same promises hold for every implementation, and one suite of tests checks them.
pub trait Outbox: Send + Sync + fmt::Debug {
    /// What follows a command of ours for it to mean this outbox: ` --db … --table …`, or nothing.
    fn named(&self) -> &str;

    /// The SQL that makes what is missing, as [`Outbox::create`] would run it; empty when all is there.
    fn missing(&self) -> Pending<'_, String>;

    /// Makes what is missing, in one transaction: all of it or nothing.
    fn create(&self) -> Pending<'_, ()>;

    /// Adds events, in one transaction and in this order. An id that is there already is a lasting outage, and none is
    /// added.
    fn add<'a>(&'a self, events: &'a [NewOutboxEvent]) -> Pending<'a, ()>;

    /// Claims up to `limit` events for this owner, by position; in the module's words, in order per aggregate. A lease
    /// that ran out counts as none.
    fn claim<'a>(
        &'a self,
        owner: &'a str,
        limit: usize,
        lease: Duration,
        on_dead: OnDead,
    ) -> Pending<'a, Vec<OutboxEvent>>;

    /// Makes the leases of this owner last for their whole length from now on. How many it still has, but for rows
    /// that an application has locked at this moment.
    fn renew<'a>(&'a self, owner: &'a str, lease: Duration) -> Pending<'a, u64>;

    /// Writes down what became of claimed events, by position. What another owner has taken over
    /// since keeps its lease, but for [`Settled::Published`], which is true whoever says it. How many were settled.
    ///
    /// Where an application has locked some of the rows, the others are settled all the same and the answer is a passing
    /// outage: to ask again for all of them settles those that are left, and counts nothing twice.
    fn settle<'a>(&'a self, owner: &'a str, outcomes: &'a [(i64, Settled)]) -> Pending<'a, u64>;

    /// Waits until something may have been added, or for this long. A hint: it may be missed, and may come for nothing.
    fn added(&self, at_most: Duration) -> Pending<'_, ()>;

    /// How much there is.
    fn counts(&self) -> Pending<'_, OutboxCounts>;

    /// The same but for what is dead or published, of which there may be very many: these counts are 0.
    fn pending(&self) -> Pending<'_, OutboxCounts>;

    /// What events wait for that were not refused for it ([`Settled::Waiting`]), most of them first, `limit` reasons at
    /// most. Those behind them in their aggregates are not among them, unless they were claimed as well.
    fn waiting(&self, limit: usize) -> Pending<'_, Vec<WaitingOutboxEvents>>;

    /// Ends their wait: they may be claimed at once, but for rows that an application has locked at this moment. How many.
    fn hasten(&self) -> Pending<'_, u64>;

    /// The dead events by position, `limit` at most.
    fn dead(&self, limit: usize) -> Pending<'_, Vec<DeadOutboxEvent>>;

    /// Makes dead events pending again, with no attempts: these, or all of them when none is named. The ids of those that
    /// were dead.
    fn retry<'a>(&'a self, ids: &'a [String]) -> Pending<'a, Vec<String>>;

    /// How many events were published longer ago than this; with `dead`, how many are dead.
    fn purgeable(&self, older_than: Duration, dead: bool) -> Pending<'_, u64>;

    /// Deletes up to `limit` of them. How many.
    fn purge(&self, older_than: Duration, dead: bool, limit: usize) -> Pending<'_, u64>;
}
