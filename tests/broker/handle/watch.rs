//! Seeing how it is doing: metrics, a line on a terminal, what handlers write.

use super::exec;
use crate::broker::{PATIENCE, send, send_numbers, topic};
use crate::support::http::get;
use crate::support::prometheus::Scrape;
use crate::support::{Running, broker, eda, fresh, terminal, wait_until};
use serde_json::json;
use std::net::TcpListener;

/// Where it answers, which it says first.
fn address(member: &Running) -> String {
    let says = |run: &Running| run.stderr().contains("/metrics");
    member.wait_until("the address", PATIENCE, says);
    let stderr = member.stderr();
    let (_, rest) = stderr.split_once("http://").unwrap();
    rest.split_once('/').unwrap().0.to_owned()
}

#[test]
fn metrics_are_scraped_while_it_runs() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_numbers(&topic, 1, 5);
    let script =
        "[ $EDA_KEY != 1 ] || exit 65; [ $EDA_KEY != 4 ] || until [ -e go ]; do sleep 0.02; done";
    let run = exec(&topic, &group, script).args(["--metrics", ":0", "--commit-interval", "50ms"]);
    let member = run.spawn();
    let address = address(&member);
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let labels = [("group", group.as_str())];
    let scrape = || {
        let answer = get(&address, "/metrics");
        assert_eq!(answer.status, 200);
        Scrape::read(&answer.body)
    };
    let is = |name: &str, expected: f64| scrape().value(name, &labels) == Some(expected);
    wait_until("the fourth record", PATIENCE, || {
        is("eda_handler_processed_total", 3.0)
            && is("eda_handler_dead_lettered_total", 1.0)
            && is("eda_handler_in_hand", 1.0)
    });
    for (name, expected) in [
        ("eda_handler_dead_lettered_total", 1.0),
        ("eda_handler_failed_attempts_total", 1.0),
        ("eda_handler_retried_total", 0.0),
        ("eda_handler_duplicates_total", 0.0),
        ("eda_handler_produced_total", 0.0),
        ("eda_handler_duration_seconds_count", 4.0),
    ] {
        assert_eq!(scrape().value(name, &labels), Some(expected), "{name}");
    }
    let all = [("group", group.as_str()), ("le", "+Inf")];
    let bucket = scrape().value("eda_handler_duration_seconds_bucket", &all);
    assert_eq!(bucket, Some(4.0));
    let place = [
        ("group", group.as_str()),
        ("topic", topic.as_str()),
        ("partition", "0"),
    ];
    let lag = || scrape().value("eda_handler_consumer_lag", &place);
    wait_until("a lag of one", PATIENCE, || lag() == Some(1.0));
    std::fs::write(run.home().join("go"), "").unwrap();
    wait_until("the last record", PATIENCE, || {
        is("eda_handler_processed_total", 4.0) && is("eda_handler_in_hand", 0.0)
    });
    member.terminate();
    member.wait(PATIENCE).status(143);
}

#[test]
fn an_address_that_is_taken_is_said_before_anything_is_begun() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = exec(&topic, &group, "").args(["--metrics", &address]).run();
    output
        .status(1)
        .stderr_has(&format!("cannot listen on `{address}`"));
    let groups = eda(&["group", "list", "--json"]).on(broker()).run();
    assert!(!groups.succeeds().stdout.contains(&group));
}

#[test]
fn a_terminal_shows_how_it_is_doing_and_what_is_said_above_it() {
    if terminal::is_missing("a_terminal_shows_how_it_is_doing_and_what_is_said_above_it") {
        return;
    }
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send(&topic, &[json!({"value": "\u{1b}[2Jhello"})]);
    let run = exec(&topic, &group, "cat; echo; sleep 1").args(["-n", "1"]);
    let output = run.on_a_terminal().ends();
    assert_eq!(output.status, 0);
    let shown = &output.stdout;
    assert!(shown.contains("\\u{1b}[2Jhello\n"), "{shown}");
    assert!(shown.contains("0 processed, 0/s, 1 in hand"), "{shown}");
    assert!(shown.contains("group `"), "{shown}");
}

#[test]
fn what_handlers_write_is_left_as_it_is_in_a_pipe() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send(&topic, &[json!({"value": "\u{1b}[1mbold"})]);
    let output = exec(&topic, &group, "cat").args(["-n", "1", "--quiet"]);
    assert_eq!(output.run().succeeds().stderr, "\u{1b}[1mbold\n");
}
