//! The first record at or after an offset, of many partitions at once: how old it is, or that there is none.
//!
//! One consumer reads them all. What was learnt of a position is kept until it moves, so that looking again costs
//! nothing where nothing moved.

use super::LagRequest;
use crate::error::Kind;
use crate::kafka::{Cluster, Connection, Consumer, ConsumerOptions, Isolation, Polled};
use crate::model::topic::TopicPartition;
use crate::ops::scan::NoRebalance;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Partitions read at once: with [`BYTES_A_PARTITION`] they bound the memory.
const AT_ONCE: usize = 500;

/// What is fetched of a partition to see one record. librdkafka asks for more where a record is larger.
const BYTES_A_PARTITION: &str = "16384";

/// A consumer that keeps failing is not asked for ever.
const MOST_ERRORS: usize = 20;

/// What lies at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// A record, with its timestamp in milliseconds since 1970, if it has one.
    Record(Option<i64>),
    /// No record before this offset, which is the end: what lies between are markers of transactions, or what compaction
    /// left of records.
    Nothing(i64),
}

/// Where a group stands and the log ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) place: TopicPartition,
    pub(super) position: i64,
    pub(super) end: i64,
}

/// Asks, and remembers.
#[derive(Debug)]
pub(super) struct Prober {
    connection: Connection,
    isolation: Isolation,
    /// Kept for the next question; `None` before the first, and after trouble.
    consumer: Option<Consumer>,
    known: BTreeMap<(TopicPartition, i64), First>,
}

impl Prober {
    pub(super) fn new(cluster: &Cluster, request: &LagRequest) -> Prober {
        Prober {
            connection: cluster.connection().clone(),
            isolation: request.isolation,
            consumer: None,
            known: BTreeMap::new(),
        }
    }

    /// What lies at each gap's position, for as many as told it in time. Forgets what it is not asked about.
    pub(super) async fn ask(&mut self, gaps: &[Gap]) -> BTreeMap<(TopicPartition, i64), First> {
        let key = |gap: &Gap| (gap.place.clone(), gap.position);
        let mut known = BTreeMap::new();
        let mut unknown = BTreeMap::new();
        for gap in gaps {
            match self.known.get(&key(gap)) {
                // Records may have come since.
                Some(First::Nothing(end)) if *end < gap.end => {}
                Some(first) => {
                    known.insert(key(gap), *first);
                    continue;
                }
                None => {}
            }
            // A consumer stands at one position of a partition at a time, so each is one question; two groups at the
            // same position are one.
            unknown.insert(key(gap), ());
        }
        self.known = known;
        for round in rounds(unknown.into_keys()) {
            let learnt = self.read(round).await;
            self.known.extend(learnt);
        }
        self.known.clone()
    }

    /// After an outage: a client that lost its broker looks for it ever more seldom, a fresh one at once.
    pub(super) fn reconnect(&mut self) {
        self.consumer = None;
    }

