//! `--same-key`: letters that newer records of their keys lie behind.

use super::{header, letter, replay, replayed, topics, waiting};
use crate::broker::{PATIENCE, create, numbers, read, send};
use crate::support::{broker, wait_until};
use serde_json::{Value, json};

/// What lies in partition 0 of the origin: `(key, n)`, where `n` is the offset, too.
fn send_origin(topic: &str, keys: &[Option<&str>]) {
    let record =
        |(n, key): (usize, &Option<&str>)| json!({"partition": 0, "key": key, "value": {"n": n}});
    let records: Vec<Value> = keys.iter().enumerate().map(record).collect();
    send(topic, &records);
}

/// The letter of the record of this key that lay at `offset` of partition 0.
fn dead(topic: &str, key: Option<&str>, offset: i64) -> Value {
    let mut dead = letter(topic, offset, "declined");
    dead["partition"] = 0.into();
    dead["key"] = json!(key);
    dead["headers"][2][1] = "0".into();
    dead
}

/// The same of another group.
fn dead_for(group: &str, mut dead: Value) -> Value {
    dead["headers"][5][1] = group.into();
    dead
}

/// Kafka makes a transaction visible a moment after it said that it is committed.
fn settled(topic: &str, count: usize) -> Vec<Value> {
    wait_until("what is committed", PATIENCE, || read(topic).len() == count);
    read(topic)
}

#[test]
fn a_letter_behind_a_newer_record_of_its_key_is_not_put_back() {
    let (topic, letters) = topics();
    send_origin(
        &topic,
        &[Some("a"), Some("b"), Some("a"), None, None, Some("c")],
    );
    send(
        &letters,
        &[
            dead(&topic, Some("a"), 0),
            dead(&topic, Some("b"), 1),
            dead(&topic, None, 3),
        ],
    );
    let force = replay(&letters, &["--dry-run"]).run().succeeds().json();
    assert_eq!(
        (&force["stale"], &force["replayable"]),
        (&Value::Null, &3.into())
    );
    let block = ["--same-key", "block"];
    let plan = replay(&letters, &block).arg("--dry-run").run().succeeds();
    let plan = plan.json();
    assert_eq!(
        (&plan["stale"], &plan["replayable"]),
        (&1.into(), &2.into())
    );
    // Wherever it is to go, what counts is where it came from.
    let target = format!("{topic}-repaired");
    create(broker(), &target, 1);
    let elsewhere = replay(&letters, &block).args(["--to", &target, "--dry-run"]);
    assert_eq!(elsewhere.run().succeeds().json()["stale"], 1);
    let blocked = replay(&letters, &block).arg("--yes").run().status(1);
    blocked.stderr_has(&format!("`{topic}:0:2` has its key and is newer"));
    settled(&topic, 8);
    assert_eq!(waiting(&letters), 1);
    let parked = replayed(&letters, &["--same-key", "skip-older"]);
    assert_eq!(
        (&parked["parked"], &parked["replayed"]),
        (&1.into(), &0.into())
    );
    let parking = format!("{letters}.parking");
    let parked = settled(&parking, 1);
    let reason = format!("`{topic}:0:2` has its key and is newer");
    assert_eq!(
        header(&parked[0], "eda-parked-reason"),
        Some(reason.as_str())
    );
    assert_eq!(waiting(&letters), 0);
    // Parked it is already.
    let stays = replay(&parking, &["--same-key", "skip-older", "--yes"]).run();
    stays.status(1).stderr_has("--same-key force");
    assert_eq!(replayed(&parking, &[])["replayed"], 1);
    assert_eq!(numbers(&settled(&topic, 9)), [0, 0, 1, 1, 2, 3, 3, 4, 5]);
}

#[test]
fn what_died_of_the_same_group_is_not_newer_but_its_copy_is() {
    let (topic, letters) = topics();
    send_origin(&topic, &[Some("a"), Some("b"), Some("a")]);
    send(
        &letters,
        &[dead(&topic, Some("a"), 0), dead(&topic, Some("a"), 2)],
    );
    let stale = |arguments: &[&str]| {
        let plan = replay(&letters, arguments).args(["--same-key", "block", "--dry-run"]);
        plan.run().succeeds().json()["stale"].as_i64().unwrap()
    };
    assert_eq!(stale(&[]), 0);
    // Another group got on with it.
    send(&letters, &[dead_for("billing", dead(&topic, Some("a"), 0))]);
    assert_eq!(stale(&["--group", "payment-service"]), 0);
    assert_eq!(stale(&["--group", "billing"]), 1);
    // Once the newer one is put back, the older would overtake it, though the letter of the newer is still there.
    let newer = ["--where", "n=2", "--same-key", "block"];
    assert_eq!(replayed(&letters, &newer)["replayed"], 1);
    settled(&topic, 4);
    let blocked = replay(&letters, &["--same-key", "block", "--yes"]).run();
    blocked
        .status(1)
        .stderr_has(&format!("`{topic}:0:3` has its key and is newer"));
    // The copy of an older one is no newer record, wherever it lies.
    assert_eq!(
        replayed(&letters, &["--group", "payment-service"])["replayed"],
        1
    );
    settled(&topic, 5);
    assert_eq!(stale(&["--where", "n=2", "--from-beginning"]), 0);
}

#[test]
fn what_cannot_be_looked_up_stays_unless_it_is_forced() {
    let (topic, letters) = topics();
    let without_offset = |key: Option<&str>| {
        let mut dead = dead(&topic, key, 1);
        dead["headers"].as_array_mut().unwrap().remove(3);
        dead
    };
    send(&letters, &[without_offset(Some("a")), without_offset(None)]);
    for way in ["block", "skip-older"] {
        let plan = replay(&letters, &["--same-key", way, "--dry-run"]).run();
        let plan = plan.succeeds().json();
        assert_eq!(
            (&plan["replayable"], &plan["stale"]),
            (&1.into(), &0.into())
        );
    }
    let stays = replay(&letters, &["--same-key", "block", "--yes"]).run();
    stays.status(1).stderr_has("cannot be told");
    assert_eq!(waiting(&letters), 1);
    assert_eq!(replayed(&letters, &[])["replayed"], 1);
    let wrong = replay(&letters, &["--same-key", "perhaps", "--yes"]).run();
    wrong.status(2).stderr_has("skip-older");
}

/// What nobody looked for is not to be taken for absent.
#[test]
fn a_plan_that_did_not_look_says_so_where_there_are_keys() {
    let (topic, letters) = topics();
    let said = "newer records of the same keys were not looked for";
    let dry_run = || {
        crate::support::eda(&["dlq", "replay", &letters, "--dry-run"])
            .on(broker())
            .run()
            .succeeds()
    };
    send(&letters, &[dead(&topic, None, 0)]);
    assert!(!dry_run().stdout.contains(said));
    send(&letters, &[dead(&topic, Some("a"), 1)]);
    dry_run().stdout_has(said);
}
