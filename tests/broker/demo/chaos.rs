//! `eda demo --chaos`: whatever goes wrong, the invariants hold; and when one does not, it is noticed.

use super::{LONG, nothing_is_left, sum};
use crate::support::{Broker, Eda, Running, broker, eda, terminal};
use serde_json::{Value, json};

/// A small run, in which payment is down for a second.
fn chaos(arguments: &[&str]) -> Eda {
    chaos_for("1s", arguments)
}

fn chaos_for(outage: &str, arguments: &[&str]) -> Eda {
    let demo = eda(&["demo", "--chaos", "--orders", "60", "--json"]);
    let demo = demo.args(["--payment-outage", outage]).args(arguments);
    // What it keeps in files is then seen by the test.
    let home = demo.home().to_owned();
    demo.env("TMPDIR", home).timeout(LONG)
}

fn files(demo: &Eda) -> Vec<String> {
    let entries = std::fs::read_dir(demo.home()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("eda-demo")).collect()
}

/// What was to happen, without the times: `payment-2 killed`. Not what depends on the moment: an instance that is started
/// when the broker is just about to be killed ends, and is started again.
fn acts(report: &Value) -> Vec<String> {
    let event = |event: &Value| {
        let word = |key: &str| event[key].as_str().unwrap().to_owned();
        format!("{} {}", word("whom"), word("what"))
    };
    let events = report["chaos"].as_array().unwrap().iter();
    let is_by_chance = |act: &String| act.ends_with("gave-up") || act.ends_with("started-again");
    events.map(event).filter(|act| !is_by_chance(act)).collect()
}

/// Every service but the audit was killed once, and started again; payment was down, and up after that.
fn assert_chaos(report: &Value) {
    let acts = acts(report);
    for service in [
        "order",
        "payment",
        "inventory",
        "shipping",
        "notification",
        "analytics",
    ] {
        for what in ["killed", "started"] {
            let is_it = |act: &&String| act.starts_with(service) && act.ends_with(what);
            assert_eq!(
                acts.iter().filter(is_it).count(),
                1,
                "{service} {what}: {acts:?}"
            );
        }
    }
    assert!(
        !acts.iter().any(|act| act.starts_with("audit-1")),
        "{acts:?}"
    );
    let added = acts.iter().filter(|act| act.ends_with("added"));
    assert_eq!(added.count(), 2, "{acts:?}");
    let events = report["chaos"].as_array().unwrap();
    // In this order; how long it is down is the schedule's business.
    let told = |what: &str| {
        let is_it = |event: &Value| event["whom"] == "payment provider" && event["what"] == what;
        events.iter().position(is_it).unwrap()
    };
    assert!(told("down") < told("up"), "{events:?}");
}

#[test]
fn whatever_is_killed_nothing_is_lost_or_done_twice() {
    let demo = chaos(&["--seed", "7"]);
    let report = demo.run().succeeds().json();
    assert_eq!(sum(&report["orders"]), 60, "{report}");
    assert_chaos(&report);
    let acts = acts(&report);
    for act in ["broker killed", "broker up"] {
        assert!(acts.iter().any(|known| known == act), "{acts:?}");
    }
    assert_eq!(files(&demo), Vec::<String>::new(), "nothing is left");

    // The same seed kills the same instances, and gives the orders the same ends, with and without chaos.
    let again = chaos(&["--seed", "7"]).run().succeeds().json();
    let sorted = |mut acts: Vec<String>| {
        acts.sort();
        acts
    };
    assert_eq!(sorted(self::acts(&again)), sorted(acts));
    let calm = eda(&["demo", "--orders", "60", "--seed", "7", "--json"]);
    let calm = calm.timeout(LONG).run().succeeds().json();
    assert_eq!(calm["chaos"], Value::Null);
    for report in [&again, &calm] {
        assert_eq!(report["orders"], calm["orders"]);
    }
}

#[test]
fn brokers_that_are_named_are_not_restarted_and_nothing_of_the_run_is_left() {
    let report = chaos(&["--seed", "3"]).on(broker()).run().succeeds().json();
    assert_eq!(sum(&report["orders"]), 60, "{report}");
    assert_chaos(&report);
    assert!(!acts(&report).iter().any(|act| act.starts_with("broker")));
    nothing_is_left(&report);
}

