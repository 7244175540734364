//! Clients: orders at a steady rate, or as many as are taken.

use super::http::Caller;
use crate::error::Error;
use crate::error::Result;
use crate::ops::stop::Stop;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// What became of orders that came in at a steady rate.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// When each was due. A client that is late counts it against the service: it waited.
    pub(super) due: HashMap<String, Instant>,
    /// When each order was answered that was accepted.
    pub(super) accepted: HashMap<String, Instant>,
    pub(super) refused: u64,
}

impl Sent {
    /// How long the answers took.
    pub(super) fn response_times(&self) -> impl Iterator<Item = Duration> {
        times(&self.due, &self.accepted)
    }
}

/// How long it took from one to the other, for those that have both.
pub(super) fn times<'a>(
    from: &'a HashMap<String, Instant>,
    to: &'a HashMap<String, Instant>,
) -> impl Iterator<Item = Duration> {
    to.iter()
        .filter_map(|(order, at)| Some(at.saturating_duration_since(*from.get(order)?)))
}

/// Sends orders at this rate for this time, each when it is due, whether or not the others were answered; then waits for
/// the answers.
pub(super) async fn steady(
    caller: &Arc<Caller>,
    prefix: &str,
    rate: f64,
    span: Duration,
    stop: &Stop,
) -> Result<Sent> {
    let begun = Instant::now();
    let mut sent = Sent::default();
    let mut on_their_way = JoinSet::new();
    for number in 0.. {
        let due = begun + Duration::from_secs_f64(f64::from(number) / rate);
        if due > begun + span {
            break;
        }
        tokio::select! {
            () = sleep_until(due) => {}
            status = stop.wait() => return Err(Error::stopped(status)),
        }
        let order = format!("{prefix}-{number:06}");
        sent.due.insert(order.clone(), due);
        let caller = Arc::clone(caller);
        on_their_way.spawn(async move {
            let accepted = caller.post(body(&order)).await;
            (order, accepted, Instant::now())
        });
    }
    loop {
        let answered = tokio::select! {
            answered = on_their_way.join_next() => answered,
            status = stop.wait() => return Err(Error::stopped(status)),
        };
        match answered {
            Some(Ok((order, true, at))) => {
                sent.accepted.insert(order, at);
            }
            Some(Ok((_, false, _)) | Err(_)) => sent.refused += 1,
            None => return Ok(sent),
        }
    }
}

/// As many clients as are told, each with one order at a time; counts those accepted since `count` was called for.
pub(super) struct Crowd {
    accepted: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Crowd {
    pub(super) fn start(caller: &Arc<Caller>, prefix: &str, clients: usize) -> Crowd {
        let mut crowd = Crowd {
            accepted: Arc::default(),
            over: Arc::default(),
            clients: JoinSet::new(),
        };
        let number = Arc::new(AtomicU64::new(0));
        for _ in 0..clients {
            let (caller, prefix) = (Arc::clone(caller), prefix.to_owned());
            let (accepted, over) = (Arc::clone(&crowd.accepted), Arc::clone(&crowd.over));
            let number = Arc::clone(&number);
            crowd.clients.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let number = number.fetch_add(1, Ordering::Relaxed);
                    match caller.post(body(&format!("{prefix}-{number:06}"))).await {
                        true => _ = accepted.fetch_add(1, Ordering::Relaxed),
                        // Who is refused at once must not ask in a frenzy.
                        false => tokio::time::sleep(Duration::from_millis(20)).await,
                    }
                }
            });
        }
        crowd
    }

    /// How many orders were accepted so far.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Asks the clients to end, and does not wait for answers under way.
    pub(super) async fn end(mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.clients.shutdown().await;
    }
}

/// An order as a client posts it.
fn body(order: &str) -> Bytes {
    format!(r#"{{"orderId":"{order}"}}"#).into()
}
