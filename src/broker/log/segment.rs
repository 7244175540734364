//! A stretch of a log: batches packed into blocks.
//!
//! A block is a run of whole batches, and is at once the index: lookups search the blocks by offset and walk the batch
//! headers inside one. In memory it is one allocation of exactly its size: small batches are gathered in a buffer until
//! it is a block; a large batch is a block of its own. So a log of 100-byte batches costs little more than its bytes,
//! and a read of it takes a few large slices. In a file it is a stretch of the file, read when somebody asks.

use std::io::Result;
use std::sync::Arc;

use bytes::Bytes;

use super::super::storage::files::{FileSlice, SegmentFile, Unwritten};
use super::batch::{self, Header};

/// A batch of this size or more is not copied into the gathering buffer.
const LARGE_BATCH: usize = 2 * 1024;
/// The gathering buffer becomes a block at this size.
const BLOCK_SIZE: usize = 16 * 1024;

/// Batches that are read: in memory, or in an open file.
#[derive(Clone, Debug)]
pub(crate) enum Slice {
    Memory(Bytes),
    File(FileSlice),
}

impl Slice {
    /// Bytes of it.
    pub(crate) fn len(&self) -> usize {
        match self {
            Slice::Memory(bytes) => bytes.len(),
            Slice::File(slice) => slice.length,
        }
    }

    /// Its bytes, read from the file if need be.
    pub(crate) fn bytes(&self) -> Result<Bytes> {
        match self {
            Slice::Memory(bytes) => Ok(bytes.clone()),
            Slice::File(slice) => Ok(Bytes::from(slice.read()?)),
        }
    }

    /// The part of it from `from` to before `to`.
    pub(crate) fn part(&self, from: usize, to: usize) -> Slice {
        match self {
            Slice::Memory(bytes) => Slice::Memory(bytes.slice(from..to)),
            Slice::File(slice) => Slice::File(FileSlice {
                file: slice.file.clone(),
                position: slice.position + from as u64,
                length: to - from,
            }),
        }
    }
}

/// A run of whole batches and what lookups ask about them.
#[derive(Clone, Debug)]
struct Block<Data> {
    /// Offset of the last record.
    last_offset: i64,
    /// Largest timestamp, in milliseconds.
    max_timestamp: i64,
    /// The batches.
    data: Data,
}

/// A block that is read.
#[derive(Debug)]
pub(crate) struct Run {
    /// No record before this offset is in it.
    pub(crate) first_offset: i64,
    /// Offset of the last record.
    pub(crate) last_offset: i64,
    /// Largest timestamp, in milliseconds.
    max_timestamp: i64,
    /// The batches.
    pub(crate) slice: Slice,
}

/// Where the batches are.
#[derive(Debug)]
enum Place {
    Memory {
        blocks: Vec<Block<Bytes>>,
        gathering: Option<Block<Vec<u8>>>,
    },
    File {
        file: Arc<SegmentFile>,
        /// Positions and sizes, one behind the other.
        blocks: Vec<Block<(u64, usize)>>,
        /// What the last append left behind could not be taken away: nothing more is written here.
        torn: bool,
    },
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
    place: Place,
}

impl Segment {
    /// An empty segment that starts at `base_offset`, in memory or in a file that is empty.
    pub(crate) fn new(base_offset: i64, created: i64, file: Option<Arc<SegmentFile>>) -> Segment {
        Segment {
            created,
            base_offset,
            max_timestamp: i64::MIN,
            size: 0,
            place: match file {
                Some(file) => Place::File {
                    file,
                    blocks: Vec::new(),
                    torn: false,
                },
                None => Place::Memory {
                    blocks: Vec::new(),
                    gathering: None,
                },
            },
        }
    }

