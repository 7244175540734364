//! Compaction of a partition: what is left, where, and that everything else goes on over it; in memory and in a
//! directory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::super::config::TopicConfig;
use super::super::log::batch;
use super::super::log::compaction::{self, fixture};
use super::super::log::marker::committed;
use super::super::partition::Partition;
use super::super::sync::now_milliseconds;
use super::*;

const NAME: &str = "prices";
pub(super) const HOUR: i64 = 60 * 60 * 1000;

/// A compacted partition of which every batch is a segment of its own, and a clock.
pub(super) struct Compacted {
    state: State,
    pub(super) partition: Arc<Partition>,
    pub(super) now: i64,
}

impl Compacted {
    /// In memory, or in a folder, where it may have been before.
    pub(super) fn open(folder: Option<&Path>) -> Compacted {
        let options = Options {
            data: folder.map(Path::to_owned),
            ..options()
        };
        let state = State::new(options, SocketAddr::from(([127, 0, 0, 1], 1234))).unwrap();
        assert_eq!(state.recover().unwrap(), []);
        if state.topics.get(NAME).is_none() {
            let configs = [
                ("cleanup.policy", "compact"),
                ("segment.ms", "1"),
                ("min.cleanable.dirty.ratio", "0"),
                ("delete.retention.ms", "3600000"),
            ];
            let configs = configs.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let config = TopicConfig::new(BTreeMap::from(configs)).unwrap();
            state.topics.create(NAME, 1, config, false).unwrap();
        }
        let partition = state.topics.get(NAME).unwrap().partition(0).unwrap();
        Compacted {
            state,
            partition,
            now: now_milliseconds(),
        }
    }

    pub(super) fn config(&self) -> Arc<TopicConfig> {
        self.state.topics.get(NAME).unwrap().config()
    }

    pub(super) fn append(&mut self, batch: &[u8]) -> i64 {
        self.now += 10;
        let appended = self.partition.append(batch, &self.config(), self.now);
        appended.unwrap().base_offset
    }

    fn put(&mut self, key: &str, value: Option<&str>) -> i64 {
        self.append(&fixture::batch(0, &[fixture::given(key, value)]))
    }

    pub(super) fn clean(&self) {
        self.partition.clean(&self.config().policy, self.now);
    }

    /// Every batch that a reader gets from `offset` on.
    fn read(&self, offset: i64) -> Vec<(batch::Header, Vec<u8>)> {
        let fetched = self
            .partition
            .fetch(offset, false, usize::MAX, true)
            .unwrap();
        let mut all = Vec::new();
        for slice in fetched.slices {
            let bytes = slice.bytes().unwrap();
            for (position, header) in batch::batches(&bytes) {
                let batch = bytes[position..position + header.size].to_vec();
                assert_eq!(batch::stored(&batch), Some(header));
                all.push((header, batch));
            }
        }
        all
    }

    /// Offset, key and whether there is a value, of all records there are.
    pub(super) fn records(&self) -> Vec<(i64, String, bool)> {
        let mut all = Vec::new();
        for (header, batch) in self.read(0) {
            if header.is_control() {
                continue;
            }
            for record in compaction::open(&header, &batch).unwrap().iter() {
                let key = String::from_utf8(record.key.unwrap().to_vec()).unwrap();
                all.push((record.offset, key, !record.is_tombstone));
            }
        }
        all
    }
}

/// The state of a folder after a kill: closed, and opened again.
pub(super) fn again(compacted: Compacted, folder: &Path) -> Compacted {
    let now = compacted.now;
    drop(compacted);
    let mut compacted = Compacted::open(Some(folder));
    compacted.now = now;
    compacted
}

fn keys(records: &[(i64, String, bool)]) -> Vec<(i64, &str)> {
    let keys = records.iter();
    keys.map(|(offset, key, _)| (*offset, key.as_str()))
        .collect()
}

