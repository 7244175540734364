//! A memory in a PostgreSQL database, for the members of a group on any machines.
//!
//! ```sql
//! CREATE TABLE eda_events (
//!     consumer_group text   NOT NULL,
//!     event_id       text   NOT NULL,
//!     state          text   NOT NULL CHECK (state IN ('claimed', 'done')),
//!     token          bigint NOT NULL DEFAULT 0, -- of the claim
//!     lease_until_ms bigint NOT NULL DEFAULT 0, -- since 1970, of the claim
//!     expires_at_ms  bigint NOT NULL,           -- since 1970: the row may be deleted from then on
//!     PRIMARY KEY (consumer_group, event_id)
//! );
//! ```
//!
//! The table is public. A handler whose effect is in the same database marks its event done in the transaction of the
//! effect, and the two happen once, also when it is killed, or when its lease ran out and somebody else is at it too:
//!
//! ```sql
//! BEGIN;
//! -- the effect
//! UPDATE eda_events SET state = 'done'
//!     WHERE consumer_group = 'billing' AND event_id = 'order-7' AND state = 'claimed';
//! -- no row was updated: it was done before, so ROLLBACK
//! COMMIT;
//! ```
//!
//! The `UPDATE` comes last: until the transaction ends, the row is locked, and its lease cannot be renewed. A group or an
//! event id of more than 512 bytes, with a NUL, or that begins with `sha256:` is in the table as `sha256:` and its
//! SHA-256 in hexadecimal.
//!
//! Times are the database's, so the clocks of the members do not matter. There is one connection, on which questions
//! follow each other without waiting. What is done is on the database's disk when it is answered, where many share
//! one wait for the disk; a claim may be forgotten by a crash of the database, and then the event is handled again.

pub mod address;
pub(in crate::store) mod connection;
mod sql;
pub(in crate::store) mod tls;

use super::link::Link;
use super::stored::{at_open, milliseconds, stored, too_slow, within};
use super::{Claimed, Idempotency, Lasting, Outage, Pending, Token};
use crate::error::Result;
use address::PostgresAddress;
use connection::{Connected, Failure, Question};
use postgres_openssl::MakeTlsConnector;
use std::fmt;
use std::time::{Duration, Instant};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// Rows that are forgotten at once.
const FORGOTTEN: i64 = 1000;

/// How soon an event is asked for again whose row is just being written by somebody else.
const ANOTHER_LOOK: Duration = Duration::from_millis(100);

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The memory of one group in a database.
pub struct Postgres {
    address: PostgresAddress,
    tls: MakeTlsConnector,
    group: String,
    link: Link<Connected>,
    lasting: Lasting,
    timeout: Duration,
}

impl Postgres {
    /// Connects to the database, and makes the table where it is missing. An answer takes `timeout` at most.
    ///
    /// # Errors
    /// Unreachable, with host and port, when it does not answer; a failure when it refuses the credentials, or the
    /// table is missing and may not be made (then with the SQL that makes it), or may not be written.
    pub async fn open(
        address: &PostgresAddress,
        group: &str,
        lasting: Lasting,
        timeout: Duration,
    ) -> Result<Self> {
        let store = Postgres {
            address: address.clone(),
            tls: tls::connector(address.tls())?,
            group: stored(group).into_owned(),
            link: Link::default(),
            lasting,
            timeout,
        };
        let name = address.host_and_port();
        let connected = within(timeout, &name, async {
            let client = connection::client(&store.address, &store.tls, timeout).await;
            client.map_err(|failure| failure.outage(&name))
        });
        let client = match connected.await {
            Ok(client) => client,
            Err(outage) => {
                let hint = match outage.passing {
                    true => "is a PostgreSQL server running there?",
                    false => "the address is taken from `EDA_DEDUPE` when it holds a password",
                };
                return Err(at_open(outage).hint(hint));
            }
        };
        match tokio::time::timeout(timeout, connection::make_table(&client, &name)).await {
            Ok(made) => made?,
            Err(_) => return Err(at_open(too_slow(timeout, &name))),
        }
        let prepared = store.link.get(async {
            let connected = Connected::prepare(client).await;
            connected.map_err(|failure| failure.outage(&name))
        });
        within(timeout, &name, prepared).await.map_err(at_open)?;
        Ok(store)
    }

