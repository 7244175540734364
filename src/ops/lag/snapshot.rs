//! One look at the cluster: commits of groups, starts and ends of what they read.

use super::LagRequest;
use crate::error::{Error, Result};
use crate::kafka::{Cluster, Committed, Isolation};
use crate::model::group::{GroupDescription, GroupListing};
use crate::model::lag::{PartitionLag, compute};
use crate::model::pattern::{Pattern, chooses};
use crate::model::topic::{Topic, TopicPartition};
use crate::ops::{missing, scan};
use std::collections::{BTreeMap, BTreeSet};

/// What was found.
#[derive(Debug)]
pub struct Snapshot {
    /// A row a partition, sorted by group, topic and partition.
    pub rows: Vec<PartitionLag>,
    /// The groups that were asked for, sorted.
    pub groups: Vec<GroupListing>,
    /// Those of them that had to be described, to learn what they read.
    pub described: BTreeMap<String, GroupDescription>,
    /// Those of them whose offsets could not be read.
    pub unread: BTreeSet<String>,
    /// Every topic of the cluster, sorted.
    pub topics: Vec<Topic>,
    /// First and next offset of each partition that was asked about and told them.
    pub extents: scan::Stretch,
    /// Topics that groups have offsets in and that do not exist.
    pub gone: BTreeSet<String>,
    /// Why a partition that exists did not tell its offsets.
    pub unanswered: BTreeMap<TopicPartition, String>,
    /// What could not be learnt, a sentence each.
    pub failures: Vec<String>,
}

/// Asks for the groups, what they committed and where the partitions start and end.
///
/// # Errors
/// When a group or topic that was named does not exist, or the cluster as a whole does not answer; what single groups
/// and partitions do not tell is in [`Snapshot::failures`].
pub async fn snapshot(cluster: &Cluster, request: &LagRequest) -> Result<Snapshot> {
    let survey = Survey::of(cluster).await?;
    let groups = survey.choose(cluster, request).await?;
    survey.look(cluster, request, groups).await
}

/// The same with the offsets of every partition there is but those of Kafka's own topics, and with members counted
/// wherever that can be learnt.
pub(super) async fn snapshot_of_all(cluster: &Cluster, request: &LagRequest) -> Result<Snapshot> {
    let mut survey = Survey::of(cluster).await?;
    survey.whole = true;
    let groups = survey.choose(cluster, request).await?;
    survey.look(cluster, request, groups).await
}

/// What there is: it changes seldom, so who looks again and again need not ask for it each time.
#[derive(Clone, Debug)]
pub(super) struct Survey {
    listings: Vec<GroupListing>,
    topics: Vec<Topic>,
    /// See [`snapshot_of_all`].
    whole: bool,
}

impl Survey {
    pub(super) async fn of(cluster: &Cluster) -> Result<Survey> {
        let (listings, topics) = tokio::try_join!(cluster.groups(), cluster.topics())?;
        Ok(Survey {
            listings,
            topics,
            whole: false,
        })
    }

    /// The groups asked for.
    ///
    /// # Errors
    /// A group or topic that was named does not exist.
    pub(super) async fn choose(
        &self,
        cluster: &Cluster,
        request: &LagRequest,
    ) -> Result<Vec<GroupListing>> {
        let literal = |pattern: &&Pattern| pattern.is_literal();
        for name in request.groups.iter().filter(literal).map(Pattern::as_str) {
            if !self.listings.iter().any(|listing| listing.id == name) {
                let known = self.listings.iter().map(|listing| listing.id.as_str());
                return Err(missing::group(cluster, name, known).await);
            }
        }
        for name in request.topics.iter().filter(literal).map(Pattern::as_str) {
            if !self.topics.iter().any(|topic| topic.name == name) {
                let known = self.topics.iter().map(|topic| topic.name.as_str());
                return Err(missing::topic(cluster, name, known).await);
            }
        }
        let chosen = |listing: &&GroupListing| chooses(&request.groups, &listing.id);
        Ok(self.listings.iter().filter(chosen).cloned().collect())
    }

