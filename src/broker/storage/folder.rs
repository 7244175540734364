//! The folder of one partition: its segment files, named after the offset of their first record as Kafka names them.

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
        std::fs::create_dir_all(&path)?;
        files.renamed_in(of_topic)?;
        Ok(Folder {
            path,
            topic,
            partition,
            files: files.clone(),
            journal: journal.clone(),
        })
    }

    /// Its segments and their base offsets, in order. One that was being cleaned is deleted; other files are none of ours
    /// and stay.
    pub(crate) fn segments(&self) -> std::result::Result<Vec<(i64, Arc<SegmentFile>)>, Damage> {
        let system = Damage::of(&self.path);
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(&system)? {
            let path = entry.map_err(&system)?.path();
            let has_extension = |wanted| path.extension().is_some_and(|found| found == wanted);
            if has_extension(CLEANED_EXTENSION) {
                std::fs::remove_file(&path).map_err(&system)?;
                continue;
            }
            let is_segment = has_extension(EXTENSION);
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            let base_offset = stem.and_then(|stem| stem.parse::<i64>().ok());
            if let Some(base_offset) = base_offset.filter(|_| is_segment) {
                segments.push((base_offset, SegmentFile::at(path, self.files.clone())));
            }
        }
        segments.sort_by_key(|(base_offset, _)| *base_offset);
        Ok(segments)
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

    /// Gives a cleaned file the place of the one it was made of. Readers of that one read on.
    pub(crate) fn adopt(
        &self,
        cleaned: &SegmentFile,
        base_offset: i64,
    ) -> Result<Arc<SegmentFile>> {
        let path = self.segment(base_offset);
        std::fs::rename(cleaned.path(), &path)?;
        self.files.renamed_in(&self.path)?;
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
