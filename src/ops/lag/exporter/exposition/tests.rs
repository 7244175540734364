use super::*;
use crate::model::cluster::ClusterBroker;
use crate::model::lag::compute;
use crate::model::topic::{Partition, Topic, TopicPartition};
use insta::assert_snapshot;
use std::collections::BTreeMap;

fn partition(id: i32, leader: Option<i32>, in_sync: &[i32]) -> Partition {
    Partition {
        id,
        leader,
        replicas: vec![1, 2],
        in_sync: in_sync.to_vec(),
    }
}

fn rows(
    group: &str,
    committed: &[(i32, i64)],
    ends: &[(i32, i64)],
) -> Vec<crate::model::lag::PartitionLag> {
    let place = |id: i32| TopicPartition::new("orders", id);
    let committed = committed
        .iter()
        .map(|(id, offset)| (place(*id), Some(*offset)));
    let ends = ends.iter().map(|(id, end)| (place(*id), *end)).collect();
    compute(group, &committed.collect(), &BTreeMap::new(), &ends)
}

fn look(group: &str) -> Look {
    let broker = |id| ClusterBroker {
        id,
        host: "kafka".to_owned(),
        port: 9092,
    };
    let place = |id| TopicPartition::new("orders", id);
    Look {
        cluster_id: None,
        brokers: vec![broker(1), broker(2)],
        topics: vec![Topic {
            id: None,
            name: "orders".to_owned(),
            internal: false,
            partitions: vec![
                partition(0, Some(1), &[1, 2]),
                partition(1, Some(2), &[2]),
                partition(2, None, &[]),
            ],
        }],
        extents: BTreeMap::from([(place(0), (0, 9)), (place(1), (4, 6))]),
        members: vec![(group.to_owned(), 3)],
        lags: rows(group, &[(0, 7), (1, 6), (2, 5)], &[(0, 9), (1, 6)]),
        missing: Vec::new(),
        failures: vec!["orders:2 has no leader".to_owned()],
        silent: 1,
    }
}

fn text(look: Option<Look>, errors: Option<u64>) -> String {
    flavoured(Flavour::KafkaExporter, look, errors)
}

fn flavoured(flavour: Flavour, look: Option<Look>, errors: Option<u64>) -> String {
    let exposition = Exposition {
        flavour,
        look,
        took: Duration::from_millis(250),
        errors,
    };
    exposition.text().unwrap()
}

