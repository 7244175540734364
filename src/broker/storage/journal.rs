//! The journal: one line for every change of what is not a record. A line is a checksum (CRC-32C, eight hexadecimal
//! digits), a space and the change as JSON, so that a person can read what a broker knew.
//!
//! When it has grown far beyond what it comes to, it is written anew, beside the old one, and takes its name.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Error, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::super::sync::lock;
use super::entry::Entry;
use super::files::{self, Files, Unwritten};
use super::image::Image;
use super::scan::Damage;

pub(super) const NAME: &str = "journal";
const NEW_NAME: &str = "journal.new";
/// It is written anew when it is larger than this, and has grown to four times of what it was.
const SMALLEST_REWRITTEN: u64 = 4 * 1024 * 1024;
const GROWTH: u64 = 4;

/// Where changes are written; in memory nowhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal(Option<Arc<Mutex<Inner>>>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    files: Arc<Files>,
    file: Arc<File>,
    size: u64,
    /// When it was written anew.
    size_then: u64,
    /// What it comes to.
    image: Image,
    /// Its end may be torn: nothing more is written.
    torn: bool,
}

impl Journal {
    /// Reads the journal of a data directory, or begins one; also returns how many bytes of a torn last line were cut.
    pub(crate) fn open(folder: &Path, files: &Arc<Files>) -> Result<(Journal, u64), Damage> {
        let path = folder.join(NAME);
        let system = Damage::of(&path);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(system(error)),
        };
        let mut image = Image::default();
        let size =
            read(&text, &mut image).map_err(|position| Damage::Broken(path.clone(), position))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(&system)?;
        let cut = text.len() as u64 - size;
        if cut > 0 {
            files::cut(&file, &path, size).map_err(&system)?;
        }
        let inner = Inner {
            folder: folder.to_owned(),
            files: files.clone(),
            file: Arc::new(file),
            size,
            size_then: 0,
            image,
            torn: false,
        };
        Ok((Journal(Some(Arc::new(Mutex::new(inner)))), cut))
    }

    /// Writes a change. When it fails the change must not be made.
    pub(crate) fn write(&self, entry: impl FnOnce() -> Entry) -> Result<(), Unwritten> {
        let Some(inner) = &self.0 else {
            return Ok(());
        };
        lock(inner).write(entry())
    }

    /// Has the disk keep it before anything is written that must not outlive it, where power cuts matter.
    pub(crate) fn flush_first(&self) -> Result<(), Unwritten> {
        let Some(inner) = &self.0 else {
            return Ok(());
        };
        let inner = lock(inner);
        inner
            .files
            .flush_first(&inner.file)
            .map_err(Unwritten::Undone)
    }

    /// What it comes to; nothing in memory.
    pub(crate) fn with_image<T>(&self, act: impl FnOnce(&Image) -> T) -> Option<T> {
        let inner = self.0.as_ref()?;
        Some(act(&lock(inner).image))
    }
}

impl Inner {
    fn write(&mut self, entry: Entry) -> Result<(), Unwritten> {
        if self.torn {
            return Err(Unwritten::Torn(Error::other("the journal's end is torn")));
        }
        let line = line(&entry).map_err(Unwritten::Undone)?;
        let written = self.files.append(&self.file, &line, self.size);
        if let Err(unwritten) = written {
            self.torn = matches!(unwritten, Unwritten::Torn(_));
            self.files.warn(&self.folder.join(NAME), unwritten.error());
            return Err(unwritten);
        }
        self.size += line.len() as u64;
        self.image.apply(entry);
        let is_long = self.size > SMALLEST_REWRITTEN && self.size > GROWTH * self.size_then;
        if is_long && let Err(error) = self.rewrite() {
            // It goes on where it is; and is not tried again at the next line.
            self.size_then = self.size;
            self.files.warn(&self.folder.join(NEW_NAME), &error);
        }
        Ok(())
    }

    /// Writes what it comes to into a new file, which takes the place of the old one when all of it is on the disk.
    fn rewrite(&mut self) -> std::io::Result<()> {
        let path = self.folder.join(NEW_NAME);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        let file = options.open(&path)?;
        let mut size = 0;
        let mut out = BufWriter::new(&file);
        for entry in self.image.entries() {
            let line = line(&entry)?;
            out.write_all(&line)?;
            size += line.len() as u64;
        }
        out.flush()?;
        drop(out);
        file.sync_data()?;
        std::fs::rename(&path, self.folder.join(NAME))?;
        self.file = Arc::new(file);
        self.size = size;
        self.size_then = size;
        self.files.renamed_in(&self.folder);
        Ok(())
    }
}

fn line(entry: &Entry) -> std::io::Result<Vec<u8>> {
    let json = serde_json::to_vec(entry)?;
    let mut line = Vec::with_capacity(json.len() + 10);
    write!(line, "{:08x} ", crc32c::crc32c(&json))?;
    line.extend_from_slice(&json);
    line.push(b'\n');
    Ok(line)
}

/// Applies every line; returns where the last good one ends. Only the last line may be cut short, or lack some pages, as
/// after a power cut: otherwise the error is where the line begins that is not what was written.
fn read(text: &[u8], image: &mut Image) -> Result<u64, u64> {
    let mut position = 0;
    while let Some(rest) = text.get(position..).filter(|rest| !rest.is_empty()) {
        let Some(end) = memchr::memchr(b'\n', rest) else {
            return Ok(position as u64);
        };
        let Some(entry) = rest.get(..end).and_then(parse) else {
            let is_last = end + 1 == rest.len();
            return match is_last || rest.iter().all(|byte| *byte == 0) {
                true => Ok(position as u64),
                false => Err(position as u64),
            };
        };
        image.apply(entry);
        position += end + 1;
    }
    Ok(position as u64)
}

fn parse(line: &[u8]) -> Option<Entry> {
    let (checksum, json) = line.split_at_checked(8)?;
    let json = json.strip_prefix(b" ")?;
    let checksum = u32::from_str_radix(std::str::from_utf8(checksum).ok()?, 16).ok()?;
    if checksum != crc32c::crc32c(json) {
        return None;
    }
    serde_json::from_slice(json).ok()
}
