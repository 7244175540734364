//! Opening a data directory.

use std::collections::{BTreeMap, HashSet};
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::super::Finding;
use super::super::open_files;
use super::super::sync::{random_cluster_id, random_uuid};
use super::files::Files;
use super::folder::Folder;
use super::image::TopicImage;
use super::journal::{self, Journal};
use super::scan::Damage;
use crate::error::{Error, Result};

/// The version of the format that this program writes, and the newest that it reads.
const VERSION: u32 = 1;
const META: &str = "meta.properties";
const NEW_META: &str = "meta.properties.new";
const LOCK: &str = ".lock";
const TOPICS: &str = "topics";
const DELETED: &str = "deleted";
const ORPHANED: &str = "orphaned";

/// An open data directory; nobody else can open it meanwhile.
#[derive(Debug)]
pub(crate) struct Storage {
    root: PathBuf,
    /// The same at every start.
    pub(crate) cluster_id: String,
    pub(crate) files: Arc<Files>,
    pub(crate) journal: Journal,
    /// Bytes of a torn last line that were cut off the journal.
    pub(crate) cut: u64,
    lock: File,
}

impl Storage {
    /// Opens the directory, or makes it. Fails when another broker uses it, when it was written by a newer program, when
    /// it holds something else, and when it is damaged.
    pub(crate) fn open(root: &Path, fsync: bool) -> Result<Storage> {
        let unusable = |error| system(root, error);
        if root.try_exists().map_err(unusable)? && !root.is_dir() {
            let error = format!("`{}` is not a directory", root.display());
            return Err(Error::usage(error).hint("give --data a directory of its own"));
        }
        let is_made = !root.is_dir();
        std::fs::create_dir_all(root).map_err(unusable)?;
        let is_new = !root.join(META).try_exists().map_err(unusable)?;
        if is_new && holds_something(root).map_err(unusable)? {
            let error = format!(
                "`{}` holds something that is not a broker's",
                root.display()
            );
            return Err(Error::usage(error).hint("give --data a directory of its own"));
        }
        let lock = lock(root)?;
        let cluster_id = match is_new {
            true => write_meta(root).map_err(unusable)?,
            false => read_meta(root)?,
        };
        for folder in [TOPICS, DELETED] {
            std::fs::create_dir_all(root.join(folder)).map_err(unusable)?;
        }
        let files = Files::new(fsync, open_files::limit());
        let has_journal = root.join(journal::NAME).try_exists().map_err(unusable)?;
        if !has_journal && has_entries(&root.join(TOPICS)).map_err(unusable)? {
            let error = format!("the journal of `{}` is missing", root.display());
            return Err(Error::failed(error).hint("without it nobody knows whose the records are"));
        }
        let (journal, cut) = Journal::open(root, &files).map_err(damaged)?;
        files.renamed_in(root);
        if let Some(parent) = root.parent().filter(|_| is_made) {
            files.renamed_in(match parent.as_os_str().is_empty() {
                true => Path::new("."),
                false => parent,
            });
        }
        Ok(Storage {
            root: root.to_owned(),
            cluster_id,
            files,
            journal,
            cut,
            lock,
        })
    }

    /// Notices that the directory was taken away, or another put in its place: nothing is written any more then.
    pub(crate) fn check_place(&self) {
        let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        let held = self.lock.metadata().map(identity);
        let there = std::fs::metadata(self.root.join(LOCK)).map(identity);
        match (held, there) {
            (Ok(held), Ok(there)) if held == there => {}
            _ => self.files.fail(format!(
                "`{}` is not there any more: nothing is written until the next start",
                self.root.display()
            )),
        }
    }

    /// The folder of a topic.
    pub(crate) fn topic(&self, name: &str) -> PathBuf {
        self.root.join(TOPICS).join(name)
    }

    /// The folder of a partition, made if need be.
    pub(crate) fn folder(&self, name: &str, id: Uuid, partition: i32) -> std::io::Result<Folder> {
        let of_topic = self.topic(name);
        Folder::open(&of_topic, id, partition, &self.files, &self.journal)
    }

    /// Makes the folder of a new topic, in which nothing may lie of another.
    pub(crate) fn create_topic(&self, name: &str) -> std::io::Result<()> {
        std::fs::create_dir(self.topic(name))?;
        self.files.renamed_in(&self.root.join(TOPICS));
        Ok(())
    }

    fn deleted(&self, id: Uuid) -> PathBuf {
        self.root.join(DELETED).join(id.to_string())
    }

    /// Takes the folder of a topic away, before the journal says that it is deleted.
    pub(crate) fn set_aside(&self, name: &str, id: Uuid) -> std::io::Result<()> {
        std::fs::rename(self.topic(name), self.deleted(id))?;
        self.files.renamed_in(&self.root.join(TOPICS));
        self.files.renamed_in(&self.root.join(DELETED));
        Ok(())
    }

    /// Puts the folder of a topic back that is not to be deleted after all.
    pub(crate) fn put_back(&self, name: &str, id: Uuid) -> std::io::Result<()> {
        std::fs::rename(self.deleted(id), self.topic(name))?;
        self.files.renamed_in(&self.root.join(TOPICS));
        Ok(())
    }

    /// Deletes what was set aside. What cannot be deleted now is at the next start.
    pub(crate) fn delete(&self, id: Uuid) {
        let folder = self.deleted(id);
        if let Err(error) = std::fs::remove_dir_all(&folder) {
            self.files.warn(&folder, &error);
        }
    }

