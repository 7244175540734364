//! Dead-letter topics and what lies in them, as cheaply as it can be learnt: by offsets, and the commits of replays.

use super::flow::{extent, rate, thousandths};
use super::state::of_group;
use crate::model::topic::Topic;
use crate::ops::dlq::{KnownBy, known_by, replay_group};
use crate::ops::lag::{Surroundings, WatchedRow};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// Letters come seldom: their rate is that of the last five minutes.
const STEP: Duration = Duration::from_secs(5);
const STEPS: usize = 60;

/// A dead-letter topic.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterTopic {
    pub topic: String,
    pub(in crate::ops) found: KnownBy,
    pub partitions: usize,
    /// Offsets between the first letter and the next one; `None` where a partition did not tell.
    pub records: Option<i64>,
    /// Those that no replay has passed, by the commits of its group. What was put back out of order still counts: only
    /// `eda dlq list` reads the ledger.
    pub unreplayed: Option<i64>,
    /// How many came a minute, over five minutes or since it is watched.
    pub per_minute: Option<f64>,
}

/// How many there were in each topic, for as long as it is watched.
#[derive(Debug, Default)]
pub(super) struct Letters(BTreeMap<String, VecDeque<(Duration, i64)>>);

impl Letters {
    /// Adds a look; `rows` are the lags of all groups, sorted.
    pub(super) fn see(
        &mut self,
        around: &Surroundings,
        rows: &[WatchedRow],
        configured: &BTreeSet<String>,
    ) -> Vec<DeadLetterTopic> {
        let mut before = std::mem::take(&mut self.0);
        let known = around
            .topics
            .iter()
            .filter_map(|topic| Some((topic, known_by(topic, configured)?)));
        let mut seen = Vec::new();
        for (topic, found) in known {
            let mut arrivals = before.remove(&topic.name).unwrap_or_default();
            let extent = extent(&around.extents, &topic.name, topic.partitions.len());
            if let Some((_, end)) = extent {
                arrive(&mut arrivals, around.at, end);
            }
            let records = extent.map(|(start, end)| end.saturating_sub(start));
            let ends = arrivals.front().zip(arrivals.back());
            let per_second = ends.and_then(|(first, last)| rate(*first, *last));
            seen.push(DeadLetterTopic {
                topic: topic.name.clone(),
                found,
                partitions: topic.partitions.len(),
                records,
                unreplayed: records.map(|records| unreplayed(topic, records, rows)),
                per_minute: per_second.map(|rate| thousandths(rate * 60.0)),
            });
            self.0.insert(topic.name.clone(), arrivals);
        }
        seen
    }
}

/// Keeps a look every [`STEP`], and the latest.
fn arrive(arrivals: &mut VecDeque<(Duration, i64)>, at: Duration, end: i64) {
    if arrivals.back().is_some_and(|(_, before)| end < *before) {
        arrivals.clear();
    }
    let mut latest = arrivals.iter().rev();
    let (last, before) = (latest.next(), latest.next());
    if let (Some((last, _)), Some((before, _))) = (last, before)
        && last.saturating_sub(*before) < STEP
    {
        arrivals.pop_back();
    }
    if arrivals.len() == STEPS {
        arrivals.pop_front();
    }
    arrivals.push_back((at, end));
}

/// What lies beyond the commits of the group that remembers how far it was replayed.
fn unreplayed(topic: &Topic, records: i64, rows: &[WatchedRow]) -> i64 {
    let mut left = records;
    for row in of_group(rows, &replay_group(&topic.name)) {
        let row = &row.lag;
        let partition = &row.partition;
        if partition.topic == topic.name
            && let (Some(lag), Some(start), Some(end)) =
                (row.effective_lag, partition.start, partition.end)
        {
            left -= end - start - lag;
        }
    }
    left.max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_every_few_seconds_is_kept_and_the_latest() {
        let mut arrivals = VecDeque::new();
        for second in 0..1000u64 {
            arrive(&mut arrivals, Duration::from_secs(second), second as i64);
            assert_eq!(arrivals.back().unwrap().0.as_secs(), second);
        }
        assert_eq!(arrivals.len(), STEPS);
        let span = arrivals.back().unwrap().0 - arrivals.front().unwrap().0;
        assert!(span >= Duration::from_secs(280), "{span:?}");
        arrive(&mut arrivals, Duration::from_secs(1000), 3);
        assert_eq!(arrivals.len(), 1, "made anew");
    }
}
