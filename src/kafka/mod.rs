//! Who we talk to: the only folder that knows rdkafka. Types of `model` in and out.
//!
//! [`Cluster`] asks questions and changes things, [`Producer`] writes records, [`Consumer`] reads them. All three are
//! bounded by [`Connection::timeout`], and all three say within a second that a port is closed.

mod authorization;
mod by_name;
mod configs;
mod consumer;
mod context;
mod delivery;
mod error;
mod ffi;
mod groups;
mod known_topics;
mod membership;
mod offsets;
mod outcomes;
mod producer;
mod properties;
mod sending;
mod topics;
mod transaction;
#[cfg(test)]
mod vanished;
mod verdict;
mod wake;

pub use consumer::{BatchReader, Consumer, ConsumerOptions, PendingCommit, Polled, Seen};
pub use membership::{GroupMetadata, NextOffset, Rebalance, Standing};
pub use offsets::{Committed, Isolation, ListedOffset, OffsetQuery};
pub use producer::{Delivered, Delivery, Outlet, Producer, ProducerOptions, Tally};
pub use transaction::{OwnId, Transaction, TransactionalProducer, Uncommitted};
pub use wake::Wake;

use crate::error::Result;
use crate::model::cluster::ClusterDescription;
use authorization::Asked;
use context::ClientContext;
use error::{Fault, Place, Subject};
use ffi::admin::{Admin, Pending};
use ffi::partitions::Read;
use known_topics::KnownTopics;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Where the cluster is and how to speak with it.
#[derive(Clone)]
pub struct Connection {
    /// `HOST:PORT,…`, the brokers to ask first.
    pub brokers: String,
    /// How long a request may take altogether.
    pub timeout: Duration,
    /// The user's own client properties (`-X name=value`), applied last. They may hold secrets: their values are
    /// never shown, not even by `Debug`.
    pub properties: Vec<(String, String)>,
    /// Whether librdkafka's debug log goes to `tracing`.
    pub verbose_client_logs: bool,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.properties.iter().map(|(name, _)| &**name).collect();
        formatter
            .debug_struct("Connection")
            .field("brokers", &self.brokers)
            .field("timeout", &self.timeout)
            .field("properties", &names)
            .field("verbose_client_logs", &self.verbose_client_logs)
            .finish()
    }
}

/// A cluster to ask and to change. Cheap to clone: all clones share their clients, made at the first request.
///
/// Every call is bounded by [`Connection::timeout`]. When no broker can be reached the error is of
/// [`Kind::Unreachable`](crate::error::Kind::Unreachable) and carries the last reason; when every address refuses, it
/// comes at once.
#[derive(Clone)]
pub struct Cluster {
    shared: Arc<Shared>,
}

struct Shared {
    connection: Connection,
    clients: Mutex<Clients>,
}

/// Opened at the first request that needs them.
#[derive(Default)]
struct Clients {
    plain: Option<Arc<Client>>,
    of_groups: Option<Arc<Client>>,
}

/// Nobody is ever in it. librdkafka looks for its coordinator all the same (FindCoordinator, at which a new cluster
/// creates its offsets topic, as it would for the group that is asked about).
const ADMIN_GROUP: &str = "eda-admin";

/// The client behind a cluster, with what it knows of its connection.
struct Client {
    admin: Admin,
    context: Arc<ClientContext>,
    brokers: String,
    timeout: Duration,
    known_topics: KnownTopics,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Cluster")
            .field(&self.shared.connection)
            .finish()
    }
}

impl Cluster {
    /// Checks the properties; connects to nothing.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) for a property that does not exist or cannot have its value.
    pub fn new(connection: Connection) -> Result<Cluster> {
        properties::native(&properties::merged(&connection, &[]))?;
        Ok(Cluster {
            shared: Arc::new(Shared {
                connection,
                clients: Mutex::default(),
            }),
        })
    }

    /// How this cluster is reached.
    pub fn connection(&self) -> &Connection {
        &self.shared.connection
    }

    /// Whether anybody is there: the cheapest request that needs an answer.
    pub async fn ping(&self) -> Result<()> {
        let client = self.client()?;
        let answer = client.admin.ping().await;
        answer.map_err(|fault| client.error("ask for the cluster", Subject::Cluster, fault))
    }

    /// The cluster's id, its brokers and all its topics.
    pub async fn describe(&self) -> Result<ClusterDescription> {
        let client = self.client()?;
        let described = client.describe_cluster().await;
        described.map_err(|fault| client.error("ask for the cluster", Subject::Cluster, fault))
    }

    /// For what is not about groups. The clients share nothing, so one that is open already is best.
    fn client(&self) -> Result<Arc<Client>> {
        let mut clients = self.shared.clients();
        match &clients.of_groups {
            Some(client) if !client.admin.has_given_up() => Ok(Arc::clone(client)),
            _ => self.shared.opened(&mut clients.plain, &[]),
        }
    }

    /// For what is about groups. It has a `group.id`, for librdkafka 2.12.1 dereferences a null pointer when a client
    /// without one is answered OffsetFetch by a broker that does not coordinate the group (any more). It joins nothing;
    /// to find that group's coordinator is all it does.
    fn group_client(&self) -> Result<Arc<Client>> {
        let own = [("group.id", ADMIN_GROUP.to_owned())];
        let mut clients = self.shared.clients();
        self.shared.opened(&mut clients.of_groups, &own)
    }
}

