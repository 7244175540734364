//! The text: its names, and that it says what the reports say.

use super::{PATIENCE, behind, behind_as, send_numbers};
use crate::broker::topic;
use crate::support::prometheus::Scrape;
use crate::support::{broker, eda, fresh};
use serde_json::Value;

/// kafka_exporter's, as its source has them.
const KAFKA_EXPORTER: [&str; 15] = [
    "kafka_broker_info",
    "kafka_brokers",
    "kafka_consumergroup_current_offset",
    "kafka_consumergroup_current_offset_sum",
    "kafka_consumergroup_lag",
    "kafka_consumergroup_lag_sum",
    "kafka_consumergroup_members",
    "kafka_topic_partition_current_offset",
    "kafka_topic_partition_in_sync_replica",
    "kafka_topic_partition_leader",
    "kafka_topic_partition_leader_is_preferred",
    "kafka_topic_partition_oldest_offset",
    "kafka_topic_partition_replicas",
    "kafka_topic_partition_under_replicated_partition",
    "kafka_topic_partitions",
];

#[track_caller]
fn once(arguments: &[&str]) -> Scrape {
    let output = eda(&["lag", "--prometheus"])
        .args(arguments)
        .on(broker())
        .run();
    Scrape::read(&output.succeeds().stdout)
}

#[track_caller]
fn json(words: &[&str]) -> Value {
    let run = eda(words).arg("--json").on(broker()).run();
    run.succeeds().json()
}

