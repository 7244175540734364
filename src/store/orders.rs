//! The database of an order service, as an application would have it: its table of orders, and an outbox
//! ([`super::outbox`]) in the same SQLite file, so that an order and its event are written in one transaction.
//!
//! ```sql
//! BEGIN IMMEDIATE;
//! INSERT INTO orders (id, status, content) VALUES ('order-7', 'pending', '{…}');
//! INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload) VALUES ('5f0c…', 'order', 'order-7', 'OrderCreated', '{…}');
//! COMMIT;
//! ```
//!
//! This is the store of `eda demo`'s order service and of nothing else. It is here because only `store` knows SQLite.

use super::Outage;
use super::sqlite::file::{make_file, outage, patiently, prepared, refused};
use crate::error::{Error, Result};
use crate::model::outbox::NewOutboxEvent;
use rusqlite::{Connection, TransactionBehavior, params};
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long an order waits for a relay's transaction on the file.
const BUSY: Duration = Duration::from_secs(5);

const TABLE: &str = "CREATE TABLE IF NOT EXISTS orders (
    id      TEXT PRIMARY KEY,
    status  TEXT NOT NULL,
    content TEXT NOT NULL
) WITHOUT ROWID";

const ORDER: &str =
    "INSERT INTO orders (id, status, content) VALUES (?1, 'pending', ?2) ON CONFLICT DO NOTHING";

/// The columns that every outbox has; how the rest begins is the table's business.
const EVENT: &str = "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload) VALUES (?1, ?2, ?3, ?4, ?5)";

/// How the writing of an order ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Commit,
    /// As if the service were killed before it could commit.
    Crash,
}

/// The orders of a service.
#[derive(Clone)]
pub struct OrderBook {
    path: Arc<str>,
    connection: Arc<Mutex<Connection>>,
}

impl OrderBook {
    /// Opens the file, and makes it and the table of orders where they are missing; the outbox is made by
    /// [`Outbox::create`](super::outbox::Outbox::create).
    ///
    /// # Errors
    /// There can be no database at the path, or it cannot be written.
    pub async fn open(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        let opened = tokio::task::spawn_blocking(move || {
            make_file(&path)?;
            let refuse = |error| refused(&path, "orders", error);
            let connection = prepared(&path, BUSY).map_err(refuse)?;
            patiently(BUSY, || {
                connection.pragma_update(None, "journal_mode", "WAL")
            })
            .map_err(refuse)?;
            // An order that was acknowledged is on the disk, with its event.
            connection
                .pragma_update(None, "synchronous", "FULL")
                .map_err(refuse)?;
            connection.execute_batch(TABLE).map_err(refuse)?;
            Ok::<OrderBook, Error>(OrderBook {
                path: path.display().to_string().into(),
                connection: Arc::new(Mutex::new(connection)),
            })
        });
        let stopped = |error| Error::failed("the order book was not opened").caused_by(error);
        opened.await.map_err(stopped)?
    }

    /// Writes an order and its event, both or neither. Whether it was written now: an order that is there already is left
    /// as it is, with the event that it has, and one that ends in a crash is not there. Without an event it is as if there
    /// were no outbox, and the service was killed before it could publish.
    pub async fn place(
        &self,
        order: &str,
        content: &str,
        event: Option<NewOutboxEvent>,
        ending: Ending,
    ) -> Result<bool, Outage> {
        let (order, content) = (order.to_owned(), content.to_owned());
        self.on_file(move |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if transaction
                .prepare(ORDER)?
                .execute(params![order, content])?
                == 0
            {
                return Ok(false);
            }
            if ending == Ending::Crash {
                return Ok(false);
            }
            if let Some(event) = event {
                transaction.prepare(EVENT)?.execute(params![
                    event.id,
                    event.aggregate_type,
                    event.aggregate_id,
                    event.event_type,
                    event.payload,
                ])?;
            }
            transaction.commit()?;
            Ok(true)
        })
        .await
    }

    /// Deletes an order, and leaves its event: as if that had been published before a transaction that was rolled back.
    pub async fn forget(&self, order: &str) -> Result<bool, Outage> {
        let order = order.to_owned();
        self.on_file(move |connection| {
            let deleted = connection.execute("DELETE FROM orders WHERE id = ?1", [order])?;
            Ok(deleted > 0)
        })
        .await
    }

    /// The ids of all orders.
    pub async fn orders(&self) -> Result<BTreeSet<String>, Outage> {
        self.on_file(|connection| {
            let mut statement = connection.prepare("SELECT id FROM orders")?;
            let ids = statement.query_map([], |row| row.get(0))?;
            ids.collect()
        })
        .await
    }

    async fn on_file<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Outage> {
        let (path, connection) = (Arc::clone(&self.path), Arc::clone(&self.connection));
        let worked = tokio::task::spawn_blocking(move || {
            // A transaction that was left behind was rolled back when it was dropped.
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut connection).map_err(|error| outage(&path, &error))
        });
        worked
            .await
            .unwrap_or_else(|error| Err(Outage::lasting(format!("the order book: {error}"))))
    }
}

