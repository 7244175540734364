//! Signals: the first finishes what is in hand, the second leaves it.

use super::{committed, exec, handled, lives};
use crate::broker::{PATIENCE, send_numbers, topic};
use crate::support::{Running, broker, eda, fresh, wait_until};
use serde_json::{Value, json};

/// Waits for the process's id, which the handler says first.
fn id(member: &Running) -> String {
    let says = |run: &Running| run.stderr().lines().any(|line| line.starts_with("id "));
    member.wait_until("the handler's id", PATIENCE, says);
    let stderr = member.stderr();
    let line = stderr.lines().find_map(|line| line.strip_prefix("id "));
    line.unwrap().to_owned()
}

fn members(group: &str) -> Value {
    let groups = eda(&["group", "list", "--json"]).on(broker()).run();
    let groups = groups.succeeds().json();
    let rows = groups.as_array().unwrap();
    let row = rows.iter().find(|row| row["group"] == group).unwrap();
    row["members"].clone()
}

#[test]
fn a_signal_finishes_what_is_in_hand_and_the_group_is_left_at_once() {
    for (signal, status, ended) in [("TERM", 143, "terminated"), ("INT", 130, "interrupted")] {
        let (topic, group) = (topic("orders", 1), fresh("billing"));
        send_numbers(&topic, 1, 3);
        let script = "echo id $$; until [ -e go ]; do sleep 0.02; done; echo finished";
        let run = exec(&topic, &group, script).arg("--json");
        let member = run.spawn();
        id(&member);
        match signal {
            "TERM" => member.terminate(),
            _ => member.interrupt(),
        }
        // Sent is not yet heard: on a busy machine it would begin the next record in between.
        let heard = |run: &Running| run.stderr().contains("finishing what is in hand");
        member.wait_until("it to stop", PATIENCE, heard);
        std::fs::write(run.home().join("go"), "").unwrap();
        let output = member.wait(PATIENCE).status(status);
        assert_eq!(output.stderr.matches("finished\n").count(), 1);
        let summary = output.json();
        assert_eq!(
            (&summary["ended"], &summary["processed"], &summary["lag"]),
            (&json!(ended), &json!(1), &json!(2))
        );
        assert_eq!(committed(&topic, &group), 1);
        assert_eq!(members(&group), 0, "nobody waits for its session to end");
    }
}

#[test]
fn what_takes_longer_than_the_grace_is_ended_and_stays() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_numbers(&topic, 1, 1);
    let run = exec(
        &topic,
        &group,
        "trap '' TERM; echo id $$; sleep 600; sleep 600",
    );
    let member = run.args(["--grace", "200ms", "--json"]).spawn();
    let id = id(&member);
    member.terminate();
    let output = member.wait(PATIENCE).status(143);
    assert_eq!(output.json()["processed"], 0);
    wait_until("its handler to end", PATIENCE, || !lives(&id));
    assert_eq!(committed(&topic, &group), Value::Null);
}

#[test]
fn a_second_signal_leaves_at_once_and_takes_the_handlers_along() {
    let answer = "while read -r line; do :; done";
    for (flag, script) in [
        (
            "--exec",
            "trap '' TERM INT; echo id $$; sleep 600; sleep 600".to_owned(),
        ),
        (
            "--worker",
            format!("trap '' TERM INT; echo id $$ >&2; {answer}; sleep 600"),
        ),
    ] {
        let (topic, group) = (topic("orders", 1), fresh("billing"));
        send_numbers(&topic, 1, 1);
        let run = handled(&topic, &group, &script).args([flag, "sh handler"]);
        let member = run.spawn();
        let id = id(&member);
        // Two that come together are one to the system, so they are sent until they are two to us.
        wait_until("the handler to end", PATIENCE, || {
            member.interrupt();
            !lives(&id)
        });
        let output = member.wait(PATIENCE).status(130);
        assert!(!lives(&id), "{flag}: the handler lives on");
        assert_eq!(output.stdout, "", "{flag}: no summary");
        assert_eq!(committed(&topic, &group), Value::Null);
    }
}
