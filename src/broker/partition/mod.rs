//! One partition: its log, its idempotent producers, and the fetches that wait for it.

mod upkeep;

use std::sync::{Arc, Mutex, Weak};

use kafka_protocol::error::ResponseError;
use tokio::sync::Notify;

use super::config::TopicConfig;
use super::log::batch::{self, Header};
use super::log::compaction;
use super::log::marker::marker;
use super::log::partition::{Full, Unreadable};
use super::log::segment::Slice;
use super::log::{Log, Memory, Policy};
use super::storage::folder::Folder;
use super::sync::lock;
use super::transaction::ongoing::{Aborted, Ongoing};
use super::transaction::sequences::{LastWritten, Sequences, Verdict};

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
    pub(crate) slices: Vec<Slice>,
    /// The high watermark.
    pub(crate) end: i64,
    /// The last stable offset.
    pub(crate) stable: i64,
    /// The log start offset.
    pub(crate) start: i64,
    /// The aborted transactions with records among these; none for who reads everything.
    pub(crate) aborted: Vec<Aborted>,
}

impl Fetched {
    /// Of a partition that cannot be read.
    pub(crate) fn nothing() -> Fetched {
        Fetched {
            slices: Vec::new(),
            end: -1,
            stable: -1,
            start: -1,
            aborted: Vec::new(),
        }
    }

    /// Bytes of records.
    pub(crate) fn size(&self) -> usize {
        self.slices.iter().map(Slice::len).sum()
    }
}

#[derive(Debug)]
struct Inner {
    log: Log,
    sequences: Sequences,
    ongoing: Ongoing,
    waiters: Vec<(u64, Weak<Notify>)>,
    closed: bool,
    /// Not before this time, in milliseconds since the Unix epoch, is it cleaned.
    clean_again: i64,
}

impl Inner {
    /// The last stable offset. The first record of an open transaction may have been deleted.
    fn last_stable(&self) -> i64 {
        let stable = self.ongoing.last_stable(self.log.end());
        stable.max(self.log.start())
    }
}

/// A partition; every operation holds its lock for a short time only.
#[derive(Debug)]
pub(crate) struct Partition {
    inner: Mutex<Inner>,
}

impl Partition {
    /// An empty partition, in memory or in an empty folder.
    pub(crate) fn new(memory: Arc<Memory>, folder: Option<Folder>) -> Partition {
        Partition::of(
            Log::new(memory, folder),
            Sequences::default(),
            Ongoing::default(),
        )
    }

    fn of(log: Log, sequences: Sequences, ongoing: Ongoing) -> Partition {
        Partition {
            inner: Mutex::new(Inner {
                log,
                sequences,
                ongoing,
                waiters: Vec::new(),
                closed: false,
                clean_again: 0,
            }),
        }
    }

