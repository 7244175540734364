//! `eda demo compare`: calls against events, measured.

use super::topics;
use crate::support::{Eda, broker, eda};
use serde_json::Value;
use std::time::Duration;

/// A debug build on a busy machine.
const LONG: Duration = Duration::from_secs(180);

/// With times and outages that a test can wait for.
fn compare(span: &str, instances: &str) -> Eda {
    let run = eda(&["demo", "compare", "--workers", "20", "--rate", "20"]);
    let times = ["--payment", "120ms", "--notification", "180ms"];
    let run = run.args(times).args(["--outage", "1s", "--span", span]);
    run.args(["--instances", instances]).timeout(LONG)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// What must hold of any machine: bounds that follow from the injected times, and counts; no speeds.
fn is_plausible(report: &Value) {
    let (calls, events) = (&report["synchronous"], &report["events"]);
    for architecture in [calls, events] {
        let complete = number(&architecture["complete"]["p50Ms"]);
        assert!(complete >= 300.0, "payment and notification: {report}");
        assert_eq!(architecture["lost"], 0, "{report}");
        assert_eq!(architecture["outage"]["lost"], 0, "{report}");
        for throughput in architecture["throughput"].as_array().unwrap() {
            let instances = number(&throughput["instances"]);
            let completed = number(&throughput["completedPerSecond"]);
            // 20 workers at 180 ms, the slower of the two, and a wave more or less.
            assert!(
                completed > 0.0 && completed <= instances * 160.0,
                "{report}"
            );
        }
    }
    assert!(
        number(&calls["response"]["p50Ms"]) >= 300.0,
        "the caller waits for both: {report}"
    );
    assert_eq!(events["outage"]["failed"], 0, "{report}");
    assert!(number(&calls["outage"]["failed"]) > 0.0, "{report}");
    // Accepted while nobody was there to charge for it.
    assert!(number(&events["outage"]["slowestMs"]) > 1000.0, "{report}");
    let quicker = number(&calls["response"]["p50Ms"]) / number(&events["response"]["p50Ms"]);
    let said = number(&report["timesQuicker"]);
    assert!((quicker - said).abs() < 0.1 * said, "{report}");
}

#[test]
fn both_are_measured_on_a_broker_of_its_own() {
    let output = compare("1s", "1,2").arg("--json").run().succeeds();
    assert_eq!(output.stderr, "");
    let report = output.json();
    is_plausible(&report);
    assert_eq!(report["events"]["throughput"].as_array().unwrap().len(), 2);
    assert_eq!(report["leftBehind"], serde_json::json!([]));
}

#[test]
fn on_the_users_brokers_nothing_is_left_behind_and_a_person_sees_a_table() {
    let output = compare("1s", "1").on(broker()).run().succeeds();
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(
        lines[0],
        "payment 120 ms, then notification 180 ms; 20 workers an instance; 20 orders a second"
    );
    for measure in [
        "response-p50-ms",
        "accepted-per-second",
        "outage-orders-lost",
    ] {
        assert!(
            lines.iter().any(|line| line.starts_with(measure)),
            "no {measure} in {}",
            output.stdout
        );
    }
    assert!(output.stdout.contains("accepted is not complete"));
    assert_eq!(left(), [""; 0]);

    // What it made is deleted when it is interrupted, too.
    // Its first part takes as long as this span, and makes none.
    let running = compare("3s", "1").on(broker()).spawn();
    running.wait_until("its topics", LONG, |_| !left().is_empty());
    running.interrupt();
    running.wait(LONG).status(130);
    assert_eq!(left(), [""; 0]);
}

/// What there is of any run's topics and groups. Only one test looks, for they are everybody's.
fn left() -> Vec<String> {
    let groups = eda(&["group", "list", "--json"]).on(broker()).run();
    let groups = groups.succeeds().json();
    let group = |row: &Value| row["group"].as_str().unwrap().to_owned();
    let groups = groups.as_array().unwrap().iter().map(group);
    let names = topics().into_iter().chain(groups);
    names.filter(|name| name.starts_with("compare-")).collect()
}

#[test]
fn a_rate_at_which_queues_would_be_measured_is_refused() {
    let run = eda(&["demo", "compare", "--rate", "45"]);
    let output = run.run().status(2);
    assert_eq!(
        output.stderr,
        "error: 45 orders a second are too many to measure response times with: 100 workers at 2000 ms an order take \
         50\n\nhint: a queue would be measured: take a lower `--rate`, or more `--workers`\n"
    );
}
