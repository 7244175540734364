//! `eda lag`: how far each group is behind, as lag.md defines it.

mod gate;

use crate::error::{Error, Result, Status};
use crate::kafka::{Cluster, Isolation};
use crate::model::group::{GroupDescription, GroupListing};
use crate::model::lag::{PartitionLag, compute};
use crate::model::topic::TopicPartition;
use crate::ops::{missing, scan};
use crate::report::{Cell, Report, Table, Tone};
use gate::Behind;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct LagRequest {
    /// Empty: all groups.
    pub groups: Vec<String>,
    /// Empty: every topic a group has offsets in.
    pub topics: Vec<String>,
    /// The gate: a group with more lag than this, or with unknown lag, is an alarm.
    pub max: Option<i64>,
}

/// A row a partition, sorted by group, topic and partition.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct LagReport {
    rows: Vec<PartitionLag>,
    #[serde(skip)]
    max: Option<i64>,
    /// The groups asked for by name.
    #[serde(skip)]
    named: Vec<String>,
    /// Topics that groups have offsets in and that do not exist.
    #[serde(skip)]
    gone: BTreeSet<String>,
    #[serde(skip)]
    failures: Vec<String>,
}

/// Next offsets by partition; `None` where a group has none.
pub(super) type Committed = BTreeMap<TopicPartition, Option<i64>>;

/// Commits of the groups, starts and ends of what they read, and the difference.
pub async fn lag(cluster: &Cluster, request: &LagRequest) -> Result<LagReport> {
    let listings = chosen(cluster, cluster.groups().await?, &request.groups)?;
    let topics: BTreeMap<String, usize> = cluster
        .topics()
        .await?
        .into_iter()
        .map(|topic| (topic.name, topic.partitions.len()))
        .collect();
    for name in &request.topics {
        if !topics.contains_key(name) {
            return Err(missing::topic(
                cluster,
                name,
                topics.keys().map(String::as_str),
            ));
        }
    }
    let mut failures = Vec::new();
    let mut committed: Vec<(String, Committed)> = Vec::new();
    let mut unread = BTreeSet::new();
    let reads = reads(cluster, &listings, request, &mut failures).await?;
    let nothing = BTreeSet::new();
    for (group, offsets) in cluster.committed_of_groups(&listings).await? {
        match offsets {
            Ok(offsets) => {
                let reads = reads.get(&group).unwrap_or(&nothing);
                let offsets = whole_topics(offsets, &topics, reads, &request.topics);
                committed.push((group, offsets));
            }
            Err(error) => {
                failures.push(format!("group `{group}`: {}", error.one_line()));
                unread.insert(group);
            }
        }
    }
    let partitions: BTreeSet<TopicPartition> = committed
        .iter()
        .flat_map(|(_, offsets)| offsets.keys().cloned())
        .collect();
    let partitions: Vec<TopicPartition> = partitions
        .into_iter()
        .filter(|place| topics.contains_key(&place.topic))
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
    Ok(LagReport {
        rows,
        max: request.max,
        named: request
            .groups
            .iter()
            .filter(|group| !unread.contains(*group))
            .cloned()
            .collect(),
        gone,
        failures,
    })
}

/// The topics that groups asked for by name read besides those they have commits in: a group that has not committed
/// yet is behind in all of them.
async fn reads(
    cluster: &Cluster,
    listings: &[GroupListing],
    request: &LagRequest,
    failures: &mut Vec<String>,
) -> Result<BTreeMap<String, BTreeSet<String>>> {
    if !request.topics.is_empty() {
        let wanted: BTreeSet<String> = request.topics.iter().cloned().collect();
        let all = request.groups.iter();
        return Ok(all.map(|group| (group.clone(), wanted.clone())).collect());
    }
    // Only consumers say what they are assigned in a way that we understand.
    let live: Vec<String> = listings
        .iter()
        .filter(|listing| request.groups.contains(&listing.id))
        .filter(|listing| listing.state.is_live() && listing.protocol_type == "consumer")
        .map(|listing| listing.id.clone())
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
    wanted: &[String],
) -> Result<Vec<GroupListing>> {
    for id in wanted {
        if !listings.iter().any(|listing| listing.id == *id) {
            let known = listings.iter().map(|listing| listing.id.as_str());
            return Err(missing::group(cluster, id, known));
        }
    }
    let chosen = |listing: &GroupListing| wanted.is_empty() || wanted.contains(&listing.id);
    Ok(listings.into_iter().filter(chosen).collect())
}

