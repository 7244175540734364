//! The relay when all goes well, and who shares its work.

use super::{check_numbers, databases, id, in_a_file, on_postgres};
use crate::broker::{PATIENCE, create};
use crate::support::databases::postgres;
use crate::support::{broker, eda, fresh, wait_until};
use serde_json::{Value, json};

const IDS: [&str; 3] = [
    "0198c6a0-1234-7abc-8def-00000000000a",
    "0198c6a0-1234-7abc-8def-00000000000b",
    "0198c6a0-1234-7abc-8def-00000000000c",
];

#[test]
fn an_event_is_published_as_debezium_would() {
    for outbox in databases("an_event_is_published_as_debezium_would") {
        let outbox = outbox.made();
        let rows = [
            (IDS[0], r#"{"total": 12.50,  "x":[1]}"#),
            (IDS[1], r#""<order/>""#),
            (IDS[2], "null"),
        ];
        let line = |(id, payload): &(&str, &str)| {
            let entity = &outbox.entity;
            format!(
                r#"{{"id":"{id}","aggregatetype":"{entity}","aggregateid":"order-7","type":"OrderCreated","payload":{payload}}}"#
            ) + "\n"
        };
        outbox.add_lines(rows.iter().map(line).collect());
        let report = outbox.relay(&["--once", "--json"]).run().succeeds().json();
        assert_eq!(
            (&report["published"], &report["ended"]),
            (&json!(3), &json!("nothing-left"))
        );
        let records = outbox.published();
        let seen: Vec<_> = records
            .iter()
            .map(|record| (id(record), &record["key"], record["value"].clone()))
            .collect();
        let key = json!("order-7");
        assert_eq!(
            seen,
            [
                (IDS[0], &key, json!({"total": 12.50, "x": [1]})),
                (IDS[1], &key, json!("<order/>")),
                (IDS[2], &key, Value::Null),
            ]
        );
        // Byte for byte.
        let read = eda(&[
            "consume",
            &outbox.topic(),
            "-o",
            "beginning",
            "-n",
            "1",
            "-f",
            "%v",
        ]);
        let read = read.on(broker()).run().succeeds();
        assert_eq!(read.stdout, r#"{"total": 12.50,  "x":[1]}"#);
        let status = outbox.status();
        assert_eq!(
            (
                &status["pending"],
                &status["published"],
                &status["publishedLastMinute"]
            ),
            (&json!(0), &json!(3), &json!(3))
        );
        let nothing = outbox.relay(&["--once"]).run().succeeds();
        nothing.stderr_has("nothing was published");
    }
}

#[test]
fn a_template_says_where_events_go() {
    let outbox = in_a_file().made();
    let topic = fresh("shop");
    create(broker(), &format!("{topic}.order-created"), 1);
    outbox.add(&[("order-7", json!({"n": 0}))]);
    let template = format!("{topic}.{{event}}");
    let relay = outbox.relay(&["--once", "--topic", &template]).run();
    relay
        .succeeds()
        .stdout_has(&format!("{topic}.order-created"));
    let wrong = outbox.relay(&["--topic", "{key}"]).run();
    wrong
        .status(2)
        .stderr_has("{aggregatetype}, {type} and {event}");
}

#[test]
fn a_relay_goes_on_with_what_is_added_until_it_is_interrupted() {
    for outbox in databases("a_relay_goes_on_with_what_is_added_until_it_is_interrupted") {
        let outbox = outbox.made();
        let relay = outbox.relay(&["--json"]).spawn();
        for round in 0..3 {
            outbox.add_numbers(round * 10, 10, 3);
            wait_until("the events", PATIENCE, || {
                outbox.marked() == (round + 1) * 10
            });
        }
        relay.interrupt();
        let output = relay.wait(PATIENCE).status(130);
        let report = output.json();
        assert_eq!(
            (&report["published"], &report["ended"]),
            (&json!(30), &json!("interrupted"))
        );
        assert_eq!(check_numbers(&outbox.published(), 30), 0);
    }
}

#[test]
fn two_relays_share_the_work() {
    for outbox in databases("two_relays_share_the_work") {
        let outbox = outbox.made();
        let relay = outbox.relay(&["--batch", "20", "--json"]);
        // One may be so much later than the other that nothing is left for it.
        let (mut added, mut published) = (0, [0, 0]);
        for _ in 0..20 {
            let relays = [relay.spawn(), relay.spawn()];
            outbox.add_numbers(added, 1000, 50);
            added += 1000;
            wait_until("the events", PATIENCE, || outbox.marked() == added);
            for (sum, relay) in published.iter_mut().zip(relays) {
                relay.interrupt();
                let report = relay.wait(PATIENCE).status(130).json();
                *sum += report["published"].as_u64().unwrap();
            }
            if !published.contains(&0) {
                break;
            }
        }
        assert!(!published.contains(&0), "one did it all: {published:?}");
        assert_eq!(published[0] + published[1], added, "each by one of them");
        assert_eq!(check_numbers(&outbox.published(), added), 0);
    }
}

#[test]
fn a_relay_without_a_broker_or_an_outbox_says_so_at_once() {
    let outbox = in_a_file();
    let relay = outbox.relay(&["--once"]).run();
    relay.status(3).stderr_has("`eda outbox init --db sqlite:");
    outbox.eda(&["outbox", "init", "--yes"]).run().succeeds();
    let relay = outbox
        .eda(&["outbox", "relay", "--brokers", "127.0.0.1:1"])
        .run();
    relay.status(3).stderr_has("cannot reach Kafka");
    let lossy = outbox.relay(&["-X", "acks=1"]).run();
    lossy.status(2).stderr_has("`-X acks`");
}

/// A table that Debezium's event router has read until now; what is beside it is ours.
#[test]
fn an_outbox_that_was_made_for_debezium_is_relayed_as_it_is() {
    let test = "an_outbox_that_was_made_for_debezium_is_relayed_as_it_is";
    let Some(database) = postgres(test) else {
        return;
    };
    database.sql(
        "CREATE TABLE outbox (id uuid NOT NULL PRIMARY KEY, aggregatetype varchar(255) NOT NULL,
         aggregateid varchar(255) NOT NULL, type varchar(255) NOT NULL, payload jsonb)",
    );
    let columns =
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'outbox'::regclass AND attnum > 0";
    let before = database.sql(columns);
    let outbox = on_postgres(database).made();
    let database = outbox.postgres.as_ref().unwrap();
    assert_eq!(database.sql(columns), before);
    for (n, id) in IDS.iter().enumerate() {
        let entity = &outbox.entity;
        database.sql(&format!(
            "INSERT INTO outbox VALUES ('{id}', '{entity}', 'order-7', 'OrderCreated', '{{\"n\": {n}}}')"
        ));
    }
    outbox.relay(&["--once"]).run().succeeds();
    let records = outbox.published();
    assert_eq!(check_numbers(&records, 3), 0);
    let ids: Vec<&str> = records.iter().map(id).collect();
    assert_eq!(ids, IDS);
}

#[test]
fn the_type_goes_into_a_header_when_asked_for_and_a_reader_finds_it_by_that() {
    let outbox = in_a_file().made();
    outbox.add(&[("order-7", json!({"n": 0}))]);
    let relay = outbox.relay(&["--once", "--type-header", "ce_type"]);
    relay.run().succeeds();
    let topic = outbox.topic();
    let read = eda(&["consume", &topic, "-o", ":end", "--json"]).on(broker());
    let headers = json!([
        ["id", id(&outbox.published()[0])],
        ["ce_type", "OrderCreated"]
    ]);
    let found = read.clone().args(["--event", "OrderCreated"]).run();
    assert_eq!(found.succeeds().records()[0]["headers"], headers);
    for name in ["", "id"] {
        let relay = outbox.relay(&["--once", "--type-header", name]);
        relay.run().status(2).stderr_has("header");
    }
}
