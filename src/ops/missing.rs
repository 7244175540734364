//! The one sentence about a thing that is not there, with what was perhaps meant.
//!
//! Kafka leaves out of its lists what one may not describe, but says so when it is asked by name.

use crate::error::Error;
use crate::kafka::Cluster;
use crate::model::suggest;
use crate::model::topic::TopicName;
use std::str::FromStr;

/// A topic that is not among those that are listed: it does not exist, or may not be seen.
pub async fn topic<'a>(
    cluster: &Cluster,
    name: &str,
    existing: impl IntoIterator<Item = &'a str>,
) -> Error {
    if let Some(forbidden) = cluster.forbidden_topic(name).await {
        return forbidden;
    }
    let brokers = &cluster.connection().brokers;
    let error = Error::failed(format!("topic `{name}` does not exist on {brokers}"));
    match suggest::closest(name, existing) {
        Some(close) => error.hint(format!(
            "did you mean `{close}`? `eda topic list` shows the topics"
        )),
        None if TopicName::from_str(name).is_ok() => error.hint(format!(
            "`eda topic list` shows the topics, `eda topic create {name}` makes it"
        )),
        None => error.hint("`eda topic list` shows the topics"),
    }
}

/// A group that is not among those that are listed: it does not exist, or may not be seen.
pub async fn group<'a>(
    cluster: &Cluster,
    id: &str,
    existing: impl IntoIterator<Item = &'a str>,
) -> Error {
    if let Some(forbidden) = cluster.forbidden_group(id).await {
        return forbidden;
    }
    let brokers = &cluster.connection().brokers;
    let error = Error::failed(format!("group `{id}` does not exist on {brokers}"));
    match suggest::closest(id, existing) {
        Some(close) => error.hint(format!(
            "did you mean `{close}`? `eda group list` shows the groups"
        )),
        None => error.hint("`eda group list` shows the groups"),
    }
}

/// As [`topic`], of a dead-letter topic. Nobody creates one by hand, so that is no hint.
pub async fn dead_letter_topic<'a>(
    cluster: &Cluster,
    name: &str,
    existing: impl IntoIterator<Item = &'a str>,
) -> Error {
    let error = topic(cluster, name, []).await;
    match suggest::closest(name, existing) {
        Some(close) => error.hint(format!(
            "did you mean `{close}`? `eda dlq list` shows the dead-letter topics"
        )),
        None => error.hint("`eda dlq list` shows the dead-letter topics"),
    }
}
