//! Tests of a partition.

use std::collections::BTreeMap;

use super::super::log::batch::fixture;
use super::super::sync::now_milliseconds;
use super::*;

fn partition() -> Partition {
    Partition::new(Arc::new(Memory::new(u64::MAX)), None)
}

#[test]
fn a_repeated_batch_gets_its_first_offset_again() {
    let (partition, config, now) = (partition(), TopicConfig::default(), now_milliseconds());
    let batch = |sequence| fixture::idempotent(&[now, now], b"x", 1, 0, sequence);
    assert_eq!(
        partition
            .append(&batch(0), &config, now)
            .unwrap()
            .base_offset,
        0
    );
    assert_eq!(
        partition
            .append(&batch(2), &config, now)
            .unwrap()
            .base_offset,
        2
    );
    assert_eq!(
        partition
            .append(&batch(0), &config, now)
            .unwrap()
            .base_offset,
        0
    );
    assert_eq!(
        partition.append(&batch(9), &config, now),
        Err(ResponseError::OutOfOrderSequenceNumber)
    );
    assert_eq!(partition.bounds(false), (0, 4));
}

#[test]
fn a_waiter_is_kept_once_and_woken() {
    let (partition, config, now) = (partition(), TopicConfig::default(), now_milliseconds());
    let waiter = Arc::new(Notify::new());
    for _ in 0..100 {
        assert!(partition.wait(7, &waiter, 0));
    }
    assert_eq!(lock(&partition.inner).waiters.len(), 1);
    partition
        .append(&fixture::batch(&[now], b"x"), &config, now)
        .unwrap();
    assert!(
        !partition.wait(7, &waiter, 0),
        "there is something to read by now"
    );
    let woken = std::pin::pin!(waiter.notified()).enable();
    assert!(woken);
}

#[test]
fn compacted_topics_want_keys_and_times_have_limits() {
    let (partition, now) = (partition(), now_milliseconds());
    let compact = BTreeMap::from([("cleanup.policy".to_owned(), "compact".to_owned())]);
    let compact = TopicConfig::new(compact).unwrap();
    let batch = fixture::batch(&[now], b"x");
    assert_eq!(
        partition.append(&batch, &compact, now),
        Err(ResponseError::InvalidRecord)
    );
    let future = fixture::batch(&[now + 7_200_000], b"x");
    let refused = partition.append(&future, &TopicConfig::default(), now);
    assert_eq!(refused, Err(ResponseError::InvalidTimestamp));
}
