//! The cleaner: of each key in a compacted topic (`cleanup.policy=compact`) it leaves the last record, in sealed segments
//! and below the last stable offset, as Kafka's `Cleaner` does:
//!
//! - Offsets stay as they are; where records were there are gaps.
//! - A tombstone, a record without a value, stays for `delete.retention.ms` after it was first cleaned (KIP-534).
//! - Records of aborted transactions go; a marker goes when its transaction has no record left and is old enough.
//! - A producer's last batch stays, without records if need be: it says which sequence number comes next.
//!
//! Readers and producers go on meanwhile: it works on the segments as they were, and what is left takes their place, if
//! they are still there, a segment at a time: so that the disk need not have room for all of it.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::io::Result;
use std::sync::Arc;

use bytes::Bytes;

use super::super::storage::files::Unwritten;
use super::super::storage::folder::Folder;
use super::super::transaction::ongoing::Aborted;
use super::batch::{self, Header};
use super::compaction::{self, Filtered};
use super::segment::{Segment, Slice};

/// Keys of one pass: what lies behind the batch with the last of them is for the next pass.
const KEYS_LIMIT: usize = 1 << 20;

/// A sealed segment.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) base_offset: i64,
    /// Where the next one begins.
    pub(crate) end: i64,
    /// When its first batch was appended, in milliseconds since the Unix epoch.
    pub(crate) created: i64,
    pub(crate) slices: Vec<Slice>,
}

/// What is to be cleaned. Times are milliseconds.
#[derive(Debug)]
pub(crate) struct Job {
    /// All sealed segments, in order.
    pub(crate) segments: Vec<Sealed>,
    /// Where the last pass ended.
    pub(crate) dirty_from: i64,
    /// The aborted transactions among them.
    pub(crate) aborted: Vec<Aborted>,
    /// Base offsets of the last batches of all producers.
    pub(crate) last_batches: HashSet<i64>,
    /// `delete.retention.ms`.
    pub(crate) delete_retention: i64,
    /// Bytes of a segment.
    pub(crate) segment_bytes: usize,
    /// Since the Unix epoch.
    pub(crate) now: i64,
    /// Where the segments are files.
    pub(crate) folder: Option<Arc<Folder>>,
}

/// A segment that takes the place of some.
#[derive(Debug)]
pub(crate) struct Replacement {
    /// Base offsets of those whose place it takes; the first is its own.
    pub(crate) replaced: Vec<i64>,
    /// Where the last of them ends.
    pub(crate) end: i64,
    pub(crate) segment: Segment,
}

/// The offset of the last record of every key, by a hash that no two keys share.
#[derive(Default)]
struct Keys {
    hashers: (RandomState, RandomState),
    latest: HashMap<(u64, u64), i64>,
}

impl Keys {
    fn hash(&self, key: &[u8]) -> (u64, u64) {
        (self.hashers.0.hash_one(key), self.hashers.1.hash_one(key))
    }

    fn insert(&mut self, key: &[u8], offset: i64) {
        self.latest.insert(self.hash(key), offset);
    }

    /// Whether there is a later record of this key.
    fn has_after(&self, key: &[u8], offset: i64) -> bool {
        let latest = self.latest.get(&self.hash(key));
        latest.is_some_and(|latest| *latest > offset)
    }
}

impl Job {
    /// Cleans. Each part of the result is handed to `put`, which puts it in its place, and says whether it could: what was
    /// cleaned may have been deleted meanwhile. Returns where the next pass begins, if all of it is in its place.
    pub(crate) fn run(self, mut put: impl FnMut(Replacement) -> bool) -> Result<Option<i64>> {
        let aborted = by_producer(&self.aborted);
        let (keys, end) = self.keys(&aborted)?;
        let mut pass = Pass {
            job: &self,
            keys,
            aborted,
            with_records: HashSet::new(),
        };
        let mut segments = self.segments.iter().take_while(|one| one.base_offset < end);
        let mut next = segments.next();
        while let Some(first) = next {
            let mut replacement = self.replacement(first)?;
            next = segments.next();
            let mut cleaned = pass.add(&mut replacement, first);
            // What is left of small ones goes together.
            while cleaned.is_ok()
                && replacement.segment.size < self.segment_bytes / 2
                && let Some(more) = next
            {
                cleaned = pass.add(&mut replacement, more);
                next = segments.next();
            }
            let cleaned = cleaned.and_then(|()| replacement.segment.finish());
            let file = replacement.segment.file().cloned();
            if cleaned.is_err() || !put(replacement) {
                if let Some(file) = file {
                    file.delete();
                }
                return cleaned.map(|()| None);
            }
        }
        Ok(Some(end))
    }

    fn replacement(&self, sealed: &Sealed) -> Result<Replacement> {
        let file = match &self.folder {
            Some(folder) => Some(folder.create_cleaned(sealed.base_offset)?),
            None => None,
        };
        Ok(Replacement {
            replaced: Vec::new(),
            end: sealed.base_offset,
            segment: Segment::new(sealed.base_offset, sealed.created, file),
        })
    }

