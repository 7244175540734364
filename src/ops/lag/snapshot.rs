//! One look at the cluster: commits of groups, starts and ends of what they read.

use super::LagRequest;
use crate::error::Result;
use crate::kafka::{Cluster, Isolation};
use crate::model::group::{GroupDescription, GroupListing};
use crate::model::lag::{PartitionLag, compute};
use crate::model::pattern::Pattern;
use crate::model::topic::{Topic, TopicPartition};
use crate::ops::{missing, scan};
use std::collections::{BTreeMap, BTreeSet};

/// Next offsets by partition; `None` where a group has none.
pub(in crate::ops) type Committed = BTreeMap<TopicPartition, Option<i64>>;

/// What was found.
#[derive(Debug)]
pub struct Snapshot {
    /// A row a partition, sorted by group, topic and partition.
    pub rows: Vec<PartitionLag>,
    /// The groups that were asked for and whose offsets could be read, sorted.
    pub groups: Vec<GroupListing>,
    /// Every topic of the cluster, sorted.
    pub topics: Vec<Topic>,
    /// Topics that groups have offsets in and that do not exist.
    pub gone: BTreeSet<String>,
    /// What could not be learnt, a sentence each.
    pub failures: Vec<String>,
}

/// Asks for the groups, what they committed and where the partitions start and end.
///
/// # Errors
/// When a group or topic that was named does not exist, or the cluster as a whole does not answer; what single groups
/// and partitions do not tell is in [`Snapshot::failures`].
pub async fn snapshot(cluster: &Cluster, request: &LagRequest) -> Result<Snapshot> {
    let (listings, topics) = tokio::try_join!(cluster.groups(), cluster.topics())?;
    let mut groups = chosen(cluster, listings, &request.groups)?;
    let sizes: BTreeMap<String, usize> = topics
        .iter()
        .map(|topic| (topic.name.clone(), topic.partitions.len()))
        .collect();
    for name in &request.topics {
        if !sizes.contains_key(name) {
            let known = sizes.keys().map(String::as_str);
            return Err(missing::topic(cluster, name, known));
        }
    }
    let mut failures = Vec::new();
    let mut committed: Vec<(String, Committed)> = Vec::new();
    let mut unread = BTreeSet::new();
    let reads = reads(cluster, &groups, request, &mut failures).await?;
    let nothing = BTreeSet::new();
    for (group, offsets) in cluster.committed_of_groups(&groups).await? {
        match offsets {
            Ok(offsets) => {
                let reads = reads.get(&group).unwrap_or(&nothing);
                let offsets = whole_topics(offsets, &sizes, reads, &request.topics);
                committed.push((group, offsets));
            }
            Err(error) => {
                failures.push(format!("group `{group}`: {}", error.one_line()));
                unread.insert(group);
            }
        }
    }
    groups.retain(|group| !unread.contains(&group.id));
    let partitions: BTreeSet<TopicPartition> = committed
        .iter()
        .flat_map(|(_, offsets)| offsets.keys().cloned())
        .collect();
    let partitions: Vec<TopicPartition> = partitions
        .into_iter()
        .filter(|place| sizes.contains_key(&place.topic))
        .collect();
    let answers =
        scan::extents_of_existing(cluster, &partitions, Isolation::ReadUncommitted).await?;
    let answered: BTreeSet<TopicPartition> = answers.keys().cloned().collect();
    let gone = committed
        .iter()
        .flat_map(|(_, offsets)| offsets.keys())
        .filter(|place| !answered.contains(place))
        .map(|place| place.topic.clone())
        .collect();
    let (extents, unlearnt) = scan::split(answers);
    failures.extend(unlearnt.map(|error| error.one_line()));
    let starts = extents
        .iter()
        .map(|(place, (start, _))| (place.clone(), *start))
        .collect();
    let ends = extents
        .iter()
        .map(|(place, (_, end))| (place.clone(), *end))
        .collect();
    let mut rows = Vec::new();
    for (group, offsets) in &committed {
        rows.extend(compute(group, offsets, &starts, &ends));
    }
    Ok(Snapshot {
        rows,
        groups,
        topics,
        gone,
        failures,
    })
}

