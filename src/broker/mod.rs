//! The broker in the box: one node that speaks Kafka's protocol, for development, tests and demos. It keeps everything
//! in memory, or in a data directory, and replicates nothing.
//!
//! - [`listener`]: connections, as many as [`open_files`] allows; [`frame`]: what goes over them; [`guard`] and
//!   [`shapes`]: the checks that make decoding what strangers send safe.
//! - [`api`]: one table of requests, versions and handlers; one file a group of requests.
//! - [`topics`], [`partition`], [`config`]: what there is; [`log`]: the records; [`storage`]: a data directory.
//! - [`group`]: consumer groups, classic and of KIP-848; [`transaction`]: idempotent and transactional producers;
//!   [`security`]: who is let in.
//! - [`faults`]: trouble on demand.
//!
//! The log keeps the batches as the bytes that came; fetching decodes no records, and producing those of compacted topics
//! alone.

mod api;
mod config;
pub mod faults;
mod frame;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod group;
mod guard;
mod listener;
mod log;
mod open_files;
mod partition;
mod security;
mod shapes;
mod storage;
mod stream;
mod sync;
#[cfg(test)]
mod tests;
mod topics;
mod transaction;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
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
    /// `group.consumer.session.timeout.ms`: of members of KIP-848's groups.
    pub consumer_session_timeout: Duration,
    /// `group.consumer.heartbeat.interval.ms`: what those members are asked for.
    pub consumer_heartbeat_interval: Duration,
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
    /// Where everything is kept; none: in memory.
    pub data: Option<PathBuf>,
    /// Nothing is acknowledged before the disk has it: what was acknowledged outlives a power cut, too.
    pub fsync: bool,
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
            consumer_session_timeout: Duration::from_secs(45),
            consumer_heartbeat_interval: Duration::from_secs(5),
            request_max_bytes: 100 * 1024 * 1024,
            retention_check_interval: Duration::from_secs(1),
            topics: Vec::new(),
            users: Vec::new(),
            tls: None,
            data: None,
            fsync: false,
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
    storage: Option<Arc<storage::Storage>>,
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
        let opened = options
            .data
            .as_deref()
            .map(|data| storage::Storage::open(data, options.fsync));
        let storage = opened.transpose()?.map(Arc::new);
        let journal = storage
            .as_ref()
            .map(|storage| storage.journal.clone())
            .unwrap_or_default();
        let cluster_id = match &storage {
            Some(storage) => storage.cluster_id.clone(),
            None => sync::random_cluster_id(),
        };
        Ok(State {
            address,
            users,
            tls,
            cluster_id,
            topics: topics::Topics::new(memory, storage.clone()),
            groups: group::Coordinator::new(
                group::Limits {
                    initial_delay: options.initial_rebalance_delay,
                    min_session: options.min_session_timeout,
                    max_session: options.max_session_timeout,
                    consumer: group::consumer::Settings {
                        session: options.consumer_session_timeout,
                    },
                },
                journal.clone(),
            ),
            transactions: transaction::coordinator::Transactions::new(journal),
            faults: Faults::new(),
            storage,
            large_frames: Semaphore::new(options.request_max_bytes.div_ceil(1024) * 2),
            options,
        })
    }

    /// Opens what the data directory holds, and ends the transactions that a killed broker was about to end.
    fn recover(&self) -> Result<Vec<Finding>> {
        let now = sync::now_milliseconds();
        let mut findings = self.topics.recover(now)?;
        let bytes = self.storage.as_ref().map_or(0, |storage| storage.cut);
        if bytes > 0 {
            let place = "the journal".to_owned();
            findings.push(Finding::Torn { place, bytes });
        }
        self.transactions.expire(self.places(), now);
        Ok(findings)
    }

    /// Makes the topics that are to be there from the start and are not. Fails with the name of one that cannot be made.
    fn create_start_topics(&self) -> Result<Vec<Finding>> {
        let kept = self.topics.all();
        let mut findings = Vec::new();
        for topic in &self.options.topics {
            let partitions = topic.partitions.unwrap_or(self.options.default_partitions);
            if let Some(kept) = kept.iter().find(|kept| kept.name == topic.name) {
                if topic.partitions.is_some() && kept.partition_count() != partitions {
                    findings.push(Finding::Differs {
                        topic: topic.name.clone(),
                        partitions: kept.partition_count(),
                    });
                }
                continue;
            }
            let config = config::TopicConfig::new(topic.configs.clone());
            let made = config.and_then(|config| {
                let made = self.topics.create(&topic.name, partitions, config, false);
                made.map_err(|(_, reason)| reason)
            });
            made.map_err(|reason| {
                Error::usage(format!("topic `{}` cannot be made: {reason}", topic.name))
            })?;
        }
        Ok(findings)
    }

    /// Where transactions leave their traces.
    fn places(&self) -> transaction::coordinator::Places<'_> {
        transaction::coordinator::Places {
            topics: &self.topics,
            groups: &self.groups,
        }
    }
}

