//! `eda offsets …`: show, reset, delete. What is refused is in offsets_refused.rs, skipping in offsets_skip.rs, files
//! are in offsets_file.rs.

use super::group::member;
use super::{PATIENCE, send_numbers, topic};
use crate::support::{broker, eda, fresh, terminal};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// A topic of two partitions with five records each, all of which a group has read.
pub(super) fn caught_up() -> (String, String) {
    let topic = topic("orders", 2);
    let group = fresh("payment-service");
    send_numbers(&topic, 2, 10);
    eda(&["consume", &topic, "--group", &group, "-n", "10"])
        .on(broker())
        .run()
        .succeeds();
    (topic, group)
}

/// The committed offset of each partition, in order.
#[track_caller]
pub(super) fn committed(group: &str) -> Vec<i64> {
    let rows = eda(&["offsets", "show", group, "--json"])
        .on(broker())
        .run()
        .succeeds()
        .json();
    let offset = |row: &Value| row["committed"].as_i64().unwrap();
    rows.as_array().unwrap().iter().map(offset).collect()
}

#[track_caller]
fn reset(group: &str, arguments: &[&str]) -> Value {
    eda(&["offsets", "reset", group, "--json"])
        .args(arguments)
        .on(broker())
        .run()
        .succeeds()
        .json()
}

/// One key of each row.
pub(super) fn column(rows: &Value, key: &str) -> Vec<Value> {
    let rows = rows.as_array().unwrap();
    rows.iter().map(|row| row[key].clone()).collect()
}

