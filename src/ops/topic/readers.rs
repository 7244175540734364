//! Who reads a topic: the groups with commits in it, and those that are assigned it without having committed yet.

use crate::kafka::{Cluster, Committed};
use crate::model::group::{GroupListing, GroupState};
use crate::model::lag::{compute, total};
use crate::model::topic::{Topic, TopicPartition};
use crate::ops::{lag, scan};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A group that reads the topic.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reader {
    pub(super) group: String,
    pub(super) state: GroupState,
    /// Records behind in all its partitions; null where it is unknown in one that holds records.
    pub(super) lag: Option<i64>,
}

/// What every group committed. What cannot be read, all of it or one group's, is a sentence in `failures`: who only
/// wants to know is not kept from what he does.
pub(super) async fn committed(
    cluster: &Cluster,
    failures: &mut Vec<String>,
) -> Vec<(String, Committed)> {
    let listings = match cluster.groups().await {
        Ok(listings) => listings,
        Err(error) => {
            failures.push(error.one_line());
            return Vec::new();
        }
    };
    of_groups(cluster, &listings, failures).await
}

async fn of_groups(
    cluster: &Cluster,
    listings: &[GroupListing],
    failures: &mut Vec<String>,
) -> Vec<(String, Committed)> {
    let mut found = Vec::new();
    match cluster.committed_of_groups(listings).await {
        Ok(answers) => {
            for (group, committed) in answers {
                match committed {
                    Ok(committed) => found.push((group, committed)),
                    Err(error) => failures.push(format!("group `{group}`: {}", error.one_line())),
                }
            }
        }
        Err(error) => failures.push(error.one_line()),
    }
    found
}

/// The topic's readers, sorted by name.
pub(super) async fn readers(
    cluster: &Cluster,
    topic: &Topic,
    extents: &scan::Stretch,
    failures: &mut Vec<String>,
) -> Vec<Reader> {
    let sizes = BTreeMap::from([(topic.name.clone(), topic.partitions.len())]);
    let only = [topic.name.clone()];
    let listings = match cluster.groups().await {
        Ok(listings) => listings,
        Err(error) => {
            failures.push(error.one_line());
            return Vec::new();
        }
    };
    let states: BTreeMap<&str, GroupState> = listings
        .iter()
        .map(|listing| (listing.id.as_str(), listing.state))
        .collect();
    let mut readers = Vec::new();
    let mut silent = Vec::new();
    for (group, committed) in of_groups(cluster, &listings, failures).await {
        let here = lag::whole_topics(committed, &sizes, &BTreeSet::new(), &only);
        let state = states.get(group.as_str()).copied();
        let state = state.unwrap_or(GroupState::Unknown);
        match here.is_empty() {
            true if state.is_live() => silent.push(group),
            true => {}
            false => readers.push(Reader {
                lag: behind(&here, extents),
                group,
                state,
            }),
        }
    }
    // A live group without commits here reads the topic all the same, when it is assigned some of it.
    let described = cluster.describe_groups(&silent).await;
    let described = described.unwrap_or_else(|error| {
        failures.push(error.one_line());
        Vec::new()
    });
    for (group, description) in described {
        let description = match description {
            Ok(description) => description,
            Err(error) => {
                failures.push(error.one_line());
                continue;
            }
        };
        let reads = description.members.iter().any(|member| {
            let assigned = member
                .assignment
                .iter()
                .chain(member.target.iter().flatten());
            assigned.into_iter().any(|place| place.topic == topic.name)
        });
        if reads {
            readers.push(Reader {
                group,
                state: description.state,
                lag: None,
            });
        }
    }
    readers.sort_by(|one, other| one.group.cmp(&other.group));
    readers
}

/// The lag in all these partitions; none when it is unknown in one that may hold records.
fn behind(committed: &Committed, extents: &scan::Stretch) -> Option<i64> {
    let of = |offset: fn(&(i64, i64)) -> i64| -> BTreeMap<TopicPartition, i64> {
        let places = extents.iter();
        places
            .map(|(place, extent)| (place.clone(), offset(extent)))
            .collect()
    };
    // Whose it is does not matter to the sum.
    total(&compute(
        "",
        committed,
        &of(|extent| extent.0),
        &of(|extent| extent.1),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_without_a_commit_makes_the_lag_unknown_unless_it_is_empty() {
        let place = |id| TopicPartition::new("orders", id);
        let extents = |end| BTreeMap::from([(place(0), (0, 9)), (place(1), (4, end))]);
        let committed = |second| BTreeMap::from([(place(0), Some(7)), (place(1), second)]);
        assert_eq!(behind(&committed(Some(5)), &extents(6)), Some(3));
        assert_eq!(behind(&committed(None), &extents(6)), None);
        assert_eq!(behind(&committed(None), &extents(4)), Some(2));
        assert_eq!(behind(&committed(Some(5)), &BTreeMap::new()), None);
    }
}
