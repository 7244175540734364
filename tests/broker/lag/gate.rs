//! `eda lag --max` over time: `--for` and `--within`.

use super::super::{PATIENCE, behind_by_four, send_numbers, topic};
use super::catch_up;
use crate::support::{Running, broker, eda, fresh, terminal, wire};
use std::time::Duration;

#[test]
fn it_opens_when_the_group_catches_up() {
    let (topic, group) = behind_by_four();
    let gate = eda(&["lag", "-g", &group, "--max", "0", "--within", "60s"])
        .on(broker())
        .spawn();
    catch_up(&topic, &group, 4);
    let output = gate.wait(PATIENCE).succeeds();
    output.stdout_has(&group);
}

#[test]
fn it_is_an_alarm_when_the_time_is_over() {
    let (_, group) = behind_by_four();
    let gate = eda(&["lag", "-g", &group, "--max", "0", "--within", "1s"]);
    let output = gate.on(broker()).run().status(4);
    assert!(output.took >= Duration::from_secs(1), "{:?}", output.took);
    output.stdout_has(&group);
}

#[test]
fn a_group_that_does_not_exist_yet_is_waited_for() {
    let topic = topic("orders", 1);
    let group = fresh("payment");
    send_numbers(&topic, 1, 5);
    let gate = |within: &str| {
        let gate = eda(&[
            "lag", "-g", &group, "-t", &topic, "--max", "0", "--within", within,
        ]);
        gate.on(broker())
    };
    gate("300ms")
        .run()
        .status(4)
        .stderr_has(&format!("group `{group}` does not exist"));
    let json = gate("300ms").arg("--json").run().status(4);
    assert_eq!(json.json(), serde_json::json!([]));
    let message = json.error_json()["message"].to_string();
    assert!(message.contains(&group), "{message}");
    let waiting = gate("60s").spawn();
    catch_up(&topic, &group, 5);
    waiting.wait(PATIENCE).succeeds();
}

#[test]
fn for_asks_that_it_holds_all_the_time() {
    let topic = topic("orders", 1);
    let group = fresh("payment");
    send_numbers(&topic, 1, 2);
    catch_up(&topic, &group, 2);
    let gate = |flags: &[&str]| {
        let gate = eda(&["lag", "-g", &group, "--max", "0"]).args(flags);
        gate.on(broker())
    };
    let output = gate(&["--for", "1s"]).run().succeeds();
    assert!(output.took >= Duration::from_secs(1), "{:?}", output.took);
    // The first look that does not hold ends it, long before the time is over.
    let holding = gate(&["--for", "50s"]).spawn();
    send_numbers(&topic, 1, 1);
    holding.wait(PATIENCE).status(4);
    // With a time to wait, the count begins when it holds.
    let waiting = gate(&["--for", "500ms", "--within", "60s"]).spawn();
    catch_up(&topic, &group, 1);
    waiting.wait(PATIENCE).succeeds();
    // It holds now, and cannot have for long enough.
    let output = gate(&["--for", "1s", "--within", "1001ms"]).run().status(4);
    output.stderr_has("it holds now, but has not held for 1s");
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    let cases: [(&[&str], &str); 4] = [
        (&["--within", "5s"], "--max"),
        (&["--for", "5s"], "--max"),
        (&["--max", "0", "--for", "5s", "--within", "5s"], "--for"),
        (&["--max", "0", "--watch"], "--watch"),
    ];
    for (flags, named) in cases {
        let output = eda(&["lag"]).args(flags).on(broker()).run();
        output.status(2).stderr_has(named);
    }
}

#[test]
fn on_a_terminal_it_says_what_it_waits_for_and_ctrl_c_ends_it() {
    if terminal::is_missing("on_a_terminal_it_says_what_it_waits_for_and_ctrl_c_ends_it") {
        return;
    }
    let (_, group) = behind_by_four();
    let mut gate = eda(&["lag", "-g", &group, "--max", "0", "--within", "50s"])
        .on(broker())
        .on_a_terminal();
    gate.answer(&group, "\u{3}");
    gate.ends().status(130);
}

/// An embedded broker on a port that was free.
fn broker_at(address: &str) -> Running {
    let broker = eda(&["broker", "--listen", address]).spawn();
    broker.wait_for_line(address, PATIENCE);
    broker
}

#[test]
fn a_broker_that_is_away_is_waited_for() {
    let address = format!("127.0.0.1:{}", wire::free_port());
    let gate = |within: &str| {
        let arguments = ["lag", "-g", "payment", "--max", "0", "--within", within];
        eda(&arguments).args(["--brokers", &address])
    };
    let output = gate("1s").run().status(3);
    assert!(output.took >= Duration::from_secs(1), "{:?}", output.took);
    output.stderr_has(&address);
    let waiting = gate("60s").spawn();
    let first = broker_at(&address);
    first.kill();
    let _second = broker_at(&address);
    let on = |arguments: &[&str]| {
        let output = eda(arguments).args(["--brokers", &address]).run();
        output.succeeds()
    };
    on(&["topic", "create", "orders", "--partitions", "1"]);
    on(&["produce", "orders", "n=1"]);
    on(&["consume", "orders", "-g", "payment", "-n", "1"]);
    waiting.wait(PATIENCE).succeeds();
}
