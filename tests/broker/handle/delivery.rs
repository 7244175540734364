//! `--delivery` and `--dedupe`: what is lost, done twice or seen once.

use super::{committed, exec, handled, shows};
use crate::broker::{PATIENCE, numbers, read, send, send_numbers, topic};
use crate::support::{Eda, Running, fresh, wait_until};
use serde_json::json;
use std::path::Path;

/// A worker that answers each record with a copy of its value for `out`, and says so.
fn copier(topic: &str, group: &str, out: &str) -> Eda {
    let script = format!(
        r#"while read -r line; do
  value=$(echo "$line" | sed 's/.*"value":\({{[^}}]*}}\).*/\1/')
  echo "copied $value" >&2
  echo '{{"ok":true,"produce":[{{"topic":"{out}","value":'"$value"'}}]}}'
done"#
    );
    let run = handled(topic, group, &script).args(["--worker", "sh handler"]);
    run.args([
        "--delivery",
        "exactly-once",
        "-X",
        "session.timeout.ms=6000",
    ])
}

/// Where two runs that belong together mark whose transactions are whose.
fn locks() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn with(run: Eda, locks: &Path) -> Eda {
    run.env("XDG_RUNTIME_DIR", locks)
}

#[test]
fn at_most_once_has_committed_what_it_hands_over() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_numbers(&topic, 1, 3);
    let run = handled(&topic, &group, "echo begun; exec sleep 600").args([
        "--exec",
        "sh handler",
        "--delivery",
        "at-most-once",
    ]);
    let member = run.spawn();
    member.wait_until("the first record", PATIENCE, |run| {
        run.stderr().contains("begun\n")
    });
    member.kill();
    // All that was fetched is lost, which is what was asked for.
    assert_eq!(committed(&topic, &group), 3);
}

#[test]
fn at_most_once_tries_nothing_again() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_numbers(&topic, 1, 2);
    let run = handled(&topic, &group, "exit 75").args(["--exec", "sh handler"]);
    let run = run.args(["--delivery", "at-most-once", "-n", "2"]);
    let output = run.run().succeeds();
    shows(
        &output,
        &["retried 0", "failed-attempts 2", "dead-lettered 2"],
    );
}

#[test]
fn at_least_once_repeats_what_a_crash_left_uncommitted() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_numbers(&topic, 1, 3);
    let slow = "echo handled $EDA_KEY; [ $EDA_KEY != 2 ] || exec sleep 600";
    let run = exec(&topic, &group, slow).args(["--commit-interval", "1h"]);
    let member = run.args(["-X", "session.timeout.ms=6000"]).spawn();
    member.wait_until("the last record", PATIENCE, |run| {
        run.stderr().contains("handled 2\n")
    });
    member.kill();
    let run = exec(&topic, &group, "echo handled $EDA_KEY").args(["-n", "3"]);
    let output = run.run().succeeds();
    assert_eq!(output.stderr.matches("handled ").count(), 3);
    shows(&output, &["lag 0"]);
}

#[test]
fn exactly_once_two_members_side_by_side_do_not_fence_each_other() {
    let (topic, out, group) = (topic("orders", 2), topic("bills", 1), fresh("billing"));
    let locks = locks();
    let start = || with(copier(&topic, &group, &out), locks.path()).spawn();
    let (one, other) = (start(), start());
    let copies = |run: &Running| run.stderr().matches("copied ").count();
    let mut sent = 0;
    // The first to come has everything, until a heartbeat tells it of the other.
    wait_until("both to have a share", PATIENCE, || {
        send_numbers(&topic, 2, 2);
        sent += 2;
        one.wait_until("two more", PATIENCE, |one| {
            copies(one) + copies(&other) >= sent
        });
        copies(&one) > 0 && copies(&other) > 0
    });
    let all = copies(&one) + copies(&other);
    for member in [one, other] {
        member.terminate();
        shows(&member.wait(PATIENCE).status(143), &["failed-attempts 0"]);
    }
    assert_eq!(read(&out).len(), all);
}

#[test]
fn exactly_once_a_member_that_was_killed_is_followed_by_one_that_ends_its_transaction() {
    let (topic, out, group) = (topic("orders", 1), topic("bills", 1), fresh("billing"));
    send_numbers(&topic, 1, 3);
    let locks = locks();
    let copier = || with(copier(&topic, &group, &out), locks.path());
    // Its transaction is open when it dies, and would be for a minute.
    let member = copier().args(["--commit-interval", "30s"]).spawn();
    member.wait_until("all copies", PATIENCE, |run| {
        run.stderr().matches("copied ").count() == 3
    });
    member.kill();
    let output = copier().args(["-n", "3"]).run().succeeds();
    shows(&output, &["processed 3", "produced 3", "lag 0"]);
    assert_eq!(
        numbers(&read(&out)),
        [0, 1, 2],
        "those of the dead one are gone"
    );
    assert_eq!(committed(&topic, &group), 3);
}

#[test]
fn events_that_were_done_are_passed_over_by_the_next_run() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    let event = |id: &str| json!({"value": {}, "headers": [["ce_id", id]]});
    let home = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", home.path().join("done.db").display());
    send(&topic, &[event("a"), event("b"), event("a")]);
    let first = exec(&topic, &group, "").args(["-n", "3", "--dedupe", &store]);
    shows(&first.run().succeeds(), &["processed 2", "duplicates 1"]);
    send(&topic, &[event("b"), event("c")]);
    let second = exec(&topic, &group, "").args(["-n", "2"]);
    let second = second.env("EDA_DEDUPE", &store).run().succeeds();
    shows(&second, &["processed 1", "duplicates 1", "lag 0"]);
}

#[test]
fn a_dead_letter_is_not_passed_over_when_it_comes_again() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    let event = || json!({"value": {}, "headers": [["ce_id", "a"]]});
    send(&topic, &[event(), event()]);
    let run = exec(&topic, &group, "exit 65").args(["-n", "2", "--dedupe", "memory"]);
    shows(&run.run().succeeds(), &["dead-lettered 2", "duplicates 0"]);
}

/// Longer at work than the group waits for a member that says nothing.
#[test]
fn a_slow_handler_does_not_cost_the_membership() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_numbers(&topic, 1, 2);
    let run = exec(&topic, &group, "echo handled; [ $EDA_KEY != 0 ] || sleep 8").args(["-n", "2"]);
    let run = run.args([
        "-X",
        "session.timeout.ms=6000",
        "-X",
        "max.poll.interval.ms=6000",
    ]);
    let output = run.run().succeeds();
    assert_eq!(output.stderr.matches("handled\n").count(), 2);
    shows(&output, &["processed 2", "failed-attempts 0", "lag 0"]);
}
