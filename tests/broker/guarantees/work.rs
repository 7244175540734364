//! Records to handle, a worker for them, and what is to be found afterwards.

use crate::broker::PATIENCE;
use crate::support::{Broker, Eda, eda, fresh};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many records there are; their numbers begin at 0.
pub const RECORDS: u64 = 20_000;
/// Of so many keys, in turn.
pub const KEYS: u64 = 500;
pub const PARTITIONS: u32 = 3;

/// Longer than all the records take, with everything that happens on the way.
pub const LONG: Duration = Duration::from_secs(120);

/// What failed is tried again soon.
pub const QUICKLY: [&str; 2] = ["--backoff", "10ms..100ms"];

/// A topic with all the records, and a group to handle them.
pub struct Work {
    pub topic: String,
    pub group: String,
    pub folder: tempfile::TempDir,
}

impl Work {
    pub fn new(broker: &Broker) -> Self {
        let work = Work {
            topic: fresh("orders"),
            group: fresh("workers"),
            folder: tempfile::tempdir().unwrap(),
        };
        super::super::create(broker, &work.topic, PARTITIONS);
        let lines: Vec<String> = (0..RECORDS).map(line).collect();
        let lines = lines.join("\n");
        eda(&["produce", &work.topic, "-f", "%k\\t%v\\n"])
            .on(broker)
            .stdin(lines + "\n")
            .run()
            .succeeds();
        work
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A consumer with the worker.
    pub fn consume(&self, broker: &Broker, worker: &[&str]) -> Eda {
        let mut words = vec!["python3", WORKER];
        words.extend(worker);
        eda(&["consume", &self.topic, "--group", &self.group])
            .args(["--worker", &shell_words(&words)])
            .args([
                "-X",
                "session.timeout.ms=6000",
                "-X",
                "heartbeat.interval.ms=500",
            ])
            .args(["--commit-interval", "200ms", "--json"])
            .on(broker)
    }

    /// The same as a static member (KIP-345), which has its partitions back at once when it is started again.
    pub fn consume_alone(&self, broker: &Broker, worker: &[&str]) -> Eda {
        let consume = self.consume(broker, worker);
        consume.args(["-X", "group.instance.id=alone"])
    }

    /// Lag 0 of all partitions, in time.
    #[track_caller]
    pub fn is_done(&self, broker: &Broker) -> bool {
        let lag = eda(&["lag", "--group", &self.group, "--max", "0", "--json"]);
        lag.timeout(PATIENCE).on(broker).run().status == 0
    }

    /// The numbers of the dead letters that readers of committed records see, with how often.
    pub fn dead_letters(&self, broker: &Broker) -> BTreeMap<u64, u64> {
        let topic = format!("{}.dlq", self.topic);
        count(numbers(broker, &topic))
    }

    /// How far a topic has grown, markers of transactions and all; 0 while a broker that was just started does not know.
    pub fn ends(&self, broker: &Broker, topic: &str) -> u64 {
        let described = eda(&["topic", "describe", topic, "--json"]);
        let described = described.on(broker).run();
        if described.status != 0 {
            return 0;
        }
        let described = described.json();
        let partitions = described["partitions"].as_array().unwrap();
        let ends = partitions
            .iter()
            .map(|partition| partition["end"].as_u64().unwrap());
        ends.sum()
    }

    /// What the worker's log says: number, key, attempt.
    pub fn log(&self, name: &str) -> Vec<(u64, String, u64)> {
        let text = std::fs::read_to_string(self.path(name)).unwrap_or_default();
        let entry = |line: &str| {
            let mut words = line.split(' ');
            let number = words.next()?.parse().ok()?;
            let key = words.next()?.to_owned();
            Some((number, key, words.next()?.parse().ok()?))
        };
        let entries: Vec<_> = text
            .lines()
            .map(|line| entry(line).expect("a whole line"))
            .collect();
        entries
    }
}

const WORKER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/broker/guarantees/worker.py"
);

fn line(number: u64) -> String {
    let key = number % KEYS;
    format!("key-{key}\t{{\"eventId\":\"event-{number}\",\"number\":{number}}}")
}

fn shell_words(words: &[&str]) -> String {
    let quoted = words.iter().map(|word| format!("'{word}'"));
    quoted.collect::<Vec<_>>().join(" ")
}

/// Those that never succeed.
pub fn hopeless() -> BTreeSet<u64> {
    (0..RECORDS).filter(|number| number % 400 == 13).collect()
}

/// Those that do, in the end.
pub fn possible() -> BTreeSet<u64> {
    (0..RECORDS).filter(|number| number % 400 != 13).collect()
}

pub fn count(numbers: impl IntoIterator<Item = u64>) -> BTreeMap<u64, u64> {
    let mut counts = BTreeMap::new();
    for number in numbers {
        *counts.entry(number).or_insert(0) += 1;
    }
    counts
}

/// The numbers in a topic's committed records, in the order of each partition.
#[track_caller]
pub fn numbers(broker: &Broker, topic: &str) -> Vec<u64> {
    let records = eda(&["consume", topic, "-o", ":end", "--json"]);
    let records = records.timeout(LONG).on(broker).run().succeeds().records();
    records.iter().map(number).collect()
}

fn number(record: &Value) -> u64 {
    record["value"]["number"].as_u64().expect("a number")
}

/// The values of a column of a table in an SQLite file, asked of Python, whose library this process does not share.
pub fn column(file: &Path, query: &str) -> Vec<u64> {
    let script = "import sqlite3, sys\n\
                  for (value,) in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(value)";
    let output = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(file)
        .arg(query)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text.lines().map(|line| line.parse().unwrap()).collect()
}
