//! What the shell proposes while a command line is being typed: topics and groups as the cluster has them now.
//!
//! Asked on every press of TAB, so: 300 ms at most, and silence where anything is wrong.

use crate::kafka::{Cluster, Connection};
use crate::model::event::Catalog;
use crate::settings::{Layer, Settings};
use clap_complete::CompletionCandidate;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_millis(300);

pub fn topics() -> Vec<CompletionCandidate> {
    ask(|cluster| async move {
        let topics = cluster.topics().await.ok()?;
        Some(
            topics
                .into_iter()
                .filter(|topic| !topic.internal)
                .map(|topic| topic.name)
                .collect(),
        )
    })
}

/// Catalog events first, for they can be named before their topic is known to the cluster.
pub fn events_and_topics() -> Vec<CompletionCandidate> {
    let catalog = catalog();
    let of_events = catalog.events().iter();
    let mut candidates: Vec<CompletionCandidate> = Vec::new();
    for topic in of_events
        .map(|event| CompletionCandidate::new(&event.topic))
        .chain(topics())
    {
        if candidates
            .iter()
            .all(|known| known.get_value() != topic.get_value())
        {
            candidates.push(topic);
        }
    }
    candidates
}

pub fn events() -> Vec<CompletionCandidate> {
    let catalog = catalog();
    let names = catalog.events().iter();
    names
        .map(|event| CompletionCandidate::new(&event.name))
        .collect()
}

/// The catalog in force, but for a `--events` on the line; the built-in one where that cannot be read.
fn catalog() -> Catalog {
    let settings = Settings::resolve(Layer::default()).ok();
    let named = settings.and_then(|settings| settings.events);
    let catalog = crate::ops::event::catalog(named.as_deref());
    catalog.unwrap_or_else(|_| Catalog::built_in().clone())
}

pub fn dead_letter_topics() -> Vec<CompletionCandidate> {
    let named = |candidate: &CompletionCandidate| {
        candidate
            .get_value()
            .to_str()
            .is_some_and(crate::model::dead_letter::is_dead_letter_topic)
    };
    topics().into_iter().filter(named).collect()
}

pub fn groups() -> Vec<CompletionCandidate> {
    ask(|cluster| async move {
        let groups = cluster.groups().await.ok()?;
        Some(groups.into_iter().map(|group| group.id).collect())
    })
}

fn ask<F>(question: impl FnOnce(Cluster) -> F) -> Vec<CompletionCandidate>
where
    F: Future<Output = Option<Vec<String>>>,
{
    let names = || {
        let settings = Settings::resolve(Layer::default()).ok()?;
        let cluster = Cluster::new(Connection {
            brokers: settings.brokers,
            timeout: DEADLINE,
            properties: settings.properties,
            verbose_client_logs: false,
        })
        .ok()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .ok()?;
        // Inside the runtime, for the timer needs one.
        let question = async { tokio::time::timeout(DEADLINE, question(cluster)).await };
        let answer = runtime.block_on(question);
        runtime.shutdown_background();
        answer.ok().flatten()
    };
    names()
        .unwrap_or_default()
        .into_iter()
        .map(CompletionCandidate::new)
        .collect()
}
