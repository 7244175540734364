//! `eda produce --transactional`: all or nothing.

use super::{PATIENCE, read, topic};
use crate::support::{Broker, Running, broker, eda, fresh, wait_until};
use serde_json::{Value, json};

/// All records there are, also those of transactions that are open or were aborted.
#[track_caller]
fn read_uncommitted(topic: &str) -> Vec<Value> {
    uncommitted_on(broker(), topic)
}

#[track_caller]
fn uncommitted_on(broker: &Broker, topic: &str) -> Vec<Value> {
    let consume = eda(&["consume", topic, "-o", ":end", "--json"]);
    let consume = consume.arg("--read-uncommitted").on(broker);
    consume.run().succeeds().records()
}

/// A run that has written these lines to the topic, in a transaction that is still open.
#[track_caller]
fn opened(topic: &str, lines: &[&str], words: &[&str]) -> Running {
    opened_on(broker(), topic, lines, words)
}

#[track_caller]
fn opened_on(broker: &Broker, topic: &str, lines: &[&str], words: &[&str]) -> Running {
    let read_uncommitted = |topic| uncommitted_on(broker, topic);
    let before = read_uncommitted(topic).len();
    let produce = eda(&["produce", topic, "--raw", "--transactional"]).args(words);
    let mut running = produce.on(broker).spawn_with_input();
    for line in lines {
        running.write(format!("{line}\n"));
    }
    wait_until("the records", PATIENCE, || {
        read_uncommitted(topic).len() == before + lines.len()
    });
    running
}

/// Waits until no open transaction keeps readers of committed records back.
#[track_caller]
fn wait_for_the_end_of_transactions(topic: &str) {
    let before = read(topic).len();
    let plain = eda(&["produce", topic, "--raw"]).stdin("plain\n");
    plain.on(broker()).run().succeeds();
    wait_until("the broker's abort", PATIENCE, || {
        read(topic).len() == before + 1
    });
}

/// The coordinator answers a commit when it is certain; that the partitions show it follows.
#[track_caller]
fn wait_for_committed(topic: &str, count: usize) {
    wait_until("the committed records", PATIENCE, || {
        read(topic).len() == count
    });
}

fn values(records: &[Value]) -> Vec<Value> {
    let value = |record: &Value| record["value"].clone();
    records.iter().map(value).collect()
}

#[test]
fn what_is_committed_is_seen_together_and_not_before() {
    let topic = topic("orders", 3);
    let mut produce = opened(&topic, &["one", "two"], &["--json"]);
    assert_eq!(read(&topic).len(), 0, "the transaction is open");
    produce.write("three\n");
    produce.close_input();
    let outcome = produce.wait(PATIENCE).succeeds().json();
    assert_eq!(outcome["delivered"], 3);
    assert_eq!(outcome["transaction"]["outcome"], "committed");
    assert_eq!(outcome["transaction"]["written"], 3);
    let id = outcome["transaction"]["id"].as_str().unwrap();
    assert!(id.starts_with("eda-produce-"), "{id}");
    wait_for_committed(&topic, 3);
    let many = "many\n".repeat(10_000);
    let produce = eda(&["produce", &topic, "--raw", "--transactional", "-z", "lz4"]);
    produce
        .on(broker())
        .stdin(many)
        .run()
        .succeeds()
        .stdout_has("10000 records, 40000 bytes acknowledged and committed in");
    wait_for_committed(&topic, 10_003);
    let nothing = eda(&["produce", &topic, "--transactional"]).on(broker());
    nothing.run().succeeds().stderr_has("nothing to send");
}

#[test]
fn a_wrong_line_aborts_all() {
    let topic = topic("orders", 1);
    let lines = "{\"n\": 1}\n{\"n\": 2}\n{\"n\": 3,, }\n{\"n\": 4}\n";
    let produce = eda(&["produce", &topic, "--transactional"]).stdin(lines);
    produce
        .on(broker())
        .run()
        .status(1)
        .stderr_has("line 3, column 9 is not valid JSON; nothing was committed: ");
    assert_eq!(read(&topic).len(), 0);
    // Those that had left the queue by then.
    assert!(read_uncommitted(&topic).len() <= 2);

    let mut produce = eda(&["produce", &topic, "--records", "--transactional", "--json"])
        .on(broker())
        .spawn_with_input();
    produce.write("{\"value\":\"written\"}\n");
    wait_until("the record", PATIENCE, || {
        values(&read_uncommitted(&topic)).contains(&json!("written"))
    });
    produce.write("{\"value\":\"dated\",\"timestamp\":0}\n");
    let output = produce.wait(PATIENCE).status(1);
    let transaction = &output.json()["transaction"];
    assert_eq!(transaction["outcome"], "aborted");
    assert_eq!(transaction["written"], 1);
    let error = output.error_json().to_string();
    assert!(
        error.contains("nothing was committed: 1 record had been acknowledged and was aborted"),
        "{error}"
    );
    assert_eq!(read(&topic).len(), 0);
}

