//! The log of one partition: a queue of segments between the log start offset and the high watermark. One broker has
//! no followers to wait for, so the high watermark is the log end, and, without transactions, the last stable offset.
//!
//! - [`compaction`]: what the cleaner gets and gives; [`lookup`]: records by time; [`retention`]: what is deleted; [`recovery`]: the log that a data directory holds.

mod compaction;
mod lookup;
mod recovery;
mod retention;

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::storage::folder::Folder;
use super::batch::{self, Header};
use super::memory::Memory;
use super::segment::{Run, Segment, Slice};

/// Segments end at this size even where `segment.bytes` allows more: retention deletes whole segments, and in memory
/// small ones let it keep to its word.
const SEGMENT_LIMIT: u64 = 1024 * 1024;
/// The same for segments that are files, of which there should not be too many.
const FILE_LIMIT: u64 = 64 * 1024 * 1024;

/// What a topic's configuration says about appending and keeping.
#[derive(Clone, Copy, Debug, PartialEq)]
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
    /// `cleanup.policy` has `compact`; how.
    pub(crate) compaction: Option<Compaction>,
}

/// How a log is compacted. Times are milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Compaction {
    /// `min.cleanable.dirty.ratio`.
    pub(crate) min_dirty_ratio: f64,
    /// `min.compaction.lag.ms`.
    pub(crate) min_lag: i64,
    /// `max.compaction.lag.ms`.
    pub(crate) max_lag: i64,
    /// `delete.retention.ms`.
    pub(crate) delete_retention: i64,
}

/// A batch cannot be kept: the broker's memory budget is used up, or the data directory takes no more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// Why nothing can be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// The offset is outside the log.
    OutOfRange,
    /// The file cannot be read.
    Storage(std::io::Error),
}

impl From<std::io::Error> for Unreadable {
    fn from(error: std::io::Error) -> Unreadable {
        Unreadable::Storage(error)
    }
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    /// Whole batches.
    pub(crate) slices: Vec<Slice>,
    /// The offset after their last record.
    pub(crate) end: i64,
}

/// The log. Offsets count records from 0; sizes are bytes; times are milliseconds since the Unix epoch.
#[derive(Debug)]
pub(crate) struct Log {
    segments: VecDeque<Segment>,
    start: i64,
    end: i64,
    size: u64,
    memory: Arc<Memory>,
    /// Where its segments are files; then they are no part of the memory budget.
    folder: Option<Arc<Folder>>,
    /// Where the last cleaning ended.
    cleaned: i64,
}

impl Log {
    /// An empty log, in memory or in an empty folder.
    pub(crate) fn new(memory: Arc<Memory>, folder: Option<Folder>) -> Log {
        Log {
            segments: VecDeque::new(),
            start: 0,
            end: 0,
            size: 0,
            memory,
            folder: folder.map(Arc::new),
            cleaned: 0,
        }
    }

    /// Where its segments are files.
    pub(crate) fn folder(&self) -> Option<Arc<Folder>> {
        self.folder.clone()
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
        if self.folder.is_none() && !self.memory.take(bytes.len() as u64) {
            return Err(Full);
        }
        self.write(bytes, header, policy, now)
    }

    /// As [`Log::append`] of a batch of the broker's own, for which there is always room in memory: a small one that
    /// ends others, so that there are never more of them.
    pub(crate) fn append_own(
        &mut self,
        bytes: &[u8],
        header: &Header,
        policy: &Policy,
        now: i64,
    ) -> Result<i64, Full> {
        if self.folder.is_none() {
            self.memory.take_anyway(bytes.len() as u64);
        }
        self.write(bytes, header, policy, now)
    }

    fn write(
        &mut self,
        bytes: &[u8],
        header: &Header,
        policy: &Policy,
        now: i64,
    ) -> Result<i64, Full> {
        self.roll(bytes.len(), policy, now)?;
        let base_offset = self.end;
        let last_offset = base_offset + i64::from(header.last_offset_delta);
        let timestamp = if policy.append_time {
            now
        } else {
            header.max_timestamp
        };
        if let Some(segment) = self.segments.back_mut() {
            let appended = segment.append(bytes, last_offset, timestamp, |copy| {
                batch::stamp_offset(copy, base_offset);
                if policy.append_time {
                    batch::stamp_append_time(copy, now);
                }
            });
            appended.map_err(|unwritten| self.full(unwritten.error()))?;
        }
        self.size += bytes.len() as u64;
        self.end = last_offset + 1;
        Ok(base_offset)
    }

    fn full(&self, error: &std::io::Error) -> Full {
        if let Some(folder) = &self.folder {
            folder.warn(error);
        }
        Full
    }

