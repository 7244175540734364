//! A memory in a SQLite file, for the members of a group on one machine.
//!
//! ```sql
//! CREATE TABLE eda_events (
//!     consumer_group TEXT    NOT NULL,
//!     event_id       TEXT    NOT NULL,
//!     state          TEXT    NOT NULL CHECK (state IN ('claimed', 'done')),
//!     token          INTEGER NOT NULL DEFAULT 0, -- of the claim
//!     lease_until_ms INTEGER NOT NULL DEFAULT 0, -- since 1970, of the claim
//!     expires_at_ms  INTEGER NOT NULL,           -- since 1970: the row may be deleted from then on
//!     PRIMARY KEY (consumer_group, event_id)
//! ) WITHOUT ROWID;
//! ```
//!
//! The table is public. A handler whose effect is in the same file marks its event done in the transaction of the
//! effect, and the two happen once, also when it is killed, or when its lease ran out and somebody else is at it too:
//!
//! ```sql
//! BEGIN IMMEDIATE;
//! -- the effect
//! UPDATE eda_events SET state = 'done'
//!     WHERE consumer_group = 'billing' AND event_id = 'order-7' AND state = 'claimed';
//! -- no row was changed: it was done before, so ROLLBACK
//! COMMIT;
//! ```
//!
//! A group or an event id of more than 512 bytes, with a NUL, or that begins with `sha256:` is in the table as `sha256:`
//! and its SHA-256 in hexadecimal.
//!
//! **Durability.** The file is in WAL mode with `synchronous=NORMAL`. What was answered survives the end of the process,
//! kill -9 too. A power cut may take the last transactions with it: these events are handled again, as at-least-once
//! delivery has it. The clock is the machine's: one that is set forward ends leases early, one that is set back makes
//! them last.
//!
//! One thread has the file; it runs all that waits, up to 512 operations, in one transaction (group commit).

pub(in crate::store) mod file;
mod worker;

use super::stored::{milliseconds, too_slow, within};
use super::{Claimed, Idempotency, Lasting, Outage, Pending, Token};
use crate::error::{Error, Result};
use std::fmt;
use std::path::Path;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use worker::{Answer, Operation, Request, Spans};

/// Operations that wait for the thread: as many as a transaction takes, twice.
const QUEUE: usize = 1024;

/// How long the thread waits for somebody else's transaction on the file: a handler's, or another member's.
const BUSY: Duration = Duration::from_secs(5);

/// The memory of one group in a file. Its thread ends with it.
pub struct Sqlite {
    path: String,
    requests: mpsc::Sender<Request>,
    lease: Duration,
    timeout: Duration,
}

impl Sqlite {
    /// Opens the file, and makes it and its table where they are missing. An answer takes `timeout` at most.
    ///
    /// # Errors
    /// A usage error when there can be no database at the path, a failure when it cannot be written or its table is not
    /// ours, unreachable when somebody else kept it locked. Each names the path.
    pub async fn open(
        path: &Path,
        group: &str,
        lasting: Lasting,
        timeout: Duration,
    ) -> Result<Self> {
        let (requests, receiver) = mpsc::channel(QUEUE);
        let (opened, outcome) = oneshot::channel();
        let spans = Spans {
            lease_ms: milliseconds(lasting.lease),
            memory_ms: milliseconds(lasting.memory),
            busy: BUSY.min(timeout),
        };
        let shown = path.display().to_string();
        worker::start(
            path.to_owned(),
            super::stored::stored(group).into_owned(),
            spans,
            receiver,
            opened,
        )
        .map_err(|error| Error::failed("cannot start a thread").caused_by(error))?;
        match tokio::time::timeout(timeout, outcome).await {
            Ok(Ok(opened)) => opened?,
            Ok(Err(_)) => return Err(Error::failed(stopped(&shown))),
            Err(_) => return Err(Error::unreachable(too_slow(timeout, &shown).message)),
        }
        Ok(Sqlite {
            path: shown,
            requests,
            lease: lasting.lease,
            timeout,
        })
    }

    async fn ask(&self, operation: Operation, event: &str, token: Token) -> Result<Answer, Outage> {
        let (reply, answer) = oneshot::channel();
        let request = Request {
            operation,
            event: super::stored::stored(event).into(),
            token,
            reply,
        };
        let asked = async {
            let gone = || Outage::lasting(stopped(&self.path));
            self.requests.send(request).await.map_err(|_| gone())?;
            answer.await.map_err(|_| gone())?
        };
        within(self.timeout, &self.path, asked).await
    }

    async fn is_so(&self, operation: Operation, event: &str, token: Token) -> Result<bool, Outage> {
        let answer = self.ask(operation, event, token).await?;
        Ok(answer == Answer::Yes)
    }
}

/// Only a defect ends the thread while its store lives.
fn stopped(path: &str) -> String {
    format!("the thread of `{path}` has ended")
}

impl Idempotency for Sqlite {
    fn claim<'a>(&'a self, event: &'a str) -> Pending<'a, Claimed> {
        Box::pin(async move {
            let token = Token::random();
            Ok(match self.ask(Operation::Claim, event, token).await? {
                Answer::Yes => Claimed::Ours(token),
                Answer::No => Claimed::Done,
                Answer::InHand(left) => Claimed::InHand(left.min(self.lease)),
            })
        })
    }

    fn renew<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, bool> {
        Box::pin(self.is_so(Operation::Renew, event, *token))
    }

    fn done<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, bool> {
        Box::pin(self.is_so(Operation::Done, event, *token))
    }

    fn release<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, ()> {
        Box::pin(async move {
            self.ask(Operation::Release, event, *token).await?;
            Ok(())
        })
    }

    fn forget_expired(&self) -> Pending<'_, bool> {
        Box::pin(self.is_so(Operation::Forget, "", Token(0)))
    }

    fn lease(&self) -> Duration {
        self.lease
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Sqlite({})", self.path)
    }
}
