//! A stretch of a log: batches packed into blocks.
//!
//! A block is a run of whole batches in one allocation of exactly its size, and is at once the data and the index:
//! lookups search the blocks by offset and walk the batch headers inside one. Small batches are gathered in a buffer
//! until it is a block; a large batch is a block of its own. So a log of 100-byte batches costs little more than its
//! bytes, and a read of it takes a few large slices.

use bytes::Bytes;

use super::batch::{self, Header};

/// A batch of this size or more is not copied into the gathering buffer.
const LARGE_BATCH: usize = 2 * 1024;
/// The gathering buffer becomes a block at this size.
const BLOCK_SIZE: usize = 16 * 1024;

/// A run of whole batches and what lookups ask about them.
#[derive(Clone, Debug)]
pub(crate) struct Block<Data> {
    /// Offset of the last record.
    pub(crate) last_offset: i64,
    /// Largest timestamp, in milliseconds.
    pub(crate) max_timestamp: i64,
    /// The batches.
    pub(crate) data: Data,
}

/// Batches between two offsets, appended at the end and dropped from the front.
#[derive(Debug)]
pub(crate) struct Segment {
    /// When its first batch was appended, in milliseconds since the Unix epoch.
    pub(crate) created: i64,
    /// Offset of its first record.
    pub(crate) base_offset: i64,
    /// Largest timestamp, in milliseconds.
    pub(crate) max_timestamp: i64,
    /// Bytes of its batches.
    pub(crate) size: usize,
    blocks: Vec<Block<Bytes>>,
    gathering: Option<Block<Vec<u8>>>,
}

impl Segment {
    /// An empty segment that starts at `base_offset`.
    pub(crate) fn new(base_offset: i64, created: i64) -> Segment {
        Segment {
            created,
            base_offset,
            max_timestamp: i64::MIN,
            size: 0,
            blocks: Vec::new(),
            gathering: None,
        }
    }

    /// Copies a batch in and lets `stamp` write into the copy, which must not change its size.
    pub(crate) fn append(
        &mut self,
        bytes: &[u8],
        last_offset: i64,
        max_timestamp: i64,
        stamp: impl FnOnce(&mut [u8]),
    ) {
        self.size += bytes.len();
        self.max_timestamp = self.max_timestamp.max(max_timestamp);
        let gathered = self.gathering.as_ref().map_or(0, |block| block.data.len());
        if bytes.len() >= LARGE_BATCH || gathered + bytes.len() > BLOCK_SIZE {
            self.seal();
        }
        if bytes.len() >= LARGE_BATCH {
            let mut data = bytes.to_vec();
            stamp(&mut data);
            self.blocks.push(Block {
                last_offset,
                max_timestamp,
                data: Bytes::from(data),
            });
            return;
        }
        let block = self.gathering.get_or_insert_with(|| Block {
            last_offset,
            max_timestamp,
            data: Vec::new(),
        });
        block.last_offset = last_offset;
        block.max_timestamp = block.max_timestamp.max(max_timestamp);
        let start = block.data.len();
        block.data.extend_from_slice(bytes);
        stamp(&mut block.data[start..]);
    }

    /// Turns the gathering buffer into a block of exactly its size.
    pub(crate) fn seal(&mut self) {
        if let Some(block) = self.gathering.take() {
            self.blocks.push(Block {
                last_offset: block.last_offset,
                max_timestamp: block.max_timestamp,
                data: Bytes::from(block.data.into_boxed_slice()),
            });
        }
    }

    /// The blocks from the one that holds `offset` on; the gathering buffer comes last, as a copy made when asked for.
    pub(crate) fn blocks_from(&self, offset: i64) -> impl Iterator<Item = Block<Bytes>> + '_ {
        let first = self
            .blocks
            .partition_point(|block| block.last_offset < offset);
        let gathering = self
            .gathering
            .iter()
            .filter(move |block| block.last_offset >= offset);
        let copied = gathering.map(|block| Block {
            last_offset: block.last_offset,
            max_timestamp: block.max_timestamp,
            data: Bytes::copy_from_slice(&block.data),
        });
        self.blocks[first..].iter().cloned().chain(copied)
    }

    /// The header and the bytes of the first batch that `wanted` says yes to, among batches that end at `offset` or
    /// later and whose block's largest timestamp is `timestamp` or more.
    pub(crate) fn find(
        &self,
        offset: i64,
        timestamp: i64,
        wanted: impl Fn(&Header) -> bool,
    ) -> Option<(Header, Bytes)> {
        self.blocks_from(offset)
            .filter(|block| block.max_timestamp >= timestamp)
            .find_map(|block| {
                let (position, header) = batch::batches(&block.data)
                    .find(|(_, header)| header.last_offset() >= offset && wanted(header))?;
                Some((header, block.data.slice(position..position + header.size)))
            })
    }

    /// Drops the blocks that end before `offset`; returns the bytes freed.
    pub(crate) fn drop_before(&mut self, offset: i64) -> usize {
        let whole = self
            .blocks
            .partition_point(|block| block.last_offset < offset);
        let freed: usize = self
            .blocks
            .drain(..whole)
            .map(|block| block.data.len())
            .sum();
        self.base_offset = self.base_offset.max(offset);
        self.size -= freed;
        freed
    }
}
