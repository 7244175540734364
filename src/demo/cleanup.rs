//! Leaving a cluster as it was.

use super::topology::{Names, SERVICES};
use crate::error::Result;
use crate::kafka::Cluster;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How often a group is asked to go that still waits for a member that was killed.
const LOOK: Duration = Duration::from_millis(200);

/// Deletes the topics and groups of a run, unless they are to be kept; answers the names of those that are still there.
/// Groups may take so long until they have noticed that members are gone.
pub(super) async fn clean_up(
    cluster: &Cluster,
    names: &Names,
    keep: bool,
    patience: Duration,
) -> Vec<String> {
    // Those that should exist, when the cluster does not say.
    let topics = topics(cluster, names)
        .await
        .unwrap_or_else(|_| names.topics());
    let groups = groups(cluster, names).await;
    if keep {
        return topics.into_iter().chain(groups).collect();
    }
    delete(cluster, groups, &topics, patience).await
}

/// Deletes these groups, for so long as they may take, and topics; answers the names of those that are still there.
pub(super) async fn delete(
    cluster: &Cluster,
    mut groups: Vec<String>,
    topics: &[String],
    patience: Duration,
) -> Vec<String> {
    let deadline = Instant::now() + patience;
    loop {
        groups = remaining(&groups, cluster.delete_groups(&groups).await);
        if groups.is_empty() || Instant::now() >= deadline {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    groups.extend(remaining(topics, cluster.delete_topics(topics).await));
    groups
}

/// The outcome of a run, which says what it leaves behind when there is no report to say it.
pub(super) fn saying<T>(outcome: Result<T>, left_behind: &[String]) -> Result<T> {
    match left_behind {
        [] => outcome,
        _ => outcome.map_err(|error| error.hint(format!("left behind: {}", left_behind.join(" ")))),
    }
}

/// The groups of the run that exist; all there may be, when the cluster does not say.
async fn groups(cluster: &Cluster, names: &Names) -> Vec<String> {
    let ours = SERVICES.iter().map(|service| names.group(service));
    match cluster.groups().await {
        Ok(groups) => {
            let there: BTreeSet<String> = groups.into_iter().map(|group| group.id).collect();
            ours.filter(|group| there.contains(group)).collect()
        }
        Err(_) => ours.collect(),
    }
}

/// Those that were not deleted.
fn remaining(all: &[String], outcomes: Result<Vec<(String, Result<()>)>>) -> Vec<String> {
    match outcomes {
        Ok(outcomes) => {
            let failed = outcomes.into_iter().filter_map(|(name, outcome)| {
                let error = outcome.err()?;
                tracing::info!("`{name}` was not deleted: {}", error.one_line());
                Some(name)
            });
            failed.collect()
        }
        Err(error) => {
            tracing::info!("nothing was deleted: {}", error.one_line());
            all.to_vec()
        }
    }
}

/// The topics of the run that exist.
pub(super) async fn topics(cluster: &Cluster, names: &Names) -> Result<Vec<String>> {
    let ours = names.topics();
    let topics = cluster.topics().await?.into_iter().map(|topic| topic.name);
    let is_ours = |topic: &String| ours.contains(topic) || names.is_dead_letters(topic);
    Ok(topics.filter(is_ours).collect())
}
