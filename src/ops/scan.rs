//! Reading a bounded stretch of partitions from start to end, outside any group.

mod glance;

pub use glance::{Lies, glance};

use crate::error::{Error, Result};
use crate::kafka::{
    Cluster, Consumer, ConsumerOptions, Isolation, NextOffset, OffsetQuery, Rebalance, Seen,
    Standing,
};
use crate::model::record::{Record, RecordRef};
use crate::model::topic::TopicPartition;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many partitions an error names.
const NAMED: usize = 5;

/// How long a read waits when nothing comes.
const POLL: Duration = Duration::from_millis(200);

/// From the first offset (inclusive) to the second (exclusive), per partition.
pub type Stretch = BTreeMap<TopicPartition, (i64, i64)>;

/// The same where a partition may have answered with an error.
pub type Answers = BTreeMap<TopicPartition, Result<(i64, i64)>>;

/// First and next offset of each partition now, for those who read them: what is left out would pass for read.
///
/// # Errors
/// When any partition answers with one.
pub async fn extents(
    cluster: &Cluster,
    partitions: &[TopicPartition],
    isolation: Isolation,
) -> Result<Stretch> {
    whole(extents_each(cluster, partitions, isolation).await?)
}

/// First and next offset of each partition now, or why they could not be learnt, for those who list them.
pub async fn extents_each(
    cluster: &Cluster,
    partitions: &[TopicPartition],
    isolation: Isolation,
) -> Result<Answers> {
    let ask = |query: OffsetQuery| -> Vec<(TopicPartition, OffsetQuery)> {
        partitions
            .iter()
            .map(|partition| (partition.clone(), query))
            .collect()
    };
    let earliest = ask(OffsetQuery::Earliest);
    let latest = ask(OffsetQuery::Latest);
    let (starts, ends) = tokio::join!(
        cluster.list_offsets(&earliest, isolation),
        cluster.list_offsets(&latest, isolation)
    );
    let (mut starts, mut ends) = (starts?, ends?);
    let mut extent = |partition: &TopicPartition| {
        let lost = || Err(Error::failed("the answer leaves it out"));
        let start = starts.remove(partition).unwrap_or_else(lost)?.offset;
        let end = ends.remove(partition).unwrap_or_else(lost)?.offset;
        Ok((start, end))
    };
    let distinct: BTreeSet<&TopicPartition> = partitions.iter().collect();
    Ok(distinct
        .into_iter()
        .map(|partition| (partition.clone(), extent(partition)))
        .collect())
}

/// As [`extents_each`], without the partitions of topics that were deleted since they were listed.
pub async fn extents_of_existing(
    cluster: &Cluster,
    partitions: &[TopicPartition],
    isolation: Isolation,
) -> Result<Answers> {
    let mut answers = extents_each(cluster, partitions, isolation).await?;
    if answers.values().any(Result::is_err) {
        let topics = cluster.topics().await?;
        let existing: BTreeSet<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
        answers.retain(|place, answer| answer.is_ok() || existing.contains(place.topic.as_str()));
    }
    Ok(answers)
}

/// All of the answers, or the error that says which are missing.
pub fn whole(answers: Answers) -> Result<Stretch> {
    let (extents, missing) = split(answers);
    match missing {
        None => Ok(extents),
        Some(error) => Err(error),
    }
}

/// What was answered, and one error for all that was not.
pub fn split(answers: Answers) -> (Stretch, Option<Error>) {
    let mut extents = Stretch::new();
    let mut missing = Vec::new();
    let mut reason = None;
    for (place, answer) in answers {
        match answer {
            Ok(extent) => {
                extents.insert(place, extent);
            }
            Err(error) => {
                missing.push(place.to_string());
                reason = reason.or(Some(error));
            }
        }
    }
    let more = missing.len().saturating_sub(NAMED);
    missing.truncate(NAMED);
    let mut named = missing.join(", ");
    if more > 0 {
        named.push_str(&format!(" and {more} more"));
    }
    let error = reason.map(|error| error.context(format!("cannot learn the offsets of {named}")));
    (extents, error)
}

/// Not a member of any group, so nothing is ever given or taken.
#[derive(Debug)]
pub struct NoRebalance;

impl Rebalance for NoRebalance {
    fn assigned(&self, _partitions: &[TopicPartition]) {}

    fn revoked(
        &self,
        _partitions: &[TopicPartition],
        _lost: bool,
        _standing: Standing<'_>,
    ) -> Vec<NextOffset> {
        Vec::new()
    }
}

/// What is found on the way through a stretch.
pub enum Found<'a> {
    Record(RecordRef<'a>),
    /// Everything of this partition was shown.
    Reached(&'a TopicPartition),
}

/// How to read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub isolation: Isolation,
    /// What is fetched ahead, in KiB altogether; None: the client's own measure, some 64 MiB.
    pub ahead_kibibytes: Option<u32>,
}

/// Reads `stretch` on the calling thread, handing each record to `visit`, until every partition has reached its
/// end, or `visit` breaks. Offsets inside that hold no record (compacted, transaction markers) are passed over.
///
/// Fails when nothing arrives for longer than `timeout` though records are still due.
pub fn read(
    cluster: &Cluster,
    stretch: &Stretch,
    isolation: Isolation,
    mut visit: impl FnMut(Record) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let reading = Reading {
        isolation,
        ..Reading::default()
    };
    pass(cluster, stretch, &reading, |found| match found {
        Found::Record(record) => visit(record.to_record()),
        Found::Reached(_) => Ok(ControlFlow::Continue(())),
    })
}

