//! `eda dlq list`: which topics are dead-letter topics, and what is said of each.

use super::super::{create, send, topic};
use super::{letter, replay, topics, with};
use crate::support::{Broker, broker, eda, fresh};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// What `eda dlq list` says of a topic, if it lists it.
#[track_caller]
fn listed(topic: &str, arguments: &[&str]) -> Option<Value> {
    let list = eda(&["dlq", "list", "--json"]).args(arguments).on(broker());
    let rows = list.run().succeeds().json();
    let mut rows = rows.as_array().unwrap().iter();
    rows.find(|row| row["topic"] == topic).cloned()
}

/// As Kafka Connect writes it.
fn connect(origin: &str, n: i64) -> Value {
    json!({
        "partition": 0,
        "key": format!("order-{n}"),
        "value": {"n": n},
        "headers": [
            ["__connect.errors.topic", origin],
            ["__connect.errors.partition", "0"],
            ["__connect.errors.offset", n.to_string()],
            ["__connect.errors.exception.class.name", "org.acme.Refused"],
        ],
    })
}

/// A topic of one partition that is called so, with these records.
fn filled(name: &str, records: &[Value]) -> String {
    create(broker(), name, 1);
    send(name, records);
    name.to_owned()
}

#[test]
fn a_topic_whose_name_says_nothing_is_known_by_its_records() {
    let origin = topic("orders", 1);
    let odd = format!("dl-{origin}");
    let all: Vec<Value> = (0..5).map(|n| connect(&origin, n)).collect();
    filled(&odd, &all);
    let row = listed(&odd, &[]).unwrap();
    for (key, expected) in [
        ("found", json!("records")),
        ("partitions", json!(1)),
        ("records", json!(5)),
        ("unreplayed", json!(5)),
        ("ratePerHour", json!(5.0)),
    ] {
        assert_eq!(row[key], expected, "{key}: {row}");
    }
    assert_eq!(listed(&odd, &["--no-probe"]), None);
    let gate = eda(&["dlq", "list", "--max", "4"]).on(broker());
    gate.run().status(4).stdout_has(&odd);
    // The replay's ledger is no dead-letter topic, whatever lies in it.
    replay(&odd, &["--yes", "--where", "n>2"]).run().succeeds();
    assert_eq!(listed(&odd, &[]).unwrap()["unreplayed"], 3);
    assert_eq!(listed(&format!("eda-replay.{odd}.ledger"), &[]), None);
}

#[test]
fn a_topic_that_only_has_records_like_dead_letters_is_none() {
    let origin = topic("orders", 1);
    let plain = json!({"partition": 0, "key": "k", "value": {"n": 1}, "headers": []});
    let generic = json!({"partition": 0, "value": 1, "headers": [["x-original-topic", origin]]});
    let envelope = json!({"partition": 0, "value": {"originalTopic": origin, "error": "slow", "payload": {"n": 9}}});
    let others = [
        filled(
            &format!("mixed-{origin}"),
            &[connect(&origin, 0), plain, connect(&origin, 1)],
        ),
        filled(&format!("generic-{origin}"), &[generic]),
        filled(&format!("envelope-{origin}"), &[envelope]),
        filled(&format!("{origin}-retry-0"), &[connect(&origin, 0)]),
    ];
    for name in &others {
        assert_eq!(listed(name, &[]), None);
    }
    // Put back with their story on them, where they came from and elsewhere; by another's tool, too.
    let (topic, letters) = topics();
    let target = format!("{topic}-repaired");
    create(broker(), &target, 1);
    send(&letters, &[letter(&topic, 0, "slow")]);
    let keep = ["--keep-diagnostics", "--from-beginning", "--yes"];
    replay(&letters, &keep).run().succeeds();
    replay(&letters, &keep)
        .args(["--to", &target])
        .run()
        .succeeds();
    send(&origin, &[connect(&origin, 0)]);
    for name in [&topic, &target, &origin] {
        assert_eq!(listed(name, &[]), None);
    }
    // One that died again is still a dead letter, where the others are.
    let again = with(letter(&topic, 3, "slow"), &[("eda-replay-id", "7")]);
    let odd = filled(&format!("dl-{topic}"), &[connect(&topic, 1), again]);
    assert_eq!(listed(&odd, &[]).unwrap()["found"], "records");
}

#[test]
fn the_first_and_the_last_are_seen_at_the_ends_of_each_partition() {
    let (topic, letters) = topics();
    let failed_at = |n: i64| 1_764_000_000_000 + n * 1000;
    let died = |n: i64| {
        let mut letter = letter(&topic, n, "slow");
        let headers = letter["headers"].as_array_mut().unwrap();
        let is_it = |header: &&mut Value| header[0] == "__dlq.errors.failed.at";
        headers.iter_mut().find(is_it).unwrap()[1] = json!(failed_at(n).to_string());
        letter
    };
    send(&letters, &(0..30).map(died).collect::<Vec<_>>());
    let row = listed(&letters, &["--no-probe"]).unwrap();
    assert_eq!(row["found"], "name");
    assert_eq!(
        (&row["oldest"], &row["newest"]),
        (&json!(failed_at(0)), &json!(failed_at(29)))
    );
    // They came within the last day, and the oldest is older.
    assert_eq!(row["ratePerHour"], 1.25);
    let empty = format!("{topic}-dlt");
    create(broker(), &empty, 1);
    let row = listed(&empty, &[]).unwrap();
    assert_eq!(
        (&row["oldest"], &row["newest"], &row["ratePerHour"]),
        (&Value::Null, &Value::Null, &json!(0.0))
    );
    // Behind the last letter lies the marker of a transaction.
    let transactional = format!("{topic}-errors");
    create(broker(), &transactional, 1);
    let produce = eda(&["produce", &transactional, "--records", "--transactional"]);
    let mut last = died(7);
    last["partition"] = json!(0);
    let produce = produce.stdin(format!("{last}\n")).on(broker());
    produce.run().succeeds();
    crate::support::wait_until("it", super::PATIENCE, || {
        listed(&transactional, &[]).unwrap()["newest"] == json!(failed_at(7))
    });
}

#[test]
fn what_a_person_sees_of_them() {
    let own = Broker::embedded(&[]);
    let origin = fresh("orders");
    let (named, odd) = (format!("{origin}.dlq"), format!("dl-{origin}"));
    for name in [&origin, &named, &odd] {
        create(&own, name, 1);
    }
    for name in [&named, &odd] {
        let produce = eda(&["produce", name, "--records"]).on(&own);
        let line = format!("{}\n", letter(&origin, 0, "slow"));
        produce.stdin(line).run().succeeds();
    }
    let list = eda(&["dlq", "list"]).on(&own);
    assert_snapshot!(list.run().snapshot(), @r"
    status: 0
    --- stdout
    TOPIC                PARTITIONS  RECORDS  UNREPLAYED  FOUND    OLDEST                NEWEST                RATE
    dl-orders-xxxxxxxx            1        1           1  records  [time]  [time]  0.04
    orders-xxxxxxxx.dlq           1        1           1  name     [time]  [time]  0.04
    --- stderr
    ");
}
