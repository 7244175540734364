//! `eda offsets reset` where it must not: live groups, and groups that moved since the plan.

use super::PATIENCE;
use super::group::member;
use super::offsets::{caught_up, column, committed};
use crate::support::{broker, eda, fresh, terminal};
use serde_json::json;

#[test]
fn a_live_group_is_refused_and_its_members_are_named() {
    let (topic, group) = caught_up();
    let member = member(&topic, &group, &[]);
    let reset = ["offsets", "reset", &group, "--to", "beginning", "--yes"];
    eda(&reset)
        .on(broker())
        .run()
        .status(1)
        .stderr_has(&format!("group `{group}` has 1 active member"))
        .stderr_has("1 active member: `eda/0.1.0` on /")
        .stderr_has("nothing was changed");
    // A dry run shows what it would be, and that it would not be.
    eda(&["offsets", "reset", &group, "--to", "beginning", "--dry-run"])
        .on(broker())
        .run()
        .status(1)
        .stderr_has("would be refused")
        .stdout_has("reads 10 records again");
    member.interrupt();
    member.wait(PATIENCE).status(130);
    assert_eq!(committed(&group), [5, 5]);
    eda(&reset).on(broker()).run().succeeds();
    assert_eq!(committed(&group), [0, 0]);
}

#[test]
fn a_live_kip_848_group_is_refused() {
    let (topic, group) = caught_up();
    let member = member(&topic, &group, &["-X", "group.protocol=consumer"]);
    for to in ["beginning", "end", "3"] {
        eda(&["offsets", "reset", &group, "--to", to, "--yes"])
            .on(broker())
            .run()
            .status(1)
            .stderr_has(&format!("group `{group}` has 1 active member"));
    }
    member.interrupt();
    member.wait(PATIENCE).status(130);
    assert_eq!(committed(&group), [5, 5]);
}

/// Between the plan and the answer a consumer ran: what was agreed to is not what would happen.
#[test]
fn a_group_that_moved_since_the_plan_is_left_where_it_is() {
    if terminal::is_missing("a_group_that_moved_since_the_plan_is_left_where_it_is") {
        return;
    }
    let (topic, group) = caught_up();
    let back = ["offsets", "reset", &group, "--to", "1", "--yes"];
    eda(&back).on(broker()).run().succeeds();
    let mut reset = eda(&["offsets", "reset", &group, "--by", "1"])
        .on(broker())
        .on_a_terminal();
    reset.answer("skips 2 records", "");
    reset.answer("Move them?", "");
    eda(&["consume", &topic, "--group", &group, "-n", "8"])
        .on(broker())
        .run()
        .succeeds();
    reset.answer("", "y");
    reset
        .ends()
        .status(1)
        .stdout_has("the group moved meanwhile, from 1 to 5");
    assert_eq!(committed(&group), [5, 5]);
}

#[test]
fn a_plan_that_would_be_refused_says_so_under_json_too() {
    let (topic, group) = caught_up();
    let member = member(&topic, &group, &[]);
    let plan = eda(&[
        "offsets",
        "reset",
        &group,
        "--to",
        "0",
        "--dry-run",
        "--json",
    ])
    .on(broker())
    .run()
    .status(1)
    .stderr_has("would be refused");
    assert_eq!(column(&plan.json(), "new"), [json!(0), json!(0)]);
    member.interrupt();
    member.wait(PATIENCE).status(130);
}

#[test]
fn nothing_to_move_is_not_everything_moved() {
    let group = fresh("payment-service");
    eda(&[
        "offsets", "reset", &group, "--to", "end", "--create", "--yes",
    ])
    .on(broker())
    .run()
    .status(1)
    .stderr_has("has no commits here");
    eda(&["offsets", "reset", &group, "--to", "@1764000000"])
        .on(broker())
        .run()
        .status(2)
        .stderr_has("looks like seconds since 1970");
}
