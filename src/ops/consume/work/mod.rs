//! `eda consume` with a handler: one member, from before it joins to after it left.
//!
//! - [`Work`]: what came of it, also when it failed; [`Sample`]: how it is doing;
//! - `watched`: what is under way, and how long attempts took; `behind`: the lag of the group; `metrics`: both for
//!   Prometheus; - `slot`: whose transactions a member's are; - `own`: dead letters that would be read again.

mod behind;
mod metrics;
mod own;
mod slot;
mod summary;
mod watched;

pub use summary::Work;

use super::figures::{Figures, Meter};
use super::{Delivery, Handler, Member, RuntimeOptions, start, topics};
use crate::error::{Result, Status};
use crate::kafka::Cluster;
use crate::ops::http::Server;
use crate::ops::stop::Stop;
use crate::store::Idempotency;
use behind::Behind;
use metrics::Metrics;
use slot::Slot;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use watched::Watched;

/// How often whoever watches is told.
const TICK: Duration = Duration::from_millis(250);
/// How long the lag may take to be learnt at the end.
const LAST_LOOK: Duration = Duration::from_secs(3);
/// How often what expired is forgotten.
const CLEAN_UP: Duration = Duration::from_secs(60);

/// What is to be done, by whom.
#[derive(Debug)]
pub struct WorkRequest {
    pub options: RuntimeOptions,
    /// Where scrapes are answered.
    pub metrics: Option<Server>,
    /// A folder of this user's, made when it is missing, where members on this machine mark which of the group's
    /// transactional ids they have. For exactly once.
    pub slots: PathBuf,
    /// Whether somebody watches: the cluster is then asked for the lag while it runs.
    pub watched: bool,
}

/// How it is doing.
#[derive(Clone, Debug)]
pub struct Sample {
    pub figures: Figures,
    /// Records that the handler has now.
    pub in_hand: usize,
    /// `None`: not known, or not asked for.
    pub lag: Option<i64>,
    /// Whether the group has given it its share.
    pub joined: bool,
    /// It was asked to stop, and finishes what is in hand.
    pub stopping: bool,
}

/// Handles records until the count, idleness, a failure, or a request to stop; `tell` is called now and then.
///
/// On a request to stop, what is in hand is finished within the grace, committed, and the group left; then the handler is
/// closed with what is left of the grace.
///
/// # Errors
/// What was found out before anything was begun: a topic that does not exist, dead letters that would be read again, a
/// contradiction. What happens later is in [`Work::ended`].
pub async fn work(
    cluster: &Cluster,
    request: WorkRequest,
    handler: Arc<dyn Handler>,
    stop: &Stop,
    mut tell: impl FnMut(&Sample),
) -> Result<Work> {
    let mut options = request.options;
    // A group refuses a topic that is named twice; it is meant once.
    let mut named = BTreeSet::new();
    options.topics.retain(|topic| named.insert(topic.clone()));
    own::check(&options)?;
    let patterns = topics::Patterns::new(&options.topics)?;
    topics::existing(cluster, &options.topics).await?;
    options.properties.extend(own::hidden(&options));
    let slot = match options.delivery {
        Delivery::ExactlyOnce if !own::names_transactions(cluster, &options) => {
            Some(Slot::take(&request.slots, &options.group)?)
        }
        _ => None,
    };
    if let Some(slot) = &slot {
        options.transactional_id = slot.id().clone();
    }
    let begun = Instant::now();
    let watched = Arc::new(Watched::new(Arc::clone(&handler)));
    let behind = Arc::new(Behind::new(cluster, &options, patterns));
    let mut member = start(cluster, options.clone(), Arc::clone(&watched) as Arc<_>)?;
    let meter = member.meter();
    let mut background = Background::default();
    if request.watched || request.metrics.is_some() {
        background.spawn(Arc::clone(&behind).keep_asking());
    }
    if let Some(store) = options.dedupe.clone() {
        background.spawn(clean_up(store));
    }
    if let Some(server) = request.metrics {
        let group = options.group.clone();
        let pages = Metrics::new(
            group,
            Arc::clone(&meter),
            Arc::clone(&watched),
            Arc::clone(&behind),
        );
        // It ends with us, not when we are asked to: what is in hand is worth watching.
        background.spawn(async move { server.run(Arc::new(pages), &Stop::new()).await });
    }
    let mut sampling = Sampling {
        meter: &meter,
        watched: &watched,
        behind: &behind,
    };
    let (ended, closing) = run(&mut member, stop, options.grace, |joined, stopping| {
        tell(&sampling.sample(joined, stopping));
    })
    .await;
    let joined = member.has_joined();
    drop(member);
    handler.close(closing).await;
    drop(background);
    drop(slot);
    let lag = match joined {
        true => behind.look(LAST_LOOK).await,
        false => None,
    };
    Ok(Work {
        group: options.group,
        topics: options.topics,
        delivery: options.delivery,
        filtered: !options.filter.is_empty(),
        figures: meter.snapshot(),
        took: begun.elapsed(),
        lag,
        joined,
        ended,
    })
}

/// How it ended, and how long the handler may take to close.
async fn run(
    member: &mut Member,
    stop: &Stop,
    grace: Duration,
    mut tell: impl FnMut(bool, bool),
) -> (Result<Option<Status>>, Duration) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut stopped: Option<(Status, Instant)> = None;
    let outcome = loop {
        let joined = member.has_joined();
        tokio::select! {
            biased;
            outcome = member.finished() => break outcome,
            status = stop.wait(), if stopped.is_none() => {
                stopped = Some((status, Instant::now()));
                member.ask_to_stop();
            }
            _ = ticks.tick() => tell(joined, stopped.is_some()),
        }
    };
    let closing = stopped.map_or(grace, |(_, since)| grace.saturating_sub(since.elapsed()));
    (outcome.map(|()| stopped.map(|(status, _)| status)), closing)
}

struct Sampling<'a> {
    meter: &'a Meter,
    watched: &'a Watched,
    behind: &'a Behind,
}

impl Sampling<'_> {
    fn sample(&mut self, joined: bool, stopping: bool) -> Sample {
        Sample {
            figures: self.meter.snapshot(),
            in_hand: self.watched.in_hand(),
            lag: self.behind.last(),
            joined,
            stopping,
        }
    }
}

/// Forgets what expired, for as long as it is let.
async fn clean_up(store: Arc<dyn Idempotency>) {
    let mut ticks = tokio::time::interval(CLEAN_UP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        loop {
            match store.forget_expired().await {
                Ok(true) => {}
                Ok(false) => break,
                // Whoever claims finds out, and says so.
                Err(outage) => {
                    tracing::info!(%outage, "what expired was not forgotten");
                    break;
                }
            }
        }
    }
}

/// What goes on beside the work, until this is dropped.
#[derive(Default)]
struct Background(Vec<JoinHandle<()>>);

impl Background {
    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.push(tokio::spawn(task));
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}
