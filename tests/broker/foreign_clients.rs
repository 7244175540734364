//! Client libraries that are not ours do their round trips, and `eda` sees what they saw.

use super::foreign::partition_of_keys;
use super::{PATIENCE, read, send, topic, topics};
use crate::support::foreign::{Client, Program};
use crate::support::{broker, eda, fresh, wait_until};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What a client has, of what clients may have.
struct Traits {
    /// What it calls itself in the header `source`.
    name: &'static str,
    compressions: &'static [&'static str],
    /// Whether it puts a key where Java's client puts it, as `eda` does.
    hashes_as_java: bool,
}

const ALL: &[&str] = &["none", "gzip", "snappy", "lz4", "zstd"];

#[test]
fn javas_client_makes_its_round_trip() {
    let Some(program) = Client::Java.find("javas_client_makes_its_round_trip") else {
        return;
    };
    let java = Traits {
        name: "java",
        compressions: ALL,
        hashes_as_java: true,
    };
    round_trip(&program, &java);
}

#[test]
fn pythons_client_makes_its_round_trip() {
    let Some(program) = Client::Python.find("pythons_client_makes_its_round_trip") else {
        return;
    };
    let python = Traits {
        name: "python",
        compressions: ALL,
        hashes_as_java: true,
    };
    round_trip(&program, &python);
}

#[test]
fn franz_go_makes_its_round_trip() {
    let Some(program) = Client::FranzGo.find("franz_go_makes_its_round_trip") else {
        return;
    };
    let franz_go = Traits {
        name: "franz-go",
        compressions: ALL,
        hashes_as_java: true,
    };
    round_trip(&program, &franz_go);
}

#[test]
fn sarama_makes_its_round_trip() {
    let Some(program) = Client::Sarama.find("sarama_makes_its_round_trip") else {
        return;
    };
    let sarama = Traits {
        name: "sarama",
        compressions: ALL,
        // It hashes by FNV-1a.
        hashes_as_java: false,
    };
    round_trip(&program, &sarama);
}

#[test]
fn kafkajs_makes_its_round_trip() {
    let Some(program) = Client::KafkaJs.find("kafkajs_makes_its_round_trip") else {
        return;
    };
    let kafkajs = Traits {
        name: "kafkajs",
        // The others are packages of their own.
        compressions: &["none", "gzip"],
        hashes_as_java: true,
    };
    round_trip(&program, &kafkajs);
}

fn round_trip(program: &Program, client: &Traits) {
    let (topic, group) = (fresh("orders"), fresh("shared"));
    let answer = program.run("round-trip", broker(), &[&topic, &group]);
    assert_eq!(answer["partitions"], 3);
    assert_eq!(answer["retention"], "3600000");
    assert_eq!(answer["state"], "empty");
    assert_eq!(answer["lag"], json!({"0": 0, "1": 0, "2": 0}));
    let count = saw_what_eda_sees(client, &answer, &topic);
    assert_eq!(by_partition(&answer["committed"]), committed(&group));
    if client.hashes_as_java {
        keys_lie_where_eda_puts_them(&topic);
    }
    transactions(program, &topic, count);
    deletions(program, &topic, &group);
}

/// The records, each once: those that were to be sent first, then what came after the group had committed. Gives how
/// many there are.
fn saw_what_eda_sees(client: &Traits, answer: &Value, topic: &str) -> usize {
    assert_eq!(answer["compressions"], json!(client.compressions));
    let first = answer["first_run"].as_array().unwrap();
    let mut expected = Vec::new();
    for compression in client.compressions {
        for number in 0..10 {
            let key = format!("order-{number}");
            let value = format!("{compression}-{number} ").repeat(50);
            let headers = json!([["source", client.name], ["number", number.to_string()]]);
            expected.push(json!([key, value, headers]).to_string());
        }
    }
    let content =
        |record: &Value| json!([record["key"], record["value"], record["headers"]]).to_string();
    let mut contents: Vec<String> = first.iter().map(content).collect();
    contents.sort_unstable();
    expected.sort_unstable();
    assert_eq!(contents, expected);

    let second = answer["second_run"].as_array().unwrap();
    let again = json!(["again", "again", []]).to_string();
    assert!(
        second.len() == 3 && second.iter().all(|record| content(record) == again),
        "the group finds something twice: {second:?}"
    );

    let mut records: Vec<Value> = first.iter().chain(second).cloned().collect();
    records.sort_by_key(place);
    let mut ours: Vec<Value> = read(topic).iter().map(as_clients_have_it).collect();
    ours.sort_by_key(place);
    assert_eq!(records, ours);
    ours.len()
}