    /// The last record of each key that has a new one, and where the batches end that were looked at.
    fn keys(&self, aborted: &HashMap<i64, Vec<Aborted>>) -> Result<(Keys, i64)> {
        let mut keys = Keys::default();
        let mut end = self.dirty_from;
        let dirty = self.segments.iter().filter(|one| one.end > self.dirty_from);
        for sealed in dirty {
            for slice in &sealed.slices {
                for (header, batch) in batches(slice)? {
                    if keys.latest.len() > KEYS_LIMIT {
                        return Ok((keys, end));
                    }
                    end = header.last_offset() + 1;
                    if header.is_control() || is_aborted(aborted, &header) {
                        continue;
                    }
                    let records = compaction::open(&header, &batch);
                    for record in records.iter().flat_map(compaction::Records::iter) {
                        if let Some(key) = record.key {
                            keys.insert(key, record.offset);
                        }
                    }
                }
            }
            end = sealed.end;
        }
        Ok((keys, end))
    }
}

struct Pass<'a> {
    job: &'a Job,
    keys: Keys,
    aborted: HashMap<i64, Vec<Aborted>>,
    /// Producers whose transaction, the last that was met, has a record left.
    with_records: HashSet<i64>,
}

impl Pass<'_> {
    /// Appends what is left of a segment.
    fn add(&mut self, to: &mut Replacement, sealed: &Sealed) -> Result<()> {
        to.replaced.push(sealed.base_offset);
        to.end = sealed.end;
        for slice in &sealed.slices {
            for (header, batch) in batches(slice)? {
                let Some(left) = self.clean_batch(&header, batch) else {
                    continue;
                };
                let header = Header::read(&left).unwrap_or(header);
                let appended = to.segment.append_cleaned(&left, &header);
                appended.map_err(Unwritten::into_error)?;
            }
        }
        Ok(())
    }

    fn clean_batch(&mut self, header: &Header, batch: Bytes) -> Option<Bytes> {
        if header.is_control() {
            return self.clean_marker(header, batch);
        }
        let is_aborted = is_aborted(&self.aborted, header);
        let Some(records) = compaction::open(header, &batch) else {
            self.met(header, is_aborted);
            return (!is_aborted).then_some(batch);
        };
        let horizon = compaction::delete_horizon(header);
        let tombstones_go = horizon.is_some_and(|horizon| horizon < self.job.now);
        let keep = |record: &compaction::Entry<'_>| {
            let Some(key) = record.key else {
                return false;
            };
            let is_last = !self.keys.has_after(key, record.offset);
            !is_aborted && is_last && !(record.is_tombstone && tombstones_go)
        };
        let has_tombstone = |record: compaction::Entry<'_>| record.is_tombstone && keep(&record);
        let first_cleaned = horizon.is_none() && records.iter().any(has_tombstone);
        let new_horizon = first_cleaned.then(|| self.new_horizon());
        let filtered = compaction::filter(header, &batch, &records, new_horizon, keep);
        match filtered {
            Filtered::Whole => {
                self.met(header, false);
                Some(batch)
            }
            Filtered::Rewritten(batch) => {
                self.met(header, false);
                Some(batch.into())
            }
            Filtered::Empty(batch) if self.job.last_batches.contains(&header.base_offset) => {
                // It begins a transaction as well as others do, until a marker ends it.
                self.met(header, false);
                Some(batch.into())
            }
            Filtered::Empty(_) => None,
        }
    }

    /// A marker goes with the last record of its transaction, `delete.retention.ms` after that was first seen.
    fn clean_marker(&mut self, header: &Header, batch: Bytes) -> Option<Bytes> {
        if self.with_records.remove(&header.producer_id) {
            return Some(batch);
        }
        if let Some(horizon) = compaction::delete_horizon(header) {
            return (horizon >= self.job.now).then_some(batch);
        }
        let Some(records) = compaction::open(header, &batch) else {
            return Some(batch);
        };
        let horizon = Some(self.new_horizon());
        match compaction::filter(header, &batch, &records, horizon, |_| true) {
            Filtered::Rewritten(batch) => Some(batch.into()),
            Filtered::Whole | Filtered::Empty(_) => Some(batch),
        }
    }

    fn new_horizon(&self) -> i64 {
        self.job.now.saturating_add(self.job.delete_retention)
    }

    /// A batch with records is left.
    fn met(&mut self, header: &Header, is_aborted: bool) {
        if header.is_transactional() && !is_aborted {
            self.with_records.insert(header.producer_id);
        }
    }
}

/// The batches of a stretch of a segment; each with its bytes.
fn batches(slice: &Slice) -> Result<Vec<(Header, Bytes)>> {
    let bytes = slice.bytes()?;
    let batches = batch::batches(&bytes).map(|(position, header)| {
        let batch = bytes.slice(position..position + header.size);
        (header, batch)
    });
    Ok(batches.collect())
}

fn by_producer(aborted: &[Aborted]) -> HashMap<i64, Vec<Aborted>> {
    let mut by_producer: HashMap<i64, Vec<Aborted>> = HashMap::new();
    for one in aborted {
        by_producer.entry(one.producer_id).or_default().push(*one);
    }
    by_producer
}

fn is_aborted(aborted: &HashMap<i64, Vec<Aborted>>, header: &Header) -> bool {
    let of_producer = aborted.get(&header.producer_id);
    header.is_transactional()
        && of_producer
            .into_iter()
            .flatten()
            .any(|one| one.holds(header.base_offset))
}
