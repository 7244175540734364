//! The embedded broker of a run, which chaos kills and starts again.

use crate::broker::{Broker, Options};
use crate::demo::{RestartBroker, temporary_folder};
use crate::error::{Error, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::Mutex;

/// Where a broker listens that will be away for a while. Outgoing connections get none of these ports on most systems:
/// somebody else would have it meanwhile, or a client that connects to itself.
const PORTS: std::ops::Range<u16> = 10_000..32_000;
const PORTS_TRIED: u32 = 20;

/// What was killed may hold its port and its files a moment longer.
const COMING_BACK: Duration = Duration::from_secs(10);
const ANOTHER_TRY: Duration = Duration::from_millis(50);

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
        let mut options = Options {
            data: Some(data.path().to_owned()),
            min_session_timeout: SESSION_TIMEOUT,
            ..Options::default()
        };
        let mut tried = 0;
        loop {
            let port = fastrand::u16(PORTS);
            options.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            match Broker::start(options.clone()).await {
                Ok(broker) => return Ok(OwnBroker::new(broker, options, Some(data))),
                Err(error) if tried >= PORTS_TRIED => return Err(error),
                Err(_) => tried += 1,
            }
        }
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

    pub fn address(&self) -> SocketAddr {
        self.address
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
                *running = Some(start_again(options).await?);
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

async fn start_again(options: Options) -> Result<Broker> {
    let deadline = Instant::now() + COMING_BACK;
    loop {
        match Broker::start(options.clone()).await {
            Ok(broker) => return Ok(broker),
            Err(error) if Instant::now() >= deadline => {
                return Err(Error::context(error, "the broker does not come back"));
            }
            Err(error) => {
                tracing::debug!("not started yet: {}", error.one_line());
                tokio::time::sleep(ANOTHER_TRY).await;
            }
        }
    }
}
