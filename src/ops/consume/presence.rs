//! Whether the brokers still answer while nothing comes.
//!
//! A topic in which nothing happens and a broker that hangs look alike to who waits for records: connections stay
//! open, and librdkafka repairs those that do not by itself. Only a request tells, so one is made when it has been
//! quiet for a while, and none while records flow.

use crate::error::{Error, Kind, Result};
use crate::kafka::{Cluster, Isolation, OffsetQuery};
use crate::model::topic::TopicPartition;
use crate::ops::missing;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// After so long without a record, or the time-out of a request if that is shorter, the brokers are asked.
const QUIET: Duration = Duration::from_secs(5);

/// After so long they are asked again when they did not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// One request is about so many partitions at most; the next is about the ones after them.
const PARTITIONS: usize = 100;

/// What there is to tell whoever watches.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::ops::consume) enum Change {
    Lost,
    Back,
}

enum Answer {
    Present,
    Silent(Error),
    /// What is read does not exist any more.
    Gone(Error),
}

pub(in crate::ops::consume) struct Presence {
    cluster: Cluster,
    runtime: Handle,
    /// Whether reading is to end when nobody answers, else it goes on until they do.
    ends: bool,
    /// The topics that reading ends with; one of those that a pattern found may go without the others.
    named: Vec<String>,
    /// Since when there was neither a record nor an answer; `None` while records flow.
    quiet: Option<Instant>,
    /// When to ask next, set while it is quiet.
    next: Instant,
    asking: Option<JoinHandle<Answer>>,
    /// An answer came after the last record.
    confirmed: bool,
    lost: bool,
    /// How many partitions were asked about so far.
    turn: usize,
}

impl Presence {
    /// Within the runtime whose tasks ask.
    pub(in crate::ops::consume) fn new(cluster: &Cluster, ends: bool, named: Vec<String>) -> Self {
        Presence {
            cluster: cluster.clone(),
            runtime: Handle::current(),
            ends,
            named,
            quiet: None,
            next: Instant::now(),
            asking: None,
            confirmed: false,
            lost: false,
            turn: 0,
        }
    }

    /// A record came, which is an answer too.
    pub(in crate::ops::consume) fn record(&mut self) -> Option<Change> {
        self.quiet = None;
        self.confirmed = false;
        if let Some(asking) = self.asking.take() {
            asking.abort();
        }
        std::mem::take(&mut self.lost).then_some(Change::Back)
    }

    /// Whether the brokers answered after the last record: nothing came because there is nothing.
    pub(in crate::ops::consume) fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    /// Nothing came: asks about `partitions` when it is time, or at once with `hurry`, and says what became of it.
    ///
    /// # Errors
    /// When reading is to end because nobody answers, or because there is nothing to read any more.
    pub(in crate::ops::consume) fn quiet(
        &mut self,
        now: Instant,
        hurry: bool,
        partitions: impl FnOnce() -> Result<Vec<TopicPartition>>,
    ) -> Result<Option<Change>> {
        let timeout = self.cluster.connection().timeout;
        let since = match self.quiet {
            Some(since) => since,
            None => {
                self.next = now + QUIET.min(timeout);
                *self.quiet.insert(now)
            }
        };
        let Some(asking) = &mut self.asking else {
            if now >= self.next || (hurry && !self.confirmed && !self.lost) {
                let about = self.some(partitions()?);
                let asking = ask(self.cluster.clone(), about, self.named.clone());
                self.asking = Some(self.runtime.spawn(asking));
            }
            return Ok(None);
        };
        if !asking.is_finished() {
            return Ok(None);
        }
        let answer = self.runtime.block_on(asking);
        self.asking = None;
        match answer {
            Ok(Answer::Gone(error)) => Err(error),
            Ok(Answer::Silent(error)) if self.ends && now.duration_since(since) >= timeout => {
                Err(error)
            }
            Ok(Answer::Silent(error)) => {
                tracing::debug!("no answer: {}", error.one_line());
                self.next = now + AGAIN.min(timeout);
                self.confirmed = false;
                let is_new = !std::mem::replace(&mut self.lost, true);
                Ok((is_new && !self.ends).then_some(Change::Lost))
            }
            // A task that was ended says nothing about anybody.
            Ok(Answer::Present) | Err(_) => {
                self.quiet = Some(now);
                self.next = now + QUIET.min(timeout);
                self.confirmed = true;
                let was_lost = std::mem::take(&mut self.lost);
                Ok((was_lost && !self.ends).then_some(Change::Back))
            }
        }
    }

    /// The next ones whose turn it is.
    fn some(&mut self, partitions: Vec<TopicPartition>) -> Vec<TopicPartition> {
        let count = partitions.len().min(PARTITIONS);
        let first = self.turn % partitions.len().max(1);
        self.turn = first + count;
        let (before, after) = partitions.split_at(first);
        after.iter().chain(before).take(count).cloned().collect()
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if let Some(asking) = self.asking.take() {
            asking.abort();
        }
    }
}

/// Asks the partitions' leaders, who are the ones that records would come from; without partitions, anybody.
async fn ask(cluster: Cluster, partitions: Vec<TopicPartition>, named: Vec<String>) -> Answer {
    match answered(&cluster, partitions, &named).await {
        Ok(answer) => answer,
        Err(error) if error.kind() == Kind::Unreachable => Answer::Silent(error),
        // A refusal is an answer.
        Err(_) => Answer::Present,
    }
}

async fn answered(
    cluster: &Cluster,
    partitions: Vec<TopicPartition>,
    named: &[String],
) -> Result<Answer> {
    if partitions.is_empty() {
        for name in named {
            if cluster.topic(name).await?.is_none() {
                return Ok(Answer::Gone(missing::topic(cluster, name, []).await));
            }
        }
        return cluster.ping().await.map(|()| Answer::Present);
    }
    let latest = |place| (place, OffsetQuery::Latest);
    let queries: Vec<_> = partitions.into_iter().map(latest).collect();
    let mut refused = BTreeSet::new();
    let isolation = Isolation::ReadUncommitted;
    for (place, answer) in cluster.list_offsets(&queries, isolation).await? {
        match answer {
            Ok(_) => {}
            Err(error) if error.kind() == Kind::Unreachable => return Err(error),
            Err(_) => {
                refused.insert(place.topic);
            }
        }
    }
    refused.retain(|topic| named.contains(topic));
    if refused.is_empty() {
        return Ok(Answer::Present);
    }
    let existing = cluster.topics().await?;
    let is_gone = |name: &&String| !existing.iter().any(|topic| topic.name == **name);
    Ok(match refused.iter().find(is_gone) {
        Some(name) => Answer::Gone(missing::topic(cluster, name, []).await),
        None => Answer::Present,
    })
}
