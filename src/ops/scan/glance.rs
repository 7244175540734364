//! A short look at a few records of many partitions.

use super::{Due, Found, NoRebalance, POLL, Stretch};
use crate::error::{Error, Result};
use crate::kafka::{Cluster, Consumer, ConsumerOptions};
use crate::model::record::RecordRef;
use crate::model::topic::TopicPartition;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

/// What is fetched ahead altogether: of each partition only a few records are wanted.
const AHEAD_KIBIBYTES: u32 = 8 * 1024;

/// Where in its partition a stretch lies, which decides how much of one is fetched at once. Brokers send whole batches:
/// one that is larger comes alone, and a round trip each for many partitions takes long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lies {
    /// Anything may follow, and is fetched in vain.
    Anywhere,
    /// Nothing follows: it is the last batches, whatever their size.
    AtTheEnd,
}

impl Lies {
    fn partition_bytes(self) -> u32 {
        match self {
            Lies::Anywhere => 64 * 1024,
            Lies::AtTheEnd => 1024 * 1024,
        }
    }
}

/// Shows the committed records of `stretch` to `visit`, on the calling thread, but no longer than until `deadline`, and
/// passes over partitions that fail. The answer is what was not seen to its end, and why.
///
/// # Errors
/// Something that is about no partition.
pub fn glance(
    cluster: &Cluster,
    stretch: &Stretch,
    lies: Lies,
    deadline: Instant,
    visit: &mut dyn FnMut(RecordRef<'_>),
) -> Result<Vec<(TopicPartition, Error)>> {
    let mut due = Due::new(stretch);
    let mut failed: Vec<(TopicPartition, Error)> = Vec::new();
    if due.left == 0 {
        return Ok(failed);
    }
    let overrides = [
        ("queued.max.messages.kbytes", AHEAD_KIBIBYTES),
        ("fetch.max.bytes", AHEAD_KIBIBYTES * 1024),
        ("fetch.message.max.bytes", lies.partition_bytes()),
    ];
    let options = ConsumerOptions {
        from_beginning: true,
        end_of_partition: true,
        overrides: overrides
            .map(|(name, value)| (name.to_owned(), value.to_string()))
            .to_vec(),
        ..ConsumerOptions::default()
    };
    let consumer = Consumer::open(cluster.connection(), options, Arc::new(NoRebalance))?;
    let mut reader = consumer.assign_in_batches(&due.positions(stretch))?;
    let mut show = |found: Found<'_>| {
        if let Found::Record(record) = found {
            visit(record);
        }
        Ok(ControlFlow::Continue(()))
    };
    while due.left > 0 {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let known = failed.len();
        reader.read_past_failures(
            left.min(POLL),
            &mut |seen| due.show(seen, &mut show),
            &mut |place, error| {
                failed.push((place, error));
                Ok(())
            },
        )?;
        for (place, _) in &failed[known..] {
            due.give_up(place);
        }
    }
    failed.extend(due.unreached().map(|place| {
        let error = Error::unreachable("its records did not come in time");
        (place.clone(), error)
    }));
    reader.close(cluster.connection().timeout)?;
    Ok(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_given_up_once_and_a_topic_as_a_whole() {
        let places = [("a", 0), ("a", 1), ("b", 0), ("b", 1), ("empty", 0)];
        let extent = |(topic, partition): (&str, i32)| {
            let end = if topic == "empty" { 0 } else { 3 };
            (TopicPartition::new(topic, partition), (0, end))
        };
        let mut due = Due::new(&places.map(extent).into());
        assert_eq!(due.left, 4);
        for (topic, partition, left) in [("b", 1, 3), ("a", -1, 1), ("a", 0, 1), ("c", -1, 1)] {
            due.give_up(&TopicPartition::new(topic, partition));
            assert_eq!(due.left, left, "{topic}:{partition}");
        }
        let left: Vec<_> = due.unreached().map(ToString::to_string).collect();
        assert_eq!(left, ["b:0"]);
    }
}
