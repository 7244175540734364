//! The thread that has the file: what waits is run in one transaction, then each asker is answered.

use super::file::{make_file, now, outage, patiently, prepared, refused};
use crate::error::Error;
use crate::store::{Outage, Token};
use rusqlite::{Connection, OptionalExtension, Statement, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;

/// Operations of one transaction: a file that is written by others too is not kept from them for long.
const BATCH: usize = 512;

/// Rows that are forgotten at once.
const FORGOTTEN: usize = 1000;

const TABLE: &str = "
CREATE TABLE IF NOT EXISTS eda_events (
    consumer_group TEXT    NOT NULL,
    event_id       TEXT    NOT NULL,
    state          TEXT    NOT NULL CHECK (state IN ('claimed', 'done')),
    token          INTEGER NOT NULL DEFAULT 0,
    lease_until_ms INTEGER NOT NULL DEFAULT 0,
    expires_at_ms  INTEGER NOT NULL,
    PRIMARY KEY (consumer_group, event_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS eda_events_expiry ON eda_events (expires_at_ms);
";

const CLAIM: &str = "
INSERT INTO eda_events AS known
    (consumer_group, event_id, state, token, lease_until_ms, expires_at_ms)
VALUES (?1, ?2, 'claimed', ?3, ?5, ?6)
ON CONFLICT (consumer_group, event_id) DO UPDATE SET
    state = 'claimed', token = excluded.token,
    lease_until_ms = excluded.lease_until_ms, expires_at_ms = excluded.expires_at_ms
WHERE CASE known.state WHEN 'done' THEN known.expires_at_ms ELSE known.lease_until_ms END <= ?4";

const STATE: &str = "
SELECT state = 'done', lease_until_ms FROM eda_events WHERE consumer_group = ?1 AND event_id = ?2";

/// A row that is gone was taken over and given back, or forgotten: nobody else's, so it is ours again.
const RENEW: &str = "
INSERT INTO eda_events AS known
    (consumer_group, event_id, state, token, lease_until_ms, expires_at_ms)
VALUES (?1, ?2, 'claimed', ?3, ?5, ?6)
ON CONFLICT (consumer_group, event_id) DO UPDATE SET
    lease_until_ms = excluded.lease_until_ms, expires_at_ms = excluded.expires_at_ms
WHERE known.state = 'claimed' AND known.token = excluded.token";

const DONE: &str = "
INSERT INTO eda_events AS known
    (consumer_group, event_id, state, token, lease_until_ms, expires_at_ms)
VALUES (?1, ?2, 'done', ?3, ?4, ?5)
ON CONFLICT (consumer_group, event_id) DO UPDATE SET
    state = 'done', expires_at_ms = excluded.expires_at_ms
WHERE known.state = 'done' OR known.token = excluded.token";

const RELEASE: &str = "
DELETE FROM eda_events
WHERE consumer_group = ?1 AND event_id = ?2 AND state = 'claimed' AND token = ?3";

const FORGET: &str = "
DELETE FROM eda_events WHERE (consumer_group, event_id) IN (
    SELECT consumer_group, event_id FROM eda_events
    WHERE expires_at_ms <= ?1 ORDER BY expires_at_ms LIMIT ?2)";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Claim,
    Renew,
    Done,
    Release,
    Forget,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Yes,
    /// Of a claim: it was done before.
    No,
    /// Of a claim: somebody's, for this long.
    InHand(Duration),
}

#[derive(Debug)]
pub struct Request {
    pub operation: Operation,
    pub event: Box<str>,
    pub token: Token,
    pub reply: oneshot::Sender<Result<Answer, Outage>>,
}

#[derive(Clone, Copy, Debug)]
pub struct Spans {
    pub lease_ms: i64,
    pub memory_ms: i64,
    pub busy: Duration,
}

/// Starts the thread. It says whether it could open the file, and ends when nobody can ask any more.
pub fn start(
    path: PathBuf,
    group: String,
    spans: Spans,
    requests: Receiver<Request>,
    opened: oneshot::Sender<Result<(), Error>>,
) -> std::io::Result<()> {
    let thread = thread::Builder::new().name("eda-sqlite".to_owned());
    thread.spawn(move || {
        let connection = match open(&path, spans.busy) {
            Ok(connection) => connection,
            Err(error) => {
                let _ = opened.send(Err(error)); // Who asked may have gone.
                return;
            }
        };
        let statements = match Statements::prepare(&connection) {
            Ok(statements) => statements,
            Err(error) => {
                let _ = opened.send(Err(refused(&path, "eda_events", error)));
                return;
            }
        };
        let _ = opened.send(Ok(()));
        let worker = Worker {
            connection: &connection,
            statements,
            path: path.display().to_string(),
            group,
            spans,
        };
        worker.serve(requests);
    })?;
    Ok(())
}

fn open(path: &Path, patience: Duration) -> Result<Connection, Error> {
    make_file(path)?;
    // Two that make the same file a WAL at the same time may be refused without waiting.
    patiently(patience, || with_table(path, patience))
        .map_err(|error| refused(path, "eda_events", error))
}

fn with_table(path: &Path, busy: Duration) -> rusqlite::Result<Connection> {
    let mut connection = prepared(path, busy)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLE)?;
    transaction.commit()?;
    Ok(connection)
}

struct Statements<'a> {
    claim: Statement<'a>,
    state: Statement<'a>,
    renew: Statement<'a>,
    done: Statement<'a>,
    release: Statement<'a>,
    forget: Statement<'a>,
}

