//! The folder of one partition: its segment files, named after the offset of their first record as Kafka names them.

use std::io::Result;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::entry::Entry;
use super::files::{Files, SegmentFile, Unwritten};
use super::journal::Journal;
use super::scan::Damage;

const EXTENSION: &str = "log";

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

    /// Its segments and their base offsets, in order. Other files are none of ours and stay.
    pub(crate) fn segments(&self) -> std::result::Result<Vec<(i64, Arc<SegmentFile>)>, Damage> {
        let system = Damage::of(&self.path);
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(&system)? {
            let path = entry.map_err(&system)?.path();
            let is_segment = path
                .extension()
                .is_some_and(|extension| extension == EXTENSION);
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            let base_offset = stem.and_then(|stem| stem.parse::<i64>().ok());
            if let Some(base_offset) = base_offset.filter(|_| is_segment) {
                segments.push((base_offset, SegmentFile::at(path, self.files.clone())));
            }
        }
        segments.sort_by_key(|(base_offset, _)| *base_offset);
        Ok(segments)
    }

    /// Makes the file of a segment that begins at `base_offset`.
    pub(crate) fn create(&self, base_offset: i64) -> Result<Arc<SegmentFile>> {
        let path = self.path.join(format!("{base_offset:020}.{EXTENSION}"));
        SegmentFile::create(path, self.files.clone())
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
