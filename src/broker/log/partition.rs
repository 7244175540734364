//! The log of one partition: a queue of segments between the log start offset and the high watermark. One broker has
//! no followers to wait for, so the high watermark is the log end, and, without transactions, the last stable offset.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::batch::{self, HEADER_SIZE, Header};
use super::memory::Memory;
use super::record;
use super::segment::Segment;

/// Segments end at this size even where `segment.bytes` allows more: retention deletes whole segments, and in memory
/// small ones let it keep to its word.
const SEGMENT_LIMIT: u64 = 1024 * 1024;

/// What a topic's configuration says about appending and keeping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// `cleanup.policy` has `delete`: retention applies.
    pub(crate) delete: bool,
    /// `retention.ms`; negative keeps forever.
    pub(crate) retention_milliseconds: i64,
    /// `retention.bytes`; negative keeps all.
    pub(crate) retention_bytes: i64,
    /// `segment.bytes`.
    pub(crate) segment_bytes: u64,
    /// `segment.ms`.
    pub(crate) segment_milliseconds: i64,
    /// `message.timestamp.type` is `LogAppendTime`.
    pub(crate) append_time: bool,
}

/// No room in the broker's memory budget.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// The log. Offsets count records from 0; sizes are bytes; times are milliseconds since the Unix epoch.
#[derive(Debug)]
pub(crate) struct Log {
    segments: VecDeque<Segment>,
    start: i64,
    end: i64,
    size: u64,
    memory: Arc<Memory>,
}

impl Log {
    /// An empty log.
    pub(crate) fn new(memory: Arc<Memory>) -> Log {
        Log {
            segments: VecDeque::new(),
            start: 0,
            end: 0,
            size: 0,
            memory,
        }
    }

    /// The log start offset: the first that may be read.
    pub(crate) fn start(&self) -> i64 {
        self.start
    }

    /// The log end offset and high watermark: the next to be written.
    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    /// Appends one valid batch; returns the offset its first record got.
    pub(crate) fn append(
        &mut self,
        bytes: &[u8],
        header: &Header,
        policy: &Policy,
        now: i64,
    ) -> Result<i64, Full> {
        if !self.memory.take(bytes.len() as u64) {
            return Err(Full);
        }
        Ok(self.write(bytes, header, policy, now))
    }

    /// As [`Log::append`] of a batch of the broker's own, for which there is always room: a small one that ends others,
    /// so that there are never more of them.
    pub(crate) fn append_own(
        &mut self,
        bytes: &[u8],
        header: &Header,
        policy: &Policy,
        now: i64,
    ) -> i64 {
        self.memory.take_anyway(bytes.len() as u64);
        self.write(bytes, header, policy, now)
    }

    fn write(&mut self, bytes: &[u8], header: &Header, policy: &Policy, now: i64) -> i64 {
        self.roll(bytes.len(), policy, now);
        let base_offset = self.end;
        let last_offset = base_offset + i64::from(header.last_offset_delta);
        let timestamp = if policy.append_time {
            now
        } else {
            header.max_timestamp
        };
        if let Some(segment) = self.segments.back_mut() {
            segment.append(bytes, last_offset, timestamp, |copy| {
                batch::stamp_offset(copy, base_offset);
                if policy.append_time {
                    batch::stamp_append_time(copy, now);
                }
            });
        }
        self.size += bytes.len() as u64;
        self.end = last_offset + 1;
        base_offset
    }

    /// Starts a segment where the last one is full or old. Half of `retention.ms` counts as old too, or a slow trickle
    /// would keep one segment, and with it its first records, alive for ever.
    fn roll(&mut self, more: usize, policy: &Policy, now: i64) {
        let full = self.segments.back().is_none_or(|segment| {
            let mut age = policy.segment_milliseconds;
            if policy.delete && policy.retention_milliseconds >= 0 {
                age = age.min(policy.retention_milliseconds / 2);
            }
            (segment.size + more) as u64 > policy.segment_bytes.min(SEGMENT_LIMIT)
                || now.saturating_sub(segment.created) > age
        });
        if full {
            if let Some(segment) = self.segments.back_mut() {
                segment.seal();
            }
            self.segments.push_back(Segment::new(self.end, now));
        }
    }

