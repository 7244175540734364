//! `eda dlq …`: dead letters as `eda` writes them (KIP-1191's header names), told here by hand.

mod audit;
mod by_name;
mod choice;
mod crossing;
mod list;
mod options;
mod order;
mod park;
mod pointer;
mod purge;
mod refused;
mod repair;
mod repair_edit;
mod repair_exec;
mod running;
mod same_key;
mod show;
mod stats;

use super::{PATIENCE, create, read, send, topic};
use crate::support::{Eda, broker, eda, wait_until};
use serde_json::{Value, json};

/// A topic and its dead-letter topic, both with three partitions.
fn topics() -> (String, String) {
    let topic = topic("orders", 3);
    let letters = format!("{topic}.dlq");
    create(broker(), &letters, 3);
    (topic, letters)
}

/// A topic, and a dead-letter topic (SmallRye's) whose name is no other topic's with something added.
fn topics_apart() -> (String, String) {
    let topic = topic("orders", 3);
    let letters = format!("dead-letter-topic-{topic}");
    create(broker(), &letters, 3);
    (topic, letters)
}

/// The dead letter of record `n`, which died in partition `n % 3`.
pub(super) fn letter(origin: &str, n: i64, message: &str) -> Value {
    json!({
        "partition": n % 3,
        "key": format!("order-{n}"),
        "value": {"n": n},
        "headers": [
            ["trace", format!("00-{n}")],
            ["__dlq.errors.topic", origin],
            ["__dlq.errors.partition", (n % 3).to_string()],
            ["__dlq.errors.offset", n.to_string()],
            ["__dlq.errors.timestamp", "1764000000000"],
            ["__dlq.errors.group", "payment-service"],
            ["__dlq.errors.exception", "Declined"],
            ["__dlq.errors.message", message],
            ["__dlq.errors.delivery.count", "4"],
            ["__dlq.errors.failed.at", "1764000003000"],
            ["__dlq.errors.kind", "permanent"],
            ["__dlq.errors.stage", "handle"],
        ],
    })
}

/// `eda dlq replay LETTERS …`.
fn replay(letters: &str, arguments: &[&str]) -> Eda {
    let replay = eda(&["dlq", "replay", letters, "--json"]);
    replay.args(arguments).on(broker())
}

/// The same with consent, which succeeds: its outcome.
#[track_caller]
fn replayed(letters: &str, arguments: &[&str]) -> Value {
    replay(letters, arguments)
        .arg("--yes")
        .run()
        .succeeds()
        .json()
}

/// Adds headers to a letter.
fn with(mut letter: Value, headers: &[(&str, &str)]) -> Value {
    let own = letter["headers"].as_array_mut().unwrap();
    own.extend(headers.iter().map(|(name, value)| json!([name, value])));
    letter
}

/// The value of a record's header.
fn header<'a>(record: &'a Value, name: &str) -> Option<&'a str> {
    let headers = record["headers"].as_array().unwrap();
    let found = headers.iter().find(|header| header[0] == name)?;
    found[1].as_str()
}

fn send_letters(letters: &str, origin: &str, count: i64) {
    let message = |n| {
        if n % 3 == 0 {
            "card declined"
        } else {
            "no such user"
        }
    };
    send(
        letters,
        &(0..count)
            .map(|n| letter(origin, n, message(n)))
            .collect::<Vec<_>>(),
    );
}

fn waiting(letters: &str) -> i64 {
    let rows = eda(&["dlq", "list", "--json"])
        .on(broker())
        .run()
        .succeeds()
        .json();
    let row = rows
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["topic"] == letters)
        .cloned();
    row.unwrap()["unreplayed"].as_i64().unwrap()
}

#[test]
fn dead_letters_are_found_and_told_with_their_story() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 3);
    assert_eq!(waiting(&letters), 3);
    let shown = eda(&["dlq", "show", &letters, "--json"])
        .on(broker())
        .run()
        .succeeds()
        .records();
    assert_eq!(shown.len(), 3);
    let first = shown
        .iter()
        .find(|record| record["key"] == "order-0")
        .unwrap();
    assert_eq!(first["value"], json!({"n": 0}));
    let story = &first["deadLetter"];
    assert_eq!(story["convention"], "eda");
    let origin =
        json!({"topic": topic, "partition": 0, "offset": 0, "timestamp": 1_764_000_000_000_i64});
    assert_eq!(story["origin"], origin);
    for (key, value) in [
        ("group", json!("payment-service")),
        ("exception", json!("Declined")),
        ("message", json!("card declined")),
        ("attempts", json!(4)),
        ("failedAt", json!(1_764_000_003_000_i64)),
        ("kind", json!("permanent")),
        ("replays", json!(0)),
    ] {
        assert_eq!(story[key], value, "{key}");
    }
    let one = eda(&["dlq", "show", &letters, "-n", "1", "--json"])
        .on(broker())
        .run()
        .succeeds();
    assert_eq!(one.records().len(), 1);
}

