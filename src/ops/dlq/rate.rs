//! How many dead letters come in an hour, by offsets alone.

use super::unlearnt::Unlearnt;
use crate::error::{Error, Result};
use crate::kafka::{Cluster, Isolation, ListedOffset, OffsetQuery};
use crate::model::topic::TopicPartition;
use crate::ops::scan::Stretch;
use std::collections::BTreeMap;

const HOUR: i64 = 60 * 60 * 1000;
const DAY: i64 = 24 * HOUR;

/// Letters an hour of each topic in `extents`, over the day before `now_ms`, or since the oldest of its letters, but for
/// an hour at least. Without those of topics of which a partition did not answer: that is a warning. Nothing is read: what
/// counts is the timestamp of the first record of the day in each partition, and everything behind it.
pub(super) async fn rates(
    cluster: &Cluster,
    extents: &Stretch,
    ages: &BTreeMap<String, (i64, i64)>,
    now_ms: i64,
    unlearnt: &mut Unlearnt,
) -> BTreeMap<String, f64> {
    let filled = extents.iter().filter(|(_, (start, end))| start < end);
    let since = OffsetQuery::Time(now_ms.saturating_sub(DAY));
    let queries: Vec<(TopicPartition, OffsetQuery)> =
        filled.map(|(place, _)| (place.clone(), since)).collect();
    let answers = cluster.list_offsets(&queries, Isolation::ReadCommitted);
    let answers = answers.await.unwrap_or_else(|error| {
        unlearnt.warn("learn how many came lately", &error);
        Answers::new()
    });
    let (rates, failed) = of_answers(extents, answers, ages, now_ms);
    unlearnt.warn_all("learn how many came lately to", failed);
    rates
}

/// The first offset of the day, by partition.
type Answers = BTreeMap<TopicPartition, Result<ListedOffset>>;

/// The rates, and the partitions that answered with an error.
fn of_answers(
    extents: &Stretch,
    mut answers: Answers,
    ages: &BTreeMap<String, (i64, i64)>,
    now_ms: i64,
) -> (BTreeMap<String, f64>, Vec<(String, Error)>) {
    let mut failed = Vec::new();
    let mut counts: BTreeMap<&str, Option<i64>> = BTreeMap::new();
    for (place, (start, end)) in extents {
        let recent = match answers.remove(place) {
            None if start >= end => Some(0),
            // Nothing is as late.
            Some(Ok(first)) if first.offset < 0 => Some(0),
            Some(Ok(first)) => Some((end - first.offset.max(*start)).max(0)),
            Some(Err(error)) => {
                failed.push((place.to_string(), error));
                None
            }
            None => None,
        };
        let count = counts.entry(&place.topic).or_insert(Some(0));
        *count = count.zip(recent).map(|(count, recent)| count + recent);
    }
    let rate = |(topic, count): (&str, Option<i64>)| {
        let oldest = ages.get(topic).map(|(oldest, _)| *oldest);
        Some((topic.to_owned(), per_hour(count?, oldest, now_ms)))
    };
    (counts.into_iter().filter_map(rate).collect(), failed)
}

/// With two digits behind the point.
fn per_hour(count: i64, oldest: Option<i64>, now_ms: i64) -> f64 {
    let since = oldest.map_or(DAY, |oldest| now_ms.saturating_sub(oldest));
    let hours = since.clamp(HOUR, DAY) as f64 / HOUR as f64;
    (count as f64 / hours * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_partition_that_does_not_answer_leaves_its_topic_without_a_rate_and_the_others_with_theirs()
     {
        let place = TopicPartition::new;
        let extents = [
            (place("a.dlq", 0), (0, 48)),
            (place("a.dlq", 1), (5, 5)),
            (place("b.dlq", 0), (0, 10)),
            (place("b.dlq", 1), (0, 10)),
            (place("c.dlq", 0), (0, 10)),
            (place("empty.dlq", 0), (3, 3)),
            (place("old.dlq", 0), (0, 10)),
        ];
        let first = |offset| {
            Ok(ListedOffset {
                offset,
                timestamp: None,
            })
        };
        let answers = Answers::from([
            (place("a.dlq", 0), first(24)),
            (place("b.dlq", 0), first(0)),
            (place("b.dlq", 1), Err(Error::unreachable("no leader"))),
            (place("old.dlq", 0), first(-1)),
        ]);
        let (rates, failed) = of_answers(&extents.into(), answers, &BTreeMap::new(), 100 * DAY);
        let expected = [("a.dlq", 1.0), ("empty.dlq", 0.0), ("old.dlq", 0.0)];
        let expected = expected.map(|(topic, rate)| (topic.to_owned(), rate));
        assert_eq!(rates, expected.into());
        let failed: Vec<&str> = failed.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(failed, ["b.dlq:1"]);
    }

    #[test]
    fn over_a_day_or_since_the_oldest_but_for_an_hour_at_least() {
        let now = 100 * DAY;
        let cases = [
            (0, None, 0.0),
            (24, None, 1.0),
            (24, Some(0), 1.0),
            (6, Some(now - 4 * HOUR), 1.5),
            (3, Some(now - 5), 3.0),
            // Whoever wrote it has another clock.
            (3, Some(now + DAY), 3.0),
            (1, Some(now - 3 * HOUR), 0.33),
        ];
        for (count, oldest, expected) in cases {
            assert_eq!(per_hour(count, oldest, now), expected, "{count} {oldest:?}");
        }
    }
}