/// What a broker left in the data directory that did not end in peace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A write was not finished; what there was of it is cut off. With a killed process, nobody was told that it had
    /// happened.
    Torn {
        /// `TOPIC/PARTITION`, or `the journal`.
        place: String,
        /// How much of it there was.
        bytes: u64,
    },
    /// Records of a topic that the journal does not know; they are in this folder now.
    Orphaned(PathBuf),
    /// The folder of a topic is gone, and with it its records.
    Missing(String),
    /// A topic that was to be there from the start is, but not as it was to be.
    Differs {
        /// Its name.
        topic: String,
        /// How many partitions it has.
        partitions: i32,
    },
}

/// A running broker; dropping it ends it.
#[derive(Debug)]
pub struct Broker {
    findings: Vec<Finding>,
    trouble: Option<watch::Receiver<Option<String>>>,
    state: Arc<State>,
    tasks: Vec<JoinHandle<()>>,
}

impl Broker {
    /// Binds and starts serving. Fails when the address cannot be listened on, the data directory cannot be used, or a
    /// topic that is to be there from the start cannot be made.
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
        let mut findings = state.recover()?;
        findings.extend(state.create_start_topics()?);
        let tasks = vec![
            tokio::spawn(listener::accept(listener, state.clone())),
            tokio::spawn(watch_groups(state.clone())),
            tokio::spawn(keep_house(state.clone())),
            tokio::spawn(compact(state.clone())),
        ];
        tracing::info!(%address, "the broker listens: one node, for development");
        let storage = state.storage.as_ref();
        Ok(Broker {
            findings,
            trouble: storage.map(|storage| storage.files.trouble()),
            state,
            tasks,
        })
    }

    /// The address it listens on, with the port that was picked.
    pub fn address(&self) -> SocketAddr {
        self.state.address
    }

    /// What the broker before left in the data directory.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Waits for the next trouble with the data directory, and says what it is. Not heard of by clients: they get errors.
    pub async fn trouble(&mut self) -> String {
        loop {
            let Some(trouble) = &mut self.trouble else {
                return std::future::pending().await;
            };
            if trouble.changed().await.is_err() {
                return std::future::pending().await;
            }
            let said = trouble.borrow_and_update().clone();
            if let Some(said) = said {
                return said;
            }
        }
    }

    /// Ends all tasks and closes all connections; what was in memory is gone.
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

/// Compaction, beside everything else: it takes its time.
async fn compact(state: Arc<State>) {
    loop {
        tokio::time::sleep(state.options.retention_check_interval).await;
        let state = state.clone();
        let clean = move || state.topics.clean(sync::now_milliseconds());
        if let Err(error) = tokio::task::spawn_blocking(clean).await {
            tracing::error!(%error, "compaction failed");
        }
    }
}

/// Retention, ending what is open for too long, and forgetting what has expired.
async fn keep_house(state: Arc<State>) {
    loop {
        tokio::time::sleep(state.options.retention_check_interval).await;
        let house = state.clone();
        // Files are deleted and lines are written: not where answers wait.
        let kept = tokio::task::spawn_blocking(move || {
            if let Some(storage) = &house.storage {
                storage.check_place();
            }
            let now = sync::now_milliseconds();
            // Transactions first: what they hold open is stable then.
            house.transactions.expire(house.places(), now);
            house.topics.retain(now);
            house.groups.expire(Instant::now());
        });
        if let Err(error) = kept.await {
            tracing::error!(%error, "keeping house failed");
        }
        if let Some(storage) = &state.storage {
            // What fails is remembered, and said to the next who wants something acknowledged.
            let _ = storage.files.flush().await;
        }
    }
}
