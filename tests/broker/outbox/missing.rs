//! Events whose topic does not exist: they wait for it, as in an outage.

use super::{Outbox, check_numbers, databases_with_debezium, in_a_file};
use crate::broker::{PATIENCE, create};
use crate::support::{broker, wait_until};
use serde_json::{Value, json};

fn init(outbox: &Outbox) {
    outbox.eda(&["outbox", "init", "--yes"]).run().succeeds();
}

fn waiting(outbox: &Outbox) -> Value {
    outbox.status()["waiting"].clone()
}

/// As `status` has it.
fn all_wait(outbox: &Outbox, events: u64) -> Value {
    let reason = format!("topic `{}` does not exist", outbox.topic());
    json!([{"reason": reason, "events": events}])
}

/// Each try was an attempt of the event's, and after a minute it was dead.
#[test]
fn events_wait_for_their_topic_without_an_attempt_and_are_published_in_order_when_it_is_made() {
    let test = "events_wait_for_their_topic";
    for outbox in databases_with_debezium(test) {
        init(&outbox);
        outbox.add_numbers(0, 100, 7);
        let relay = outbox.relay(&["--max-attempts", "1", "--json"]).spawn();
        wait_until("all wait", PATIENCE, || {
            waiting(&outbox) == all_wait(&outbox, 100)
        });
        // It goes on trying, and no try is an attempt.
        outbox.add_numbers(100, 10, 11);
        wait_until("the new ones of others wait, too", PATIENCE, || {
            waiting(&outbox)[0]["events"].as_u64() > Some(100)
        });
        let status = outbox.status();
        let counts = ["pending", "retrying", "dead", "mostAttempts"].map(|name| &status[name]);
        assert_eq!(counts, [&json!(110), &json!(0), &json!(0), &json!(0)]);
        let shown = outbox.eda(&["outbox", "status"]).run().succeeds();
        shown.stdout_has(&format!("topic `{}` does not exist", outbox.topic()));
        create(broker(), &outbox.topic(), 3);
        wait_until("the events", PATIENCE, || outbox.status()["pending"] == 0);
        assert_eq!(waiting(&outbox), json!([]));
        relay.interrupt();
        let output = relay.wait(PATIENCE).status(130);
        let report = output.json();
        let counts = ["published", "refused", "dead"].map(|name| &report[name]);
        assert_eq!(counts, [&json!(110), &json!(0), &json!(0)]);
        let topic = outbox.topic();
        for said in [
            format!("topic `{topic}` does not exist: its events wait for it"),
            format!("`eda topic create {topic}`"),
            format!("topic `{topic}` is there"),
        ] {
            let often = output.stderr.matches(&said).count();
            assert_eq!(often, 1, "{said}: {}", output.stderr);
        }
        assert_eq!(check_numbers(&outbox.published(), 110), 0);
    }
}

#[test]
fn one_run_alone_does_not_wait_for_a_topic_says_what_does_and_leaves_it_pending() {
    let test = "one_run_alone_does_not_wait_for_a_topic";
    for outbox in databases_with_debezium(test) {
        init(&outbox);
        outbox.add_numbers(0, 30, 7);
        let once = outbox.relay(&["--once", "--max-attempts", "1"]);
        // The second finds them as the first did.
        for _ in 0..2 {
            let output = once.run().status(1);
            let said = format!("30 events wait: topic `{}` does not exist", outbox.topic());
            assert_eq!(
                output.stderr.matches("does not exist").count(),
                1,
                "{}",
                output.stderr
            );
            output
                .stderr_has(&said)
                .stderr_has(&format!("`eda topic create {}`", outbox.topic()));
            assert_eq!(waiting(&outbox), all_wait(&outbox, 30));
        }
        let report = once.clone().arg("--json").run().status(1).json();
        assert_eq!(report["waiting"], all_wait(&outbox, 30));
        let status = outbox.status();
        let counts = ["pending", "inHand", "dead", "mostAttempts"].map(|name| &status[name]);
        assert_eq!(counts, [&json!(30), &json!(0), &json!(0), &json!(0)]);
        create(broker(), &outbox.topic(), 3);
        // At once: nothing is put off for longer than the run that could not publish it.
        outbox.relay(&["--once"]).run().succeeds();
        assert_eq!(check_numbers(&outbox.published(), 30), 0);
    }
}

/// The others go on, and what follows in the aggregate waits for its head.
#[test]
fn who_waits_for_a_topic_holds_up_its_aggregate_alone() {
    let outbox = in_a_file().made();
    let other = crate::support::fresh("invoice");
    let row = |entity: &str, n: u64| {
        let row = json!({
            "aggregatetype": entity, "aggregateid": "7", "type": "Made", "payload": {"n": n},
        });
        format!("{row}\n")
    };
    let rows = [
        row(&other, 0),
        row(&outbox.entity, 0),
        row(&other, 1),
        row(&outbox.entity, 1),
    ];
    outbox.add_lines(rows.concat());
    let relay = outbox.relay(&["--max-attempts", "1"]).spawn();
    wait_until("the others", PATIENCE, || outbox.marked() == 2);
    wait_until("both wait", PATIENCE, || waiting(&outbox)[0]["events"] == 2);
    assert_eq!(outbox.status()["pending"], 2);
    create(broker(), &format!("outbox.event.{other}"), 1);
    wait_until("all", PATIENCE, || outbox.marked() == 4);
    relay.interrupt();
    relay.wait(PATIENCE).status(130);
    for topic in [outbox.topic(), format!("outbox.event.{other}")] {
        let records = super::read_all(broker(), &topic);
        let numbers: Vec<&Value> = records.iter().map(|record| &record["value"]["n"]).collect();
        assert_eq!(numbers, [&json!(0), &json!(1)]);
    }
}

/// Events of an aggregate that go to several topics, of which one is missing: what waits for its turn is not overtaken by
/// what is claimed after it.
#[test]
fn in_each_topic_an_aggregate_keeps_its_order_while_another_topic_is_missing() {
    for outbox in databases_with_debezium("in_each_topic_an_aggregate_keeps_its_order") {
        init(&outbox);
        let topics = [
            crate::support::fresh("missing"),
            crate::support::fresh("there"),
        ];
        let row = |n: usize| {
            // Of each aggregate the first waits, and all others have somewhere to go.
            let row = json!({
                "aggregatetype": outbox.entity, "aggregateid": format!("{}", n % 3),
                "type": topics[usize::from(n > 2)], "payload": {"n": n},
            });
            format!("{row}\n")
        };
        create(broker(), &topics[1], 1);
        outbox.add_lines((0..200).map(row).collect::<String>());
        let flags = ["--topic", "{type}", "--batch", "9"];
        let relay = outbox.relay(&flags).spawn();
        let missing = format!("topic `{}` does not exist", topics[0]);
        relay.wait_until("the first try", PATIENCE, |relay| {
            relay.stderr().contains(&missing)
        });
        create(broker(), &topics[0], 1);
        wait_until("all", PATIENCE, || outbox.marked() == 200);
        relay.interrupt();
        relay.wait(PATIENCE).status(130);
        for topic in &topics {
            let records = super::read_all(broker(), topic);
            for aggregate in ["0", "1", "2"] {
                let of_it = records.iter().filter(|record| record["key"] == aggregate);
                let numbers: Vec<u64> = of_it.filter_map(|it| it["value"]["n"].as_u64()).collect();
                assert!(!numbers.is_empty(), "{topic}");
                assert!(numbers.is_sorted(), "{topic}, {aggregate}: {numbers:?}");
            }
        }
    }
}
