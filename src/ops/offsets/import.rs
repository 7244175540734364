//! `eda offsets export` and `eda offsets import`: the plan of putting back what was written to a file.

use super::moves::{Move, MovePlan};
use super::places;
use crate::error::Result;
use crate::kafka::{Cluster, Committed, Isolation};
use crate::model::offset_file::CommittedOffset;
use crate::model::topic::TopicPartition;
use crate::ops::group::{Occupied, occupied};
use crate::ops::positions::nearest;
use crate::ops::scan;
use std::collections::{BTreeMap, BTreeSet};

/// The offsets that the groups committed within the limits, sorted.
pub async fn export(
    cluster: &Cluster,
    groups: &[String],
    limits: &places::Limits,
) -> Result<Vec<CommittedOffset>> {
    let committed = places::committed(cluster, groups).await?;
    let has_offsets = |group: &str| {
        committed
            .iter()
            .any(|(other, offsets)| other == group && !offsets.is_empty())
    };
    // Only whether they exist: a live group's offsets may be read.
    occupied(cluster, groups, has_offsets, false).await?;
    let mut rows = Vec::new();
    for (group, offsets) in committed {
        let within = offsets.into_iter().filter(|(place, _)| limits.allow(place));
        rows.extend(within.filter_map(|(place, offset)| {
            Some(CommittedOffset {
                group: group.clone(),
                topic: place.topic,
                partition: place.partition,
                offset: offset?,
            })
        }));
    }
    rows.sort();
    rows.dedup();
    limits.check(rows.iter().map(|row| (row.topic.as_str(), row.partition)))?;
    Ok(rows)
}

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    pub rows: Vec<CommittedOffset>,
    pub skip_failed: bool,
}

/// Works out where each offset would go: to where the file says, as far as the log reaches. Groups need not exist: to
/// bring back one that was deleted is what a file is kept for. Reads only.
pub async fn plan_import(cluster: &Cluster, request: &ImportRequest) -> Result<MovePlan> {
    let groups: BTreeSet<&String> = request.rows.iter().map(|row| &row.group).collect();
    let groups: Vec<String> = groups.into_iter().cloned().collect();
    let (topics, committed) =
        tokio::try_join!(cluster.topics(), places::committed(cluster, &groups))?;
    let occupied = occupied(cluster, &groups, |_| false, true).await?;
    let sizes: BTreeMap<&str, usize> = topics
        .iter()
        .map(|topic| (topic.name.as_str(), topic.partitions.len()))
        .collect();
    let exists = |row: &CommittedOffset| match sizes.get(row.topic.as_str()) {
        None => Err(format!("topic `{}` does not exist", row.topic)),
        Some(&size) if usize::try_from(row.partition).is_ok_and(|number| number < size) => Ok(()),
        Some(size) => Err(format!("topic `{}` has {size} partitions", row.topic)),
    };
    let place = |row: &CommittedOffset| TopicPartition::new(row.topic.as_str(), row.partition);
    let places: BTreeSet<TopicPartition> = request
        .rows
        .iter()
        .filter(|row| exists(row).is_ok())
        .map(place)
        .collect();
    let places: Vec<TopicPartition> = places.into_iter().collect();
    let extents = scan::extents_each(cluster, &places, Isolation::ReadUncommitted).await?;
    let committed: BTreeMap<String, Committed> = committed.into_iter().collect();
    let moved = |row: &CommittedOffset| {
        let place = place(row);
        let prior = committed
            .get(&row.group)
            .and_then(|offsets| *offsets.get(&place)?);
        let target = exists(row).and_then(|()| match extents.get(&place) {
            Some(Ok(extent)) => {
                let resolved = nearest(row.offset, *extent);
                Ok((resolved.offset, resolved.note(*extent)))
            }
            Some(Err(error)) => Err(error.one_line()),
            None => Err("the answer leaves it out".to_owned()),
        });
        Move::new(&row.group, &row.topic, row.partition, prior, target)
    };
    Ok(MovePlan {
        moves: request.rows.iter().map(moved).collect(),
        refusals: Occupied::refusals(&occupied),
        occupied,
        skip_failed: request.skip_failed,
        remarks: Vec::new(),
    })
}