    async fn connect(&self) -> Result<Connected, Outage> {
        let connected = async {
            let client = connection::client(&self.address, &self.tls, self.timeout).await?;
            Connected::prepare(client).await
        };
        let connected: Result<_, Failure> = connected.await;
        connected.map_err(|failure| failure.outage(&self.address.host_and_port()))
    }

    /// Asks, and asks once more on a new connection when this one turns out to be broken: every question may be.
    async fn ask(
        &self,
        question: Question,
        parameters: Parameters<'_>,
    ) -> Result<(u64, Option<Row>), Failure> {
        let asked = Instant::now();
        let attempts = async {
            let connected = self.link.get(self.connect()).await?;
            let got = Instant::now();
            match connected.ask(question, parameters).await {
                Err(failure) if failure.is_lost() => {}
                outcome => return outcome,
            }
            self.link.give_up(got).await;
            let connected = self.link.get(self.connect()).await?;
            connected.ask(question, parameters).await
        };
        match tokio::time::timeout(self.timeout, attempts).await {
            Ok(outcome) => outcome,
            Err(_) => {
                self.link.give_up(asked).await;
                let server = self.address.host_and_port();
                Err(too_slow(self.timeout, &server).into())
            }
        }
    }

    fn outage(&self, failure: Failure) -> Outage {
        failure.outage(&self.address.host_and_port())
    }

    async fn claimed(&self, event: &str) -> Result<Claimed, Outage> {
        let token = Token::random();
        let lease = self.lasting.lease;
        let parameters: Parameters = &[
            &self.group,
            &stored(event),
            &number(token),
            &milliseconds(lease),
            &milliseconds(self.lasting.memory),
        ];
        let row = match self.ask(Question::Claim, parameters).await {
            Ok((_, row)) => row,
            // By a handler's transaction, most likely, which is about to say that it is done.
            Err(failure) if failure.is_locked() => None,
            Err(failure) => return Err(self.outage(failure)),
        };
        let Some(row) = row else {
            return Ok(Claimed::InHand(ANOTHER_LOOK.min(lease)));
        };
        let unread = |error: tokio_postgres::Error| self.outage(error.into());
        let state: &str = row.try_get(0).map_err(unread)?;
        let left: i64 = row.try_get(1).map_err(unread)?;
        let left = Duration::from_millis(left.max(1).unsigned_abs());
        Ok(match state {
            "ours" => Claimed::Ours(token),
            "done" => Claimed::Done,
            _ => Claimed::InHand(left.min(lease)),
        })
    }

    async fn changes(&self, question: Question, parameters: Parameters<'_>) -> Result<u64, Outage> {
        let outcome = self.ask(question, parameters).await;
        outcome
            .map(|(rows, _)| rows)
            .map_err(|failure| self.outage(failure))
    }
}

/// A token is a positive number, see [`Token::random`].
fn number(token: Token) -> i64 {
    i64::try_from(token.0).unwrap_or(i64::MAX)
}

impl Idempotency for Postgres {
    fn claim<'a>(&'a self, event: &'a str) -> Pending<'a, Claimed> {
        Box::pin(self.claimed(event))
    }

    fn renew<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, bool> {
        Box::pin(async move {
            let parameters: Parameters = &[
                &self.group,
                &stored(event),
                &number(*token),
                &milliseconds(self.lasting.lease),
                &milliseconds(self.lasting.memory),
            ];
            Ok(self.changes(Question::Renew, parameters).await? > 0)
        })
    }

    fn done<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, bool> {
        Box::pin(async move {
            let parameters: Parameters = &[
                &self.group,
                &stored(event),
                &number(*token),
                &milliseconds(self.lasting.memory),
            ];
            Ok(self.changes(Question::Done, parameters).await? > 0)
        })
    }

    fn release<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, ()> {
        Box::pin(async move {
            let parameters: Parameters = &[&self.group, &stored(event), &number(*token)];
            self.changes(Question::Release, parameters).await?;
            Ok(())
        })
    }

    fn forget_expired(&self) -> Pending<'_, bool> {
        Box::pin(async move {
            let forgotten = self.changes(Question::Forget, &[&FORGOTTEN]).await?;
            Ok(forgotten >= FORGOTTEN.unsigned_abs())
        })
    }

    fn lease(&self) -> Duration {
        self.lasting.lease
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Postgres({})", self.address)
    }
}
