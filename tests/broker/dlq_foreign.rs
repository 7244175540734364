//! `eda dlq …`: dead letters that others wrote, told and put back; what cannot be put back is left and named.

use super::dlq::settled;
use super::{create, send, topic};
use crate::support::{broker, eda};
use serde_json::{Value, json};

fn told(letters: &str) -> Vec<Value> {
    let shown = eda(&["dlq", "show", letters, "--json"]).on(broker()).run();
    let records = shown.succeeds().records();
    records
        .iter()
        .map(|record| record["deadLetter"].clone())
        .collect()
}

#[test]
fn a_dead_letter_of_springs_is_told_and_put_back_without_its_story() {
    let topic = topic("orders", 3);
    let letters = format!("{topic}-dlt");
    create(broker(), &letters, 1);
    let trace = "org.x.ListenerFailed: failed\n\tat x\nCaused by: com.acme.Declined: no funds\n";
    send(
        &letters,
        &[json!({
            "key": "order-7",
            "value": {"n": 7},
            "headers": [
                ["trace", "00-7"],
                ["kafka_dlt-original-topic", topic],
                ["kafka_dlt-original-partition", {"base64": "AAAAAg=="}],
                ["kafka_dlt-original-offset", {"base64": "AAAAAAAAACo="}],
                ["kafka_dlt-original-consumer-group", "billing"],
                ["kafka_dlt-exception-fqcn", "org.x.ListenerFailed"],
                ["kafka_dlt-exception-message", "failed"],
                ["kafka_dlt-exception-stacktrace", trace],
            ],
        })],
    );
    let story = &told(&letters)[0];
    assert_eq!(
        *story,
        json!({
            "convention": "spring",
            "origin": {"topic": topic, "partition": 2, "offset": 42, "timestamp": null},
            "originDoubt": null,
            "group": "billing",
            "exception": "com.acme.Declined",
            "message": "failed",
            "cause": "no funds",
            "stackTrace": trace,
            "attempts": null,
            "failedAt": null,
            "kind": null,
            "stage": null,
            "replays": 0,
            "payload": "record",
        })
    );
    eda(&["dlq", "replay", &letters, "--yes"])
        .on(broker())
        .run()
        .succeeds();
    let back = settled(&topic, 1);
    let record = &back[0];
    assert_eq!(
        (&record["partition"], &record["key"]),
        (&json!(2), &json!("order-7"))
    );
    let headers = record["headers"].as_array().unwrap();
    assert_eq!(headers[0], json!(["trace", "00-7"]));
    let names = headers.iter().map(|header| header[0].as_str().unwrap());
    assert!(
        names.skip(1).all(|name| name.starts_with("eda-replay-")),
        "{record}"
    );
}

#[test]
fn the_event_is_put_back_and_not_the_envelope_nor_the_pointer() {
    let topic = topic("orders", 1);
    let letters = format!("{topic}.dlq");
    create(broker(), &letters, 1);
    let pointer = json!({
        "value": null,
        "headers": [
            ["__dlq.errors.topic", topic],
            ["__dlq.errors.partition", "0"],
            ["__dlq.errors.offset", "1000"],
            ["__dlq.errors.group", "billing"],
            ["__dlq.errors.message", "Offset rejected by client."],
        ],
    });
    let envelope = json!({
        "key": "order-9",
        "value": {"originalTopic": topic, "error": "no funds", "payload": {"n": 9}},
    });
    send(&letters, &[envelope, pointer]);
    let payloads: Vec<Value> = told(&letters)
        .iter()
        .map(|story| story["payload"].clone())
        .collect();
    assert_eq!(payloads, ["envelope", "pointer"]);
    eda(&["dlq", "replay", &letters, "--yes"])
        .on(broker())
        .run()
        .status(1)
        .stderr_has(&letters);
    let back = settled(&topic, 1);
    assert_eq!(
        (&back[0]["key"], &back[0]["value"]),
        (&json!("order-9"), &json!({"n": 9}))
    );
}
