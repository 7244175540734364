//! Dead letters: list, count, show, plan a replay, replay, park, purge.
//!
//! Progress of a replay is the committed offsets of the group `eda-replay.<topic>`, so any tool can read it; what was
//! put back beyond the first record that is left stands in the ledger, `<group>.ledger`.
//!
//! A replay: [`request`] (what is asked) → [`plan`] (a [`walk`] over the letters, each [`resolve`]d: where it goes, and
//! as what, see [`repair`]) → [`replay`](mod@replay) (the same walk, and what it meets put back, exactly once). To park by
//! hand is a replay, too: one whose [`Aim`] is the parking topic.

mod alike;
mod audit;
mod bury;
mod count;
mod destinations;
mod died;
mod discover;
mod hours;
mod hydrate;
mod keys;
mod ledger;
mod left;
mod list;
mod order;
mod park;
mod peek;
mod plan;
mod purge;
mod rate;
mod reasons;
mod repair;
mod replay;
mod request;
mod resolve;
mod same_key;
mod selection;
mod show;
mod stats;
mod stay;
mod unlearnt;
mod walk;

pub use audit::{Audit, AuditTo};
pub(in crate::ops) use bury::{DeadLetters, Fate};
pub(in crate::ops) use discover::{KnownBy, configured_topics, known_by};
pub use list::{DeadLetterTopics, ListRequest, list};
pub use order::Order;
pub use plan::{ReplayPlan, plan};
pub use purge::{Purge, PurgeRequest, plan_purge, purge};
pub use repair::{Chosen, Edited, Filter, FilterOptions, How, Repair, choose};
pub use replay::{ReplayOutcome, replay};
pub use request::{Aim, BY_HAND, Delivery, Manner, ReplayRequest, Target};
pub use same_key::SameKey;
pub use selection::Selection;
pub use show::{Letter, ShowRequest, show};
pub use stats::{Stats, StatsRequest, stats};

use crate::error::{Error, Result};
use crate::kafka::Cluster;
use crate::model::dead_letter;
use crate::model::topic::{Topic, TopicPartition};
use crate::ops::missing;

/// The group that remembers how far a topic was replayed.
pub(in crate::ops) fn replay_group(topic: &str) -> String {
    format!("{}{topic}", crate::model::ledger::GROUP_PREFIX)
}

fn places(topic: &Topic) -> Vec<TopicPartition> {
    topic.places().collect()
}

/// Whether the topic is still the one that was described.
///
/// # Errors
/// It is gone, or was created again: offsets of the old one mean other letters by now. Or nobody answers in time.
async fn check_unchanged(cluster: &Cluster, described: &Topic) -> Result<()> {
    let name = &described.name;
    let timeout = cluster.connection().timeout;
    let found = tokio::time::timeout(timeout, cluster.topic(name)).await;
    let found = found.unwrap_or_else(|_| {
        let text = format!("whether `{name}` is still the same was not answered in time");
        Err(Error::unreachable(text).hint("`--timeout` waits longer"))
    })?;
    if found.is_some_and(|found| found.id == described.id) {
        return Ok(());
    }
    let text = format!("`{name}` was deleted or created again since the plan was made");
    Err(Error::failed(text).hint("plan again: what is in it now is none of this plan"))
}

/// How many partitions a topic has; `None` when there is no such topic.
async fn count_partitions(cluster: &Cluster, topic: &str) -> Result<Option<i32>> {
    let found = cluster.topic(topic).await?;
    Ok(found.map(|found| i32::try_from(found.partitions.len()).unwrap_or(i32::MAX)))
}

/// The topic, or none when it is the dead-letter topic of one that exists and nothing has died yet: it is created
/// with the first dead letter.
///
/// # Errors
/// Any other topic that does not exist.
async fn find(cluster: &Cluster, name: &str) -> Result<Option<Topic>> {
    if let Some(topic) = cluster.topic(name).await? {
        return Ok(Some(topic));
    }
    let topics = cluster.topics().await?;
    let source = name.strip_suffix(".dlq");
    if topics
        .iter()
        .any(|topic| Some(topic.name.as_str()) == source)
    {
        return Ok(None);
    }
    let letters = topics.iter().map(|topic| topic.name.as_str());
    let letters = letters.filter(|name| dead_letter::is_dead_letter_topic(name));
    Err(missing::dead_letter_topic(cluster, name, letters).await)
}
