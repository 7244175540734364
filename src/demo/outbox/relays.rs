//! The relays beside the order service, of which one may be killed.

use super::{OrderStore, opened};
use crate::demo::absent::Absent;
use crate::demo::chaos::What;
use crate::demo::topology::Names;
use crate::error::{Error, Kind, Result, Status};
use crate::kafka::Cluster;
use crate::ops::outbox::relay::{RelayOutcome, RelayRequest, relay};
use crate::ops::stop::Stop;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How many there are.
const RELAYS: u32 = 2;

/// How long the events of a relay that was killed are nobody else's.
const LEASE: Duration = Duration::from_secs(3);

/// No relay has more in hand: so both have something to do, and one that is killed takes something with it.
const BATCH: usize = 50;

/// How long a relay may take to finish what it has in hand.
const GRACE: Duration = Duration::from_secs(5);

struct Running {
    name: Name,
    stop: Stop,
    task: JoinHandle<RelayOutcome>,
}

pub(in crate::demo) struct Relays {
    cluster: Cluster,
    path: PathBuf,
    request: RelayRequest,
    running: Vec<Running>,
    started: u32,
    chaos: bool,
    /// Those that reached nobody.
    absent: Absent<Name>,
}

/// `relay-2`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Name(u32);

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "relay-{}", self.0)
    }
}

impl Relays {
    /// Starts them. With `chaos` one that reaches nobody at its start is started again.
    ///
    /// # Errors
    /// A database that cannot be opened.
    pub(in crate::demo) async fn start(
        cluster: &Cluster,
        store: &OrderStore,
        names: &Names,
        chaos: bool,
    ) -> Result<Self> {
        let topic = names.topic("order-created").parse();
        let mut relays = Relays {
            cluster: cluster.clone(),
            path: store.path().to_owned(),
            request: RelayRequest {
                topic: topic.map_err(|error| Error::failed("no topic").caused_by(error))?,
                batch: BATCH,
                lease: LEASE,
                grace: GRACE,
                ..RelayRequest::default()
            },
            running: Vec::new(),
            started: 0,
            chaos,
            absent: Absent::new(),
        };
        for _ in 0..RELAYS {
            relays.start_another().await?;
        }
        Ok(relays)
    }

    /// Starts one more; answers its name.
    pub(in crate::demo) async fn start_another(&mut self) -> Result<String> {
        self.started += 1;
        let name = Name(self.started);
        self.begin(name).await?;
        Ok(name.to_string())
    }

    async fn begin(&mut self, name: Name) -> Result<()> {
        // A connection of its own, as a process has.
        let outbox = opened(&self.path, self.cluster.connection().timeout).await?;
        let (cluster, request, stop) = (self.cluster.clone(), self.request.clone(), Stop::new());
        let stopping = stop.clone();
        let task =
            tokio::spawn(async move { relay(&cluster, outbox, request, &stopping, &|_| {}).await });
        self.running.push(Running { name, stop, task });
        Ok(())
    }

    /// Ends one where it stands; answers its name. `nth` is counted round.
    pub(in crate::demo) fn kill(&mut self, nth: u32) -> Option<String> {
        let at_work = self.running.iter().map(|relay| relay.name);
        let victim = self.absent.victim(at_work, |_| true, nth)?;
        for relay in self.running.extract_if(.., |relay| relay.name == victim) {
            relay.task.abort();
        }
        Some(victim.to_string())
    }

    /// What was not told yet.
    pub(in crate::demo) fn news(&mut self) -> Vec<(What, String)> {
        self.absent.news()
    }

    /// Fails when a relay ended by itself. Amid chaos one that was started while nobody could be reached is started again,
    /// as instances of the services are.
    pub(in crate::demo) async fn check(&mut self) -> Result<()> {
        let has_ended = |relay: &mut Running| relay.task.is_finished();
        let ended: Vec<Running> = self.running.extract_if(.., has_ended).collect();
        for relay in ended {
            let stopped = || format!("{} stopped", relay.name);
            let error = match relay.task.await {
                Ok(outcome) => outcome.error.unwrap_or_else(|| Error::failed(stopped())),
                Err(error) => return Err(Error::failed(stopped()).caused_by(error)),
            };
            if !self.chaos || error.kind() != Kind::Unreachable {
                return Err(error.context(stopped()));
            }
            tracing::info!("{}: {}", stopped(), error.one_line());
            self.absent.gave_up(relay.name);
        }
        for name in self.absent.due() {
            self.begin(name).await?;
            self.absent.started_again(name);
        }
        Ok(())
    }

    /// Ends them in order.
    pub(in crate::demo) async fn stop(self) {
        for relay in &self.running {
            relay.stop.request(Status::Interrupted);
        }
        for relay in self.running {
            // What it could not finish is pending, and reported as such.
            if let Err(error) = relay.task.await {
                tracing::warn!("{} did not stop in order: {error}", relay.name);
            }
        }
    }
}