/// The topics that groups asked for read besides those they have commits in: a group that has not committed yet is
/// behind in all of them. Not when all groups are shown, where each live one would have to be described.
async fn reads(
    cluster: &Cluster,
    groups: &[GroupListing],
    request: &LagRequest,
    failures: &mut Vec<String>,
) -> Result<BTreeMap<String, BTreeSet<String>>> {
    if request.groups.is_empty() {
        return Ok(BTreeMap::new());
    }
    if !request.topics.is_empty() {
        let wanted: BTreeSet<String> = request.topics.iter().cloned().collect();
        let all = groups.iter();
        return Ok(all
            .map(|group| (group.id.clone(), wanted.clone()))
            .collect());
    }
    // Only consumers say what they are assigned in a way that we understand.
    let live: Vec<String> = groups
        .iter()
        .filter(|group| group.state.is_live() && group.protocol_type == "consumer")
        .map(|group| group.id.clone())
        .collect();
    let mut reads = BTreeMap::new();
    for (group, described) in cluster.describe_groups(&live).await? {
        match described {
            Ok(described) => {
                reads.insert(group, assigned(&described));
            }
            Err(error) => failures.push(format!("group `{group}`: {}", error.one_line())),
        }
    }
    Ok(reads)
}

fn assigned(group: &GroupDescription) -> BTreeSet<String> {
    let places = group.members.iter().flat_map(|member| {
        member
            .assignment
            .iter()
            .chain(member.target.iter().flatten())
    });
    places.map(|place| place.topic.clone()).collect()
}

fn chosen(
    cluster: &Cluster,
    listings: Vec<GroupListing>,
    wanted: &[Pattern],
) -> Result<Vec<GroupListing>> {
    for pattern in wanted.iter().filter(|pattern| pattern.is_literal()) {
        let id = pattern.as_str();
        if !listings.iter().any(|listing| listing.id == id) {
            let known = listings.iter().map(|listing| listing.id.as_str());
            return Err(missing::group(cluster, id, known));
        }
    }
    let chosen = |listing: &GroupListing| {
        wanted.is_empty() || wanted.iter().any(|pattern| pattern.matches(&listing.id))
    };
    Ok(listings.into_iter().filter(chosen).collect())
}

/// Adds the partitions without a commit to the topics that have one somewhere, and to those the group `reads`: a group
/// that never reached partition 3 is behind there, and leaving the row out would hide it.
pub(in crate::ops) fn whole_topics(
    offsets: Committed,
    topics: &BTreeMap<String, usize>,
    reads: &BTreeSet<String>,
    wanted: &[String],
) -> Committed {
    let mut whole: Committed = offsets
        .into_iter()
        .filter(|(place, _)| wanted.is_empty() || wanted.contains(&place.topic))
        .collect();
    let mut names: BTreeSet<String> = whole.keys().map(|place| place.topic.clone()).collect();
    names.extend(reads.iter().cloned());
    for name in names {
        let partitions = topics.get(&name).copied().unwrap_or(0);
        for partition in (0i32..).take(partitions) {
            whole
                .entry(TopicPartition::new(&name, partition))
                .or_insert(None);
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_without_a_commit_are_rows_too() {
        let offsets = BTreeMap::from([(TopicPartition::new("orders", 1), Some(4))]);
        let topics = BTreeMap::from([("orders".to_owned(), 3), ("other".to_owned(), 2)]);
        let nothing = BTreeSet::new();
        let whole = whole_topics(offsets.clone(), &topics, &nothing, &[]);
        assert_eq!(whole.len(), 3);
        assert_eq!(whole[&TopicPartition::new("orders", 0)], None);
        let wanted = ["other".to_owned()];
        let only = whole_topics(offsets.clone(), &topics, &nothing, &wanted);
        assert!(only.is_empty());
        // A group that reads a topic and has not committed there.
        let reads = BTreeSet::from(wanted.clone());
        assert_eq!(whole_topics(offsets, &topics, &reads, &[]).len(), 5);
        let only = whole_topics(Committed::new(), &topics, &reads, &wanted);
        assert_eq!(only.len(), 2);
        assert!(only.values().all(Option::is_none));
    }
}