impl fmt::Debug for OrderBook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "OrderBook({})", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::outbox::OnDead;
    use crate::store::outbox::{Outbox, OutboxAddress, TableName, open};

    const PATIENCE: Duration = Duration::from_secs(10);

    fn event(order: &str) -> Option<NewOutboxEvent> {
        Some(NewOutboxEvent {
            id: format!("event of {order}"),
            aggregate_type: "order".to_owned(),
            aggregate_id: order.to_owned(),
            event_type: "OrderCreated".to_owned(),
            payload: Some(b"{}".to_vec()),
        })
    }

    async fn service() -> (tempfile::TempDir, OrderBook, Arc<dyn Outbox>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders.db");
        let book = OrderBook::open(&path).await.unwrap();
        let address = OutboxAddress::Sqlite(path);
        let outbox = open(&address, &TableName::default(), PATIENCE)
            .await
            .unwrap();
        outbox.create().await.unwrap();
        (folder, book, outbox)
    }

    #[tokio::test]
    async fn an_order_and_its_event_are_both_there_or_neither() {
        let (_folder, book, outbox) = service().await;
        let place = async |order: &str, ending| {
            let placed = book.place(order, "{}", event(order), ending);
            placed.await.unwrap()
        };
        assert!(!place("order-1", Ending::Crash).await);
        assert!(book.orders().await.unwrap().is_empty());
        assert_eq!(outbox.counts().await.unwrap().pending, 0);

        assert!(place("order-1", Ending::Commit).await);
        // Whoever does not know that it was written asks again.
        assert!(!place("order-1", Ending::Commit).await);
        assert_eq!(
            book.orders().await.unwrap(),
            BTreeSet::from(["order-1".to_owned()])
        );
        let claimed = outbox.claim("relay", 10, PATIENCE, OnDead::Park).await;
        let claimed = claimed.unwrap();
        assert_eq!(claimed.len(), 1);
        assert_eq!(Some(claimed[0].event.clone()), event("order-1"));
    }

    #[tokio::test]
    async fn what_was_acknowledged_is_on_the_disk() {
        let (_folder, book, _outbox) = service().await;
        let level = book.on_file(|connection| {
            connection.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0))
        });
        assert_eq!(level.await, Ok(2));
    }

    #[tokio::test]
    async fn one_may_be_without_the_other_when_somebody_wants_it_so() {
        let (_folder, book, outbox) = service().await;
        assert!(
            book.place("order-1", "{}", None, Ending::Commit)
                .await
                .unwrap()
        );
        assert_eq!(outbox.counts().await.unwrap().pending, 0);
        let placed = book.place("order-2", "{}", event("order-2"), Ending::Commit);
        assert!(placed.await.unwrap());
        assert!(book.forget("order-2").await.unwrap());
        assert!(!book.forget("order-2").await.unwrap());
        assert_eq!(outbox.counts().await.unwrap().pending, 1);
    }

    #[tokio::test]
    async fn where_there_can_be_no_file_it_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no/such/folder.db");
        let error = OrderBook::open(&path).await.unwrap_err();
        assert!(error.message().contains("folder.db"), "{error}");
    }
}
