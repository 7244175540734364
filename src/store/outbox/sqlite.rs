//! An outbox in a SQLite file.

mod claim;
mod file;
mod pending;
mod tables;

use super::sql::Sql;
use super::{Outbox, TableName};
use crate::error::{Error, Result};
use crate::model::outbox::{
    DeadOutboxEvent, NewOutboxEvent, OnDead, OutboxCounts, OutboxEvent, Settled,
    WaitingOutboxEvents,
};
use crate::store::sqlite::file::{make_file, now, patiently};
use crate::store::stored::{milliseconds, too_slow, within};
use crate::store::{Outage, Pending};
use claim::{Claim, Memory, attempts, settle, text};
use file::{File, Job, Trouble, durably, start};
use pending::{counts, hasten, retry, waiting};
use rusqlite::{Connection, params};
use std::fmt;
use std::path::Path;
use std::time::Duration;
use tables::WAL;
use tokio::sync::{mpsc, oneshot};

/// Jobs that wait for the thread.
const QUEUE: usize = 64;

/// How long the thread waits for somebody else's transaction on the file.
const BUSY: Duration = Duration::from_secs(5);

/// How often the file is asked whether somebody has written to it.
const LOOK: Duration = Duration::from_millis(20);

/// An outbox in a file. Its thread ends with it.
pub struct SqliteOutbox {
    path: String,
    jobs: mpsc::Sender<Job>,
    timeout: Duration,
    named: String,
}

impl SqliteOutbox {
    /// Opens the file, when it is there.
    ///
    /// # Errors
    /// Unreachable when there can be no file at the path or it may not be written, a usage error when it is no database,
    /// a failure when its table is no outbox. Each names the path.
    pub async fn open(
        path: &Path,
        table: &TableName,
        timeout: Duration,
        named: &str,
    ) -> Result<Self> {
        if table.schema().is_some_and(|schema| schema != "main") {
            return Err(Error::usage(format!(
                "`{table}` is in a schema, and a SQLite file has none"
            ))
            .hint("name the table alone"));
        }
        let shown = path.display().to_string();
        let file = File {
            path: path.to_owned(),
            shown: shown.clone(),
            named: named.to_owned(),
            table: table.clone(),
            busy: BUSY.min(timeout),
            connection: None,
            sql: None,
            memory: Memory::default(),
            version: 0,
        };
        let (jobs, receiver) = mpsc::channel(QUEUE);
        let (opened, outcome) = oneshot::channel();
        start(file, receiver, opened)
            .map_err(|error| Error::failed("cannot start a thread").caused_by(error))?;
        match tokio::time::timeout(timeout, outcome).await {
            Ok(Ok(opened)) => opened?,
            Ok(Err(_)) => return Err(Error::failed(stopped(&shown))),
            Err(_) => return Err(Error::unreachable(too_slow(timeout, &shown).message)),
        }
        Ok(SqliteOutbox {
            path: shown,
            jobs,
            timeout,
            named: named.to_owned(),
        })
    }

    /// Runs something on the thread. What nobody waits for any more when its turn comes is left out.
    async fn on_thread<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut File) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Outage> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |file| {
            if !reply.is_closed() {
                let outcome = job(file).map_err(|trouble| file.outage(trouble));
                let _ = reply.send(outcome);
            }
        });
        let asked = async {
            let gone = || Outage::lasting(stopped(&self.path));
            self.jobs.send(job).await.map_err(|_| gone())?;
            answer.await.map_err(|_| gone())?
        };
        within(self.timeout, &self.path, asked).await
    }

    /// Asks what needs the table to be there.
    async fn asks<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection, &Sql) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Outage> {
        self.on_thread(|file| {
            let (connection, sql) = file.ready()?;
            question(connection, &sql)
        })
        .await
    }

    async fn version(&self) -> Result<(i64, i64), Outage> {
        self.on_thread(|file| {
            let seen = file.version;
            let (connection, _) = file.ready()?;
            let version = connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
            Ok((seen, version))
        })
        .await
    }
}

