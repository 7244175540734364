//! The one sentence about a thing that is not there, with what was perhaps meant.

use crate::error::Error;
use crate::kafka::Cluster;
use crate::model::suggest;

/// A topic that does not exist, among those that do.
pub fn topic<'a>(
    cluster: &Cluster,
    name: &str,
    existing: impl IntoIterator<Item = &'a str>,
) -> Error {
    let brokers = &cluster.connection().brokers;
    let error = Error::failed(format!("topic `{name}` does not exist on {brokers}"));
    match suggest::closest(name, existing) {
        Some(close) => error.hint(format!(
            "did you mean `{close}`? `eda topic list` shows the topics"
        )),
        None => error.hint(format!(
            "`eda topic list` shows the topics, `eda topic create {name}` makes it"
        )),
    }
}

/// A group that does not exist, among those that do.
pub fn group<'a>(
    cluster: &Cluster,
    id: &str,
    existing: impl IntoIterator<Item = &'a str>,
) -> Error {
    let brokers = &cluster.connection().brokers;
    let error = Error::failed(format!("group `{id}` does not exist on {brokers}"));
    match suggest::closest(id, existing) {
        Some(close) => error.hint(format!(
            "did you mean `{close}`? `eda group list` shows the groups"
        )),
        None => error.hint("`eda group list` shows the groups"),
    }
}

/// A dead-letter topic that does not exist, among those that do. Nobody creates one by hand, so that is no hint.
pub fn dead_letter_topic<'a>(
    cluster: &Cluster,
    name: &str,
    existing: impl IntoIterator<Item = &'a str>,
) -> Error {
    let error = topic(cluster, name, []);
    match suggest::closest(name, existing) {
        Some(close) => error.hint(format!(
            "did you mean `{close}`? `eda dlq list` shows the dead-letter topics"
        )),
        None => error.hint("`eda dlq list` shows the dead-letter topics"),
    }
}
