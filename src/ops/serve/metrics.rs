//! What Prometheus is told besides what the exporter tells: dead letters, and what handlers say.

use crate::ops::lag::exporter::Families;
use crate::ops::overview::{DeadLetterTopic, State, merged};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, prometheus_text};
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;

/// Adds it to what the exporter has written. While the cluster is away there is nothing of dead letters, as there is
/// nothing of the cluster.
pub(super) fn add(state: &Arc<State>, text: &mut String) {
    let mut registry = Registry::default();
    let letters = match state.error {
        None => Arc::clone(&state.dead_letters),
        Some(_) => Arc::default(),
    };
    let up = state.said().iter();
    let up = up.map(|(instance, said)| (instance.clone(), i64::from(said.is_some())));
    registry.register_collector(Box::new(Own {
        letters,
        up: up.collect(),
    }));
    // It is written into memory: nothing there can fail.
    let _ = prometheus_text::encode(text, &registry);
    let said = state.said().iter();
    let said = said.filter_map(|(instance, said)| Some((instance.clone(), said.clone()?)));
    text.push_str(&merged(&said.collect::<Vec<_>>()));
}

#[derive(Debug)]
struct Own {
    letters: Arc<Vec<DeadLetterTopic>>,
    up: Vec<(String, i64)>,
}

impl Collector for Own {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut families = Families::from(encoder);
        let letters = |count: fn(&DeadLetterTopic) -> Option<i64>| {
            self.letters.iter().filter_map(move |letters| {
                Some(([("topic", letters.topic.as_str())], count(letters)?))
            })
        };
        families.gauge(
            "eda_dlq_messages",
            "Dead letters in the topic, from the first that is still there to the last",
            letters(|letters| letters.records),
        )?;
        families.gauge(
            "eda_dlq_unreplayed_messages",
            "Dead letters in the topic beyond the commits of the group that replays it",
            letters(|letters| letters.unreplayed),
        )?;
        families.gauge(
            "eda_serve_handler_up",
            "Whether the handler's own metrics could be read when they were looked at last",
            self.up
                .iter()
                .map(|(instance, up)| ([("instance", instance.as_str())], *up)),
        )
    }
}
