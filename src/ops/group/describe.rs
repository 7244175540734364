//! `eda group describe`.

use crate::error::{Result, Status};
use crate::kafka::Cluster;
use crate::model::group::{GroupDescription, GroupKind, GroupState};
use crate::model::lag::PartitionLag;
use crate::model::pattern::Pattern;
use crate::model::topic::TopicPartition;
use crate::ops::lag::{LagRequest, snapshot};
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The groups that were asked for, sorted by name.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct GroupReport {
    groups: Vec<Described>,
    #[serde(skip)]
    failures: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    group: String,
    state: GroupState,
    #[serde(rename = "type")]
    kind: GroupKind,
    /// How partitions are spread over members; null without members.
    assignor: Option<String>,
    coordinator: Option<i32>,
    members: Vec<MemberRow>,
    partitions: Vec<PartitionRow>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MemberRow {
    id: String,
    /// `group.instance.id` of a static member (KIP-345).
    instance_id: Option<String>,
    client_id: String,
    host: String,
    assignment: Vec<TopicPartition>,
    /// What it is to read when the rebalance is over (KIP-848); null where the protocol does not tell.
    target: Option<Vec<TopicPartition>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PartitionRow {
    #[serde(flatten)]
    lag: PartitionLag,
    /// The member that reads it; null: nobody does.
    member: Option<String>,
}

/// Members with what each reads and is to read, and the offsets of everything the groups read or have read.
///
/// # Errors
/// A group that does not exist, with the one that was perhaps meant.
pub async fn describe(cluster: &Cluster, patterns: &[Pattern]) -> Result<GroupReport> {
    let request = LagRequest {
        groups: patterns.to_vec(),
        ..LagRequest::default()
    };
    let snapshot = snapshot(cluster, &request).await?;
    let mut failures = snapshot.failures;
    let mut descriptions = snapshot.described;
    let rest = snapshot.groups.iter().map(|group| &group.id);
    let rest: Vec<String> = rest
        .filter(|id| !descriptions.contains_key(*id))
        .cloned()
        .collect();
    for (id, description) in cluster.describe_groups(&rest).await? {
        match description {
            Ok(description) => {
                descriptions.insert(id, description);
            }
            Err(error) => failures.push(error.one_line()),
        }
    }
    let mut rows: BTreeMap<String, Vec<PartitionLag>> = BTreeMap::new();
    for row in snapshot.rows {
        rows.entry(row.group.clone()).or_default().push(row);
    }
    let mut groups = Vec::new();
    for (id, description) in descriptions {
        // What is listed is there. The requests of consumers' groups have this word for whatever they do not know.
        if description.state == GroupState::Dead {
            failures.push(format!(
                "group `{id}` is listed and cannot be described: it is a share or a streams group, or was deleted meanwhile"
            ));
            continue;
        }
        let rows = rows.remove(&id).unwrap_or_default();
        groups.push(described(description, rows));
    }
    Ok(GroupReport { groups, failures })
}

fn described(group: GroupDescription, rows: Vec<PartitionLag>) -> Described {
    let mut readers: BTreeMap<&TopicPartition, &str> = BTreeMap::new();
    for member in &group.members {
        readers.extend(
            member
                .assignment
                .iter()
                .map(|place| (place, member.id.as_str())),
        );
    }
    let partition = |lag: PartitionLag| PartitionRow {
        member: readers
            .get(&lag.topic_partition())
            .map(|id| (*id).to_owned()),
        lag,
    };
    let partitions = rows.into_iter().map(partition).collect();
    let mut members: Vec<MemberRow> = group
        .members
        .into_iter()
        .map(|member| MemberRow {
            id: member.id,
            instance_id: member.instance_id,
            client_id: member.client_id,
            host: member.host,
            assignment: member.assignment,
            target: member.target,
        })
        .collect();
    members.sort_by(|one, other| one.id.cmp(&other.id));
    Described {
        group: group.id,
        state: group.state,
        kind: group.kind,
        assignor: group.assignor,
        coordinator: group.coordinator,
        members,
        partitions,
    }
}

/// Partitions in a cell: `order-created:0-2,5 order-shipped:1`. They are sorted.
fn spans(places: &[TopicPartition]) -> String {
    let mut topics: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    for place in places {
        topics
            .entry(&place.topic)
            .or_default()
            .insert(place.partition);
    }
    let topic = |(topic, ids): (&str, BTreeSet<i32>)| {
        let mut spans: Vec<(i32, i32)> = Vec::new();
        for id in ids {
            match spans.last_mut() {
                Some((_, last)) if *last + 1 == id => *last = id,
                _ => spans.push((id, id)),
            }
        }
        let span = |(first, last): &(i32, i32)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        };
        let spans: Vec<String> = spans.iter().map(span).collect();
        format!("{topic}:{}", spans.join(","))
    };
    topics.into_iter().map(topic).collect::<Vec<_>>().join(" ")
}

impl Described {
    fn tables(&self) -> [Table; 2] {
        let id = |id: Option<i32>| id.map_or("-".to_owned(), |id| id.to_string());
        let title = format!(
            "{}: {}, {} protocol, assignor {}, coordinator {}",
            self.group,
            self.state,
            self.kind,
            self.assignor.as_deref().unwrap_or("-"),
            id(self.coordinator)
        );
        let headers = ["MEMBER", "CLIENT", "HOST", "INSTANCE", "READS", "TO-READ"];
        let mut members = Table::new(&headers, "no members").titled(title);
        for member in &self.members {
            // Worth a word only where it differs: while a rebalance is under way.
            let moving = member
                .target
                .as_ref()
                .filter(|target| **target != member.assignment);
            members.row([
                member.id.as_str().into(),
                member.client_id.as_str().into(),
                member.host.as_str().into(),
                member.instance_id.as_deref().into(),
                match member.assignment.is_empty() {
                    true => Cell::from("nothing").tone(Tone::Warn),
                    false => spans(&member.assignment).into(),
                },
                moving.map(|target| spans(target)).into(),
            ]);
        }
        if self.members.is_empty() {
            members.note("no members", Tone::Plain);
        }
        let headers = [
            "TOPIC",
            "PARTITION",
            "COMMITTED",
            "START",
            "END",
            "LAG",
            "MEMBER",
        ];
        let mut partitions = Table::new(&headers, "");
        for PartitionRow { lag, member } in &self.partitions {
            partitions.row([
                lag.topic.as_str().into(),
                lag.partition.into(),
                lag.committed.into(),
                lag.start.into(),
                lag.end.into(),
                lag.lag.into(),
                member.as_deref().into(),
            ]);
        }
        [members, partitions]
    }
}

impl Report for GroupReport {
    fn table(&self) -> Table {
        let mut tables = self.groups.iter().flat_map(Described::tables);
        let Some(mut table) = tables.next() else {
            return Table::new(&[], "no groups");
        };
        table.more = tables.collect();
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

    #[test]
    fn partitions_in_a_row_are_one_span() {
        let place = TopicPartition::new;
        let places = [
            place("b", 1),
            place("a", 0),
            place("a", 1),
            place("a", 2),
            place("a", 5),
        ];
        assert_eq!(spans(&places), "a:0-2,5 b:1");
        assert_eq!(spans(&[]), "");
    }
}
