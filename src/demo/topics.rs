//! Making the topics of a run.

use crate::error::{Error, Result};
use crate::kafka::Cluster;
use crate::model::topic::NewTopic;
use crate::ops::topic::wait_until_visible;
use tokio::task::JoinSet;

/// Creates these topics, which must not exist, and waits until the cluster knows them all.
pub(super) async fn create(cluster: &Cluster, names: Vec<String>, partitions: i32) -> Result<()> {
    let mut creating = JoinSet::new();
    for name in names {
        let cluster = cluster.clone();
        creating.spawn(async move {
            let topic = NewTopic {
                name,
                partitions,
                replicas: None,
                configs: Vec::new(),
            };
            cluster.create_topic(&topic, false).await?;
            // A member that subscribes to a topic its broker does not know yet would be told that there is none.
            wait_until_visible(&cluster, &topic).await
        });
    }
    while let Some(created) = creating.join_next().await {
        created.map_err(|error| Error::failed("a topic was not created").caused_by(error))??;
    }
    Ok(())
}
