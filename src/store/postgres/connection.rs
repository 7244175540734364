//! One connection: how it is made, what is asked on it, and what its errors mean.

use super::address::PostgresAddress;
use super::{Parameters, sql};
use crate::error::Error;
use crate::store::Outage;
use crate::store::stored::at_open;
use postgres_openssl::{MakeTlsConnector, TlsStream};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, Notify};
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Row, Socket, Statement};

/// How long a question waits for a row that somebody's transaction has locked. Those behind it on the connection wait
/// with it.
const LOCKED: Duration = Duration::from_millis(250);

/// What is asked while events come.
#[derive(Clone, Copy, Debug)]
pub enum Question {
    Claim,
    Renew,
    Done,
    Release,
    Forget,
}

/// A connection with its questions prepared.
#[derive(Debug)]
pub struct Connected {
    client: Client,
    claim: Statement,
    renew: Statement,
    done: Statement,
    release: Statement,
    forget: Statement,
    flush: Statement,
    /// How many events done were answered on this connection, and of these, how many are on the disk.
    answered: AtomicU64,
    flushed: Mutex<u64>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// The driver, or the server by it.
    Said(tokio_postgres::Error),
    /// Found out before.
    Outage(Outage),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Failure::Said(error)
    }
}

impl From<Outage> for Failure {
    fn from(outage: Outage) -> Self {
        Failure::Outage(outage)
    }
}

type Link = tokio_postgres::Connection<Socket, TlsStream<Socket>>;

/// Connects and logs in.
async fn connect(
    address: &PostgresAddress,
    tls: &MakeTlsConnector,
) -> Result<(Client, Link), Failure> {
    let mut config = address.config().clone();
    config.keepalives_idle(Duration::from_secs(30));
    if config.get_application_name().is_none() {
        config.application_name("eda");
    }
    Ok(config.connect(tls.clone()).await?)
}

/// A connection for questions, which take `timeout` at most. It ends with the client.
pub async fn client(
    address: &PostgresAddress,
    tls: &MakeTlsConnector,
    timeout: Duration,
) -> Result<Client, Failure> {
    let (client, connection) = connect(address, tls).await?;
    // What ends it, every question on it hears of.
    drop(tokio::spawn(connection));
    // 0 would be no limit, and more than 31 bits are refused.
    let limit = timeout.as_millis().clamp(1, i32::MAX as u128);
    let lock_limit = LOCKED.as_millis().min(limit);
    client
        .batch_execute(&format!(
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED;
             SET synchronous_commit = off; SET statement_timeout = {limit}; SET lock_timeout = {lock_limit}"
        ))
        .await?;
    Ok(client)
}

/// A connection that tells of each notification it is sent. It ends with the client.
pub async fn listener(
    address: &PostgresAddress,
    tls: &MakeTlsConnector,
    heard: Arc<Notify>,
) -> Result<Client, Failure> {
    let (client, mut connection) = connect(address, tls).await?;
    drop(tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if matches!(message, AsyncMessage::Notification(_)) {
                heard.notify_one();
            }
        }
        // Who waits finds out that nobody listens any more.
        heard.notify_one();
    }));
    Ok(client)
}

/// Makes the table where it is missing, and sees whether it may be written.
pub async fn make_table(client: &Client, server: &str) -> Result<(), Error> {
    let failed = |error: tokio_postgres::Error| at_open(Failure::from(error).outage(server));
    let rights = || client.query_opt(sql::RIGHTS, &[]);
    let mut row = rights().await.map_err(failed)?;
    if row.is_none() {
        let made = client.batch_execute(sql::TABLE).await;
        // Two that make it at the same time may be told that it exists.
        row = rights().await.map_err(failed)?;
        if let (None, Err(error)) = (&row, made) {
            let hint = format!("have somebody who may run this\n\n{}", sql::TABLE);
            return Err(failed(error)
                .context(format!("cannot make the table `eda_events` on `{server}`"))
                .hint(hint));
        }
    }
    match row.map(|row| row.try_get(0)) {
        Some(Ok(true)) => Ok(()),
        Some(Err(error)) => Err(failed(error)),
        Some(Ok(false)) | None => Err(Error::failed(format!(
            "the table `eda_events` on `{server}` may not be read and written"
        ))
        .hint("have its owner run `GRANT SELECT, INSERT, UPDATE, DELETE ON eda_events TO …`")),
    }
}

