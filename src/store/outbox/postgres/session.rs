//! The connections, and what is known of the tables.

use super::line::Memory;
use super::tables::Known;
use crate::error::Result;
use crate::store::Outage;
use crate::store::link::Link;
use crate::store::outbox::{TableName, error_of};
use crate::store::postgres::address::PostgresAddress;
use crate::store::postgres::connection::{Failure, client, listener as listening};
use crate::store::postgres::tls;
use crate::store::stored::{too_slow, within};
use postgres_openssl::MakeTlsConnector;
use std::fmt;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Transaction};

/// How often a foreign table is looked at: nobody tells of what comes there.
const LOOK: Duration = Duration::from_millis(250);

/// One connection, with what is kept in mind: a transaction has it to itself.
type Session = Arc<Mutex<(Client, Memory)>>;

/// An outbox in a database.
pub struct PostgresOutbox {
    address: PostgresAddress,
    tls: MakeTlsConnector,
    table: TableName,
    /// What follows a command of ours for it to mean this outbox.
    pub(super) named: String,
    link: Link<Session>,
    known: StdMutex<Option<Arc<Known>>>,
    /// Who listens for what is added.
    listener: Mutex<Option<Client>>,
    heard: Arc<Notify>,
    timeout: Duration,
}

impl PostgresOutbox {
    /// Connects to the database, and looks at the table. An answer takes `timeout` at most.
    ///
    /// # Errors
    /// Unreachable, with host and port, when it does not answer, refuses the credentials, has no such database, or a
    /// right is missing; a failure when the table is no outbox.
    pub async fn open(
        address: &PostgresAddress,
        table: &TableName,
        timeout: Duration,
        named: &str,
    ) -> Result<Self> {
        let store = PostgresOutbox {
            address: address.clone(),
            tls: tls::connector(address.tls())?,
            table: table.clone(),
            named: named.to_owned(),
            link: Link::default(),
            known: StdMutex::default(),
            listener: Mutex::default(),
            heard: Arc::default(),
            timeout,
        };
        let name = address.host_and_port();
        let connected = within(timeout, &name, store.link.get(store.connect()));
        if let Err(outage) = connected.await {
            let hint = match outage.passing {
                true => "is a PostgreSQL server running there?",
                false => "the address is taken from `EDA_OUTBOX` when it holds a password",
            };
            return Err(error_of(outage).hint(hint));
        }
        let looked = store.bounded(async {
            let mut session = store.session().await?;
            let transaction = session.0.transaction().await?;
            store.look(&transaction).await.map(drop)
        });
        looked.await.map_err(error_of)?;
        Ok(store)
    }

    async fn connect(&self) -> Result<Session, Outage> {
        let connected = async {
            let client = client(&self.address, &self.tls, self.timeout).await?;
            // What was settled is to be on the disk.
            let limit = self.timeout.as_millis().clamp(1, i32::MAX as u128);
            client
                .batch_execute(&format!(
                    "RESET synchronous_commit; SET idle_in_transaction_session_timeout = {limit}; SET jit = off;
                     {}",
                    Plans::ByIndex.settings("SESSION")
                ))
                .await?;
            Ok(client)
        };
        match connected.await {
            Ok(client) => Ok(Arc::new(Mutex::new((client, Memory::default())))),
            // Whatever it is that keeps us out.
            Err(failure) => Err(match self.outage(failure) {
                outage if outage.passing => outage,
                outage => Outage::barred(outage.message),
            }),
        }
    }

    /// The connection, when its turn has come; another one when it broke meanwhile.
    pub(super) async fn session(&self) -> Result<OwnedMutexGuard<(Client, Memory)>, Failure> {
        let session = self.link.get(self.connect()).await?;
        let held = Session::clone(&session).lock_owned().await;
        if !held.0.is_closed() {
            return Ok(held);
        }
        drop(held);
        self.link.give_up(Instant::now()).await;
        let session = self.link.get(self.connect()).await?;
        Ok(Session::clone(&session).lock_owned().await)
    }

