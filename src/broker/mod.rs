//! The broker in the box: one node that speaks Kafka's protocol, for development, tests and demos. It keeps everything
//! in memory and replicates nothing.
//!
//! - [`listener`]: connections, as many as [`open_files`] allows; [`frame`]: what goes over them; [`guard`] and [`shapes`]: the checks that make decoding
//!   what strangers send safe.
//! - [`api`]: one table of requests, versions and handlers; one file a group of requests.
//! - [`topics`], [`partition`], [`config`]: what there is; [`log`]: the records.
//! - [`group`]: consumer groups; [`transaction`]: idempotent and transactional producers;
//!   [`security`]: who is let in.
//! - [`faults`]: trouble on demand.
//!
//! The log keeps the batches as the bytes that came; producing and fetching decode no records.

mod api;
mod config;
pub mod faults;
mod frame;
mod group;
mod guard;
mod listener;
mod log;
mod open_files;
mod partition;
mod security;
mod shapes;
mod stream;
mod sync;
#[cfg(test)]
mod tests;
mod topics;
mod transaction;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::error::{Error, Result};

pub use faults::{Faults, Request};
pub use security::Password;
pub use security::tls::TlsFiles;

/// The id of the only node.
const NODE_ID: i32 = 1;

/// How a broker is to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Bytes of records kept at most. Beyond them, and when retention lets nothing go, Produce is answered with
    /// KAFKA_STORAGE_ERROR.
    pub memory_limit: u64,
    /// Partitions of a topic made without a number (`num.partitions`).
    pub default_partitions: i32,
    /// How long the first member of an empty group waits for others (`group.initial.rebalance.delay.ms`).
    pub initial_rebalance_delay: Duration,
    /// `group.min.session.timeout.ms`; tests want it shorter than Kafka's.
    pub min_session_timeout: Duration,
    /// `group.max.session.timeout.ms`.
    pub max_session_timeout: Duration,
    /// Bytes of the largest request taken (`socket.request.max.bytes`); a larger one closes its connection unread.
    pub request_max_bytes: usize,
    /// How often retention is applied (`log.retention.check.interval.ms`).
    pub retention_check_interval: Duration,
    /// What is there from the start.
    pub topics: Vec<StartTopic>,
    /// Names and passwords of those who are let in, by SASL; none: everybody is.
    pub users: Vec<(String, Password)>,
    /// None: everything goes over the wire in the clear.
    pub tls: Option<TlsFiles>,
}

/// A topic that is there when the first client comes.
#[derive(Clone, Debug)]
pub struct StartTopic {
    /// Its name, as Kafka's rules allow it.
    pub name: String,
    /// None: [`Options::default_partitions`].
    pub partitions: Option<i32>,
    /// Topic configurations, by name.
    pub configs: BTreeMap<String, String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9092)),
            memory_limit: 512 * 1024 * 1024,
            default_partitions: 3,
            initial_rebalance_delay: Duration::ZERO,
            min_session_timeout: Duration::from_secs(6),
            max_session_timeout: Duration::from_secs(1800),
            request_max_bytes: 100 * 1024 * 1024,
            retention_check_interval: Duration::from_secs(1),
            topics: Vec::new(),
            users: Vec::new(),
            tls: None,
        }
    }
}

/// What every connection shares.
#[derive(Debug)]
struct State {
    options: Options,
    /// Where it listens.
    address: SocketAddr,
    cluster_id: String,
    topics: topics::Topics,
    groups: group::Coordinator,
    transactions: transaction::coordinator::Transactions,
    users: security::Users,
    tls: Option<security::tls::Tls>,
    faults: Faults,
    /// Kibibytes of large requests that may be in memory at a time.
    large_frames: Semaphore,
}

