//! The series of seglo/kafka-lag-exporter: its names and types, for dashboards made for it.
//!
//! `cluster_name` is the cluster's id. The labels of members (`member_host`, `consumer_id`, `client_id`) are left out,
//! for they make a new series at every rebalance; so are the lags in seconds, which are not measured here. Where a value
//! is unknown there is no series; kafka-lag-exporter says NaN.

use super::exposition::{Families, folded};
use super::gather::Look;
use std::fmt;
use std::time::Duration;

pub(super) fn write(look: &Look, took: Duration, families: &mut Families) -> fmt::Result {
    let name = look.cluster_id.as_deref().unwrap_or_default();
    let cluster = [("cluster_name", name)];
    families.gauge(
        "kafka_consumergroup_poll_time_ms",
        "How long the cluster was looked at, in milliseconds",
        [(cluster, took.as_secs_f64() * 1000.0)],
    )?;
    partitions(look, cluster, families)?;
    groups(look, cluster, families)
}

type Cluster<'a> = [(&'static str, &'a str); 1];

fn partitions(look: &Look, cluster: Cluster, families: &mut Families) -> fmt::Result {
    let place = |topic, partition| (cluster, ([("topic", topic)], [("partition", partition)]));
    families.gauge(
        "kafka_partition_latest_offset",
        "Offset of the next record to be written to the partition",
        look.extents
            .iter()
            .map(|(at, (_, end))| (place(at.topic.as_str(), at.partition), *end)),
    )?;
    families.gauge(
        "kafka_partition_earliest_offset",
        "Offset of the first record that is still in the partition",
        look.extents
            .iter()
            .map(|(at, (start, _))| (place(at.topic.as_str(), at.partition), *start)),
    )
}

fn groups(look: &Look, cluster: Cluster, families: &mut Families) -> fmt::Result {
    let in_topic = |group, topic| (cluster, [("group", group), ("topic", topic)]);
    let in_partition =
        |group, topic, partition| (in_topic(group, topic), [("partition", partition)]);
    let committed = look
        .lags
        .iter()
        .filter_map(|row| Some((row, row.committed?)));
    let behind = || look.lags.iter().filter_map(|row| Some((row, row.lag?)));
    families.gauge(
        "kafka_consumergroup_group_offset",
        "Offset of the next record that the group reads in the partition, as it committed it",
        committed.map(|(row, offset)| {
            let labels = in_partition(row.group.as_str(), row.topic.as_str(), row.partition);
            (labels, offset)
        }),
    )?;
    families.gauge(
        "kafka_consumergroup_group_lag",
        "Records of the partition that the group has not read",
        behind().map(|(row, lag)| {
            let labels = in_partition(row.group.as_str(), row.topic.as_str(), row.partition);
            (labels, lag)
        }),
    )?;
    let of_topics = folded(
        behind(),
        |row| (row.group.as_str(), row.topic.as_str()),
        i64::saturating_add,
    );
    families.gauge(
        "kafka_consumergroup_group_topic_sum_lag",
        "Records of the topic that the group has not read, summed over the partitions it has a commit in",
        of_topics
            .into_iter()
            .map(|((group, topic), sum)| (in_topic(group, topic), sum)),
    )?;
    let of_groups = |fold: fn(i64, i64) -> i64| {
        folded(behind(), |row| row.group.as_str(), fold)
            .into_iter()
            .map(|(group, lag)| ((cluster, [("group", group)]), lag))
    };
    families.gauge(
        "kafka_consumergroup_group_sum_lag",
        "Records that the group has not read, summed over the partitions it has a commit in",
        of_groups(i64::saturating_add),
    )?;
    families.gauge(
        "kafka_consumergroup_group_max_lag",
        "Records that the group has not read in the partition where it is furthest behind",
        of_groups(Ord::max),
    )
}
