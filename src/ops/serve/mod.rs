//! `eda serve`: a page of what is going on, the same as JSON, and everything for Prometheus.
//!
//! - [`site`]: what is at which path; - `page/`: the page, as it is sent; - [`metrics`]: what Prometheus is told besides
//!   what the exporter of `eda lag` tells; - [`grafana`]: a dashboard for it.
//!
//! Read-only: nothing that is asked here changes anything. Whoever asks under a name that is not ours is refused.

mod grafana;
mod metrics;
mod site;

pub use grafana::dashboard;

use crate::error::Result;
use crate::kafka::Cluster;
use crate::ops::http::{Guard, HostName, ListenAddress, Server};
use crate::ops::overview::{Overview, OverviewRequest, State};
use crate::ops::stop::Stop;
use site::Site;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// What to serve, and to whom.
#[derive(Clone, Debug)]
pub struct ServeRequest {
    pub overview: OverviewRequest,
    pub address: ListenAddress,
    /// Names this server has for others, besides the address.
    pub names: Vec<HostName>,
}

/// What a server has to tell those who run it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    Listening(SocketAddr),
    /// The cluster does not answer any more, and why.
    Lost(String),
    /// It answers again.
    Back,
}

/// Serves until it is asked to stop, whatever becomes of the cluster.
///
/// # Errors
/// When the address cannot be listened on, or the cluster is not there to begin with.
pub async fn serve(
    cluster: &Cluster,
    request: ServeRequest,
    stop: &Stop,
    tell: impl Fn(News),
) -> Result<()> {
    let server = Server::bind(&request.address).await?;
    let overview = tokio::select! {
        overview = Overview::begin(cluster, request.overview) => overview?,
        _ = stop.wait() => return Ok(()),
    };
    let guard = Guard::new(&request.address, server.address(), request.names);
    let states = overview.states();
    tell(News::Listening(server.address()));
    let site = Arc::new(Site::new(cluster, states.clone(), guard));
    tokio::select! {
        () = server.run(site, stop) => Ok(()),
        ended = overview.run(stop) => ended,
        () = follow(states, tell) => Ok(()),
    }
}

/// Tells when the cluster goes away and comes back.
async fn follow(mut states: watch::Receiver<Arc<State>>, tell: impl Fn(News)) {
    let mut was_lost = false;
    while states.changed().await.is_ok() {
        let lost = states.borrow_and_update().error.clone();
        if lost.is_some() != was_lost {
            was_lost = lost.is_some();
            tell(lost.map_or(News::Back, |outage| News::Lost(outage.message)));
        }
    }
    // Whoever looked has ended, and says why.
    std::future::pending().await
}