impl<'a> Statements<'a> {
    fn prepare(connection: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Statements {
            claim: connection.prepare(CLAIM)?,
            state: connection.prepare(STATE)?,
            renew: connection.prepare(RENEW)?,
            done: connection.prepare(DONE)?,
            release: connection.prepare(RELEASE)?,
            forget: connection.prepare(FORGET)?,
        })
    }
}

struct Worker<'a> {
    connection: &'a Connection,
    statements: Statements<'a>,
    path: String,
    group: String,
    spans: Spans,
}

impl Worker<'_> {
    fn serve(mut self, mut requests: Receiver<Request>) {
        let mut batch = Vec::new();
        while let Some(first) = requests.blocking_recv() {
            batch.push(first);
            while batch.len() < BATCH
                && let Ok(next) = requests.try_recv()
            {
                batch.push(next);
            }
            match self.transaction(&mut batch) {
                Ok(answers) => {
                    for (request, answer) in batch.drain(..).zip(answers) {
                        let _ = request.reply.send(Ok(answer));
                    }
                }
                Err(error) => {
                    let outage = outage(&self.path, &error);
                    for request in batch.drain(..) {
                        let _ = request.reply.send(Err(outage.clone()));
                    }
                }
            }
        }
    }

    /// All of them or none; the answers in the same order. Those whose asker has gone are left out: a claim that nobody
    /// hears of would only be in the way.
    fn transaction(&mut self, batch: &mut Vec<Request>) -> rusqlite::Result<Vec<Answer>> {
        let mut answers = Vec::with_capacity(batch.len());
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        batch.retain(|request| !request.reply.is_closed());
        let now = now();
        let ran = batch.iter().try_for_each(|request| {
            answers.push(self.run(request, now)?);
            Ok(())
        });
        let outcome = ran.and_then(|()| self.connection.execute_batch("COMMIT"));
        if outcome.is_err() && !self.connection.is_autocommit() {
            // Some errors have rolled back already; of one more nothing can be done.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        outcome.map(|()| answers)
    }

    fn run(&mut self, request: &Request, now: i64) -> rusqlite::Result<Answer> {
        let statements = &mut self.statements;
        let (group, event) = (&self.group, &request.event);
        // Never 0, and positive: see Token::random.
        let token = i64::try_from(request.token.0).unwrap_or(i64::MAX);
        let lease_until = now.saturating_add(self.spans.lease_ms);
        let forgotten_at = now.saturating_add(self.spans.memory_ms);
        let held = lease_until.max(forgotten_at);
        let changed = match request.operation {
            Operation::Claim => {
                statements
                    .claim
                    .execute(params![group, event, token, now, lease_until, held])?
            }
            Operation::Renew => {
                statements
                    .renew
                    .execute(params![group, event, token, now, lease_until, held])?
            }
            Operation::Done => {
                statements
                    .done
                    .execute(params![group, event, token, now, forgotten_at])?
            }
            Operation::Release => statements.release.execute(params![group, event, token])?,
            Operation::Forget => {
                let forgotten = statements.forget.execute(params![now, FORGOTTEN as i64])?;
                usize::from(forgotten == FORGOTTEN)
            }
        };
        if changed > 0 {
            return Ok(Answer::Yes);
        }
        if request.operation != Operation::Claim {
            return Ok(Answer::No);
        }
        let known: Option<(bool, i64)> = statements
            .state
            .query_row(params![group, event], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        Ok(match known {
            Some((true, _)) => Answer::No,
            Some((false, until)) => Answer::InHand(millis(until.saturating_sub(now).max(1))),
            // Not within one transaction.
            None => Answer::InHand(millis(1)),
        })
    }
}

fn millis(number: i64) -> Duration {
    Duration::from_millis(number.unsigned_abs())
}
