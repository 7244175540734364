//! Where one of the replay's powers meets another.

use super::{header, letter, replay, replayed, send_letters, topics, waiting};
use crate::broker::{PATIENCE, create, read, send};
use crate::support::{broker, eda, fresh, wait_until};
use serde_json::{Value, json};

/// What is committed is there a moment later.
fn settled(topic: &str, count: usize) -> Vec<Value> {
    wait_until("the records", PATIENCE, || read(topic).len() >= count);
    read(topic)
}

/// A repair that gives a letter another key gives it one that nobody has looked for.
#[test]
fn a_key_that_a_repair_gives_is_not_taken_for_looked_at() {
    let (topic, letters) = topics();
    send(
        &topic,
        &[json!({"partition": 0, "key": "order-0", "value": {}})],
    );
    send(&letters, &[letter(&topic, 0, "declined")]);
    let other = ["--same-key", "block", "--exec", "sed s/order-0/order-9/"];
    let plan = replay(&letters, &other)
        .arg("--dry-run")
        .run()
        .succeeds()
        .json();
    assert_eq!(
        (&plan["replayable"], &plan["stale"]),
        (&0.into(), &0.into())
    );
    assert_eq!(plan["staying"], json!({"key changed": 1}));
    let outcome = replay(&letters, &other).arg("--yes").run().status(1);
    outcome.stderr_has("its repair gave it another key");
    assert_eq!(waiting(&letters), 1);
    // With its own it goes.
    let same = ["--same-key", "block", "--exec", "sed s/\"n\":0/\"n\":1/"];
    assert_eq!(replayed(&letters, &same)["replayed"], 1);
}

/// The filter is asked about what is to be put back, and not about what was put back long ago.
#[test]
fn looking_for_newer_records_starts_no_filter() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 3);
    assert_eq!(replayed(&letters, &[])["replayed"], 3);
    send(&letters, &[letter(&topic, 3, "late")]);
    // It fails on any of the first three.
    let strict = "sh -c 'while read -r line; do case $line in *order-3*) echo \"$line\";; *) exit 1;; esac; done'";
    let outcome = replayed(&letters, &["--same-key", "block", "--exec", strict]);
    assert_eq!(outcome["replayed"], 1);
}

/// `payments-dlq` may be that of a group of the name, whose letters come from elsewhere.
#[test]
fn a_name_is_no_origin_where_others_say_that_they_came_from_elsewhere() {
    let (topic, letters) = topics();
    let elsewhere = fresh("elsewhere");
    create(broker(), &elsewhere, 1);
    let silent = json!({"partition": 0, "key": "k", "value": {"n": 1}});
    send(&letters, std::slice::from_ref(&silent));
    let plan = replay(&letters, &["--dry-run"]).run().succeeds().json();
    assert_eq!(
        (&plan["replayable"], &plan["originByName"]),
        (&1.into(), &1.into())
    );
    send(&letters, &[letter(&elsewhere, 0, "declined")]);
    let outcome = replay(&letters, &["--yes"]).run().status(1).json();
    assert_eq!(
        (&outcome["replayed"], &outcome["skipped"]),
        (&1.into(), &1.into())
    );
    assert_eq!(outcome["destinations"], json!({&elsewhere: 1}));
    assert_eq!(read(&topic), Vec::<Value>::new());
}

/// A share group's dead letter with a copy (KIP-1191).
fn copy(topic: &str, offset: i64, value: Value) -> Value {
    let headers = json!([
        ["__dlq.errors.topic", topic],
        ["__dlq.errors.partition", "0"],
        ["__dlq.errors.offset", offset.to_string()],
        ["__dlq.errors.group", "shared"],
        ["__dlq.errors.delivery.count", "5"],
    ]);
    json!({"partition": 0, "key": "k", "value": value, "headers": headers})
}

#[test]
fn a_copy_is_put_back_as_it_is_where_another_record_lies_by_now() {
    let (topic, letters) = topics();
    let own =
        json!({"partition": 0, "key": "k", "value": {"n": 1}, "headers": [["trace", "00-1"]]});
    let other = json!({"partition": 0, "key": "other", "value": {"n": 9}});
    send(&topic, &[own, other]);
    // Of the first the headers are to be had; at 1 lies another, and at 7 nothing.
    let letters_of =
        [(0, 1), (1, 2), (7, 3)].map(|(offset, n)| copy(&topic, offset, json!({"n": n})));
    send(&letters, &letters_of);
    let plan = replay(&letters, &["--dry-run"]).run().succeeds().json();
    assert_eq!(
        (&plan["replayable"], &plan["withoutHeaders"]),
        (&3.into(), &2.into())
    );
    assert_eq!(replayed(&letters, &[])["replayed"], 3);
    let all = settled(&topic, 5);
    let copies: Vec<(&Value, Option<&str>)> = all[2..]
        .iter()
        .map(|record| (&record["value"]["n"], header(record, "trace")))
        .collect();
    let expected = [(json!(1), Some("00-1")), (json!(2), None), (json!(3), None)];
    assert_eq!(
        copies,
        expected
            .iter()
            .map(|(n, trace)| (n, *trace))
            .collect::<Vec<_>>()
    );
}

#[test]
fn what_was_put_back_before_is_told_when_it_is_sent_again() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 6);
    assert_eq!(replayed(&letters, &["-n", "2"])["replayed"], 2);
    let again = replay(&letters, &["--from-beginning", "--dry-run"]);
    let plan = again.run().succeeds().json();
    assert_eq!(
        (&plan["replayable"], &plan["again"]),
        (&6.into(), &2.into())
    );
    let shown = eda(&["dlq", "replay", &letters, "--from-beginning", "--dry-run"]);
    shown
        .on(broker())
        .run()
        .succeeds()
        .stdout_has("replays were done with 2 of them before");
}

/// When it died is asked of a parked letter, too.
#[test]
fn a_parked_letter_died_when_it_died() {
    let (topic, letters) = topics();
    let silent = json!([
        ["x-original-topic", topic],
        ["x-exception-message", "declined"]
    ]);
    let record = json!({"partition": 0, "key": "k", "value": {}, "headers": silent, "timestamp": 1_764_000_000_000_i64});
    send(&letters, &[record]);
    let park = ["dlq", "park", &letters, "--yes"];
    eda(&park).on(broker()).run().succeeds();
    let parking = format!("{letters}.parking");
    settled(&parking, 1);
    let stats = eda(&["dlq", "stats", &parking, "--json"]).on(broker());
    let stats = stats.run().succeeds().json();
    assert_eq!(stats["oldest"], 1_764_000_000_000_i64, "{stats}");
}
