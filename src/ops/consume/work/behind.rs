//! How far the group is behind in what it reads, asked beside the work and never waited for by it.

use super::super::topics::Patterns;
use super::RuntimeOptions;
use crate::error::Result;
use crate::kafka::{Cluster, Isolation};
use crate::model::group::GroupListing;
use crate::model::lag::{PartitionLag, compute, total};
use crate::ops::lag::whole_topics;
use crate::ops::scan;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often it is asked.
const INTERVAL: Duration = Duration::from_secs(3);

pub(super) struct Behind {
    cluster: Cluster,
    group: String,
    topics: Vec<String>,
    patterns: Patterns,
    /// What was found the last time; `None` when nobody answered, or has been asked.
    last: Mutex<Option<Vec<PartitionLag>>>,
}

impl Behind {
    pub(super) fn new(cluster: &Cluster, options: &RuntimeOptions, patterns: Patterns) -> Self {
        Behind {
            cluster: cluster.clone(),
            group: options.group.clone(),
            topics: options.topics.clone(),
            patterns,
            last: Mutex::default(),
        }
    }

    fn found(&self) -> MutexGuard<'_, Option<Vec<PartitionLag>>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sum, as it was the last time.
    pub(super) fn last(&self) -> Option<i64> {
        self.found().as_ref().and_then(total)
    }

    /// The partitions, as they were the last time.
    pub(super) fn rows(&self) -> Vec<PartitionLag> {
        self.found().clone().unwrap_or_default()
    }

    /// Asks again and again.
    pub(super) async fn keep_asking(self: Arc<Self>) {
        loop {
            self.look(self.cluster.connection().timeout).await;
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Asks now; `None` when it cannot be learnt within this.
    pub(super) async fn look(&self, limit: Duration) -> Option<i64> {
        let rows = match tokio::time::timeout(limit, self.ask()).await {
            Ok(Ok(rows)) => Some(rows),
            Ok(Err(error)) => {
                tracing::info!("the lag is not known: {}", error.one_line());
                None
            }
            Err(_) => None,
        };
        *self.found() = rows;
        self.last()
    }

    async fn ask(&self) -> Result<Vec<PartitionLag>> {
        let topics = self.cluster.topics().await?;
        let is_read = |name: &String| self.topics.contains(name) || self.patterns.matches(name);
        let sizes: BTreeMap<String, usize> = topics
            .into_iter()
            .map(|topic| (topic.name, topic.partitions.len()))
            .collect();
        let reads: BTreeSet<String> = sizes.keys().filter(|name| is_read(name)).cloned().collect();
        let group = [GroupListing::unlisted(self.group.as_str())];
        let mut committed = BTreeMap::new();
        for (_, offsets) in self.cluster.committed_of_groups(&group).await? {
            committed = offsets?;
        }
        committed.retain(|place, _| reads.contains(&place.topic));
        let committed = whole_topics(committed, &sizes, &reads, &[]);
        let places: Vec<_> = committed.keys().cloned().collect();
        // What is in an open transaction is nothing that could be handled.
        let isolation = Isolation::ReadCommitted;
        let answers = scan::extents_of_existing(&self.cluster, &places, isolation).await?;
        let (extents, _unlearnt) = scan::split(answers);
        let edge = |pick: fn(&(i64, i64)) -> i64| {
            let edges = extents
                .iter()
                .map(|(place, extent)| (place.clone(), pick(extent)));
            edges.collect::<BTreeMap<_, _>>()
        };
        Ok(compute(
            &self.group,
            &committed,
            &edge(|(start, _)| *start),
            &edge(|(_, end)| *end),
        ))
    }
}
