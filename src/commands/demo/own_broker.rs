//! The embedded broker of a run, which chaos kills and starts again.

use crate::broker::{Broker, Options};
use crate::commands::context::Context;
use crate::demo::{RestartBroker, start_again, start_on_a_port, temporary_folder};
use crate::error::Result;
use crate::kafka::{Cluster, Connection};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::Mutex;

/// Shorter than Kafka's least, so that a group soon notices that an instance is gone.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(3);

pub struct OwnBroker {
    options: Options,
    address: SocketAddr,
    running: Arc<Mutex<Option<Broker>>>,
    /// What it keeps, until the run is over.
    _data: Option<TempDir>,
}

impl OwnBroker {
    /// In memory, and gone when it ends.
    pub async fn fleeting() -> Result<Self> {
        let options = Options {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            ..Options::default()
        };
        let broker = Broker::start(options.clone()).await?;
        Ok(OwnBroker::new(broker, options, None))
    }

    /// One that can be restarted: what it acknowledged is in a folder of its own until the run is over.
    pub async fn durable() -> Result<Self> {
        let data = temporary_folder("eda-demo-broker-")?;
        let options = Options {
            data: Some(data.path().to_owned()),
            min_session_timeout: SESSION_TIMEOUT,
            ..Options::default()
        };
        let start = |port| {
            Broker::start(Options {
                listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
                ..options.clone()
            })
        };
        let broker = start_on_a_port(start).await?;
        Ok(OwnBroker::new(broker, options, Some(data)))
    }

    fn new(broker: Broker, mut options: Options, data: Option<TempDir>) -> Self {
        let address = broker.address();
        options.listen = address;
        OwnBroker {
            options,
            address,
            running: Arc::new(Mutex::new(Some(broker))),
            _data: data,
        }
    }

    /// How to talk to it.
    pub fn cluster(&self, context: &Context) -> Result<Cluster> {
        // The user's properties are for the user's cluster: this one knows no TLS, for example.
        Cluster::new(Connection {
            brokers: self.address.to_string(),
            properties: Vec::new(),
            ..context.connection()
        })
    }

    /// For chaos. Killed means that its tasks end at the next wait, whatever they are at, and connections are closed
    /// without an answer; nothing is written any more that was not.
    pub fn restarter(&self) -> RestartBroker {
        let (running, options) = (Arc::clone(&self.running), self.options.clone());
        Arc::new(move |away| {
            let (running, options) = (Arc::clone(&running), options.clone());
            Box::pin(async move {
                let mut running = running.lock().await;
                if let Some(broker) = running.take() {
                    broker.stop().await;
                }
                tokio::time::sleep(away).await;
                let start = || Broker::start(options.clone());
                *running = Some(start_again("the broker", start).await?);
                Ok(())
            })
        })
    }

    /// Ends it for good.
    pub async fn stop(self) {
        if let Some(broker) = self.running.lock().await.take() {
            broker.stop().await;
        }
    }
}
