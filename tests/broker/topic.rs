//! `eda topic …`.

use super::{send_numbers, topic};
use crate::support::{broker, eda, excused, fresh};
use insta::assert_snapshot;
use serde_json::json;

#[test]
fn a_topic_is_created_listed_described_and_deleted() {
    let name = fresh("orders");
    let created = eda(&[
        "topic",
        "create",
        &name,
        "--partitions",
        "6",
        "--retention",
        "7d",
        "--json",
    ]);
    let created = created.on(broker()).run().succeeds().json();
    assert_eq!(created["name"], name.as_str());
    assert_eq!(created["partitions"], 6);
    assert_eq!(created["configs"]["retention.ms"], "604800000");
    assert_eq!(created["created"], true);

    send_numbers(&name, 6, 12);
    let list = |count: &[&str]| {
        let list = eda(&["topic", "list", &name, "--json"]).on(broker());
        list.args(count).run().succeeds().json()
    };
    let row =
        json!({"name": name, "partitions": 6, "replicas": 1, "internal": false, "offline": 0});
    assert_eq!(list(&[]), json!([row]));
    let mut counted = row;
    counted["records"] = 12.into();
    assert_eq!(list(&["--long"]), json!([counted]));

    let described = eda(&["topic", "describe", &name, "--json"])
        .on(broker())
        .run()
        .succeeds()
        .json();
    let partitions = described["partitions"].as_array().unwrap();
    assert_eq!(partitions.len(), 6);
    for (at, partition) in partitions.iter().enumerate() {
        assert_eq!(partition["partition"], at, "sorted");
        assert_eq!(
            (&partition["start"], &partition["end"]),
            (&0.into(), &2.into())
        );
        assert!(partition["leader"].is_i64(), "{partition}");
    }
    let configs = described["configs"].as_array().unwrap();
    assert!(
        configs
            .iter()
            .any(|config| config["name"] == "retention.ms" && config["value"] == "604800000")
    );

    eda(&["topic", "delete", &name, "--yes"])
        .on(broker())
        .run()
        .succeeds();
    let listed = eda(&["topic", "list", &name, "--json"])
        .on(broker())
        .run()
        .succeeds();
    assert_eq!(listed.json().as_array().unwrap().len(), 0, "gone");
}

#[test]
fn three_partitions_and_seven_days_unless_told_otherwise() {
    let name = fresh("orders");
    let created = eda(&["topic", "create", &name, "--json"])
        .on(broker())
        .run()
        .succeeds()
        .json();
    assert_eq!(created["partitions"], 3);
    assert_eq!(created["configs"]["retention.ms"], "604800000");
}

#[test]
fn creating_what_exists_fails_unless_that_is_allowed_for() {
    let name = topic("orders", 2);
    eda(&["topic", "create", &name])
        .on(broker())
        .run()
        .status(1)
        .stderr_has(&format!("topic `{name}` exists already"))
        .stderr_has("--if-not-exists");
    eda(&[
        "topic",
        "create",
        &name,
        "--if-not-exists",
        "--partitions",
        "4",
    ])
    .on(broker())
    .run()
    .succeeds()
    .stderr_has("nothing to do")
    .stderr_has("2 partitions, not 4");
}

#[test]
fn a_dry_run_creates_and_deletes_nothing() {
    let name = fresh("orders");
    eda(&["topic", "create", &name, "--dry-run"])
        .on(broker())
        .run()
        .succeeds()
        .stdout_has(&name);
    eda(&["topic", "describe", &name])
        .on(broker())
        .run()
        .status(1);
    eda(&["topic", "create", &name])
        .on(broker())
        .run()
        .succeeds();
    eda(&["topic", "delete", &name, "--dry-run"])
        .on(broker())
        .run()
        .succeeds()
        .stdout_has(&name);
    eda(&["topic", "describe", &name])
        .on(broker())
        .run()
        .succeeds();
}

#[test]
fn deleting_needs_consent_that_nobody_off_a_terminal_can_give() {
    let name = topic("orders", 1);
    eda(&["topic", "delete", &name])
        .on(broker())
        .run()
        .status(2)
        .stderr_has("--yes");
    eda(&["topic", "describe", &name])
        .on(broker())
        .run()
        .succeeds();
}

#[test]
fn what_is_kafkas_own_is_not_deleted() {
    if excused("what_is_kafkas_own_is_not_deleted") {
        return;
    }
    // A commit makes the topic of offsets, where it is not there yet.
    super::behind_by_four();
    eda(&["topic", "delete", "__consumer_offsets", "--yes"])
        .on(broker())
        .run()
        .status(1)
        .stderr_has("topic `__consumer_offsets` is Kafka's own");
}

