//! `eda topic alter` and `eda topic purge`.

use super::{PATIENCE, read, send, send_numbers, topic};
use crate::support::{broker, eda, fresh, terminal, wait_until};
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The configurations set on the topic.
#[track_caller]
fn configs(topic: &str) -> BTreeMap<String, String> {
    let described = eda(&["topic", "describe", topic, "--json"])
        .on(broker())
        .run()
        .succeeds()
        .json();
    let own = described["configs"].as_array().unwrap().iter();
    own.filter(|entry| entry["source"] == "topic")
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap().to_owned();
            (text("name"), text("value"))
        })
        .collect()
}

#[test]
fn only_what_is_named_is_changed() {
    let topic = topic("orders", 1);
    let alter = |arguments: &[&str]| {
        eda(&["topic", "alter", &topic, "--json"])
            .args(arguments)
            .on(broker())
            .run()
    };
    alter(&[
        "-c",
        "max.message.bytes=2000000",
        "-c",
        "segment.ms=3600000",
    ])
    .status(2);
    assert_eq!(configs(&topic).len(), 1, "no consent");
    let changes = alter(&[
        "-c",
        "max.message.bytes=2000000",
        "-c",
        "segment.ms=3600000",
        "--yes",
    ])
    .succeeds()
    .json();
    assert_eq!(changes["changes"][0]["name"], "max.message.bytes");
    assert_eq!(changes["changes"][0]["applied"], true);
    let all = [
        ("max.message.bytes", "2000000"),
        ("retention.ms", "604800000"),
        ("segment.ms", "3600000"),
    ];
    let all = all.map(|(name, value)| (name.to_owned(), value.to_owned()));
    wait_until("the new configuration", PATIENCE, || {
        configs(&topic) == all.clone().into()
    });
    alter(&["--unset", "segment.ms", "--retention", "1d", "--yes"]).succeeds();
    let rest = [
        ("max.message.bytes", "2000000"),
        ("retention.ms", "86400000"),
    ];
    let rest = rest.map(|(name, value)| (name.to_owned(), value.to_owned()));
    wait_until("the new configuration", PATIENCE, || {
        configs(&topic) == rest.clone().into()
    });
    let idle = alter(&["--retention", "1d", "--unset", "segment.ms"]).succeeds();
    assert_eq!(idle.json()["changes"], json!([]));
}