impl Connected {
    /// Prepares the questions on a connection.
    pub async fn prepare(client: Client) -> Result<Self, Failure> {
        let (claim, renew, done, release, forget, flush) = tokio::try_join!(
            client.prepare(sql::CLAIM),
            client.prepare(sql::RENEW),
            client.prepare(sql::DONE),
            client.prepare(sql::RELEASE),
            client.prepare(sql::FORGET),
            client.prepare(sql::FLUSH),
        )?;
        Ok(Connected {
            client,
            claim,
            renew,
            done,
            release,
            forget,
            flush,
            answered: AtomicU64::new(0),
            flushed: Mutex::new(0),
        })
    }

    /// Asks. How many rows were changed, or given, and the one that was given.
    pub async fn ask(
        &self,
        question: Question,
        parameters: Parameters<'_>,
    ) -> Result<(u64, Option<Row>), Failure> {
        let statement = match question {
            Question::Claim => {
                let row = self.client.query_opt(&self.claim, parameters).await?;
                return Ok((u64::from(row.is_some()), row));
            }
            Question::Renew => &self.renew,
            Question::Done => {
                let rows = self.client.execute(&self.done, parameters).await?;
                self.wait_for_disk().await?;
                return Ok((rows, None));
            }
            Question::Release => &self.release,
            Question::Forget => &self.forget,
        };
        Ok((self.client.execute(statement, parameters).await?, None))
    }

    /// Waits until what was answered is on the disk. One waits for all that came until it began (group commit): on one
    /// connection each would wait for those before it.
    async fn wait_for_disk(&self) -> Result<(), Failure> {
        let ours = self.answered.fetch_add(1, Ordering::Relaxed) + 1;
        let mut flushed = self.flushed.lock().await;
        if *flushed < ours {
            let all = self.answered.load(Ordering::Relaxed);
            self.client.query(&self.flush, &[]).await?;
            *flushed = all;
        }
        Ok(())
    }
}

impl Failure {
    /// The connection is of no more use, and another may be.
    pub fn is_lost(&self) -> bool {
        match self {
            Failure::Outage(_) => false,
            Failure::Said(error) => match error.code().map(SqlState::code) {
                // The server goes down, or somebody between has mixed up what was prepared.
                Some(code) => code.starts_with("08") || code.starts_with("57P") || code == "26000",
                None => is_connection(error),
            },
        }
    }

    /// What the server said, by its five letters.
    pub fn code(&self) -> Option<&SqlState> {
        match self {
            Failure::Outage(_) => None,
            Failure::Said(error) => error.code(),
        }
    }

    /// A row was locked for too long.
    pub fn is_locked(&self) -> bool {
        self.code() == Some(&SqlState::LOCK_NOT_AVAILABLE)
    }

    /// In a sentence, and whether it will pass.
    pub fn outage(self, server: &str) -> Outage {
        let error = match self {
            Failure::Outage(outage) => return outage,
            Failure::Said(error) => error,
        };
        let Some(said) = error.as_db_error() else {
            let message = format!("PostgreSQL on `{server}`: {}", chain(&error));
            return match is_connection(&error) {
                true => Outage::passing(message),
                false => Outage::lasting(message),
            };
        };
        let code = said.code().code();
        // Lost connections, a server that was failed over and takes no writes (25006), a transaction that it ended because
        // we stood still (25P03), conflicts with others, too few resources, a locked row, and a server that goes down or
        // comes up.
        let passing = ["08", "25006", "25P03", "40", "53", "55P03", "57", "58"];
        // Credentials, a database that is not there, a right.
        let barred = ["28", "3D000", "42501"];
        let is_one_of = |classes: &[&str]| classes.iter().any(|class| code.starts_with(class));
        Outage {
            message: format!("PostgreSQL on `{server}`: {} ({code})", said.message()),
            passing: is_one_of(&passing),
            barred: is_one_of(&barred),
        }
    }
}

/// Whether it is about the connection, not about what was said on it, nor about who is there.
fn is_connection(error: &tokio_postgres::Error) -> bool {
    let mut next = std::error::Error::source(error);
    if next.is_none() {
        return true; // Closed, or too slow.
    }
    while let Some(cause) = next {
        if cause.is::<std::io::Error>() {
            return true;
        }
        next = cause.source();
    }
    false
}

/// The driver's own sentence says what it was at, its cause why.
fn chain(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
