//! Which topics are dead-letter topics: by their names, else by their configurations, else by what lies in them.

use super::places;
use super::unlearnt::Unlearnt;
use crate::error::Result;
use crate::kafka::Cluster;
use crate::model::dead_letter::{is_dead_letter_topic, is_retry_topic};
use crate::model::ledger::is_ledger;
use crate::model::topic::{ConfigEntry, Topic, TopicPartition};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What share groups may write dead letters to says so (KIP-1191); brokers before 4.4 have no such configuration.
const CONFIG: &str = "errors.deadletterqueue.group.enable";

/// What a dead-letter topic is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::ops) enum KnownBy {
    Name,
    Config,
    Records,
}

impl KnownBy {
    /// The word for it in the table and in JSON.
    pub(in crate::ops) fn name(self) -> &'static str {
        match self {
            KnownBy::Name => "name",
            KnownBy::Config => "config",
            KnownBy::Records => "records",
        }
    }
}

/// The topics, as far as names and configurations tell.
pub(super) struct Discovered {
    /// By name.
    pub(super) known: BTreeMap<String, (Topic, KnownBy)>,
    /// Those that may be dead-letter topics all the same: neither internal, nor a ledger, nor of retries.
    pub(super) silent: BTreeMap<String, Topic>,
}

/// Looks at names, and at the configurations of those whose name says nothing.
pub(super) async fn discover(
    cluster: &Cluster,
    topics: Vec<Topic>,
    unlearnt: &mut Unlearnt,
) -> Discovered {
    let configured = configured(cluster, &unnamed(&topics), unlearnt).await;
    Discovered::new(topics, &configured)
}

/// Those that may be dead-letter topics though their names say nothing.
fn unnamed(topics: &[Topic]) -> Vec<String> {
    let unnamed = topics.iter().filter(|topic| {
        let is_ours = !topic.internal && !is_ledger(&topic.name);
        is_ours && !is_dead_letter_topic(&topic.name)
    });
    unnamed.map(|topic| topic.name.clone()).collect()
}

/// Those of the topics that are known by their configuration alone, and what could not be learnt, a sentence each: for
/// one who looks again and again, and asks for this only now and then.
pub(in crate::ops) async fn configured_topics(
    cluster: &Cluster,
    topics: &[Topic],
) -> (BTreeSet<String>, Vec<String>) {
    let mut unlearnt = Unlearnt::default();
    let configured = configured(cluster, &unnamed(topics), &mut unlearnt).await;
    let mut sentences = unlearnt.failures;
    sentences.append(&mut unlearnt.warnings);
    (configured, sentences)
}

/// What the topic is known by to be one of dead letters, given those whose configuration says so.
pub(in crate::ops) fn known_by(topic: &Topic, configured: &BTreeSet<String>) -> Option<KnownBy> {
    match topic.internal || is_ledger(&topic.name) {
        true => None,
        false if is_dead_letter_topic(&topic.name) => Some(KnownBy::Name),
        false => configured.contains(&topic.name).then_some(KnownBy::Config),
    }
}

impl Discovered {
    /// With those that are known by their configuration.
    fn new(topics: Vec<Topic>, configured: &BTreeSet<String>) -> Self {
        let mut discovered = Discovered {
            known: BTreeMap::new(),
            silent: BTreeMap::new(),
        };
        for topic in topics {
            let name = topic.name.clone();
            if topic.internal || is_ledger(&name) {
                continue;
            }
            match known_by(&topic, configured) {
                Some(known_by) => {
                    discovered.known.insert(name, (topic, known_by));
                }
                None if !is_retry_topic(&name) => {
                    discovered.silent.insert(name, topic);
                }
                None => {}
            }
        }
        discovered
    }

    /// The partitions of those that are known.
    pub(super) fn known_places(&self) -> Vec<TopicPartition> {
        let known = self.known.values();
        known.flat_map(|(topic, _)| places(topic)).collect()
    }

