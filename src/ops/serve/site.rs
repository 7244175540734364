//! What is at which path.

use super::metrics;
use crate::kafka::Cluster;
use crate::ops::http::{Events, Guard, Page, Pages};
use crate::ops::lag::WatchedRow;
use crate::ops::lag::exporter::{CONTENT_TYPE, Exporter, Selection};
use crate::ops::overview::{State, shown};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

/// The page, as it is sent: nothing is built, and nothing comes from elsewhere.
const FILES: [(&str, &str, &str); 4] = [
    ("/", HTML, include_str!("page/index.html")),
    (
        "/style.css",
        "text/css; charset=utf-8",
        include_str!("page/style.css"),
    ),
    (
        "/script.js",
        "text/javascript; charset=utf-8",
        include_str!("page/script.js"),
    ),
    ("/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
];

/// So long nothing need be said; then a comment shows that both ends are there.
const SILENCE: Duration = Duration::from_secs(15);

pub(super) struct Site {
    states: watch::Receiver<Arc<State>>,
    exporter: Exporter,
    guard: Guard,
}

/// `/api/groups/NAME`.
#[derive(Serialize)]
struct Partitions<'a> {
    group: &'a str,
    partitions: Vec<Partition<'a>>,
}

#[derive(Serialize)]
struct Partition<'a> {
    #[serde(flatten)]
    row: &'a WatchedRow,
    /// As that of a group.
    eta: Option<String>,
}

impl Site {
    pub(super) fn new(
        cluster: &Cluster,
        states: watch::Receiver<Arc<State>>,
        guard: Guard,
    ) -> Self {
        Site {
            states,
            exporter: Exporter::new(cluster, Selection::default()),
            guard,
        }
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.states.borrow())
    }

    /// A group's partitions; `None` when there is no such group.
    fn group(&self, name: &str) -> Option<Bytes> {
        let group = percent_decode_str(name).decode_utf8().ok()?;
        let state = self.state();
        state.groups.iter().find(|row| row.row.group == group)?;
        let partition = |row| Partition {
            row,
            eta: shown(WatchedRow::eta_cell(row)),
        };
        let found = Partitions {
            group: &group,
            partitions: state.partitions(&group).iter().map(partition).collect(),
        };
        serde_json::to_vec(&found).ok().map(Bytes::from)
    }
}

impl Pages for Site {
    async fn page(&self, path: &str) -> Option<Page> {
        if let Some((_, content_type, text)) = FILES.iter().find(|(known, ..)| *known == path) {
            return Some(Page {
                content_type,
                body: Bytes::from_static(text.as_bytes()),
            });
        }
        let json = |body| Page {
            content_type: JSON,
            body,
        };
        match path {
            "/api/state" => Some(json(self.state().json())),
            "/metrics" => {
                let of_cluster = self.exporter.text().await;
                let mut text = String::from_utf8_lossy(&of_cluster).into_owned();
                metrics::add(&self.state(), &mut text);
                Some(Page {
                    content_type: CONTENT_TYPE,
                    body: text.into(),
                })
            }
            _ => self.group(path.strip_prefix("/api/groups/")?).map(json),
        }
    }

    /// The state now, and each that comes: whoever is slow misses some, and none is kept for him.
    fn events(&self, path: &str) -> Option<Events> {
        if path != "/events" {
            return None;
        }
        let mut states = self.states.clone();
        states.mark_changed();
        let next = |mut states: watch::Receiver<Arc<State>>| async move {
            let event = match tokio::time::timeout(SILENCE, states.changed()).await {
                Ok(Ok(())) => states.borrow_and_update().event(),
                Ok(Err(_)) => return None,
                Err(_) => Bytes::from_static(b": nothing new\n\n"),
            };
            Some((event, states))
        };
        Some(Box::pin(futures_util::stream::unfold(states, next)))
    }

    fn guard(&self) -> Option<&Guard> {
        Some(&self.guard)
    }
}
