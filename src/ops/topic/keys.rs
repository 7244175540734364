//! What growing a topic does to the keys that are in it: shown for a few real ones.

use crate::error::Result;
use crate::kafka::{Cluster, Isolation};
use crate::model::partitioner::partition_for_key;
use crate::model::topic::{Topic, TopicPartition};
use crate::ops::blocking::blocking;
use crate::ops::scan;
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// So many of the last records of a partition are looked at …
const RECORDS_A_PARTITION: i64 = 20;

/// … in so many of the partitions, which is enough to see a pattern and nothing to wait for.
const PARTITIONS: usize = 10;

/// So many keys are shown.
const SHOWN: usize = 5;

/// A few of the latest keys of a topic.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeySample {
    /// How many different keys were looked at, and how many of them would move.
    looked_at: usize,
    moving: usize,
    /// How many of them are not where Kafka's default partitioner puts them today: somebody else decides.
    elsewhere: usize,
    /// Some that move.
    shown: Vec<KeyMove>,
    /// Why no keys could be looked at.
    error: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyMove {
    key: String,
    from: i32,
    to: i32,
}

/// Looks at the last records of the topic, as far as they can be read. A failure is part of the answer: not to be able
/// to look is no reason not to grow.
pub(super) async fn sample(cluster: &Cluster, topic: &Topic, total: i32) -> KeySample {
    let keys = match latest_keys(cluster, topic).await {
        Ok(keys) => keys,
        Err(error) => {
            return KeySample {
                error: Some(error.one_line()),
                ..KeySample::default()
            };
        }
    };
    let has = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
    judge(&keys, has, total)
}

fn judge(keys: &BTreeMap<Vec<u8>, i32>, has: i32, total: i32) -> KeySample {
    let mut sample = KeySample {
        looked_at: keys.len(),
        ..KeySample::default()
    };
    for (key, &from) in keys {
        if partition_for_key(key, has) != from {
            sample.elsewhere += 1;
            continue;
        }
        let to = partition_for_key(key, total);
        if to == from {
            continue;
        }
        sample.moving += 1;
        if sample.shown.len() < SHOWN {
            sample.shown.push(KeyMove {
                key: String::from_utf8_lossy(key).into_owned(),
                from,
                to,
            });
        }
    }
    sample
}

/// Keys and where they are.
async fn latest_keys(cluster: &Cluster, topic: &Topic) -> Result<BTreeMap<Vec<u8>, i32>> {
    let places: Vec<TopicPartition> = topic
        .partitions
        .iter()
        .take(PARTITIONS)
        .map(|partition| TopicPartition::new(&topic.name, partition.id))
        .collect();
    let isolation = Isolation::ReadCommitted;
    let mut stretch = scan::extents(cluster, &places, isolation).await?;
    for (start, end) in stretch.values_mut() {
        *start = (*start).max(end.saturating_sub(RECORDS_A_PARTITION));
    }
    let cluster = cluster.clone();
    let read = move || {
        let mut keys = BTreeMap::new();
        scan::read(&cluster, &stretch, isolation, |record| {
            if let Some(key) = record.key {
                keys.insert(key, record.partition);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(keys)
    };
    blocking("reading", read).await
}

impl Report for KeySample {
    fn table(&self) -> Table {
        let mut table = Table::new(&["KEY", "FROM", "TO"], "");
        for key in &self.shown {
            table.row([Cell::from(key.key.as_str()), key.from.into(), key.to.into()]);
        }
        let KeySample {
            looked_at,
            moving,
            elsewhere,
            ..
        } = self;
        match (&self.error, looked_at) {
            (Some(error), _) => {
                table.note(format!("no keys could be looked at: {error}"), Tone::Warn);
            }
            (None, 0) => table.note("the latest records have no keys", Tone::Plain),
            (None, _) => table.note(
                format!("{moving} of the {looked_at} latest keys would move"),
                Tone::Plain,
            ),
        }
        if *elsewhere > 0 {
            let text = format!(
                "{elsewhere} of them are not where Kafka's default partitioner puts them today: the topic was grown before, or their producer has a partitioner of its own"
            );
            table.note(text, Tone::Warn);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_move_are_shown_and_those_of_another_partitioner_are_not() {
        let mut keys: BTreeMap<Vec<u8>, i32> = (0..40)
            .map(|n| format!("order-{n}").into_bytes())
            .map(|key| {
                let partition = partition_for_key(&key, 3);
                (key, partition)
            })
            .collect();
        let stray = b"order-0".to_vec();
        let wrong = (partition_for_key(&stray, 3) + 1) % 3;
        keys.insert(stray, wrong);
        let sample = judge(&keys, 3, 6);
        assert_eq!((sample.looked_at, sample.elsewhere), (40, 1));
        // Doubling leaves a key where it is or moves it by the old count.
        assert!(sample.moving > 5, "{sample:?}");
        assert_eq!(sample.shown.len(), SHOWN);
        assert!(sample.shown.iter().all(|key| key.to == key.from + 3));
        // Nothing moves when nothing grows.
        assert_eq!(judge(&keys, 3, 3).moving, 0);
    }
}