#[test]
fn a_change_as_a_person_sees_it() {
    let topic = topic("orders", 1);
    let arguments = ["--retention", "1d", "-c", "max.message.bytes=2000000"];
    let plan = eda(&["topic", "alter", &topic, "--dry-run"])
        .args(arguments)
        .on(broker())
        .run();
    assert_snapshot!(plan.snapshot(), @r"
    status: 0
    --- stdout
    would change orders-xxxxxxxx
    CHANGE             FROM       SOURCE   TO
    max.message.bytes  1048588    default  2000000
    retention.ms       604800000  topic    86400000
    --- stderr
    ");
}

#[test]
fn what_the_broker_does_not_take_is_refused_before_anything_is_asked() {
    let topic = topic("orders", 3);
    let alter = |arguments: &[&str]| {
        eda(&["topic", "alter", &topic, "--yes"])
            .args(arguments)
            .on(broker())
            .run()
    };
    alter(&["-c", "no.such.config=1", "-p", "6"])
        .status(1)
        .stderr_has("no.such.config");
    alter(&["--unset", "retention.mss"])
        .status(1)
        .stderr_has("did you mean `retention.ms`?");
    alter(&["-c", "retention.ms=soon"])
        .status(1)
        .stderr_has("retention.ms");
    alter(&["-p", "2"])
        .status(1)
        .stderr_has("has 3 partitions, and Kafka never takes any away");
    alter(&[]).status(2).stderr_has("nothing to change");
    alter(&["--retention", "1d", "--unset", "retention.ms"])
        .status(2)
        .stderr_has("`retention.ms` is set or unset twice");
    let listed = eda(&["topic", "list", &topic, "--json"]).on(broker()).run();
    assert_eq!(listed.succeeds().json()[0]["partitions"], 3);
    let typo = topic.replace("orders", "oders");
    eda(&["topic", "alter", &typo, "-p", "6"])
        .on(broker())
        .run()
        .status(1)
        .stderr_has(&format!("did you mean `{topic}`?"));
}

#[test]
fn growing_shows_where_keys_go_and_they_do_go_there() {
    let topic = topic("orders", 3);
    let keys = |round: u32| -> Vec<Value> {
        let record = |n: u32| json!({"key": format!("order-{n}"), "value": {"round": round}});
        (0..40).map(record).collect()
    };
    send(&topic, &keys(1));
    let grow = eda(&["topic", "alter", &topic, "-p", "6", "--json"]).on(broker());
    let plan = grow.clone().arg("--dry-run").run().succeeds().json();
    assert_eq!(plan["changes"][0]["from"], "3");
    assert_eq!(plan["changes"][0]["to"], "6");
    assert_eq!(plan["keys"]["lookedAt"], 40);
    let shown = plan["keys"]["shown"].as_array().unwrap();
    assert_eq!(shown.len(), 5);
    grow.arg("--yes").run().succeeds();
    send(&topic, &keys(2));
    let after: BTreeMap<String, i64> = read(&topic)
        .iter()
        .filter(|record| record["value"]["round"] == 2)
        .map(|record| {
            (
                record["key"].as_str().unwrap().to_owned(),
                record["partition"].as_i64().unwrap(),
            )
        })
        .collect();
    for key in shown {
        assert_eq!(json!(after[key["key"].as_str().unwrap()]), key["to"]);
    }
    let stayed = read(&topic)
        .iter()
        .filter(|record| {
            record["value"]["round"] == 1
                && record["partition"] == after[record["key"].as_str().unwrap()]
        })
        .count();
    assert_eq!(json!(40 - stayed), plan["keys"]["moving"]);
}

#[test]
fn records_before_a_position_are_deleted_and_those_who_have_not_read_them_named() {
    let topic = topic("orders", 2);
    let group = fresh("payment-service");
    send_numbers(&topic, 2, 10);
    let seed = ["--to", "1", "--create", "-t", &topic, "--yes"];
    eda(&["offsets", "reset", &group])
        .args(seed)
        .on(broker())
        .run()
        .succeeds();
    let purge = |arguments: &[&str]| {
        eda(&["topic", "purge", &topic])
            .args(arguments)
            .on(broker())
            .run()
    };
    let plan = purge(&["--before", "-2", "--dry-run"]);
    assert_snapshot!(plan.snapshot(), @r"
    status: 0
    --- stdout
    would delete records
    TOPIC            PARTITION  START  END  NEW-START  RECORDS  NOTE
    orders-xxxxxxxx          0      0    5          3        3
    orders-xxxxxxxx          1      0    5          3        3
    payment-service-xxxxxxxx has not read 4 of the records in orders-xxxxxxxx
    --- stderr
    ");
    purge(&["--before", "-2"]).status(2).stderr_has("--yes");
    // Which deletes everything, and may not be what was meant.
    let past = [
        ("7", "the log ends at 5"),
        ("@2100-01-01T00:00:00Z", "no record is as late: the end"),
    ];
    for (before, note) in past {
        let plan = purge(&["--before", before, "--dry-run"]);
        plan.succeeds().stdout_has(note);
        let plan = purge(&["--before", before, "--dry-run", "--json"]).succeeds();
        assert_eq!(plan.json()["partitions"][0]["note"], note);
    }
    assert_eq!(read(&topic).len(), 10);
    let done = purge(&["--before", "4", "-p", "1", "--yes", "--json"]);
    let rows = done.succeeds().json()["partitions"].clone();
    assert_eq!(rows[0]["partition"], 1);
    assert_eq!(
        (&rows[0]["newStart"], &rows[0]["deleted"]),
        (&json!(4), &json!(true))
    );
    assert_eq!(read(&topic).len(), 6);
    purge(&["--before", "@-1h", "--yes"]).succeeds();
    assert_eq!(read(&topic).len(), 6, "nothing is that old");
    purge(&["--yes"]).succeeds();
    assert_eq!(read(&topic).len(), 0);
    purge(&["--yes"]).succeeds();
}

#[test]
fn what_cannot_be_purged_is_said_before_anything_is_deleted() {
    let compacted = fresh("customers");
    let create = [
        "topic",
        "create",
        &compacted,
        "-c",
        "cleanup.policy=compact",
    ];
    eda(&create).on(broker()).run().succeeds();
    send(&compacted, &[json!({"key": "a", "value": 1})]);
    eda(&["topic", "purge", &compacted, "--yes"])
        .on(broker())
        .run()
        .status(1)
        .stdout_has("the topic is compacted");
    assert_eq!(read(&compacted).len(), 1);
    eda(&["topic", "purge", &compacted, "no-such-topic", "--yes"])
        .on(broker())
        .run()
        .status(1)
        .stderr_has("`no-such-topic` does not exist");
    eda(&["topic", "purge", &compacted, "-p", "9", "--yes"])
        .on(broker())
        .run()
        .status(1)
        .stderr_has("has a partition 9");
}

#[test]
fn a_declined_purge_deletes_nothing() {
    if terminal::is_missing("a_declined_purge_deletes_nothing") {
        return;
    }
    let topic = topic("orders", 1);
    send_numbers(&topic, 1, 3);
    let mut purge = eda(&["topic", "purge", &topic])
        .on(broker())
        .on_a_terminal();
    purge.answer("Delete these records?", "n");
    purge
        .ends()
        .status(1)
        .stdout_has("declined, nothing was changed");
    assert_eq!(read(&topic).len(), 3);
}

#[test]
fn a_topic_is_described_with_readers_that_have_not_committed_yet() {
    let topic = topic("orders", 1);
    let group = fresh("payment-service");
    let member = super::group::member(&topic, &group, &[]);
    let described = eda(&["topic", "describe", &topic, "--json"])
        .on(broker())
        .run()
        .succeeds()
        .json();
    assert_eq!(described["groups"][0]["group"], group.as_str());
    assert_eq!(described["groups"][0]["state"], "Stable");
    member.interrupt();
    member.wait(PATIENCE).status(130);
}

#[test]
fn a_topic_about_to_be_deleted_is_shown_with_those_who_read_it() {
    let topic = topic("orders", 1);
    let group = fresh("payment-service");
    let seed = ["--to", "end", "--create", "-t", &topic, "--yes"];
    eda(&["offsets", "reset", &group])
        .args(seed)
        .on(broker())
        .run()
        .succeeds();
    eda(&["topic", "delete", &topic, "--dry-run"])
        .on(broker())
        .run()
        .succeeds()
        .stdout_has(&format!("{topic} is read by {group}"));
}
