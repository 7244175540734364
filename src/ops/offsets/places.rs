//! Which partitions of which groups a command is about, and what is known of them.

use crate::error::{Error, Result};
use crate::kafka::{Cluster, Committed, Isolation};
use crate::model::group::GroupListing;
use crate::model::topic::TopicPartition;
use crate::ops::group::{Occupied, occupied};
use crate::ops::{missing, scan};
use std::collections::{BTreeMap, BTreeSet};

/// To which topics and partitions a command is limited.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Empty: those that the group has commits in.
    pub topics: Vec<String>,
    /// Empty: all.
    pub partitions: Vec<i32>,
}

/// What the groups committed, and where they are.
pub(super) struct Found {
    /// In the order asked for; partitions without a commit are there when their topic was named.
    pub(super) groups: Vec<(String, Committed)>,
    pub(super) occupied: Vec<Occupied>,
    /// First and next offset, or why they are not known. Partitions that do not exist are not in it.
    pub(super) extents: scan::Answers,
    /// Topics that groups have commits in and that do not exist (any more).
    pub(super) gone: BTreeSet<String>,
    /// Partitions, by group and topic, without a commit beside others that have one. Empty when topics were named.
    pub(super) untouched: BTreeMap<(String, String), Vec<i32>>,
}

impl Limits {
    pub(super) fn allow(&self, place: &TopicPartition) -> bool {
        (self.topics.is_empty() || self.topics.contains(&place.topic))
            && (self.partitions.is_empty() || self.partitions.contains(&place.partition))
    }
}

impl Limits {
    /// Refuses what was named and meets nothing: a typo must not pass for an empty answer.
    pub(super) fn check<'a>(
        &self,
        places: impl Iterator<Item = (&'a str, i32)> + Clone,
    ) -> Result<()> {
        for topic in &self.topics {
            if !places.clone().any(|(other, _)| other == topic) {
                return Err(nothing(format!("nothing is committed in topic `{topic}`")));
            }
        }
        for number in &self.partitions {
            if !places.clone().any(|(_, other)| other == *number) {
                return Err(nothing(format!("no partition {number} is meant by this")));
            }
        }
        Ok(())
    }
}

fn nothing(sentence: String) -> Error {
    Error::failed(sentence).hint("`eda offsets show GROUP` shows what a group has committed in")
}

/// What a group committed; the first that cannot be read is an error.
pub(super) async fn committed(
    cluster: &Cluster,
    groups: &[String],
) -> Result<Vec<(String, Committed)>> {
    let listings: Vec<GroupListing> = groups.iter().map(GroupListing::unlisted).collect();
    let answers = cluster.committed_of_groups(&listings).await?;
    let offsets = |(group, offsets): (String, Result<Committed>)| Ok((group, offsets?));
    answers.into_iter().map(offsets).collect()
}

/// Looks up the groups, which must exist unless `may_be_new`, and what they committed within the limits.
///
/// # Errors
/// A group or a named topic that does not exist, with what was perhaps meant.
pub(super) async fn find(
    cluster: &Cluster,
    groups: &[String],
    limits: &Limits,
    may_be_new: bool,
) -> Result<Found> {
    let mut groups = groups.to_vec();
    let mut seen = BTreeSet::new();
    groups.retain(|group| seen.insert(group.clone()));
    let (topics, all) = tokio::try_join!(cluster.topics(), committed(cluster, &groups))?;
    let sizes: BTreeMap<&str, usize> = topics
        .iter()
        .map(|topic| (topic.name.as_str(), topic.partitions.len()))
        .collect();
    for name in &limits.topics {
        if !sizes.contains_key(name.as_str()) {
            return Err(missing::topic(cluster, name, sizes.keys().copied()).await);
        }
    }
    let has_offsets = |group: &str| {
        all.iter()
            .any(|(other, offsets)| other == group && !offsets.is_empty())
    };
    let occupied = occupied(cluster, &groups, has_offsets, may_be_new).await?;
    let mut gone = BTreeSet::new();
    let mut untouched = BTreeMap::new();
    let mut found = Vec::new();
    for (group, offsets) in all {
        let read: BTreeSet<&str> = offsets.keys().map(|place| place.topic.as_str()).collect();
        for topic in read.into_iter().filter(|_| limits.topics.is_empty()) {
            let size = sizes.get(topic).copied().unwrap_or(0);
            let places = (0i32..).take(size).map(|id| TopicPartition::new(topic, id));
            let without: Vec<i32> = places
                .filter(|place| limits.allow(place) && !offsets.contains_key(place))
                .map(|place| place.partition)
                .collect();
            if !without.is_empty() {
                untouched.insert((group.clone(), topic.to_owned()), without);
            }
        }
        let mut within = Committed::new();
        for (place, offset) in offsets {
            match sizes.contains_key(place.topic.as_str()) {
                _ if !limits.allow(&place) => {}
                true => {
                    within.insert(place, offset);
                }
                false => {
                    gone.insert(place.topic);
                }
            }
        }
        // A topic that was named is meant as a whole, also where the group has not committed yet.
        for name in &limits.topics {
            let size = sizes.get(name.as_str()).copied().unwrap_or(0);
            let places = (0i32..).take(size).map(|id| TopicPartition::new(name, id));
            for place in places.filter(|place| limits.allow(place)) {
                within.entry(place).or_insert(None);
            }
        }
        found.push((group, within));
    }
    let places: BTreeSet<&TopicPartition> = found
        .iter()
        .flat_map(|(_, offsets)| offsets.keys())
        .collect();
    let places: Vec<TopicPartition> = places.into_iter().cloned().collect();
    let extents = scan::extents_each(cluster, &places, Isolation::ReadUncommitted).await?;
    Ok(Found {
        groups: found,
        occupied,
        extents,
        gone,
        untouched,
    })
}
