//! `eda dlq stats`: why letters died, when, and with which keys.

use super::super::{create, send};
use super::{letter, replayed, send_letters, topics};
use crate::support::{Eda, broker, eda};
use insta::assert_snapshot;
use serde_json::{Value, json};

const HOUR: i64 = 60 * 60 * 1000;

fn stats(letters: &str, arguments: &[&str]) -> Eda {
    eda(&["dlq", "stats", letters]).args(arguments).on(broker())
}

#[track_caller]
fn told(letters: &str, arguments: &[&str]) -> Value {
    stats(letters, arguments)
        .arg("--json")
        .run()
        .succeeds()
        .json()
}

/// The letter with another key, and another time of death.
fn but(mut letter: Value, key: Value, failed_at: i64) -> Value {
    letter["key"] = key;
    let headers = letter["headers"].as_array_mut().unwrap();
    let found = headers
        .iter_mut()
        .find(|header| header[0] == "__dlq.errors.failed.at");
    found.unwrap()[1] = json!(failed_at.to_string());
    letter
}

#[test]
fn what_a_person_sees_of_them() {
    let (topic, letters) = topics();
    let at = |n, message, key, hours| {
        but(
            letter(&topic, n, message),
            json!(key),
            1_764_000_003_000 + hours * HOUR,
        )
    };
    send(
        &letters,
        &[
            at(0, "card declined", "order-7", 0),
            at(1, "card declined", "order-7", 2),
            at(2, "card declined", "order-7", 2),
            at(3, "no such user", "order-\u{1b}[31m", 2),
            but(
                letter("gone-for-good", 4, "slow"),
                Value::Null,
                1_764_000_000_000,
            ),
        ],
    );
    let run = stats(&letters, &[]).run();
    assert_snapshot!(run.snapshot(), @r"
    status: 0
    --- stdout
    COUNT  ORIGIN                 GROUP            CONVENTION  KIND       EXCEPTION  MESSAGE
        3  orders-xxxxxxxx        payment-service  eda         permanent  Declined   card declined
        1  gone-for-good (stays)  payment-service  eda         permanent  Declined   slow
        1  orders-xxxxxxxx        payment-service  eda         permanent  Declined   no such user
    4 of 5 can be put back, 1700 bytes
    they died from [time] to [time]
    1 came from a topic that does not exist, or point at a record that is gone

    letters per hour (UTC)
    HOUR                  LETTERS  CHART
    [time]        2  ██████████████████████████▊
    [time]        0
    [time]        3  ████████████████████████████████████████

    keys hit most
    KEY               LETTERS
    order-7                 3
    order-\u{1b}[31m        1
    1 without a key
    --- stderr
    ");
}

#[test]
fn programs_get_the_same_as_one_document() {
    let (topic, letters) = topics();
    let died = json!({"partition": 0, "key": "order-9", "value": {"n": 9}, "headers": []});
    send(&topic, &[died]);
    let pointer = json!({
        "key": null,
        "value": null,
        "partition": 0,
        "headers": [
            ["__dlq.errors.topic", topic],
            ["__dlq.errors.partition", "0"],
            ["__dlq.errors.offset", "0"],
            ["__dlq.errors.group", "billing"],
            ["__dlq.errors.message", "Offset rejected by client."],
        ],
    });
    let hour = 1_764_000_000_000;
    send(
        &letters,
        &[
            but(letter(&topic, 0, "slow"), json!("order-9"), hour + HOUR - 1),
            but(letter(&topic, 1, "slow"), json!("order-9"), hour),
            but(letter(&topic, 2, "slow"), Value::Null, hour + HOUR),
            but(letter("gone-for-good", 3, "slow"), json!("order-8"), hour),
            // Its origin is known by the topic's name alone.
            json!({"key": {"base64": "/w=="}, "value": {"n": 4}, "partition": 0}),
            pointer,
        ],
    );
    let stats = told(&letters, &[]);
    for (key, expected) in [
        ("topic", json!(letters)),
        ("total", json!(6)),
        ("replayable", json!(5)),
        ("parked", json!(0)),
        ("unknownOrigin", json!(0)),
        ("goneOrigin", json!(1)),
        ("originByName", json!(1)),
        ("passed", json!(0)),
        ("oldest", json!(hour)),
        ("undated", json!(0)),
        ("earlier", json!(0)),
        ("withoutKey", json!(1)),
    ] {
        assert_eq!(stats[key], expected, "{key}: {stats}");
    }
    let hours = stats["hours"].as_array().unwrap();
    assert_eq!(hours[0], json!({"hour": hour, "count": 3}));
    assert_eq!(hours[1], json!({"hour": hour + HOUR, "count": 1}));
    // What does not say when it died did so when it was written.
    let later: i64 = hours[2..]
        .iter()
        .map(|hour| hour["count"].as_i64().unwrap())
        .sum();
    assert_eq!(later, 2);
    // The record that the pointer names has a key, though the pointer has none.
    let key = |key: Value, length: i64, count: i64| json!({"key": key, "length": length, "count": count, "atLeast": count});
    assert_eq!(
        stats["keys"],
        json!([
            key(json!("order-9"), 7, 3),
            key(json!("order-8"), 7, 1),
            key(json!({"base64": "/w=="}), 1, 1),
        ])
    );
    let reasons = stats["reasons"].as_array().unwrap();
    let slow = reasons
        .iter()
        .find(|reason| reason["count"] == 3)
        .cloned()
        .unwrap();
    assert_eq!(
        slow,
        json!({
            "count": 3,
            "kind": "permanent",
            "exception": "Declined",
            "message": "slow",
            "origin": topic,
            "byName": null,
            "group": "payment-service",
            "convention": "eda",
            "replayable": true,
        })
    );
    let by_name = reasons
        .iter()
        .find(|reason| reason["byName"] == json!(topic));
    assert_eq!(by_name.unwrap()["origin"], Value::Null);
}

#[test]
fn only_what_is_chosen_is_counted() {
    let (topic, letters) = topics();
    stats(&letters, &[])
        .run()
        .succeeds()
        .stderr_has(&format!("no dead letters in `{letters}`"));
    send_letters(&letters, &topic, 9);
    assert_eq!(told(&letters, &[])["total"], 9);
    let chosen = told(&letters, &["--reason", "declined", "--key", "order-3"]);
    assert_eq!(
        (&chosen["total"], &chosen["passed"]),
        (&1.into(), &8.into())
    );
    assert_eq!(replayed(&letters, &["--where", "n>2"])["replayed"], 6);
    assert_eq!(told(&letters, &["--unreplayed"])["total"], 3);
    assert_eq!(told(&letters, &[])["total"], 9, "the others are there yet");
    replayed(&letters, &[]);
    stats(&letters, &["--unreplayed"])
        .run()
        .succeeds()
        .stderr_has(&format!("no dead letters wait in `{letters}`"));
    stats(&letters, &["--key", "none"])
        .run()
        .succeeds()
        .stderr_has(&format!(
            "none of the 9 dead letters in `{letters}` are meant"
        ));
}

#[test]
fn a_topic_where_nothing_has_died_yet_is_no_error_and_a_typo_is() {
    let topic = super::super::topic("orders", 1);
    let nothing = told(&format!("{topic}.dlq"), &[]);
    assert_eq!(
        (&nothing["total"], &nothing["keys"]),
        (&0.into(), &json!([]))
    );
    let letters = format!("{topic}-dlt");
    create(broker(), &letters, 1);
    stats(&letters.replace("orders", "ordes"), &[])
        .run()
        .status(1)
        .stderr_has(&format!("did you mean `{letters}`?"));
}
