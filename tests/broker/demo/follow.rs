//! `eda demo --follow`: one order's way through the services.

use super::LONG;
use crate::support::{Eda, eda};
use serde_json::{Value, json};

fn follow(which: &str, arguments: &[&str]) -> Eda {
    let demo = eda(&["demo", "--orders", "20", "--seed", "7", "--follow", which]);
    demo.args(arguments).timeout(LONG)
}

fn timeline(which: &str, arguments: &[&str]) -> Value {
    let demo = follow(which, arguments).arg("--json");
    demo.run().succeeds().json()["timeline"].clone()
}

fn column(timeline: &Value, key: &str) -> Vec<Value> {
    let events = timeline["events"].as_array().unwrap();
    events.iter().map(|event| event[key].clone()).collect()
}

/// Which groups handled the first event of this type.
fn handlers(timeline: &Value, event: &str) -> Vec<Value> {
    let events = timeline["events"].as_array().unwrap();
    let step = events.iter().find(|step| step["event"] == event).unwrap();
    let handled = step["handled"].as_array().unwrap();
    handled.iter().map(|one| one["group"].clone()).collect()
}

#[test]
fn a_compensated_order_is_shown_from_its_first_event_to_its_end() {
    // Everything is sold out, and every handler fails at first.
    let failures = [
        "--payment-failures",
        "0",
        "--inventory-failures",
        "1",
        "--malformed",
        "0",
        "--transient",
        "1",
        "--duplicates",
        "0",
    ];
    let timeline = timeline("order-3", &failures);
    assert_eq!(timeline["order"], "order-000003");
    assert_eq!(timeline["end"], "cancelled");
    let undone: Vec<Value> = timeline["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["isCompensation"] == true)
        .map(|event| event["event"].clone())
        .collect();
    assert_eq!(undone, ["PaymentRefunded", "OrderCancelled"]);
    for (event, groups) in [
        (
            "OrderCreated",
            &[
                "analytics-service",
                "notification-service",
                "payment-service",
            ][..],
        ),
        ("InventoryFailed", &["analytics-service", "payment-service"]),
        ("PaymentRefunded", &["analytics-service", "order-service"]),
    ] {
        assert_eq!(handlers(&timeline, event), groups, "{timeline}");
    }
    let events = timeline["events"].as_array().unwrap();
    assert_eq!(events[0]["event"], "OrderCreated");
    assert_eq!(
        (&events[0]["atMs"], &events[0]["latencyMs"]),
        (&json!(0), &Value::Null)
    );
    for event in &events[1..] {
        assert!(event["latencyMs"].as_i64().unwrap() >= 0, "{event}");
        for handled in event["handled"].as_array().unwrap() {
            let retries = handled["retries"].as_i64().unwrap();
            assert!((1..=2).contains(&retries), "{handled}");
            assert_eq!(handled["begun"], 1);
        }
    }
}

#[test]
fn what_is_sent_twice_is_marked_and_handled_once() {
    let timeline = timeline("shipped", &["--duplicates", "1", "--malformed", "0"]);
    assert_eq!(timeline["end"], "shipped");
    let duplicates = column(&timeline, "isDuplicate");
    let twice = duplicates
        .iter()
        .filter(|duplicate| **duplicate == true)
        .count();
    assert_eq!(twice * 2, duplicates.len(), "{timeline}");
    for event in timeline["events"].as_array().unwrap() {
        let is_handled = !event["handled"].as_array().unwrap().is_empty();
        assert_eq!(event["isDuplicate"] == true, !is_handled, "{event}");
    }
}

#[test]
fn an_order_that_nobody_can_read_ends_in_the_dead_letter_topic() {
    let timeline = timeline("parked", &["--malformed", "0.5", "--duplicates", "0"]);
    assert_eq!(timeline["end"], "parked");
    assert_eq!(
        column(&timeline, "topic"),
        ["order-created", "order-created.dlq"]
    );
    assert_eq!(column(&timeline, "event"), [Value::Null, Value::Null]);
    let events = timeline["events"].as_array().unwrap();
    let mut handled = events[0]["handled"].as_array().unwrap().iter();
    let payment = handled
        .find(|one| one["group"] == "payment-service")
        .unwrap();
    assert_eq!(payment["doneAtMs"], Value::Null);
}

#[test]
fn people_see_it_below_the_report() {
    let output = follow(
        "cancelled",
        &["--payment-failures", "1", "--malformed", "0"],
    )
    .run()
    .succeeds();
    let (report, timeline) = output
        .stdout
        .split_once("order-000001 was cancelled after ")
        .unwrap();
    assert!(report.contains("INVARIANT"), "{report}");
    let headers: Vec<&str> = timeline
        .lines()
        .nth(1)
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(
        headers,
        [
            "AT-MS",
            "EVENT",
            "TOPIC",
            "OFFSET",
            "LATENCY-MS",
            "HANDLED-BY",
            "NOTE"
        ]
    );
    let last = timeline
        .lines()
        .find(|line| line.contains("OrderCancelled"))
        .unwrap();
    assert!(last.contains("compensation, cancelled"), "{last}");
}

#[test]
fn an_order_that_is_not_there_is_a_usage_error_before_anything_runs() {
    for (which, arguments, message) in [
        (
            "order-21",
            &[][..],
            "there is no order `order-000021` in this run",
        ),
        (
            "order-0",
            &[],
            "there is no order `order-000000` in this run",
        ),
        ("lost", &[], "`lost` is no order"),
        (
            "parked",
            &["--malformed", "0"],
            "with seed 7 no order of this run is parked",
        ),
    ] {
        let output = follow(which, arguments).run().status(2);
        assert_eq!(output.stdout, "");
        output.stderr_has(message);
    }
}