    /// The partitions of the others.
    pub(super) fn silent_places(&self) -> Vec<TopicPartition> {
        self.silent.values().flat_map(places).collect()
    }

    /// These are dead-letter topics by what lies in them; of the others nothing more is to be learnt.
    pub(super) fn settle(&mut self, by_records: &BTreeSet<String>) {
        for (name, topic) in std::mem::take(&mut self.silent) {
            if by_records.contains(&name) {
                self.known.insert(name, (topic, KnownBy::Records));
            }
        }
    }
}

/// Those of the topics whose configuration says that share groups may write dead letters to them. What is not learnt is a
/// warning: most of them hold none.
async fn configured(
    cluster: &Cluster,
    topics: &[String],
    unlearnt: &mut Unlearnt,
) -> BTreeSet<String> {
    let answers = match cluster.topic_configs(topics).await {
        Ok(answers) => answers,
        Err(error) => {
            unlearnt.warn("read the configurations of topics", &error);
            return BTreeSet::new();
        }
    };
    let mut configured = BTreeSet::new();
    let mut failed = Vec::new();
    for (name, answer) in answers {
        match answer {
            Ok(entries) if is_enabled(&entries) => {
                configured.insert(name);
            }
            Ok(_) => {}
            Err(error) => failed.push((name, error)),
        }
    }
    if !failed.is_empty()
        && let Ok(existing) = existing(cluster).await
    {
        // One that was deleted since is none.
        failed.retain(|(name, _)| existing.contains(name));
    }
    unlearnt.warn_all("read the configuration of", failed);
    configured
}

async fn existing(cluster: &Cluster) -> Result<BTreeSet<String>> {
    let topics = cluster.topics().await?;
    Ok(topics.into_iter().map(|topic| topic.name).collect())
}

fn is_enabled(entries: &[ConfigEntry]) -> bool {
    let says = |entry: &ConfigEntry| entry.name == CONFIG && entry.value.as_deref() == Some("true");
    entries.iter().any(says)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::topic::ConfigSource;

    #[test]
    fn a_name_tells_first_then_the_configuration_and_the_others_may_be_looked_into() {
        let topic = |name: &str| Topic {
            id: None,
            name: name.to_owned(),
            internal: name.starts_with("__"),
            partitions: Vec::new(),
        };
        let names = [
            "__consumer_offsets",
            "dl-orders",
            "eda-replay.orders.dlq.ledger",
            "orders",
            "orders-retry-0",
            "orders.dlq",
            "shared",
        ];
        let configured = ["orders.dlq", "shared"].map(str::to_owned).into();
        let mut found = Discovered::new(names.map(topic).to_vec(), &configured);
        let known = |found: &Discovered| {
            let row = |(name, (_, known_by)): (&String, &(Topic, KnownBy))| {
                format!("{name} {}", known_by.name())
            };
            found.known.iter().map(row).collect::<Vec<_>>()
        };
        assert_eq!(known(&found), ["orders.dlq name", "shared config"]);
        assert_eq!(
            found.silent.keys().collect::<Vec<_>>(),
            ["dl-orders", "orders"]
        );
        found.settle(&["dl-orders".to_owned()].into());
        assert_eq!(
            known(&found),
            ["dl-orders records", "orders.dlq name", "shared config"]
        );
        assert!(found.silent.is_empty());
    }

    #[test]
    fn only_a_configuration_that_is_on_counts() {
        let entry = |name: &str, value: Option<&str>| ConfigEntry {
            name: name.to_owned(),
            value: value.map(str::to_owned),
            source: ConfigSource::Default,
            sensitive: false,
            read_only: false,
        };
        let other = entry("cleanup.policy", Some("true"));
        assert!(is_enabled(&[other.clone(), entry(CONFIG, Some("true"))]));
        for value in [Some("false"), Some(""), None] {
            assert!(!is_enabled(&[other.clone(), entry(CONFIG, value)]));
        }
    }
}
