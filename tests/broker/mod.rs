//! Black box, against the broker under test: one file a noun.

mod authorization;
mod completion;
mod consume;
mod consume_filter;
mod consume_format;
mod consume_outage;
mod consume_output;
mod consumer_protocol;
mod crowd;
mod data;
mod demo;
mod demo_compare;
mod dlq;
mod dlq_foreign;
mod dlq_frameworks;
mod embedded;
mod event;
mod expect;
mod exporter;
mod fenced;
mod fleet;
mod foreign;
mod foreign_clients;
mod group;
mod groups;
mod guarantees;
mod handle;
mod heartbeats;
mod killed;
mod lag;
mod lossless;
mod offsets;
mod offsets_file;
mod offsets_refused;
mod offsets_skip;
mod outbox;
mod produce;
mod produce_edit;
mod produce_envelope;
mod produce_failures;
mod produce_lines;
mod produce_transactional;
mod prompts;
mod sasl;
mod serve;
mod tls;
mod top;
mod topic;
mod topic_changes;
mod walk_through;

use crate::support::broker::Kind;
use crate::support::{Broker, broker, eda, fresh};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Long enough for a slow machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(30);

/// A topic of the test's own.
#[track_caller]
fn topic(name: &str, partitions: u32) -> String {
    topic_on(broker(), name, partitions)
}

/// A topic that keeps old records: retention would take them by their timestamp, sooner or later.
#[track_caller]
fn topic_for_ever(name: &str, partitions: u32) -> String {
    let name = fresh(name);
    eda(&["topic", "create", &name, "--retention", "infinite"])
        .args(["--partitions", &partitions.to_string()])
        .on(broker())
        .run()
        .succeeds();
    name
}

#[track_caller]
fn topic_on(broker: &Broker, name: &str, partitions: u32) -> String {
    let name = fresh(name);
    create(broker, &name, partitions);
    name
}

#[track_caller]
fn create(broker: &Broker, name: &str, partitions: u32) {
    eda(&[
        "topic",
        "create",
        name,
        "--partitions",
        &partitions.to_string(),
    ])
    .on(broker)
    .run()
    .succeeds();
}

/// Sends whole records, one JSON object each.
#[track_caller]
fn send(topic: &str, records: &[Value]) {
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    eda(&["produce", topic, "--records"])
        .on(broker())
        .stdin(lines)
        .run()
        .succeeds();
}

/// Sends `count` records, `{"n":0}` first, spread over the partitions in turn, keyed by number.
#[track_caller]
fn send_numbers(topic: &str, partitions: u32, count: u32) {
    let record =
        |n: u32| json!({"partition": n % partitions, "key": n.to_string(), "value": {"n": n}});
    send(topic, &(0..count).map(record).collect::<Vec<_>>());
}

/// A topic with ten records, and a group without members that has read six of them.
#[track_caller]
fn behind_by_four() -> (String, String) {
    let topic = topic("orders", 2);
    let group = fresh("payment-service");
    send_numbers(&topic, 2, 10);
    eda(&["consume", &topic, "--group", &group, "-n", "6"])
        .on(broker())
        .run()
        .succeeds();
    (topic, group)
}

/// All records there are in a topic.
#[track_caller]
fn read(topic: &str) -> Vec<Value> {
    eda(&["consume", topic, "-o", ":end", "--json"])
        .on(broker())
        .run()
        .succeeds()
        .records()
}

/// How many records lie in each partition.
fn per_partition(records: &[Value]) -> BTreeMap<i64, usize> {
    let mut counts = BTreeMap::new();
    for record in records {
        *counts
            .entry(record["partition"].as_i64().unwrap())
            .or_default() += 1;
    }
    counts
}

/// The records' `{"n":…}`, sorted.
fn numbers(records: &[Value]) -> Vec<i64> {
    let mut numbers: Vec<i64> = records
        .iter()
        .map(|record| record["value"]["n"].as_i64().unwrap())
        .collect();
    numbers.sort_unstable();
    numbers
}

/// The topics of the catalog have fixed names, also on a shared broker: one test at a time has them, all gone before
/// and after it.
struct CatalogTopics(
    #[expect(dead_code, reason = "held until the test is done")] MutexGuard<'static, ()>,
);

/// # Panics
/// On a cluster somebody else runs, when it has such topics already: they are not ours to delete.
#[track_caller]
fn catalog_topics() -> CatalogTopics {
    static TAKEN: Mutex<()> = Mutex::new(());
    static FOUND: OnceLock<Vec<String>> = OnceLock::new();
    let guard = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    // Those that come later in the run are the tests' own.
    let found = FOUND.get_or_init(existing_catalog_topics);
    assert!(
        Kind::chosen() != Kind::Given || found.is_empty(),
        "`{}` has topics of the event catalog (`{}`), which this test would delete: name a cluster without them",
        broker().address(),
        found.join("`, `")
    );
    delete_catalog_topics();
    CatalogTopics(guard)
}

impl Drop for CatalogTopics {
    fn drop(&mut self) {
        // A test that failed has said why: nothing that fails here on top of it may end the others.
        let deleted = std::panic::catch_unwind(delete_catalog_topics);
        assert!(
            deleted.is_ok() || std::thread::panicking(),
            "the topics are left"
        );
    }
}

fn delete_catalog_topics() {
    let doomed = existing_catalog_topics();
    if !doomed.is_empty() {
        eda(&["topic", "delete", "--yes"])
            .args(doomed)
            .on(broker())
            .run()
            .succeeds();
    }
}

fn existing_catalog_topics() -> Vec<String> {
    let events = [
        "order-created",
        "payment-processed",
        "payment-failed",
        "payment-refunded",
        "inventory-reserved",
        "inventory-failed",
        "order-shipped",
        "order-cancelled",
        "notification-requested",
        "user-registered",
    ];
    let belongs = |topic: &String| {
        let rest = events.iter().filter_map(|event| topic.strip_prefix(event));
        rest.into_iter()
            .any(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    topics().into_iter().filter(belongs).collect()
}

/// The names of all topics there are.
#[track_caller]
fn topics() -> Vec<String> {
    let rows = eda(&["topic", "list", "--json"])
        .on(broker())
        .run()
        .succeeds()
        .json();
    let name = |row: &Value| row["name"].as_str().unwrap().to_owned();
    rows.as_array().unwrap().iter().map(name).collect()
}
