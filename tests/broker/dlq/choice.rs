//! Which dead letters are put back, and that the others are neither hidden nor put back twice.

use super::{letter, replay, replayed, send_letters, topics, topics_apart, waiting, with};
use crate::broker::{numbers, read, send};
use crate::support::{broker, eda};
use serde_json::{Value, json};

#[test]
fn a_replay_of_some_reasons_hides_none_of_the_others() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 30);
    // Ten: each third, so that others are before and behind it.
    let plan = replay(&letters, &["--reason", "card", "--dry-run"])
        .run()
        .succeeds()
        .json();
    let ledger = format!("eda-replay.{letters}.ledger");
    // In partition 0, where all of them lie, there is nothing else.
    assert_eq!((&plan["total"], &plan["passed"]), (&10.into(), &20.into()));
    assert_eq!(plan["creates"], json!([]));
    let outcome = replayed(&letters, &["--where", "n>10", "--where", "n<20"]);
    assert_eq!(outcome["replayed"], 9);
    assert_eq!(waiting(&letters), 21);
    let plan = replay(&letters, &["--reason", "card", "--dry-run"])
        .run()
        .succeeds()
        .json();
    assert_eq!((&plan["total"], &plan["passed"]), (&7.into(), &14.into()));
    assert_eq!(replayed(&letters, &["--reason", "card"])["replayed"], 7);
    assert_eq!(waiting(&letters), 14);
    // The ledger is no dead-letter topic, though its name has one in it.
    let listed = eda(&["dlq", "list", "--json"])
        .on(broker())
        .run()
        .succeeds();
    assert!(!listed.stdout.contains(&ledger), "{}", listed.stdout);
    eda(&["topic", "describe", &ledger])
        .on(broker())
        .run()
        .succeeds();
    assert_eq!(replayed(&letters, &[])["replayed"], 14);
    assert_eq!(
        numbers(&read(&topic)),
        (0..30).collect::<Vec<_>>(),
        "each once"
    );
    assert_eq!(waiting(&letters), 0);
    let again = replay(&letters, &["--yes"]).run().succeeds().json();
    assert_eq!((&again["total"], &again["passed"]), (&0.into(), &0.into()));
    assert_eq!(read(&topic).len(), 30);
}

#[test]
fn the_plan_names_the_topic_that_it_needs() {
    let (topic, letters) = topics();
    let odd: Vec<Value> = (0..6)
        .map(|n| letter(&topic, 3 * n, if n % 2 == 0 { "even" } else { "odd" }))
        .collect();
    send(&letters, &odd);
    let ledger = format!("eda-replay.{letters}.ledger");
    let dry = ["dlq", "replay", &letters, "--reason", "odd", "--dry-run"];
    eda(&dry)
        .on(broker())
        .run()
        .succeeds()
        .stdout_has(&format!("topic `{ledger}` is created"));
    let plan = eda(&dry).arg("--json").on(broker()).run().succeeds().json();
    assert_eq!(plan["creates"], json!([ledger]));
    eda(&["topic", "describe", &ledger])
        .on(broker())
        .run()
        .status(1);
    // Nothing before it is left: no ledger is needed.
    let even = replay(&letters, &["-n", "1", "--dry-run"])
        .run()
        .succeeds()
        .json();
    assert_eq!(even["creates"], json!([]));
}

#[test]
fn each_flag_chooses_and_a_count_counts_what_is_chosen() {
    let (topic, letters) = topics();
    let other = format!("{topic}-other");
    crate::broker::create(broker(), &other, 3);
    let mut all: Vec<Value> = (0..9).map(|n| letter(&topic, n, "no such user")).collect();
    all.push(letter(&other, 9, "no such user"));
    all.push(with(
        letter(&topic, 10, "no such user"),
        &[("tenant", "lamps")],
    ));
    send(&letters, &all);
    let cases: [(&[&str], i64); 11] = [
        (&["--origin", &other], 1),
        (&["--group", "payment-service"], 11),
        (&["--group", "other"], 0),
        (&["--key", "order-3", "--key", "order-4"], 2),
        (&["--header", "tenant=lamps"], 1),
        (&["-H", "tenant"], 1),
        (&["--since", "2025-11-24T16:00:03Z"], 11),
        (&["--until", "2025-11-24T16:00:03Z"], 0),
        (&["--grep", "key:^order-[0-4]$"], 5),
        (&["--where", "n>=8"], 3),
        (&["--reason", "Declined", "--where", "n<2"], 2),
    ];
    for (flags, expected) in cases {
        let plan = replay(&letters, flags)
            .arg("--dry-run")
            .run()
            .succeeds()
            .json();
        assert_eq!(plan["total"], expected, "{flags:?}");
        assert_eq!(plan["passed"], 11 - expected, "{flags:?}");
    }
    let two = replayed(&letters, &["--grep", "key:^order-[0-4]$", "-n", "2"]);
    assert_eq!(two["replayed"], 2);
    assert_eq!(waiting(&letters), 9);
    let rest = replayed(&letters, &["--origin", &topic]);
    assert_eq!(rest["replayed"], 8);
    assert_eq!(read(&other).len(), 0);
    assert_eq!(replayed(&letters, &[])["destinations"][&other], 1);
    let mut found = numbers(&read(&topic));
    found.dedup();
    assert_eq!(found.len(), 10, "each once");
    let nothing = eda(&[
        "dlq",
        "replay",
        &letters,
        "--key",
        "none",
        "--from-beginning",
        "--yes",
    ]);
    nothing
        .on(broker())
        .run()
        .succeeds()
        .stderr_has("none of the 11 dead letters");
}

