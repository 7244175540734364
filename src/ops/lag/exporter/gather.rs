//! One look at the whole cluster, for the exporter: every partition, every group, what they committed.
//!
//! Offsets of partitions do not depend on those of groups here, as all partitions are shown; so both are asked for at
//! once, which makes a scrape about as long as the slower of the two.

use super::Selection;
use crate::error::{Error, Result};
use crate::kafka::{Cluster, Committed, Isolation};
use crate::model::cluster::ClusterBroker;
use crate::model::lag::{PartitionLag, compute};
use crate::model::pattern::{Pattern, chooses};
use crate::model::topic::{Topic, TopicPartition};
use crate::ops::{missing, scan};
use std::collections::BTreeMap;

/// What was found, all of it sorted.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) cluster_id: Option<String>,
    pub(super) brokers: Vec<ClusterBroker>,
    pub(super) topics: Vec<Topic>,
    /// First and next offset of every partition that told them.
    pub(super) extents: scan::Stretch,
    /// How many members each group has, where that is known.
    pub(super) members: Vec<(String, usize)>,
    /// A row for each partition that a group has committed in.
    pub(super) lags: Vec<PartitionLag>,
    /// What was named and does not exist.
    pub(super) missing: Vec<Error>,
    /// What exists and could not be learnt: a sentence for each group, and one for all partitions.
    pub(super) failures: Vec<String>,
    /// How many partitions did not tell their offsets.
    pub(super) silent: usize,
}

impl Look {
    /// Everything that is not as it should be, a sentence each.
    pub(super) fn faults(&self) -> impl Iterator<Item = String> {
        let missing = self.missing.iter().map(Error::one_line);
        missing.chain(self.failures.iter().cloned())
    }

    /// How many groups, partitions and names it is that are not.
    pub(super) fn count(&self) -> usize {
        self.faults().count() + self.silent.saturating_sub(1)
    }
}

/// Looks once. No bound of its own but that of each request.
///
/// # Errors
/// When the cluster as a whole does not answer. Single groups and partitions, and names that do not exist, are no
/// reason to show nothing: see [`Look::missing`] and [`Look::failures`].
pub(super) async fn look(cluster: &Cluster, selection: &Selection) -> Result<Look> {
    let ((id, brokers, on_topics), on_groups) = tokio::try_join!(
        on_cluster(cluster, &selection.topics),
        groups(cluster, &selection.groups)
    )?;
    let ends: BTreeMap<TopicPartition, i64> = on_topics
        .extents
        .iter()
        .map(|(place, (_, end))| (place.clone(), *end))
        .collect();
    let mut lags = Vec::new();
    for (group, mut committed) in on_groups.committed {
        committed
            .retain(|place, offset| offset.is_some() && chooses(&selection.topics, &place.topic));
        lags.extend(compute(&group, &committed, &BTreeMap::new(), &ends));
    }
    let mut missing = on_groups.missing;
    missing.extend(on_topics.missing);
    let mut failures = on_groups.failures;
    failures.extend(on_topics.unlearnt);
    Ok(Look {
        cluster_id: id,
        brokers,
        topics: on_topics.topics,
        extents: on_topics.extents,
        members: on_groups.members,
        lags,
        missing,
        failures,
        silent: on_topics.silent,
    })
}

struct OnTopics {
    topics: Vec<Topic>,
    extents: scan::Stretch,
    unlearnt: Option<String>,
    silent: usize,
    missing: Vec<Error>,
}

async fn on_cluster(
    cluster: &Cluster,
    patterns: &[Pattern],
) -> Result<(Option<String>, Vec<ClusterBroker>, OnTopics)> {
    let description = cluster.describe().await?;
    let on_topics = topics(cluster, description.topics, patterns).await?;
    Ok((description.id, description.brokers, on_topics))
}

