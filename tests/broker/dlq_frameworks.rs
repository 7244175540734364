//! Dead letters as Kafka Connect and Kafka Streams themselves write them: read, understood and put back.

use super::dlq::settled;
use super::{create, read, send, topic};
use crate::support::keeper::Keeper;
use crate::support::{apache, broker, eda, excused, fresh, wait_for, wire};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

/// A Java that starts among other tests takes its time.
const LONG: Duration = Duration::from_secs(120);

/// A program with Kafka's jars, which is ended with the test.
fn java(words: &[&str]) -> Keeper {
    let mut arguments: Vec<OsString> = [
        "-Xmx256m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-cp",
    ]
    .map(OsString::from)
    .to_vec();
    arguments.push(apache::jars().unwrap().join("*").into());
    arguments.extend(words.iter().map(OsString::from));
    let folder = tempfile::tempdir().unwrap().keep();
    let (keeper, _lines) = Keeper::start("java", &arguments, folder).unwrap();
    keeper
}

/// Three records, the second of which somebody will give up on.
fn orders(bad: Value) -> String {
    let orders = topic("orders", 3);
    let record = |key: &str, value: Value| json!({"partition": 1, "key": key, "value": value, "headers": [["trace", "00-7"]]});
    let good = |n: i64| json!({"n": n});
    send(
        &orders,
        &[
            record("order-1", good(1)),
            record("order-2", bad),
            record("order-3", good(3)),
        ],
    );
    orders
}

/// The first dead letter, when it has come.
fn letter(letters: &str, framework: &Keeper) -> Value {
    let found = wait_for(LONG, || {
        let show = eda(&["dlq", "show", letters, "--json"]).on(broker()).run();
        // Kafka Connect makes the topic when it needs it.
        if show.status != 0 {
            return None;
        }
        show.records().into_iter().next()
    });
    found.unwrap_or_else(|| panic!("no dead letter came\n{}", framework.log()))
}

/// That the dead letter tells its story, and is put back as the record that it was.
#[track_caller]
fn is_understood(
    letter: &Value,
    letters: &str,
    orders: &str,
    value: &Value,
    expected: &[(&str, Value)],
) {
    let story = &letter["deadLetter"];
    let timestamp = &story["origin"]["timestamp"];
    let origin = json!({"topic": orders, "partition": 1, "offset": 1, "timestamp": timestamp});
    assert_eq!(story["origin"], origin, "{story}");
    for (name, expected) in expected {
        assert_eq!(story[*name], *expected, "{name}: {story}");
    }
    let before = read(orders).len();
    let replay = eda(&["dlq", "replay", letters, "--yes", "--json"]);
    let outcome = replay.on(broker()).run().succeeds().json();
    assert_eq!(outcome["replayed"], 1);
    let records = settled(orders, before + 1);
    let copies: Vec<&Value> = records
        .iter()
        .filter(|record| record["offset"] == 3)
        .collect();
    let [copy] = copies[..] else {
        panic!("{records:?}");
    };
    assert_eq!(
        (&copy["partition"], &copy["key"], &copy["value"]),
        (&json!(1), &json!("order-2"), value)
    );
    let headers = copy["headers"].as_array().unwrap();
    let names = headers.iter().map(|header| header[0].as_str().unwrap());
    let names: Vec<&str> = names
        .filter(|name| !name.starts_with("eda-replay-"))
        .collect();
    assert_eq!(names, ["trace"], "nothing of the framework's is left");
}

#[test]
fn what_kafka_streams_gives_up_on_is_understood_and_put_back() {
    if excused("what_kafka_streams_gives_up_on_is_understood_and_put_back") {
        return;
    }
    let bad = json!({"n": 2, "state": "declined"});
    let orders = orders(bad.clone());
    let (out, letters) = (topic("copies", 3), format!("{orders}-streams-dlq"));
    create(broker(), &letters, 3);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apache/StreamsDeadLetters.java");
    let state = tempfile::tempdir().unwrap();
    let streams = java(&[
        source.to_str().unwrap(),
        broker().address(),
        &fresh("copier"),
        &orders,
        &out,
        &letters,
        state.path().to_str().unwrap(),
    ]);
    let letter = letter(&letters, &streams);
    drop(streams);
    let expected = [
        ("convention", json!("kafka-streams")),
        ("exception", json!("java.lang.IllegalArgumentException")),
        ("message", json!("the card was declined")),
    ];
    is_understood(&letter, &letters, &orders, &bad, &expected);
}

#[test]
fn what_kafka_connect_gives_up_on_is_understood_and_put_back() {
    if excused("what_kafka_connect_gives_up_on_is_understood_and_put_back") {
        return;
    }
    let bad = json!("not json");
    let orders = orders(bad.clone());
    let letters = format!("{orders}-connect-dlq");
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (place, port) = (folder.path().display(), wire::free_port());
    let worker = file(
        "worker.properties",
        format!(
            "bootstrap.servers={}
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
value.converter.schemas.enable=false
offset.storage.file.filename={place}/offsets
plugin.discovery=service_load
listeners=http://127.0.0.1:{port}
consumer.auto.offset.reset=earliest
",
            broker().address()
        ),
    );
    let connector = file(
        "connector.properties",
        format!(
            "name={}
connector.class=org.apache.kafka.connect.file.FileStreamSinkConnector
file={place}/sunk
tasks.max=1
topics={orders}
errors.tolerance=all
errors.deadletterqueue.topic.name={letters}
errors.deadletterqueue.topic.replication.factor=1
errors.deadletterqueue.context.headers.enable=true
",
            fresh("sink")
        ),
    );
    let connect = java(&[
        "org.apache.kafka.connect.cli.ConnectStandalone",
        &worker,
        &connector,
    ]);
    let letter = letter(&letters, &connect);
    drop(connect);
    let said = "Converting byte[] to Kafka Connect data failed due to serialization error: ";
    let expected = [
        ("convention", json!("kafka-connect")),
        ("stage", json!("VALUE_CONVERTER")),
        ("message", json!(said)),
    ];
    is_understood(&letter, &letters, &orders, &bad, &expected);
}