/// Only a defect ends the thread while its store lives.
fn stopped(path: &str) -> String {
    format!("the thread of `{path}` has ended")
}

/// Makes the tables, and the file.
fn create(file: &mut File) -> Result<(), Trouble> {
    if file.connected()?.is_none() {
        make_file(&file.path).map_err(|error| Outage::barred(error.one_line()))?;
    }
    file.connected()?;
    let busy = file.busy;
    let Some(connection) = &file.connection else {
        return Err(Outage::barred(format!("`{}` cannot be made", file.shown)).into());
    };
    if file.missing(Some(connection))?.is_empty() {
        return Ok(());
    }
    // Also of a file with another's outbox: else relays and their application keep each other waiting.
    patiently(busy, || connection.execute_batch(WAL))?;
    let transaction = File::begin(connection)?;
    // Somebody else may have been quicker.
    let sql = file.missing_tables(Some(&transaction))?;
    transaction.execute_batch(&sql)?;
    transaction.commit()?;
    Ok(())
}

fn add(connection: &Connection, sql: &Sql, events: &[NewOutboxEvent]) -> Result<(), Trouble> {
    let transaction = File::begin(connection)?;
    {
        let mut insert = transaction.prepare(&format!(
            "INSERT INTO {} (id, aggregatetype, aggregateid, type, payload) VALUES (?1, ?2, ?3, ?4, ?5)",
            sql.outbox
        ))?;
        for event in events {
            let payload = event.payload.as_deref();
            let (as_text, as_bytes) = match payload.map(std::str::from_utf8) {
                Some(Ok(text)) => (Some(text), None),
                _ => (None, payload),
            };
            let head = (
                &event.id,
                &event.aggregate_type,
                &event.aggregate_id,
                &event.event_type,
            );
            let (id, kind, aggregate, name) = head;
            match as_text {
                Some(text) => insert.execute(params![id, kind, aggregate, name, text])?,
                None => insert.execute(params![id, kind, aggregate, name, as_bytes])?,
            };
        }
    }
    transaction.commit()?;
    Ok(())
}

fn purge(
    connection: &Connection,
    sql: &Sql,
    until: i64,
    dead: bool,
    limit: usize,
) -> Result<u64, Trouble> {
    let transaction = File::begin(connection)?;
    let mut purged = 0;
    {
        let mut statement = transaction.prepare(&sql.purge(dead))?;
        let mut event = match sql.is_foreign {
            true => {
                let delete = format!("DELETE FROM {} WHERE id = ?1", sql.outbox);
                Some(transaction.prepare(&delete)?)
            }
            false => None,
        };
        let mut rows = statement.query(params![until, limit.min(1 << 30) as i64])?;
        while let Some(row) = rows.next()? {
            let id: rusqlite::types::Value = row.get(0)?;
            if let Some(event) = &mut event {
                event.execute([id])?;
            }
            purged += 1;
        }
    }
    transaction.commit()?;
    Ok(purged)
}

impl Outbox for SqliteOutbox {
    fn named(&self) -> &str {
        &self.named
    }

