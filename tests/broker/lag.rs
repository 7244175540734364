//! `eda lag`.

use super::{send_numbers, topic};
use crate::support::{broker, eda, fresh};
use insta::assert_snapshot;

/// A topic of two partitions with five records each, and a group that has read six of them.
fn behind_by_four() -> (String, String) {
    let topic = topic("orders", 2);
    let group = fresh("payment-service");
    send_numbers(&topic, 2, 10);
    eda(&["consume", &topic, "--group", &group, "-n", "6"])
        .on(broker())
        .run()
        .succeeds();
    (topic, group)
}

#[test]
fn lag_is_end_minus_committed_also_for_a_group_without_members() {
    let (topic, group) = behind_by_four();
    let rows = eda(&["lag", "--group", &group, "--json"])
        .on(broker())
        .run()
        .succeeds()
        .json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 2);
    let mut behind = 0;
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(row["group"], group.as_str());
        assert_eq!(row["topic"], topic.as_str());
        assert_eq!(row["partition"], at, "sorted");
        assert_eq!((&row["start"], &row["end"]), (&0.into(), &5.into()));
        match row["committed"].as_i64() {
            Some(committed) => {
                assert_eq!(row["lag"], 5 - committed);
                behind += 5 - committed;
            }
            None => {
                assert!(
                    row["lag"].is_null(),
                    "without a commit the lag is unknown: {row}"
                );
                behind += 5;
            }
        }
    }
    assert_eq!(behind, 4);
}

#[test]
fn the_gate_is_an_alarm_and_opens_when_the_group_has_caught_up() {
    let (topic, group) = behind_by_four();
    let gate = |max: &str| {
        eda(&["lag", "--group", &group, "--max", max])
            .on(broker())
            .run()
    };
    gate("0").status(4).stdout_has(&group);
    eda(&["consume", &topic, "--group", &group, "-n", "4"])
        .on(broker())
        .run()
        .succeeds();
    gate("0").succeeds();
}

#[test]
fn all_groups_of_a_topic_are_shown_unless_one_is_named() {
    let (topic, group) = behind_by_four();
    let other = fresh("audit");
    eda(&["consume", &topic, "--group", &other, "-n", "10"])
        .on(broker())
        .run()
        .succeeds();
    let groups = |arguments: &[&str]| -> Vec<String> {
        let rows = eda(&["lag", "--json"])
            .args(arguments)
            .on(broker())
            .run()
            .succeeds()
            .json();
        let mut groups: Vec<String> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["group"].as_str().unwrap().to_owned())
            .collect();
        groups.dedup();
        groups
    };
    assert_eq!(
        groups(&["--topic", &topic]),
        [other.clone(), group.clone()],
        "sorted"
    );
    assert_eq!(groups(&["--group", &other]), [other]);
    assert!(groups(&[]).contains(&group));
}

#[test]
fn an_unknown_group_or_topic_is_answered_with_the_one_that_was_meant() {
    let (topic, group) = behind_by_four();
    let typo = group.replace("payment", "paymnet");
    let unknown = eda(&["lag", "--group", &typo]).on(broker()).run().status(1);
    unknown
        .stderr_has(&format!("group `{typo}` does not exist"))
        .stderr_has(&format!("did you mean `{group}`?"));
    let typo = topic.replace("orders", "oders");
    let unknown = eda(&["lag", "--topic", &typo]).on(broker()).run().status(1);
    unknown
        .stderr_has(&format!("topic `{typo}` does not exist"))
        .stderr_has(&format!("did you mean `{topic}`?"));
}

#[test]
fn the_gate_as_a_person_sees_it() {
    let topic = topic("orders", 1);
    let group = fresh("payment-service");
    send_numbers(&topic, 1, 5);
    eda(&["consume", &topic, "--group", &group, "-n", "3"])
        .on(broker())
        .run()
        .succeeds();
    let gate = eda(&["lag", "--group", &group, "--max", "0"])
        .on(broker())
        .run();
    assert_snapshot!(gate.snapshot(), @r"
    status: 4
    --- stdout
    GROUP                     TOPIC            PARTITION  COMMITTED  START  END  LAG
    payment-service-xxxxxxxx  orders-xxxxxxxx          0          3      0    5    2
    payment-service-xxxxxxxx is 2 behind, more than 0
    --- stderr
    ");
}