    /// What the work answers, within the time there is.
    pub(super) async fn bounded<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Outage> {
        let asked = Instant::now();
        match tokio::time::timeout(self.timeout, work).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(failure)) => {
                if failure.is_lost() {
                    self.link.give_up(Instant::now()).await;
                }
                Err(self.outage(failure))
            }
            Err(_) => {
                self.link.give_up(asked).await;
                Err(too_slow(self.timeout, &self.address.host_and_port()))
            }
        }
    }

    /// Host and port.
    pub(super) fn server(&self) -> String {
        self.address.host_and_port()
    }

    /// The table, as it was named.
    pub(super) fn table(&self) -> &TableName {
        &self.table
    }

    /// In a sentence, and whether it will pass. What was known of the tables may not be so any more.
    fn outage(&self, failure: Failure) -> Outage {
        let code = failure.code().cloned();
        let outage = failure.outage(&self.address.host_and_port());
        if outage.passing {
            return outage;
        }
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let (table, named) = (self.table.quoted(), &self.named);
        match code {
            Some(code) if code == SqlState::UNDEFINED_TABLE => Outage::lasting(format!(
                "{}: `eda outbox init{named}` makes it",
                outage.message
            )),
            Some(code) if code == SqlState::INSUFFICIENT_PRIVILEGE => Outage::barred(format!(
                "{}; have its owner run `GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO …` (and the same for what \
                 `eda outbox init{named}` has made beside it)",
                outage.message
            )),
            _ => outage,
        }
    }

    /// Looks at the tables anew.
    pub(super) async fn look(&self, transaction: &Transaction<'_>) -> Result<Arc<Known>, Failure> {
        let known = Arc::new(Known::look(transaction, &self.table).await?);
        let kept = known.is_made().then(|| Arc::clone(&known));
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        Ok(known)
    }

    /// The tables, which are there.
    pub(super) async fn made(&self, transaction: &Transaction<'_>) -> Result<Arc<Known>, Failure> {
        let known = self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let known = match known {
            Some(known) => known,
            None => self.look(transaction).await?,
        };
        if known.is_made() {
            return Ok(known);
        }
        let (table, server) = (known.absent(), self.address.host_and_port());
        let named = &self.named;
        Err(Outage::lasting(format!(
            "there is no table `{table}` on `{server}`: `eda outbox init{named}` makes it"
        ))
        .into())
    }

    /// Listens for what is added, and waits for it.
    pub(super) async fn listen(&self, at_most: Duration) -> Result<(), Outage> {
        let mut listener = self.listener.lock().await;
        if listener.as_ref().is_none_or(Client::is_closed) {
            let channel = self.bounded(async {
                let mut session = self.session().await?;
                let transaction = session.0.transaction().await?;
                let known = self.made(&transaction).await?;
                match known.sql.is_foreign {
                    true => Ok(None),
                    false => known.channel(&transaction).await.map(Some),
                }
            });
            let Some(channel) = channel.await? else {
                drop(listener);
                tokio::time::sleep(LOOK.min(at_most)).await;
                return Ok(());
            };
            let heard = Arc::clone(&self.heard);
            let connected = self.bounded(async {
                let client = listening(&self.address, &self.tls, heard).await?;
                client.batch_execute(&format!("LISTEN {channel}")).await?;
                Ok(client)
            });
            *listener = Some(connected.await?);
            // What was added before it listened was told to nobody.
            return Ok(());
        }
        drop(listener);
        let _ = tokio::time::timeout(at_most, self.heard.notified()).await;
        Ok(())
    }
}

/// How the server may go about a question.
#[derive(Clone, Copy, Debug)]
pub enum Plans {
    /// By the indexes, whatever the server believes of a table that has just been filled or emptied.
    ByIndex,
    /// As it likes: what is asked of the table as a whole is read as it lies.
    Any,
}

impl Plans {
    fn settings(self, scope: &str) -> String {
        let value = match self {
            Plans::ByIndex => "off",
            Plans::Any => "on",
        };
        ["enable_seqscan", "enable_bitmapscan", "enable_sort"]
            .map(|name| format!("SET {scope} {name} = {value};"))
            .join(" ")
    }
}

/// For the rest of the transaction.
pub async fn plans(transaction: &Transaction<'_>, plans: Plans) -> Result<(), Failure> {
    Ok(transaction.batch_execute(&plans.settings("LOCAL")).await?)
}

impl fmt::Debug for PostgresOutbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PostgresOutbox({})", self.address)
    }
}
