//! `eda group …`.

use super::{PATIENCE, behind_by_four, send_numbers, topic};
use crate::support::kafka_tools::tool;
use crate::support::{Running, broker, eda, excused, fresh, terminal, wait_until};
use insta::assert_snapshot;
use serde_json::Value;
use std::net::IpAddr;

/// A member that has joined and was given partitions.
pub(super) fn member(topic: &str, group: &str, arguments: &[&str]) -> Running {
    let member = eda(&["consume", topic, "--group", group, "--json"])
        .args(arguments)
        .on(broker())
        .spawn();
    wait_until("the member's partitions", PATIENCE, || {
        let described = eda(&["group", "describe", group, "--json"])
            .on(broker())
            .run();
        described.status == 0
            && members(&described.json()[0])
                .iter()
                .any(|member| member["assignment"] != serde_json::json!([]))
    });
    member
}

fn members(group: &Value) -> &Vec<Value> {
    group["members"].as_array().unwrap()
}

#[track_caller]
fn described(group: &str) -> Value {
    let report = eda(&["group", "describe", group, "--json"])
        .on(broker())
        .run()
        .succeeds()
        .json();
    assert_eq!(report.as_array().unwrap().len(), 1, "{report}");
    report[0].clone()
}

#[track_caller]
fn listed(arguments: &[&str]) -> Vec<Value> {
    let rows = eda(&["group", "list", "--json"])
        .args(arguments)
        .on(broker())
        .run()
        .succeeds()
        .json();
    rows.as_array().unwrap().clone()
}

#[test]
fn a_group_is_listed_with_state_members_topics_and_lag() {
    let (topic, group) = behind_by_four();
    // The rest, so that both partitions have a commit.
    eda(&["consume", &topic, "--group", &group, "-n", "4"])
        .on(broker())
        .run()
        .succeeds();
    send_numbers(&topic, 2, 4);
    let rows = listed(&[&group]);
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!(row["group"], group.as_str());
    assert_eq!(row["state"], "Empty");
    assert_eq!(row["type"], "classic");
    assert_eq!(row["protocolType"], "consumer");
    assert_eq!(row["members"], 0);
    assert_eq!(row["topics"], 1);
    assert_eq!(row["lag"], 4);
    let member = member(&topic, &group, &[]);
    let rows = listed(&[&group]);
    assert_eq!(rows[0]["state"], "Stable");
    assert_eq!(rows[0]["members"], 1);
    member.interrupt();
    member.wait(PATIENCE).status(130);
}

#[test]
fn groups_are_chosen_by_pattern_and_state() {
    let (_, group) = behind_by_four();
    let prefix = format!("{}*", &group[..group.len() - 1]);
    let names = |arguments: &[&str]| -> Vec<String> {
        let name = |row: &Value| row["group"].as_str().unwrap().to_owned();
        listed(arguments).iter().map(name).collect()
    };
    assert!(names(&[&prefix]).contains(&group));
    assert!(names(&[&prefix, "--state", "Empty"]).contains(&group));
    assert!(!names(&[&prefix, "--state", "Stable"]).contains(&group));
    eda(&["group", "list", "no-such-*"])
        .on(broker())
        .run()
        .succeeds()
        .stderr_has("no groups");
    eda(&["group", "list", "--state", "stabel"])
        .on(broker())
        .run()
        .status(2)
        .stderr_has("did you mean `Stable`?");
}

