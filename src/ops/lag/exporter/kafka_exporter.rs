//! The series of danielqsj/kafka_exporter: its names, labels and types, so that dashboards made for it work.
//!
//! Where a value is unknown (no commit, no leader, a partition that did not answer) there is no series. kafka_exporter
//! says -1 for the offset and lag of a partition without a commit, which sums then take for a number.

use super::exposition::{Families, NONE, folded, number};
use super::gather::Look;
use crate::model::lag::PartitionLag;
use crate::model::topic::Partition;
use prometheus_client::encoding::EncodeLabelSet;
use std::fmt;

pub(super) fn write(look: &Look, families: &mut Families) -> fmt::Result {
    brokers(look, families)?;
    topics(look, families)?;
    groups(look, families)
}

fn brokers(look: &Look, families: &mut Families) -> fmt::Result {
    let brokers = &look.brokers;
    families.gauge(
        "kafka_brokers",
        "Number of brokers in the cluster",
        [(NONE, number(brokers.len()))],
    )?;
    families.gauge(
        "kafka_broker_info",
        "A broker of the cluster and where it is reached",
        brokers.iter().map(|broker| {
            let address = format!("{}:{}", broker.host, broker.port);
            ([("address", address), ("id", broker.id.to_string())], 1i64)
        }),
    )
}

fn topics(look: &Look, families: &mut Families) -> fmt::Result {
    families.gauge(
        "kafka_topic_partitions",
        "Number of partitions of the topic",
        look.topics
            .iter()
            .map(|topic| ([("topic", &topic.name)], number(topic.partitions.len()))),
    )?;
    families.gauge(
        "kafka_topic_partition_current_offset",
        "Offset of the next record to be written to the partition",
        look.extents
            .iter()
            .map(|(at, (_, end))| (place(&at.topic, at.partition), *end)),
    )?;
    families.gauge(
        "kafka_topic_partition_oldest_offset",
        "Offset of the first record that is still in the partition",
        look.extents
            .iter()
            .map(|(at, (start, _))| (place(&at.topic, at.partition), *start)),
    )?;
    let figures: [Figure; 5] = [
        (
            "kafka_topic_partition_leader",
            "Number of the broker that leads the partition",
            |partition| partition.leader.map(i64::from),
        ),
        (
            "kafka_topic_partition_replicas",
            "Number of replicas of the partition",
            |partition| Some(number(partition.replicas.len())),
        ),
        (
            "kafka_topic_partition_in_sync_replica",
            "Number of replicas of the partition that are in sync",
            |partition| Some(number(partition.in_sync.len())),
        ),
        (
            "kafka_topic_partition_leader_is_preferred",
            "1 if the partition is led by the first of its replicas, else 0",
            |partition| {
                let preferred = partition.replicas.first();
                Some(i64::from(
                    partition.leader.is_some() && partition.leader.as_ref() == preferred,
                ))
            },
        ),
        (
            "kafka_topic_partition_under_replicated_partition",
            "1 if replicas of the partition are out of sync, else 0",
            |partition| {
                Some(i64::from(
                    partition.in_sync.len() < partition.replicas.len(),
                ))
            },
        ),
    ];
    for (name, help, figure) in figures {
        let series = look.topics.iter().flat_map(|topic| {
            let name = topic.name.as_str();
            let series =
                move |partition: &Partition| Some((place(name, partition.id), figure(partition)?));
            topic.partitions.iter().filter_map(series)
        });
        families.gauge(name, help, series)?;
    }
    Ok(())
}

/// Name, help, and the value for a partition where it has one.
type Figure = (&'static str, &'static str, fn(&Partition) -> Option<i64>);

fn groups(look: &Look, families: &mut Families) -> fmt::Result {
    let committed = || {
        look.lags
            .iter()
            .filter_map(|row| Some((row, row.committed?)))
    };
    let behind = || look.lags.iter().filter_map(|row| Some((row, row.lag?)));
    families.gauge(
        "kafka_consumergroup_current_offset",
        "Offset of the next record that the group reads in the partition, as it committed it",
        committed().map(|(row, offset)| (of_row(row), offset)),
    )?;
    families.gauge(
        "kafka_consumergroup_current_offset_sum",
        "Offsets that the group committed in the topic, summed over the partitions it has a commit in",
        sums(committed()),
    )?;
    families.gauge(
        "kafka_consumergroup_lag",
        "Records of the partition that the group has not read",
        behind().map(|(row, lag)| (of_row(row), lag)),
    )?;
    families.gauge(
        "kafka_consumergroup_lag_sum",
        "Records of the topic that the group has not read, summed over the partitions it has a commit in",
        sums(behind()),
    )?;
    families.gauge(
        "kafka_consumergroup_members",
        "Number of members of the group",
        look.members
            .iter()
            .map(|(group, members)| ([("consumergroup", group)], number(*members))),
    )
}

/// `{topic,partition}`
fn place(topic: &str, partition: i32) -> impl EncodeLabelSet {
    ([("topic", topic)], [("partition", partition)])
}

/// `{consumergroup,topic,partition}`
fn of_row(row: &PartitionLag) -> impl EncodeLabelSet {
    let group = [("consumergroup", row.group.as_str())];
    (group, place(&row.topic, row.partition))
}

/// The values of each group in each topic, added up, with `{consumergroup,topic}`.
fn sums<'a>(
    values: impl Iterator<Item = (&'a PartitionLag, i64)>,
) -> impl Iterator<Item = (impl EncodeLabelSet, i64)> {
    let key = |row: &'a PartitionLag| (row.group.as_str(), row.topic.as_str());
    folded(values, key, i64::saturating_add)
        .into_iter()
        .map(|((group, topic), sum)| ([("consumergroup", group), ("topic", topic)], sum))
}
