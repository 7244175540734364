//! Reading a segment file from its beginning, at the start of the broker: every batch is checked, so that what is
//! served afterwards is what was written.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::log::batch::{self, HEADER_SIZE, Header};
use super::files::SegmentFile;

/// Read at a time, unless a batch is larger.
const READ_SIZE: usize = 1024 * 1024;
/// Bytes of a batch that say how long it is.
const LENGTH_END: usize = 12;

/// Why a data directory cannot be used.
#[derive(Debug)]
pub(crate) enum Damage {
    /// The operating system refuses something.
    System(PathBuf, std::io::Error),
    /// A file is not what was written: at this byte begins something else, and not because the end is missing.
    Broken(PathBuf, u64),
}

impl Damage {
    /// A file that is not what was written.
    pub(crate) fn at(file: &SegmentFile, position: u64) -> Damage {
        Damage::Broken(file.path().to_owned(), position)
    }

    /// Of what the operating system says of a file or folder.
    pub(crate) fn of(path: &Path) -> impl Fn(std::io::Error) -> Damage + '_ {
        |error| Damage::System(path.to_owned(), error)
    }
}

/// Tells `found` of every batch, in order. The first may begin at `base_offset` or later, and each next where the one
/// before ends or later; the last ends before `end`. Returns the bytes at the end that are a batch cut short, as a killed
/// process leaves one, or one of which some pages are missing, as a power cut does.
pub(crate) fn scan(
    file: &Arc<SegmentFile>,
    base_offset: i64,
    end: i64,
    mut found: impl FnMut(&Header, &[u8]),
) -> Result<u64, Damage> {
    let mut expected = base_offset;
    let system = Damage::of(file.path());
    let open = file.open().map_err(&system)?;
    let size = open.metadata().map_err(&system)?.len();
    let mut reader = Reader::new(&open, size);
    while reader.remaining() > 0 {
        let (position, remaining) = (reader.position, reader.remaining());
        let Some(batch) = reader.batch().map_err(&system)? else {
            return match reader.is_torn().map_err(&system)? {
                true => Ok(remaining),
                false => Err(Damage::at(file, position)),
            };
        };
        let is_last = batch.len() as u64 == remaining;
        let Some(header) = batch::stored(batch) else {
            return match is_last {
                true => Ok(remaining),
                false => Err(Damage::at(file, position)),
            };
        };
        // The checksum does not cover where it is.
        let latest = end.saturating_sub(i64::from(header.last_offset_delta));
        if !(expected..latest).contains(&header.base_offset) {
            return Err(Damage::at(file, position));
        }
        expected = header.last_offset() + 1;
        found(&header, batch);
    }
    Ok(0)
}

/// A file in large pieces.
struct Reader<'a> {
    file: &'a File,
    size: u64,
    /// In the file, of what comes next.
    position: u64,
    buffer: Vec<u8>,
    /// In the buffer, of what comes next.
    next: usize,
}

impl<'a> Reader<'a> {
    fn new(file: &'a File, size: u64) -> Reader<'a> {
        Reader {
            file,
            size,
            position: 0,
            buffer: Vec::new(),
            next: 0,
        }
    }

    fn remaining(&self) -> u64 {
        self.size - self.position
    }

    /// Makes `wanted` bytes ready, or as many as there are.
    fn fill(&mut self, wanted: usize) -> std::io::Result<()> {
        let ready = self.buffer.len() - self.next;
        if ready >= wanted || ready as u64 == self.remaining() {
            return Ok(());
        }
        self.buffer.drain(..self.next);
        self.next = 0;
        let more = (wanted.max(READ_SIZE) - ready) as u64;
        let behind = self.position + ready as u64;
        let more = more.min(self.size - behind) as usize;
        self.buffer.resize(ready + more, 0);
        let place = self.buffer.get_mut(ready..).unwrap_or_default();
        self.file.read_exact_at(place, behind)
    }

    /// The next batch in whole; `None` when what comes is none.
    fn batch(&mut self) -> std::io::Result<Option<&[u8]>> {
        self.fill(LENGTH_END)?;
        let Some(length) = self.length() else {
            return Ok(None);
        };
        if length < HEADER_SIZE || length as u64 > self.remaining() {
            return Ok(None);
        }
        self.fill(length)?;
        let start = self.next;
        self.next += length;
        self.position += length as u64;
        Ok(self.buffer.get(start..self.next))
    }

    /// How long the next batch says it is.
    fn length(&self) -> Option<usize> {
        let length = self.buffer.get(self.next + 8..)?.first_chunk()?;
        let length = usize::try_from(i32::from_be_bytes(*length)).ok()?;
        length.checked_add(LENGTH_END)
    }

    /// Whether what comes is the beginning of a batch, or nothing but zeros.
    fn is_torn(&mut self) -> std::io::Result<bool> {
        let longer = |length| length as u64 > self.remaining();
        if self.remaining() < LENGTH_END as u64 || self.length().is_some_and(longer) {
            return Ok(true);
        }
        while self.remaining() > 0 {
            self.fill(READ_SIZE)?;
            let rest = self.buffer.get(self.next..).unwrap_or_default();
            if rest.is_empty() || rest.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            self.next = self.buffer.len();
            self.position += rest.len() as u64;
        }
        Ok(true)
    }
}