#[test]
fn a_member_is_described_with_what_it_reads() {
    let (topic, group) = behind_by_four();
    let member = member(&topic, &group, &[]);
    let group_now = described(&group);
    assert_eq!(group_now["state"], "Stable");
    let members = members(&group_now);
    assert_eq!(members.len(), 1);
    assert!(members[0]["clientId"].as_str().unwrap().starts_with("eda"));
    // A broker in a container sees another address than that of this machine.
    let host = members[0]["host"].as_str().unwrap().trim_start_matches('/');
    assert!(host.parse::<IpAddr>().is_ok(), "{host}");
    let read: Vec<(&str, i64)> = members[0]["assignment"]
        .as_array()
        .unwrap()
        .iter()
        .map(|place| {
            (
                place["topic"].as_str().unwrap(),
                place["partition"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(read, [(topic.as_str(), 0), (topic.as_str(), 1)]);
    for partition in group_now["partitions"].as_array().unwrap() {
        assert_eq!(partition["member"], members[0]["id"], "{partition}");
        assert_eq!(partition["end"], 5);
    }
    member.interrupt();
    member.wait(PATIENCE).status(130);
    let gone = described(&group);
    assert_eq!(gone["state"], "Empty");
    assert!(gone["partitions"][0]["member"].is_null());
}

#[test]
fn a_group_as_a_person_sees_it() {
    let topic = topic("orders", 1);
    let group = fresh("payment-service");
    send_numbers(&topic, 1, 5);
    eda(&["consume", &topic, "--group", &group, "-n", "3"])
        .on(broker())
        .run()
        .succeeds();
    let run = eda(&["group", "describe", &group]).on(broker()).run();
    assert_snapshot!(run.snapshot(), @r"
    status: 0
    --- stdout
    payment-service-xxxxxxxx: Empty, classic protocol, assignor -, coordinator 1
    no members

    TOPIC            PARTITION  COMMITTED  START  END  LAG  MEMBER
    orders-xxxxxxxx          0          3      0    5    2  -
    --- stderr
    ");
}

#[test]
fn an_unknown_group_is_answered_with_the_one_that_was_meant() {
    let (_, group) = behind_by_four();
    let typo = group.replace("payment", "paymnet");
    for command in ["describe", "delete"] {
        eda(&["group", command, &typo])
            .on(broker())
            .run()
            .status(1)
            .stderr_has(&format!("group `{typo}` does not exist"))
            .stderr_has(&format!("did you mean `{group}`?"));
    }
}

#[test]
fn groups_are_deleted_with_consent_all_that_were_named_or_none() {
    let (_, first) = behind_by_four();
    let (_, second) = behind_by_four();
    let exists = |group: &str| !listed(&[group]).is_empty();
    eda(&["group", "delete", &first])
        .on(broker())
        .run()
        .status(2)
        .stderr_has("--yes");
    eda(&["group", "delete", &first, "no-such-group", "--yes"])
        .on(broker())
        .run()
        .status(1)
        .stderr_has("`no-such-group` does not exist");
    // A pattern names nobody here.
    eda(&["group", "delete", &format!("{first}*"), &second, "--yes"])
        .on(broker())
        .run()
        .status(1)
        .stderr_has("does not exist");
    eda(&["group", "delete", &first, "--dry-run"])
        .on(broker())
        .run()
        .succeeds()
        .stdout_has(&first);
    assert!(exists(&first));
    let deleted = eda(&["group", "delete", &first, &second, "--yes", "--json"])
        .on(broker())
        .run()
        .succeeds()
        .json();
    assert_eq!(deleted[0]["deleted"], true);
    assert_eq!(deleted[1]["deleted"], true);
    assert!(listed(&[&format!("{first}*")]).is_empty());
    assert!(listed(&[&format!("{second}*")]).is_empty());
}

#[test]
fn a_group_with_members_is_not_deleted_and_they_are_named() {
    let (topic, group) = behind_by_four();
    let member = member(&topic, &group, &[]);
    let id = members(&described(&group))[0]["id"].clone();
    eda(&["group", "delete", &group, "--yes"])
        .on(broker())
        .run()
        .status(1)
        .stderr_has(&format!("group `{group}` has 1 active member"))
        .stderr_has(id.as_str().unwrap());
    let offsets = described(&group)["partitions"].clone();
    assert!(
        offsets
            .as_array()
            .unwrap()
            .iter()
            .any(|row| row["committed"].is_i64()),
        "{offsets}"
    );
    member.interrupt();
    member.wait(PATIENCE).status(130);
}

#[test]
fn a_declined_deletion_changes_nothing() {
    if terminal::is_missing("a_declined_deletion_changes_nothing") {
        return;
    }
    let (_, group) = behind_by_four();
    let mut delete = eda(&["group", "delete", &group])
        .on(broker())
        .on_a_terminal();
    delete.answer("Delete them?", "n");
    delete
        .ends()
        .status(1)
        .stdout_has("declined, nothing was changed");
    assert_eq!(listed(&[&group]).len(), 1);
}

#[test]
fn a_kip_848_group_is_shown_alive_with_its_members() {
    let (topic, group) = (topic("orders", 2), fresh("payment-service"));
    send_numbers(&topic, 2, 4);
    let member = member(&topic, &group, &["-X", "group.protocol=consumer"]);
    wait_until("a stable group", PATIENCE, || {
        let row = &listed(&[&group])[0];
        assert_ne!(row["state"], "Dead", "{row}");
        row["state"] == "Stable"
    });
    let row = &listed(&[&group])[0];
    assert_eq!(row["type"], "consumer");
    assert_eq!(row["members"], 1);
    let group_now = described(&group);
    assert_eq!(group_now["type"], "consumer");
    let member_now = &members(&group_now)[0];
    assert_eq!(member_now["assignment"].as_array().unwrap().len(), 2);
    assert_eq!(member_now["target"], member_now["assignment"]);
    member.interrupt();
    member.wait(PATIENCE).status(130);
    wait_until("an empty group", PATIENCE, || {
        let row = &listed(&[&group])[0];
        row["state"] == "Empty" && row["members"] == 0
    });
}

/// Its members read one partition together (KIP-932), and the requests of consumers' groups know nothing of it.
#[test]
fn a_share_group_is_no_dead_consumers_group() {
    if excused("a_share_group_is_no_dead_consumers_group") {
        return;
    }
    let topic = topic("orders", 1);
    let group = fresh("share-workers");
    send_numbers(&topic, 1, 1);
    let earliest = [
        "--entity-type",
        "groups",
        "--entity-name",
        &group,
        "--alter",
    ];
    let earliest = [
        &earliest[..],
        &["--add-config", "share.auto.offset.reset=earliest"],
    ]
    .concat();
    tool("kafka.admin.ConfigCommand", broker(), &earliest, "");
    let read = ["--topic", &topic, "--group", &group, "--max-messages", "1"];
    let class = "org.apache.kafka.tools.consumer.ConsoleShareConsumer";
    assert_eq!(tool(class, broker(), &read, "").trim(), r#"{"n":0}"#);
    let describe = eda(&["group", "describe", &group]).on(broker());
    let text = format!("group `{group}` is listed and cannot be described: it is a share or");
    describe.clone().run().status(1).stderr_has(&text);
    let output = describe.arg("--json").run().status(1);
    assert_eq!(output.json(), serde_json::json!([]));
    output.stderr_has(&text);
}
