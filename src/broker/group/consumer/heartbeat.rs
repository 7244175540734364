//! ConsumerGroupHeartbeat: what a member says of itself, what it is told, and what is wrong with a request whoever sends
//! it.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use uuid::Uuid;

use super::{Assignor, Place, Refused};

/// The epoch of a member that joins.
pub(crate) const JOIN: i32 = 0;
/// The epoch of a member that leaves for good.
pub(crate) const LEAVE: i32 = -1;
/// The epoch of a static member that leaves and will come back.
pub(crate) const LEAVE_FOR_NOW: i32 = -2;

/// ConsumerGroupHeartbeat, as far as the state machine cares. What is `None` is as it was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heartbeat {
    /// The id the member has chosen; in version 0 a newcomer may leave it to the broker.
    pub(crate) member: String,
    /// [`JOIN`], [`LEAVE`], [`LEAVE_FOR_NOW`], or the epoch it was told last.
    pub(crate) epoch: i32,
    /// `group.instance.id`.
    pub(crate) instance: Option<String>,
    /// `client.rack`.
    pub(crate) rack: Option<String>,
    /// `client.id`.
    pub(crate) client_id: String,
    /// The address it comes from, with a slash before it as Kafka writes it.
    pub(crate) client_host: String,
    /// How long it may take to let go of partitions.
    pub(crate) rebalance: Option<Duration>,
    /// The topics it wants, by name.
    pub(crate) topics: Option<Vec<String>>,
    /// The topics it wants, by pattern; empty: none.
    pub(crate) pattern: Option<String>,
    /// `group.remote.assignor`.
    pub(crate) assignor: Option<String>,
    /// The partitions it has.
    pub(crate) owned: Option<Vec<Place>>,
}

impl Heartbeat {
    /// Whether it says everything, as one does that joins or does not know what its last request came to: then it is
    /// told everything.
    pub(super) fn is_full(&self) -> bool {
        let subscribes = self.topics.is_some() || self.pattern.is_some();
        self.epoch == JOIN || (self.rebalance.is_some() && subscribes && self.owned.is_some())
    }

    /// What is wrong with it in `version`, whatever the group. Errors: INVALID_REQUEST, UNSUPPORTED_ASSIGNOR.
    pub(crate) fn check(&self, group: &str, version: i16) -> Result<(), Refused> {
        let invalid = |reason: &str| Err((ResponseError::InvalidRequest, reason.to_owned()));
        let is_blank = |text: &Option<String>| {
            text.as_ref()
                .is_some_and(|text| text.trim_matches(|c| c <= ' ').is_empty())
        };
        // From version 1 on members choose their ids (KIP-1082).
        let named = version >= 1 || self.epoch > JOIN || self.epoch == LEAVE;
        if named && is_blank(&Some(self.member.clone())) {
            return invalid("MemberId can't be empty.");
        }
        if is_blank(&Some(group.to_owned())) {
            return invalid("GroupId can't be empty.");
        }
        if is_blank(&self.instance) {
            return invalid("InstanceId can't be empty.");
        }
        if is_blank(&self.rack) {
            return invalid("RackId can't be empty.");
        }
        match self.epoch {
            JOIN if self.rebalance.is_none() => {
                return invalid("RebalanceTimeoutMs must be provided in first request.");
            }
            JOIN if self.owned.as_ref().is_none_or(|owned| !owned.is_empty()) => {
                return invalid("TopicPartitions must be empty when (re-)joining.");
            }
            JOIN if self.topics.is_none() && self.pattern.is_none() => {
                return invalid(
                    "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
                );
            }
            LEAVE_FOR_NOW if self.instance.is_none() => {
                return invalid("InstanceId can't be null.");
            }
            ..LEAVE_FOR_NOW => return invalid("MemberEpoch is invalid."),
            _ => {}
        }
        match &self.assignor {
            Some(name) => Assignor::named(name).map(|_| ()),
            None => Ok(()),
        }
    }
}

/// The answer to a heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// The member's id.
    pub(crate) member: String,
    /// The epoch it has from now on.
    pub(crate) epoch: i32,
    /// What it may read, by topic; `None`: as before.
    pub(crate) assignment: Option<BTreeMap<Uuid, Vec<i32>>>,
}
