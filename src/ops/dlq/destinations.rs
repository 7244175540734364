//! The topics that dead letters are put back into: which there are, and how much each takes.

use super::stay::Stay;
use crate::error::Result;
use crate::kafka::Cluster;
use crate::model::ledger::is_ledger;
use crate::model::record::OutgoingRef;
use crate::model::record_size;
use crate::model::topic::Topic;
use crate::ops::largest_batch::largest_batch;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::runtime::Handle;

/// A topic that letters go to.
#[derive(Debug)]
pub(super) struct Destination {
    pub(super) name: Arc<str>,
    pub(super) partitions: i32,
    /// The most bytes of a batch; `None` where nobody says.
    pub(super) limit: Option<u32>,
}

/// All that there are. To be used on blocking threads of the runtime.
#[derive(Clone)]
pub(super) struct Destinations {
    cluster: Cluster,
    runtime: Handle,
    /// How many partitions each topic has that something may be put back into.
    pub(super) existing: HashMap<String, i32>,
    /// Those that nothing may be put back into: the letters' own topic, ledgers, Kafka's own.
    closed: HashSet<String>,
    /// Those that were met.
    pub(super) known: HashMap<String, Arc<Destination>>,
}

impl Destinations {
    /// For the letters of `source`, which go neither back there nor into a ledger.
    ///
    /// # Errors
    /// The topics cannot be listed.
    pub(super) async fn new(cluster: &Cluster, source: &str) -> Result<Self> {
        let topics = cluster.topics().await?;
        let is_open =
            |topic: &Topic| !topic.internal && topic.name != source && !is_ledger(&topic.name);
        let (open, closed): (Vec<_>, Vec<_>) = topics.into_iter().partition(is_open);
        let existing = open.into_iter().map(|topic| {
            let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
            (topic.name, partitions)
        });
        Ok(Destinations {
            closed: closed.into_iter().map(|topic| topic.name).collect(),
            ..Self::of(cluster, Handle::current(), existing.collect())
        })
    }

    /// These, by name with their partitions.
    pub(super) fn of(cluster: &Cluster, runtime: Handle, existing: HashMap<String, i32>) -> Self {
        Destinations {
            cluster: cluster.clone(),
            runtime,
            existing,
            closed: HashSet::new(),
            known: HashMap::new(),
        }
    }

    /// How many partitions a topic has that something may be put back into.
    pub(super) fn partitions(&self, topic: &str) -> Option<i32> {
        self.existing.get(topic).copied()
    }

    /// Why a letter that names it for its origin stays.
    pub(super) fn missing(&self, name: &str) -> Stay {
        match self.closed.contains(name) {
            true => Stay::Closed(name.to_owned()),
            false => Stay::OriginGone,
        }
    }

    /// Whether it is there, and nothing may be put back into it.
    pub(super) fn is_closed(&self, name: &str) -> bool {
        self.closed.contains(name)
    }

    /// The topics that something may be put back into.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.existing.keys().map(String::as_str)
    }

    /// The topics that letters were found to go to.
    pub(super) fn met(&self) -> impl Iterator<Item = &Destination> {
        self.known.values().map(|known| &**known)
    }

    /// A topic that exists; its limit is asked for when it is met for the first time.
    pub(super) fn find(&mut self, name: &str) -> Option<Arc<Destination>> {
        if let Some(known) = self.known.get(name) {
            return Some(Arc::clone(known));
        }
        let partitions = *self.existing.get(name)?;
        let limit = self.runtime.block_on(largest_batch(&self.cluster, name));
        let destination = Arc::new(Destination {
            name: name.into(),
            partitions,
            limit,
        });
        self.known.insert(name.to_owned(), Arc::clone(&destination));
        Some(destination)
    }

    /// Where only the one group reads: `TOPIC.GROUP.retry`, Uber's `TOPIC__GROUP__retry`, and Spring's `TOPIC-retry`,
    /// which nobody reads but the listener that wrote the letter.
    pub(super) fn retry_topic(
        &mut self,
        origin: &str,
        group: &str,
        convention: &str,
    ) -> Option<Arc<Destination>> {
        let mut names = Vec::new();
        if !group.is_empty() {
            names.push(format!("{origin}.{group}.retry"));
            names.push(format!("{origin}__{group}__retry"));
        }
        if convention.starts_with("spring") {
            names.push(format!("{origin}-retry"));
        }
        names.iter().find_map(|name| self.find(name))
    }

    /// Whether the batch of this record alone is larger than the topic takes, as far as that is known.
    pub(super) fn is_too_large(&self, topic: &str, outgoing: &OutgoingRef<'_>) -> bool {
        let limit = self.known.get(topic).and_then(|topic| topic.limit);
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        limit.is_some_and(|limit| record_size::smallest_batch(outgoing) > limit)
    }
}