#[test]
fn a_dry_run_shows_why_they_died_and_moves_nothing() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 6);
    let plan = eda(&["dlq", "replay", &letters, "--dry-run", "--json"])
        .on(broker())
        .run()
        .succeeds()
        .json();
    assert_eq!(
        (&plan["total"], &plan["replayable"]),
        (&6.into(), &6.into())
    );
    let reasons = plan["reasons"].as_array().unwrap();
    let counts: Vec<_> = reasons
        .iter()
        .map(|reason| {
            (
                reason["message"].as_str().unwrap(),
                reason["count"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(counts, [("no such user", 4), ("card declined", 2)]);
    assert_eq!(read(&topic).len(), 0);
    assert_eq!(waiting(&letters), 6);
}

#[test]
fn a_replay_puts_them_back_where_they_came_from_once() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 6);
    let outcome = eda(&["dlq", "replay", &letters, "--yes", "--json"])
        .on(broker())
        .run()
        .succeeds()
        .json();
    assert_eq!(
        (&outcome["replayed"], &outcome["failed"]),
        (&6.into(), &0.into())
    );
    assert_eq!(outcome["destinations"][&topic], 6);
    // Kafka makes a transaction visible a moment after it said that it is committed.
    wait_until("them", PATIENCE, || read(&topic).len() == 6);
    let records = read(&topic);
    assert_eq!(super::numbers(&records), [0, 1, 2, 3, 4, 5]);
    for record in &records {
        let n = record["value"]["n"].as_i64().unwrap();
        assert_eq!(record["partition"], n % 3, "its own partition");
        assert_eq!(record["key"], format!("order-{n}"));
        let headers = record["headers"].as_array().unwrap();
        assert_eq!(headers[0], json!(["trace", format!("00-{n}")]));
        let named = |name: &str| {
            headers
                .iter()
                .any(|header| header[0].as_str().unwrap().starts_with(name))
        };
        assert!(!named("__dlq.errors."), "{record}");
        assert!(named("eda-replay-count"), "{record}");
    }
    assert_eq!(waiting(&letters), 0);
    let again = eda(&["dlq", "replay", &letters, "--yes"])
        .on(broker())
        .run()
        .succeeds();
    again.stderr_has("no dead letters wait");
    assert_eq!(read(&topic).len(), 6);
}

#[test]
fn a_replay_of_some_goes_on_with_the_others() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 6);
    for (count, left) in [("1", 5), ("2", 3), ("100", 0)] {
        eda(&["dlq", "replay", &letters, "-n", count, "--yes"])
            .on(broker())
            .run()
            .succeeds();
        assert_eq!(waiting(&letters), left);
    }
    assert_eq!(
        super::numbers(&read(&topic)),
        [0, 1, 2, 3, 4, 5],
        "each once"
    );
}

#[test]
fn what_does_not_say_where_it_came_from_stays_and_is_named() {
    let (topic, letters) = topics_apart();
    send(
        &letters,
        &[
            letter(&topic, 0, "card declined"),
            json!({"partition": 1, "value": {"n": 1}}),
            letter("gone-for-good", 2, "card declined"),
        ],
    );
    let outcome = eda(&["dlq", "replay", &letters, "--yes", "--json"])
        .on(broker())
        .run()
        .status(1)
        .json();
    assert_eq!(
        (&outcome["replayed"], &outcome["skipped"]),
        (&1.into(), &2.into())
    );
    let problems = outcome["problems"].to_string();
    assert!(problems.contains(&letters), "{problems}");
    assert_eq!(super::numbers(&read(&topic)), [0]);
    eda(&["topic", "describe", "gone-for-good"])
        .on(broker())
        .run()
        .status(1);
}

#[test]
fn replaying_needs_consent_that_nobody_off_a_terminal_can_give() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 1);
    eda(&["dlq", "replay", &letters])
        .on(broker())
        .run()
        .status(2)
        .stderr_has("--yes");
    assert_eq!(read(&topic).len(), 0);
}

#[test]
fn the_gate_on_dead_letters_is_an_alarm() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 2);
    eda(&["dlq", "list", "--max", "0"])
        .on(broker())
        .run()
        .status(4)
        .stdout_has(&letters);
    eda(&["dlq", "list", "--max", "1000000"])
        .on(broker())
        .run()
        .succeeds();
}

#[test]
fn an_unknown_dead_letter_topic_is_answered_with_the_one_that_was_meant() {
    let (_, letters) = topics();
    let typo = letters.replace("orders", "ordes");
    for command in ["show", "replay"] {
        let unknown = eda(&["dlq", command, &typo]).on(broker()).run().status(1);
        unknown
            .stderr_has(&typo)
            .stderr_has(&format!("did you mean `{letters}`?"));
    }
}