    /// Validates and appends what a client sent, and wakes the fetches that wait. Errors as Kafka's, see
    /// [`batch::validate`] and [`Sequences::check`]; INVALID_TXN_STATE for a record outside the transaction that its
    /// producer has open; KAFKA_STORAGE_ERROR when memory is full. That a transaction may be written to is the caller's
    /// to know.
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
        let in_transaction = header.is_transactional();
        if !in_transaction && inner.ongoing.began_at(header.producer_id).is_some() {
            return Err(ResponseError::InvalidTxnState);
        }
        let base_offset = inner
            .log
            .append(records, &header, &config.policy, now)
            .map_err(|_| ResponseError::KafkaStorageError)?;
        let append_time = if config.policy.append_time { now } else { -1 };
        inner
            .sequences
            .record(&header, base_offset, append_time, now);
        if in_transaction {
            inner.ongoing.written(header.producer_id, base_offset);
        }
        let waiters = std::mem::take(&mut inner.waiters);
        drop(inner);
        wake(&waiters);
        Ok(Appended {
            base_offset,
            append_time,
            log_start,
        })
    }

    /// Ends a producer's transaction with a marker, and wakes the fetches that wait. A newer epoch fences whoever wrote
    /// with the last. Where nothing was written there is nothing to mark, and a topic that is gone needs no marker. Error:
    /// the disk takes none.
    pub(crate) fn end_transaction(
        &self,
        producer_id: i64,
        epoch: i16,
        committed: bool,
        policy: &Policy,
        now: i64,
    ) -> Result<(), Full> {
        let (batch, header) = marker(producer_id, epoch, committed, now);
        let mut inner = lock(&self.inner);
        if inner.closed {
            return Ok(());
        }
        inner.sequences.ended(producer_id, epoch, now);
        if inner.ongoing.began_at(producer_id).is_none() {
            return Ok(());
        }
        let offset = inner.log.append_own(&batch, &header, policy, now)?;
        inner.ongoing.ended(producer_id, committed, offset);
        let waiters = std::mem::take(&mut inner.waiters);
        drop(inner);
        wake(&waiters);
        Ok(())
    }

    /// Reads batches from `offset` on (see [`Log::read`]); with `committed`, those before the last stable offset. Errors:
    /// OFFSET_OUT_OF_RANGE; UNKNOWN_TOPIC_OR_PARTITION when the topic is being deleted; KAFKA_STORAGE_ERROR when its file
    /// cannot be read.
    pub(crate) fn fetch(
        &self,
        offset: i64,
        committed: bool,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<Fetched, ResponseError> {
        let inner = lock(&self.inner);
        if inner.closed {
            return Err(ResponseError::UnknownTopicOrPartition);
        }
        let end = inner.log.end();
        let stable = inner.last_stable();
        let limit = if committed { stable } else { end };
        let read = inner.log.read(offset, limit, max_bytes, at_least_one);
        let read = read.map_err(|unreadable| match unreadable {
            Unreadable::OutOfRange => ResponseError::OffsetOutOfRange,
            Unreadable::Storage(error) => unreadable_file(&error),
        })?;
        let aborted = match committed && !read.slices.is_empty() {
            true => inner.ongoing.aborted(offset, read.end),
            false => Vec::new(),
        };
        Ok(Fetched {
            slices: read.slices,
            end,
            stable,
            start: inner.log.start(),
            aborted,
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

    /// The log start offset, and the end: with `committed` the last stable offset, else the high watermark.
    pub(crate) fn bounds(&self, committed: bool) -> (i64, i64) {
        let inner = lock(&self.inner);
        let end = inner.log.end();
        let last = if committed { inner.last_stable() } else { end };
        (inner.log.start(), last)
    }

    /// The producers it knows, sorted by id, each with the offset where its open transaction begins, -1 when none is.
    pub(crate) fn producers(&self) -> Vec<(LastWritten, i64)> {
        let inner = lock(&self.inner);
        let producers = inner.sequences.producers();
        let began = |one: &LastWritten| inner.ongoing.began_at(one.producer_id).unwrap_or(-1);
        producers
            .into_iter()
            .map(|one| (one, began(&one)))
            .collect()
    }

    /// The first record, from the log start on, whose timestamp is `timestamp` or later: its timestamp and offset. Error:
    /// KAFKA_STORAGE_ERROR.
    pub(crate) fn first_at(&self, timestamp: i64) -> Result<Option<(i64, i64)>, ResponseError> {
        let mut from = 0;
        loop {
            // Decompressed without the lock.
            let candidate = lock(&self.inner).log.candidate(timestamp, from);
            let candidate = candidate.map_err(|error| unreadable_file(&error))?;
            let Some(candidate) = candidate else {
                return Ok(None);
            };
            let found = candidate.first();
            if found.is_some() {
                return Ok(found);
            }
            from = candidate.next();
        }
    }

    /// The first record with the largest timestamp of all: its timestamp and offset. Error: KAFKA_STORAGE_ERROR.
    pub(crate) fn latest(&self) -> Result<Option<(i64, i64)>, ResponseError> {
        let latest = lock(&self.inner).log.max_timestamp();
        match latest {
            Some(timestamp) => self.first_at(timestamp),
            None => Ok(None),
        }
    }

    /// Deletes the records before `offset`, -1 meaning all there are; returns the log start offset. Errors:
    /// OFFSET_OUT_OF_RANGE; KAFKA_STORAGE_ERROR.
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
        let deleted = inner.log.delete_before(offset);
        deleted.map_err(|Full| ResponseError::KafkaStorageError)?;
        let start = inner.log.start();
        inner.ongoing.forget_before(start);
        Ok(start)
    }

    /// The topic is gone: wakes whoever waits, refuses whoever comes.
    pub(crate) fn close(&self) {
        let mut inner = lock(&self.inner);
        inner.closed = true;
        inner.log.discard();
        let waiters = std::mem::take(&mut inner.waiters);
        drop(inner);
        wake(&waiters);
    }
}

fn unreadable_file(error: &std::io::Error) -> ResponseError {
    tracing::error!(%error, "cannot read a segment");
    ResponseError::KafkaStorageError
}

fn wake(waiters: &[(u64, Weak<Notify>)]) {
    for waiter in waiters.iter().filter_map(|(_, waiter)| waiter.upgrade()) {
        waiter.notify_one();
    }
}

/// What a topic's configuration asks of a batch's content: INVALID_TIMESTAMP outside the limits around now; in a compacted
/// topic INVALID_RECORD for a record without a key, and see [`compaction::Fault`] for records that cannot be read.
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
    if config.policy.compaction.is_some() {
        let inside = compaction::read(header, records)?;
        if inside.iter().any(|entry| entry.key.is_none()) {
            return Err(ResponseError::InvalidRecord);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
