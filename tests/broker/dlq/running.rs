//! Replays that meet another, a signal, new dead letters, or a broker that goes away.

use super::{letter, replay, replayed, send_letters, settled, still_waiting, topics};
use crate::broker::{PATIENCE, create, numbers, read, send};
use crate::support::proxy::Proxy;
use crate::support::{Broker, Running, eda};
use serde_json::Value;

/// Waits until something was put back.
fn has_begun(running: &Running, topic: &str) {
    running.wait_until("something put back", PATIENCE, |_| !read(topic).is_empty());
}

#[test]
fn a_second_replay_takes_over_and_nothing_is_lost_or_doubled() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 120);
    let first = replay(&letters, &["--rate", "20", "--yes"]).spawn();
    has_begun(&first, &topic);
    let second = replayed(&letters, &[]);
    let first = first.wait(PATIENCE).status(1);
    let message = first.error_json()["message"].as_str().unwrap().to_owned();
    let expected = format!(
        "another replay of `{letters}` under the group `eda-replay.{letters}` has taken over"
    );
    assert!(message.starts_with(&expected), "{message}");
    assert_eq!(
        numbers(&settled(&topic, 120)),
        (0..120).collect::<Vec<_>>(),
        "each once"
    );
    // What the first had committed is in its words.
    let of_second = second["replayed"].as_i64().unwrap();
    assert!(
        message.contains(&format!("{} were put back", 120 - of_second)),
        "{message}"
    );
    still_waiting(&letters, 0);
}

#[test]
fn ctrl_c_finishes_the_transaction_in_hand() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 120);
    let running = replay(&letters, &["--rate", "20", "--yes"]).spawn();
    has_begun(&running, &topic);
    running.interrupt();
    let output = running.wait(PATIENCE).status(130);
    let outcome = output.json();
    assert_eq!(outcome["interrupted"], true);
    let done = outcome["replayed"].as_i64().unwrap();
    assert!(done > 0 && done < 120, "{done}");
    output.stderr_has("the same command goes on from here");
    settled(&topic, done as usize);
    still_waiting(&letters, 120 - done);
    assert_eq!(replayed(&letters, &[])["replayed"], 120 - done);
    assert_eq!(
        numbers(&settled(&topic, 120)),
        (0..120).collect::<Vec<_>>(),
        "each once"
    );
}

#[test]
fn what_dies_meanwhile_is_for_the_next_replay() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 60);
    let running = replay(&letters, &["--rate", "40", "--yes"]).spawn();
    has_begun(&running, &topic);
    let late: Vec<Value> = (60..70).map(|n| letter(&topic, n, "late")).collect();
    send(&letters, &late);
    let outcome = running.wait(PATIENCE).status(0).json();
    assert_eq!(outcome["replayed"], 60);
    still_waiting(&letters, 10);
    assert_eq!(replayed(&letters, &[])["replayed"], 10);
}

/// A broker of its own, which is killed and comes back with what it had.
#[test]
fn a_broker_that_goes_away_ends_it_in_time_and_the_same_command_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::embedded_in(folder.path());
    let (topic, letters) = ("orders", "orders.dlq");
    create(&broker, topic, 3);
    create(&broker, letters, 3);
    let lines: String = (0..200)
        .map(|n| format!("{}\n", letter(topic, n, "declined")))
        .collect();
    let send = eda(&["produce", letters, "--records"]).stdin(lines);
    send.on(&broker).run().succeeds();
    let replay = [
        "dlq",
        "replay",
        letters,
        "--yes",
        "--json",
        "--timeout",
        "2s",
    ];
    let read = |broker: &Broker| {
        let read = eda(&["consume", topic, "-o", ":end", "--json"]);
        read.on(broker).run().succeeds().records()
    };
    let running = eda(&replay).args(["--rate", "40"]).on(&broker).spawn();
    running.wait_until("something put back", PATIENCE, |_| {
        !read(&broker).is_empty()
    });
    broker.kill();
    let address = broker.address().to_owned();
    drop(broker);
    let message = running.wait(PATIENCE).status(3).error_json()["message"].clone();
    let message = message.as_str().unwrap();
    assert!(
        message.contains("were put back and committed before it"),
        "{message}"
    );
    let broker = Broker::embedded_at(&address, &["--data", folder.path().to_str().unwrap()]);
    eda(&replay).on(&broker).run().succeeds();
    assert_eq!(
        numbers(&read(&broker)),
        (0..200).collect::<Vec<_>>(),
        "each once"
    );
}

/// A commit that took place, and whose answer never came: who goes on must look whether it did.
#[test]
fn a_commit_that_nobody_answers_puts_nothing_back_twice() {
    let broker = Broker::embedded(&["--topics", "orders:3,orders.dlq:3"]);
    let lines: String = (0..60)
        .map(|n| format!("{}\n", letter("orders", n, "declined")))
        .collect();
    let send = eda(&["produce", "orders.dlq", "--records"]).stdin(lines);
    send.on(&broker).run().succeeds();
    let proxy = Proxy::losing_the_first_commit(&broker);
    let replay = eda(&["dlq", "replay", "orders.dlq", "--yes", "--json"]);
    // Every third stays, so that both the commit and the ledger have to be read again.
    let replay = replay.args(["--grep", "header[trace]:[12457]$", "--timeout", "2s"]);
    let outcome = replay
        .args(["--brokers", &proxy.address()])
        .run()
        .succeeds()
        .json();
    assert!(proxy.lost() > 0, "no answer was lost");
    assert_eq!(outcome["replayed"], 30, "{outcome}");
    let read = eda(&["consume", "orders", "-o", ":end", "--json"]);
    let found = numbers(&read.on(&broker).run().succeeds().records());
    let expected: Vec<i64> = (0..60)
        .filter(|n| [1, 2, 4, 5, 7].contains(&(n % 10)))
        .collect();
    assert_eq!(found, expected, "each once");
}
