//! Files of a data directory: opened when they are needed, closed when too many are open, and, where asked for, made
//! safe from a power cut before anybody is told that something was written.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::super::sync::lock;

/// Segment files open at a time, beside those that are being read; at most a quarter of what the process may have, for
/// clients are open files too.
const OPEN_LIMIT: u64 = 256;
/// The same trouble is said again after this.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// What was written to since the last flush.
#[derive(Debug, Default)]
struct Unsynced {
    files: Vec<Arc<File>>,
    /// In which names have changed.
    folders: BTreeSet<PathBuf>,
}

impl Unsynced {
    fn sync(&self) -> Result<()> {
        self.files.iter().try_for_each(|file| file.sync_data())?;
        let mut folders = self.folders.iter();
        folders.try_for_each(|folder| File::open(folder)?.sync_all())
    }
}

/// What the files of a data directory share.
#[derive(Debug)]
pub(crate) struct Files {
    /// In the order in which they were opened.
    open: Mutex<VecDeque<Weak<SegmentFile>>>,
    open_limit: usize,
    /// Written to since the last [`Files::flush`]; `None` when nobody asked for more than the operating system's word.
    unsynced: Option<Mutex<Unsynced>>,
    /// One flush at a time: who waits for it has its own writes behind it, or with the next. Held until the disk has
    /// answered, also when nobody waits for the flush any more.
    flushing: Arc<tokio::sync::Mutex<()>>,
    /// A flush failed: what the disk holds is not known any more, so nothing is written until the next start.
    failed: Arc<AtomicBool>,
    /// Why the last write failed that did.
    trouble: watch::Sender<Option<String>>,
    /// When which was said.
    said: Mutex<HashMap<String, Instant>>,
    /// For tests of a full disk, and of a process that is killed.
    #[cfg(test)]
    pub(crate) limit: super::limit::Limit,
}

impl Files {
    /// With `fsync`, [`Files::flush`] asks the disk to keep what was written. `may_open` files may this process have.
    pub(crate) fn new(fsync: bool, may_open: Option<u64>) -> Arc<Files> {
        Arc::new(Files {
            open: Mutex::default(),
            open_limit: may_open.map_or(OPEN_LIMIT, |may| (may / 4).clamp(8, OPEN_LIMIT)) as usize,
            unsynced: fsync.then(Mutex::default),
            flushing: Arc::default(),
            failed: Arc::default(),
            trouble: watch::Sender::new(None),
            said: Mutex::default(),
            #[cfg(test)]
            limit: super::limit::Limit::default(),
        })
    }

    /// Writes all of `bytes` at `position`, the file's end. When that fails the file is as long as before; the second
    /// of the errors says that it could not be made so.
    pub(crate) fn append(
        &self,
        file: &Arc<File>,
        bytes: &[u8],
        position: u64,
    ) -> std::result::Result<(), Unwritten> {
        self.check().map_err(Unwritten::Undone)?;
        match self.write(file, bytes, position) {
            Ok(()) => {
                self.written(file);
                Ok(())
            }
            Err(error) => match self.undo(file, position) {
                Ok(()) => Err(Unwritten::Undone(error)),
                Err(_) => Err(Unwritten::Torn(error)),
            },
        }
    }

    fn write(&self, file: &File, bytes: &[u8], position: u64) -> Result<()> {
        #[cfg(test)]
        if let Some(fits) = self.limit.fits(bytes.len()) {
            file.write_all_at(&bytes[..fits], position)?;
            return Err(ErrorKind::StorageFull.into());
        }
        file.write_all_at(bytes, position)
    }

    /// Makes a file as short as it was. A process that is killed does not come to that.
    fn undo(&self, file: &File, size: u64) -> Result<()> {
        #[cfg(test)]
        self.limit.check_alive()?;
        file.set_len(size)
    }

    fn check(&self) -> Result<()> {
        match self.failed.load(Ordering::Acquire) {
            true => Err(Error::other("nothing is written until the next start")),
            false => Ok(()),
        }
    }

