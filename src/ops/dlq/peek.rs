//! A look at the first and the last records of topics: whether they are dead letters, and when they died.

use super::selection::died_at;
use crate::error::{Error, Result};
use crate::kafka::Cluster;
use crate::model::dead_letter::{Evidence, detect, evidence};
use crate::model::topic::TopicPartition;
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

/// Looks at the ends of these partitions until `deadline`: at the last records of all, then at the first ones of those in
/// topics that are known to hold dead letters, or are found to.
pub(super) async fn peek(
    cluster: &Cluster,
    extents: Stretch,
    known: BTreeSet<String>,
    deadline: Instant,
) -> Result<Peek> {
    let cluster = cluster.clone();
    let look = move || Peek::look(&cluster, &extents, &known, deadline);
    tokio::task::spawn_blocking(look)
        .await
        .map_err(|error| Error::failed("the reading thread ended early").caused_by(error))?
}

impl Peek {
    fn look(
        cluster: &Cluster,
        extents: &Stretch,
        known: &BTreeSet<String>,
        deadline: Instant,
    ) -> Result<Peek> {
        let mut peek = Peek::default();
        // By topic: whether all that was seen of it are dead letters.
        let mut verdicts: BTreeMap<String, bool> = BTreeMap::new();
        let last = |(place, (start, end)): (&TopicPartition, &(i64, i64))| {
            (place.clone(), ((*start).max(end - OFFSETS), *end))
        };
        let tails: Stretch = extents.iter().map(last).collect();
        let failed = scan::glance(cluster, &tails, Lies::AtTheEnd, deadline, &mut |record| {
            let record = record.to_record();
            let letter = detect(&record);
            peek.died(&record.topic, died_at(&record, letter.as_ref()));
            if known.contains(&record.topic) {
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
            let is_wanted = known.contains(&place.topic) || peek.by_records.contains(&place.topic);
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
        Ok(peek)
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