#[test]
fn an_invariant_that_breaks_is_noticed_amid_all_that() {
    let broken = |invariant: &str| {
        // As without chaos: a charge that is to be lost or doubled must be one of an order that ends as it should.
        let cancelled = match invariant {
            "refunded" => "0.5",
            _ => "0",
        };
        let demo = chaos(&["--seed", "5", "--break", invariant]);
        let report = demo
            .args(["--inventory-failures", cancelled])
            .run()
            .status(4)
            .json();
        let verdicts = report["invariants"].as_array().unwrap().clone();
        let broken = verdicts
            .into_iter()
            .filter(|verdict| verdict["holds"] == false);
        let broken: Vec<Value> = broken.map(|verdict| verdict["name"].clone()).collect();
        assert_eq!(broken, [json!(invariant)], "{report}");
    };
    // They mostly wait, so they wait together.
    std::thread::scope(|scope| {
        for invariant in [
            "one-end",
            "charged-once",
            "refunded",
            "in-order",
            "no-lag",
            "accounted-for",
        ] {
            scope.spawn(move || broken(invariant));
        }
    });
}

#[test]
fn interrupted_in_the_middle_it_leaves_nothing_behind() {
    // Of its own, so that whatever is on it is the run's.
    let named = Broker::embedded(&[]);
    let on_named = chaos_for("10s", &["--seed", "3", "-v"]).on(&named);
    let on_own = chaos_for("10s", &["--seed", "3", "-v"]);
    let mut said = String::new();
    for (demo, moment) in [
        (&on_named, "was killed"),
        (&on_named, "payment provider is down"),
        (&on_own, "broker was killed"),
    ] {
        let run = demo.spawn();
        run.wait_until(moment, LONG, |run: &Running| run.stderr().contains(moment));
        assert!(!files(demo).is_empty());
        run.interrupt();
        let stderr = run.wait(LONG).status(130).stderr;
        let left_behind = stderr.lines().find(|line| line.contains("left behind: "));
        said.push_str(left_behind.unwrap_or_default());
        assert_eq!(files(demo), Vec::<String>::new(), "after `{moment}`");
    }
    for list in [
        &["topic", "list", "--json"][..],
        &["group", "list", "--json"],
    ] {
        // On a busy machine a group may notice too late that a member was killed: then the run has said so.
        let left = eda(list).on(&named).run().succeeds().json();
        for row in left.as_array().unwrap() {
            let name = row["group"].as_str().or(row["name"].as_str()).unwrap();
            assert!(said.contains(name), "`{name}` is left, and in\n{said}");
        }
    }
}

#[test]
fn whoever_watches_is_told_what_goes_wrong() {
    if terminal::is_missing("whoever_watches_is_told_what_goes_wrong") {
        return;
    }
    let demo = eda(&["demo", "--chaos", "--orders", "20", "--seed", "7"]);
    let shown = demo
        .args(["--payment-outage", "500ms"])
        .on_a_terminal()
        .ends()
        .succeeds();
    let report = shown.stdout.find("20 orders in").unwrap();
    let (meanwhile, report) = shown.stdout.split_at(report);
    for line in [
        "payment provider is down",
        "broker was killed",
        "was started in its place",
    ] {
        assert!(meanwhile.contains(line), "no `{line}` in\n{meanwhile}");
        assert!(report.contains(line), "no `{line}` in\n{report}");
    }
}

#[test]
fn chaos_that_cannot_be_is_a_usage_error() {
    for (arguments, message) in [
        (
            &["--payment-outage", "1s"][..],
            "the following required arguments were not provided",
        ),
        (
            &["--chaos", "--payment-outage", "2h"],
            "payment is down for 600 seconds at most",
        ),
        (&["--chaos", "--payment-outage", "soon"], "soon"),
    ] {
        eda(&["demo", "--orders", "5"])
            .args(arguments)
            .run()
            .status(2)
            .stderr_has(message);
    }
    for flag in ["--chaos", "--outbox"] {
        eda(&["demo", "--orders", "5", flag])
            .env("TMPDIR", "/nonexistent")
            .run()
            .status(1)
            .stderr_has("cannot make a temporary folder");
    }
}