    /// Whole batches from the one that holds `offset` on and before `limit`, where a batch begins; at most `max_bytes` of
    /// them; with `at_least_one`, the first batch even when it alone is larger. `None` when `offset` is outside
    /// start..=end.
    pub(crate) fn read(
        &self,
        offset: i64,
        limit: i64,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Option<Vec<Bytes>> {
        if offset < self.start || offset > self.end {
            return None;
        }
        // The batch that holds `offset` may begin before the limit and be the first that is kept from readers.
        if offset >= limit {
            return Some(Vec::new());
        }
        let mut slices = Vec::new();
        let mut room = max_bytes;
        let mut first = true;
        for block in self
            .segments_from(offset)
            .flat_map(|segment| segment.blocks_from(offset))
        {
            let mut position = 0;
            if first {
                let holds =
                    batch::batches(&block.data).find(|(_, header)| header.last_offset() >= offset);
                position = holds.map_or(block.data.len(), |(position, _)| position);
            }
            let data = block.data.slice(position..);
            let is_before = block.last_offset < limit;
            if is_before && data.len() <= room {
                room -= data.len();
                slices.push(data);
                first = false;
                continue;
            }
            let mut fits = 0;
            for (position, header) in batch::batches(&data) {
                let end = position + header.size;
                if header.base_offset >= limit {
                    break;
                }
                if end > room && !(at_least_one && first && position == 0) {
                    break;
                }
                fits = end;
            }
            if fits > 0 {
                slices.push(data.slice(..fits));
            }
            break;
        }
        Some(slices)
    }

    fn segments_from(&self, offset: i64) -> impl Iterator<Item = &Segment> {
        let after = self
            .segments
            .partition_point(|segment| segment.base_offset <= offset);
        self.segments.range(after.saturating_sub(1)..)
    }

    /// The first record, from the log start on, whose timestamp is `timestamp` or later: its timestamp and offset.
    ///
    /// Inside a compressed batch nothing can be read without decompressing, so there the answer is the batch's first
    /// record: never later than the true one, at most a batch earlier.
    pub(crate) fn first_at(&self, timestamp: i64) -> Option<(i64, i64)> {
        let (header, bytes) = self
            .segments
            .iter()
            .filter(|segment| segment.max_timestamp >= timestamp)
            .find_map(|segment| {
                segment.find(self.start, timestamp, |header| {
                    header.max_timestamp >= timestamp
                })
            })?;
        if header.is_log_append_time() {
            return Some((header.max_timestamp, header.base_offset.max(self.start)));
        }
        if header.compression() == 0 {
            let found = record::records(&bytes[HEADER_SIZE..])
                .map(|record| position_of(&header, &record))
                .find(|(time, offset)| *time >= timestamp && *offset >= self.start);
            if found.is_some() {
                return found;
            }
        }
        let time = header
            .base_timestamp
            .max(timestamp)
            .min(header.max_timestamp);
        Some((time, header.base_offset.max(self.start)))
    }

    /// The first record with the largest timestamp of all: its timestamp and offset; in a compressed batch, the offset
    /// of the batch's last record.
    pub(crate) fn latest(&self) -> Option<(i64, i64)> {
        let timestamp = self
            .segments
            .iter()
            .map(|segment| segment.max_timestamp)
            .max()?;
        let (header, bytes) = self.segments.iter().find_map(|segment| {
            segment.find(self.start, timestamp, |header| {
                header.max_timestamp >= timestamp
            })
        })?;
        let inside = || {
            record::records(&bytes[HEADER_SIZE..])
                .map(|record| position_of(&header, &record))
                .find(|(time, _)| *time >= timestamp)
        };
        let plain = header.compression() == 0 && !header.is_log_append_time();
        plain
            .then(inside)
            .flatten()
            .or(Some((timestamp, header.last_offset())))
    }

    /// Moves the log start to `offset`, which must not lie beyond the end, and frees what lies before.
    pub(crate) fn delete_before(&mut self, offset: i64) {
        self.start = self.start.max(offset.min(self.end));
        while self.segments.len() > 1 && self.segments[1].base_offset <= self.start {
            self.drop_first();
        }
        if self.start == self.end {
            while !self.segments.is_empty() {
                self.drop_first();
            }
        } else if let Some(segment) = self.segments.front_mut() {
            let freed = segment.drop_before(self.start) as u64;
            self.size -= freed;
            self.memory.give(freed);
        }
    }

    fn drop_first(&mut self) {
        if let Some(segment) = self.segments.pop_front() {
            self.size -= segment.size as u64;
            self.memory.give(segment.size as u64);
        }
    }

    /// Deletes the segments that `retention.ms` and `retention.bytes` let go. `cleanup.policy=compact` alone keeps
    /// everything.
    pub(crate) fn retain(&mut self, policy: &Policy, now: i64) {
        if !policy.delete {
            return;
        }
        while let Some(segment) = self.segments.front() {
            let expired = policy.retention_milliseconds >= 0
                && now.saturating_sub(segment.max_timestamp) > policy.retention_milliseconds;
            let surplus = policy.retention_bytes >= 0
                && self.size - segment.size as u64 >= policy.retention_bytes.unsigned_abs();
            if !expired && !surplus {
                break;
            }
            self.drop_first();
            self.start = self
                .segments
                .front()
                .map_or(self.end, |next| next.base_offset);
        }
    }
}

fn position_of(header: &Header, record: &record::Record) -> (i64, i64) {
    (
        header.base_timestamp + record.timestamp_delta,
        header.base_offset + record.offset_delta,
    )
}

impl Drop for Log {
    fn drop(&mut self) {
        self.memory.give(self.size);
    }
}

#[cfg(test)]
#[path = "partition_tests.rs"]
mod tests;