async fn topics(cluster: &Cluster, all: Vec<Topic>, patterns: &[Pattern]) -> Result<OnTopics> {
    let known: Vec<String> = all.iter().map(|topic| topic.name.clone()).collect();
    let (topics, unknown) = chosen(all, patterns, |topic| topic.name.as_str());
    let mut missing = Vec::new();
    for name in unknown {
        let known = known.iter().map(String::as_str);
        missing.push(missing::topic(cluster, name, known).await);
    }
    let of_topic = |topic: &Topic| -> Vec<TopicPartition> {
        let partitions = topic.partitions.iter();
        partitions
            .map(|partition| TopicPartition::new(topic.name.as_str(), partition.id))
            .collect()
    };
    let places: Vec<TopicPartition> = topics.iter().flat_map(of_topic).collect();
    let answers = scan::extents_of_existing(cluster, &places, Isolation::ReadUncommitted).await?;
    let asked = answers.len();
    let (extents, unlearnt) = scan::split(answers);
    Ok(OnTopics {
        topics,
        silent: asked - extents.len(),
        extents,
        unlearnt: unlearnt.map(|error| error.one_line()),
        missing,
    })
}

struct OnGroups {
    committed: Vec<(String, Committed)>,
    members: Vec<(String, usize)>,
    failures: Vec<String>,
    missing: Vec<Error>,
}

async fn groups(cluster: &Cluster, patterns: &[Pattern]) -> Result<OnGroups> {
    let all = cluster.groups().await?;
    let known: Vec<String> = all.iter().map(|group| group.id.clone()).collect();
    let (groups, unknown) = chosen(all, patterns, |group| group.id.as_str());
    let mut missing = Vec::new();
    for id in unknown {
        let known = known.iter().map(String::as_str);
        missing.push(missing::group(cluster, id, known).await);
    }
    // Only KIP-848's groups have to be described: the listing counts the others.
    let uncounted: Vec<String> = groups
        .iter()
        .filter(|group| group.is_uncounted())
        .map(|group| group.id.clone())
        .collect();
    let (offsets, described) = tokio::try_join!(
        cluster.committed_of_groups(&groups),
        cluster.describe_groups(&uncounted)
    )?;
    let mut failures = Vec::new();
    let mut unlearnt = |group: &str, error: &Error| {
        failures.push(format!("group `{group}`: {}", error.one_line()));
    };
    let mut committed = Vec::new();
    for (group, offsets) in offsets {
        match offsets {
            Ok(offsets) => committed.push((group, offsets)),
            Err(error) => unlearnt(&group, &error),
        }
    }
    let mut members: BTreeMap<String, usize> = groups
        .into_iter()
        .filter_map(|group| Some((group.id, group.members?)))
        .collect();
    for (group, described) in described {
        match described {
            Ok(described) => {
                members.insert(group, described.members.len());
            }
            Err(error) => unlearnt(&group, &error),
        }
    }
    Ok(OnGroups {
        committed,
        members: members.into_iter().collect(),
        failures,
        missing,
    })
}

/// Those that a pattern chooses, all when there are none; and each name that is nobody's.
fn chosen<T>(all: Vec<T>, patterns: &[Pattern], name: impl Fn(&T) -> &str) -> (Vec<T>, Vec<&str>) {
    if patterns.is_empty() {
        return (all, Vec::new());
    }
    let known: Vec<&str> = all.iter().map(&name).collect();
    let is_missing = |pattern: &&Pattern| {
        pattern.is_literal() && !known.iter().any(|name| pattern.matches(name))
    };
    let missing = patterns
        .iter()
        .filter(is_missing)
        .map(Pattern::as_str)
        .collect();
    let is_chosen = |item: &T| patterns.iter().any(|pattern| pattern.matches(name(item)));
    (all.into_iter().filter(is_chosen).collect(), missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_missing_is_an_error_and_a_pattern_that_fits_nothing_is_not() {
        let choose = |patterns: &[&str]| {
            let patterns: Vec<Pattern> = patterns.iter().map(|text| (*text).into()).collect();
            let all = vec!["audit", "payment", "payment-dlq"];
            let (chosen, missing) = chosen(all, &patterns, |name| name);
            let missing: Vec<String> = missing.into_iter().map(str::to_owned).collect();
            (chosen, missing)
        };
        assert_eq!(choose(&[]).0.len(), 3);
        let (chosen, missing) = choose(&["payment*", "x*", "audti"]);
        assert_eq!(chosen, ["payment", "payment-dlq"]);
        assert_eq!(missing, ["audti"]);
    }
}
