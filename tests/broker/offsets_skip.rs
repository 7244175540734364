//! `eda offsets skip`.

use super::group::member;
use super::offsets::{caught_up, committed};
use super::{PATIENCE, read};
use crate::support::{broker, eda, terminal};
use serde_json::{Value, json};

/// A group that is to read `{"n":4}` of partition 0 next: offset 2.
fn stuck() -> (String, String) {
    let (topic, group) = caught_up();
    eda(&["offsets", "reset", &group, "--to", "2", "-p", "0", "--yes"])
        .on(broker())
        .run()
        .succeeds();
    assert_eq!(committed(&group), [2, 5]);
    (topic, group)
}

#[test]
fn one_record_is_skipped_and_kept_as_a_dead_letter() {
    let (topic, group) = stuck();
    let place = format!("{topic}:0");
    let skip = eda(&["offsets", "skip", &group, &place, "--json"]).on(broker());
    let plan = skip.clone().arg("--dry-run").run().succeeds().json();
    assert_eq!(plan["prior"], 2);
    assert_eq!(plan["new"], 3);
    assert_eq!(plan["record"]["value"], json!({"n": 4}));
    assert_eq!(plan["record"]["offset"], 2);
    assert_eq!(plan["deadLetterTopic"], format!("{topic}.dlq"));
    assert_eq!(committed(&group), [2, 5], "a dry run");
    skip.clone().run().status(2).stderr_has("--yes");
    let done = skip
        .args(["--yes", "--reason", "total is negative"])
        .run()
        .succeeds()
        .json();
    assert_eq!((&done["prior"], &done["new"]), (&json!(2), &json!(3)));
    assert_eq!(committed(&group), [3, 5], "one, and no more");
    let letters = eda(&["dlq", "show", &format!("{topic}.dlq"), "--json"])
        .on(broker())
        .run()
        .succeeds()
        .records();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0]["deadLetter"];
    assert_eq!(letters[0]["value"], json!({"n": 4}));
    assert_eq!(letter["origin"]["topic"], topic.as_str());
    assert_eq!(letter["origin"]["offset"], 2);
    assert_eq!(letter["group"], group.as_str());
    assert_eq!(letter["message"], "total is negative");
    assert_eq!(letter["attempts"], Value::Null, "nobody knows");
    // What is left is read on.
    eda(&["lag", "--group", &group, "--max", "2"])
        .on(broker())
        .run()
        .succeeds();
}

#[test]
fn a_discarded_record_is_kept_nowhere() {
    let (topic, group) = stuck();
    let place = format!("{topic}:0");
    eda(&["offsets", "skip", &group, &place, "--discard", "--yes"])
        .on(broker())
        .run()
        .succeeds();
    assert_eq!(committed(&group), [3, 5]);
    let dlq = format!("{topic}.dlq");
    let topics = eda(&["topic", "list", &dlq, "--json"])
        .on(broker())
        .run()
        .succeeds()
        .json();
    assert_eq!(topics, json!([]));
    assert_eq!(read(&topic).len(), 10, "the topic keeps what it has");
}

#[test]
fn a_group_that_has_read_everything_has_nothing_to_skip() {
    let (topic, group) = caught_up();
    let place = format!("{topic}:1");
    eda(&["offsets", "skip", &group, &place, "--yes"])
        .on(broker())
        .run()
        .succeeds()
        .stderr_has("nothing to skip");
    assert_eq!(committed(&group), [5, 5]);
}

#[test]
fn what_cannot_be_skipped_is_refused_with_the_reason() {
    let (topic, group) = stuck();
    let skip = |group: &str, place: &str| {
        eda(&["offsets", "skip", group, place, "--yes"])
            .on(broker())
            .run()
    };
    skip(&group, &format!("{topic}:7"))
        .status(1)
        .stderr_has("has 2 partitions");
    skip(&group, "no-such-topic:0")
        .status(1)
        .stderr_has("topic `no-such-topic` does not exist");
    skip(&group.replace("payment", "paymnet"), &format!("{topic}:0"))
        .status(1)
        .stderr_has("did you mean");
    for dlq in [topic.as_str(), "{topic}", "a b", ""] {
        eda(&[
            "offsets",
            "skip",
            &group,
            &format!("{topic}:0"),
            "--dry-run",
        ])
        .args(["--dlq-topic", dlq])
        .on(broker())
        .run()
        .status(2)
        .stderr_has("dead-letter topic");
    }
    skip(&group, &topic).status(2).stderr_has("TOPIC:NUMBER");
    let member = member(&topic, &group, &[]);
    skip(&group, &format!("{topic}:0"))
        .status(1)
        .stderr_has("has 1 active member");
    member.interrupt();
    member.wait(PATIENCE).status(130);
    // It has read the rest by itself, and nothing was copied.
    let dlq = format!("{topic}.dlq");
    let topics = eda(&["topic", "list", &dlq, "--json"]).on(broker()).run();
    assert_eq!(topics.succeeds().json(), json!([]));
}

#[test]
fn the_record_is_shown_before_the_question_and_nothing_of_it_reaches_the_terminal_raw() {
    if terminal::is_missing(
        "the_record_is_shown_before_the_question_and_nothing_of_it_reaches_the_terminal_raw",
    ) {
        return;
    }
    let (topic, group) = caught_up();
    super::send(
        &topic,
        &[json!({"partition": 0, "key": "evil\u{1b}]0;title\u{7}", "value": "a\u{1b}[2Jb"})],
    );
    let place = format!("{topic}:0");
    let mut skip = eda(&["offsets", "skip", &group, &place])
        .on(broker())
        .on_a_terminal();
    skip.answer(r"evil\u{1b}]0;title\u{7}", "");
    skip.answer(r"a\u{1b}[2Jb", "");
    skip.answer("Skip it?", "n");
    skip.ends().status(1).stdout_has("declined");
    assert_eq!(committed(&group), [5, 5]);
}

/// The plan is of offset 2, and by the time it is agreed to the group has read everything.
#[test]
fn a_group_that_got_past_it_meanwhile_is_not_taken_back() {
    if terminal::is_missing("a_group_that_got_past_it_meanwhile_is_not_taken_back") {
        return;
    }
    let (topic, group) = stuck();
    let mut skip = eda(&["offsets", "skip", &group, &format!("{topic}:0")])
        .on(broker())
        .on_a_terminal();
    skip.answer("Skip it?", "");
    eda(&["consume", &topic, "--group", &group, "-n", "3"])
        .on(broker())
        .run()
        .succeeds();
    skip.answer("", "y");
    skip.ends()
        .status(1)
        .stdout_has("the group moved meanwhile, from 2 to 5");
    assert_eq!(committed(&group), [5, 5]);
    let dlq = format!("{topic}.dlq");
    let topics = eda(&["topic", "list", &dlq, "--json"]).on(broker()).run();
    assert_eq!(topics.succeeds().json(), json!([]), "nothing was copied");
}
