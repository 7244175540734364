//! How fast topics are written, from successive looks at their ends.

use super::state::{TopicFlow, push};
use crate::model::lag::status::WINDOW;
use crate::model::topic::TopicPartition;
use crate::ops::lag::Surroundings;
use crate::ops::scan::Stretch;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How many samples a course shows.
pub(super) const HISTORY: usize = 30;

/// Every topic's looks; those of a topic that is gone are forgotten.
#[derive(Debug, Default)]
pub(super) struct Flows(BTreeMap<String, Flow>);

impl Flows {
    pub(super) fn see(&mut self, around: &Surroundings) -> Vec<TopicFlow> {
        let mut before = std::mem::take(&mut self.0);
        let mut topics = Vec::new();
        for topic in around.topics.iter().filter(|topic| !topic.internal) {
            let name = topic.name.as_str();
            let mut flow = before.remove(name).unwrap_or_default();
            let extent = extent(&around.extents, name, topic.partitions.len());
            flow.see(around.at, extent.map(|(_, end)| end));
            topics.push(TopicFlow {
                topic: name.to_owned(),
                partitions: topic.partitions.len(),
                records: extent.map(|(start, end)| end.saturating_sub(start)),
                written_per_second: flow.per_second(),
                history: flow.history.iter().copied().collect(),
            });
            self.0.insert(name.to_owned(), flow);
        }
        topics
    }

    /// Nothing could be seen.
    pub(super) fn gap(&mut self) {
        self.0.values_mut().for_each(Flow::gap);
    }
}

/// First and next offsets of a topic, summed; `None` when one of its partitions did not tell them.
pub(super) fn extent(extents: &Stretch, topic: &str, partitions: usize) -> Option<(i64, i64)> {
    let from = TopicPartition::new(topic, i32::MIN);
    let to = TopicPartition::new(topic, i32::MAX);
    let mut sum = (0, 0i64);
    let mut told = 0;
    for (start, end) in extents.range(from..=to).map(|(_, extent)| extent) {
        sum = (start.saturating_add(sum.0), end.saturating_add(sum.1));
        told += 1;
    }
    (told == partitions).then_some(sum)
}

/// The looks of a window at the sum of a topic's ends, the latest last.
#[derive(Debug, Default)]
struct Flow {
    window: VecDeque<(Duration, i64)>,
    history: VecDeque<Option<i64>>,
}

impl Flow {
    /// Adds a look. An end that went back is that of another log: a topic that was made anew.
    fn see(&mut self, at: Duration, end: Option<i64>) {
        let Some(end) = end else { return self.gap() };
        if self.window.back().is_some_and(|(_, before)| end < *before) {
            self.window.clear();
        }
        let latest = self.window.back().copied();
        if self.window.len() == WINDOW {
            self.window.pop_front();
        }
        self.window.push_back((at, end));
        let step = latest.and_then(|before| rate(before, (at, end)));
        // What is not 0 does not look like it.
        push(&mut self.history, step.map(|step| step.ceil() as i64));
    }

    fn gap(&mut self) {
        self.window.clear();
        push(&mut self.history, None);
    }

    fn per_second(&self) -> Option<f64> {
        let rate = rate(*self.window.front()?, *self.window.back()?)?;
        Some(thousandths(rate))
    }
}

/// How much it grew a second between two looks.
pub(super) fn rate(first: (Duration, i64), last: (Duration, i64)) -> Option<f64> {
    let seconds = last.0.saturating_sub(first.0).as_secs_f64();
    (seconds > 0.0).then(|| last.1.saturating_sub(first.1) as f64 / seconds)
}

/// More digits than that are noise of the clock.
pub(super) fn thousandths(rate: f64) -> f64 {
    (rate * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_window_and_a_gap_begins_anew() {
        let mut flow = Flow::default();
        let seconds = Duration::from_secs;
        flow.see(seconds(0), Some(100));
        assert_eq!(flow.per_second(), None);
        for look in 1..=20 {
            flow.see(seconds(look), Some(100 + 5 * look as i64));
        }
        assert_eq!(flow.per_second(), Some(5.0));
        flow.see(seconds(21), None);
        assert_eq!(flow.per_second(), None);
        flow.see(seconds(22), Some(300));
        flow.see(seconds(24), Some(301));
        assert_eq!(flow.per_second(), Some(0.5));
        // Made anew.
        flow.see(seconds(26), Some(2));
        assert_eq!(flow.per_second(), None);
        assert_eq!(flow.history.len(), 25);
        let last: Vec<_> = flow.history.iter().rev().take(4).copied().collect();
        assert_eq!(last, [None, Some(1), None, None]);
    }

    #[test]
    fn a_topic_is_summed_when_all_its_partitions_told() {
        let place = |topic: &str, partition| TopicPartition::new(topic, partition);
        let extents = Stretch::from([
            (place("a", 0), (1, 10)),
            (place("a", 1), (2, 20)),
            (place("b", 0), (0, 7)),
        ]);
        assert_eq!(extent(&extents, "a", 2), Some((3, 30)));
        assert_eq!(extent(&extents, "a", 3), None);
        assert_eq!(extent(&extents, "b", 1), Some((0, 7)));
        assert_eq!(extent(&extents, "c", 0), Some((0, 0)));
    }
}
