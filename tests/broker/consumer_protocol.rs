//! `eda consume -X group.protocol=consumer`: groups of KIP-848, where the broker assigns.

use super::{PATIENCE, create, numbers, send_numbers, topic, topic_on};
use crate::support::kafka_tools::{produce_keys, tool};
use crate::support::{Broker, Running, broker, eda, excused, fresh, wait_until};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

const PROTOCOL: [&str; 2] = ["-X", "group.protocol=consumer"];

#[track_caller]
fn member(broker: &Broker, topic: &str, group: &str) -> Running {
    let consume = eda(&["consume", topic, "--group", group, "--json"]);
    consume.args(PROTOCOL).on(broker).spawn()
}

/// How many partitions each member has, fewest first; none while the group is about to change.
fn shares(broker: &Broker, group: &str) -> Vec<usize> {
    let describe = eda(&["group", "describe", group, "--json"]).on(broker);
    let described = describe.run();
    if described.status != 0 || described.json()[0]["state"] != "Stable" {
        return Vec::new();
    }
    let group = described.json()[0].clone();
    let members = group["members"].as_array().unwrap().iter();
    let mut shares: Vec<usize> = members
        .map(|member| member["assignment"].as_array().unwrap().len())
        .collect();
    shares.sort_unstable();
    shares
}

#[track_caller]
fn wait_for_shares(broker: &Broker, group: &str, expected: &[usize]) {
    let what = format!("shares of {expected:?}");
    wait_until(&what, PATIENCE, || shares(broker, group) == expected);
}

/// Numbers of records in a topic of four partitions of another broker than the run's.
#[track_caller]
fn send_on(broker: &Broker, topic: &str, range: std::ops::Range<u32>) {
    let line = |n: u32| format!("{{\"partition\":{},\"value\":{{\"n\":{n}}}}}\n", n % 4);
    let lines: String = range.map(line).collect();
    let produce = eda(&["produce", topic, "--records"]);
    produce.on(broker).stdin(lines).run().succeeds();
}

#[test]
fn two_members_share_the_partitions_and_the_one_left_gets_all() {
    let (topic, group) = (topic("orders", 4), fresh("payment-service"));
    let first = member(broker(), &topic, &group);
    wait_for_shares(broker(), &group, &[4]);
    let second = member(broker(), &topic, &group);
    wait_for_shares(broker(), &group, &[2, 2]);
    send_numbers(&topic, 4, 40);
    first.wait_for_records(20, PATIENCE);
    second.wait_for_records(20, PATIENCE);
    let read: Vec<Value> = [first.records(), second.records()].concat();
    assert_eq!(numbers(&read), (0..40).collect::<Vec<i64>>());
    first.interrupt();
    first.wait(PATIENCE).status(130);
    wait_for_shares(broker(), &group, &[4]);
    send_numbers(&topic, 4, 40);
    second.wait_for_records(60, PATIENCE);
    second.interrupt();
    second.wait(PATIENCE).status(130);
    let lag = eda(&["lag", "--group", &group, "--max", "0"]);
    lag.on(broker()).run().succeeds();
    // Nobody commits what nobody has read, so a classic member of the same name goes on where they were.
    let rest = eda(&["consume", &topic, "--group", &group, "--idle", "2s"]);
    assert_eq!(rest.on(broker()).run().succeeds().stdout, "");
}

/// Kafka's session time-out is 45 s, and the broker's to choose: so this broker is one of ours, in this process.
#[test]
fn the_partitions_of_a_member_that_was_killed_go_to_the_other() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let options = ::eda::broker::Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        consumer_session_timeout: Duration::from_secs(3),
        consumer_heartbeat_interval: Duration::from_millis(200),
        ..::eda::broker::Options::default()
    };
    let started = runtime.block_on(::eda::broker::Broker::start(options));
    let started = started.unwrap();
    let broker = Broker::at(started.address());
    let (topic, group) = (topic_on(&broker, "orders", 4), fresh("payment-service"));
    let first = member(&broker, &topic, &group);
    let second = member(&broker, &topic, &group);
    wait_for_shares(&broker, &group, &[2, 2]);
    send_on(&broker, &topic, 0..40);
    first.wait_for_records(20, PATIENCE);
    second.wait_for_records(20, PATIENCE);
    let by_first = first.kill().records();
    wait_for_shares(&broker, &group, &[4]);
    send_on(&broker, &topic, 40..80);
    second.wait_until("the rest", PATIENCE, |second| {
        let later = |record: &Value| record["value"]["n"].as_i64() >= Some(40);
        second.records().into_iter().filter(later).count() == 40
    });
    let read = [by_first, second.records()].concat();
    let read: BTreeSet<i64> = numbers(&read).into_iter().collect();
    assert!(read.into_iter().eq(0..80));
    second.interrupt();
    second.wait(PATIENCE).status(130);
    let lag = eda(&["lag", "--group", &group, "--max", "0"]);
    lag.on(&broker).run().succeeds();
    runtime.block_on(started.stop());
}