    /// Remembers that the file has to be flushed.
    fn written(&self, file: &Arc<File>) {
        if let Some(unsynced) = &self.unsynced {
            let files = &mut lock(unsynced).files;
            if !files.iter().any(|known| Arc::ptr_eq(known, file)) {
                files.push(file.clone());
            }
        }
    }

    /// Remembers that the names in a folder have changed.
    pub(crate) fn renamed_in(&self, folder: &Path) {
        if let Some(unsynced) = &self.unsynced {
            lock(unsynced).folders.insert(folder.to_owned());
        }
    }

    /// Has the disk keep a file before anything is written that must not outlive it; at once when nobody asked for that.
    pub(crate) fn flush_first(&self, file: &File) -> Result<()> {
        if self.unsynced.is_none() {
            return Ok(());
        }
        let synced = file.sync_data();
        if synced.is_err() {
            self.failed.store(true, Ordering::Release);
        }
        synced
    }

    /// Returns when everything that was written before the call is on the disk; at once when nobody asked for that.
    pub(crate) async fn flush(&self) -> Result<()> {
        let Some(unsynced) = &self.unsynced else {
            return Ok(());
        };
        let is_flushed = {
            let unsynced = lock(unsynced);
            unsynced.files.is_empty() && unsynced.folders.is_empty()
        };
        if is_flushed && self.flushing.try_lock().is_ok() {
            return self.check();
        }
        let flushing = self.flushing.clone().lock_owned().await;
        let unsynced = std::mem::take(&mut *lock(unsynced));
        // What was waited for may have been in the flush before.
        self.check()?;
        let failed = self.failed.clone();
        let synced = tokio::task::spawn_blocking(move || {
            let synced = unsynced.sync();
            if synced.is_err() {
                failed.store(true, Ordering::Release);
            }
            drop(flushing);
            synced
        });
        let synced = synced.await.map_err(Error::other).flatten();
        if let Err(error) = &synced {
            self.warn(Path::new("the disk"), error);
        }
        synced
    }

    /// Says that something cannot be written.
    pub(crate) fn warn(&self, path: &Path, error: &Error) {
        // Producers ask again and again, and for many partitions: of each kind it is said once a minute.
        let mut said = lock(&self.said);
        let now = Instant::now();
        said.retain(|_, at| now.saturating_duration_since(*at) < SAY_AGAIN);
        if let Entry::Vacant(vacant) = said.entry(error.to_string()) {
            vacant.insert(now);
            let trouble = format!("cannot write to `{}`: {error}", path.display());
            self.trouble.send_replace(Some(trouble));
        }
    }

    /// Writes nothing from now on.
    pub(crate) fn fail(&self, why: String) {
        if !self.failed.swap(true, Ordering::AcqRel) {
            self.trouble.send_replace(Some(why));
        }
    }

    /// What [`Files::warn`] says.
    pub(crate) fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.subscribe()
    }

    /// A file was opened: when there are too many, the one opened first is closed, unless it was used since.
    fn opened(&self, file: &Arc<SegmentFile>) {
        let mut open = lock(&self.open);
        open.push_back(Arc::downgrade(file));
        let mut chances = open.len();
        while open.len() > self.open_limit {
            let Some(first) = open.pop_front() else {
                return;
            };
            let Some(file) = first.upgrade() else {
                continue;
            };
            let used = file.used.swap(false, Ordering::Relaxed);
            match file.handle.try_lock() {
                Ok(mut handle) if !used || chances == 0 => *handle = None,
                // It was used, or is being opened or closed.
                _ if chances > 0 => {
                    chances -= 1;
                    open.push_back(first);
                }
                _ => {
                    open.push_back(first);
                    return;
                }
            }
        }
    }
}

/// Why something was not written.
#[derive(Debug)]
pub(crate) enum Unwritten {
    /// Nothing of it is there.
    Undone(Error),
    /// A part of it may be there, and nothing may be written behind it.
    Torn(Error),
}

