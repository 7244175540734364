//! `eda group list`.

use crate::error::{Result, Status};
use crate::kafka::Cluster;
use crate::model::group::{GroupDescription, GroupKind, GroupListing, GroupState};
use crate::model::lag::{PartitionLag, total};
use crate::model::pattern::Pattern;
use crate::ops::lag::{LagRequest, snapshot};
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct ListRequest {
    /// Empty: all groups.
    pub patterns: Vec<Pattern>,
    /// Empty: in any state.
    pub states: Vec<GroupState>,
}

/// The groups, sorted by name.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct GroupList {
    rows: Vec<Row>,
    #[serde(skip)]
    failures: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    group: String,
    state: GroupState,
    /// `classic` or `consumer` (KIP-848); null: the broker did not say.
    #[serde(rename = "type")]
    kind: Option<GroupKind>,
    /// `consumer`; empty for one that only ever committed offsets; else another program's: `connect`, …
    protocol_type: String,
    coordinator: Option<i32>,
    /// Null: the group could not be described.
    members: Option<usize>,
    /// In how many topics it has commits; null: they could not be read.
    topics: Option<usize>,
    /// Records behind in all; null: unknown in some partition that holds records.
    lag: Option<i64>,
}

/// All groups that match, with what they have committed and how far they are behind.
pub async fn list(cluster: &Cluster, request: &ListRequest) -> Result<GroupList> {
    let all = LagRequest {
        groups: request.patterns.clone(),
        ..LagRequest::default()
    };
    let snapshot = snapshot(cluster, &all).await?;
    let mut failures = snapshot.failures;
    let wanted =
        |group: &GroupListing| request.states.is_empty() || request.states.contains(&group.state);
    let groups: Vec<GroupListing> = snapshot.groups.into_iter().filter(wanted).collect();
    let members = members(cluster, &groups, &snapshot.described, &mut failures).await?;
    let mut rows: BTreeMap<&str, Vec<&PartitionLag>> = BTreeMap::new();
    for row in &snapshot.rows {
        rows.entry(&row.group).or_default().push(row);
    }
    let row = |group: GroupListing| {
        let read = rows.remove(group.id.as_str()).unwrap_or_default();
        let topics: BTreeSet<&str> = read
            .iter()
            .filter(|row| row.committed.is_some())
            .map(|row| row.topic.as_str())
            .collect();
        Row {
            members: group.members.or(members.get(&group.id).copied()),
            topics: (!snapshot.unread.contains(&group.id)).then_some(topics.len()),
            lag: behind(&read),
            group: group.id,
            state: group.state,
            kind: group.kind,
            protocol_type: group.protocol_type,
            coordinator: group.coordinator,
        }
    };
    Ok(GroupList {
        rows: groups.into_iter().map(row).collect(),
        failures,
    })
}

/// How many members the groups have whose listing does not tell.
async fn members(
    cluster: &Cluster,
    groups: &[GroupListing],
    described: &BTreeMap<String, GroupDescription>,
    failures: &mut Vec<String>,
) -> Result<BTreeMap<String, usize>> {
    let untold: Vec<String> = groups
        .iter()
        .filter(|group| group.is_uncounted() && !described.contains_key(&group.id))
        .map(|group| group.id.clone())
        .collect();
    let counted = described.iter();
    let mut members: BTreeMap<String, usize> = counted
        .map(|(id, group)| (id.clone(), group.members.len()))
        .collect();
    for (group, described) in cluster.describe_groups(&untold).await? {
        match described {
            Ok(described) => {
                members.insert(group, described.members.len());
            }
            Err(error) => failures.push(error.one_line()),
        }
    }
    Ok(members)
}

/// The lag in all partitions; of a group without any there is none to speak of.
fn behind(rows: &[&PartitionLag]) -> Option<i64> {
    match rows.is_empty() {
        true => None,
        false => total(rows.iter().copied()),
    }
}

impl Report for GroupList {
    fn table(&self) -> Table {
        let headers = [
            "GROUP", "STATE", "TYPE", "PROTOCOL", "MEMBERS", "TOPICS", "LAG",
        ];
        let mut table = Table::new(&headers, "no groups");
        for row in &self.rows {
            let tone = match row.state {
                GroupState::Stable => Tone::Good,
                GroupState::Empty => Tone::Plain,
                _ => Tone::Warn,
            };
            let protocol = match row.protocol_type.as_str() {
                "" => Cell::Missing,
                name => name.into(),
            };
            table.row([
                row.group.as_str().into(),
                Cell::from(row.state.name()).tone(tone),
                row.kind.as_ref().map(GroupKind::name).into(),
                protocol,
                row.members.into(),
                row.topics.into(),
                row.lag.into(),
            ]);
        }
        table
    }

    fn failures(&self) -> &[String] {
        &self.failures
    }

    fn status(&self) -> Result<Status> {
        Ok(Status::failed_if(!self.failures.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(committed: Option<i64>, start: Option<i64>, end: Option<i64>) -> PartitionLag {
        let place = crate::model::topic::TopicPartition::new("orders", 0);
        let of = |offset: Option<i64>| {
            let entry = offset.map(|offset| (place.clone(), offset));
            entry.into_iter().collect::<BTreeMap<_, _>>()
        };
        let committed = BTreeMap::from([(place.clone(), committed)]);
        crate::model::lag::compute("payment", &committed, &of(start), &of(end)).remove(0)
    }

    #[test]
    fn a_lag_is_known_when_it_is_known_wherever_there_are_records() {
        let known = row(Some(3), Some(0), Some(10));
        let untouched = row(None, Some(5), Some(5));
        let unread = row(None, Some(0), Some(4));
        let silent = row(None, None, None);
        assert_eq!(behind(&[]), None);
        assert_eq!(behind(&[&known, &untouched]), Some(7));
        assert_eq!(behind(&[&known, &unread]), None);
        assert_eq!(behind(&[&known, &silent]), None);
    }
}
