//! Letters that do not say where they came from, in a topic whose name does.

use super::super::{PATIENCE, create, numbers, read, send, topic};
use super::{header, replay, replayed};
use crate::support::{broker, eda, wait_until};
use serde_json::{Value, json};

/// As Sentry's Arroyo writes it: partition and offset, and no topic.
fn arroyo(partition: i64, n: i64) -> Value {
    json!({
        "partition": 0,
        "key": format!("order-{n}"),
        "value": {"n": n},
        "headers": [["original_partition", partition.to_string()], ["original_offset", "42"]],
    })
}

/// What has no header at all.
fn silent(n: i64) -> Value {
    json!({"partition": 0, "key": format!("order-{n}"), "value": {"n": n}, "headers": []})
}

#[test]
fn they_go_where_the_name_says_and_the_plan_says_so() {
    let topic = topic("orders", 3);
    let letters = format!("{topic}-dlt");
    create(broker(), &letters, 1);
    send(&letters, &[silent(1), arroyo(2, 2)]);
    let dry = replay(&letters, &["--dry-run"]).run().succeeds().json();
    for (key, expected) in [
        ("replayable", 2),
        ("unknownOrigin", 0),
        ("goneOrigin", 0),
        ("originByName", 2),
    ] {
        assert_eq!(dry[key], expected, "{key}: {dry}");
    }
    for reason in dry["reasons"].as_array().unwrap() {
        assert_eq!(
            (&reason["origin"], &reason["byName"]),
            (&Value::Null, &json!(topic))
        );
    }
    let people = eda(&["dlq", "replay", &letters, "--dry-run"]).on(broker());
    people
        .run()
        .succeeds()
        .stdout_has(&format!("{topic} (by name)"))
        .stdout_has(
            "the origin of 2 is by the name of the topic only, their headers do not say it",
        );
    let show = eda(&["dlq", "show", &letters, "--json"]).on(broker());
    let shown = show.run().succeeds().records();
    assert_eq!(shown[0]["deadLetter"], Value::Null);
    assert_eq!(shown[1]["deadLetter"]["origin"]["topic"], Value::Null);
    assert_eq!(replayed(&letters, &[])["replayed"], 2);
    wait_until("both", PATIENCE, || read(&topic).len() == 2);
    let records = read(&topic);
    assert_eq!(numbers(&records), [1, 2]);
    let of = |n: i64| records.iter().find(|record| record["value"]["n"] == n);
    // The partition is what the letter says itself.
    let record = of(2).unwrap();
    assert_eq!(record["partition"], 2);
    assert_eq!(header(record, "original_partition"), None);
    assert_eq!(header(record, "eda-replay-count"), Some("1"));
    // What is not known is not written down as if it were.
    assert_eq!(header(record, "eda-replay-origin"), None);
    // The key decides where the letter does not.
    let copies = format!("{topic}-copies");
    create(broker(), &copies, 3);
    send(&copies, &[json!({"key": "order-1", "value": {"n": 1}})]);
    assert_eq!(of(1).unwrap()["partition"], read(&copies)[0]["partition"]);
}

#[test]
fn what_the_name_does_not_settle_stays() {
    let topic = topic("orders", 1);
    let other = format!("{topic}.v1");
    let circle = format!("{topic}-dlt");
    let cases = [
        // No such topic; two that it may be; one that is itself of dead letters; nothing in the name.
        format!("{topic}-gone-dlt"),
        format!("error.{topic}.v1.billing"),
        format!("{circle}-dlt"),
        format!("dead-letter-topic-{topic}"),
    ];
    for name in [&other, &circle].into_iter().chain(&cases) {
        create(broker(), name, 1);
    }
    for letters in &cases {
        send(letters, &[silent(1), arroyo(0, 2)]);
        let outcome = replay(letters, &["--yes"]).run().status(1);
        outcome.stderr_has("it has no dead-letter headers that are understood");
        let outcome = replay(letters, &["--yes", "--force"]).run().status(1);
        outcome.stderr_has("the origin topic is not known");
    }
    for name in [&topic, &other, &circle] {
        assert_eq!(read(name).len(), 0, "{name}");
    }
}
