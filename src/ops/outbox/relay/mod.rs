//! `eda outbox relay`: claims events, sends them, and marks them when the brokers have acknowledged them.
//!
//! One batch is claimed while the one before it is under way. The producer keeps the order of what it is given, gives up
//! nothing, and is dropped as a whole when it is to end: what is written of a partition is then a first part of what was
//! sent. What was sent and has no answer is sent again by whoever claims it next, from the first on. So duplicates carry
//! the same id, and the first occurrences of an aggregate's events are in the order of their positions, unless one was
//! refused: then those that were under way behind it have overtaken it.
//!
//! - [`template`]: where an event goes; - `sender`: the producer; - `flight`: a batch on its way;
//! - `engine`: the loop; - `claiming`: what is next; - `settling`: what became of a batch, written down; - `waiting`: for who does not answer; - `missing`: for topics;
//! - [`outcome`]: what came of it all.

mod claiming;
mod engine;
mod flight;
mod missing;
pub mod outcome;
mod sender;
mod settling;
pub mod template;
mod waiting;

pub use outcome::{Figures, RelayOutcome};
pub use template::TopicTemplate;

use crate::error::{Error, Result};
use crate::kafka::Cluster;
use crate::model::outbox::OnDead;
use crate::ops::stop::Stop;
use crate::store::outbox::Outbox;
use engine::Engine;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How it is to go about it.
#[derive(Clone, Debug)]
pub struct RelayRequest {
    pub topic: TopicTemplate,
    /// The header into which the type of an event is written, if any.
    pub type_header: Option<Arc<str>>,
    /// The most events that are claimed at once.
    pub batch: usize,
    /// How long they are nobody else's, unless that is renewed.
    pub lease: Duration,
    /// So often the brokers may refuse an event.
    pub max_attempts: u32,
    /// The first and the longest wait for another attempt.
    pub backoff: (Duration, Duration),
    pub on_dead: OnDead,
    /// Ends when there is nothing more to claim.
    pub once: bool,
    /// How long what is in hand may take when it is to stop.
    pub grace: Duration,
}

impl Default for RelayRequest {
    fn default() -> Self {
        RelayRequest {
            topic: TopicTemplate::default(),
            type_header: None,
            batch: 1000,
            lease: Duration::from_secs(30),
            max_attempts: 5,
            backoff: (Duration::from_secs(1), Duration::from_secs(60)),
            on_dead: OnDead::Park,
            once: false,
            grace: Duration::from_secs(10),
        }
    }
}

/// What whoever watches is told.
#[derive(Debug)]
pub enum Told<'a> {
    /// How it is doing, often.
    Progress(&'a Figures),
    /// Nothing is left to claim, and it waits for more; once.
    Idle,
    /// Something to know, once for each change of state.
    Warning(&'a str),
}

/// Is told; must not block for long.
pub type Watch<'a> = &'a (dyn Fn(Told<'_>) + Send + Sync);

/// Client properties that would break what is promised, with the values that do not.
const OURS: [(&str, &[&str]); 6] = [
    ("message.timeout.ms", &["0"]),
    ("delivery.timeout.ms", &["0"]),
    ("enable.idempotence", &["true"]),
    ("acks", &["all", "-1"]),
    ("request.required.acks", &["all", "-1"]),
    ("enable.gapless.guarantee", &["false"]),
];

/// Refuses properties of the client that would lose events or their order.
///
/// # Errors
/// Usage, naming the property.
pub fn refuse_properties(properties: &[(String, String)]) -> Result<()> {
    let is_theirs = |(name, value): &&(String, String)| {
        let known = OURS.iter().find(|(ours, _)| name == ours);
        known.is_some_and(|(_, allowed)| !allowed.contains(&value.as_str()))
    };
    match properties.iter().find(is_theirs) {
        Some((name, _)) => Err(Error::usage(format!(
            "`-X {name}` does not go with a relay, which would lose events or their order"
        ))
        .hint("leave it out: a relay waits until all in-sync replicas have an event")),
        None => Ok(()),
    }
}

/// Publishes what is in the outbox, and what comes into it, until it is to stop; with `once`, until there is nothing
/// more to claim. How it ended is in the outcome, with what was done until then.
pub async fn relay(
    cluster: &Cluster,
    outbox: Arc<dyn Outbox>,
    request: RelayRequest,
    stop: &Stop,
    watch: Watch<'_>,
) -> RelayOutcome {
    let mut engine = Engine::new(cluster, outbox, request, stop, watch);
    let ended = engine.run().await;
    engine.outcome(ended)
}

/// Renews the leases of an owner in the background while he has something in hand; ends when it is dropped.
struct Lease {
    in_hand: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Lease {
    fn keep(outbox: Arc<dyn Outbox>, owner: String, lease: Duration) -> Lease {
        let in_hand = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&in_hand);
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(lease / 3).await;
                if seen.load(Ordering::Acquire)
                    && let Err(outage) = outbox.renew(&owner, lease).await
                {
                    // Somebody else takes the events over if it lasts, and some are sent twice.
                    tracing::warn!("the leases are not renewed: {outage}");
                }
            }
        });
        Lease { in_hand, task }
    }

    /// Whether there is anything to renew.
    fn set(&self, in_hand: bool) {
        self.in_hand.store(in_hand, Ordering::Release);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.task.abort();
    }
}
