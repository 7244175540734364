//! `eda consume` without a handler: it prints.

use super::{PATIENCE, numbers, send, send_numbers, topic};
use crate::support::{broker, eda, fresh, wait_until};
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn positions_say_where_to_begin_and_to_end() {
    let topic = topic("orders", 1);
    send_numbers(&topic, 1, 10);
    let cases = [
        (&["-o", ":end"][..], 0..10),
        (&["-n", "3"], 0..3),
        (&["-o", "7", "-n", "2"], 7..9),
        (&["-o", "-2", "-n", "2"], 8..10),
        (&["-o", "2:5"], 2..5),
        (&["-o", "end", "--idle", "300ms"], 0..0),
        (&["-o", "@-1h", "-n", "10"], 0..10),
        (&["-o", "beginning", "--idle", "300ms"], 0..10),
    ];
    for (arguments, expected) in cases {
        let output = eda(&["consume", &topic])
            .args(arguments)
            .on(broker())
            .run()
            .succeeds();
        assert_eq!(
            numbers(&output.records()),
            expected.collect::<Vec<i64>>(),
            "{arguments:?}"
        );
    }
}

#[test]
fn records_go_into_a_pipe_as_lossless_json() {
    // The record's timestamp is older than what a topic keeps by default: retention would take it, sooner or later.
    let topic = fresh("orders");
    eda(&["topic", "create", &topic, "--retention", "infinite"])
        .on(broker())
        .run()
        .succeeds();
    let headers = json!([["trace", "00-1"], ["flag", null]]);
    send(
        &topic,
        &[
            json!({"partition": 2, "timestamp": 1_764_000_000_000_i64, "key": "order-7", "value": {"n": 1}, "headers": headers}),
        ],
    );
    let output = eda(&["consume", &topic, "-o", ":end"])
        .on(broker())
        .run()
        .succeeds();
    let expected = json!({
        "topic": topic, "partition": 2, "offset": 0, "timestamp": 1_764_000_000_000_i64, "timestampType": "create",
        "key": "order-7", "value": {"n": 1}, "headers": headers,
    });
    assert_eq!(
        output.stdout,
        format!("{expected}\n"),
        "also the order of the keys"
    );
    let plain = eda(&["consume", &topic, "-o", ":end", "--output", "plain"])
        .on(broker())
        .run()
        .succeeds();
    assert_eq!(
        plain.stdout,
        format!("{topic}\t2\t0\t1764000000000\torder-7\t{{\"n\":1}}\n")
    );
}

#[test]
fn only_the_partitions_asked_for_are_read() {
    let topic = topic("orders", 4);
    send_numbers(&topic, 4, 12);
    let output = eda(&["consume", &topic, "-p", "1", "-p", "3", "-o", ":end"])
        .on(broker())
        .run()
        .succeeds();
    assert_eq!(numbers(&output.records()), [1, 3, 5, 7, 9, 11]);
    let missing = eda(&["consume", &topic, "-p", "9"])
        .on(broker())
        .run()
        .status(1);
    missing.stderr_has("no partition 9");
}

#[test]
fn a_group_goes_on_where_it_left_off_and_never_commits_past_the_count() {
    let topic = topic("orders", 1);
    let group = fresh("payment-service");
    send_numbers(&topic, 1, 10);
    let consume = |count: &str| {
        let consume = eda(&["consume", &topic, "--group", &group, "-n", count]);
        numbers(&consume.on(broker()).run().succeeds().records())
    };
    assert_eq!(consume("3"), [0, 1, 2]);
    let lag = eda(&["lag", "--group", &group, "--json"])
        .on(broker())
        .run()
        .succeeds()
        .json();
    assert_eq!(
        (&lag[0]["committed"], &lag[0]["lag"]),
        (&3.into(), &7.into())
    );
    assert_eq!(consume("7"), (3..10).collect::<Vec<i64>>());
}

#[test]
fn different_groups_each_get_everything() {
    let topic = topic("orders", 3);
    send_numbers(&topic, 3, 9);
    for name in ["payment", "audit"] {
        let consume = eda(&["consume", &topic, "--group", &fresh(name), "-n", "9"]);
        let output = consume.on(broker()).run().succeeds();
        assert_eq!(numbers(&output.records()), (0..9).collect::<Vec<i64>>());
    }
}

