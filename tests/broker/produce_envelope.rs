//! `eda produce --envelope`: an event as CloudEvents' Kafka binding has it, and that it is found again.

use super::{catalog_topics, create, read, topic};
use crate::support::{broker, eda};
use serde_json::{Value, json};

const TIME: &str = "2026-01-02T03:04:05.678Z";
const ID: &str = "0198c6a0-1234-7abc-8def-0123456789ab";

/// `eda produce order-created` of one event, in this envelope.
fn send(words: &[&str]) {
    let event = ["orderId=order-7", "userId=user-8", "total=12.50"];
    let (id, time) = (format!("eventId={ID}"), format!("timestamp={TIME}"));
    eda(&["produce", "order-created", &id, &time])
        .args(event)
        .args(words)
        .on(broker())
        .run()
        .succeeds();
}

/// What `eda consume --event` prints of the topic.
fn found(event: &str) -> usize {
    let consume = eda(&["consume", "order-created", "-o", ":end", "--json"]);
    let output = consume.args(["--event", event]).on(broker()).run();
    output.succeeds().stdout.lines().count()
}

#[test]
fn cloudevents_headers_say_what_the_event_is_and_the_value_stays_the_event() {
    let _topics = catalog_topics();
    create(broker(), "order-created", 1);
    send(&["--envelope", "plain"]);
    send(&["--envelope", "cloudevents", "-H", "trace=t1"]);
    let records = read("order-created");
    let [plain, event] = &records[..] else {
        panic!("{records:?}")
    };
    assert_eq!(plain["headers"], json!([]));
    assert_eq!(event["value"], plain["value"]);
    assert_eq!(event["key"], "order-7");
    assert_eq!(
        event["headers"],
        json!([
            ["ce_specversion", "1.0"],
            ["ce_id", ID],
            ["ce_source", "/eda/order-created"],
            ["ce_type", "OrderCreated"],
            ["ce_subject", "order-7"],
            ["ce_time", TIME],
            ["content-type", "application/json"],
            ["trace", "t1"],
        ])
    );
    assert_eq!(found("OrderCreated"), 2);
    assert_eq!(found("OrderShipped"), 0);
}

#[test]
fn a_structured_cloudevent_holds_the_event_and_is_found_by_its_type() {
    let _topics = catalog_topics();
    create(broker(), "order-created", 1);
    send(&[
        "--envelope",
        "cloudevents-structured",
        "--source",
        "/shop/checkout",
    ]);
    let record = &read("order-created")[0];
    assert_eq!(
        record["headers"],
        json!([[
            "content-type",
            "application/cloudevents+json; charset=UTF-8"
        ]])
    );
    assert_eq!(record["key"], "order-7");
    assert_eq!(
        record["value"],
        json!({
            "specversion": "1.0", "id": ID, "source": "/shop/checkout", "type": "OrderCreated",
            "subject": "order-7", "time": TIME, "datacontenttype": "application/json",
            "data": {"eventType": "OrderCreated", "eventId": ID, "timestamp": TIME,
                "orderId": "order-7", "userId": "user-8", "items": [], "total": 12.5},
        })
    );
    assert_eq!(found("OrderCreated"), 1);
    assert_eq!(found("OrderShipped"), 0);
}

#[test]
fn lines_and_generated_events_are_wrapped_too() {
    let _topics = catalog_topics();
    create(broker(), "order-created", 1);
    let produce = eda(&["produce", "order-created", "--envelope", "cloudevents"]).on(broker());
    let line = br#"{"orderId":"o","userId":"u","total":12.50}"#;
    produce.clone().stdin(line).run().succeeds();
    // One that lacks nothing takes a shorter way, which once went past the envelope.
    let whole = json!({
        "eventType": "OrderCreated", "eventId": ID, "timestamp": TIME,
        "orderId": "o", "userId": "u", "items": [], "total": 12.5,
    });
    let whole = whole.to_string();
    produce.clone().stdin(whole).run().succeeds();
    produce.args(["-n", "3"]).run().succeeds();
    let records = read("order-created");
    assert_eq!(records.len(), 5);
    for record in &records {
        let header = |name: &str| -> Value {
            let headers = record["headers"].as_array().unwrap();
            let found = headers.iter().find(|header| header[0] == name);
            found.map(|header| header[1].clone()).unwrap()
        };
        assert_eq!(header("ce_id"), record["value"]["eventId"]);
        assert_eq!(header("ce_time"), record["value"]["timestamp"]);
        assert_eq!(header("ce_subject"), record["key"]);
    }
}

#[test]
fn what_has_no_type_goes_into_no_envelope() {
    let topic = topic("orders", 1);
    let produce = |words: &[&str]| {
        let run = eda(&["produce"]).args(words).on(broker()).run();
        run.status(2)
    };
    produce(&[&topic, "n=1", "--envelope", "cloudevents"])
        .stderr_has("not an event of the catalog, so there is no type and no id");
    produce(&[&topic, "--raw", "--envelope", "cloudevents"]).stderr_has("--raw");
    produce(&[&topic, "n=1", "--source", "/x"]).stderr_has("--envelope");
    assert_eq!(read(&topic).len(), 0);

    let _topics = catalog_topics();
    create(broker(), "order-created", 1);
    let event = ["order-created", "-n", "1", "--envelope", "cloudevents"];
    produce(&[&event[..], &["-H", "ce_id=7"]].concat())
        .stderr_has("`--envelope` sets the header `ce_id` itself");
    produce(&[&event[..], &["--source", "a b"]].concat()).stderr_has("/shop/checkout");
    assert_eq!(read("order-created").len(), 0);
}