#[test]
fn what_cannot_be_placed_is_put_back_when_it_can() {
    let (topic, letters) = topics_apart();
    let later = format!("{topic}-later");
    let mut all: Vec<Value> = (0..6).map(|n| letter(&topic, n, "no such user")).collect();
    all.insert(0, letter(&later, 6, "no such user"));
    all.insert(1, json!({"partition": 1, "value": {"n": 7}}));
    send(&letters, &all);
    // They are in nobody's way.
    let one = replayed(&letters, &["-n", "1", "--skip-unknown"]);
    assert_eq!(one["replayed"], 1);
    let first = replay(&letters, &["--yes"]).run().status(1).json();
    assert_eq!(
        (&first["replayed"], &first["skipped"]),
        (&5.into(), &2.into())
    );
    assert_eq!(waiting(&letters), 2);
    let again = replay(&letters, &["--yes", "--skip-unknown"])
        .run()
        .succeeds()
        .json();
    assert_eq!(
        (&again["replayed"], &again["skipped"]),
        (&0.into(), &2.into())
    );
    crate::broker::create(broker(), &later, 1);
    let third = replay(&letters, &["--yes"]).run().status(1).json();
    assert_eq!(
        (&third["replayed"], &third["skipped"]),
        (&1.into(), &1.into())
    );
    assert_eq!(numbers(&read(&later)), [6]);
    assert_eq!(numbers(&read(&topic)), [0, 1, 2, 3, 4, 5], "each once");
    assert_eq!(waiting(&letters), 1);
    // With a destination named even that one goes.
    let last = replayed(&letters, &["--to", &topic]);
    assert_eq!(last["replayed"], 1);
    assert_eq!(numbers(&read(&topic)).last(), Some(&7));
    assert_eq!(waiting(&letters), 0);
}

#[test]
fn from_the_beginning_sends_again_and_forgets_nothing() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 9);
    assert_eq!(replayed(&letters, &["--where", "n>5"])["replayed"], 3);
    // Also one that was put back; the others stay what they were.
    let again = replayed(&letters, &["--where", "n>7", "--from-beginning"]);
    assert_eq!(again["replayed"], 1);
    assert_eq!(waiting(&letters), 6);
    assert_eq!(replayed(&letters, &[])["replayed"], 6);
    let found = numbers(&read(&topic));
    assert_eq!(found, [0, 1, 2, 3, 4, 5, 6, 7, 8, 8]);
    // Another group has a progress of its own, from the beginning on.
    let own = replayed(
        &letters,
        &["--replay-group", &format!("{topic}-mine"), "-n", "2"],
    );
    assert_eq!(
        (&own["replayed"], &own["replayGroup"]),
        (&2.into(), &format!("{topic}-mine").into())
    );
    assert_eq!(waiting(&letters), 0);
}

#[test]
fn what_the_ledger_knows_of_a_topic_that_is_no_more_hides_nothing_of_the_next() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 9);
    assert_eq!(replayed(&letters, &["--where", "n>5"])["replayed"], 3);
    assert_eq!(waiting(&letters), 6);
    let delete = eda(&["topic", "delete", &letters, "--yes"]);
    delete.on(broker()).run().succeeds();
    crate::broker::create(broker(), &letters, 3);
    send_letters(&letters, &topic, 9);
    // The last three have the offsets that the ledger says are over.
    assert_eq!(waiting(&letters), 9);
    assert_eq!(replayed(&letters, &[])["replayed"], 9);
    assert_eq!(waiting(&letters), 0);
}