#[test]
fn of_each_key_the_last_record_stays_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    for folder in [None, Some(folder.path())] {
        let mut compacted = Compacted::open(folder);
        for key in ["a", "b", "a", "c", "a", "b", "d"] {
            compacted.put(key, Some("1"));
        }
        compacted.clean();
        // The last segment is still written to.
        let left = [(3, "c"), (4, "a"), (5, "b"), (6, "d")];
        assert_eq!(keys(&compacted.records()), left);
        assert_eq!(compacted.partition.bounds(false), (0, 7));
        for offset in 0..=6 {
            let first = compacted
                .read(offset)
                .first()
                .map(|(header, _)| header.base_offset);
            assert_eq!(first, Some(offset.max(3)));
        }
        compacted.put("a", Some("2"));
        if let Some(folder) = folder {
            compacted = again(compacted, folder);
        }
        compacted.put("e", Some("1"));
        compacted.clean();
        let left = [(3, "c"), (5, "b"), (6, "d"), (7, "a"), (8, "e")];
        assert_eq!(keys(&compacted.records()), left);
    }
}

#[test]
fn a_tombstone_takes_its_key_along_and_goes_when_all_had_time_to_see_it() {
    let folder = tempfile::tempdir().unwrap();
    for folder in [None, Some(folder.path())] {
        let mut compacted = Compacted::open(folder);
        compacted.put("a", Some("1"));
        compacted.put("a", None);
        compacted.put("b", Some("1"));
        compacted.clean();
        let records = compacted.records();
        assert_eq!(
            records,
            [(1, "a".to_owned(), false), (2, "b".to_owned(), true)]
        );
        compacted.now += HOUR / 2;
        compacted.put("c", Some("1"));
        compacted.clean();
        assert_eq!(keys(&compacted.records()), [(1, "a"), (2, "b"), (3, "c")]);
        compacted.now += HOUR;
        compacted.put("d", Some("1"));
        compacted.clean();
        assert_eq!(keys(&compacted.records()), [(2, "b"), (3, "c"), (4, "d")]);
        assert_eq!(compacted.partition.bounds(false), (0, 5));
    }
}

/// A producer's record in a transaction.
pub(super) fn of_transaction(producer: i64, key: &str, sequence: i32) -> Vec<u8> {
    let given = fixture::given(key, Some("1"));
    let content = fixture::batch(0, std::slice::from_ref(&given));
    let header = batch::Header {
        attributes: 0x10,
        producer_id: producer,
        producer_epoch: 0,
        base_sequence: sequence,
        ..batch::Header::read(&content).unwrap()
    };
    fixture::with_payload(&header, &content[batch::HEADER_SIZE..])
}

#[test]
fn what_is_aborted_goes_and_supersedes_nothing_and_what_is_open_waits() {
    let folder = tempfile::tempdir().unwrap();
    for folder in [None, Some(folder.path())] {
        let mut compacted = Compacted::open(folder);
        let close = |compacted: &mut Compacted, producer, committed| {
            compacted.now += 10;
            let policy = compacted.config().policy;
            let partition = &compacted.partition;
            partition
                .end_transaction(producer, 0, committed, &policy, compacted.now)
                .unwrap();
        };
        let markers = |compacted: &Compacted| {
            let all = compacted.read(0);
            let markers = all
                .iter()
                .filter_map(|(header, batch)| committed(header, batch));
            markers.collect::<Vec<_>>()
        };
        compacted.put("a", Some("1"));
        compacted.append(&of_transaction(1, "a", 0));
        close(&mut compacted, 1, false);
        compacted.append(&of_transaction(2, "b", 0));
        close(&mut compacted, 2, true);
        compacted.append(&of_transaction(3, "a", 0));
        compacted.put("b", Some("1"));
        compacted.put("c", Some("1"));
        compacted.clean();
        // Producers 1 and 2 have their last batches, 1 without its record; "b" of 3's time is not looked at yet.
        assert_eq!(
            keys(&compacted.records()),
            [(0, "a"), (3, "b"), (5, "a"), (6, "b"), (7, "c")]
        );
        assert_eq!(markers(&compacted), [false, true]);
        close(&mut compacted, 3, true);
        if let Some(folder) = folder {
            compacted = again(compacted, folder);
        }
        assert_eq!(compacted.partition.bounds(true), (0, 9));
        compacted.put("d", Some("1"));
        compacted.clean();
        assert_eq!(
            keys(&compacted.records()),
            [(5, "a"), (6, "b"), (7, "c"), (9, "d")]
        );
        compacted.now += 2 * HOUR;
        compacted.put("e", Some("1"));
        compacted.clean();
        assert_eq!(
            markers(&compacted),
            [false, true, true],
            "those of transactions with a batch, if it has no record any more"
        );
        if let Some(folder) = folder {
            compacted = again(compacted, folder);
        }
        let (_, end) = compacted.partition.bounds(false);
        assert_eq!(compacted.partition.bounds(true), (0, end));
        // When the producers have written elsewhere, their markers go, too.
        for producer in 1..=3 {
            compacted.append(&of_transaction(producer, "x", 1));
            close(&mut compacted, producer, true);
        }
        compacted.put("x", Some("1"));
        compacted.put("y", Some("1"));
        compacted.clean();
        compacted.now += 2 * HOUR;
        compacted.put("z", Some("1"));
        compacted.clean();
        assert_eq!(
            markers(&compacted).len(),
            4,
            "3's first, and the last of each"
        );
    }
}

