//! What `eda lag` tells Prometheus: once, or to whoever scrapes.
//!
//! [`Exporter`] looks at the cluster and writes the text; the families are those of one [`Flavour`], and a few of our
//! own that say how the scrape went. A cluster that does not answer is said in the text and not by an HTTP status: a scrape
//! with status 200 and `eda_exporter_up 0` tells "Kafka is down" from "the exporter is down", which Prometheus' own `up`
//! says, and the series of Kafka end at once instead of standing still.

mod exposition;
mod gather;
mod kafka_exporter;
mod kafka_lag_exporter;

use crate::error::{Error, Result};
use crate::kafka::Cluster;
use crate::model::duration;
use crate::model::pattern::Pattern;
use crate::ops::http::{ListenAddress, Page, Pages, Server};
use crate::ops::stop::Stop;
use bytes::Bytes;
use exposition::Exposition;
pub(in crate::ops) use exposition::{CONTENT_TYPE, Families};
use gather::Look;
use std::mem;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::{OnceCell, watch};

/// Whose names the series have, so that dashboards made for it work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavour {
    /// danielqsj/kafka_exporter's.
    #[default]
    KafkaExporter,
    /// seglo/kafka-lag-exporter's.
    KafkaLagExporter,
}

/// What is shown of a cluster.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Empty: all groups.
    pub groups: Vec<Pattern>,
    /// Empty: all topics, Kafka's own included.
    pub topics: Vec<Pattern>,
    pub flavour: Flavour,
}

/// One scrape, for somebody who asked once.
#[derive(Debug)]
pub struct Scrape {
    /// Prometheus' text format, version 0.0.4.
    pub text: String,
    /// What could not be learnt and is not in the text, a sentence each.
    pub failures: Vec<String>,
}

/// Looks at the cluster once.
///
/// # Errors
/// When the cluster does not answer, or something was named that does not exist: then there is no text.
pub async fn scrape(cluster: &Cluster, selection: &Selection) -> Result<Scrape> {
    let started = Instant::now();
    let mut look = gather::look(cluster, selection).await?;
    if !look.missing.is_empty() {
        return Err(look.missing.swap_remove(0));
    }
    let failures = look.failures.clone();
    let exposition = Exposition {
        flavour: selection.flavour,
        look: Some(look),
        took: started.elapsed(),
        errors: None,
    };
    Ok(Scrape {
        text: exposition.text()?,
        failures,
    })
}

/// What a server of scrapes has to tell those who run it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    Listening(SocketAddr),
    /// How scrapes go from now on. Not told again while only the reason changes, as it does from one attempt to reach a
    /// broker to the next.
    Health(Health),
}

/// How a scrape went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    Whole,
    /// The cluster answered, and something could not be learnt: the first of it.
    Partial(String),
    /// The cluster did not answer.
    Down(String),
}

/// Answers scrapes until it is asked to stop, whatever becomes of the cluster.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(
    cluster: &Cluster,
    selection: Selection,
    address: &ListenAddress,
    stop: &Stop,
    tell: impl Fn(News),
) -> Result<()> {
    let server = Server::bind(address).await?;
    tell(News::Listening(server.address()));
    let exporter = Arc::new(Exporter::new(cluster, selection));
    let mut news = exporter.health.subscribe();
    let server = server.run(exporter, stop);
    tokio::pin!(server);
    loop {
        tokio::select! {
            () = &mut server => return Ok(()),
            Ok(()) = news.changed() => {
                let health = news.borrow_and_update().clone();
                tell(News::Health(health));
            }
        }
    }
}

/// Makes a text for whoever scrapes; those who come while one is made get that one.
#[derive(Debug)]
pub(in crate::ops) struct Exporter {
    cluster: Cluster,
    selection: Selection,
    /// The scrape under way, or the next one. Whoever comes first makes it; when that one goes away half-way, the next
    /// one who waits does.
    flight: Mutex<Arc<OnceCell<Bytes>>>,
    errors: AtomicU64,
    /// As far as it was told.
    health: watch::Sender<Health>,
}

impl Exporter {
    pub(in crate::ops) fn new(cluster: &Cluster, selection: Selection) -> Self {
        Exporter {
            cluster: cluster.clone(),
            selection,
            flight: Mutex::default(),
            errors: AtomicU64::new(0),
            health: watch::Sender::new(Health::Whole),
        }
    }

    /// What the cluster is like now, in [`CONTENT_TYPE`].
    pub(in crate::ops) async fn text(&self) -> Bytes {
        let flight = Arc::clone(&self.flight.lock().unwrap_or_else(PoisonError::into_inner));
        let scrape = async {
            let text = self.scrape().await;
            // Who comes from now on wants to know how it is from now on.
            *self.flight.lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
            text
        };
        flight.get_or_init(|| scrape).await.clone()
    }

    async fn scrape(&self) -> Bytes {
        let started = Instant::now();
        let looked = self.look().await;
        let took = started.elapsed();
        let health = match &looked {
            Ok(look) => look.faults().next().map_or(Health::Whole, Health::Partial),
            Err(error) => Health::Down(error.one_line()),
        };
        if let Health::Partial(reason) | Health::Down(reason) = &health {
            tracing::info!(reason, "a scrape failed");
        }
        let failed = u64::from(health != Health::Whole);
        let errors = self.errors.fetch_add(failed, Ordering::Relaxed) + failed;
        self.health.send_if_modified(|told| {
            let is_news = mem::discriminant(told) != mem::discriminant(&health);
            *told = health;
            is_news
        });
        let exposition = Exposition {
            flavour: self.selection.flavour,
            look: looked.ok(),
            took,
            errors: Some(errors),
        };
        // It is written into memory: nothing there can fail.
        exposition.text().unwrap_or_default().into()
    }

    /// One look, in the time that one request may take: whoever scrapes does not wait for several.
    async fn look(&self) -> Result<Look> {
        // Less than all of it: Prometheus waits for as long as a request may take unless told otherwise, ten seconds, and
        // is to hear that nobody answers.
        let limit = self.cluster.connection().timeout.mul_f64(0.8);
        let look = gather::look(&self.cluster, &self.selection);
        match tokio::time::timeout(limit, look).await {
            Ok(look) => look,
            Err(_) => Err(Error::unreachable(format!(
                "the cluster was not looked at within {}",
                duration::human(limit)
            ))),
        }
    }
}

const FRONT: &str = "<!doctype html>
<title>eda lag</title>
<p><a href=\"/metrics\">Metrics</a> of a Kafka cluster, for Prometheus.
";

impl Pages for Exporter {
    async fn page(&self, path: &str) -> Option<Page> {
        match path {
            "/metrics" => Some(Page {
                content_type: CONTENT_TYPE,
                body: self.text().await,
            }),
            "/" => Some(Page {
                content_type: "text/html; charset=utf-8",
                body: Bytes::from_static(FRONT.as_bytes()),
            }),
            _ => None,
        }
    }
}