    fn missing(&self) -> Pending<'_, String> {
        Box::pin(self.on_thread(|file| {
            file.connected()?;
            file.missing(file.connection.as_ref())
        }))
    }

    fn create(&self) -> Pending<'_, ()> {
        Box::pin(self.on_thread(create))
    }

    fn add<'a>(&'a self, events: &'a [NewOutboxEvent]) -> Pending<'a, ()> {
        let events = events.to_vec();
        Box::pin(
            self.asks(move |connection, sql| durably(connection, || add(connection, sql, &events))),
        )
    }

    fn claim<'a>(
        &'a self,
        owner: &'a str,
        limit: usize,
        lease: Duration,
        on_dead: OnDead,
    ) -> Pending<'a, Vec<OutboxEvent>> {
        let claim = Claim {
            owner: owner.to_owned(),
            limit,
            lease_ms: milliseconds(lease),
            on_dead,
        };
        Box::pin(self.on_thread(move |file| file.claim(&claim)))
    }

    fn renew<'a>(&'a self, owner: &'a str, lease: Duration) -> Pending<'a, u64> {
        let owner = owner.to_owned();
        let lease = milliseconds(lease);
        Box::pin(self.asks(move |connection, sql| {
            let transaction = File::begin(connection)?;
            let until = now().saturating_add(lease);
            let renewed = transaction
                .prepare(&sql.renew())?
                .execute(params![owner, until])?;
            transaction.commit()?;
            Ok(renewed as u64)
        }))
    }

    fn settle<'a>(&'a self, owner: &'a str, outcomes: &'a [(i64, Settled)]) -> Pending<'a, u64> {
        let (owner, outcomes) = (owner.to_owned(), outcomes.to_vec());
        Box::pin(self.asks(move |connection, sql| settle(connection, sql, &owner, &outcomes)))
    }

    fn added(&self, at_most: Duration) -> Pending<'_, ()> {
        Box::pin(async move {
            let changed = async {
                loop {
                    let (seen, version) = self.version().await?;
                    if seen != version {
                        return Ok(());
                    }
                    tokio::time::sleep(LOOK).await;
                }
            };
            match tokio::time::timeout(at_most, changed).await {
                Ok(outcome) => outcome,
                Err(_) => Ok(()),
            }
        })
    }

    fn counts(&self) -> Pending<'_, OutboxCounts> {
        Box::pin(self.asks(|connection, sql| counts(connection, sql, true)))
    }

    fn pending(&self) -> Pending<'_, OutboxCounts> {
        Box::pin(self.asks(|connection, sql| counts(connection, sql, false)))
    }

    fn waiting(&self, limit: usize) -> Pending<'_, Vec<WaitingOutboxEvents>> {
        Box::pin(self.asks(move |connection, sql| waiting(connection, sql, limit)))
    }

    fn hasten(&self) -> Pending<'_, u64> {
        Box::pin(self.asks(hasten))
    }

    fn dead(&self, limit: usize) -> Pending<'_, Vec<DeadOutboxEvent>> {
        Box::pin(self.asks(move |connection, sql| {
            let mut statement = connection.prepare(&sql.dead())?;
            let rows = statement.query_map([limit.min(1 << 30) as i64], |row| {
                Ok(DeadOutboxEvent {
                    id: text(row, 0)?,
                    aggregate_type: text(row, 1)?,
                    aggregate_id: text(row, 2)?,
                    event_type: text(row, 3)?,
                    attempts: attempts(row, 4)?,
                    reason: text(row, 5)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        }))
    }

    fn retry<'a>(&'a self, ids: &'a [String]) -> Pending<'a, Vec<String>> {
        let ids = ids.to_vec();
        Box::pin(self.asks(move |connection, sql| retry(connection, sql, &ids)))
    }

    fn purgeable(&self, older_than: Duration, dead: bool) -> Pending<'_, u64> {
        let age = milliseconds(older_than);
        Box::pin(self.asks(move |connection, sql| {
            let until = now().saturating_sub(age);
            let count =
                connection.query_row(&sql.purgeable(dead), [until], |row| row.get::<_, i64>(0));
            Ok(count?.unsigned_abs())
        }))
    }

    fn purge(&self, older_than: Duration, dead: bool, limit: usize) -> Pending<'_, u64> {
        let age = milliseconds(older_than);
        Box::pin(self.asks(move |connection, sql| {
            let until = now().saturating_sub(age);
            purge(connection, sql, until, dead, limit)
        }))
    }
}

impl fmt::Debug for SqliteOutbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SqliteOutbox({})", self.path)
    }
}
