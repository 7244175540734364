//! The order service with an outbox: order and event are written in one transaction of its database, and relays publish
//! the events from there.

mod relays;

pub(super) use relays::Relays;

use super::audit::Invariant;
use super::chance::Dice;
use super::event::Event;
use crate::error::{Error, Result};
use crate::model::outbox::{NewOutboxEvent, OutboxCounts};
use crate::store::Outage;
use crate::store::orders::{Ending, OrderBook};
use crate::store::outbox::{Outbox, OutboxAddress, TableName, open};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Of the orders, with chaos: the service crashes before it can commit, and the customer asks again.
const CRASHES: f64 = 0.1;

/// How long the service's database may be busy.
const PATIENCE: Duration = Duration::from_secs(30);
const ANOTHER_TRY: Duration = Duration::from_millis(50);

/// An order that is never announced, when that is asked for.
const UNANNOUNCED: &str = "order-unannounced";

/// What became of the orders in the order service's database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboxReport {
    /// Orders in the table.
    pub stored: u64,
    /// Events that a relay has published and marked.
    pub published: u64,
    pub pending: u64,
    /// Refused for good by the brokers.
    pub dead: u64,
    /// Orders whose transaction was rolled back first, since the service crashed.
    pub rolled_back: u64,
}

/// The order service's database.
#[derive(Clone)]
pub(super) struct OrderStore {
    path: PathBuf,
    book: OrderBook,
    outbox: Arc<dyn Outbox>,
    dice: Dice,
    crashes: bool,
    rolled_back: Arc<AtomicU64>,
    /// One order is written at a time: each waits on a thread, and the file takes no more.
    turn: Arc<Mutex<()>>,
}

impl OrderStore {
    /// Makes the tables in a file of this folder. With `crashes` the service does not always live to commit.
    pub(super) async fn create(
        folder: &Path,
        timeout: Duration,
        dice: Dice,
        crashes: bool,
    ) -> Result<Self> {
        let path = folder.join("orders.db");
        let book = OrderBook::open(&path).await?;
        let outbox = opened(&path, timeout).await?;
        outbox.create().await.map_err(refused)?;
        Ok(OrderStore {
            path,
            book,
            outbox,
            dice,
            crashes,
            rolled_back: Arc::default(),
            turn: Arc::default(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the order that this event begins, and the event.
    pub(super) async fn place(&self, event: &Event) -> Result<()> {
        let order = event.order();
        let content = event.text();
        let mut payload = content.clone().into_bytes();
        if self.dice.is_malformed(order) {
            payload.truncate(payload.len() / 2);
        }
        let row = NewOutboxEvent {
            id: event.id().to_owned(),
            aggregate_type: "order".to_owned(),
            aggregate_id: order.to_owned(),
            event_type: event.kind.name.clone(),
            payload: Some(payload),
        };
        let _turn = self.turn.lock().await;
        if self.crashes && self.dice.chaos(&format!("crash {order}")) < CRASHES {
            self.write(order, &content, &row, Ending::Crash).await?;
            self.rolled_back.fetch_add(1, Ordering::Relaxed);
        }
        self.write(order, &content, &row, Ending::Commit).await
    }

    /// Also when the file is busy for a while, as beside two relays. What is repeated may have been done: an order that is
    /// there is left as it is.
    async fn write(
        &self,
        order: &str,
        content: &str,
        row: &NewOutboxEvent,
        ending: Ending,
    ) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let placing = self.book.place(order, content, Some(row.clone()), ending);
            match placing.await {
                Ok(_) => return Ok(()),
                Err(outage) if outage.passing && Instant::now() < deadline => {
                    tracing::debug!("the order is not written yet: {outage}");
                    tokio::time::sleep(ANOTHER_TRY).await;
                }
                Err(outage) => return Err(refused(outage)),
            }
        }
    }

    /// Whether everything is published that can be.
    pub(super) async fn is_quiet(&self) -> bool {
        let counts = self.outbox.counts().await;
        counts.is_ok_and(|counts| counts.pending == 0)
    }

    /// Breaks what the outbox is there for, when that is to be broken.
    pub(super) async fn sabotage(&self, invariant: Option<Invariant>, first: &str) -> Result<()> {
        match invariant {
            Some(Invariant::OrderHasEvent) => {
                let placed = self.book.place(UNANNOUNCED, "{}", None, Ending::Commit);
                placed.await.map_err(refused)?;
            }
            Some(Invariant::EventHasOrder) => {
                self.book.forget(first).await.map_err(refused)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The orders in the table.
    pub(super) async fn orders(&self) -> Result<BTreeSet<String>> {
        self.book.orders().await.map_err(refused)
    }

    pub(super) async fn report(&self, stored: usize) -> Result<OutboxReport> {
        let OutboxCounts {
            pending,
            dead,
            published,
            ..
        } = self.outbox.counts().await.map_err(refused)?;
        Ok(OutboxReport {
            stored: stored as u64,
            published,
            pending,
            dead,
            rolled_back: self.rolled_back.load(Ordering::Relaxed),
        })
    }
}

async fn opened(path: &Path, timeout: Duration) -> Result<Arc<dyn Outbox>> {
    let address = OutboxAddress::Sqlite(path.to_owned());
    open(&address, &TableName::default(), timeout).await
}

fn refused(outage: Outage) -> Error {
    Error::failed("the order service's database cannot be used").caused_by(outage)
}
