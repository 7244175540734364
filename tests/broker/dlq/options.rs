//! Where dead letters are put back, as what, and which are not any more.

use super::{header, letter, replay, replayed, topics, waiting, with};
use crate::broker::{PATIENCE, create, numbers, per_partition, read, send};
use crate::support::{broker, eda, wait_until};
use serde_json::{Value, json};

fn letters_of(topic: &str, count: i64) -> Vec<Value> {
    (0..count).map(|n| letter(topic, n, "declined")).collect()
}

#[test]
fn another_topic_gets_them_by_their_keys() {
    let (topic, letters) = topics();
    let target = format!("{topic}-repaired");
    create(broker(), &target, 2);
    send(&letters, &letters_of(&topic, 20));
    let missing = replay(&letters, &["--to", &format!("{target}x"), "--yes"])
        .run()
        .status(1);
    missing.stderr_has(&format!("did you mean `{target}`?"));
    let outcome = replayed(&letters, &["--to", &target]);
    assert_eq!(outcome["destinations"], json!({ target.as_str(): 20 }));
    let records = read(&target);
    assert_eq!(numbers(&records), (0..20).collect::<Vec<_>>());
    assert_eq!(
        header(&records[0], "eda-replay-target"),
        Some(target.as_str())
    );
    // As any producer of ours sends them.
    let copies = format!("{topic}-copies");
    create(broker(), &copies, 2);
    let plain: Vec<Value> = (0..20)
        .map(|n| json!({"key": format!("order-{n}"), "value": {"n": n}}))
        .collect();
    send(&copies, &plain);
    assert_eq!(per_partition(&records), per_partition(&read(&copies)));
    assert_eq!(read(&topic).len(), 0);
}

#[test]
fn a_partition_that_is_gone_is_replaced_by_the_keys_own() {
    let (topic, letters) = topics();
    let mut far = letter(&topic, 1, "declined");
    far["headers"][2] = json!(["__dlq.errors.partition", "7"]);
    let mut keyless = letter(&topic, 2, "declined");
    keyless["key"] = Value::Null;
    keyless["value"] = Value::Null;
    send(&letters, &[far, keyless]);
    assert_eq!(replayed(&letters, &[])["replayed"], 2);
    let records = read(&topic);
    let keyless = records
        .iter()
        .find(|record| record["key"].is_null())
        .unwrap();
    assert_eq!(
        (&keyless["partition"], &keyless["value"]),
        (&2.into(), &Value::Null)
    );
    let copies = format!("{topic}-copies");
    create(broker(), &copies, 3);
    send(&copies, &[json!({"key": "order-1", "value": null})]);
    let far = records
        .iter()
        .find(|record| record["key"] == "order-1")
        .unwrap();
    assert_eq!(far["partition"], read(&copies)[0]["partition"]);
}

#[test]
fn a_dead_letter_topic_is_no_destination_unless_it_is_forced() {
    let (topic, letters) = topics();
    let circle = format!("{topic}-errors");
    create(broker(), &circle, 1);
    send(&letters, &letters_of(&circle, 2));
    replay(&letters, &["--to", &circle, "--yes"])
        .run()
        .status(1)
        .stderr_has("--force");
    replay(&letters, &["--to", &letters, "--force", "--yes"])
        .run()
        .status(2)
        .stderr_has("itself");
    let left = replay(&letters, &["--yes", "--skip-unknown"])
        .run()
        .status(1);
    assert_eq!(left.json()["failed"], 2);
    left.stderr_has("--force");
    assert_eq!(read(&circle).len(), 0);
    assert_eq!(replayed(&letters, &["--force"])["replayed"], 2);
    assert_eq!(read(&circle).len(), 2);
}

#[test]
fn the_retry_topic_of_the_group_is_taken_where_there_is_one() {
    let (topic, letters) = topics();
    send(&letters, &letters_of(&topic, 3));
    let none = replay(&letters, &["--to-group-retry", "--yes"])
        .run()
        .status(1);
    assert_eq!(none.json()["failed"], 3);
    none.stderr_has("group `payment-service` has no retry topic of its own");
    let retry = format!("{topic}.payment-service.retry");
    create(broker(), &retry, 3);
    assert_eq!(
        replayed(&letters, &["--to-group-retry"])["destinations"][&retry],
        3
    );
    assert_eq!(numbers(&read(&retry)), [0, 1, 2]);
}