    /// Starts a segment where the last one is full or old. Half of `retention.ms` counts as old too, or a slow trickle
    /// would keep one segment, and with it its first records, alive for ever.
    fn roll(&mut self, more: usize, policy: &Policy, now: i64) -> Result<(), Full> {
        let limit = self.segment_limit(policy);
        let full = self.segments.back().is_none_or(|segment| {
            let mut age = policy.segment_milliseconds;
            if let Some(compaction) = policy.compaction {
                age = age.min(compaction.max_lag);
            }
            if policy.delete && policy.retention_milliseconds >= 0 {
                age = age.min(policy.retention_milliseconds / 2);
            }
            (segment.size + more) as u64 > limit || now.saturating_sub(segment.created) > age
        });
        // Nothing is written behind what is torn: the next start would take it for damage.
        let is_torn = self.segments.back().is_some_and(Segment::is_torn);
        match full && !is_torn {
            true => self.begin_segment(now),
            false => Ok(()),
        }
    }

    /// Bytes of a segment, at most.
    pub(crate) fn segment_limit(&self, policy: &Policy) -> u64 {
        let limit = match &self.folder {
            None => SEGMENT_LIMIT,
            Some(_) if policy.delete && policy.retention_bytes >= 0 => {
                (policy.retention_bytes.unsigned_abs() / 4).clamp(SEGMENT_LIMIT, FILE_LIMIT)
            }
            Some(_) => FILE_LIMIT,
        };
        policy.segment_bytes.min(limit)
    }

    fn begin_segment(&mut self, now: i64) -> Result<(), Full> {
        if let Some(segment) = self.segments.back_mut() {
            if segment.size == 0 && segment.base_offset == self.end {
                segment.created = now;
                return Ok(());
            }
            segment.seal();
        }
        // A power cut must not leave it shorter than it was, with another behind it.
        if let Some(file) = self.segments.back().and_then(Segment::file) {
            let flushed = file.flush_first();
            flushed.map_err(|error| self.full(&error))?;
        }
        let file = match &self.folder {
            Some(folder) => {
                let made = folder.create(self.end);
                Some(made.map_err(|error| self.full(&error))?)
            }
            None => None,
        };
        self.segments.push_back(Segment::new(self.end, now, file));
        Ok(())
    }

    /// Whole batches from the one that holds `offset` on and before `limit`, where a batch begins; at most `max_bytes` of
    /// them; with `at_least_one`, the first batch even when it alone is larger.
    pub(crate) fn read(
        &self,
        offset: i64,
        limit: i64,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<Batches, Unreadable> {
        if offset < self.start || offset > self.end {
            return Err(Unreadable::OutOfRange);
        }
        let mut read = Batches::default();
        // The batch that holds `offset` may begin before the limit and be the first that is kept from readers.
        if offset >= limit {
            return Ok(read);
        }
        let mut room = max_bytes;
        let mut first = true;
        for run in self
            .segments_from(offset)
            .flat_map(|segment| segment.runs_from(offset))
        {
            let Run {
                first_offset,
                last_offset,
                mut slice,
                ..
            } = run?;
            if first && first_offset < offset {
                let bytes = slice.bytes()?;
                let holds =
                    batch::batches(&bytes).find(|(_, header)| header.last_offset() >= offset);
                let position = holds.map_or(bytes.len(), |(position, _)| position);
                slice = slice.part(position, slice.len());
            }
            if last_offset < limit && slice.len() <= room {
                room -= slice.len();
                read.push(slice, last_offset + 1);
                first = false;
                continue;
            }
            let mut fits = 0;
            let mut end = 0;
            for (position, header) in batch::batches(&slice.bytes()?) {
                let after = position + header.size;
                if header.base_offset >= limit {
                    break;
                }
                if after > room && !(at_least_one && first && position == 0) {
                    break;
                }
                fits = after;
                end = header.last_offset() + 1;
            }
            if fits > 0 {
                read.push(slice.part(0, fits), end);
            }
            break;
        }
        Ok(read)
    }

    fn segments_from(&self, offset: i64) -> impl Iterator<Item = &Segment> {
        let after = self
            .segments
            .partition_point(|segment| segment.base_offset <= offset);
        self.segments.range(after.saturating_sub(1)..)
    }
}

impl Batches {
    /// What lies side by side in a file is read at once.
    fn push(&mut self, slice: Slice, end: i64) {
        self.end = end;
        if let (Slice::File(next), Some(Slice::File(last))) = (&slice, self.slices.last_mut())
            && Arc::ptr_eq(&last.file, &next.file)
            && last.position + last.length as u64 == next.position
        {
            last.length += next.length;
            return;
        }
        self.slices.push(slice);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if self.folder.is_none() {
            self.memory.give(self.size);
        }
    }
}

#[cfg(test)]
mod tests;
