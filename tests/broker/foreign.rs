//! Programs that are not ours: kcat, and Apache Kafka's own Java tools. Libraries are in foreign_clients.rs.

use super::{catalog_topics, create, per_partition, read, send, topic, topic_on};
use crate::support::kafka_tools::{produce_keys, tool};
use crate::support::kcat::{self, kcat};
use crate::support::{Broker, broker, eda, excused, fresh};
use serde_json::json;
use std::collections::BTreeMap;

#[test]
fn kcat_lists_produces_and_consumes() {
    if kcat::is_missing("kcat_lists_produces_and_consumes") {
        return;
    }
    let topic = topic("orders", 6);
    let listing = kcat(broker(), &["-L"], "");
    assert!(
        listing.contains(&format!("topic \"{topic}\" with 6 partitions:")),
        "{listing}"
    );
    kcat(
        broker(),
        &[
            "-P",
            "-t",
            &topic,
            "-p",
            "2",
            "-K",
            ":",
            "-H",
            "source=kcat",
        ],
        "order-1:first\norder-2:second\n",
    );
    let records = read(&topic);
    assert_eq!(per_partition(&records), BTreeMap::from([(2, 2)]));
    assert_eq!(records[0]["key"], "order-1");
    assert_eq!(records[0]["value"], "first");
    assert_eq!(records[0]["headers"], json!([["source", "kcat"]]));
    eda(&[
        "produce",
        &topic,
        "n=3",
        "--key",
        "order-3",
        "--partition",
        "2",
    ])
    .on(broker())
    .run()
    .succeeds();
    let consumed = kcat(
        broker(),
        &["-C", "-t", &topic, "-e", "-q", "-f", "%p:%o %k %s\n"],
        "",
    );
    assert_eq!(
        consumed.lines().last(),
        Some("2:2 order-3 {\"n\":3}"),
        "{consumed}"
    );
}

#[test]
fn kcat_in_a_group_goes_on_where_eda_left_off() {
    if kcat::is_missing("kcat_in_a_group_goes_on_where_eda_left_off") {
        return;
    }
    let topic = topic("orders", 1);
    let group = fresh("shared");
    super::send_numbers(&topic, 1, 5);
    eda(&["consume", &topic, "--group", &group, "-n", "2"])
        .on(broker())
        .run()
        .succeeds();
    let rest = kcat(
        broker(),
        &["-G", &group, "-e", "-q", "-f", "%o\n", &topic],
        "",
    );
    assert_eq!(rest, "2\n3\n4\n");
    eda(&["lag", "--group", &group, "--max", "0"])
        .on(broker())
        .run()
        .succeeds();
}

/// Keys of every length up to a few times murmur2's block of four, ASCII and not.
fn keys() -> Vec<String> {
    let mut keys: Vec<String> = (0..150)
        .map(|n| format!("order-{}", n * n * 7919))
        .collect();
    keys.extend((1..40).map(|length| "k".repeat(length)));
    keys.extend(["ключ", "鍵", "clé", "schlüssel-ß", "🔑"].map(str::to_owned));
    keys
}

pub(super) fn partition_of_keys(topic: &str) -> BTreeMap<String, i64> {
    let place = |record: serde_json::Value| {
        (
            record["key"].as_str().unwrap().to_owned(),
            record["partition"].as_i64().unwrap(),
        )
    };
    read(topic).into_iter().map(place).collect()
}

