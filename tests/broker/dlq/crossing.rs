//! Where one of the replay's powers meets another.

use super::{header, letter, replay, replayed, send_letters, settled, topics, waiting};
use crate::broker::{PATIENCE, create, read, send};
use crate::support::{broker, eda, fresh, wait_until};
use serde_json::{Value, json};

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

/// What a transaction leaves at its end has an offset, and is no letter.
#[test]
fn what_is_no_letter_waits_for_nobody() {
    let (topic, letters) = topics();
    let line = format!("{}\n", letter(&topic, 0, "declined"));
    let committed = ["produce", &letters, "--records", "--transactional"];
    eda(&committed).stdin(line).on(broker()).run().succeeds();
    settled(&letters, 1);
    let listed = eda(&["dlq", "list", "--no-probe", "--json"]).on(broker());
    wait_until("the end of the transaction", PATIENCE, || {
        let rows = listed.run().succeeds().json();
        let mut rows = rows.as_array().unwrap().iter();
        rows.any(|row| row["topic"] == letters && row["records"] == 2)
    });
    assert_eq!(waiting(&letters), 1);
    assert_eq!(replayed(&letters, &[])["replayed"], 1);
    assert_eq!(waiting(&letters), 0);
}

/// Offsets of a topic that is no more are no progress in the next of its name.
#[test]
fn a_topic_that_is_made_anew_meanwhile_ends_the_replay() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 60);
    let running = replay(&letters, &["--rate", "10", "--yes"]).spawn();
    running.wait_until("something put back", PATIENCE, |_| !read(&topic).is_empty());
    let delete = ["topic", "delete", &letters, "--yes"];
    eda(&delete).on(broker()).run().succeeds();
    create(broker(), &letters, 3);
    send_letters(&letters, &topic, 60);
    let error = running.wait(PATIENCE).status(1).error_json();
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("was deleted or created again since the plan was made"),
        "{message}"
    );
    assert_eq!(waiting(&letters), 60);
    assert_eq!(replayed(&letters, &[])["replayed"], 60);
}

/// It would forget what was put back, and it would be put back again.
#[test]
fn a_ledger_that_forgets_is_refused() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 3);
    let ledger = format!("eda-replay.{letters}.ledger");
    eda(&["topic", "create", &ledger, "-p", "1", "--retention", "1h"])
        .on(broker())
        .run()
        .succeeds();
    replay(&letters, &["--yes"])
        .run()
        .status(1)
        .stderr_has("has cleanup.policy=delete, and would forget what was put back");
    assert_eq!(read(&topic), Vec::<Value>::new());
}

#[test]
fn a_long_name_has_a_ledger_too() {
    let name = fresh(&"a".repeat(215));
    let letters = format!("{name}.dlq");
    create(broker(), &name, 3);
    create(broker(), &letters, 3);
    send_letters(&letters, &name, 6);
    assert_eq!(replayed(&letters, &["--where", "n>3"])["replayed"], 2);
    assert_eq!(waiting(&letters), 4);
    assert_eq!(replayed(&letters, &[])["replayed"], 4);
}
