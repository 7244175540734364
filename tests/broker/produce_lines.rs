//! `eda produce` of what is no JSON: templates, raw lines, records that are too large, a run that is interrupted.

use super::{PATIENCE, read, topic};
use crate::support::{broker, eda, fresh};
use serde_json::{Value, json};
use std::io::Write;

/// Key and value of each record, of a topic with one partition.
fn pairs(topic: &str) -> Vec<(Value, Value)> {
    let pair = |record: Value| (record["key"].clone(), record["value"].clone());
    read(topic).into_iter().map(pair).collect()
}

#[test]
fn a_template_cuts_lines_into_keys_and_values() {
    let topic = topic("lines", 1);
    let produce = |words: &[&str], input: &[u8]| {
        let run = eda(&["produce", &topic]).args(words).on(broker());
        run.stdin(input).run()
    };
    produce(&["-f", r"%k\t%v\n"], b"a\tone\ttwo\n\tno key\nb\t\nc\t\xff").succeeds();
    produce(&["-f", r"%k\t%v\n", "-Z"], b"a\t\n\tno key\n").succeeds();
    produce(&["--raw", "-Z", "-k", "k"], b"\n").succeeds();
    let headers = ["-f", r"%H %h{%k=%v,}%d %v\n", "-H", "source=test"];
    produce(&headers, b"2 x=1,x=,1700000000000 timed\n").succeeds();
    assert_eq!(
        pairs(&topic)[..7],
        [
            (json!("a"), json!("one\ttwo")),
            (json!(""), json!("no key")),
            (json!("b"), json!("")),
            (json!("c"), json!({"base64": "/w=="})),
            (json!("a"), json!(null)),
            (json!(null), json!("no key")),
            (json!("k"), json!(null)),
        ]
    );
    let last = &read(&topic)[7];
    assert_eq!(
        last["headers"],
        json!([["x", "1"], ["x", ""], ["source", "test"]])
    );
    assert_eq!(last["timestamp"], 1_700_000_000_000_i64);
    produce(&["-Z"], b"{}")
        .status(2)
        .stderr_has("give `--raw` or `-f TEMPLATE`");
    produce(&["-f", "%q"], b"")
        .status(2)
        .stderr_has("position 1: `%q` is not known");
    produce(&["-f", "%k%v"], b"")
        .status(2)
        .stderr_has("nothing says where `%k` ends");
}

#[test]
fn a_line_without_the_delimiter_stops_the_run_where_it_stands() {
    let topic = topic("lines", 1);
    eda(&["produce", &topic, "-f", r"%k\t%v\n"])
        .on(broker())
        .stdin("a\t1\nb\t2\nno tab\nd\t4\n")
        .run()
        .status(1)
        .stderr_has("line 3 is not as `%k\\t%v\\n` says")
        .stderr_has("`\\t` is missing after `%k`")
        .stderr_has("2 records were delivered, nothing after them was sent");
    assert_eq!(read(&topic).len(), 2);
}

#[test]
fn a_record_over_the_limit_is_named_and_the_others_are_sent() {
    let topic = fresh("limited");
    let limit = ["-p", "1", "-c", "max.message.bytes=2000"];
    let create = eda(&["topic", "create", &topic]).args(limit);
    create.on(broker()).run().succeeds();
    // 1,990 bytes are within the limit only as long as nobody counts what a batch adds.
    let lines = [
        "first".to_owned(),
        "x".repeat(3000),
        "y".repeat(1990),
        "last".to_owned(),
    ];
    // Many small ones beside them: together they are over the limit, too.
    let small = "small\n".repeat(1000);
    let input = format!("{small}{}\n", lines.join("\n"));
    let produce = |words: &[&str]| {
        let run = eda(&["produce", &topic, "--raw"]).args(words).on(broker());
        run.stdin(input.as_str()).run()
    };
    produce(&[])
        .status(1)
        .stdout_has("1002 records, 5009 bytes acknowledged")
        .stderr_has(&format!(
            "line 1002: 3000 bytes are over the limit of 2000 for topic `{topic}`"
        ))
        .stderr_has(&format!(
            "line 1003: 1990 bytes are over the limit of 2000 for topic `{topic}`"
        ));
    let records = read(&topic);
    assert_eq!(records.len(), 1002);
    assert_eq!(records[1001]["value"], "last");
    produce(&["--fail-fast"])
        .status(1)
        .stderr_has("line 1002: 3000 bytes");
    assert_eq!(read(&topic).len(), 1002 + 1001, "nothing after line 1002");
}

#[test]
fn an_interrupted_run_says_how_many_were_acknowledged_and_so_many_are_there() {
    let topic = topic("lines", 6);
    let mut input = tempfile::NamedTempFile::new().unwrap();
    for number in 0..1_000_000 {
        writeln!(input, "key-{number}\tvalue-{number}").unwrap();
    }
    let file = input.path().to_str().unwrap();
    let produce = eda(&["produce", &topic, "-f", r"%k\t%v\n", file, "--json"]);
    // A tenth of a million a second: nobody is so quick that nothing is left to interrupt.
    let produce = produce.args(["--rate", "100000"]).on(broker()).spawn();
    let first = eda(&["consume", &topic, "-n", "1"])
        .on(broker())
        .timeout(PATIENCE);
    first.run().succeeds();
    produce.interrupt();
    let output = produce.wait(PATIENCE).status(130);
    let outcome = output.json();
    assert_eq!(outcome["interrupted"], true);
    assert_eq!(outcome["failed"], 0);
    let delivered = outcome["delivered"].as_u64().unwrap();
    assert!((1..1_000_000).contains(&delivered), "{delivered}");
    assert_eq!(read(&topic).len() as u64, delivered);
}