    /// Copies a batch in and lets `stamp` write into the copy, which must not change its size. In memory it never
    /// fails.
    pub(crate) fn append(
        &mut self,
        bytes: &[u8],
        last_offset: i64,
        max_timestamp: i64,
        stamp: impl FnOnce(&mut [u8]),
    ) -> std::result::Result<(), Unwritten> {
        match &mut self.place {
            Place::File { file, torn, .. } => {
                if *torn {
                    let error = std::io::Error::other("the end of the segment is torn");
                    return Err(Unwritten::Torn(error));
                }
                let mut copy = bytes.to_vec();
                stamp(&mut copy);
                let appended = file.append(&copy, self.size as u64);
                *torn = matches!(appended, Err(Unwritten::Torn(_)));
                appended?;
                self.index(bytes.len(), last_offset, max_timestamp);
            }
            Place::Memory { .. } => {
                self.remember(bytes, last_offset, max_timestamp, stamp);
                self.size += bytes.len();
                self.max_timestamp = self.max_timestamp.max(max_timestamp);
            }
        }
        Ok(())
    }

    /// A batch is in the file, behind those before.
    pub(crate) fn found(&mut self, header: &Header) {
        self.index(header.size, header.last_offset(), latest(header));
    }

    fn index(&mut self, size: usize, last_offset: i64, max_timestamp: i64) {
        let position = self.size as u64;
        self.size += size;
        self.max_timestamp = self.max_timestamp.max(max_timestamp);
        let Place::File { blocks, .. } = &mut self.place else {
            return;
        };
        match blocks.last_mut() {
            Some(block) if block.data.1 + size <= BLOCK_SIZE => {
                block.data.1 += size;
                block.last_offset = last_offset;
                block.max_timestamp = block.max_timestamp.max(max_timestamp);
            }
            _ => blocks.push(Block {
                last_offset,
                max_timestamp,
                data: (position, size),
            }),
        }
    }