#[test]
fn what_is_known_is_a_series_and_what_is_not_is_none() {
    assert_snapshot!(text(Some(look("payment")), Some(1)), @r#"
    # HELP kafka_brokers Number of brokers in the cluster
    # TYPE kafka_brokers gauge
    kafka_brokers 2
    # HELP kafka_broker_info A broker of the cluster and where it is reached
    # TYPE kafka_broker_info gauge
    kafka_broker_info{address="kafka:9092",id="1"} 1
    kafka_broker_info{address="kafka:9092",id="2"} 1
    # HELP kafka_topic_partitions Number of partitions of the topic
    # TYPE kafka_topic_partitions gauge
    kafka_topic_partitions{topic="orders"} 3
    # HELP kafka_topic_partition_current_offset Offset of the next record to be written to the partition
    # TYPE kafka_topic_partition_current_offset gauge
    kafka_topic_partition_current_offset{topic="orders",partition="0"} 9
    kafka_topic_partition_current_offset{topic="orders",partition="1"} 6
    # HELP kafka_topic_partition_oldest_offset Offset of the first record that is still in the partition
    # TYPE kafka_topic_partition_oldest_offset gauge
    kafka_topic_partition_oldest_offset{topic="orders",partition="0"} 0
    kafka_topic_partition_oldest_offset{topic="orders",partition="1"} 4
    # HELP kafka_topic_partition_leader Number of the broker that leads the partition
    # TYPE kafka_topic_partition_leader gauge
    kafka_topic_partition_leader{topic="orders",partition="0"} 1
    kafka_topic_partition_leader{topic="orders",partition="1"} 2
    # HELP kafka_topic_partition_replicas Number of replicas of the partition
    # TYPE kafka_topic_partition_replicas gauge
    kafka_topic_partition_replicas{topic="orders",partition="0"} 2
    kafka_topic_partition_replicas{topic="orders",partition="1"} 2
    kafka_topic_partition_replicas{topic="orders",partition="2"} 2
    # HELP kafka_topic_partition_in_sync_replica Number of replicas of the partition that are in sync
    # TYPE kafka_topic_partition_in_sync_replica gauge
    kafka_topic_partition_in_sync_replica{topic="orders",partition="0"} 2
    kafka_topic_partition_in_sync_replica{topic="orders",partition="1"} 1
    kafka_topic_partition_in_sync_replica{topic="orders",partition="2"} 0
    # HELP kafka_topic_partition_leader_is_preferred 1 if the partition is led by the first of its replicas, else 0
    # TYPE kafka_topic_partition_leader_is_preferred gauge
    kafka_topic_partition_leader_is_preferred{topic="orders",partition="0"} 1
    kafka_topic_partition_leader_is_preferred{topic="orders",partition="1"} 0
    kafka_topic_partition_leader_is_preferred{topic="orders",partition="2"} 0
    # HELP kafka_topic_partition_under_replicated_partition 1 if replicas of the partition are out of sync, else 0
    # TYPE kafka_topic_partition_under_replicated_partition gauge
    kafka_topic_partition_under_replicated_partition{topic="orders",partition="0"} 0
    kafka_topic_partition_under_replicated_partition{topic="orders",partition="1"} 1
    kafka_topic_partition_under_replicated_partition{topic="orders",partition="2"} 1
    # HELP kafka_consumergroup_current_offset Offset of the next record that the group reads in the partition, as it committed it
    # TYPE kafka_consumergroup_current_offset gauge
    kafka_consumergroup_current_offset{consumergroup="payment",topic="orders",partition="0"} 7
    kafka_consumergroup_current_offset{consumergroup="payment",topic="orders",partition="1"} 6
    kafka_consumergroup_current_offset{consumergroup="payment",topic="orders",partition="2"} 5
    # HELP kafka_consumergroup_current_offset_sum Offsets that the group committed in the topic, summed over the partitions it has a commit in
    # TYPE kafka_consumergroup_current_offset_sum gauge
    kafka_consumergroup_current_offset_sum{consumergroup="payment",topic="orders"} 18
    # HELP kafka_consumergroup_lag Records of the partition that the group has not read
    # TYPE kafka_consumergroup_lag gauge
    kafka_consumergroup_lag{consumergroup="payment",topic="orders",partition="0"} 2
    kafka_consumergroup_lag{consumergroup="payment",topic="orders",partition="1"} 0
    # HELP kafka_consumergroup_lag_sum Records of the topic that the group has not read, summed over the partitions it has a commit in
    # TYPE kafka_consumergroup_lag_sum gauge
    kafka_consumergroup_lag_sum{consumergroup="payment",topic="orders"} 2
    # HELP kafka_consumergroup_members Number of members of the group
    # TYPE kafka_consumergroup_members gauge
    kafka_consumergroup_members{consumergroup="payment"} 3
    # HELP eda_exporter_up Whether the Kafka cluster answered this scrape: 1, or 0 and there are no kafka_ series
    # TYPE eda_exporter_up gauge
    eda_exporter_up 1
    # HELP eda_exporter_scrape_duration_seconds How long the cluster was looked at for this scrape
    # TYPE eda_exporter_scrape_duration_seconds gauge
    eda_exporter_scrape_duration_seconds 0.25
    # HELP eda_exporter_scrape_faults What this scrape could not learn though the cluster answered: groups, offsets of partitions, names that do not exist
    # TYPE eda_exporter_scrape_faults gauge
    eda_exporter_scrape_faults 1
    # HELP eda_exporter_scrape_errors_total Scrapes since the exporter was started that failed as a whole or in part
    # TYPE eda_exporter_scrape_errors_total counter
    eda_exporter_scrape_errors_total 1
    "#);
}

#[test]
fn a_cluster_that_is_down_has_no_series_but_is_told_of() {
    assert_snapshot!(text(None, Some(3)), @r#"
    # HELP eda_exporter_up Whether the Kafka cluster answered this scrape: 1, or 0 and there are no kafka_ series
    # TYPE eda_exporter_up gauge
    eda_exporter_up 0
    # HELP eda_exporter_scrape_duration_seconds How long the cluster was looked at for this scrape
    # TYPE eda_exporter_scrape_duration_seconds gauge
    eda_exporter_scrape_duration_seconds 0.25
    # HELP eda_exporter_scrape_errors_total Scrapes since the exporter was started that failed as a whole or in part
    # TYPE eda_exporter_scrape_errors_total counter
    eda_exporter_scrape_errors_total 3
    "#);
}

#[test]
fn a_group_may_be_called_anything() {
    let text = text(Some(look("a\\b \"c\"\nd{},=\té\u{1f600}\u{7}")), None);
    let line = text
        .lines()
        .find(|line| line.starts_with("kafka_consumergroup_members"));
    let expected = "kafka_consumergroup_members{consumergroup=\"a\\\\b \\\"c\\\"\\nd{},=\té\u{1f600}\u{7}\"} 3";
    assert_eq!(line.unwrap(), expected);
}

#[test]
fn kafka_lag_exporters_names_are_the_other_choice() {
    let mut look = look("payment");
    look.cluster_id = Some("c-1".to_owned());
    let text = flavoured(Flavour::KafkaLagExporter, Some(look), None);
    let series: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("kafka_"))
        .collect();
    assert_snapshot!(series.join("\n"), @r#"
    kafka_consumergroup_poll_time_ms{cluster_name="c-1"} 250.0
    kafka_partition_latest_offset{cluster_name="c-1",topic="orders",partition="0"} 9
    kafka_partition_latest_offset{cluster_name="c-1",topic="orders",partition="1"} 6
    kafka_partition_earliest_offset{cluster_name="c-1",topic="orders",partition="0"} 0
    kafka_partition_earliest_offset{cluster_name="c-1",topic="orders",partition="1"} 4
    kafka_consumergroup_group_offset{cluster_name="c-1",group="payment",topic="orders",partition="0"} 7
    kafka_consumergroup_group_offset{cluster_name="c-1",group="payment",topic="orders",partition="1"} 6
    kafka_consumergroup_group_offset{cluster_name="c-1",group="payment",topic="orders",partition="2"} 5
    kafka_consumergroup_group_lag{cluster_name="c-1",group="payment",topic="orders",partition="0"} 2
    kafka_consumergroup_group_lag{cluster_name="c-1",group="payment",topic="orders",partition="1"} 0
    kafka_consumergroup_group_topic_sum_lag{cluster_name="c-1",group="payment",topic="orders"} 2
    kafka_consumergroup_group_sum_lag{cluster_name="c-1",group="payment"} 2
    kafka_consumergroup_group_max_lag{cluster_name="c-1",group="payment"} 2
    "#);
}
