//! One partition: its log, its idempotent producers, and the fetches that wait for it.

use std::sync::{Arc, Mutex, Weak};

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use tokio::sync::Notify;

use super::config::TopicConfig;
use super::log::batch::{self, HEADER_SIZE, Header};
use super::log::record;
use super::log::{Log, Memory, Policy};
use super::sync::lock;
use super::transaction::sequences::{Sequences, Verdict};

/// Dead waiters are looked for when there are more than this.
const WAITERS_SWEEP: usize = 16;

/// What an append came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Appended {
    /// Offset of the batch's first record.
    pub(crate) base_offset: i64,
    /// Milliseconds since the Unix epoch, -1 when the topic keeps the producer's timestamps.
    pub(crate) append_time: i64,
    /// The log start offset.
    pub(crate) log_start: i64,
}

/// What a read came to.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// Whole batches.
    pub(crate) slices: Vec<Bytes>,
    /// The high watermark.
    pub(crate) end: i64,
    /// The log start offset.
    pub(crate) start: i64,
}

impl Fetched {
    /// Bytes of records.
    pub(crate) fn size(&self) -> usize {
        self.slices.iter().map(Bytes::len).sum()
    }
}

#[derive(Debug)]
struct Inner {
    log: Log,
    sequences: Sequences,
    waiters: Vec<(u64, Weak<Notify>)>,
    closed: bool,
}

/// A partition; every operation holds its lock for a short time only.
#[derive(Debug)]
pub(crate) struct Partition {
    inner: Mutex<Inner>,
}

impl Partition {
    /// An empty partition.
    pub(crate) fn new(memory: Arc<Memory>) -> Partition {
        Partition {
            inner: Mutex::new(Inner {
                log: Log::new(memory),
                sequences: Sequences::default(),
                waiters: Vec::new(),
                closed: false,
            }),
        }
    }

    /// Validates and appends what a client sent, and wakes the fetches that wait. Errors as Kafka's, see
    /// [`batch::validate`] and [`Sequences::check`]; KAFKA_STORAGE_ERROR when memory is full.
    pub(crate) fn append(
        &self,
        records: &[u8],
        config: &TopicConfig,
        now: i64,
    ) -> Result<Appended, ResponseError> {
        let header = batch::validate(records, config.max_message_bytes)?;
        check_content(records, &header, config, now)?;
        let mut inner = lock(&self.inner);
        if inner.closed {
            return Err(ResponseError::UnknownTopicOrPartition);
        }
        let log_start = inner.log.start();
        if let Verdict::Duplicate {
            base_offset,
            append_time,
        } = inner.sequences.check(&header)?
        {
            return Ok(Appended {
                base_offset,
                append_time,
                log_start,
            });
        }
        let base_offset = inner
            .log
            .append(records, &header, &config.policy, now)
            .map_err(|_| ResponseError::KafkaStorageError)?;
        let append_time = if config.policy.append_time { now } else { -1 };
        inner
            .sequences
            .record(&header, base_offset, append_time, now);
        let waiters = std::mem::take(&mut inner.waiters);
        drop(inner);
        wake(&waiters);
        Ok(Appended {
            base_offset,
            append_time,
            log_start,
        })
    }

    /// Reads batches from `offset` on (see [`Log::read`]). Errors: OFFSET_OUT_OF_RANGE; UNKNOWN_TOPIC_OR_PARTITION when
    /// the topic is being deleted.
    pub(crate) fn fetch(
        &self,
        offset: i64,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<Fetched, ResponseError> {
        let inner = lock(&self.inner);
        if inner.closed {
            return Err(ResponseError::UnknownTopicOrPartition);
        }
        let slices = inner.log.read(offset, max_bytes, at_least_one);
        Ok(Fetched {
            slices: slices.ok_or(ResponseError::OffsetOutOfRange)?,
            end: inner.log.end(),
            start: inner.log.start(),
        })
    }

    /// Lets `waiter` be woken by the next append beyond `end`; false when there is more than that already. Each
    /// connection waits for one fetch at a time, so it is kept once, by its number.
    pub(crate) fn wait(&self, connection: u64, waiter: &Arc<Notify>, end: i64) -> bool {
        let mut inner = lock(&self.inner);
        if inner.closed || inner.log.end() != end {
            return false;
        }
        if inner
            .waiters
            .iter()
            .all(|(number, _)| *number != connection)
        {
            if inner.waiters.len() >= WAITERS_SWEEP {
                inner
                    .waiters
                    .retain(|(_, waiter)| waiter.strong_count() > 0);
            }
            inner.waiters.push((connection, Arc::downgrade(waiter)));
        }
        true
    }

    /// Log start and end offsets.
    pub(crate) fn bounds(&self) -> (i64, i64) {
        let inner = lock(&self.inner);
        (inner.log.start(), inner.log.end())
    }

    /// See [`Log::first_at`].
    pub(crate) fn first_at(&self, timestamp: i64) -> Option<(i64, i64)> {
        lock(&self.inner).log.first_at(timestamp)
    }

    /// See [`Log::latest`].
    pub(crate) fn latest(&self) -> Option<(i64, i64)> {
        lock(&self.inner).log.latest()
    }

    /// Deletes the records before `offset`, -1 meaning all there are; returns the log start offset. Error:
    /// OFFSET_OUT_OF_RANGE.
    pub(crate) fn delete_before(&self, offset: i64) -> Result<i64, ResponseError> {
        let mut inner = lock(&self.inner);
        let offset = if offset == -1 {
            inner.log.end()
        } else {
            offset
        };
        if offset < 0 || offset > inner.log.end() {
            return Err(ResponseError::OffsetOutOfRange);
        }
        inner.log.delete_before(offset);
        Ok(inner.log.start())
    }

    /// Applies retention.
    pub(crate) fn retain(&self, policy: &Policy, now: i64) {
        let mut inner = lock(&self.inner);
        inner.log.retain(policy, now);
        inner.sequences.expire(now);
    }

    /// The topic is gone: wakes whoever waits, refuses whoever comes.
    pub(crate) fn close(&self) {
        let mut inner = lock(&self.inner);
        inner.closed = true;
        let end = inner.log.end();
        inner.log.delete_before(end);
        let waiters = std::mem::take(&mut inner.waiters);
        drop(inner);
        wake(&waiters);
    }
}

fn wake(waiters: &[(u64, Weak<Notify>)]) {
    for waiter in waiters.iter().filter_map(|(_, waiter)| waiter.upgrade()) {
        waiter.notify_one();
    }
}

/// What a topic's configuration asks of a batch's content: INVALID_TIMESTAMP outside the limits around now,
/// INVALID_RECORD for a record without a key in a compacted topic (seen in uncompressed batches only).
fn check_content(
    records: &[u8],
    header: &Header,
    config: &TopicConfig,
    now: i64,
) -> Result<(), ResponseError> {
    if !config.policy.append_time {
        let early = now.saturating_sub(header.base_timestamp) > config.timestamp_before_max;
        let late = header.max_timestamp.saturating_sub(now) > config.timestamp_after_max;
        if early || late || header.is_log_append_time() {
            return Err(ResponseError::InvalidTimestamp);
        }
    }
    if config.compact
        && header.compression() == 0
        && !record::records(&records[HEADER_SIZE..]).all(|record| record.has_key)
    {
        return Err(ResponseError::InvalidRecord);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::log::batch::fixture;
    use super::super::sync::now_milliseconds;
    use super::*;

    fn partition() -> Partition {
        Partition::new(Arc::new(Memory::new(u64::MAX)))
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
        assert_eq!(partition.bounds(), (0, 4));
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
}