#[test]
fn a_reset_as_a_person_sees_it() {
    let (topic, group) = caught_up();
    let plan = eda(&["offsets", "reset", &group, "--to", "2", "--dry-run"])
        .on(broker())
        .run();
    assert_snapshot!(plan.snapshot(), @r"
    status: 0
    --- stdout
    GROUP                     TOPIC            PARTITION  PRIOR  NEW  CHANGE  NOTE
    payment-service-xxxxxxxx  orders-xxxxxxxx          0      5    2  -3
    payment-service-xxxxxxxx  orders-xxxxxxxx          1      5    2  -3
    payment-service-xxxxxxxx: reads 6 records again
    --- stderr
    ");
    assert_eq!(committed(&group), [5, 5], "a dry run");
    eda(&["offsets", "reset", &group, "--to", "2"])
        .on(broker())
        .run()
        .status(2)
        .stderr_has("--yes");
    assert_eq!(committed(&group), [5, 5], "no consent");
    let done = eda(&["offsets", "reset", &group, "--to", "2", "--yes"])
        .on(broker())
        .run();
    assert_snapshot!(done.snapshot(), @r"
    status: 0
    --- stdout
    GROUP                     TOPIC            PARTITION  PRIOR  NEW  CHANGE  RESULT
    payment-service-xxxxxxxx  orders-xxxxxxxx          0      5    2  -3      moved
    payment-service-xxxxxxxx  orders-xxxxxxxx          1      5    2  -3      moved
    --- stderr
    ");
    assert_eq!(committed(&group), [2, 2]);
    // And the consumer goes on there.
    let records = eda(&["consume", &topic, "--group", &group, "-n", "6", "--json"])
        .on(broker())
        .run()
        .succeeds()
        .records();
    let first = records.iter().map(|record| record["offset"].as_i64());
    assert_eq!(first.min(), Some(Some(2)));
    assert_eq!(committed(&group), [5, 5]);
}

#[test]
fn every_position_is_found() {
    let (topic, group) = caught_up();
    let cases: [(&[&str], [i64; 2]); 11] = [
        (&["--to", "beginning"], [0, 0]),
        (&["--to", "end"], [5, 5]),
        (&["--to", "3"], [3, 3]),
        (&["--to", "+1"], [1, 1]),
        (&["--to", "-2"], [3, 3]),
        (&["--by", "-2"], [1, 1]),
        (&["--by", "3"], [4, 4]),
        (&["--to", "@-1h"], [0, 0]),
        (&["--to", "@2099-01-01T00:00:00Z"], [5, 5]),
        (
            &["--to", "1", "--topic", &topic, "--partition", "1"],
            [5, 1],
        ),
        (&["--to", "start", "-p", "0"], [0, 1]),
    ];
    for (arguments, expected) in cases {
        let mut words = arguments.to_vec();
        words.push("--yes");
        reset(&group, &words);
        assert_eq!(committed(&group), expected, "{arguments:?}");
    }
}

#[test]
fn a_place_outside_the_log_is_its_edge_and_the_plan_says_why() {
    let (topic, group) = caught_up();
    eda(&["topic", "purge", &topic, "--before", "3", "--yes"])
        .on(broker())
        .run()
        .succeeds();
    let plan = reset(&group, &["--to", "1", "--dry-run"]);
    assert_eq!(column(&plan, "new"), [json!(3), json!(3)]);
    assert_eq!(
        column(&plan, "note"),
        [json!("the log starts at 3"), json!("the log starts at 3")]
    );
    let plan = reset(&group, &["--to", "99", "--dry-run"]);
    assert_eq!(
        column(&plan, "note"),
        [json!("the log ends at 5"), json!("the log ends at 5")]
    );
    let plan = reset(&group, &["--to", "@2099-01-01", "--dry-run"]);
    assert_eq!(
        column(&plan, "note")[0],
        json!("no record is as late: the end")
    );
}

#[test]
fn what_is_there_already_is_nothing_to_do() {
    let (_, group) = caught_up();
    eda(&["offsets", "reset", &group, "--to", "end"])
        .on(broker())
        .run()
        .succeeds()
        .stdout_has("5    5  0");
}

#[test]
fn several_groups_are_moved_at_once_and_one_to_where_another_is() {
    let (topic, group) = caught_up();
    let other = fresh("audit");
    // A group that does not exist is a mistake, unless it is said to be new.
    let arguments = ["--to-group", group.as_str(), "--yes"];
    eda(&["offsets", "reset", &other])
        .args(arguments)
        .on(broker())
        .run()
        .status(1)
        .stderr_has(&format!("group `{other}` does not exist"));
    let copied = eda(&["offsets", "reset", &other, "--create", "--json"])
        .args(arguments)
        .on(broker())
        .run()
        .succeeds()
        .json();
    assert_eq!(column(&copied, "prior"), [Value::Null, Value::Null]);
    assert_eq!(column(&copied, "applied"), [json!(true), json!(true)]);
    assert_eq!(committed(&other), [5, 5]);
    let both = [&group, &other, "--to", "1", "--topic", &topic, "--yes"];
    eda(&["offsets", "reset"])
        .args(both)
        .on(broker())
        .run()
        .succeeds();
    assert_eq!(committed(&group), [1, 1]);
    assert_eq!(committed(&other), [1, 1]);
}

#[test]
fn a_partition_without_a_commit_is_left_unless_its_topic_is_named() {
    let topic = topic("orders", 2);
    let group = fresh("payment-service");
    send_numbers(&topic, 2, 4);
    let new = ["--to", "1", "--create", "--yes", "-t", &topic, "-p", "0"];
    reset(&group, &new);
    assert_eq!(committed(&group), [1]);
    let plan = eda(&["offsets", "reset", &group, "--to", "end", "--dry-run"])
        .on(broker())
        .run()
        .succeeds();
    plan.stdout_has(&format!("{group} has no commit in {topic}:1"));
    let plan = reset(&group, &["--to", "end", "--topic", &topic, "--dry-run"]);
    assert_eq!(column(&plan, "prior"), [json!(1), Value::Null]);
    // Nothing to count from is a failure of that row, and holds up the others unless told otherwise.
    let counting = [
        "offsets", "reset", &group, "--by", "1", "-t", &topic, "--yes",
    ];
    eda(&counting)
        .on(broker())
        .run()
        .status(1)
        .stdout_has("there is no commit to count from")
        .stdout_has("nothing is moved");
    assert_eq!(committed(&group), [1]);
    eda(&counting)
        .arg("--skip-failed")
        .on(broker())
        .run()
        .status(1);
    assert_eq!(committed(&group), [2]);
}

#[test]
fn what_does_not_exist_is_answered_with_what_was_meant() {
    let (topic, group) = caught_up();
    let typo = group.replace("payment", "paymnet");
    for command in [
        &["show"][..],
        &["reset", "--to", "end"],
        &["export"],
        &["delete"],
    ] {
        eda(&["offsets", command[0], &typo])
            .args(&command[1..])
            .on(broker())
            .run()
            .status(1)
            .stderr_has(&format!("did you mean `{group}`?"));
    }
    let typo = topic.replace("orders", "oders");
    eda(&["offsets", "reset", &group, "--to", "end", "-t", &typo])
        .on(broker())
        .run()
        .status(1)
        .stderr_has(&format!("did you mean `{topic}`?"));
    eda(&["offsets", "reset", &group, "--to", "end", "-p", "7"])
        .on(broker())
        .run()
        .status(1)
        .stderr_has("no partition 7");
    eda(&["offsets", "reset", &group, "--to", "stored"])
        .on(broker())
        .run()
        .status(2);
    eda(&["offsets", "reset", &group])
        .on(broker())
        .run()
        .status(2)
        .stderr_has("--to");
}

#[test]
fn offsets_are_forgotten_partition_by_partition() {
    let (topic, group) = caught_up();
    let delete = ["offsets", "delete", &group, "-t", &topic, "-p", "1"];
    eda(&delete).on(broker()).run().status(2);
    eda(&delete)
        .arg("--dry-run")
        .on(broker())
        .run()
        .succeeds()
        .stdout_has(&topic);
    assert_eq!(committed(&group), [5, 5]);
    let deleted = eda(&delete)
        .args(["--yes", "--json"])
        .on(broker())
        .run()
        .succeeds()
        .json();
    assert_eq!(deleted[0]["partition"], 1);
    assert_eq!(deleted[0]["deleted"], true);
    assert_eq!(committed(&group), [5]);
    // What is named and is not there is a mistake, and not an empty answer.
    for limit in [["-p", "9"], ["-t", "no-such-topic"]] {
        for command in ["delete", "export"] {
            eda(&["offsets", command, &group])
                .args(limit)
                .on(broker())
                .run()
                .status(1);
        }
    }
}

#[test]
fn a_live_group_keeps_the_offsets_of_what_it_reads() {
    let (topic, group) = caught_up();
    let member = member(&topic, &group, &[]);
    eda(&["offsets", "delete", &group, "-t", &topic, "--yes"])
        .on(broker())
        .run()
        .status(1)
        .stdout_has("GROUP_SUBSCRIBED_TO_TOPIC");
    member.interrupt();
    member.wait(PATIENCE).status(130);
    assert_eq!(committed(&group), [5, 5]);
}

#[test]
fn a_reset_asks_for_group_and_position_and_a_declined_one_changes_nothing() {
    if terminal::is_missing(
        "a_reset_asks_for_group_and_position_and_a_declined_one_changes_nothing",
    ) {
        return;
    }
    let (_, group) = caught_up();
    let mut reset = eda(&["offsets", "reset"]).on(broker()).on_a_terminal();
    reset.answer("Group", &format!("{group}\r"));
    reset.answer("Move to (end)", "beginning\r");
    reset.answer(&format!("$ eda offsets reset {group} --to beginning"), "");
    reset.answer("reads 10 records again", "");
    reset.answer("Move them?", "n");
    reset
        .ends()
        .status(1)
        .stdout_has("declined, nothing was changed");
    assert_eq!(committed(&group), [5, 5]);
}
