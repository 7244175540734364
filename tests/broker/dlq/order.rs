//! `--order`: letters that go in an order of their own.

use super::{letter, replay, replayed, topics, waiting};
use crate::broker::{PATIENCE, create, numbers, read, send, topic};
use crate::support::{Running, broker, wait_until};
use serde_json::{Value, json};

/// Letters in one partition, though their origin has three.
fn one_partition() -> (String, String) {
    let topic = topic("orders", 3);
    let letters = format!("{topic}.dlq");
    create(broker(), &letters, 1);
    (topic, letters)
}

/// The letter `n` of what lay in this partition, at this offset and time.
fn dead(topic: &str, n: i64, partition: i64, offset: i64, time: i64) -> Value {
    let mut dead = letter(topic, n, "declined");
    dead["partition"] = 0.into();
    for (at, value) in [(2, partition), (3, offset), (4, time)] {
        dead["headers"][at][1] = value.to_string().into();
    }
    dead
}

/// Out of order as to place and time, with one that says neither.
fn out_of_order(topic: &str) -> Vec<Value> {
    let mut silent = dead(topic, 5, 0, 0, 0);
    silent["headers"] = json!([]);
    vec![
        dead(topic, 0, 1, 5, 5000),
        silent,
        dead(topic, 1, 0, 7, 1000),
        dead(topic, 2, 1, 2, 2000),
        dead(topic, 3, 0, 1, 4000),
        dead(topic, 4, 2, 9, 2000),
    ]
}

/// The numbers as they lie in the one partition of a topic.
fn sequence(topic: &str, count: usize) -> Vec<i64> {
    wait_until("what is committed", PATIENCE, || read(topic).len() == count);
    let mut records = read(topic);
    records.sort_by_key(|record| record["offset"].as_i64());
    let number = |record: &Value| record["value"]["n"].as_i64().unwrap();
    records.iter().map(number).collect()
}

#[test]
fn they_go_by_the_place_or_the_time_they_came_from() {
    let (topic, letters) = one_partition();
    send(&letters, &out_of_order(&topic));
    for (order, expected) in [
        ("partition", [0, 5, 1, 2, 3, 4]),
        ("key", [3, 1, 2, 0, 4, 5]),
        // What does not say when it was, was written now.
        ("timestamp", [1, 2, 4, 3, 0, 5]),
    ] {
        let target = format!("{topic}-{order}");
        create(broker(), &target, 1);
        let group = format!("{topic}-group-{order}");
        let flags = ["--order", order, "--to", &target, "--replay-group", &group];
        assert_eq!(replayed(&letters, &flags)["replayed"], 6, "{order}");
        assert_eq!(sequence(&target, 6), expected, "{order}");
    }
    let few = format!("{topic}-few");
    create(broker(), &few, 1);
    let group = format!("{topic}-group-few");
    let flags = [
        "--order",
        "key",
        "-n",
        "3",
        "--to",
        &few,
        "--replay-group",
        &group,
    ];
    assert_eq!(replayed(&letters, &flags)["replayed"], 3);
    // The first three, as ever.
    assert_eq!(sequence(&few, 3), [1, 0, 5]);
    let rest = ["--to", &few, "--replay-group", &group];
    assert_eq!(replayed(&letters, &rest)["replayed"], 3);
    assert_eq!(sequence(&few, 6), [1, 0, 5, 2, 3, 4]);
}

#[test]
fn over_several_partitions_time_decides() {
    let (topic, letters) = topics();
    let target = format!("{topic}-repaired");
    create(broker(), &target, 1);
    let dead = |n: i64| {
        let mut dead = dead(&topic, n, n % 3, n, 1000 * (100 - n));
        dead["partition"] = (n % 3).into();
        dead
    };
    send(&letters, &(0..60).map(dead).collect::<Vec<_>>());
    let flags = ["--order", "timestamp", "--to", &target];
    assert_eq!(replayed(&letters, &flags)["replayed"], 60);
    assert_eq!(sequence(&target, 60), (0..60).rev().collect::<Vec<_>>());
    assert_eq!(waiting(&letters), 0);
}

/// 120 letters, the last record of the origin first: whatever is put back lies behind what is left.
fn backwards() -> (String, String) {
    let (topic, letters) = one_partition();
    let dead = |n: i64| dead(&topic, n, 0, 119 - n, 1000);
    send(&letters, &(0..120).map(dead).collect::<Vec<_>>());
    (topic, letters)
}

fn in_the_middle(topic: &str, letters: &str) -> Running {
    let flags = ["--order", "key", "--rate", "20", "--yes"];
    let running = replay(letters, &flags).spawn();
    running.wait_until("something put back", PATIENCE, |_| !read(topic).is_empty());
    running
}

#[test]
fn what_is_interrupted_loses_and_doubles_nothing() {
    let (topic, letters) = backwards();
    let running = in_the_middle(&topic, &letters);
    running.interrupt();
    let outcome = running.wait(PATIENCE).status(130).json();
    let done = outcome["replayed"].as_i64().unwrap();
    assert!(done > 0 && done < 120, "{done}");
    assert_eq!(waiting(&letters), 120 - done);
    // In whatever order it goes on.
    let rest = replayed(&letters, &["--order", "partition", "-n", "7"]);
    assert_eq!(rest["replayed"], 7);
    let rest = replayed(&letters, &["--order", "key"]);
    assert_eq!(rest["replayed"], 120 - done - 7);
    wait_until("all of them", PATIENCE, || read(&topic).len() >= 120);
    assert_eq!(
        numbers(&read(&topic)),
        (0..120).collect::<Vec<_>>(),
        "each once"
    );
    assert_eq!(waiting(&letters), 0);
}

#[test]
fn what_is_killed_loses_and_doubles_nothing() {
    let (topic, letters) = backwards();
    in_the_middle(&topic, &letters).kill();
    let rest = replayed(&letters, &["--order", "key"]);
    assert!(rest["replayed"].as_i64().unwrap() < 120, "{rest}");
    wait_until("all of them", PATIENCE, || read(&topic).len() >= 120);
    assert_eq!(
        numbers(&read(&topic)),
        (0..120).collect::<Vec<_>>(),
        "each once"
    );
    assert_eq!(waiting(&letters), 0);
}

#[test]
fn more_than_memory_is_to_hold_is_refused_before_anything_is_changed() {
    let (topic, letters) = one_partition();
    let large = |n: i64| {
        let mut dead = dead(&topic, n, 0, n, 1000);
        dead["value"] = json!({"n": n, "note": "x".repeat(1_000_000)});
        dead
    };
    send(&letters, &(0..68).map(large).collect::<Vec<_>>());
    let refused = replay(&letters, &["--order", "key", "--yes"]).run();
    refused
        .status(1)
        .stderr_has("sorts no more than 100000 dead letters, or 64 MiB")
        .stderr_has("--since");
    assert_eq!(waiting(&letters), 68);
    assert_eq!(
        replayed(&letters, &["--order", "key", "-n", "2"])["replayed"],
        2
    );
}
