//! Dead letters: list, show, plan a replay, replay.
//!
//! Progress of a replay is the committed offsets of the group `eda-replay.<topic>`, so any tool can read it.

mod bury;
mod list;
mod plan;
mod replay;
mod show;

pub(in crate::ops) use bury::{DeadLetters, Fate};
pub use list::{DeadLetterTopics, list};
pub use plan::{ReplayPlan, ReplayRequest, plan};
pub use replay::{ReplayOutcome, replay};
pub use show::{Letter, show};

use crate::error::Result;
use crate::kafka::{Cluster, Isolation};
use crate::model::dead_letter;
use crate::model::topic::{Topic, TopicPartition};
use crate::ops::{missing, scan};
use std::collections::BTreeMap;

/// The group that remembers how far a topic was replayed.
fn replay_group(topic: &str) -> String {
    format!("eda-replay.{topic}")
}

fn places(topic: &Topic) -> Vec<TopicPartition> {
    let ids = topic.partitions.iter().map(|partition| partition.id);
    ids.map(|id| TopicPartition::new(&topic.name, id)).collect()
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

/// From where the last replay stood to the end as of now, per partition.
async fn unreplayed(
    cluster: &Cluster,
    topic: &Topic,
    committed: &BTreeMap<TopicPartition, Option<i64>>,
) -> Result<scan::Stretch> {
    let extents = scan::extents(cluster, &places(topic), Isolation::ReadCommitted).await?;
    Ok(after(extents, committed))
}

/// What of `stretch` comes after the commits.
fn after(
    mut stretch: scan::Stretch,
    committed: &BTreeMap<TopicPartition, Option<i64>>,
) -> scan::Stretch {
    for (place, (start, end)) in &mut stretch {
        if let Some(Some(done)) = committed.get(place) {
            // Not `clamp`, which panics when the start is past the end.
            *start = (*done).min(*end).max(*start);
        }
    }
    stretch
}
