//! `eda dlq park`: letters moved out of the way by hand.

use super::{header, letter, replayed, send_letters, topics, waiting};
use crate::broker::{PATIENCE, numbers, read, send};
use crate::support::{Eda, broker, eda, wait_until};
use serde_json::{Value, json};

/// `eda dlq park LETTERS …`.
fn park(letters: &str, arguments: &[&str]) -> Eda {
    let park = eda(&["dlq", "park", letters]);
    park.args(arguments).on(broker())
}

/// What is told, with the topic called `orders`, and no wider for its name.
fn words(text: &str, topic: &str) -> String {
    let text = text.replace(topic, "orders");
    let lines = text.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let line = words.join(" ");
        // The name of the topic is in each letter.
        match line.split_once(" letters, ") {
            Some((count, _)) => format!("{count} letters, N bytes"),
            None => line,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What is in a topic once a committed transaction of so many can be seen.
fn settled(topic: &str, count: usize) -> Vec<Value> {
    wait_until("what is committed", PATIENCE, || read(topic).len() == count);
    read(topic)
}

#[test]
fn what_is_parked_is_told_and_no_replay_meets_it() {
    let (topic, letters) = topics();
    let parking = format!("{letters}.parking");
    send_letters(&letters, &topic, 9);
    let chosen = ["--reason", "no such user", "--where", "n<6"];
    let dry = park(&letters, &chosen).arg("--dry-run").run().succeeds();
    insta::assert_snapshot!(words(&dry.stdout, &topic), @r"
    COUNT ORIGIN GROUP CONVENTION KIND EXCEPTION MESSAGE
    4 orders payment-service eda permanent Declined no such user
    4 letters, N bytes
    they died from 2025-11-24T16:00:03Z to 2025-11-24T16:00:03Z
    4 go to `orders.dlq.parking`
    5 others are not meant, and stay
    topic `orders.dlq.parking` is created
    ");
    park(&letters, &chosen).run().status(2).stderr_has("--yes");
    assert_eq!(waiting(&letters), 9, "nothing was changed so far");
    let done = park(&letters, &chosen)
        .args(["--note", "OPS-7: asked the bank", "--yes"])
        .run()
        .succeeds();
    insta::assert_snapshot!(words(&done.stdout, &topic), @r"
    PARKING-TOPIC PARKED
    orders.dlq.parking 4
    ");
    let parked = settled(&parking, 4);
    assert_eq!(numbers(&parked), [1, 2, 4, 5]);
    let one = parked.iter().find(|it| it["value"]["n"] == 4).unwrap();
    assert_eq!(one["partition"], 1, "the partition it lay in");
    for (name, expected) in [
        ("eda-parked-reason", "OPS-7: asked the bank"),
        ("eda-parked-source", &format!("{letters}/1/1")),
        ("__dlq.errors.topic", &topic),
        ("__dlq.errors.message", "no such user"),
    ] {
        assert_eq!(header(one, name), Some(expected), "{name}");
    }
    assert_eq!(waiting(&letters), 5);
    assert_eq!(replayed(&letters, &[])["replayed"], 5);
    assert_eq!(numbers(&settled(&topic, 5)), [0, 3, 6, 7, 8]);
    park(&letters, &["--yes"])
        .run()
        .succeeds()
        .stderr_has("no dead letters wait");
    // And out of there again.
    assert_eq!(replayed(&parking, &[])["replayed"], 4);
    let records = settled(&topic, 9);
    assert_eq!(numbers(&records), (0..9).collect::<Vec<_>>(), "each once");
    let back = records.iter().find(|it| it["value"]["n"] == 4).unwrap();
    assert_eq!(header(back, "eda-parked-reason"), None);
}

#[test]
fn a_letter_of_unknown_origin_is_parked_too_and_a_few_are_few() {
    let (topic, letters) = topics();
    let parking = format!("{letters}.parking");
    let unknown = json!({"partition": 0, "value": {"n": 0}});
    let gone = letter("gone-for-good", 1, "declined");
    let last = letter(&topic, 2, "declined");
    send(&letters, &[unknown, gone, last]);
    let two = park(&letters, &["-n", "2", "--yes", "--json"])
        .run()
        .succeeds()
        .json();
    assert_eq!(
        (&two["parked"], &two["replayed"], &two["parkingTopic"]),
        (&2.into(), &0.into(), &parking.as_str().into())
    );
    let parked = settled(&parking, 2);
    assert_eq!(numbers(&parked), [0, 1]);
    assert_eq!(
        header(&parked[0], "eda-parked-reason"),
        Some("parked by hand")
    );
    assert_eq!(waiting(&letters), 1);
    let rest = park(&letters, &["--at-least-once", "--yes", "--json"])
        .run()
        .succeeds()
        .json();
    assert_eq!(
        (&rest["parked"], &rest["delivery"]),
        (&1.into(), &"at-least-once".into())
    );
    assert_eq!(numbers(&read(&parking)), [0, 1, 2]);
    assert_eq!(waiting(&letters), 0);
    park(&parking, &["--yes"])
        .run()
        .status(1)
        .stderr_has("is a parking topic")
        .stderr_has("eda dlq replay");
    park(&letters, &["--note", "", "--yes"]).run().status(2);
}

/// The progress is that of the replays: what one has put back is not parked.
#[test]
fn what_was_put_back_is_not_parked_unless_for_another_group() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 6);
    assert_eq!(replayed(&letters, &["--where", "n<2"])["replayed"], 2);
    let parked = park(&letters, &["--yes", "--json"]).run().succeeds().json();
    assert_eq!(parked["parked"], 4);
    let own = format!("{topic}-mine");
    let again = park(&letters, &["--replay-group", &own, "--yes", "--json"]);
    assert_eq!(again.run().succeeds().json()["parked"], 6);
}