fn place(record: &Value) -> (Option<i64>, Option<i64>) {
    (record["partition"].as_i64(), record["offset"].as_i64())
}

fn as_clients_have_it(record: &Value) -> Value {
    let names = ["partition", "offset", "key", "value", "headers"];
    let field = |name: &str| (name.to_owned(), record[name].clone());
    Value::Object(names.into_iter().map(field).collect::<Map<_, _>>())
}

fn keys_lie_where_eda_puts_them(theirs: &str) {
    let ours = topic("ours", 3);
    let keys = (0..10).map(|number| json!({"key": format!("order-{number}"), "value": number}));
    send(&ours, &keys.collect::<Vec<_>>());
    let mut theirs = partition_of_keys(theirs);
    // It was sent to each partition.
    theirs.remove("again");
    assert_eq!(theirs, partition_of_keys(&ours));
}

fn transactions(program: &Program, source: &str, count: usize) {
    let (target, group) = (fresh("checked"), fresh("checkout"));
    let words = [source, &target, &group, &count.to_string()];
    let answer = program.run("transactions", broker(), &words);
    assert_eq!(answer["after_abort"], json!({}));
    assert_eq!(by_partition(&answer["after_commit"]), committed(&group));
    assert_eq!(
        committed(&group).values().sum::<i64>(),
        count as i64,
        "the offsets of all that was read"
    );
    let committed = vec!["committed"; count];
    let all = [vec!["aborted"; count], committed.clone()].concat();
    assert_eq!(answer["read_committed"], json!(committed));
    assert_eq!(answer["read_uncommitted"], json!(all));
    let ours: Vec<Value> = read(&target)
        .iter()
        .map(|record| record["value"].clone())
        .collect();
    assert_eq!(json!(ours), json!(committed));
}

fn deletions(program: &Program, topic: &str, group: &str) {
    let answer = program.run("delete-records", broker(), &[topic]);
    assert_eq!(answer["earliest"], json!({"0": 1, "1": 1, "2": 1}));
    let mut first = BTreeMap::new();
    for record in read(topic) {
        let (partition, offset) = place(&record);
        let first = first.entry(partition).or_insert(offset);
        *first = offset.min(*first);
    }
    let one = Some(1);
    assert_eq!(
        first,
        BTreeMap::from([(Some(0), one), (Some(1), one), (Some(2), one)])
    );

    program.run("delete", broker(), &[topic, group]);
    let groups = eda(&["group", "list", "--json"]).on(broker()).run();
    let groups = groups.succeeds().json();
    let is_left = |row: &Value| row["group"] == group;
    assert!(!groups.as_array().unwrap().iter().any(is_left), "{groups}");
    // Apache's broker hears of it a little after its controller.
    wait_until("the topic's end", PATIENCE, || {
        !topics().iter().any(|name| name == topic)
    });
}

/// `{"0": 16}`, as the clients write it.
fn by_partition(offsets: &Value) -> BTreeMap<i64, i64> {
    let pair = |(partition, offset): (&String, &Value)| {
        (partition.parse().unwrap(), offset.as_i64().unwrap())
    };
    offsets.as_object().unwrap().iter().map(pair).collect()
}

/// What `eda` says that a group has committed, by partition of its one topic.
fn committed(group: &str) -> BTreeMap<i64, i64> {
    let lag = eda(&["lag", "--group", group, "--json"]).on(broker()).run();
    let rows = lag.succeeds().json();
    let pair = |row: &Value| {
        (
            row["partition"].as_i64().unwrap(),
            row["committed"].as_i64().unwrap(),
        )
    };
    rows.as_array().unwrap().iter().map(pair).collect()
}