    fn remember(
        &mut self,
        bytes: &[u8],
        last_offset: i64,
        max_timestamp: i64,
        stamp: impl FnOnce(&mut [u8]),
    ) {
        let gathered = match &self.place {
            Place::Memory { gathering, .. } => gathering.as_ref().map_or(0, |one| one.data.len()),
            Place::File { .. } => 0,
        };
        if bytes.len() >= LARGE_BATCH || gathered + bytes.len() > BLOCK_SIZE {
            self.seal();
        }
        let Place::Memory { blocks, gathering } = &mut self.place else {
            return;
        };
        if bytes.len() >= LARGE_BATCH {
            let mut data = bytes.to_vec();
            stamp(&mut data);
            blocks.push(Block {
                last_offset,
                max_timestamp,
                data: Bytes::from(data),
            });
            return;
        }
        let block = gathering.get_or_insert_with(|| Block {
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
        if let Place::Memory { blocks, gathering } = &mut self.place
            && let Some(block) = gathering.take()
        {
            blocks.push(Block {
                last_offset: block.last_offset,
                max_timestamp: block.max_timestamp,
                data: Bytes::from(block.data.into_boxed_slice()),
            });
        }
    }

    /// The blocks from the one that holds `offset` on; the gathering buffer comes last, as a copy made when asked for.
    /// The file is opened when the first block is asked for.
    pub(crate) fn runs_from(&self, offset: i64) -> impl Iterator<Item = Result<Run>> + '_ {
        let mut next = match &self.place {
            Place::Memory { blocks, .. } => blocks.partition_point(|one| one.last_offset < offset),
            Place::File { blocks, .. } => blocks.partition_point(|one| one.last_offset < offset),
        };
        let mut open = None;
        std::iter::from_fn(move || {
            let index = next;
            next += 1;
            match &self.place {
                Place::Memory { blocks, gathering } => {
                    let before = last_before(blocks, index);
                    let run = match blocks.get(index) {
                        Some(block) => block.run(before, Slice::Memory(block.data.clone())),
                        None => {
                            let block = gathering.as_ref().filter(|_| index == blocks.len())?;
                            if block.last_offset < offset {
                                return None;
                            }
                            let copy = Bytes::copy_from_slice(&block.data);
                            block.run(before, Slice::Memory(copy))
                        }
                    };
                    Some(Ok(self.within(run)))
                }
                Place::File { file, blocks, .. } => {
                    let block = blocks.get(index)?;
                    let before = last_before(blocks, index);
                    let file = match &open {
                        Some(file) => Arc::clone(file),
                        None => match file.open() {
                            Ok(file) => open.insert(file).clone(),
                            Err(error) => return Some(Err(error)),
                        },
                    };
                    let (position, length) = block.data;
                    let slice = FileSlice {
                        file,
                        position,
                        length,
                    };
                    Some(Ok(self.within(block.run(before, Slice::File(slice)))))
                }
            }
        })
    }

    fn within(&self, run: Run) -> Run {
        Run {
            first_offset: run.first_offset.max(self.base_offset),
            ..run
        }
    }

    /// The header and the bytes of the first batch that `wanted` says yes to, among batches that end at `offset` or
    /// later and whose block's largest timestamp is `timestamp` or more.
    pub(crate) fn find(
        &self,
        offset: i64,
        timestamp: i64,
        wanted: impl Fn(&Header) -> bool,
    ) -> Result<Option<(Header, Bytes)>> {
        for run in self.runs_from(offset) {
            let run = run?;
            if run.max_timestamp < timestamp {
                continue;
            }
            let bytes = run.slice.bytes()?;
            let found = batch::batches(&bytes)
                .find(|(_, header)| header.last_offset() >= offset && wanted(header));
            if let Some((position, header)) = found {
                let batch = bytes.slice(position..position + header.size);
                return Ok(Some((header, batch)));
            }
        }
        Ok(None)
    }

    /// Frees the blocks in memory that end before `offset`; returns the bytes freed. A file stays as it is.
    pub(crate) fn drop_before(&mut self, offset: i64) -> usize {
        let Place::Memory { blocks, .. } = &mut self.place else {
            return 0;
        };
        let whole = blocks.partition_point(|block| block.last_offset < offset);
        let freed: usize = blocks.drain(..whole).map(|block| block.data.len()).sum();
        self.base_offset = self.base_offset.max(offset);
        self.size -= freed;
        freed
    }

    /// A cleaned batch is appended as it is.
    pub(crate) fn append_cleaned(
        &mut self,
        bytes: &[u8],
        header: &Header,
    ) -> std::result::Result<(), Unwritten> {
        self.append(bytes, header.last_offset(), latest(header), |_| {})
    }

    /// What the last append left behind could not be taken away.
    pub(crate) fn is_torn(&self) -> bool {
        matches!(self.place, Place::File { torn: true, .. })
    }

    /// Nothing more is appended; a file is on the disk when this returns.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.seal();
        match self.file() {
            Some(file) => file.open()?.sync_data(),
            None => Ok(()),
        }
    }

    /// Its file has another name.
    pub(crate) fn set_file(&mut self, renamed: Arc<SegmentFile>) {
        if let Place::File { file, .. } = &mut self.place {
            *file = renamed;
        }
    }

    /// Its file, if it has one.
    pub(crate) fn file(&self) -> Option<&Arc<SegmentFile>> {
        match &self.place {
            Place::File { file, .. } => Some(file),
            Place::Memory { .. } => None,
        }
    }
}

/// The largest timestamp of a batch's records; of none, of which cleaning left none.
fn latest(header: &Header) -> i64 {
    match header.count {
        0 => i64::MIN,
        _ => header.max_timestamp,
    }
}

/// Where the block before this one ends.
fn last_before<Data>(blocks: &[Block<Data>], index: usize) -> Option<i64> {
    let before = blocks.get(index.checked_sub(1)?)?;
    Some(before.last_offset)
}

impl<Data> Block<Data> {
    fn run(&self, before: Option<i64>, slice: Slice) -> Run {
        Run {
            first_offset: before.map_or(i64::MIN, |before| before + 1),
            last_offset: self.last_offset,
            max_timestamp: self.max_timestamp,
            slice,
        }
    }
}