impl Shared {
    fn clients(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened(
        &self,
        slot: &mut Option<Arc<Client>>,
        own: &[(&str, String)],
    ) -> Result<Arc<Client>> {
        if let Some(client) = slot
            && !client.admin.has_given_up()
        {
            return Ok(Arc::clone(client));
        }
        let connection = &self.connection;
        let context = Arc::new(ClientContext::new(&connection.brokers));
        let properties = properties::native(&properties::merged(connection, own))?;
        let admin = Admin::open(properties, Arc::clone(&context), connection.timeout)
            .map_err(properties::refused)?;
        let opened = Arc::new(Client {
            admin,
            context,
            brokers: connection.brokers.clone(),
            timeout: connection.timeout,
            known_topics: KnownTopics::new(&connection.properties),
        });
        *slot = Some(Arc::clone(&opened));
        Ok(opened)
    }
}

/// An item that was asked about and is missing in the answer.
fn lost() -> Fault {
    Fault::new(error::code::INVALID_ARG, "the answer leaves it out")
}

/// How long to wait before a request is repeated that met an election or a coordinator that loads.
const BEFORE_ANOTHER_TRY: Duration = Duration::from_millis(50);

impl Client {
    /// Asks until the answer is one that stays, for as long as one request may take: the first group of a new cluster
    /// has no coordinator until its offsets topic is made, and a coordinator that moved is to be found anew. It may say so
    /// of each partition, too; those that were done are then done once more, which changes nothing.
    async fn settled(&self, ask: impl FnMut() -> Pending<Vec<Read>>) -> Result<Vec<Read>, Fault> {
        self.settled_until(Instant::now() + self.timeout, ask).await
    }

    /// The last attempt begins before the deadline, and may take as long as one request.
    async fn settled_until(
        &self,
        deadline: Instant,
        mut ask: impl FnMut() -> Pending<Vec<Read>>,
    ) -> Result<Vec<Read>, Fault> {
        loop {
            let answer = ask().answer().await;
            let waits = match &answer {
                Ok(reads) => reads
                    .iter()
                    .any(|read| read.fault.as_ref().is_some_and(Fault::is_passing)),
                Err(fault) => fault.is_passing(),
            };
            if !waits || Instant::now() >= deadline {
                return answer;
            }
            tokio::time::sleep(BEFORE_ANOTHER_TRY).await;
        }
    }

    fn error<'a>(
        &self,
        doing: &str,
        asked: impl Into<Asked<'a>>,
        fault: Fault,
    ) -> crate::error::Error {
        let place = Place {
            brokers: &self.brokers,
            context: &self.context,
        };
        place.error(doing, asked, fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Kind};
    use std::net::TcpListener;

    pub(super) fn connection(brokers: &str) -> Connection {
        Connection {
            brokers: brokers.to_owned(),
            timeout: Duration::from_secs(5),
            properties: Vec::new(),
            verbose_client_logs: false,
        }
    }

    /// A loopback port that nobody listens on.
    pub(super) fn closed_port() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("its address").port()
    }

    fn ping(connection: Connection) -> (Error, Duration) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let cluster = Cluster::new(connection).expect("properties are fine");
        let start = Instant::now();
        let error = runtime.block_on(cluster.ping()).expect_err("nobody there");
        (error, start.elapsed())
    }

    #[test]
    fn a_closed_port_is_reported_within_a_second() {
        for host in ["127.0.0.1", "localhost"] {
            let brokers = format!("{host}:{}", closed_port());
            let (error, elapsed) = ping(connection(&brokers));
            assert_eq!(error.kind(), Kind::Unreachable);
            assert_eq!(
                error.message(),
                format!("cannot reach Kafka at `{brokers}`")
            );
            assert!(error.one_line().contains("Connection refused"), "{error:?}");
            assert!(
                error
                    .hint_text()
                    .is_some_and(|hint| hint.contains("eda broker"))
            );
            assert!(elapsed < Duration::from_secs(1), "{elapsed:?}");
        }
    }

    #[test]
    fn every_call_gets_its_own_attempts() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let brokers = format!("127.0.0.1:{}", closed_port());
        let cluster = Cluster::new(connection(&brokers)).expect("properties are fine");
        for _ in 0..3 {
            let error = runtime
                .block_on(cluster.topics())
                .expect_err("nobody there");
            assert_eq!(error.kind(), Kind::Unreachable);
        }
    }

    #[test]
    fn a_silent_address_is_reported_when_the_time_is_over() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let brokers = listener.local_addr().expect("its address").to_string();
        let mut connection = connection(&brokers);
        connection.timeout = Duration::from_secs(1);
        let (error, elapsed) = ping(connection);
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(!error.causes().is_empty(), "{error:?}");
        // Twice the time-out and more: the machine may be busy, and what is tested is that it ends.
        assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
    }

    #[test]
    fn a_name_that_does_not_resolve_is_reported() {
        let (error, _) = ping(connection("no-such-host.invalid:9092"));
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(error.one_line().contains("resolve"), "{error:?}");
    }
}
