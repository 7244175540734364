//! What is asked of topics' configurations.

use super::authorization::Operation;
use super::error::Subject;
use super::{Cluster, lost};
use crate::error::Result;
use crate::model::topic::ConfigEntry;
use std::collections::{BTreeMap, BTreeSet};

impl Cluster {
    /// The whole configuration of each topic, sorted by topic and key.
    pub async fn topic_configs(
        &self,
        topics: &[String],
    ) -> Result<Vec<(String, Result<Vec<ConfigEntry>>)>> {
        let topics: BTreeSet<&str> = topics.iter().map(String::as_str).collect();
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let client = self.client()?;
        let topics: Vec<&str> = topics.into_iter().collect();
        let answers = client
            .admin
            .describe_topic_configs(&topics)
            .answer()
            .await
            .map_err(|fault| client.error("read configurations", Subject::Cluster, fault))?;
        let mut answers: BTreeMap<String, _> = answers.into_iter().collect();
        let outcome = |topic: &str| {
            let outcome = answers.remove(topic).unwrap_or_else(|| Err(lost()));
            let outcome = outcome.map_err(|fault| {
                client.error(
                    &format!("read the configuration of topic `{topic}`"),
                    Subject::Topic(topic).needing(Operation::DescribeConfigs),
                    fault,
                )
            });
            (topic.to_owned(), outcome)
        };
        Ok(topics.into_iter().map(outcome).collect())
    }

    /// Sets the keys that have a value and unsets those that have none; all others stay as they are. With
    /// `validate_only` asks whether that could be done.
    pub async fn alter_topic_configs(
        &self,
        topic: &str,
        changes: &[(String, Option<String>)],
        validate_only: bool,
    ) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let client = self.client()?;
        client
            .admin
            .alter_topic_configs(topic, changes, validate_only)
            .answer()
            .await
            .map_err(|fault| {
                client.error(
                    &format!("change the configuration of topic `{topic}`"),
                    Subject::Topic(topic).needing(Operation::AlterConfigs),
                    fault,
                )
            })
    }
}
