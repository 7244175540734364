//! The cluster itself: its brokers, and which of them is the controller.

use serde::Serialize;

/// A cluster as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterDescription {
    /// `None`: a broker older than Kafka 0.10.1.
    pub id: Option<String>,
    /// `None`: none is elected at the moment.
    pub controller: Option<i32>,
    /// Sorted by number.
    pub brokers: Vec<ClusterBroker>,
}

/// One broker, as it wants to be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterBroker {
    pub id: i32,
    pub host: String,
    pub port: u16,
    /// `broker.rack`, where it is set.
    pub rack: Option<String>,
}
