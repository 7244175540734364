//! What is asked of topics.

use super::authorization::Operation;
use super::by_name::outcomes_by_name;
use super::error::{Subject, code};
use super::ffi::partitions::Read;
use super::offsets::is_unknown;
use super::{Cluster, lost};
use crate::error::Result;
use crate::model::topic::{NewTopic, Topic, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

impl Cluster {
    /// Every topic, sorted by name, internal ones included.
    pub async fn topics(&self) -> Result<Vec<Topic>> {
        let client = self.client()?;
        let described = client.describe_cluster().await;
        described
            .map(|cluster| cluster.topics)
            .map_err(|fault| client.error("list topics", Subject::Cluster, fault))
    }

    /// One topic; `None` when it does not exist.
    pub async fn topic(&self, name: &str) -> Result<Option<Topic>> {
        let client = self.client()?;
        match client.admin.describe_topic(name).answer().await {
            Ok(topic) => Ok(Some(topic)),
            Err(fault)
                if matches!(
                    fault.code,
                    code::UNKNOWN_TOPIC_OR_PARTITION | code::UNKNOWN_TOPIC
                ) =>
            {
                Ok(None)
            }
            Err(fault) => Err(client.error(
                &format!("describe topic `{name}`"),
                Subject::Topic(name).needing(Operation::Describe),
                fault,
            )),
        }
    }

    /// Creates a topic, or with `validate_only` asks whether it could be. Other brokers may take a moment to know it.
    pub async fn create_topic(&self, topic: &NewTopic, validate_only: bool) -> Result<()> {
        let client = self.client()?;
        let results = client
            .admin
            .create_topic(topic, validate_only)
            .answer()
            .await;
        let outcome = results.and_then(|results| {
            results
                .into_iter()
                .next()
                .map_or_else(|| Err(lost()), |(_, outcome)| outcome)
        });
        outcome.map_err(|fault| {
            let name = &topic.name;
            client.error(
                &format!("create topic `{name}`"),
                Subject::Topic(name).needing(Operation::Create),
                fault,
            )
        })
    }

    /// Deletes topics; an outcome for each, sorted by name.
    pub async fn delete_topics(&self, names: &[String]) -> Result<Vec<(String, Result<()>)>> {
        let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let client = self.client()?;
        let names: Vec<&str> = names.into_iter().collect();
        let results = client
            .admin
            .delete_topics(&names)
            .answer()
            .await
            .map_err(|fault| {
                client.error(
                    "delete topics",
                    Subject::Cluster.needing(Operation::Delete),
                    fault,
                )
            })?;
        Ok(outcomes_by_name(&names, results, |name, fault| {
            let doing = format!("delete topic `{name}`");
            client.error(
                &doing,
                Subject::Topic(name).needing(Operation::Delete),
                fault,
            )
        }))
    }

    /// Grows a topic to `total` partitions, or with `validate_only` asks whether it could be.
    pub async fn create_partitions(
        &self,
        topic: &str,
        total: i32,
        validate_only: bool,
    ) -> Result<()> {
        let client = self.client()?;
        let results = client
            .admin
            .create_partitions(topic, total, validate_only)
            .answer()
            .await;
        let outcome = results.and_then(|results| {
            results
                .into_iter()
                .next()
                .map_or_else(|| Err(lost()), |(_, outcome)| outcome)
        });
        outcome.map_err(|fault| {
            client.error(
                &format!("give topic `{topic}` {total} partitions"),
                Subject::Topic(topic).needing(Operation::Alter),
                fault,
            )
        })
    }

    /// Deletes the records before the given offsets (-1: all of them). For each partition, sorted, the offset at
    /// which it begins now.
    pub async fn delete_records(
        &self,
        before: &[(TopicPartition, i64)],
    ) -> Result<Vec<(TopicPartition, Result<i64>)>> {
        let before: BTreeMap<&TopicPartition, i64> = before
            .iter()
            .map(|(partition, offset)| (partition, *offset))
            .collect();
        if before.is_empty() {
            return Ok(Vec::new());
        }
        let client = self.client()?;
        let delete = async |before: &BTreeMap<&TopicPartition, i64>| {
            let entries: Vec<(&TopicPartition, i64)> = before
                .iter()
                .map(|(&partition, &offset)| (partition, offset))
                .collect();
            let pending = client.admin.delete_records(entries.into_iter());
            match pending.answer().await {
                Err(fault) if fault.code == code::NO_LEADERS => Ok(before
                    .keys()
                    .map(|&partition| Read::unknown(partition))
                    .collect()),
                answer => answer.map_err(|fault| {
                    client.error(
                        "delete records",
                        Subject::Cluster.needing(Operation::Delete),
                        fault,
                    )
                }),
            }
        };
        let mut answers = delete(&before).await?;
        let unknown: BTreeMap<&TopicPartition, i64> = before
            .into_iter()
            .filter(|(partition, _)| {
                answers.iter().any(|read| {
                    read.partition == **partition && read.fault.as_ref().is_some_and(is_unknown)
                })
            })
            .collect();
        if !unknown.is_empty() && client.refreshed().await {
            // What was deleted is deleted, whatever comes of the rest.
            if let Ok(again) = delete(&unknown).await {
                answers.retain(|read| !unknown.contains_key(&read.partition));
                answers.extend(again);
            }
        }
        let mut outcomes: Vec<(TopicPartition, Result<i64>)> = answers
            .into_iter()
            .map(|read| {
                let outcome = match read.fault {
                    None => Ok(read.offset),
                    Some(fault) => Err(client.partition_error(
                        &format!("delete records of `{}`", read.partition),
                        &read.partition,
                        Operation::Delete,
                        fault,
                    )),
                };
                (read.partition, outcome)
            })
            .collect();
        outcomes.sort_by(|left, right| left.0.cmp(&right.0));
        Ok(outcomes)
    }
}