#[test]
fn members_go_on_when_their_broker_was_killed_and_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::embedded_in(folder.path());
    let (topic, group) = (topic_on(&broker, "orders", 4), fresh("payment-service"));
    let first = member(&broker, &topic, &group);
    let second = member(&broker, &topic, &group);
    wait_for_shares(&broker, &group, &[2, 2]);
    send_on(&broker, &topic, 0..40);
    first.wait_for_records(20, PATIENCE);
    second.wait_for_records(20, PATIENCE);
    let described = |broker: &Broker| {
        let describe = eda(&["group", "describe", &group, "--json"]);
        describe.on(broker).run().succeeds().json()[0]["members"].clone()
    };
    let members = described(&broker);
    broker.kill();
    let data = ["--data", folder.path().to_str().unwrap()];
    let broker = Broker::embedded_at(broker.address(), &data);
    assert_eq!(described(&broker), members);
    send_on(&broker, &topic, 40..80);
    first.wait_for_records(40, PATIENCE);
    second.wait_for_records(40, PATIENCE);
    let read = [first.records(), second.records()].concat();
    let read: BTreeSet<i64> = numbers(&read).into_iter().collect();
    assert!(read.into_iter().eq(0..80));
    for member in [first, second] {
        member.interrupt();
        member.wait(PATIENCE).status(130);
    }
    let lag = eda(&["lag", "--group", &group, "--max", "0"]);
    lag.on(&broker).run().succeeds();
}

#[test]
fn a_pattern_finds_a_topic_that_is_made_later() {
    let (prefix, group) = (fresh("orders"), fresh("payment-service"));
    create(broker(), &format!("{prefix}.eu"), 1);
    let consume = member(broker(), &format!("^{prefix}[.].*"), &group);
    wait_for_shares(broker(), &group, &[1]);
    create(broker(), &format!("{prefix}.us"), 2);
    wait_for_shares(broker(), &group, &[3]);
    send_numbers(&format!("{prefix}.us"), 2, 10);
    consume.wait_for_records(10, PATIENCE);
    consume.interrupt();
    consume.wait(PATIENCE).status(130);
}

#[test]
fn javas_consumer_protocol_on_apache() {
    if excused("javas_consumer_protocol_on_apache") {
        return;
    }
    javas_consumer_protocol(broker());
}

#[test]
fn javas_consumer_protocol_on_the_embedded_broker() {
    if excused("javas_consumer_protocol_on_the_embedded_broker") {
        return;
    }
    javas_consumer_protocol(&Broker::embedded(&[]));
}

/// A group of KIP-848 with members of Java's and ours, as Java's tool and ours describe it.
fn javas_consumer_protocol(broker: &Broker) {
    let topic = topic_on(broker, "orders", 6);
    let group = fresh("payment-service");
    let keys: Vec<String> = (0..30).map(|n| format!("order-{n}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    produce_keys(broker, &topic, &keys);
    let arguments = [
        "--topic",
        &topic,
        "--group",
        &group,
        "--command-property",
        "group.protocol=consumer",
        "--from-beginning",
        "--max-messages",
        "20",
        "--timeout-ms",
        "20000",
    ];
    let class = "org.apache.kafka.tools.consumer.ConsoleConsumer";
    let consumed = tool(class, broker, &arguments, "");
    let of_java = consumed.lines().filter(|line| line.starts_with("order-"));
    assert_eq!(of_java.count(), 20, "{consumed}");
    let consume = member(broker, &topic, &group);
    consume.wait_for_records(10, PATIENCE);
    let class = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
    let describe = |more: &[&str]| {
        let arguments = [&["--describe", "--group", &group], more].concat();
        tool(class, broker, &arguments, "")
    };
    let state = describe(&["--state", "--verbose"]);
    assert!(state.contains("uniform"), "{state}");
    assert!(state.contains("Stable"), "{state}");
    let members = describe(&["--members", "--verbose"]);
    let assigned = format!("{topic}:0,1,2,3,4,5");
    assert_eq!(
        members.matches(&assigned).count(),
        2,
        "now and in the target: {members}"
    );
    let partitions = describe(&[]);
    let of_topic = partitions.lines().filter(|line| line.contains(&topic));
    assert_eq!(of_topic.count(), 6, "{partitions}");
    let listed = tool(class, broker, &["--list", "--type", "consumer"], "");
    assert!(listed.contains(&group), "{listed}");
    consume.interrupt();
    let read = consume.wait(PATIENCE).status(130).records();
    assert_eq!(read.len(), 10);
    let lag = eda(&["lag", "--group", &group, "--max", "0"]);
    lag.on(broker).run().succeeds();
    tool(class, broker, &["--delete", "--group", &group], "");
}