#[test]
fn keys_land_where_java_puts_them() {
    if excused("keys_land_where_java_puts_them") {
        return;
    }
    let keys = keys();
    for partitions in [3, 6, 7] {
        let (ours, javas) = (topic("ours", partitions), topic("javas", partitions));
        send(
            &ours,
            &keys
                .iter()
                .map(|key| json!({"key": key, "value": key}))
                .collect::<Vec<_>>(),
        );
        produce_keys(
            broker(),
            &javas,
            &keys.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        let cut = topic("cut", partitions);
        let lines: String = keys.iter().map(|key| format!("{key}\tvalue\n")).collect();
        let produce = eda(&["produce", &cut, "-f", r"%k\t%v\n"]);
        produce.on(broker()).stdin(lines).run().succeeds();
        let (ours, javas) = (partition_of_keys(&ours), partition_of_keys(&javas));
        assert_eq!(ours.len(), keys.len());
        assert_eq!(ours, javas, "with {partitions} partitions");
        assert_eq!(
            partition_of_keys(&cut),
            javas,
            "by a template, with {partitions}"
        );
    }
    // An event of the catalog is keyed by its entity, by the same rule.
    let _topics = catalog_topics();
    create(broker(), "order-created", 6);
    eda(&["produce", "order-created", "-n", "100", "--seed", "1"])
        .on(broker())
        .run()
        .succeeds();
    let ours = partition_of_keys("order-created");
    let javas = topic("javas", 6);
    produce_keys(
        broker(),
        &javas,
        &ours.keys().map(String::as_str).collect::<Vec<_>>(),
    );
    assert_eq!(ours, partition_of_keys(&javas));
}

#[test]
fn java_tools_see_what_eda_made() {
    if excused("java_tools_see_what_eda_made") {
        return;
    }
    java_tools_agree_with_eda(broker());
}

#[test]
fn java_tools_work_on_the_embedded_broker() {
    if excused("java_tools_work_on_the_embedded_broker") {
        return;
    }
    java_tools_agree_with_eda(&Broker::embedded(&[]));
}

#[test]
fn javas_transactions_on_apache() {
    if excused("javas_transactions_on_apache") {
        return;
    }
    javas_transactions(broker());
}

#[test]
fn javas_transactions_on_the_embedded_broker() {
    if excused("javas_transactions_on_the_embedded_broker") {
        return;
    }
    javas_transactions(&Broker::embedded(&[]));
}

/// Some fifteen transactions of Java's producer, read by Java's consumer and by ours.
fn javas_transactions(broker: &Broker) {
    let topic = topic_on(broker, "orders", 3);
    let id = fresh("checkout");
    let produce = [
        "--topic",
        &topic,
        "--num-records",
        "3000",
        "--record-size",
        "100",
        "--throughput",
        "2000",
        "--transactional-id",
        &id,
        "--transaction-duration-ms",
        "100",
    ];
    let class = "org.apache.kafka.tools.ProducerPerformance";
    let produced = tool(class, broker, &produce, "");
    assert!(produced.contains("3000 records sent"), "{produced}");
    let class = "org.apache.kafka.tools.TransactionsCommand";
    let listed = tool(class, broker, &["list"], "");
    let line = listed.lines().find(|line| line.starts_with(&id));
    let line = line.unwrap_or_else(|| panic!("{listed}"));
    assert!(line.contains("CompleteCommit"), "{line}");
    let of_topic = ["describe-producers", "--topic", &topic, "--partition", "0"];
    let described = tool(class, broker, &of_topic, "");
    let producer = described.lines().nth(1).unwrap_or_default();
    assert!(producer.trim_end().ends_with("None"), "{described}");

    let consume = [
        "--topic",
        &topic,
        "--from-beginning",
        "--isolation-level",
        "read_committed",
        "--max-messages",
        "3000",
        "--timeout-ms",
        "20000",
    ];
    let class = "org.apache.kafka.tools.consumer.ConsoleConsumer";
    let consumed = tool(class, broker, &consume, "");
    assert_eq!(consumed.lines().count(), 3000);
    let consume = eda(&["consume", &topic, "-o", ":end", "-f", "%o\\n"]);
    let consumed = consume.on(broker).run().succeeds();
    assert_eq!(consumed.stdout.lines().count(), 3000);
}

fn java_tools_agree_with_eda(broker: &Broker) {
    let topic = topic_on(broker, "orders", 6);
    let described = tool(
        "org.apache.kafka.tools.TopicCommand",
        broker,
        &["--describe", "--topic", &topic],
        "",
    );
    assert!(described.contains("PartitionCount: 6"), "{described}");
    assert!(described.contains("retention.ms=604800000"), "{described}");

    let keys: Vec<String> = (0..30).map(|n| format!("order-{n}")).collect();
    produce_keys(
        broker,
        &topic,
        &keys.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let group = fresh("payment-service");
    let arguments = [
        "--topic",
        &topic,
        "--group",
        &group,
        "--from-beginning",
        "--max-messages",
        "20",
        "--timeout-ms",
        "20000",
    ];
    let consumed = tool(
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        broker,
        &arguments,
        "",
    );
    assert_eq!(
        consumed
            .lines()
            .filter(|line| line.starts_with("order-"))
            .count(),
        20,
        "{consumed}"
    );
    eda(&["consume", &topic, "--group", &group, "-n", "10"])
        .on(broker)
        .run()
        .succeeds();
    eda(&["lag", "--group", &group, "--max", "0"])
        .on(broker)
        .run()
        .succeeds();
    let class = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
    let described = tool(class, broker, &["--describe", "--group", &group], "");
    assert!(described.contains(&topic), "{described}");

    let made = fresh("javas");
    let create = [
        "--create",
        "--topic",
        &made,
        "--partitions",
        "2",
        "--config",
        "cleanup.policy=compact",
    ];
    tool("org.apache.kafka.tools.TopicCommand", broker, &create, "");
    let listed = eda(&["topic", "list", &made, "--json"])
        .on(broker)
        .run()
        .succeeds()
        .json();
    assert_eq!(listed[0]["partitions"], 2);
}
