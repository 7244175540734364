//! What `eda serve` and `eda top` show: the whole cluster, sampled every so often.
//!
//! - [`state`]: what was seen last, with its age, and what could not be seen; - [`flow`]: how fast topics are written;
//! - [`letters`]: dead-letter topics and what lies in them; - [`handlers`]: what running handlers say of themselves;
//! - [`panels`]: a state as tables for a terminal, and [`members`], who is in a group, for who asks.
//!
//! Whoever shows a [`State`] never waits for the cluster: an [`Overview`] looks on its own, and what it saw last stays,
//! with the time it was seen and why there is nothing newer. Groups are looked at as `eda lag --watch` does it.

mod flow;
mod handlers;
mod letters;
mod members;
mod panels;
mod state;

pub(in crate::ops) use handlers::merged;
pub use handlers::{Handler, HandlerPage};
pub use letters::DeadLetterTopic;
pub use members::{Members, members};
pub(in crate::ops) use state::shown;
pub use state::{Group, State, TopicFlow};

use crate::error::Result;
use crate::kafka::Cluster;
use crate::model::topic::Topic;
use crate::ops::dlq;
use crate::ops::lag::{LagRequest, Sample, WatchRequest, Watcher};
use crate::ops::stop::Stop;
use flow::Flows;
use handlers::Handlers;
use jiff::Timestamp;
use letters::Letters;
use state::{Histories, Said, Seen};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// Configurations change seldom, and there may be thousands of them.
const CONFIGURATIONS: Duration = Duration::from_secs(60);

/// What to sample, and how often.
#[derive(Clone, Debug)]
pub struct OverviewRequest {
    /// From one look to the next.
    pub every: Duration,
    /// Where running handlers tell how they are doing (`eda consume --metrics`).
    pub handlers: Vec<HandlerPage>,
}

/// Samples the cluster.
#[derive(Debug)]
pub struct Overview {
    cluster: Cluster,
    every: Duration,
    watcher: Watcher,
    flows: Flows,
    letters: Letters,
    histories: Histories,
    handlers: Handlers,
    parts: Parts,
}

/// What the three that look have found, put together whenever one has found something.
#[derive(Debug)]
struct Parts {
    parts: Mutex<Part>,
    states: watch::Sender<Arc<State>>,
}

#[derive(Debug)]
struct Part {
    seen: Arc<Seen>,
    handlers: Arc<Vec<Handler>>,
    said: Arc<Said>,
    topics: Arc<Vec<Topic>>,
    /// Dead-letter topics by their configuration, and what could not be learnt of it.
    configured: Arc<BTreeSet<String>>,
    unlearnt: Vec<String>,
}

impl Overview {
    /// Looks for the first time.
    ///
    /// # Errors
    /// When nobody is there: one that never was reached may be a wrong address.
    pub async fn begin(cluster: &Cluster, request: OverviewRequest) -> Result<Overview> {
        let watch = WatchRequest {
            lag: LagRequest::default(),
            interval: request.every,
            total: true,
        };
        let first = Arc::new(Seen::nothing(cluster, request.every));
        let part = Part {
            seen: Arc::clone(&first),
            handlers: Arc::default(),
            said: Arc::default(),
            topics: Arc::default(),
            configured: Arc::default(),
            unlearnt: Vec::new(),
        };
        let (states, _) = watch::channel(Arc::new(part.state()));
        let mut overview = Overview {
            cluster: cluster.clone(),
            every: request.every,
            watcher: Watcher::of_all(cluster, watch),
            flows: Flows::default(),
            letters: Letters::default(),
            histories: Histories::default(),
            handlers: Handlers::new(request.handlers),
            parts: Parts {
                parts: Mutex::new(part),
                states,
            },
        };
        overview.look().await?;
        Ok(overview)
    }

    /// The latest state, and those that come.
    pub fn states(&self) -> watch::Receiver<Arc<State>> {
        self.parts.states.subscribe()
    }

    async fn look(&mut self) -> Result<()> {
        looked(
            &mut self.watcher,
            &mut self.flows,
            &mut self.letters,
            &mut self.histories,
            &self.parts,
        )
        .await
    }

    /// Looks every interval until it is stopped, through outages.
    ///
    /// # Errors
    /// When what the command line says is found to be wrong after all.
    pub async fn run(mut self, stop: &Stop) -> Result<()> {
        let every = self.every;
        let Overview {
            cluster,
            watcher,
            flows,
            letters,
            histories,
            handlers,
            parts,
            ..
        } = &mut self;
        let parts = &*parts;
        let looking = async {
            let mut ticks = ticks(every);
            // The first look was that at the beginning.
            ticks.tick().await;
            loop {
                ticks.tick().await;
                if let Err(error) = looked(watcher, flows, letters, histories, parts).await {
                    return error;
                }
            }
        };
        let configurations = async {
            let mut ticks = ticks(CONFIGURATIONS);
            loop {
                ticks.tick().await;
                let topics = Arc::clone(&parts.lock().topics);
                let (configured, unlearnt) = dlq::configured_topics(cluster, &topics).await;
                parts.update(|part| {
                    part.configured = Arc::new(configured);
                    part.unlearnt = unlearnt;
                });
            }
        };
        let handlers = async {
            let mut ticks = ticks(every);
            while !handlers.is_empty() {
                ticks.tick().await;
                let seen = Arc::new(handlers.look(every).await);
                let said = Arc::new(handlers.said());
                parts.update(|part| {
                    part.handlers = seen;
                    part.said = said;
                });
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            _ = stop.wait() => Ok(()),
            error = looking => Err(error),
            () = configurations => Ok(()),
            () = handlers => Ok(()),
        }
    }
}

fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// One look at groups and topics.
async fn looked(
    watcher: &mut Watcher,
    flows: &mut Flows,
    letters: &mut Letters,
    histories: &mut Histories,
    parts: &Parts,
) -> Result<()> {
    let sample: Sample = watcher.look().await?.clone();
    let Some(around) = watcher.surroundings() else {
        flows.gap();
        histories.gap();
        parts.update(|part| part.seen = Arc::new(part.seen.during(sample.error)));
        return Ok(());
    };
    let configured = Arc::clone(&parts.lock().configured);
    let topics = flows.see(&around);
    let letters = letters.see(&around, &sample.rows, &configured);
    let groups = histories.see(sample.groups, &around.groups);
    parts.update(|part| {
        part.seen = Arc::new(Seen {
            at: sample.time,
            error: None,
            groups: Arc::new(groups),
            rows: Arc::new(sample.rows),
            topics: Arc::new(topics),
            letters: Arc::new(letters),
            failures: sample.failures,
            ..Seen::clone(&part.seen)
        });
        part.topics = Arc::new(around.topics);
    });
    Ok(())
}

impl Parts {
    fn lock(&self) -> MutexGuard<'_, Part> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut Part)) {
        let mut part = self.lock();
        change(&mut part);
        self.states.send_replace(Arc::new(part.state()));
    }
}

impl Part {
    fn state(&self) -> State {
        State::new(
            Timestamp::now(),
            &self.seen,
            &self.handlers,
            &self.said,
            &self.unlearnt,
        )
    }
}