    async fn read(
        &mut self,
        positions: Vec<(TopicPartition, i64)>,
    ) -> BTreeMap<(TopicPartition, i64), First> {
        let options = ConsumerOptions {
            from_beginning: true,
            read_uncommitted: self.isolation == Isolation::ReadUncommitted,
            end_of_partition: true,
            overrides: [
                ("fetch.message.max.bytes", BYTES_A_PARTITION),
                ("queued.min.messages", "1"),
                // The end of a partition is told with an answer, which otherwise waits for records to come.
                ("fetch.wait.max.ms", "20"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
            ..ConsumerOptions::default()
        };
        let consumer = self.consumer.take();
        let connection = self.connection.clone();
        let read = tokio::task::spawn_blocking(move || {
            let opened = consumer.map_or_else(
                || Consumer::open(&connection, options, Arc::new(NoRebalance)),
                Ok,
            );
            let Ok(consumer) = opened else {
                return (None, BTreeMap::new());
            };
            let (is_fine, found) = first_records(&consumer, &positions, connection.timeout);
            (is_fine.then_some(consumer), found)
        });
        // Only a panic ends it otherwise, and then nothing is known.
        let (consumer, found) = read.await.unwrap_or_default();
        self.consumer = consumer;
        found
    }
}

/// Positions so that each round has a partition once, and no more than [`AT_ONCE`].
fn rounds(
    positions: impl Iterator<Item = (TopicPartition, i64)>,
) -> Vec<Vec<(TopicPartition, i64)>> {
    let mut layers: Vec<Vec<(TopicPartition, i64)>> = Vec::new();
    let mut depth = 0;
    let mut before: Option<TopicPartition> = None;
    for (place, position) in positions {
        // Sorted, so that those of one partition stand together.
        depth = if before.as_ref() == Some(&place) {
            depth + 1
        } else {
            0
        };
        before = Some(place.clone());
        if layers.len() == depth {
            layers.push(Vec::new());
        }
        if let Some(layer) = layers.get_mut(depth) {
            layer.push((place, position));
        }
    }
    let chunks = |layer: Vec<(TopicPartition, i64)>| -> Vec<Vec<_>> {
        layer.chunks(AT_ONCE).map(<[_]>::to_vec).collect()
    };
    layers.into_iter().flat_map(chunks).collect()
}

/// Whether the consumer can be asked again, and what was found before the time was over.
fn first_records(
    consumer: &Consumer,
    positions: &[(TopicPartition, i64)],
    timeout: Duration,
) -> (bool, BTreeMap<(TopicPartition, i64), First>) {
    let mut found = BTreeMap::new();
    let mut due: BTreeMap<&TopicPartition, i64> = positions
        .iter()
        .map(|(place, position)| (place, *position))
        .collect();
    if consumer.assign(positions).is_err() {
        return (false, found);
    }
    let deadline = Instant::now() + timeout;
    let mut errors = 0;
    while !due.is_empty() && Instant::now() < deadline && errors < MOST_ERRORS {
        let left = deadline.saturating_duration_since(Instant::now());
        let (place, first) = match consumer.poll(left.min(Duration::from_millis(200))) {
            Ok(Some(Polled::Record(record))) => {
                let timestamp = record.timestamp.map(|(milliseconds, _)| milliseconds);
                (record.topic_partition(), First::Record(timestamp))
            }
            Ok(Some(Polled::EndOfPartition(place, end))) => (place, First::Nothing(end)),
            Ok(None) => continue,
            Err(error) if error.kind() == Kind::Unreachable => return (false, found),
            // Of one partition, most likely; the others may still tell.
            Err(_) => {
                errors += 1;
                continue;
            }
        };
        if let Some(position) = due.remove(&place) {
            // One is enough.
            let _ = consumer.pause(std::slice::from_ref(&place));
            found.insert((place, position), first);
        }
    }
    // Nothing more is to be fetched before the next question. A partition that is paused stays so through assignments.
    let paused: Vec<TopicPartition> = found
        .keys()
        .map(|(place, _): &(TopicPartition, i64)| place.clone())
        .collect();
    let _ = consumer.resume(&paused);
    let is_fine = consumer.assign(&[]).is_ok() && errors < MOST_ERRORS;
    (is_fine, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_has_each_partition_once() {
        let at = |id: i32, position| (TopicPartition::new("orders", id), position);
        let positions = [at(0, 5), at(0, 9), at(1, 5), at(2, 1), at(2, 2), at(2, 3)];
        let rounds = rounds(positions.into_iter());
        assert_eq!(
            rounds,
            [
                vec![at(0, 5), at(1, 5), at(2, 1)],
                vec![at(0, 9), at(2, 2)],
                vec![at(2, 3)]
            ]
        );
        let many = (0..1201).map(|id| at(id, 0));
        let sizes: Vec<usize> = super::rounds(many).iter().map(Vec::len).collect();
        assert_eq!(sizes, [500, 500, 201]);
    }
}
