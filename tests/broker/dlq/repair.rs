//! Dead letters that are changed on their way back.

use super::{header, letter, replay, replayed, topics, waiting};
use crate::broker::{catalog_topics, create, read, send};
use crate::support::{broker, eda};
use serde_json::{Value, json};

/// The letter of record `n`, with this as its value, byte for byte.
fn with_value(topic: &str, n: i64, value: &str) -> Value {
    let mut letter = letter(topic, n, "no currency");
    letter["value"] = json!(value);
    letter
}

/// The record that went back with this key.
fn back(topic: &str, key: &str) -> Value {
    let mut records = read(topic).into_iter();
    records.find(|record| record["key"] == key).unwrap()
}

#[test]
fn fields_are_set_and_taken_out_and_the_rest_stays_byte_for_byte() {
    let (topic, letters) = topics();
    let odd = "{\"total\":  1.50,\n\"id\":12345678901234567890123,\"debug\":true}";
    let all = [
        with_value(&topic, 0, odd),
        with_value(&topic, 1, r#"{"total":2,"currency":"EUR"}"#),
        with_value(&topic, 2, "no JSON"),
        with_value(&topic, 3, "[1]"),
        with_value(&topic, 4, r#"{"shop":"berlin"}"#),
    ];
    send(&letters, &all);
    let flags = [
        "--unset",
        "debug",
        "--set",
        "currency=EUR",
        "--set",
        "shop.city=x y",
    ];
    let dry = eda(&["dlq", "replay", &letters, "--dry-run"]).args(flags);
    let shown = dry.clone().on(broker()).run().succeeds();
    shown
        .stdout_has("2 of 5 can be put back")
        .stdout_has("2 are repaired by --set")
        .stdout_has(&format!(
            "{letters}:2:0: it cannot be repaired: its value is no JSON object"
        ))
        .stdout_has("what has `city` is no object");
    let plan = dry.arg("--json").on(broker()).run().succeeds().json();
    assert_eq!(
        (
            &plan["total"],
            &plan["replayable"],
            &plan["repaired"],
            &plan["repair"]
        ),
        (&5.into(), &2.into(), &2.into(), &"set".into())
    );
    assert_eq!(plan["unrepaired"].as_array().unwrap().len(), 3);
    assert_eq!(read(&topic).len(), 0);

    let outcome = replay(&letters, &flags).arg("--yes").run().status(1);
    let outcome = outcome.stderr_has("its value is no JSON object").json();
    assert_eq!(
        (&outcome["replayed"], &outcome["failed"]),
        (&2.into(), &3.into())
    );
    let first = back(&topic, "order-0");
    assert_eq!(
        first["value"],
        "{\"total\":  1.50,\n\"id\":12345678901234567890123,\"currency\":\"EUR\",\"shop\":{\"city\":\"x y\"}}"
    );
    assert_eq!(header(&first, "eda-replay-repaired"), Some("set"));
    assert_eq!(header(&first, "trace"), Some("00-0"));
    assert_eq!(header(&first, "__dlq.errors.topic"), None);
    assert_eq!(waiting(&letters), 3);

    // As they are, and so unmarked.
    let rest = replayed(&letters, &["--unset", "debug", "--where", "shop=berlin"]);
    assert_eq!(rest["replayed"], 1);
    let plain = back(&topic, "order-4");
    assert_eq!(plain["value"], json!({"shop": "berlin"}));
    assert_eq!(header(&plain, "eda-replay-repaired"), None);
}

#[test]
fn a_repair_that_is_no_right_event_stays_and_what_is_not_changed_is_not_looked_at() {
    let _topics = catalog_topics();
    create(broker(), "order-created", 3);
    let letters = crate::support::fresh("letters-dlq");
    create(broker(), &letters, 3);
    let right = json!({"eventType": "OrderCreated", "eventId": "0198c6a0-1234-7abc-8def-0123456789ab",
        "timestamp": "2026-01-02T03:04:05Z", "orderId": "order-0", "userId": "u", "items": [], "total": "12.50"});
    let mut first = letter("order-created", 0, "total is text");
    first["value"] = right;
    send(
        &letters,
        &[first, letter("order-created", 1, "total is text")],
    );

    let wrong = replay(&letters, &["--set", "total=cheap", "--yes"])
        .run()
        .status(1)
        .stderr_has("it is no valid OrderCreated: `/total` must be a number, not the text `cheap`")
        .stderr_has("--no-validate");
    assert_eq!(wrong.json()["failed"], 2);
    assert_eq!(read("order-created").len(), 0);

    let some = replay(&letters, &["--set", "total=12.50", "--yes"])
        .run()
        .status(1);
    assert_eq!(
        (&some.json()["replayed"], &some.json()["failed"]),
        (&1.into(), &1.into()),
        "the other has no userId"
    );
    assert_eq!(read("order-created")[0]["value"]["total"], 12.5);
    let rest = replayed(&letters, &["--set", "total=1", "--no-validate"]);
    assert_eq!(rest["replayed"], 1);
    let copy = read("order-created")
        .into_iter()
        .find(|record| record["key"] == "order-1");
    assert_eq!(copy.unwrap()["value"], json!({"n": 1, "total": 1}));

    // Not changed by it, and so nobody's concern.
    send(&letters, &[letter("order-created", 5, "who knows")]);
    assert_eq!(replayed(&letters, &["--set", "n=5"])["replayed"], 1);
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_read() {
    let nothing = |flags: &[&str]| {
        eda(&["dlq", "replay", "any.dlq"])
            .args(flags)
            .run()
            .status(2)
    };
    nothing(&["--set", "a"]).stderr_has("`a` sets no field");
    nothing(&["--set", "a..b=1"]).stderr_has("`a..b` cannot be read");
    nothing(&["--unset", "[0]"]).stderr_has("`[0]` cannot be read");
    nothing(&["--set", "a=1", "--set", "a=2"]).stderr_has("`a=2` would undo `a=1`");
    nothing(&["--events", "/nowhere"]).stderr_has("`--events` is for what is repaired");
    nothing(&["--no-validate"]).stderr_has("--set");
    nothing(&["--set", "a=1", "--events", "/nowhere"]).stderr_has("/nowhere");
}

#[test]
fn what_is_repaired_is_repaired_the_same_behind_what_stays_and_from_the_beginning() {
    let (topic, letters) = topics();
    let all: Vec<Value> = (0..600).map(|n| letter(&topic, n, "no currency")).collect();
    send(&letters, &all);
    let odd = ["--where", "n>=300", "--set", "currency=EUR"];
    assert_eq!(replayed(&letters, &odd)["replayed"], 300);
    assert_eq!(
        replayed(&letters, &["--set", "n=1", "-n", "7"])["replayed"],
        7
    );
    assert_eq!(replayed(&letters, &[])["replayed"], 293);
    let records = read(&topic);
    let euros = records
        .iter()
        .filter(|one| one["value"]["currency"] == "EUR");
    assert_eq!((records.len(), euros.count()), (600, 300));
    // A repaired one that dies again begins with no mark.
    let mut again = letter(&topic, 0, "again");
    again["headers"]
        .as_array_mut()
        .unwrap()
        .push(json!(["eda-replay-repaired", "set"]));
    let other = format!("{topic}-again.dlq");
    create(broker(), &other, 1);
    again["partition"] = json!(0);
    send(&other, &[again]);
    assert_eq!(replayed(&other, &[])["replayed"], 1);
    let records = read(&topic);
    let marked = records
        .iter()
        .filter(|one| header(one, "eda-replay-repaired").is_some());
    assert_eq!((records.len(), marked.count()), (601, 300 + 7));
}

#[test]
fn what_is_weighed_and_told_is_what_was_repaired() {
    let (topic, letters) = topics();
    let parking = format!("{letters}.parking");
    let alter = [
        "topic",
        "alter",
        &topic,
        "-c",
        "max.message.bytes=3000",
        "--yes",
    ];
    eda(&alter).on(broker()).run().succeeds();
    send(
        &letters,
        &[letter(&topic, 0, "no note"), letter(&topic, 1, "no note")],
    );
    let long = format!("note={}", "x".repeat(3000));
    let flags = ["--set", &long, "--key", "order-0"];
    let plan = replay(&letters, &flags)
        .arg("--dry-run")
        .run()
        .succeeds()
        .json();
    assert_eq!(
        (&plan["parked"], &plan["replayable"], &plan["repaired"]),
        (&1.into(), &0.into(), &0.into())
    );
    assert_eq!(replayed(&letters, &flags)["parked"], 1);
    let parked = read(&parking);
    assert_eq!(parked[0]["value"], json!({"n": 0}), "as it was");

    let kept = ["--set", "note=short", "--keep-diagnostics"];
    assert_eq!(replayed(&letters, &kept)["replayed"], 1);
    let record = back(&topic, "order-1");
    assert_eq!(record["value"], json!({"n": 1, "note": "short"}));
    let names = record["headers"].as_array().unwrap().iter();
    let names: Vec<&str> = names.map(|one| one[0].as_str().unwrap()).collect();
    assert_eq!((names[0], names[1]), ("trace", "__dlq.errors.topic"));
    assert_eq!(names.last(), Some(&"eda-replay-repaired"));
    assert_eq!(names.len(), 12 + 6, "each once: {names:?}");
}