#[test]
fn a_record_that_is_too_large_aborts_all() {
    let topic = fresh("limited");
    let limit = ["-p", "1", "-c", "max.message.bytes=2000"];
    let create = eda(&["topic", "create", &topic]).args(limit);
    create.on(broker()).run().succeeds();
    // Hardly to be compressed: what a compressed record weighs only the broker finds out.
    let mut random = 1u64;
    let mut letter = || {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1);
        char::from(b'!' + ((random >> 33) % 90) as u8)
    };
    let large: String = (0..5000).map(|_| letter()).collect();
    for codec in ["none", "gzip"] {
        let mut produce = opened(&topic, &["first"], &["-z", codec, "--json"]);
        produce.write(format!("{large}\nlast\n"));
        produce.close_input();
        let output = produce.wait(PATIENCE).status(1);
        let outcome = output.json();
        assert_eq!(outcome["delivered"], 0, "{outcome}");
        assert_eq!(outcome["failed"], 1, "{outcome}");
        assert_eq!(outcome["partitions"], json!([]));
        assert_eq!(outcome["failures"][0]["line"], 2, "{outcome}");
        assert_eq!(outcome["transaction"]["outcome"], "aborted");
        assert_eq!(outcome["transaction"]["confirmed"], true);
        assert_eq!(read(&topic).len(), 0);
    }
    // What the broker refuses breaks the transaction, and that is told as well.
    let mut produce = opened(&topic, &["first"], &["-z", "gzip"]);
    produce.write(format!("{large}\n"));
    produce.close_input();
    let output = produce.wait(PATIENCE).status(1);
    output.stderr_has("line 2: ").stderr_has(
        "error: a record is too large for its topic; nothing was committed: 1 record had been",
    );
    let produce = eda(&["produce", &topic, "--raw", "--transactional"]);
    let output = produce
        .stdin(format!("{large}\n"))
        .on(broker())
        .run()
        .status(1);
    output
        .stderr_has("nothing was committed\n")
        .stderr_has("line 1: 5000 bytes are over the limit of 2000")
        .stderr_has("nothing was committed: no record had been acknowledged");
}

/// Neither hides the other.
#[test]
fn a_record_that_is_too_large_and_a_line_that_is_wrong_are_both_told() {
    let topic = fresh("limited");
    let limit = ["-p", "1", "-c", "max.message.bytes=2000"];
    let create = eda(&["topic", "create", &topic]).args(limit);
    create.on(broker()).run().succeeds();
    let lines = format!("{{\"n\":\"{}\"}}\n{{\"n\":,}}\n", "n".repeat(5000));
    for words in [&["--transactional"][..], &[]] {
        let produce = eda(&["produce", &topic, "--json"]).args(words);
        let output = produce.stdin(lines.as_str()).on(broker()).run().status(1);
        let outcome = output.json();
        assert_eq!(outcome["failed"], 1, "{outcome}");
        assert_eq!(outcome["failures"][0]["line"], 1, "{outcome}");
        let error = output.error_json().to_string();
        assert!(
            error.contains("line 2, column 6 is not valid JSON; "),
            "{error}"
        );
        assert_eq!(outcome["transaction"].is_null(), words.is_empty());
    }
    assert_eq!(read(&topic).len(), 0);
}

#[test]
fn a_signal_aborts_all() {
    let topic = topic("orders", 1);
    let produce = opened(&topic, &["first", "second"], &["--json"]);
    produce.interrupt();
    let outcome = produce.wait(PATIENCE).status(130).json();
    assert_eq!(outcome["interrupted"], true);
    assert_eq!(outcome["delivered"], 0);
    assert_eq!(outcome["failed"], 0);
    assert_eq!(outcome["transaction"]["outcome"], "aborted");
    assert_eq!(outcome["transaction"]["written"], 2);
    let produce = opened(&topic, &["third"], &[]);
    produce.terminate();
    produce.wait(PATIENCE).status(143).stderr_has(
        "interrupted: nothing was committed: 1 record had been acknowledged and was aborted",
    );
    assert_eq!(read(&topic).len(), 0);
    assert_eq!(read_uncommitted(&topic).len(), 3);
    wait_for_the_end_of_transactions(&topic);
    assert_eq!(values(&read(&topic)), [json!("plain")]);
}

