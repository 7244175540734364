//! KIP-1191: share groups write dead letters that only say where the record is that died.

use super::super::{create, send, topic};
use super::{replay, settled, still_waiting};
use crate::support::{broker, eda};
use serde_json::{Value, json};

/// The dead letter that Kafka writes unless it is told to copy the record: no key, no value, and where it was.
fn pointer(topic: &str, partition: i64, offset: i64) -> Value {
    json!({
        "key": null,
        "value": null,
        "headers": [
            ["__dlq.errors.topic", topic],
            ["__dlq.errors.partition", partition.to_string()],
            ["__dlq.errors.offset", offset.to_string()],
            ["__dlq.errors.group", "billing"],
            ["__dlq.errors.message", "Offset delivery count exceeded the threshold."],
            ["__dlq.errors.delivery.count", "5"],
        ],
    })
}

#[test]
fn the_record_that_a_pointer_names_is_put_back_and_never_another() {
    let topic = topic("orders", 3);
    let letters = format!("dlq.{topic}");
    create(broker(), &letters, 1);
    let died = json!({
        "partition": 2,
        "key": "order-7",
        "value": {"n": 7},
        "headers": [["trace", "00-7"], ["flag", null]],
    });
    let other = json!({"partition": 2, "key": "order-8", "value": {"n": 8}, "headers": []});
    // A tombstone died, too: what is fetched may have no value either.
    let tombstone = json!({"partition": 1, "key": "order-9", "value": null, "headers": []});
    send(&topic, &[other.clone(), died, tombstone, other]);
    let letters_sent = [
        pointer(&topic, 2, 1),
        pointer(&topic, 1, 0),
        // Nothing is there, and its neighbours are not meant.
        pointer(&topic, 2, 999),
        pointer(&topic, 0, 0),
        pointer("no-such-topic", 0, 0),
    ];
    send(&letters, &letters_sent);
    let replay = replay(&letters, &["--yes"]).run().status(1);
    let outcome = replay.json();
    assert_eq!(
        (&outcome["replayed"], &outcome["skipped"]),
        (&json!(2), &json!(3)),
        "{outcome}"
    );
    let gone = format!("it points at `{topic}:2:999`, and that record is gone");
    assert!(replay.stderr.contains(&gone) || replay.stdout.contains(&gone));
    let records = settled(&topic, 6);
    let copies = |partition: i64, offset: i64| {
        let is_it = |record: &&Value| {
            record["partition"] == partition && record["offset"].as_i64() > Some(offset)
        };
        records.iter().filter(is_it).collect::<Vec<_>>()
    };
    let [copy] = copies(2, 2)[..] else {
        panic!("{records:?}");
    };
    assert_eq!(
        (&copy["key"], &copy["value"]),
        (&json!("order-7"), &json!({"n": 7}))
    );
    let own = |header: &&Value| !header[0].as_str().unwrap().starts_with("eda-replay-");
    let headers: Vec<&Value> = copy["headers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(own)
        .collect();
    assert_eq!(headers, [&json!(["trace", "00-7"]), &json!(["flag", null])]);
    let [copy] = copies(1, 0)[..] else {
        panic!("{records:?}");
    };
    assert_eq!(
        (&copy["key"], &copy["value"]),
        (&json!("order-9"), &Value::Null)
    );
    still_waiting(&letters, 3);
    let plan = eda(&["dlq", "replay", &letters, "--dry-run", "--json"]).on(broker());
    let plan = plan.run().succeeds().json();
    assert_eq!(
        (&plan["total"], &plan["replayable"]),
        (&json!(3), &json!(0))
    );
}