/// Adds the partitions without a commit to the topics that have one somewhere, and to those the group `reads`: a group
/// that never reached partition 3 is behind there, and leaving the row out would hide it.
pub(super) fn whole_topics(
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

impl LagReport {
    /// Groups over the limit, or of which it is not known.
    fn over(&self) -> Vec<(String, Behind)> {
        let Some(max) = self.max else {
            return Vec::new();
        };
        let mut groups: BTreeMap<&str, Behind> = BTreeMap::new();
        for row in &self.rows {
            let behind = groups.entry(&row.group).or_default();
            match row.lag {
                Some(lag) => behind.lag = behind.lag.saturating_add(lag),
                None if self.gone.contains(&row.topic) => behind.gone += 1,
                None if row.start.is_none() || row.end.is_none() => behind.unlearnt += 1,
                None if row.start != row.end => behind.uncommitted += 1,
                None => {}
            }
        }
        for group in &self.named {
            groups.entry(group).or_insert(Behind {
                blank: true,
                ..Behind::default()
            });
        }
        groups
            .into_iter()
            .filter(|(_, behind)| behind.lag > max || behind.is_unknown())
            .map(|(group, behind)| (group.to_owned(), behind))
            .collect()
    }
}

impl Report for LagReport {
    fn table(&self) -> Table {
        let headers = [
            "GROUP",
            "TOPIC",
            "PARTITION",
            "COMMITTED",
            "START",
            "END",
            "LAG",
        ];
        let mut table = Table::new(&headers, "no committed offsets");
        for row in &self.rows {
            let tone = match row.lag {
                Some(0) => Tone::Good,
                _ => Tone::Plain,
            };
            table.row([
                row.group.as_str().into(),
                row.topic.as_str().into(),
                row.partition.into(),
                row.committed.into(),
                row.start.into(),
                row.end.into(),
                Cell::from(row.lag).tone(tone),
            ]);
            if row.lost > 0 {
                let text = format!(
                    "{} lost {} records of {}:{}: deleted before they were read",
                    row.group, row.lost, row.topic, row.partition
                );
                table.note(text, Tone::Bad);
            }
        }
        for (group, behind) in self.over() {
            let text = behind.sentence(&group, self.max.unwrap_or_default());
            table.note(text, Tone::Bad);
        }
        for failure in &self.failures {
            table.note(failure.clone(), Tone::Bad);
        }
        table
    }

    fn status(&self) -> Result<Status> {
        if self.rows.is_empty()
            && let Some(failure) = self.failures.first()
        {
            return Err(Error::failed(failure.clone()));
        }
        Ok(match (self.failures.is_empty(), self.over().is_empty()) {
            (false, _) => Status::Failed,
            (true, false) => Status::Alarm,
            (true, true) => Status::Done,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(partition: i32, committed: Option<i64>, end: i64) -> PartitionLag {
        let place = TopicPartition::new("orders", partition);
        let offsets = BTreeMap::from([(place.clone(), committed)]);
        let starts = BTreeMap::from([(place.clone(), 0)]);
        let ends = BTreeMap::from([(place, end)]);
        compute("payment", &offsets, &starts, &ends).remove(0)
    }

    fn report(rows: Vec<PartitionLag>, max: i64) -> LagReport {
        LagReport {
            rows,
            max: Some(max),
            named: Vec::new(),
            gone: BTreeSet::new(),
            failures: Vec::new(),
        }
    }

    fn status(rows: Vec<PartitionLag>, max: i64) -> Status {
        report(rows, max).status().unwrap()
    }

    #[test]
    fn the_gate_sums_a_group_and_trusts_nothing_unknown() {
        assert_eq!(
            status(vec![row(0, Some(5), 5), row(1, Some(3), 5)], 2),
            Status::Done
        );
        assert_eq!(
            status(vec![row(0, Some(5), 6), row(1, Some(3), 5)], 2),
            Status::Alarm
        );
        assert_eq!(
            status(vec![row(0, Some(5), 5), row(1, None, 4)], 10),
            Status::Alarm
        );
        assert_eq!(
            status(vec![row(0, Some(5), 5), row(1, None, 0)], 0),
            Status::Done
        );
    }

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

    #[test]
    fn a_named_group_of_which_nothing_is_known_is_an_alarm() {
        let mut report = report(vec![row(0, Some(5), 5)], 0);
        report.named = vec!["payment".to_owned()];
        assert_eq!(report.status().unwrap(), Status::Done);
        report.named.push("young".to_owned());
        assert_eq!(report.status().unwrap(), Status::Alarm);
        let notes = report.table().notes;
        assert!(
            notes[0].0.starts_with("young: the lag is unknown"),
            "{notes:?}"
        );
        report.max = None;
        assert_eq!(report.status().unwrap(), Status::Done);
    }

    #[test]
    fn the_reason_of_an_unknown_lag_is_said() {
        let mut unlearnt = row(1, None, 5);
        unlearnt.end = None;
        let mut report = report(vec![row(0, None, 5), unlearnt], 0);
        let text = |report: &LagReport| report.table().notes[0].0.clone();
        assert_eq!(
            text(&report),
            "payment: 1 partitions hold records and have no commit, 1 partitions did not tell their offsets"
        );
        report.rows.remove(0);
        report.gone.insert("orders".to_owned());
        assert_eq!(
            text(&report),
            "payment: 1 partitions are of topics that do not exist"
        );
    }
}