#[test]
fn the_series_are_kafka_exporters_and_say_what_the_reports_say() {
    let (topic, group) = behind();
    let scrape = once(&["-g", &group, "-t", &topic]);
    let names = scrape.names();
    let (kafka, own): (Vec<&str>, Vec<&str>) =
        names.iter().partition(|name| name.starts_with("kafka_"));
    assert_eq!(kafka, KAFKA_EXPORTER);
    assert!(own.iter().all(|name| name.starts_with("eda_exporter_")));
    assert_eq!(scrape.value("eda_exporter_up", &[]), Some(1.0));
    assert_eq!(scrape.value("eda_exporter_scrape_faults", &[]), Some(0.0));

    let rows = json(&["lag", "-g", &group]);
    let (mut offsets, mut lags, mut committed) = (0.0, 0.0, 0);
    for row in rows.as_array().unwrap() {
        let partition = row["partition"].to_string();
        let labels = [
            ("consumergroup", group.as_str()),
            ("topic", topic.as_str()),
            ("partition", partition.as_str()),
        ];
        let offset = scrape.value("kafka_consumergroup_current_offset", &labels);
        assert_eq!(offset, row["committed"].as_f64(), "{row}");
        let lag = scrape.value("kafka_consumergroup_lag", &labels);
        assert_eq!(lag, row["lag"].as_f64(), "{row}");
        offsets += offset.unwrap_or_default();
        lags += lag.unwrap_or_default();
        committed += usize::from(offset.is_some());
    }
    assert!(committed > 0 && offsets == 6.0, "{rows}");
    let series = scrape.series("kafka_consumergroup_lag");
    assert_eq!(series.len(), committed, "no commit, no series");
    let of_topic = [("consumergroup", group.as_str()), ("topic", topic.as_str())];
    let sum = |name: &str| scrape.value(name, &of_topic);
    assert_eq!(sum("kafka_consumergroup_current_offset_sum"), Some(offsets));
    assert_eq!(sum("kafka_consumergroup_lag_sum"), Some(lags));

    let described = json(&["topic", "describe", &topic]);
    let rows = described["partitions"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    for row in rows {
        let partition = row["partition"].to_string();
        let labels = [("topic", topic.as_str()), ("partition", partition.as_str())];
        let value = |name: &str| scrape.value(&format!("kafka_topic_partition_{name}"), &labels);
        let count = |name: &str| Some(row[name].as_array().unwrap().len() as f64);
        assert_eq!(value("current_offset"), row["end"].as_f64());
        assert_eq!(value("oldest_offset"), row["start"].as_f64());
        assert_eq!(value("leader"), row["leader"].as_f64());
        assert_eq!(value("replicas"), count("replicas"));
        assert_eq!(value("in_sync_replica"), count("inSync"));
        let preferred = f64::from(row["leader"] == row["replicas"][0]);
        assert_eq!(value("leader_is_preferred"), Some(preferred));
        let lacking = f64::from(count("inSync") < count("replicas"));
        assert_eq!(value("under_replicated_partition"), Some(lacking));
    }
    let partitions = scrape.value("kafka_topic_partitions", &[("topic", &topic)]);
    assert_eq!(partitions, Some(3.0));
    let brokers = scrape.series("kafka_broker_info");
    assert_eq!(
        scrape.value("kafka_brokers", &[]),
        Some(brokers.len() as f64)
    );
    for (labels, value) in brokers {
        assert_eq!(labels.keys().collect::<Vec<_>>(), ["address", "id"]);
        assert_eq!(value, 1.0);
    }
}

#[test]
fn kafka_lag_exporters_names_are_the_other_choice() {
    let (topic, group) = behind();
    let flavour = ["--flavor", "kafka-lag-exporter", "-g", &group, "-t", &topic];
    let scrape = once(&flavour);
    let kafka: Vec<&str> = scrape
        .names()
        .into_iter()
        .filter(|name| name.starts_with("kafka_"))
        .collect();
    let names = [
        "kafka_consumergroup_group_lag",
        "kafka_consumergroup_group_max_lag",
        "kafka_consumergroup_group_offset",
        "kafka_consumergroup_group_sum_lag",
        "kafka_consumergroup_group_topic_sum_lag",
        "kafka_consumergroup_poll_time_ms",
        "kafka_partition_earliest_offset",
        "kafka_partition_latest_offset",
    ];
    assert_eq!(kafka, names);
    let sums = scrape.series("kafka_consumergroup_group_sum_lag");
    let [(labels, sum)] = sums.as_slice() else {
        panic!("{sums:?}")
    };
    assert_eq!(labels["group"], group);
    assert!(!labels["cluster_name"].is_empty());
    let lags = once(&["-g", &group, "-t", &topic]);
    let lags = lags.series("kafka_consumergroup_lag_sum");
    assert_eq!(*sum, lags[0].1);
}

#[test]
fn without_a_filter_every_topic_and_group_is_there() {
    let (topic, group) = behind();
    let unread = crate::broker::topic("unread", 1);
    let scrape = once(&[]);
    let partitions = |topic: &str| scrape.value("kafka_topic_partitions", &[("topic", topic)]);
    assert_eq!(partitions(&topic), Some(3.0));
    assert_eq!(partitions(&unread), Some(1.0));
    let members = scrape.value("kafka_consumergroup_members", &[("consumergroup", &group)]);
    assert_eq!(members, Some(0.0), "a group without members has lag too");
    let only = once(&["-t", "unread-*", "-g", "no-such-*"]);
    assert_eq!(
        only.value("kafka_topic_partitions", &[("topic", &topic)]),
        None
    );
    assert!(only.series("kafka_consumergroup_members").is_empty());
}

#[test]
fn members_are_counted_while_they_are_there() {
    let (topic, group) = behind();
    let member = eda(&["consume", &topic, "--group", &group, "--json"])
        .on(broker())
        .spawn();
    member.wait_for_records(4, PATIENCE);
    let of_group = [("consumergroup", group.as_str())];
    let members = once(&["-g", &group]).value("kafka_consumergroup_members", &of_group);
    assert_eq!(members, Some(1.0));
}

#[test]
fn the_members_of_a_kip_848_group_are_counted() {
    let (topic, group) = (topic("orders", 1), fresh("payment-service"));
    send_numbers(&topic, 1, 1);
    let member = eda(&["consume", &topic, "--group", &group, "--json"])
        .args(["-X", "group.protocol=consumer"])
        .on(broker())
        .spawn();
    member.wait_for_records(1, PATIENCE);
    let of_group = [("consumergroup", group.as_str())];
    let members = once(&["-g", &group]).value("kafka_consumergroup_members", &of_group);
    assert_eq!(members, Some(1.0));
}

#[test]
fn a_group_may_be_called_anything() {
    let name = format!("{} \"quoted\" \\ {{a=\"b\"}}\nü\t", fresh("payment"));
    let (topic, group) = behind_as(&name);
    let scrape = once(&["-t", &topic]);
    let labels = [("consumergroup", group.as_str()), ("topic", topic.as_str())];
    let sum = scrape.value("kafka_consumergroup_current_offset_sum", &labels);
    assert_eq!(sum, Some(6.0));
}

#[test]
fn what_is_named_must_exist_and_a_cluster_must_answer_when_asked_once() {
    let group = fresh("nobody");
    let missing = eda(&["lag", "--prometheus", "-g", &group])
        .on(broker())
        .run();
    let missing = missing.status(1).stderr_has("does not exist");
    assert_eq!(missing.stdout, "");
    let down = eda(&["lag", "--prometheus", "-b", "127.0.0.1:1"]).run();
    assert_eq!(down.status(3).stdout, "");
}