impl State {
    fn new(mut options: Options, address: SocketAddr) -> Result<State> {
        let users = security::Users::new(&std::mem::take(&mut options.users))?;
        let tls = options
            .tls
            .as_ref()
            .map(security::tls::Tls::new)
            .transpose()?;
        let memory = Arc::new(log::Memory::new(options.memory_limit));
        Ok(State {
            address,
            users,
            tls,
            cluster_id: cluster_id(),
            topics: topics::Topics::new(memory),
            groups: group::Coordinator::new(group::Limits {
                initial_delay: options.initial_rebalance_delay,
                min_session: options.min_session_timeout,
                max_session: options.max_session_timeout,
            }),
            transactions: transaction::coordinator::Transactions::default(),
            faults: Faults::new(),
            large_frames: Semaphore::new(options.request_max_bytes.div_ceil(1024) * 2),
            options,
        })
    }

    /// Makes the topics that are to be there from the start. Fails with the name of one that cannot be made.
    fn create_start_topics(&self) -> Result<()> {
        for topic in &self.options.topics {
            let partitions = topic.partitions.unwrap_or(self.options.default_partitions);
            let config = config::TopicConfig::new(topic.configs.clone());
            let made = config.and_then(|config| {
                let made = self.topics.create(&topic.name, partitions, config, false);
                made.map_err(|(_, reason)| reason)
            });
            made.map_err(|reason| {
                Error::usage(format!("topic `{}` cannot be made: {reason}", topic.name))
            })?;
        }
        Ok(())
    }

    /// Where transactions leave their traces.
    fn places(&self) -> transaction::coordinator::Places<'_> {
        transaction::coordinator::Places {
            topics: &self.topics,
            groups: &self.groups,
        }
    }
}

/// 16 random bytes in the 22 characters Kafka writes such ids in (URL-safe base 64).
fn cluster_id() -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits = sync::random_uuid().as_u128();
    (0..22)
        .map(|index| char::from(ALPHABET[(bits >> (122 - index * 6).max(0)) as usize & 63]))
        .collect()
}

/// A running broker; dropping it ends it.
#[derive(Debug)]
pub struct Broker {
    state: Arc<State>,
    tasks: Vec<JoinHandle<()>>,
}

impl Broker {
    /// Binds and starts serving. Fails when the address cannot be listened on, or a topic that is to be there from the
    /// start cannot be made.
    pub async fn start(options: Options) -> Result<Broker> {
        open_files::raise_limit();
        let listening = TcpListener::bind(options.listen).await;
        let bound =
            listening.and_then(|listener| listener.local_addr().map(|address| (listener, address)));
        let (listener, address) = bound.map_err(|error| {
            Error::failed(format!("cannot listen on `{}`", options.listen))
                .caused_by(error)
                .hint("is another broker running? `--listen 127.0.0.1:0` picks a free port")
        })?;
        let state = Arc::new(State::new(options, address)?);
        state.create_start_topics()?;
        let tasks = vec![
            tokio::spawn(listener::accept(listener, state.clone())),
            tokio::spawn(watch_groups(state.clone())),
            tokio::spawn(keep_house(state.clone())),
        ];
        tracing::info!(%address, "the broker listens: in memory, one node, for development");
        Ok(Broker { state, tasks })
    }

    /// The address it listens on, with the port that was picked.
    pub fn address(&self) -> SocketAddr {
        self.state.address
    }

    /// Ends all tasks and closes all connections; records and groups are gone.
    pub async fn stop(mut self) {
        for task in std::mem::take(&mut self.tasks) {
            task.abort();
            // The only error is that it was aborted.
            let _ = task.await;
        }
    }

    /// Trouble on demand.
    pub fn faults(&self) -> &Faults {
        &self.state.faults
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn watch_groups(state: Arc<State>) {
    state.groups.watch_limits().await;
}

/// Retention, ending what is open for too long, and forgetting what has expired.
async fn keep_house(state: Arc<State>) {
    loop {
        tokio::time::sleep(state.options.retention_check_interval).await;
        let now = sync::now_milliseconds();
        // Transactions first: what they hold open is stable then.
        state.transactions.expire(state.places(), now);
        state.topics.retain(now);
        state.groups.expire(Instant::now());
    }
}
