//! How much a topic takes at once.

use crate::error::Result;
use crate::kafka::Cluster;

const NAME: &str = "max.message.bytes";

/// The most bytes of a batch for the topic; `None` where nobody says, as to a user who may write but not ask.
pub(in crate::ops) async fn largest_batch(cluster: &Cluster, topic: &str) -> Option<u32> {
    asked(cluster, topic).await.ok().flatten()
}

/// What a new topic is configured with, to take whatever `source` takes and so many bytes `more`; `None` where nobody
/// says how much that is, and the new topic has what the cluster takes by default.
///
/// # Errors
/// The cluster does not answer.
pub(in crate::ops) async fn room_for(
    cluster: &Cluster,
    source: &str,
    more: u32,
) -> Result<Option<(String, String)>> {
    let limit = asked(cluster, source).await?;
    Ok(limit.map(|limit| {
        let limit = limit.saturating_add(more).min(i32::MAX.unsigned_abs());
        (NAME.to_owned(), limit.to_string())
    }))
}

async fn asked(cluster: &Cluster, topic: &str) -> Result<Option<u32>> {
    let answer = cluster.topic_configs(&[topic.to_owned()]).await?.pop();
    let configs = answer.and_then(|(_, configs)| configs.ok());
    let limit = configs
        .into_iter()
        .flatten()
        .find(|entry| entry.name == NAME);
    Ok(limit.and_then(|limit| limit.value?.parse().ok()))
}
