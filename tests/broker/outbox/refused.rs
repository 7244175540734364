//! What the brokers refuse: tried again, then dead with the reason, and what becomes of the others.

use super::{Outbox, databases, id};
use crate::broker::PATIENCE;
use crate::support::terminal::is_missing;
use crate::support::{broker, eda, wait_until};
use serde_json::{Value, json};

/// Takes small records alone.
fn small(outbox: Outbox) -> Outbox {
    outbox.eda(&["outbox", "init", "--yes"]).run().succeeds();
    let topic = outbox.topic();
    let create = eda(&[
        "topic",
        "create",
        &topic,
        "-p",
        "1",
        "-c",
        "max.message.bytes=2000",
    ]);
    create.on(broker()).run().succeeds();
    outbox
}

fn numbers(records: &[Value]) -> Vec<(String, u64)> {
    let number = |record: &Value| {
        let key = record["key"].as_str().unwrap().to_owned();
        (key, record["value"]["n"].as_u64().unwrap())
    };
    records.iter().map(number).collect()
}

/// The second of the first aggregate is too large.
fn with_one_too_large(outbox: &Outbox) {
    let large = json!({"n": 1, "note": "x".repeat(3000)});
    outbox.add(&[
        ("a", json!({"n": 0})),
        ("a", large),
        ("b", json!({"n": 2})),
        ("a", json!({"n": 3})),
        ("b", json!({"n": 4})),
    ]);
}

#[test]
fn a_refused_event_is_dead_after_its_attempts_and_the_others_go_on() {
    for outbox in databases("a_refused_event_is_dead_after_its_attempts_and_the_others_go_on") {
        let outbox = small(outbox);
        with_one_too_large(&outbox);
        let relay = outbox.relay(&["--once", "--max-attempts", "3", "--json"]);
        let output = relay.run().status(1);
        let report = output.json();
        assert_eq!(
            (&report["published"], &report["refused"], &report["dead"]),
            (&json!(4), &json!(3), &json!(1))
        );
        output
            .stderr_has("refused:")
            .stderr_has("max.message.bytes");
        let mut published = numbers(&outbox.published());
        published.sort();
        let expected = [("a", 0), ("a", 3), ("b", 2), ("b", 4)];
        assert_eq!(published, expected.map(|(key, n)| (key.to_owned(), n)));
        let status = outbox.status();
        assert_eq!(
            (&status["pending"], &status["dead"]),
            (&json!(0), &json!(1))
        );
        let dead = &status["deadEvents"][0];
        assert_eq!(
            (&dead["aggregateId"], &dead["attempts"]),
            (&json!("a"), &json!(3))
        );
        let reason = dead["reason"].as_str().unwrap();
        assert!(
            reason.contains("over the limit") || reason.contains("too large"),
            "{reason}"
        );
        let gate = outbox.eda(&["outbox", "status", "--max-dead", "0"]).run();
        let gate = gate.status(4).stdout_has("1 is dead, and 0 were allowed");
        assert!(!gate.stdout.contains("xxxx"), "{}", gate.stdout);

        // It is mended, and gets another chance.
        let alter = eda(&[
            "topic",
            "alter",
            &outbox.topic(),
            "-c",
            "max.message.bytes=100000",
        ]);
        alter.arg("--yes").on(broker()).run().succeeds();
        // A UUID is one in capitals, too.
        let capitals = dead["id"].as_str().unwrap().to_uppercase();
        let retry = outbox.eda(&["outbox", "retry", &capitals]);
        retry.clone().run().status(2).stderr_has("--yes");
        let plan = retry.clone().arg("--dry-run").run().succeeds();
        plan.stdout_has("would be pending again");
        retry.arg("--yes").run().succeeds().stdout_has("pending");
        outbox.relay(&["--once"]).run().succeeds();
        let records = outbox.published();
        assert_eq!(records.len(), 5);
        let last = records.last().unwrap();
        assert_eq!(
            (id(last), &last["value"]["n"]),
            (dead["id"].as_str().unwrap(), &json!(1))
        );
    }
}

#[test]
fn with_block_nothing_overtakes_a_refused_event() {
    for outbox in databases("with_block_nothing_overtakes_a_refused_event") {
        let outbox = small(outbox);
        with_one_too_large(&outbox);
        let block = ["--once", "--max-attempts", "2", "--on-dead", "block"];
        outbox.relay(&block).run().status(1);
        let at = |key: &str| {
            let all = numbers(&outbox.published()).into_iter();
            let of_key = all.filter(|(of, _)| of == key).map(|(_, n)| n);
            of_key.collect::<Vec<_>>()
        };
        assert_eq!((at("a"), at("b")), (vec![0], vec![2, 4]));
        let status = outbox.status();
        assert_eq!(
            (&status["pending"], &status["dead"]),
            (&json!(1), &json!(1))
        );

        // Purged, it blocks nobody any more.
        let purge = outbox.eda(&["outbox", "purge", "--dead"]);
        purge
            .clone()
            .arg("--dry-run")
            .run()
            .succeeds()
            .stdout_has("would delete");
        let purged = purge.args(["--yes", "--json"]).run().succeeds().json();
        assert_eq!(purged["dead"], 1);
        outbox.relay(&block).run().succeeds();
        assert_eq!(at("a"), [0, 3]);
    }
}

#[test]
fn what_was_published_is_purged_when_it_is_old_enough() {
    for outbox in databases("what_was_published_is_purged_when_it_is_old_enough") {
        let outbox = outbox.made();
        outbox.add_numbers(0, 20, 5);
        outbox.relay(&["--once"]).run().succeeds();
        outbox.add_numbers(20, 3, 5);
        let purge = |age: &str| {
            let purge = outbox.eda(&["outbox", "purge", "--published", "--older-than", age]);
            purge.args(["--yes", "--json"]).run().succeeds().json()
        };
        assert_eq!(purge("1h")["published"], 0);
        wait_until("they are old enough", PATIENCE, || {
            purge("1ms");
            outbox.status()["published"] == 0
        });
        assert_eq!(outbox.status()["pending"], 3);
    }
}

#[test]
fn hostile_names_reach_a_terminal_escaped() {
    let outbox = super::in_a_file();
    outbox.eda(&["outbox", "init", "--yes"]).run().succeeds();
    let row = json!({
        "id": "\u{1b}[31mid", "aggregatetype": "no such topic\u{7}", "aggregateid": "\u{1b}]0;title\u{7}",
        "type": "T\u{1b}[2J", "payload": "\u{1b}[31msecret",
    });
    outbox.add_lines(format!("{row}\n"));
    let relay = outbox.relay(&["--once", "--max-attempts", "1"]).run();
    let relay = relay.status(1);
    assert!(!relay.stderr.contains('\u{1b}'), "{:?}", relay.stderr);
    let dead = outbox.status()["dead"].clone();
    assert_eq!(dead, 1);
    if is_missing("hostile_names_reach_a_terminal_escaped") {
        return;
    }
    let terminal = outbox.eda(&["outbox", "status"]).on_a_terminal();
    let output = terminal.ends().succeeds();
    let shown = output.stdout + &output.stderr;
    // What is raw moves or colours, and is not among what was read.
    for escaped in [r"\u{1b}[31mid", r"\u{1b}]0;title\u{7}", r"T\u{1b}[2J"] {
        assert!(shown.contains(escaped), "{shown:?}");
    }
    assert!(!shown.contains("secret"), "{shown:?}");
}
