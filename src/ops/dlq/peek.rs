//! A look at the first and the last records of topics: whether they are dead letters, and when they died.

use super::selection::died_at;
use crate::error::{Error, Result};
use crate::kafka::Cluster;
use crate::model::dead_letter::{Evidence, detect, evidence};
use crate::model::topic::TopicPartition;
use crate::ops::blocking::blocking;
use crate::ops::scan::{self, Lies, Stretch};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Offsets that are looked at at either end of a partition: more than one, for the last may be the marker of a
/// transaction.
const OFFSETS: i64 = 3;

/// What was seen.
#[derive(Default)]
pub(super) struct Peek {
    /// Topics whose last records are dead letters, and nothing else.
    pub(super) by_records: BTreeSet<String>,
    /// By topic: when the first and the last of the letters seen died, in milliseconds since 1970-01-01 UTC.
    pub(super) ages: BTreeMap<String, (i64, i64)>,
    /// What was not to be seen, and why.
    pub(super) failed: Vec<(TopicPartition, Error)>,
}

/// Whose ends they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// Dead-letter topics.
    Known,
    /// Topics that may be.
    Silent,
}

/// Looks at the ends of these partitions until `deadline`: at the last records of all, then at the first ones of those in
/// topics that are known to hold dead letters, or are found to.
pub(super) async fn peek(
    cluster: &Cluster,
    extents: Stretch,
    of: Of,
    deadline: Instant,
) -> Result<Peek> {
    let cluster = cluster.clone();
    let look = move || Peek::look(&cluster, &extents, of, deadline);
    blocking("reading", look).await
}

/// The middle between now and then: one of two looks that may take so long together must not take all of it.
pub(super) fn half_way(now: Instant, deadline: Instant) -> Instant {
    now + deadline.saturating_duration_since(now) / 2
}

impl Peek {
    fn look(cluster: &Cluster, extents: &Stretch, of: Of, deadline: Instant) -> Result<Peek> {
        let mut peek = Peek::default();
        // By topic: whether all that was seen of it are dead letters.
        let mut verdicts: BTreeMap<String, bool> = BTreeMap::new();
        let last = |(place, (start, end)): (&TopicPartition, &(i64, i64))| {
            (place.clone(), ((*start).max(end - OFFSETS), *end))
        };
        let tails: Stretch = extents.iter().map(last).collect();
        let first = half_way(Instant::now(), deadline);
        let failed = scan::glance(cluster, &tails, Lies::AtTheEnd, first, &mut |record| {
            let record = record.to_record();
            let letter = detect(&record);
            peek.died(&record.topic, died_at(&record, letter.as_ref()));
            if of == Of::Known {
                return;
            }
            match evidence(&record, letter.as_ref()) {
                Evidence::PutBack => {}
                Evidence::DeadLetter => {
                    verdicts.entry(record.topic).or_insert(true);
                }
                Evidence::Other => {
                    verdicts.insert(record.topic, false);
                }
            }
        })?;
        let all_are = verdicts.into_iter().filter(|(_, all_are)| *all_are);
        peek.by_records = all_are.map(|(topic, _)| topic).collect();
        let first = |(place, (start, end)): (&TopicPartition, &(i64, i64))| {
            let is_wanted = of == Of::Known || peek.by_records.contains(&place.topic);
            // Of a short one all was seen.
            let is_long = end - start > OFFSETS;
            (is_wanted && is_long).then(|| (place.clone(), (*start, start + OFFSETS)))
        };
        let heads: Stretch = extents.iter().filter_map(first).collect();
        let failed_too = scan::glance(cluster, &heads, Lies::Anywhere, deadline, &mut |record| {
            let record = record.to_record();
            let letter = detect(&record);
            peek.died(&record.topic, died_at(&record, letter.as_ref()));
        })?;
        peek.failed = failed.into_iter().chain(failed_too).collect();
        peek.forget_halves();
        Ok(peek)
    }

    /// Of what was not seen at both ends of all its partitions nobody knows when the first and the last died.
    fn forget_halves(&mut self) {
        for (place, _) in &self.failed {
            self.ages.remove(&place.topic);
        }
    }

    fn died(&mut self, topic: &str, died: Option<i64>) {
        let Some(died) = died else {
            return;
        };
        match self.ages.get_mut(topic) {
            Some((oldest, newest)) => {
                *oldest = died.min(*oldest);
                *newest = died.max(*newest);
            }
            None => {
                self.ages.insert(topic.to_owned(), (died, died));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_first_of_two_looks_leaves_the_second_half_of_the_time() {
        let now = Instant::now();
        let after = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(half_way(now, after(10)), after(5));
        assert_eq!(half_way(after(2), after(10)), after(6));
        assert_eq!(half_way(after(10), after(2)), after(10));
    }

    #[test]
    fn what_was_seen_in_part_says_nothing_of_the_first_and_the_last() {
        let mut peek = Peek::default();
        for (topic, died) in [("a", 3), ("a", 1), ("b", 2), ("b", 4)] {
            peek.died(topic, Some(died));
        }
        let error = Error::unreachable("its records did not come in time");
        peek.failed = vec![(TopicPartition::new("b", 1), error)];
        peek.forget_halves();
        assert_eq!(peek.ages, [("a".to_owned(), (1, 3))].into());
    }
}
