//! The relays beside the order service, of which one may be killed.

use super::{OrderStore, opened};
use crate::demo::topology::Names;
use crate::error::{Error, Result, Status};
use crate::kafka::Cluster;
use crate::ops::outbox::relay::{RelayOutcome, RelayRequest, relay};
use crate::ops::stop::Stop;
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
    name: String,
    stop: Stop,
    task: JoinHandle<RelayOutcome>,
}

pub(in crate::demo) struct Relays {
    cluster: Cluster,
    path: PathBuf,
    request: RelayRequest,
    running: Vec<Running>,
    started: u32,
}

impl Relays {
    /// Starts them.
    ///
    /// # Errors
    /// A database that cannot be opened.
    pub(in crate::demo) async fn start(
        cluster: &Cluster,
        store: &OrderStore,
        names: &Names,
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
        };
        for _ in 0..RELAYS {
            relays.start_another().await?;
        }
        Ok(relays)
    }

    /// Starts one more; answers its name.
    pub(in crate::demo) async fn start_another(&mut self) -> Result<String> {
        self.started += 1;
        let name = format!("relay-{}", self.started);
        // A connection of its own, as a process has.
        let outbox = opened(&self.path, self.cluster.connection().timeout).await?;
        let (cluster, request, stop) = (self.cluster.clone(), self.request.clone(), Stop::new());
        let stopping = stop.clone();
        let task =
            tokio::spawn(async move { relay(&cluster, outbox, request, &stopping, &|_| {}).await });
        self.running.push(Running {
            name: name.clone(),
            stop,
            task,
        });
        Ok(name)
    }

    /// Ends one where it stands; answers its name. `nth` is counted round.
    pub(in crate::demo) fn kill(&mut self, nth: u32) -> Option<String> {
        let at = (nth as usize).checked_rem(self.running.len())?;
        let relay = self.running.remove(at);
        relay.task.abort();
        Some(relay.name)
    }

    /// Fails when a relay ended by itself.
    pub(in crate::demo) async fn check(&mut self) -> Result<()> {
        let Some(at) = self
            .running
            .iter()
            .position(|relay| relay.task.is_finished())
        else {
            return Ok(());
        };
        let relay = self.running.remove(at);
        let stopped = || Error::failed(format!("{} stopped", relay.name));
        match relay.task.await {
            Ok(outcome) => Err(outcome
                .error
                .unwrap_or_else(stopped)
                .context(format!("{} stopped", relay.name))),
            Err(error) => Err(stopped().caused_by(error)),
        }
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
