//! How much a topic takes at once.

use crate::kafka::Cluster;

/// The most bytes of a batch for the topic; `None` where nobody says, as to a user who may write but not ask.
pub(in crate::ops) async fn largest_batch(cluster: &Cluster, topic: &str) -> Option<u32> {
    let topics = [topic.to_owned()];
    let (_, configs) = cluster.topic_configs(&topics).await.ok()?.pop()?;
    let configs = configs.ok()?;
    let limit = configs
        .iter()
        .find(|entry| entry.name == "max.message.bytes")?;
    limit.value.as_ref()?.parse().ok()
}
