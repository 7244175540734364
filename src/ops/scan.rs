//! Reading a bounded stretch of partitions from start to end, outside any group.

use crate::error::{Error, Result};
use crate::kafka::{
    Cluster, Consumer, ConsumerOptions, Isolation, NextOffset, OffsetQuery, Polled, Rebalance,
    Standing,
};
use crate::model::record::Record;
use crate::model::topic::TopicPartition;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many partitions an error names.
const NAMED: usize = 5;

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
    let mut due: BTreeMap<TopicPartition, i64> = stretch
        .iter()
        .filter(|(_, (start, end))| start < end)
        .map(|(partition, (_, end))| (partition.clone(), *end))
        .collect();
    if due.is_empty() {
        return Ok(());
    }
    let options = ConsumerOptions {
        group: None,
        from_beginning: true,
        read_uncommitted: isolation == Isolation::ReadUncommitted,
        end_of_partition: true,
        apart: None,
        overrides: Vec::new(),
    };
    let consumer = Consumer::open(cluster.connection(), options, Arc::new(NoRebalance))?;
    let positions: Vec<(TopicPartition, i64)> = due
        .keys()
        .filter_map(|partition| Some((partition.clone(), stretch.get(partition)?.0)))
        .collect();
    consumer.assign(&positions)?;
    let patience = cluster.connection().timeout;
    let mut last_news = Instant::now();
    while !due.is_empty() {
        match consumer.poll(Duration::from_millis(200))? {
            Some(Polled::Record(record)) => {
                let partition = record.topic_partition();
                let Some(&end) = due.get(&partition) else {
                    last_news = Instant::now();
                    continue;
                };
                let next = record.offset + 1;
                if record.offset < end && visit(record)?.is_break() {
                    break;
                }
                // Not before the visit, which may take its time.
                last_news = Instant::now();
                if next >= end {
                    due.remove(&partition);
                }
            }
            // The last offsets may hold no record: the end of the partition is then the only sign.
            Some(Polled::EndOfPartition(partition, offset)) => {
                last_news = Instant::now();
                if due.get(&partition).is_some_and(|end| offset >= *end) {
                    due.remove(&partition);
                }
            }
            None if last_news.elapsed() > patience => {
                let left: Vec<String> = due.keys().map(TopicPartition::to_string).collect();
                return Err(Error::unreachable(format!(
                    "nothing came from {} for {}",
                    left.join(", "),
                    crate::model::duration::human(patience)
                )));
            }
            None => {}
        }
    }
    consumer.close(patience)
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
