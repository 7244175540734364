//! Fetching the records that dead letters only point at (KIP-1191), from where they died.

use crate::error::Result;
use crate::kafka::{Cluster, Isolation};
use crate::model::record::Record;
use crate::model::topic::TopicPartition;
use crate::ops::scan::{self, Found, Reading, Stretch};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use tokio::runtime::Handle;

/// Records between two that are wanted which are rather read than a new reader opened.
const GAP: i64 = 20_000;

/// What is fetched ahead: mostly one record of many is wanted.
const AHEAD_KIBIBYTES: u32 = 1024;

/// Where a record is.
pub(super) type Place = (TopicPartition, i64);

/// The records at exactly these places. One that is gone (retention, compaction, an aborted transaction) is missing, and
/// never another in its stead.
///
/// # Errors
/// A partition that is there does not answer.
pub(super) fn fetch(
    cluster: &Cluster,
    runtime: &Handle,
    wanted: &BTreeMap<TopicPartition, BTreeSet<i64>>,
) -> Result<HashMap<Place, Record>> {
    let places: Vec<TopicPartition> = wanted.keys().cloned().collect();
    let isolation = Isolation::ReadCommitted;
    let answers = runtime.block_on(scan::extents_of_existing(cluster, &places, isolation))?;
    let extents = scan::whole(answers)?;
    let mut runs: BTreeMap<TopicPartition, Vec<(i64, i64)>> = BTreeMap::new();
    for (place, (start, end)) in extents {
        let offsets = wanted.get(&place).into_iter().flatten().copied();
        let there = offsets.filter(|offset| (start..end).contains(offset));
        runs.insert(place, runs_of(there));
    }
    let reading = Reading {
        isolation,
        ahead_kibibytes: Some(AHEAD_KIBIBYTES),
    };
    let mut fetched = HashMap::new();
    loop {
        let next = |(place, runs): (&TopicPartition, &mut Vec<(i64, i64)>)| {
            Some((place.clone(), runs.pop()?))
        };
        let stretch: Stretch = runs.iter_mut().filter_map(next).collect();
        if stretch.is_empty() {
            return Ok(fetched);
        }
        scan::pass(cluster, &stretch, &reading, |found| {
            if let Found::Record(record) = found {
                let place = TopicPartition::new(record.topic, record.partition);
                let is_wanted = wanted
                    .get(&place)
                    .is_some_and(|offsets| offsets.contains(&record.offset));
                if is_wanted {
                    fetched.insert((place, record.offset), record.to_record());
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
}

/// Stretches, end excluded, that have all of these offsets, which only grow.
fn runs_of(offsets: impl Iterator<Item = i64>) -> Vec<(i64, i64)> {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for offset in offsets {
        match runs.last_mut() {
            Some((_, end)) if offset - *end <= GAP => *end = offset + 1,
            _ => runs.push((offset, offset + 1)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_ones_are_read_together() {
        assert_eq!(runs_of([].into_iter()), []);
        let near = [3, 4, 90];
        assert_eq!(runs_of(near.into_iter()), [(3, 91)]);
        let far = [3, 4 + GAP, 5 + 2 * GAP + 1, i64::MAX - 1];
        let expected = [
            (3, 5 + GAP),
            (6 + 2 * GAP, 7 + 2 * GAP),
            (i64::MAX - 1, i64::MAX),
        ];
        assert_eq!(runs_of(far.into_iter()), expected);
    }
}
