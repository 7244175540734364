//! The topics that a client has heard of lately.
//!
//! librdkafka 2.12.1 looks up who leads a partition before it asks for offsets (ListOffsets), on the thread of whoever asks.
//! If it does not know and hears of it in that very moment, its own thread goes on with the request, ends it and frees it
//! while the first still uses it (`rd_kafka_topic_partition_list_query_leaders_async`): one in some hundred runs of
//! `eda lag --prometheus` crashed. Who has heard of the topics before has nothing to look up.

use super::Client;
use super::error::Fault;
use crate::model::cluster::ClusterDescription;
use crate::model::topic::TopicPartition;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long it is gone by at most; librdkafka forgets after `metadata.max.age.ms`, of 15 minutes.
const FRESH: Duration = Duration::from_secs(60);

/// The client's property for that.
const AGE: &str = "metadata.max.age.ms";

/// What was answered last, and when.
type Answer = (Instant, Result<HashSet<String>, Fault>);

pub(super) struct KnownTopics {
    fresh: Duration,
    last: Mutex<Option<Answer>>,
    /// Held by the one who asks, so that those who come meanwhile have the same answer, or wait no longer than he does.
    asking: tokio::sync::Mutex<()>,
}

impl KnownTopics {
    /// For a client with these properties.
    pub(super) fn new(properties: &[(String, String)]) -> Self {
        let age = properties.iter().rfind(|(name, _)| name == AGE);
        let age = age.and_then(|(_, value)| value.parse().ok());
        KnownTopics {
            // Twice as often as it forgets: it is not to have forgotten in between.
            fresh: age.map_or(FRESH, |age| FRESH.min(Duration::from_millis(age) / 2)),
            last: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<Answer>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether all of these were heard of, or why not, if it was asked since `begun`.
    fn has<'a>(
        &self,
        mut topics: impl Iterator<Item = &'a String>,
        begun: Instant,
    ) -> Result<bool, Fault> {
        match &*self.last() {
            Some((at, Ok(names))) => {
                // What was not there a moment ago is not looked for a second time.
                let is_fresh =
                    at.elapsed() < self.fresh && topics.all(|topic| names.contains(topic));
                Ok(is_fresh || *at >= begun)
            }
            Some((at, Err(fault))) if *at >= begun => Err(fault.clone()),
            Some(_) | None => Ok(false),
        }
    }
}

impl Client {
    /// The cluster with every topic; the client has heard of them then.
    pub(super) async fn describe_cluster(&self) -> Result<ClusterDescription, Fault> {
        let answer = self.admin.describe_cluster().await;
        let names = answer.as_ref().map_err(Fault::clone).map(|cluster| {
            let names = cluster.topics.iter().map(|topic| topic.name.clone());
            names.collect()
        });
        *self.known_topics.last() = Some((Instant::now(), names));
        answer
    }

    /// Makes sure that the client has heard of the topics of these partitions, if they are there.
    pub(super) async fn hear_of(&self, queries: &[(TopicPartition, i64)]) -> Result<(), Fault> {
        let known = &self.known_topics;
        let topics = || queries.iter().map(|(place, _)| &place.topic);
        let begun = Instant::now();
        if known.has(topics(), begun)? {
            return Ok(());
        }
        let _asking = known.asking.lock().await;
        if !known.has(topics(), begun)? {
            self.describe_cluster().await?;
        }
        Ok(())
    }
}
