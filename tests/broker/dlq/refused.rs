//! Dead letters that their topics do not take.

use super::{header, letter, replay, replayed, settled, still_waiting, topics};
use crate::broker::{create, numbers, send};
use crate::support::{broker, eda};
use serde_json::{Value, json};

fn configure(topic: &str, config: &str) {
    eda(&["topic", "alter", topic, "-c", config, "--yes"])
        .on(broker())
        .run()
        .succeeds();
}

fn large(topic: &str, n: i64) -> Value {
    let mut letter = letter(topic, n, "declined");
    letter["value"] = json!({"n": n, "note": "x".repeat(5000)});
    letter
}

/// 30 letters, of which the compacted origin does not take each tenth: it has no key.
fn some_without_keys(topic: &str, letters: &str) {
    configure(topic, "cleanup.policy=compact");
    let one = |n: i64| {
        let mut letter = letter(topic, n, "declined");
        if n % 10 == 0 {
            letter["key"] = Value::Null;
        }
        letter
    };
    send(letters, &(0..30).map(one).collect::<Vec<_>>());
}

fn with_keys() -> Vec<i64> {
    (0..30).filter(|n| n % 10 != 0).collect()
}

#[test]
fn what_is_larger_than_its_topic_takes_is_parked() {
    let (topic, letters) = topics();
    configure(&topic, "max.message.bytes=2000");
    let all: Vec<Value> = (0..6)
        .map(|n| {
            if n == 3 {
                large(&topic, n)
            } else {
                letter(&topic, n, "declined")
            }
        })
        .collect();
    send(&letters, &all);
    let plan = replay(&letters, &["--dry-run"]).run().succeeds().json();
    assert_eq!(
        (&plan["replayable"], &plan["parked"]),
        (&5.into(), &1.into())
    );
    let outcome = replayed(&letters, &[]);
    assert_eq!(
        (&outcome["replayed"], &outcome["parked"]),
        (&5.into(), &1.into())
    );
    assert_eq!(numbers(&settled(&topic, 5)), [0, 1, 2, 4, 5]);
    let parking = format!("{letters}.parking");
    let parked = settled(&parking, 1);
    assert_eq!(numbers(&parked), [3]);
    let reason = header(&parked[0], "eda-parked-reason").unwrap();
    assert!(reason.contains("are over the limit of 2000"), "{reason}");
    still_waiting(&letters, 0);
    configure(&topic, "max.message.bytes=20000");
    assert_eq!(replayed(&parking, &[])["replayed"], 1);
    settled(&topic, 6);
}

/// What a batch weighs is known to the broker alone when it is compressed: the refusal comes from there.
#[test]
fn a_broker_that_finds_it_too_large_has_it_parked() {
    let (topic, letters) = topics();
    configure(&topic, "max.message.bytes=2000");
    let noise: String = std::iter::repeat_with(fastrand::alphanumeric)
        .take(9000)
        .collect();
    let one = |n: i64| {
        let mut letter = letter(&topic, n, "declined");
        if n == 4 {
            letter["value"] = json!({"n": n, "note": noise});
        }
        letter
    };
    send(&letters, &(0..9).map(one).collect::<Vec<_>>());
    let outcome = replayed(&letters, &["-X", "compression.type=lz4"]);
    assert_eq!(
        (&outcome["replayed"], &outcome["parked"]),
        (&8.into(), &1.into())
    );
    assert_eq!(numbers(&settled(&topic, 8)), [0, 1, 2, 3, 5, 6, 7, 8]);
    let parked = settled(&format!("{letters}.parking"), 1);
    assert_eq!(numbers(&parked), [4]);
    assert_eq!(
        header(&parked[0], "__dlq.errors.topic"),
        Some(topic.as_str())
    );
    still_waiting(&letters, 0);
}

#[test]
fn a_record_that_is_refused_is_left_and_the_others_are_put_back() {
    for way in [&[][..], &["--at-least-once"]] {
        let (topic, letters) = topics();
        some_without_keys(&topic, &letters);
        let outcome = replay(&letters, way).arg("--yes").run().status(1).json();
        assert_eq!(
            (&outcome["replayed"], &outcome["failed"]),
            (&27.into(), &3.into()),
            "{way:?}"
        );
        let problems = outcome["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 3);
        assert!(
            problems[0]["record"]
                .as_str()
                .unwrap()
                .starts_with(&letters)
        );
        assert_eq!(numbers(&settled(&topic, 27)), with_keys(), "{way:?}");
        still_waiting(&letters, 3);
        configure(&topic, "cleanup.policy=delete");
        assert_eq!(
            replay(&letters, way).arg("--yes").run().succeeds().json()["replayed"],
            3
        );
        assert_eq!(
            numbers(&settled(&topic, 30)),
            (0..30).collect::<Vec<_>>(),
            "{way:?}"
        );
        still_waiting(&letters, 0);
    }
}

#[test]
fn a_topic_that_takes_nothing_ends_it() {
    let (topic, letters) = topics();
    configure(&topic, "cleanup.policy=compact");
    let one = |n: i64| {
        let mut letter = letter(&topic, n, "declined");
        letter["key"] = Value::Null;
        letter
    };
    send(&letters, &(0..120).map(one).collect::<Vec<_>>());
    let ended = replay(&letters, &["--yes"]).run().status(1);
    let message = ended.error_json()["message"].as_str().unwrap().to_owned();
    assert!(
        message.starts_with("30 records in a row were refused"),
        "{message}"
    );
    assert!(
        message.contains("0 were put back and committed before it"),
        "{message}"
    );
    still_waiting(&letters, 120);
}

#[test]
fn a_dead_letter_topic_of_another_shape_keeps_null_and_empty_apart() {
    let (topic, letters) = topics();
    let shapes = [
        (Value::Null, Value::Null),
        (json!(""), Value::Null),
        (json!("k"), json!("")),
        (json!("k"), json!({"base64": "/wA="})),
    ];
    let one = |(n, (key, value)): (usize, &(Value, Value))| {
        let mut letter = letter(&topic, n as i64, "declined");
        letter["key"] = key.clone();
        letter["value"] = value.clone();
        letter["headers"]
            .as_array_mut()
            .unwrap()
            .push(json!(["flag", null]));
        letter
    };
    let all: Vec<Value> = shapes.iter().enumerate().map(one).collect();
    send(&letters, &all);
    assert_eq!(replayed(&letters, &[])["replayed"], 4);
    let records = settled(&topic, 4);
    for (key, value) in &shapes {
        let same = |record: &&Value| record["key"] == *key && record["value"] == *value;
        assert_eq!(records.iter().filter(same).count(), 1, "{key} {value}");
    }
    let flags = |record: &Value| {
        record["headers"]
            .as_array()
            .unwrap()
            .contains(&json!(["flag", null]))
    };
    assert!(records.iter().all(flags));
    create(broker(), &format!("{letters}.unused"), 1);
}