impl Unwritten {
    /// The same, for who does not care how much of it is there.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Unwritten::Undone(error) | Unwritten::Torn(error) => error,
        }
    }

    /// What the operating system said.
    pub(crate) fn error(&self) -> &Error {
        match self {
            Unwritten::Undone(error) | Unwritten::Torn(error) => error,
        }
    }
}

/// A file of record batches.
#[derive(Debug)]
pub(crate) struct SegmentFile {
    path: PathBuf,
    files: Arc<Files>,
    handle: Mutex<Option<Arc<File>>>,
    used: AtomicBool,
}

impl SegmentFile {
    /// The file at `path`, which is there.
    pub(crate) fn at(path: PathBuf, files: Arc<Files>) -> Arc<SegmentFile> {
        Arc::new(SegmentFile {
            path,
            files,
            handle: Mutex::default(),
            used: AtomicBool::new(true),
        })
    }

    /// Makes an empty one. One that is there already must be empty: whoever made it failed before it could write.
    pub(crate) fn create(path: PathBuf, files: Arc<Files>) -> Result<Arc<SegmentFile>> {
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        if file.metadata()?.len() > 0 {
            return Err(ErrorKind::AlreadyExists.into());
        }
        if let Some(folder) = path.parent() {
            files.renamed_in(folder);
        }
        Ok(SegmentFile::at(path, files))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The open file, which can be read also after it was deleted.
    pub(crate) fn open(self: &Arc<Self>) -> Result<Arc<File>> {
        self.used.store(true, Ordering::Relaxed);
        let mut handle = lock(&self.handle);
        if let Some(file) = &*handle {
            return Ok(file.clone());
        }
        let file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        let file = Arc::new(file);
        *handle = Some(file.clone());
        drop(handle);
        self.files.opened(self);
        Ok(file)
    }

    /// Writes at the file's end, see [`Files::append`].
    pub(crate) fn append(
        self: &Arc<Self>,
        bytes: &[u8],
        position: u64,
    ) -> std::result::Result<(), Unwritten> {
        let file = self.open().map_err(Unwritten::Undone)?;
        self.files.append(&file, bytes, position)
    }

    /// See [`Files::flush_first`].
    pub(crate) fn flush_first(self: &Arc<Self>) -> Result<()> {
        self.files.flush_first(&*self.open()?)
    }

    /// Makes it as short as this; what is cut off is kept in a file beside it.
    pub(crate) fn cut(self: &Arc<Self>, size: u64) -> Result<()> {
        let file = self.open()?;
        cut(&file, &self.path, size)
    }

    /// Takes it away. What cannot be deleted now is deleted at the next start, or retained.
    pub(crate) fn delete(&self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot delete a segment");
        }
    }
}

/// Makes a file as short as this; what is cut off is kept in a file beside it, of which the name says where it was.
pub(crate) fn cut(file: &File, path: &Path, size: u64) -> Result<()> {
    let length = usize::try_from(file.metadata()?.len() - size).map_err(Error::other)?;
    let mut torn = vec![0; length];
    file.read_exact_at(&mut torn, size)?;
    std::fs::write(path.with_added_extension(format!("torn-{size}")), torn)?;
    file.set_len(size)
}

/// A stretch of an open file.
#[derive(Clone, Debug)]
pub(crate) struct FileSlice {
    pub(crate) file: Arc<File>,
    pub(crate) position: u64,
    pub(crate) length: usize,
}

impl FileSlice {
    /// Its bytes.
    pub(crate) fn read(&self) -> Result<Vec<u8>> {
        let mut bytes = vec![0; self.length];
        self.file.read_exact_at(&mut bytes, self.position)?;
        Ok(bytes)
    }

    /// The same in parts of at most `size` bytes.
    pub(crate) fn parts(&self, size: usize) -> impl Iterator<Item = FileSlice> + '_ {
        (0..self.length).step_by(size).map(move |start| FileSlice {
            file: self.file.clone(),
            position: self.position + start as u64,
            length: size.min(self.length - start),
        })
    }
}