#[test]
fn a_producer_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut compacted = Compacted::open(Some(folder.path()));
    let of = |key, sequence| {
        let transactional = of_transaction(7, key, sequence);
        let header = batch::Header {
            attributes: 0,
            ..batch::Header::read(&transactional).unwrap()
        };
        fixture::with_payload(&header, &transactional[batch::HEADER_SIZE..])
    };
    for sequence in 0..3 {
        compacted.append(&of("a", sequence));
    }
    compacted.put("a", Some("1"));
    compacted.put("b", Some("1"));
    compacted.clean();
    assert_eq!(keys(&compacted.records()), [(3, "a"), (4, "b")]);
    let mut compacted = again(compacted, folder.path());
    assert_eq!(compacted.append(&of("a", 2)), 2, "it is there already");
    assert_eq!(compacted.append(&of("a", 3)), 5);
}

/// Killed when a cleaned segment counts, and before those of which it was made were deleted.
#[test]
fn what_was_cleaned_into_another_is_deleted_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut compacted = Compacted::open(Some(folder.path()));
    for key in ["a", "b", "a", "c", "d"] {
        compacted.put(key, Some("1"));
    }
    let partition = folder.path().join("topics").join(NAME).join("0");
    let files = || -> BTreeSet<std::ffi::OsString> {
        let entries = std::fs::read_dir(&partition).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    };
    let before = files();
    let old: Vec<(std::ffi::OsString, Vec<u8>)> = before
        .iter()
        .map(|name| (name.clone(), std::fs::read(partition.join(name)).unwrap()))
        .collect();
    compacted.clean();
    let after = files();
    assert!(after.len() < before.len(), "{after:?}");
    let seen = compacted.records();
    drop(compacted);
    let last = before.last().unwrap().to_str().unwrap();
    let end = last.split_once('.').unwrap().0;
    let cleaned = partition.join("00000000000000000000.log");
    let swap = format!("00000000000000000000-{end}.swap");
    std::fs::rename(cleaned, partition.join(swap)).unwrap();
    for (name, bytes) in &old {
        std::fs::write(partition.join(name), bytes).unwrap();
    }
    std::fs::write(partition.join("00000000000000000000.log.cleaned"), "torn").unwrap();
    let compacted = Compacted::open(Some(folder.path()));
    assert_eq!(compacted.records(), seen);
    assert_eq!(files(), after);
}

/// A disk that is full while segments are cleaned has room afterwards for as much as before.
#[test]
fn a_full_disk_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut compacted = Compacted::open(Some(folder.path()));
    for key in ["a", "b", "a", "c", "d"] {
        compacted.put(key, Some("1"));
    }
    let partition = folder.path().join("topics").join(NAME).join("0");
    let files = || std::fs::read_dir(&partition).unwrap().count();
    let (before, seen) = (files(), compacted.records());
    let storage = compacted.state.storage.clone().unwrap();
    storage.files.limit.set(Some(100));
    compacted.clean();
    assert_eq!((files(), compacted.records()), (before, seen));
    storage.files.limit.set(None);
    compacted.clean();
    assert_eq!(files(), before, "not tried again at once");
    compacted.now += HOUR;
    compacted.clean();
    let left = [(1, "b"), (2, "a"), (3, "c"), (4, "d")];
    assert_eq!(keys(&compacted.records()), left);
}
