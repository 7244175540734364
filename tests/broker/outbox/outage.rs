//! Brokers and databases that go away under a relay: nobody's fault, and it comes back by itself.

use super::{check_numbers, in_a_file, on_postgres, read_all};
use crate::broker::PATIENCE;
use crate::broker::guarantees::LONG;
use crate::broker::guarantees::restarted::{start, start_again};
use crate::support::broker::Kind;
use crate::support::databases::own_postgres;
use crate::support::{Running, wait_until};
use serde_json::json;

fn says(relay: &Running, what: &'static str) {
    relay.wait_until(what, LONG, |relay| relay.stderr().contains(what));
}

#[test]
fn a_broker_that_is_stopped_and_started_again_loses_nothing_and_is_no_attempt() {
    let (kind, folder) = (Kind::chosen(), tempfile::tempdir().unwrap());
    let broker = start(kind, folder.path());
    let address = broker.address().to_owned();
    let outbox = in_a_file().made_for(&broker);
    outbox.add_numbers(0, 100, 7);
    let relay = outbox.relay_to(&broker, &["--timeout", "2s", "--lease", "2s", "--json"]);
    let relay = relay.timeout(LONG).spawn();
    wait_until("the first events", PATIENCE, || outbox.marked() == 100);
    broker.kill();
    drop(broker);
    outbox.add_numbers(100, 100, 7);
    says(&relay, "waiting for Kafka");
    let status = outbox.status();
    assert_eq!(
        (&status["pending"], &status["mostAttempts"]),
        (&json!(100), &json!(0))
    );
    let broker = start_again(kind, folder.path(), &address);
    says(&relay, "Kafka answers again");
    wait_until("the other events", LONG, || outbox.marked() == 200);
    relay.interrupt();
    let output = relay.wait(PATIENCE).status(130);
    let report = output.json();
    assert_eq!(
        (&report["published"], &report["refused"], &report["dead"]),
        (&json!(200), &json!(0), &json!(0))
    );
    let stderr = &output.stderr;
    for said in ["waiting for Kafka", "Kafka answers again"] {
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
    check_numbers(&read_all(&broker, &outbox.topic()), 200);
}

#[test]
fn what_is_in_hand_when_nobody_answers_is_given_back_at_the_end() {
    let (kind, folder) = (Kind::chosen(), tempfile::tempdir().unwrap());
    let broker = start(kind, folder.path());
    let outbox = in_a_file().made_for(&broker);
    outbox.add_numbers(0, 10, 3);
    let relay = outbox.relay_to(&broker, &["--timeout", "2s", "--grace", "200ms", "--json"]);
    let relay = relay.timeout(LONG).spawn();
    wait_until("the first events", PATIENCE, || outbox.marked() == 10);
    broker.kill();
    outbox.add_numbers(10, 10, 3);
    wait_until("a claim", PATIENCE, || outbox.status()["inHand"] == 10);
    relay.interrupt();
    let report = relay.wait(PATIENCE).status(130).json();
    assert_eq!(
        (&report["published"], &report["released"]),
        (&json!(10), &json!(10))
    );
    let status = outbox.status();
    let all = [
        &status["pending"],
        &status["inHand"],
        &status["mostAttempts"],
    ];
    assert_eq!(all, [&json!(10), &json!(0), &json!(0)]);
    // One run alone does not wait for ever.
    let once = outbox
        .relay_to(&broker, &["--timeout", "2s", "--once"])
        .run();
    once.status(3).stderr_has("cannot reach Kafka");
}

#[test]
fn a_database_that_is_stopped_and_started_again_is_waited_for() {
    let test = "a_database_that_is_stopped_and_started_again_is_waited_for";
    let Some(database) = own_postgres(test) else {
        return;
    };
    let outbox = on_postgres(database).made();
    let server = &outbox.postgres.as_ref().unwrap().server;
    outbox.add_numbers(0, 100, 7);
    let relay = outbox
        .relay(&["--timeout", "2s", "--json"])
        .timeout(LONG)
        .spawn();
    wait_until("the first events", PATIENCE, || outbox.marked() == 100);
    server.kill();
    says(&relay, "waiting for the database");
    server.run();
    says(&relay, "the database answers again");
    outbox.add_numbers(100, 100, 7);
    wait_until("the other events", LONG, || outbox.marked() == 200);
    relay.interrupt();
    let output = relay.wait(PATIENCE).status(130);
    assert_eq!(output.json()["published"], 200);
    let stderr = &output.stderr;
    for said in ["waiting for the database", "the database answers again"] {
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
    check_numbers(&outbox.published(), 200);
}