#[test]
fn what_arrives_later_is_printed_when_it_arrives() {
    let topic = topic("orders", 1);
    let consume = eda(&["consume", &topic]).on(broker()).spawn();
    for round in 1..=3 {
        send(&topic, &[json!({"value": {"n": round}})]);
        consume.wait_for_records(round, PATIENCE);
    }
}

#[test]
fn an_interrupted_member_has_committed_what_it_printed() {
    let topic = topic("orders", 2);
    send_numbers(&topic, 2, 20);
    for (signal, status) in [("interrupt", 130), ("terminate", 143)] {
        let group = fresh("payment-service");
        let consume = eda(&["consume", &topic, "--group", &group])
            .on(broker())
            .spawn();
        consume.wait_for_records(20, PATIENCE);
        match signal {
            "interrupt" => consume.interrupt(),
            _ => consume.terminate(),
        }
        consume.wait(PATIENCE).status(status);
        let gate = eda(&["lag", "--group", &group, "--max", "0"])
            .on(broker())
            .run();
        gate.succeeds();
    }
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let topic = topic("orders", 1);
    send_numbers(&topic, 1, 2000);
    let program = crate::support::eda::program();
    let script = r#"{ "$@"; echo "status $?" >&2; } | head -n 1"#;
    let output = assert_cmd::Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(program)
        .args(["consume", &topic, "--brokers", broker().address()])
        .timeout(PATIENCE)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "status 0\n");
    assert_eq!(
        output.stdout.iter().filter(|byte| **byte == b'\n').count(),
        1
    );
}

#[test]
fn idleness_ends_it_and_nothing_to_print_is_said() {
    let topic = topic("orders", 1);
    let output = eda(&["consume", &topic, "--idle", "200ms"])
        .on(broker())
        .run()
        .succeeds();
    let output = output.stderr_has("no records");
    assert!(output.took < Duration::from_secs(10), "{:?}", output.took);
    assert_eq!(output.stdout, "");
}

#[test]
fn control_characters_do_not_reach_plain_output_raw() {
    let topic = topic("orders", 1);
    send(
        &topic,
        &[json!({"key": "a\tb\u{1b}[2J", "value": "line\nline"})],
    );
    let plain = eda(&["consume", &topic, "-o", ":end", "--output", "plain"])
        .on(broker())
        .run()
        .succeeds();
    assert_eq!(plain.stdout.lines().count(), 1);
    assert_eq!(plain.stdout.matches('\t').count(), 5);
    assert!(!plain.stdout.contains('\u{1b}'));
}

/// `eda consume TOPIC | head -1` lived on until the next record came, which on a quiet topic is never.
#[test]
fn a_reader_that_leaves_is_noticed_on_a_quiet_topic() {
    let topic = topic("orders", 1);
    send_numbers(&topic, 1, 1);
    let mut child = Command::new(crate::support::eda::program())
        .args(["consume", &topic, "--brokers", broker().address()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.starts_with('{'), "{line:?}");
    drop(reader);
    let mut status = None;
    wait_until("it to end", PATIENCE, || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.unwrap().code(), Some(0));
}

/// `-o 99` of a topic that ends at 5 read offset 5 without a word.
#[test]
fn an_offset_past_the_end_is_said_to_be_none() {
    let topic = topic("orders", 1);
    send_numbers(&topic, 1, 5);
    let past = eda(&["consume", &topic, "-o", "99", "--idle", "200ms"]);
    let output = past.on(broker()).run().succeeds();
    output.stderr_has(&format!("there is no offset 99 yet: `{topic}:0` ends at 5"));
}

#[test]
fn a_topic_that_is_named_twice_is_read_once() {
    let topic = topic("orders", 1);
    send_numbers(&topic, 1, 5);
    let group = fresh("payment");
    for group in [&["-g", &group][..], &[]] {
        let twice = eda(&["consume", &topic, &topic, "-n", "5"]).args(group);
        let output = twice.on(broker()).run().succeeds();
        assert_eq!(numbers(&output.records()), [0, 1, 2, 3, 4]);
    }
}
