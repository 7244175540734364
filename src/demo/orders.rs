//! The orders that come in.

use super::event::{Clock, Event};
use super::handler::Publisher;
use super::outbox::OrderStore;
use crate::error::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// So many orders are on their way to the broker at most.
const IN_FLIGHT: usize = 256;

/// The id of the order of this number, from 1.
pub(super) fn id(number: u64) -> String {
    format!("order-{number:06}")
}

/// The ids of the orders of a run.
pub(super) fn ids(count: u64) -> Vec<String> {
    (1..=count).map(id).collect()
}

/// What the order service does with an order that comes in.
#[derive(Clone)]
pub(super) enum Desk {
    /// Its first event is produced.
    Topic,
    /// It is written down with its event, and a relay produces that.
    Store(OrderStore),
}

impl Desk {
    async fn take(&self, event: &Event, publisher: &Publisher) -> Result<()> {
        match self {
            Desk::Store(store) => store.place(event).await,
            Desk::Topic if publisher.dice.is_malformed(event.order()) => {
                publisher.publish_malformed(event).await
            }
            Desk::Topic => publisher.publish(event).await,
        }
    }
}

/// Takes each order, `rate` a second, and counts those that are acknowledged.
pub(super) async fn put_in(
    orders: Vec<String>,
    rate: Option<f64>,
    desk: Desk,
    publisher: Publisher,
    clock: Clock,
    produced: Arc<AtomicU64>,
) -> Result<()> {
    let started = Instant::now();
    let mut on_their_way: JoinSet<Result<()>> = JoinSet::new();
    for (number, order) in orders.into_iter().enumerate() {
        if let Some(rate) = rate {
            sleep_until(started + Duration::from_secs_f64(number as f64 / rate)).await;
        }
        while on_their_way.len() >= IN_FLIGHT {
            arrived(on_their_way.join_next().await, &produced)?;
        }
        let (desk, publisher) = (desk.clone(), publisher.clone());
        on_their_way.spawn(async move {
            let event = Event::first(&order, &publisher.dice, clock.now_ms())
                .ok_or_else(|| Error::failed("the catalog has no `OrderCreated`"))?;
            desk.take(&event, &publisher).await
        });
    }
    while let Some(outcome) = on_their_way.join_next().await {
        arrived(Some(outcome), &produced)?;
    }
    Ok(())
}

fn arrived(
    outcome: Option<Result<Result<()>, tokio::task::JoinError>>,
    produced: &AtomicU64,
) -> Result<()> {
    match outcome {
        Some(Ok(sent)) => sent?,
        Some(Err(error)) => return Err(Error::failed("an order was not produced").caused_by(error)),
        None => return Ok(()),
    }
    produced.fetch_add(1, Ordering::Relaxed);
    Ok(())
}
