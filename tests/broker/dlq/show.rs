//! `eda dlq show`: which letters are shown, and what of a stack trace.

use super::{letter, replayed, send_letters, topics, with};
use crate::broker::{numbers, send};
use crate::support::{Eda, broker, eda, terminal};

fn show(letters: &str, arguments: &[&str]) -> Eda {
    eda(&["dlq", "show", letters]).args(arguments).on(broker())
}

/// The numbers of the letters that are shown, sorted.
#[track_caller]
fn shown(letters: &str, arguments: &[&str]) -> Vec<i64> {
    let json = show(letters, arguments).arg("--json");
    numbers(&json.run().succeeds().records())
}

#[test]
fn each_flag_chooses_as_it_does_for_a_replay() {
    let (topic, letters) = topics();
    let mut all: Vec<_> = (0..6).map(|n| letter(&topic, n, "card declined")).collect();
    all.push(letter("elsewhere", 6, "no such user"));
    all.push(with(letter(&topic, 7, "slow"), &[("tenant", "lamps")]));
    send(&letters, &all);
    let everything: Vec<i64> = (0..8).collect();
    let cases: [(&[&str], &[i64]); 12] = [
        (&[], &everything),
        (&["--reason", "no such", "--reason", "slow"], &[6, 7]),
        (&["--origin", "elsewhere"], &[6]),
        (&["--group", "payment-service"], &everything),
        (&["--group", "other"], &[]),
        (&["--key", "order-3", "--key", "order-4"], &[3, 4]),
        (&["--header", "tenant=lamps"], &[7]),
        (&["--since", "2025-11-24T16:00:03Z"], &everything),
        (&["--until", "2025-11-24T16:00:03Z"], &[]),
        (&["--grep", "key:^order-[01]$"], &[0, 1]),
        (&["--where", "n>=5"], &[5, 6, 7]),
        (&["--where", "n>=5", "--reason", "declined"], &[5]),
    ];
    for (flags, expected) in cases {
        assert_eq!(shown(&letters, flags), expected, "{flags:?}");
    }
    // A count counts what is meant, wherever it lies.
    assert_eq!(shown(&letters, &["--where", "n>=5", "-n", "2"]).len(), 2);
    show(&letters, &["--group", "other"])
        .run()
        .succeeds()
        .stderr_has(&format!("none of 8 dead letters are meant in `{letters}`"));
}

#[test]
fn only_what_waits_is_shown_when_asked_for() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 9);
    assert_eq!(replayed(&letters, &["--where", "n>2"])["replayed"], 6);
    assert_eq!(shown(&letters, &["--unreplayed"]), [0, 1, 2]);
    assert_eq!(shown(&letters, &["--unreplayed", "--key", "order-1"]), [1]);
    assert_eq!(shown(&letters, &[]).len(), 9, "the others are still there");
    assert_eq!(replayed(&letters, &[])["replayed"], 3);
    show(&letters, &["--unreplayed"])
        .run()
        .succeeds()
        .stderr_has(&format!("no dead letters wait in `{letters}`"));
}

#[test]
fn a_stack_trace_is_folded_for_people_and_whole_for_programs() {
    if terminal::is_missing("a_stack_trace_is_folded_for_people_and_whole_for_programs") {
        return;
    }
    let (topic, letters) = topics();
    let trace = "org.acme.ListenerFailed: in the listener\n\tat org.acme.Listener.on(Listener.java:7)\n\
                 Caused by: java.net.ConnectException: \u{1b}[31mrefused\n\tat java.net.Socket.connect(Socket.java:9)\n";
    let foreign = serde_json::json!({
        "partition": 0,
        "key": "order-0",
        "value": {"n": 0},
        "headers": [
            ["__connect.errors.topic", topic],
            ["__connect.errors.partition", "0"],
            ["__connect.errors.offset", "0"],
            ["__connect.errors.exception.class.name", "org.acme.ListenerFailed"],
            ["__connect.errors.exception.stacktrace", trace],
        ],
    });
    send(&letters, &[foreign]);
    let whole = show(&letters, &["--json"]).run().succeeds().records();
    assert_eq!(whole[0]["deadLetter"]["stackTrace"], trace);
    let people = show(&letters, &[]).on_a_terminal().ends().succeeds();
    for line in [
        "org.acme.ListenerFailed: in the listener",
        "Caused by: java.net.ConnectException: \\u{1b}[31mrefused (and 2 more lines)",
    ] {
        let is_there = people.stdout.lines().any(|found| found.contains(line));
        assert!(is_there, "{line}\n{}", people.stdout);
    }
    assert!(
        !people.stdout.contains("Listener.java"),
        "{}",
        people.stdout
    );
}
