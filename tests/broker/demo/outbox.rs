//! `eda demo --outbox`: orders and their events in one transaction, with and without chaos.

use super::{LONG, prefix};
use crate::broker::PATIENCE;
use crate::support::{Eda, broker, eda, wait_until};
use insta::assert_snapshot;
use serde_json::{Value, json};

fn outbox(arguments: &[&str]) -> Eda {
    let demo = eda(&["demo", "--outbox", "--orders", "60", "--seed", "7"]);
    demo.args(arguments).timeout(LONG)
}

const CHAOS: &[&str] = &["--chaos", "--payment-outage", "500ms"];

/// The invariants that do not hold.
fn broken(report: &Value) -> Vec<&str> {
    let verdicts = report["invariants"].as_array().unwrap();
    assert_eq!(verdicts.len(), 8, "two more than without an outbox");
    let broken = verdicts.iter().filter(|verdict| verdict["holds"] == false);
    broken
        .map(|verdict| verdict["name"].as_str().unwrap())
        .collect()
}

#[test]
fn every_stored_order_has_its_event_and_the_run_goes_as_without() {
    let report = outbox(&["--json"]).run().succeeds().json();
    assert_eq!(broken(&report), Vec::<&str>::new());
    assert_eq!(
        report["outbox"],
        json!({"stored": 60, "published": 60, "pending": 0, "dead": 0, "rolledBack": 0})
    );
    let without = eda(&["demo", "--orders", "60", "--seed", "7", "--json"]);
    let without = without.timeout(LONG).run().succeeds().json();
    assert_eq!(without["outbox"], Value::Null);
    assert_eq!(without["orders"], report["orders"]);
}

#[test]
fn a_relay_may_be_killed_and_the_service_may_crash_before_it_commits() {
    let demo = outbox(&["--json"]).args(CHAOS);
    let report = demo.on(broker()).run().succeeds().json();
    assert_eq!(broken(&report), Vec::<&str>::new(), "{report}");
    let outbox = &report["outbox"];
    assert_eq!(
        (&outbox["stored"], &outbox["published"]),
        (&json!(60), &json!(60))
    );
    assert!(outbox["rolledBack"].as_u64().unwrap() > 0, "{outbox}");
    let relays: Vec<(&Value, &Value)> = report["chaos"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["whom"].as_str().unwrap().starts_with("relay"))
        .map(|event| (&event["whom"], &event["what"]))
        .collect();
    assert_eq!(relays.len(), 2, "{relays:?}");
    assert_eq!(relays[0].1, "killed");
    assert_eq!(relays[1], (&json!("relay-3"), &json!("started")));
    let prefix = prefix(&report);
    wait_until(&format!("the end of `{prefix}…`"), PATIENCE, || {
        let (topics, groups) = super::named(prefix);
        topics.is_empty() && groups.is_empty()
    });
}

#[test]
fn an_order_without_its_event_and_an_event_without_its_order_are_noticed() {
    let noticed = |invariant: &str, chaos: &[&str]| {
        let demo = outbox(&["--json", "--inventory-failures", "0"]);
        let demo = demo.args(["--break", invariant]).args(chaos);
        let report = demo.run().status(4).json();
        assert_eq!(broken(&report), [invariant], "{report}");
    };
    // They mostly wait, so they wait together.
    std::thread::scope(|scope| {
        for invariant in ["order-has-event", "event-has-order"] {
            scope.spawn(move || noticed(invariant, &[]));
            scope.spawn(move || noticed(invariant, CHAOS));
        }
        for invariant in ["one-end", "charged-once"] {
            scope.spawn(move || noticed(invariant, &[]));
        }
    });
    eda(&["demo", "--break", "order-has-event"])
        .run()
        .status(2)
        .stderr_has("`order-has-event` is about the outbox, and there is none");
}

#[test]
fn properties_that_would_lose_events_are_refused_before_anything_is_made() {
    // Nothing listens there: it is not even asked.
    outbox(&["--brokers", "127.0.0.1:1", "-X", "acks=1"])
        .run()
        .status(2)
        .stderr_has("`-X acks` does not go with a relay");
}

/// With numbers and the widths they make out of the way, and without what chaos did, whose order is that of the moment.
fn shape(report: &str) -> String {
    let word = |word: &str| match word.bytes().any(|byte| byte.is_ascii_digit()) {
        true => "N".to_owned(),
        false => word.to_owned(),
    };
    let is_act = |line: &&str| line.split_whitespace().nth(1) == Some("s");
    let lines = report.lines().filter(|line| !is_act(line));
    let lines = lines.map(|line| {
        let words: Vec<String> = line.split_whitespace().map(word).collect();
        words.join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_report_for_people() {
    let report = outbox(&["--follow", "shipped", "--duplicates", "0"]).args(CHAOS);
    let report = report.run().succeeds().stdout;
    let (report, timeline) = report.split_once("order-00000").unwrap();
    assert_snapshot!(shape(report), @r"
    N orders in N s, seed N
    SERVICE INSTANCES PROCESSED RETRIED DUPLICATES DEAD-LETTERED N LAG
    order N N N N N N N
    payment N N N N N N N
    inventory N N N N N N N
    shipping N N N N N N N
    notification N N N N N N N
    analytics N N N N N N N
    audit N N N N N N N

    ORDERS SHIPPED CANCELLED PARKED
    N N N N

    STORED PUBLISHED PENDING DEAD ROLLED-BACK
    N N N N N

    AT CHAOS

    INVARIANT HOLDS DETAIL
    one-end yes every order reached exactly one end
    charged-once yes no order was charged twice
    refunded yes every charge of a cancelled order was refunded
    in-order yes each order's events are in order
    no-lag yes all groups have lag N
    accounted-for yes orders produced are orders accounted for
    order-has-event yes every stored order has its event
    event-has-order yes no event is without its order
    ");
    assert!(timeline.contains("OrderCreated"), "{timeline}");
}
