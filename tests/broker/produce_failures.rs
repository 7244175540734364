//! What `eda produce` says of records that it could not send, and where.

use super::{PATIENCE, read, topic, topic_on};
use crate::support::eda::program;
use crate::support::{Broker, broker, eda, wait_until};
use std::fs::File;
use std::process::Command;
use std::time::{Duration, Instant};

/// A topic that takes records of a kilobyte.
fn small(partitions: u32) -> String {
    let topic = topic("orders", partitions);
    let alter = ["topic", "alter", &topic, "-c", "max.message.bytes=1000"];
    eda(&alter).arg("--yes").on(broker()).run().succeeds();
    topic
}

#[test]
fn a_refused_record_is_told_on_standard_error_also_when_others_went() {
    let topic = small(1);
    let lines = format!("{}\nfits\n", "x".repeat(5000));
    for (format, delivered) in [
        ("table", "1 record, 4 bytes"),
        ("plain", ""),
        ("json", "\"line\": 1"),
    ] {
        let produce = ["produce", &topic, "--raw", "--output", format];
        let output = eda(&produce)
            .on(broker())
            .stdin(lines.clone())
            .run()
            .status(1);
        let output = output.stderr_has("line 1: ").stdout_has(delivered);
        let is_told = output.stdout.contains("are over the limit");
        assert_eq!(is_told, format == "json", "{}", output.stdout);
    }
    assert_eq!(read(&topic).len(), 3);
}

#[test]
fn of_records_that_were_all_refused_nothing_was_delivered() {
    let topic = small(1);
    let produce = eda(&["produce", &topic]).on(broker());
    let lines = format!("{}\n", "x".repeat(5000));
    let output = produce.clone().arg("--raw").stdin(lines).run().status(1);
    let output = output
        .stderr_has("nothing was delivered")
        .stderr_has("line 1: ");
    assert!(!output.stderr.contains("nothing to send"));
    // There are no lines where there is no input.
    let field = format!("text={}", "x".repeat(5000));
    produce.arg(field).run().status(1).stderr_has("record 1: ");
}

#[test]
fn a_report_that_cannot_be_written_says_what_was_done_all_the_same() {
    let topic = topic("orders", 1);
    let output = Command::new(program())
        .args(["produce", &topic, "n=1", "--brokers", broker().address()])
        .stdout(File::options().write(true).open("/dev/full").unwrap())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let expected = "cannot write to standard output; 1 record was delivered all the same";
    assert!(stderr.contains(expected), "{stderr}");
    assert_eq!(read(&topic).len(), 1);
}

/// Whoever writes a line now and then would not fill a queue, nor reach the end that is waited at, for a long time.
#[test]
fn slow_input_to_a_broker_that_is_gone_ends_after_the_time_out() {
    let broker = Broker::embedded(&[]);
    let topic = topic_on(&broker, "orders", 1);
    let run = eda(&["produce", &topic, "--raw", "--timeout", "2s"]).on(&broker);
    let mut produce = run.timeout(PATIENCE).spawn_with_input();
    produce.write("first\n");
    let consume = eda(&["consume", &topic, "-o", ":end", "--json"]).on(&broker);
    let arrived = || consume.run().records().len() == 1;
    wait_until("the first record", PATIENCE, arrived);
    broker.kill();
    let killed = Instant::now();
    produce.write("second\n");
    // Its input stays open: nobody but eda ends it.
    let output = produce.wait(PATIENCE).status(3);
    assert!(killed.elapsed() < Duration::from_secs(20));
    output
        .stderr_has("1 record is not acknowledged")
        .stderr_has("1 record was acknowledged");
}

#[test]
fn words_that_cannot_all_be_meant_are_usage_errors() {
    let topic = topic("orders", 1);
    let deep = format!("a{}=1", "[0]".repeat(43_000));
    let cases = [
        (
            &["orderId=o1", "orderId=o2"][..],
            "`orderId=o2` would undo `orderId=o1`",
        ),
        (&["a.b=1", "a=2"], "`a=2` would undo `a.b=1`"),
        (&["a=123456789012345678901234"], "would be rounded to"),
        (&[&deep], "more than 127 levels deep"),
    ];
    for (words, expected) in cases {
        let run = eda(&["produce", &topic]).args(words).on(broker());
        run.run().status(2).stderr_has(expected);
    }
    assert_eq!(read(&topic).len(), 0);
}

#[test]
fn a_whole_record_without_a_value_is_no_tombstone() {
    let topic = topic("orders", 1);
    let produce = eda(&["produce", &topic, "--records"]).on(broker());
    let forgot = produce.clone().stdin("{\"key\":\"k\"}\n").run().status(1);
    forgot
        .stderr_has("line 1 is not a record")
        .stderr_has("the line has no `value`");
    let meant = produce.stdin("{\"key\":\"k\",\"value\":null}\n");
    meant.run().succeeds();
    assert_eq!(read(&topic)[0]["value"], serde_json::Value::Null);
}