/// As [`read`], with nothing copied, and with word of each partition whose end is reached, those without a record
/// included.
pub fn pass(
    cluster: &Cluster,
    stretch: &Stretch,
    reading: &Reading,
    mut visit: impl FnMut(Found<'_>) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut due = Due::new(stretch);
    for (place, (start, end)) in stretch {
        if start >= end && visit(Found::Reached(place))?.is_break() {
            return Ok(());
        }
    }
    if due.left == 0 {
        return Ok(());
    }
    let overrides = reading.ahead_kibibytes.map(|kibibytes| {
        let bytes = u64::from(kibibytes) * 1024;
        [
            ("queued.max.messages.kbytes", kibibytes.to_string()),
            ("fetch.max.bytes", bytes.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    });
    let options = ConsumerOptions {
        group: None,
        from_beginning: true,
        read_uncommitted: reading.isolation == Isolation::ReadUncommitted,
        end_of_partition: true,
        apart: None,
        overrides: overrides.into_iter().flatten().collect(),
    };
    let consumer = Consumer::open(cluster.connection(), options, Arc::new(NoRebalance))?;
    let mut reader = consumer.assign_in_batches(&due.positions(stretch))?;
    let patience = cluster.connection().timeout;
    let mut last_news = Instant::now();
    while due.left > 0 {
        let mut is_over = false;
        let shown = reader.read(POLL, &mut |seen| {
            let going = due.show(seen, &mut visit)?;
            is_over |= going.is_break();
            Ok(going)
        })?;
        if is_over {
            break;
        }
        if shown > 0 {
            // Not before the visits, which may take their time.
            last_news = Instant::now();
        } else if last_news.elapsed() > patience {
            return Err(Error::unreachable(format!(
                "nothing came from {} for {}",
                due.names(),
                crate::model::duration::human(patience)
            )));
        }
    }
    reader.close(patience)
}

/// What is still to come of each partition.
struct Due {
    /// Sorted, with the end; `None` once it is reached.
    places: Vec<(TopicPartition, Option<i64>)>,
    left: usize,
    /// Where the last record was: the next is most likely of the same partition.
    last: usize,
}

impl Due {
    fn new(stretch: &Stretch) -> Self {
        let places: Vec<_> = stretch
            .iter()
            .filter(|(_, (start, end))| start < end)
            .map(|(place, (_, end))| (place.clone(), Some(*end)))
            .collect();
        Due {
            left: places.len(),
            places,
            last: 0,
        }
    }

    /// Where to begin with each.
    fn positions(&self, stretch: &Stretch) -> Vec<(TopicPartition, i64)> {
        let start = |(place, _): &(TopicPartition, Option<i64>)| {
            Some((place.clone(), stretch.get(place)?.0))
        };
        self.places.iter().filter_map(start).collect()
    }

    fn show(
        &mut self,
        seen: Seen<'_>,
        visit: &mut impl FnMut(Found<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        let (found, next) = match seen {
            Seen::Record(record) => {
                let Some((at, end)) = self.find(record.topic, record.partition) else {
                    return Ok(ControlFlow::Continue(()));
                };
                if record.offset < end && visit(Found::Record(record))?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                ((at, end), record.offset + 1)
            }
            // The last offsets may hold no record: the end of the partition is then the only sign.
            Seen::EndOfPartition(place, offset) => {
                let Some(found) = self.find(&place.topic, place.partition) else {
                    return Ok(ControlFlow::Continue(()));
                };
                (found, offset)
            }
        };
        let (at, end) = found;
        if next < end {
            return Ok(ControlFlow::Continue(()));
        }
        self.places[at].1 = None;
        self.left -= 1;
        let going = visit(Found::Reached(&self.places[at].0))?;
        Ok(match self.left {
            0 => ControlFlow::Break(()),
            _ => going,
        })
    }

    /// Where a partition is in the list, and its end, when that is still to come.
    fn find(&mut self, topic: &str, partition: i32) -> Option<(usize, i64)> {
        let is_it = |place: &TopicPartition| place.partition == partition && place.topic == topic;
        if !self
            .places
            .get(self.last)
            .is_some_and(|(place, _)| is_it(place))
        {
            let wanted = (topic, partition);
            let order =
                |place: &TopicPartition| (place.topic.as_str(), place.partition).cmp(&wanted);
            self.last = self
                .places
                .binary_search_by(|(place, _)| order(place))
                .ok()?;
        }
        Some((self.last, self.places[self.last].1?))
    }

    /// Nothing more is expected of a partition; of a topic, when its number is negative.
    fn give_up(&mut self, failed: &TopicPartition) {
        for (place, end) in &mut self.places {
            let is_it = place.topic == failed.topic
                && (failed.partition < 0 || place.partition == failed.partition);
            if is_it && end.take().is_some() {
                self.left -= 1;
            }
        }
    }

    fn unreached(&self) -> impl Iterator<Item = &TopicPartition> {
        let left = self.places.iter().filter(|(_, end)| end.is_some());
        left.map(|(place, _)| place)
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.unreached().map(ToString::to_string).collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(failed: usize) -> Answers {
        let answer = |id: i32| {
            let answer = match usize::try_from(id).unwrap() < failed {
                true => Err(Error::unreachable("no leader")),
                false => Ok((0, 5)),
            };
            (TopicPartition::new("orders", id), answer)
        };
        (0..8).map(answer).collect()
    }

    #[test]
    fn what_is_missing_is_an_error_that_names_it() {
        assert_eq!(whole(answers(0)).unwrap().len(), 8);
        let error = whole(answers(1)).unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::Unreachable);
        assert_eq!(
            error.one_line(),
            "cannot learn the offsets of orders:0: no leader"
        );
        let (known, error) = split(answers(7));
        assert_eq!(known.len(), 1);
        let text = error.unwrap().one_line();
        assert!(text.contains("orders:4 and 2 more"), "{text}");
    }
}
