//! `eda consume` with a handler.

mod delivery;
mod exec;
mod failures;
mod http;
mod stop;
mod waiting;
mod watch;
mod worker;

use crate::support::{Eda, Output, broker, eda};
use serde_json::Value;

/// A run in whose home the handler is: a script for `sh`, to be named as `sh handler`.
fn handled(topic: &str, group: &str, script: &str) -> Eda {
    let run = eda(&["consume", topic, "--group", group]).on(broker());
    std::fs::write(run.home().join("handler"), script).unwrap();
    run
}

/// The same by a process a record, which is tried again soon.
fn exec(topic: &str, group: &str, script: &str) -> Eda {
    let run = handled(topic, group, script);
    run.args(["--exec", "sh handler", "--backoff", "1ms..2ms"])
}

/// What the group has committed in partition 0.
#[track_caller]
fn committed(topic: &str, group: &str) -> Value {
    let lag = eda(&["lag", "--group", group, "--topic", topic, "--json"]);
    let rows = lag.on(broker()).run().succeeds().json();
    rows[0]["committed"].clone()
}

/// The dead letters in a topic, oldest first.
#[track_caller]
fn letters(topic: &str) -> Vec<Value> {
    let show = eda(&["dlq", "show", topic, "--json"]).on(broker());
    let records = show.run().succeeds().records();
    records
        .iter()
        .map(|record| record["deadLetter"].clone())
        .collect()
}

/// That the summary, as a table, has these lines, `processed 2`.
#[track_caller]
fn shows(output: &Output, lines: &[&str]) {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: Vec<String> = output.stdout.lines().map(words).collect();
    for line in lines {
        assert!(
            shown.iter().any(|shown| shown == line),
            "no `{line}` in\n{}",
            output.stdout
        );
    }
}

/// Whether a process of this id lives.
fn lives(id: &str) -> bool {
    let asked = std::process::Command::new("sh")
        .args(["-c", &format!("kill -0 {id}")])
        .output();
    asked.unwrap().status.success()
}