#[test]
fn what_was_put_back_too_often_is_parked() {
    let (topic, letters) = topics();
    let parking = format!("{letters}.parking");
    let mut all = letters_of(&topic, 3);
    all[1] = with(all[1].clone(), &[("eda-replay-count", "3")]);
    send(&letters, &all);
    let plan = replay(&letters, &["--dry-run"]).run().succeeds().json();
    assert_eq!(
        (&plan["replayable"], &plan["parked"]),
        (&2.into(), &1.into())
    );
    assert_eq!(plan["creates"], json!([parking]));
    let outcome = replayed(&letters, &[]);
    assert_eq!(
        (&outcome["replayed"], &outcome["parked"]),
        (&2.into(), &1.into())
    );
    assert_eq!(outcome["parkingTopic"], parking.as_str());
    assert_eq!(numbers(&read(&topic)), [0, 2]);
    let parked = read(&parking);
    assert_eq!(numbers(&parked), [1]);
    assert_eq!(
        header(&parked[0], "eda-parked-reason"),
        Some("it was put back 3 times already")
    );
    let source = format!("{letters}/1/0");
    assert_eq!(
        header(&parked[0], "eda-parked-source"),
        Some(source.as_str())
    );
    assert_eq!(
        header(&parked[0], "__dlq.errors.topic"),
        Some(topic.as_str()),
        "as it was"
    );
    assert_eq!(
        (&parked[0]["partition"], &parked[0]["key"]),
        (&1.into(), &"order-1".into())
    );
    assert_eq!(waiting(&letters), 0);
    // Out of there only by a higher limit, and without the note.
    let stays = replay(&parking, &["--yes"]).run().status(1);
    stays.stderr_has("--max-replays");
    assert_eq!(replayed(&parking, &["--max-replays", "4"])["replayed"], 1);
    let records = read(&topic);
    let back = records
        .iter()
        .find(|record| record["value"]["n"] == 1)
        .unwrap();
    assert_eq!(header(back, "eda-replay-count"), Some("4"));
    assert_eq!(header(back, "eda-parked-reason"), None);
}

#[test]
fn diagnostics_and_timestamps_are_kept_where_that_is_asked_for() {
    let topic = crate::broker::topic_for_ever("orders", 3);
    let letters = format!("{topic}.dlq");
    create(broker(), &letters, 3);
    send(&letters, &letters_of(&topic, 2));
    let as_it_was = ["--keep-diagnostics", "--preserve-timestamp", "-n", "1"];
    assert_eq!(replayed(&letters, &as_it_was)["replayed"], 1);
    // Kafka makes a transaction visible a moment after it said that it is committed.
    wait_until("the first", PATIENCE, || read(&topic).len() == 1);
    let kept = read(&topic).remove(0);
    assert_eq!(kept["timestamp"], 1_764_000_000_000_i64);
    assert_eq!(header(&kept, "__dlq.errors.exception"), Some("Declined"));
    assert_eq!(header(&kept, "eda-replay-count"), Some("1"));
    assert_eq!(replayed(&letters, &[])["replayed"], 1);
    wait_until("both", PATIENCE, || read(&topic).len() == 2);
    let records = read(&topic);
    let stripped = records
        .iter()
        .find(|record| record["value"]["n"] != kept["value"]["n"])
        .unwrap();
    assert!(stripped["timestamp"].as_i64().unwrap() > 1_764_000_000_000);
    assert_eq!(header(stripped, "__dlq.errors.exception"), None);
    let origin = header(stripped, "eda-replay-origin").unwrap();
    assert!(origin.ends_with("/1764000000000"), "{origin}");
}

#[test]
fn without_transactions_they_are_put_back_too() {
    let (topic, letters) = topics();
    send(&letters, &letters_of(&topic, 30));
    let some = replayed(&letters, &["--at-least-once", "--where", "n>5"]);
    assert_eq!(
        (&some["replayed"], &some["delivery"]),
        (&24.into(), &"at-least-once".into())
    );
    assert_eq!(waiting(&letters), 6);
    assert_eq!(replayed(&letters, &["--at-least-once"])["replayed"], 6);
    assert_eq!(
        numbers(&read(&topic)),
        (0..30).collect::<Vec<_>>(),
        "each once"
    );
    let help = eda(&["dlq", "replay", "--help"]).run().succeeds();
    help.stdout_has("exactly once   The default.")
        .stdout_has("repeats up to 10,000 records, and loses none");
}
