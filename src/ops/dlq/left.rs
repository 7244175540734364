//! How many letters wait: offsets, and where these are few the letters themselves, for what a transaction leaves at its end,
//! and what was aborted, has offsets, too, and waits for nobody.

use super::ledger::count_left;
use crate::error::Result;
use crate::kafka::{Cluster, Isolation};
use crate::model::ledger::Progress;
use crate::ops::blocking::blocking;
use crate::ops::scan::{self, Found, Reading, Stretch};
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

/// Offsets of a topic that are looked at one by one, and of all topics together.
const OF_ONE: i64 = 10_000;
const OF_ALL: i64 = 100_000;

/// What is fetched ahead: it is only counted.
const AHEAD_KIBIBYTES: u32 = 4 * 1024;

/// What no replay is done with of a topic.
pub(super) struct Left {
    pub(super) topic: String,
    /// How many offsets that are.
    pub(super) offsets: i64,
    /// From the first of them on, and how long that is: what is over lies in between.
    stretch: Stretch,
    span: i64,
    progress: HashMap<i32, Progress>,
}

impl Left {
    /// Of `extents`, with the progress of each.
    pub(super) fn new(topic: &str, extents: Stretch, progress: Vec<Progress>) -> Self {
        let offsets = count_left(&extents, &progress);
        let begun = extents.into_iter().zip(&progress);
        let stretch: Stretch = begun
            .map(|((place, extent), progress)| (place, (progress.next_in(extent), extent.1)))
            .collect();
        Left {
            topic: topic.to_owned(),
            offsets,
            span: stretch.values().map(|(start, end)| end - start).sum(),
            progress: stretch
                .keys()
                .map(|place| place.partition)
                .zip(progress)
                .collect(),
            stretch,
        }
    }
}

/// Counts the letters where there are few offsets, the fewest first, as far as that is quick; by topic.
///
/// # Errors
/// A partition does not answer.
pub(super) async fn count_few<'a>(
    cluster: &Cluster,
    left: impl Iterator<Item = &'a Left>,
) -> Result<BTreeMap<String, i64>> {
    let mut few: Vec<&Left> = left
        .filter(|left| left.offsets > 0 && left.span <= OF_ONE)
        .collect();
    few.sort_by_key(|left| left.span);
    let mut room = OF_ALL;
    few.retain(|left| {
        room -= left.span;
        room >= 0
    });
    let mut stretch = Stretch::new();
    let mut progress: HashMap<String, HashMap<i32, Progress>> = HashMap::new();
    for left in few {
        stretch.extend(left.stretch.clone());
        progress.insert(left.topic.clone(), left.progress.clone());
    }
    if stretch.is_empty() {
        return Ok(BTreeMap::new());
    }
    let cluster = cluster.clone();
    let count = move || {
        let topics = progress.keys().map(|topic| (topic.clone(), 0));
        let mut counts: BTreeMap<String, i64> = topics.collect();
        let reading = Reading {
            isolation: Isolation::ReadCommitted,
            ahead_kibibytes: Some(AHEAD_KIBIBYTES),
        };
        scan::pass(&cluster, &stretch, &reading, |found| {
            if let Found::Record(record) = found {
                let progress = progress
                    .get(record.topic)
                    .and_then(|of_topic| of_topic.get(&record.partition));
                let is_over = progress.is_some_and(|progress| progress.is_over(record.offset));
                if let Some(count) = counts.get_mut(record.topic).filter(|_| !is_over) {
                    *count += 1;
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(counts)
    };
    blocking("reading", count).await
}
