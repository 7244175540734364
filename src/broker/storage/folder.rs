//! The folder of one partition: its segment files, named after the offset of their first record as Kafka names them.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::entry::Entry;
use super::files::{Files, SegmentFile, Unwritten};
use super::journal::Journal;
use super::scan::Damage;

const EXTENSION: &str = "log";
/// Of a segment that is being cleaned.
const CLEANED_EXTENSION: &str = "cleaned";
/// Of one that takes the place of all from its base offset on to before its end: both are its name.
const SWAP_EXTENSION: &str = "swap";

/// Where a partition keeps its records.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    topic: Uuid,
    partition: i32,
    files: Arc<Files>,
    journal: Journal,
}

impl Folder {
    /// The folder of a partition, in that of its topic; made if need be.
    pub(crate) fn open(
        of_topic: &Path,
        topic: Uuid,
        partition: i32,
        files: &Arc<Files>,
        journal: &Journal,
    ) -> Result<Folder> {
        let path = of_topic.join(partition.to_string());
        if !path.try_exists()? {
            std::fs::create_dir_all(&path)?;
            files.renamed_in(of_topic);
        }
        Ok(Folder {
            path,
            topic,
            partition,
            files: files.clone(),
            journal: journal.clone(),
        })
    }

    /// Its segments and their base offsets, in order. Cleaning that was interrupted is undone, or finished; other files are
    /// none of ours and stay.
    pub(crate) fn segments(&self) -> std::result::Result<Vec<(i64, Arc<SegmentFile>)>, Damage> {
        let system = Damage::of(&self.path);
        let mut segments: BTreeMap<i64, PathBuf> = BTreeMap::new();
        let mut swaps = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(&system)? {
            let path = entry.map_err(&system)?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            let stem = stem.unwrap_or_default().to_owned();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some(CLEANED_EXTENSION) => std::fs::remove_file(&path).map_err(&system)?,
                Some(SWAP_EXTENSION) => swaps.extend(parse_swap(&stem).zip(Some(path))),
                Some(EXTENSION) => segments.extend(stem.parse().ok().zip(Some(path))),
                _ => {}
            }
        }
        for ((base_offset, end), swap) in swaps {
            while let Some((old, path)) = segments.range(base_offset..end).next() {
                std::fs::remove_file(path).map_err(&system)?;
                let old = *old;
                segments.remove(&old);
            }
            let path = self.segment(base_offset);
            std::fs::rename(&swap, &path).map_err(&system)?;
            segments.insert(base_offset, path);
        }
        self.files.renamed_in(&self.path);
        let file = |path| SegmentFile::at(path, self.files.clone());
        Ok(segments
            .into_iter()
            .map(|(base_offset, path)| (base_offset, file(path)))
            .collect())
    }

    fn segment(&self, base_offset: i64) -> PathBuf {
        self.path.join(format!("{base_offset:020}.{EXTENSION}"))
    }

    /// Makes the file into which a segment is cleaned.
    pub(crate) fn create_cleaned(&self, base_offset: i64) -> Result<Arc<SegmentFile>> {
        let path = self
            .segment(base_offset)
            .with_added_extension(CLEANED_EXTENSION);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => SegmentFile::create(path, self.files.clone()),
        }
    }

    /// Gives a cleaned file the place of those it was made of, which lie before `end`. When this fails nothing has
    /// happened; readers of the old ones read on.
    pub(crate) fn replace(
        &self,
        cleaned: &SegmentFile,
        base_offset: i64,
        end: i64,
        old: &[&Arc<SegmentFile>],
    ) -> Result<Arc<SegmentFile>> {
        let swap = self
            .path
            .join(format!("{base_offset:020}-{end:020}.{SWAP_EXTENSION}"));
        std::fs::rename(cleaned.path(), &swap)?;
        for file in old {
            file.delete();
        }
        let path = self.segment(base_offset);
        self.files.renamed_in(&self.path);
        let path = match std::fs::rename(&swap, &path) {
            Ok(()) => path,
            // The next start gives it its name.
            Err(error) => {
                self.warn(&error);
                swap
            }
        };
        Ok(SegmentFile::at(path, self.files.clone()))
    }

    /// Makes the file of a segment that begins at `base_offset`.
    pub(crate) fn create(&self, base_offset: i64) -> Result<Arc<SegmentFile>> {
        SegmentFile::create(self.segment(base_offset), self.files.clone())
    }

    /// Notes that records before `offset` are deleted.
    pub(crate) fn starts_at(&self, offset: i64) -> std::result::Result<(), Unwritten> {
        self.journal.write(|| Entry::LogStart {
            topic: self.topic,
            partition: self.partition,
            offset,
        })
    }

    /// Says why something cannot be written here.
    pub(crate) fn warn(&self, error: &std::io::Error) {
        self.files.warn(&self.path, error);
    }
}

/// Base offset and end.
fn parse_swap(stem: &str) -> Option<(i64, i64)> {
    let (base_offset, end) = stem.split_once('-')?;
    Some((base_offset.parse().ok()?, end.parse().ok()?))
}
