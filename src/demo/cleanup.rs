//! Leaving a cluster as it was.

use super::topology::{Names, SERVICES};
use crate::error::Result;
use crate::kafka::Cluster;

/// Deletes the topics and groups of a run, unless they are to be kept; answers the names of those that are still there.
pub(super) async fn clean_up(cluster: &Cluster, names: &Names, keep: bool) -> Vec<String> {
    // Those that should exist, when the cluster does not say.
    let topics = topics(cluster, names)
        .await
        .unwrap_or_else(|_| names.topics());
    let groups: Vec<String> = SERVICES
        .iter()
        .map(|service| names.group(service))
        .collect();
    if keep {
        return topics.into_iter().chain(groups).collect();
    }
    delete(cluster, &groups, &topics).await
}

/// Deletes these groups and topics; answers the names of those that are still there.
pub(super) async fn delete(cluster: &Cluster, groups: &[String], topics: &[String]) -> Vec<String> {
    let mut left = Vec::new();
    for (all, outcomes) in [
        (groups, cluster.delete_groups(groups).await),
        (topics, cluster.delete_topics(topics).await),
    ] {
        match outcomes {
            Ok(outcomes) => left.extend(outcomes.into_iter().filter_map(|(name, outcome)| {
                let error = outcome.err()?;
                tracing::warn!("`{name}` was not deleted: {}", error.one_line());
                Some(name)
            })),
            Err(error) => {
                tracing::warn!("nothing was deleted: {}", error.one_line());
                left.extend(all.iter().cloned());
            }
        }
    }
    left
}

/// The topics of the run that exist.
pub(super) async fn topics(cluster: &Cluster, names: &Names) -> Result<Vec<String>> {
    let ours = names.topics();
    let topics = cluster.topics().await?.into_iter().map(|topic| topic.name);
    let is_ours = |topic: &String| ours.contains(topic) || names.is_dead_letters(topic);
    Ok(topics.filter(is_ours).collect())
}
