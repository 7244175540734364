//! How many dead letters come in an hour, by offsets alone.

use crate::error::Result;
use crate::kafka::{Cluster, Isolation, OffsetQuery};
use crate::model::topic::TopicPartition;
use crate::ops::scan::Stretch;
use std::collections::BTreeMap;

const HOUR: i64 = 60 * 60 * 1000;
const DAY: i64 = 24 * HOUR;

/// Letters an hour of each topic in `extents`, over the day before `now_ms`, or since the oldest of its letters, but for
/// an hour at least. Without those of topics of which a partition did not answer. Nothing is read: what counts is the
/// timestamp of the first record of the day in each partition, and everything behind it.
pub(super) async fn rates(
    cluster: &Cluster,
    extents: &Stretch,
    ages: &BTreeMap<String, (i64, i64)>,
    now_ms: i64,
) -> Result<BTreeMap<String, f64>> {
    let filled = extents.iter().filter(|(_, (start, end))| start < end);
    let since = OffsetQuery::Time(now_ms.saturating_sub(DAY));
    let queries: Vec<(TopicPartition, OffsetQuery)> =
        filled.map(|(place, _)| (place.clone(), since)).collect();
    let isolation = Isolation::ReadCommitted;
    let mut answers = cluster.list_offsets(&queries, isolation).await?;
    let mut counts: BTreeMap<&str, Option<i64>> = BTreeMap::new();
    for (place, (start, end)) in extents {
        let recent = match answers.remove(place) {
            None if start >= end => Some(0),
            // Nothing is as late.
            Some(Ok(first)) if first.offset < 0 => Some(0),
            Some(Ok(first)) => Some((end - first.offset.max(*start)).max(0)),
            None | Some(Err(_)) => None,
        };
        let count = counts.entry(&place.topic).or_insert(Some(0));
        *count = count.zip(recent).map(|(count, recent)| count + recent);
    }
    let rate = |(topic, count): (&str, Option<i64>)| {
        let oldest = ages.get(topic).map(|(oldest, _)| *oldest);
        Some((topic.to_owned(), per_hour(count?, oldest, now_ms)))
    };
    Ok(counts.into_iter().filter_map(rate).collect())
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