#[test]
fn what_a_killed_run_wrote_is_never_seen() {
    let topic = topic("orders", 1);
    let brief = ["-X", "transaction.timeout.ms=3000"];
    let produce = opened(&topic, &["first", "second"], &brief);
    produce.kill();
    assert_eq!(read(&topic).len(), 0);
    wait_for_the_end_of_transactions(&topic);
    assert_eq!(values(&read(&topic)), [json!("plain")]);
    assert_eq!(read_uncommitted(&topic).len(), 3);
}

#[test]
fn a_run_over_its_time_is_told_so() {
    let topic = topic("orders", 1);
    let brief = ["-X", "transaction.timeout.ms=1000"];
    // Noticed at the next record, or at the end.
    for more in ["second\n", ""] {
        let mut produce = opened(&topic, &["first"], &brief);
        wait_for_the_end_of_transactions(&topic);
        produce.write(more);
        produce.close_input();
        produce
            .wait(PATIENCE)
            .status(1)
            .stderr_has("the transaction was open for longer than 1s")
            .stderr_has("nothing was committed: 1 record had been acknowledged and was aborted")
            .stderr_has("-X transaction.timeout.ms=MS");
    }
    assert_eq!(values(&read(&topic)), [json!("plain"), json!("plain")]);
}

#[test]
fn a_commit_that_nobody_answers_is_reported_as_unknown() {
    let broker = Broker::embedded(&["--topics", "orders"]);
    let words = ["--json", "--timeout", "2s"];
    let mut produce = opened_on(&broker, "orders", &["first", "second"], &words);
    broker.kill();
    produce.close_input();
    let output = produce.wait(PATIENCE).status(3);
    let outcome = output.json();
    assert_eq!(outcome["delivered"], 0, "{outcome}");
    assert_eq!(outcome["partitions"], json!([]));
    let transaction = &outcome["transaction"];
    assert_eq!(transaction["outcome"], "unknown");
    assert_eq!(transaction["written"], 2);
    assert_eq!(transaction["confirmed"], Value::Null);
    let id = transaction["id"].as_str().unwrap();
    assert!(id.starts_with("eda-produce-"), "{id}");
    let error = output.error_json();
    assert_eq!(error["kind"], "unreachable", "{error}");
    let sentence = "whether the 2 records were committed or aborted is not known";
    assert!(error.to_string().contains(sentence), "{error}");
}

#[test]
fn an_id_that_another_run_takes_over_ends_the_first() {
    let topic = topic("orders", 1);
    let id = fresh("mine");
    let property = format!("transactional.id={id}");
    let words = ["-X", &property];
    let mut first = opened(&topic, &["first"], &words);
    let second = eda(&["produce", &topic, "--raw", "--transactional", "--json"]).args(words);
    let outcome = second
        .stdin("second\n")
        .on(broker())
        .run()
        .succeeds()
        .json();
    assert_eq!(outcome["transaction"]["id"], id);
    first.write("third\n");
    first.close_input();
    first.wait(PATIENCE).status(1).stderr_has(&format!(
        "another producer took transactional id `{id}` over"
    ));
    wait_for_committed(&topic, 1);
    assert_eq!(values(&read(&topic)), [json!("second")]);
}

#[test]
fn limits_of_the_brokers_are_told() {
    let topic = topic("orders", 1);
    let produce = eda(&["produce", &topic, "n=1", "--transactional"]);
    let produce = produce.args(["-X", "transaction.timeout.ms=3600000"]);
    produce
        .on(broker())
        .run()
        .status(1)
        .stderr_has("the brokers let no transaction be open for 1h")
        .stderr_has("`transaction.max.timeout.ms`");
}

#[test]
fn properties_that_do_not_go_with_transactions_are_named() {
    let topic = topic("orders", 1);
    let produce = |words: &[&str]| {
        let run = eda(&["produce", &topic, "n=1"]).args(words).on(broker());
        run.run()
    };
    produce(&["-X", "transactional.id=mine"])
        .status(2)
        .stderr_has("`transactional.id` is for transactions, and none was asked for")
        .stderr_has("--transactional");
    produce(&["--transactional", "-X", "message.timeout.ms=70000"])
        .status(2)
        .stderr_has("`message.timeout.ms` must be set <= `transaction.timeout.ms`");
    produce(&["--transactional", "-X", "transaction.timeout.ms=soon"])
        .status(2)
        .stderr_has("`transaction.timeout.ms`");
    produce(&["--transactional", "-X", "enable.idempotence=false"])
        .status(2)
        .stderr_has("`enable.idempotence");
    produce(&["--transactional", "-X", "transactional.id="])
        .status(2)
        .stderr_has("`transactional.id` is empty");
    produce(&["--transactional", "--dry-run"])
        .succeeds()
        .stdout_has("would send");
    assert_eq!(read(&topic).len(), 0);
}
