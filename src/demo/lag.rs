//! How far the groups of a run are behind, as the cluster sees it.

use super::topology::{Names, SERVICES, Service};
use crate::error::Result;
use crate::kafka::{Cluster, Isolation};
use crate::model::group::GroupListing;
use crate::model::topic::TopicPartition;
use crate::ops::scan;
use std::collections::BTreeMap;

/// What each group has left to read; `None` when an offset could not be learnt. A partition without a commit counts from
/// its start, for that is where these groups begin.
///
/// When all are 0 and nobody but the groups produces, the run is over: the ends are asked for after the commits, a commit
/// comes after the acknowledgement of what its records led to, so everything there is was read by everyone.
pub(super) async fn lags(
    cluster: &Cluster,
    names: &Names,
) -> Result<BTreeMap<String, Option<i64>>> {
    // Asked all at once. Who coordinates them is found out on the way.
    let listing = |service: &Service| GroupListing::unlisted(names.group(service));
    let listings: Vec<GroupListing> = SERVICES.iter().map(listing).collect();
    let mut commits = Vec::new();
    let answers = cluster.committed_of_groups(&listings).await?;
    for (service, (group, committed)) in SERVICES.iter().zip(answers) {
        commits.push((service, group, committed?));
    }
    // Dead-letter topics appear while it runs.
    let partitions = partitions(cluster, names).await?;
    let answers = scan::extents_each(cluster, &partitions, Isolation::ReadUncommitted).await?;
    let (extents, _unlearnt) = scan::split(answers);
    let behind = |service: &Service, committed: &BTreeMap<TopicPartition, Option<i64>>| {
        let read = |place: &&TopicPartition| names.reads(service, &place.topic);
        let of = |place: &TopicPartition| {
            let (start, end) = extents.get(place)?;
            let position = committed.get(place).copied().flatten();
            Some((end - position.unwrap_or(*start)).max(0))
        };
        partitions.iter().filter(read).map(of).sum()
    };
    let lag = |(service, group, committed)| (group, behind(service, &committed));
    Ok(commits.into_iter().map(lag).collect())
}

/// All partitions of the run's topics.
async fn partitions(cluster: &Cluster, names: &Names) -> Result<Vec<TopicPartition>> {
    let ours = names.topics();
    let topics = cluster.topics().await?.into_iter();
    let ours =
        topics.filter(|topic| ours.contains(&topic.name) || names.is_dead_letters(&topic.name));
    let of_topic = |topic: crate::model::topic::Topic| {
        let ids: Vec<i32> = topic
            .partitions
            .iter()
            .map(|partition| partition.id)
            .collect();
        ids.into_iter()
            .map(move |id| TopicPartition::new(topic.name.as_str(), id))
    };
    Ok(ours.flat_map(of_topic).collect())
}
