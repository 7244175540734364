//! `eda produce`.

use super::{PATIENCE, catalog_topics, create, read, send, topic};
use crate::support::{Broker, broker, eda};
use serde_json::{Value, json};

#[test]
fn an_event_is_completed_checked_and_keyed_by_its_entity() {
    let _topics = catalog_topics();
    create(broker(), "order-created", 6);
    let words = ["orderId=order-123", "userId=user-456", "total=12.50"];
    let outcome = eda(&["produce", "order-created"])
        .args(words)
        .arg("--json")
        .on(broker())
        .run()
        .succeeds();
    assert_eq!(outcome.json()["delivered"], 1);
    let records = read("order-created");
    let [record] = &records[..] else {
        panic!("{records:?}")
    };
    assert_eq!(record["key"], "order-123");
    let event = &record["value"];
    assert_eq!(event["eventType"], "OrderCreated");
    assert_eq!(event["orderId"], "order-123");
    assert_eq!(event["userId"], "user-456");
    assert_eq!(event["total"], 12.5);
    assert_eq!(event["eventId"].as_str().unwrap().len(), 36);
    assert!(event["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn generated_events_are_repeatable_and_one_orders_events_share_a_partition() {
    let _topics = catalog_topics();
    create(broker(), "order-created", 6);
    for _ in 0..2 {
        let generate = eda(&[
            "produce",
            "order-created",
            "-n",
            "200",
            "--seed",
            "7",
            "--json",
        ]);
        assert_eq!(
            generate.on(broker()).run().succeeds().json()["delivered"],
            200
        );
    }
    let records = read("order-created");
    assert_eq!(records.len(), 400);
    let mut partitions = std::collections::BTreeMap::new();
    for record in &records {
        let key = record["key"].as_str().unwrap();
        assert_eq!(record["value"]["orderId"], key);
        let partition = record["partition"].as_i64().unwrap();
        assert_eq!(
            *partitions.entry(key.to_owned()).or_insert(partition),
            partition
        );
    }
    let orders: std::collections::BTreeMap<&str, usize> =
        records
            .iter()
            .fold(Default::default(), |mut orders, record| {
                *orders.entry(record["key"].as_str().unwrap()).or_default() += 1;
                orders
            });
    assert!(
        orders.values().all(|count| count % 2 == 0),
        "the same seed makes the same orders"
    );
}

#[test]
fn a_missing_or_wrong_field_is_refused_before_anything_is_sent() {
    let _topics = catalog_topics();
    create(broker(), "order-created", 1);
    let produce = |words: &[&str]| {
        eda(&["produce", "order-created"])
            .args(words)
            .on(broker())
            .run()
    };
    produce(&["orderId=order-1", "userId=user-1"])
        .status(2)
        .stderr_has("total");
    produce(&["orderId=order-1", "userId=user-1", "total=cheap"])
        .status(2)
        .stderr_has("total");
    assert_eq!(read("order-created").len(), 0);
}

#[test]
fn an_unknown_event_or_topic_is_answered_with_the_one_that_was_meant() {
    eda(&["produce", "order-craeted", "orderId=1"])
        .on(broker())
        .run()
        .status(1)
        .stderr_has("`order-craeted`")
        .stderr_has("did you mean `order-created`?");
}

#[test]
fn a_malformed_line_stops_the_run_where_it_stands() {
    let topic = topic("orders", 1);
    let mut lines: Vec<String> = (1..=10).map(|n| json!({"n": n}).to_string()).collect();
    lines[6] = r#"{"n": 7,, }"#.to_owned();
    let output = eda(&["produce", &topic])
        .on(broker())
        .stdin(lines.join("\n"))
        .run()
        .status(1);
    let output = output.stderr_has("line 7, column 9");
    let output = output.stderr_has("6 records were delivered, nothing after them was sent");
    assert!(
        !output.stderr.contains("line 1,"),
        "the parser's own position: {}",
        output.stderr
    );
    let sent: Vec<Value> = read(&topic)
        .iter()
        .map(|record| record["value"]["n"].clone())
        .collect();
    assert_eq!(sent, [1, 2, 3, 4, 5, 6], "nothing after line 6");
}

#[test]
fn what_consume_writes_produce_reads_and_the_record_is_the_same() {
    let (from, to) = (topic("orders", 1), topic("copies", 1));
    let records = [
        json!({"key": null, "value": null, "headers": []}),
        json!({"key": "", "value": "", "headers": []}),
        json!({"key": "k", "value": {"b": 1, "a": [1.0, null]}, "headers": [["x", "1"], ["x", "2"], ["flag", null]]}),
        json!({"key": {"base64": "//79"}, "value": {"base64": "AP8="}, "headers": [["raw", {"base64": "/w=="}]]}),
        json!({"key": "tab\tand\u{1b}[31mcolour", "value": "{\"not\" : \"byte for byte\"}", "headers": []}),
        json!({"key": "timed", "value": "3.10", "headers": [], "timestamp": 1_700_000_000_000_i64}),
    ];
    send(&from, &records);
    let first = eda(&["consume", &from, "-o", ":end", "--json"])
        .on(broker())
        .run()
        .succeeds();
    eda(&["produce", &to, "--records"])
        .on(broker())
        .stdin(first.stdout.as_bytes())
        .run()
        .succeeds();
    let second = eda(&["consume", &to, "-o", ":end", "--json"])
        .on(broker())
        .run()
        .succeeds();
    assert_eq!(first.stdout.replace(&from, &to), second.stdout);
    assert_eq!(first.records().len(), records.len());
    for (sent, came) in records.iter().zip(first.records()) {
        for field in ["key", "headers"] {
            assert_eq!(sent[field], came[field], "{field} of {came}");
        }
    }
}

/// It became the time of sending, and nobody was told.
#[test]
fn a_timestamp_of_zero_is_refused_and_not_replaced() {
    let topic = topic("orders", 1);
    let line = json!({"key": "k", "value": "v", "timestamp": 0}).to_string();
    let produce = eda(&["produce", &topic, "--records"]).stdin(line);
    let output = produce.on(broker()).run().status(1);
    output.stderr_has("line 1 has timestamp 0");
    let template = eda(&["produce", &topic, "-f", r"%d %v\n"]).on(broker());
    let output = template.stdin("0 v\n").run().status(1);
    output.stderr_has("line 1 has timestamp 0");
    assert!(super::read(&topic).is_empty());
}

/// The keys and hashes of Kafka's own `UtilsTest`: where Java's producer would send them.
#[test]
fn a_key_goes_to_the_partition_of_javas_producer_through_records_too() {
    let topic = topic("orders", 6);
    let places = [
        ("21", 0),
        ("foobar", 0),
        ("a-little-bit-long-string", 2),
        ("a-little-bit-longer-string", 5),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", 5),
        ("abc", 3),
    ];
    let record = |(key, _): &(&str, i64)| json!({"key": key, "value": "v"});
    send(&topic, &places.iter().map(record).collect::<Vec<_>>());
    let came = super::read(&topic);
    assert_eq!(came.len(), places.len());
    for (key, partition) in places {
        let found = came.iter().find(|record| record["key"] == key).unwrap();
        assert_eq!(found["partition"], partition, "{key}");
    }
}

#[test]
fn raw_lines_pass_as_they_are() {
    let topic = topic("lines", 1);
    let produce = eda(&[
        "produce",
        &topic,
        "--raw",
        "--key",
        "k",
        "--header",
        "source=test",
        "-z",
        "zstd",
    ]);
    produce
        .on(broker())
        .stdin("plain text\n{\"b\": 1}\n\n")
        .run()
        .succeeds();
    let output = eda(&["consume", &topic, "-o", ":end", "--json"])
        .on(broker())
        .run()
        .succeeds();
    for value in [r#""plain text""#, r#"{"b": 1}"#, r#""""#] {
        assert!(
            output.stdout.contains(&format!("\"value\":{value},")),
            "no {value} in {}",
            output.stdout
        );
    }
    let records = output.records();
    assert_eq!(records.len(), 3);
    for record in &records {
        assert_eq!(record["key"], "k");
        assert_eq!(record["headers"], json!([["source", "test"]]));
    }
}

#[test]
fn a_partition_that_is_not_there_is_a_failure() {
    let topic = topic("orders", 2);
    let produce = eda(&["produce", &topic]).on(broker());
    let text = format!("topic `{topic}` has 2 partitions, and no 2\n");
    for words in [&["n=1"][..], &["--raw"], &["--records"]] {
        let produce = produce.clone().args(words).args(["--partition", "2"]);
        let real = produce.clone().stdin("{}\n").run().status(1);
        real.clone().stderr_has(&text);
        let dry = produce.arg("--dry-run").stdin("{}\n").run().status(1);
        assert_eq!(dry.stderr, real.stderr);
    }
    // A record's own is only found out about when it is read.
    let line = json!({"value": 1, "partition": 2}).to_string();
    let own = produce.clone().arg("--records").stdin(line);
    own.run().status(1).stderr_has("partition");
    assert_eq!(read(&topic).len(), 0);
}

#[test]
fn no_input_is_nothing_to_do() {
    let topic = topic("orders", 1);
    eda(&["produce", &topic])
        .on(broker())
        .run()
        .succeeds()
        .stderr_has("nothing to send");
}

#[test]
fn a_dry_run_sends_nothing() {
    let topic = topic("orders", 1);
    eda(&["produce", &topic, "n=1", "--dry-run"])
        .on(broker())
        .run()
        .succeeds()
        .stdout_has(&topic);
    assert_eq!(read(&topic).len(), 0);
}

#[test]
fn a_dry_run_shows_the_partition_that_the_record_then_goes_to() {
    let topic = topic("orders", 6);
    let produce = |words: &[&str]| {
        let run = eda(&["produce", &topic, "n=1"]).args(words).on(broker());
        run.run().succeeds()
    };
    let plan = |words: &[&str]| produce(&[words, &["--dry-run", "--json"]].concat()).json();
    for number in 0..8 {
        let key = format!("order-{number}");
        let headers = ["-k", &key, "-H", "trace=t1", "-H", "flag"];
        let plan = plan(&headers);
        produce(&headers);
        let records = read(&topic);
        let sent = records.iter().find(|record| record["key"] == key).unwrap();
        assert_eq!(plan["partition"], sent["partition"], "{key}");
        assert_eq!(plan["key"], sent["key"]);
        assert_eq!(plan["headers"], sent["headers"]);
        assert_eq!(plan["value"], sent["value"].to_string());
    }
    assert_eq!(plan(&["-k", "order-1", "--partition", "5"])["partition"], 5);
    assert_eq!(plan(&[])["partition"], Value::Null);
    assert_eq!(plan(&[])["headers"], json!([]));
    let shown = produce(&["-H", "trace=t1", "-H", "flag", "--dry-run"]);
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = shown.stdout.lines().map(words).collect();
    assert_eq!(
        lines,
        [
            "would send",
            "TOPIC RECORDS PARTITION KEY VALUE",
            &format!("{topic} 1 any - {{\"n\":1}}"),
            "",
            "HEADER VALUE",
            "trace t1",
            "flag -",
        ]
    );
}

#[test]
fn a_broker_that_dies_costs_an_error_that_says_how_much_was_acknowledged() {
    let broker = Broker::embedded(&[]);
    create(&broker, "orders", 1);
    let produce = eda(&[
        "produce",
        "orders",
        "--raw",
        "--timeout",
        "3s",
        "-X",
        "message.timeout.ms=3000",
    ]);
    let mut produce = produce.on(&broker).spawn_with_input();
    produce.write("first\nsecond\n");
    let arrived = || {
        let read = eda(&["consume", "orders", "-o", ":end", "--json"])
            .on(&broker)
            .run();
        read.records().len() == 2
    };
    crate::support::wait_until("two records", PATIENCE, arrived);
    broker.kill();
    produce.write("third\n");
    produce.close_input();
    let output = produce.wait(PATIENCE);
    assert!([1, 3].contains(&output.status), "{}", output.snapshot());
    output.stderr_has("2 records were acknowledged, 1 were not");
}

#[test]
fn what_was_on_its_way_when_the_broker_died_is_accounted_for() {
    let broker = Broker::embedded(&[]);
    create(&broker, "orders", 1);
    let properties = ["-X", "message.timeout.ms=3000", "--timeout", "3s"];
    let produce = eda(&["produce", "orders", "--raw"]).args(properties);
    let mut produce = produce.on(&broker).spawn_with_input();
    let consume = eda(&["consume", "orders", "--json"]).on(&broker).spawn();
    let mut written = 0;
    crate::support::wait_until("some thousand records", PATIENCE, || {
        let lines: String = (written..written + 500).map(|n| format!("{n}\n")).collect();
        produce.write(lines);
        written += 500;
        consume.stdout().lines().count() >= 2000
    });
    broker.kill();
    // All of the others may have been acknowledged already.
    produce.write("too late\n");
    written += 1;
    produce.close_input();
    let output = produce.wait(PATIENCE);
    assert!([1, 3].contains(&output.status), "{}", output.snapshot());
    let count = |before_words: &str| -> usize {
        let (before, _) = output.stderr.split_once(before_words).unwrap_or_else(|| {
            panic!("no `{before_words}` in\n{}", output.stderr);
        });
        let number = before.rsplit([' ', '\n']).next();
        number.unwrap().parse().unwrap()
    };
    let (delivered, lost) = (count(" records were acknowledged"), count(" were not"));
    assert_eq!(delivered + lost, written, "every line is accounted for");
}
