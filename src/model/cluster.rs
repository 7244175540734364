//! The cluster itself: its brokers and its topics.

use super::topic::Topic;
use serde::Serialize;

/// A cluster as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterDescription {
    /// `None`: a broker older than Kafka 0.10.1.
    pub id: Option<String>,
    /// Sorted by number; none while the controller has fenced them all.
    pub brokers: Vec<ClusterBroker>,
    /// Those that may be described, sorted by name, internal ones included.
    pub topics: Vec<Topic>,
}

/// One broker, as it wants to be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterBroker {
    pub id: i32,
    pub host: String,
    pub port: u16,
}