#[test]
fn one_unknown_name_and_nothing_is_deleted() {
    let name = topic("orders", 1);
    let typo = name.replace("orders", "ordres");
    eda(&["topic", "delete", &name, &typo, "--yes"])
        .on(broker())
        .run()
        .status(1)
        .stderr_has(&format!("topic `{typo}` does not exist"))
        .stderr_has(&format!("did you mean `{name}`?"));
    eda(&["topic", "describe", &name])
        .on(broker())
        .run()
        .succeeds();
}

#[test]
fn an_unknown_topic_is_answered_with_the_one_that_was_meant() {
    let name = topic("inventory-audit", 1);
    let typo = name.replace("inventory", "inventroy");
    for command in [&["topic", "describe"][..], &["consume"]] {
        eda(command)
            .arg(&typo)
            .on(broker())
            .run()
            .status(1)
            .stderr_has(&format!(
                "topic `{typo}` does not exist on {}",
                broker().address()
            ))
            .stderr_has(&format!("did you mean `{name}`?"));
    }
}

#[test]
fn what_the_broker_refuses_is_a_failure_with_its_reason() {
    let name = fresh("orders");
    let refusals = [
        (&["--config", "no.such.config=1"][..], "no.such.config"),
        (&["--config", "retention.ms=soon"], "retention.ms"),
        (&["--replicas", "7"], "replicas"),
    ];
    for (arguments, reason) in refusals {
        eda(&["topic", "create", &name])
            .args(arguments)
            .on(broker())
            .run()
            .status(1)
            .stderr_has(reason);
    }
    eda(&["topic", "describe", &name])
        .on(broker())
        .run()
        .status(1);
}

#[test]
fn an_empty_list_is_a_sentence_and_an_empty_array() {
    let nothing = fresh("nothing-like-it");
    let list = eda(&["topic", "list", &nothing]).on(broker());
    let table = list.run().succeeds().stderr_has("no topics");
    assert_eq!(table.stdout, "");
    assert_eq!(list.arg("--json").run().succeeds().stdout.trim(), "[]");
}

#[test]
fn plain_output_is_for_awk() {
    let name = topic("orders", 4);
    let plain = eda(&["topic", "list", &name, "--output", "plain"])
        .on(broker())
        .run()
        .succeeds();
    let fields: Vec<&str> = plain.stdout.trim_end().split('\t').collect();
    assert_eq!(fields, [name.as_str(), "4", "1"]);
    assert_eq!(plain.stdout.lines().count(), 1, "no header");
}

#[test]
fn a_whole_run_as_a_person_sees_it() {
    let name = fresh("orders");
    let run = |arguments: &[&str]| eda(arguments).on(broker()).run().snapshot();
    assert_snapshot!(run(&["topic", "create", &name, "--partitions", "6"]), @r"
    status: 0
    --- stdout
    NAME             PARTITIONS  REPLICAS  CONFIGS
    orders-xxxxxxxx           6         1  retention.ms=604800000
    --- stderr
    ");
    assert_snapshot!(run(&["topic", "create", &name]), @r"
    status: 1
    --- stdout
    --- stderr
    error: topic `orders-xxxxxxxx` exists already

    hint: `--if-not-exists` accepts that, `eda topic describe orders-xxxxxxxx` shows it
    ");
    assert_snapshot!(run(&["topic", "list", &name]), @r"
    status: 0
    --- stdout
    NAME             PARTITIONS  REPLICAS
    orders-xxxxxxxx           6         1
    --- stderr
    ");
    assert_snapshot!(run(&["topic", "list", &name, "--long"]), @r"
    status: 0
    --- stdout
    NAME             PARTITIONS  REPLICAS  RECORDS
    orders-xxxxxxxx           6         1        0
    --- stderr
    ");
    assert_snapshot!(run(&["produce", &name, "n=1", "--partition", "4"]), @r"
    status: 0
    --- stdout
    TOPIC            PARTITION  FIRST-OFFSET  LAST-OFFSET
    orders-xxxxxxxx          4             0            0
    1 record, 7 bytes acknowledged in [duration]
    --- stderr
    ");
    assert_snapshot!(run(&["topic", "delete", &name]), @r"
    status: 2
    --- stdout
    --- stderr
    error: this changes something, and nobody can be asked

    hint: `--yes` agrees beforehand, `--dry-run` shows the plan
    ");
    assert_snapshot!(run(&["topic", "delete", &name, "--yes"]), @r"
    status: 0
    --- stdout
    NAME             RESULT
    orders-xxxxxxxx  deleted
    --- stderr
    ");
    // Not a fresh name: their ends are alike, and the closest would be proposed.
    let nobodys = "unseen.UNHEARD.0";
    assert_snapshot!(run(&["topic", "describe", nobodys]), @r"
    status: 1
    --- stdout
    --- stderr
    error: topic `unseen.UNHEARD.0` does not exist on [broker]

    hint: `eda topic list` shows the topics, `eda topic create unseen.UNHEARD.0` makes it
    ");
}