    /// Looks at `groups`.
    pub(super) async fn look(
        &self,
        cluster: &Cluster,
        request: &LagRequest,
        mut groups: Vec<GroupListing>,
    ) -> Result<Snapshot> {
        let sizes: BTreeMap<String, usize> = self
            .topics
            .iter()
            .map(|topic| (topic.name.clone(), topic.partitions.len()))
            .collect();
        let mut failures = Vec::new();
        let mut committed: Vec<(String, Committed)> = Vec::new();
        let mut unread = BTreeSet::new();
        let described = described(cluster, &groups, request, &mut failures).await?;
        if self.whole {
            count_members(cluster, &mut groups, &mut failures).await?;
        }
        let reads = reads(&described, request);
        let nothing = BTreeSet::new();
        for (group, offsets) in cluster.committed_of_groups(&groups).await? {
            match offsets {
                Ok(mut offsets) => {
                    offsets.retain(|place, _| chooses(&request.topics, &place.topic));
                    let reads = reads.get(&group).unwrap_or(&nothing);
                    committed.push((group, whole_topics(offsets, &sizes, reads, &[])));
                }
                Err(error) => {
                    failures.push(format!("group `{group}`: {}", error.one_line()));
                    unread.insert(group);
                }
            }
        }
        let mut partitions: BTreeSet<TopicPartition> = committed
            .iter()
            .flat_map(|(_, offsets)| offsets.keys().cloned())
            .collect();
        if self.whole {
            let topics = self.topics.iter().filter(|topic| !topic.internal);
            partitions.extend(topics.flat_map(Topic::places));
        }
        let partitions: Vec<TopicPartition> = partitions
            .into_iter()
            .filter(|place| sizes.contains_key(&place.topic))
            .collect();
        let answers = scan::extents_of_existing(cluster, &partitions, request.isolation).await?;
        let gone = committed
            .iter()
            .flat_map(|(_, offsets)| offsets.keys())
            .filter(|place| !answers.contains_key(place))
            .map(|place| place.topic.clone())
            .collect();
        let reason = |(place, answer): (&TopicPartition, &Result<(i64, i64)>)| {
            let error = answer.as_ref().err()?;
            Some((place.clone(), error.one_line()))
        };
        let unanswered = answers.iter().filter_map(reason).collect();
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
        if request.isolation == Isolation::ReadCommitted {
            // The end is then that before every open transaction, which others may read past.
            rows.iter_mut().for_each(|row| row.ahead = 0);
        }
        Ok(Snapshot {
            rows,
            groups,
            described,
            unread,
            topics: self.topics.clone(),
            extents,
            gone,
            unanswered,
            failures,
        })
    }
}

/// Said when patterns were given and no group fits them.
pub(super) fn nothing_fits(cluster: &Cluster, patterns: &[Pattern]) -> Error {
    let brokers = &cluster.connection().brokers;
    let patterns: Vec<&str> = patterns.iter().map(Pattern::as_str).collect();
    let sentence = format!("no group matches `{}` on {brokers}", patterns.join("`, `"));
    Error::failed(sentence).hint("`eda lag` shows the groups")
}

/// The live ones of the groups asked for. Not when all groups are shown, where each would have to be described.
async fn described(
    cluster: &Cluster,
    groups: &[GroupListing],
    request: &LagRequest,
    failures: &mut Vec<String>,
) -> Result<BTreeMap<String, GroupDescription>> {
    if request.groups.is_empty() {
        return Ok(BTreeMap::new());
    }
    // Only consumers say what they are assigned in a way that we understand.
    let live: Vec<String> = groups
        .iter()
        .filter(|group| group.state.is_live() && group.protocol_type == "consumer")
        .map(|group| group.id.clone())
        .collect();
    let mut described = BTreeMap::new();
    for (group, description) in cluster.describe_groups(&live).await? {
        match description {
            Ok(description) => {
                described.insert(group, description);
            }
            Err(error) => failures.push(format!("group `{group}`: {}", error.one_line())),
        }
    }
    Ok(described)
}

/// The listing counts the members of all groups but KIP-848's, which are to be described.
async fn count_members(
    cluster: &Cluster,
    groups: &mut [GroupListing],
    failures: &mut Vec<String>,
) -> Result<()> {
    let uncounted = groups.iter().filter(|group| group.is_uncounted());
    let uncounted: Vec<String> = uncounted.map(|group| group.id.clone()).collect();
    for (id, description) in cluster.describe_groups(&uncounted).await? {
        match description {
            Ok(description) => {
                let mut groups = groups.iter_mut();
                if let Some(group) = groups.find(|group| group.id == id) {
                    group.members = Some(description.members.len());
                }
            }
            Err(error) => failures.push(format!("group `{id}`: {}", error.one_line())),
        }
    }
    Ok(())
}

/// The topics that groups asked for read besides those they have commits in: a group that has not committed yet is
/// behind in all of them.
fn reads(
    described: &BTreeMap<String, GroupDescription>,
    request: &LagRequest,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut reads: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // Both named: whoever asks for this group in this topic sees it there, committed or not.
    let literal = |pattern: &&Pattern| pattern.is_literal();
    let topics = request.topics.iter().filter(literal);
    let topics: BTreeSet<String> = topics.map(|topic| topic.as_str().to_owned()).collect();
    for group in request.groups.iter().filter(literal) {
        reads.insert(group.as_str().to_owned(), topics.clone());
    }
    for (group, description) in described {
        let assigned = assigned(description).filter(|topic| chooses(&request.topics, topic));
        reads.entry(group.clone()).or_default().extend(assigned);
    }
    reads
}

fn assigned(group: &GroupDescription) -> impl Iterator<Item = String> {
    let places = group.members.iter().flat_map(|member| {
        member
            .assignment
            .iter()
            .chain(member.target.iter().flatten())
    });
    places.map(|place| place.topic.clone())
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