    /// Brings the folders in line with what the journal knows, after a broker was killed while it made or deleted a topic:
    /// deletes what is deleted, puts back what is not, deletes folders of topics that were never made. Records of a topic
    /// that the journal does not know are never deleted, but put into `orphaned`, and said; so are topics without a folder.
    pub(crate) fn tidy(&self, known: &BTreeMap<Uuid, TopicImage>) -> Result<Vec<Finding>> {
        for (path, id) in self.entries(DELETED)? {
            let id = Uuid::parse_str(&id).unwrap_or_default();
            let tidied = match known.get(&id) {
                Some(topic) => self.put_back(&topic.name, id),
                None => std::fs::remove_dir_all(&path),
            };
            tidied.map_err(|error| system(&path, error))?;
        }
        let missing = |topic: &&TopicImage| !self.topic(&topic.name).is_dir();
        let missing = known.values().filter(missing);
        let mut findings: Vec<Finding> = missing
            .map(|topic| Finding::Missing(topic.name.clone()))
            .collect();
        let names: HashSet<&str> = known.values().map(|topic| topic.name.as_str()).collect();
        for (path, name) in self.entries(TOPICS)? {
            let unusable = |error| system(&path, error);
            if names.contains(name.as_str()) {
                continue;
            }
            if has_records(&path).map_err(unusable)? {
                let folder = self.root.join(ORPHANED);
                std::fs::create_dir_all(&folder).map_err(unusable)?;
                let to = folder.join(random_uuid().to_string());
                std::fs::create_dir(&to).map_err(unusable)?;
                let to = to.join(&name);
                std::fs::rename(&path, &to).map_err(unusable)?;
                findings.push(Finding::Orphaned(to));
            } else {
                std::fs::remove_dir_all(&path).map_err(unusable)?;
            }
        }
        Ok(findings)
    }

    /// What is in one of its folders, with the names.
    fn entries(&self, folder: &str) -> Result<Vec<(PathBuf, String)>> {
        let folder = self.root.join(folder);
        let unusable = |error| system(&folder, error);
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(unusable)? {
            let entry = entry.map_err(unusable)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            entries.push((entry.path(), name));
        }
        Ok(entries)
    }
}

/// Whether any file of a topic's folder has something in it.
fn has_records(topic: &Path) -> std::io::Result<bool> {
    for partition in std::fs::read_dir(topic)? {
        let partition = partition?;
        if !partition.file_type()?.is_dir() {
            return Ok(true);
        }
        for segment in std::fs::read_dir(partition.path())? {
            if segment?.metadata()?.len() > 0 {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn system(path: &Path, error: std::io::Error) -> Error {
    Error::failed(format!("cannot use `{}`", path.display())).caused_by(error)
}

/// What is said of a data directory that cannot be read.
pub(crate) fn damaged(damage: Damage) -> Error {
    match damage {
        Damage::System(path, error) => system(&path, error),
        Damage::Broken(path, position) => {
            let path = path.display();
            Error::failed(format!(
                "`{path}` is damaged: what begins at byte {position} is not what was written there"
            ))
            .hint(format!(
                "put a good copy in its place; or copy the directory, and lose all that follows in this file: \
                 truncate -s {position} '{path}'"
            ))
        }
    }
}

fn has_entries(folder: &Path) -> std::io::Result<bool> {
    Ok(std::fs::read_dir(folder)?.next().is_some())
}

/// Whether anything is in the folder but a lock that a broker left which ended before it could write more.
fn holds_something(root: &Path) -> std::io::Result<bool> {
    for entry in std::fs::read_dir(root)? {
        let name = entry?.file_name();
        // A volume of its own has the last of these from the beginning.
        if name != LOCK && name != NEW_META && name != "lost+found" {
            return Ok(true);
        }
    }
    Ok(false)
}

fn lock(root: &Path) -> Result<File> {
    let path = root.join(LOCK);
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| system(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let error = format!("another broker uses `{}`", root.display());
            Err(Error::failed(error).hint("end it first, or give --data another directory"))
        }
        Err(TryLockError::Error(error)) => Err(system(&path, error)),
    }
}

/// Written whole or not at all.
fn write_meta(root: &Path) -> std::io::Result<String> {
    let cluster_id = random_cluster_id();
    let new = root.join(NEW_META);
    // Kafka's own file has no such format, so that neither takes the other's directory for its own.
    let text = format!("eda.format={VERSION}\ncluster.id={cluster_id}\nnode.id=1\n");
    std::fs::write(&new, text)?;
    File::open(&new)?.sync_all()?;
    std::fs::rename(new, root.join(META))?;
    Ok(cluster_id)
}

/// Checks the version; returns the cluster's id.
fn read_meta(root: &Path) -> Result<String> {
    let path = root.join(META);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::InvalidData => String::new(),
        Err(error) => return Err(system(&path, error)),
    };
    let value = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        lines
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    };
    let version = value("eda.format").and_then(|version| version.parse::<u32>().ok());
    match (version, value("cluster.id")) {
        (Some(version), _) if version > VERSION => {
            let error = format!(
                "`{}` was written by a newer eda: its format is {version}, and this one knows {VERSION}",
                root.display()
            );
            Err(Error::failed(error).hint("use that eda, or give --data another directory"))
        }
        (Some(VERSION), Some(cluster_id)) => Ok(cluster_id.to_owned()),
        _ => {
            let error = format!("`{}` is not an embedded broker's", path.display());
            Err(Error::failed(error).hint("give --data a directory of its own"))
        }
    }
}
