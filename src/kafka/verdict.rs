//! Which of a consumer's failures are its user's business, and what they are about.

use super::error::{Fault, code};
use crate::model::topic::TopicPartition;

/// What to make of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// librdkafka tries again by itself; before any success the poll keeps the time.
    Passing,
    /// One of the topics subscribed to, nobody says which.
    Subscription,
    Topic(String),
    Partition(TopicPartition),
    /// The group will not have us.
    Membership,
    /// Something that no other attempt will change.
    Client,
}

/// `about` is the partition that the failure names; partition -1 stands for the topic.
pub(super) fn judge(fault: &Fault, about: Option<TopicPartition>, is_member: bool) -> Verdict {
    match fault.code {
        code::UNKNOWN_TOPIC_OR_PARTITION
        | code::UNKNOWN_TOPIC
        | code::UNKNOWN_PARTITION
        | code::INVALID_TOPIC
        | code::TOPIC_AUTHORIZATION_FAILED => match (about, topic_in(&fault.reason)) {
            (Some(about), _) if about.partition >= 0 && fault.code == code::UNKNOWN_PARTITION => {
                Verdict::Partition(about)
            }
            (Some(about), _) => Verdict::Topic(about.topic),
            (None, Some(topic)) => Verdict::Topic(topic.to_owned()),
            (None, None) => Verdict::Subscription,
        },
        // Without a group nothing is asked of a coordinator that would matter.
        code::GROUP_AUTHORIZATION_FAILED
        | code::INCONSISTENT_GROUP_PROTOCOL
        | code::INVALID_GROUP_ID
        | code::INVALID_SESSION_TIMEOUT
        | code::GROUP_MAX_SIZE_REACHED
        | code::FENCED_INSTANCE_ID
        | code::UNRELEASED_INSTANCE_ID
        | code::UNSUPPORTED_ASSIGNOR
        | code::UNSUPPORTED_VERSION
        | code::UNSUPPORTED_FEATURE
        | code::INVALID_REGULAR_EXPRESSION
            if is_member =>
        {
            Verdict::Membership
        }
        code::CLUSTER_AUTHORIZATION_FAILED | code::AUTO_OFFSET_RESET => Verdict::Client,
        _ => Verdict::Passing,
    }
}

/// Whether a commit failed because the partitions went to somebody else meanwhile.
pub(super) fn is_no_longer_ours(fault: &Fault) -> bool {
    matches!(
        fault.code,
        code::UNKNOWN_MEMBER_ID
            | code::ILLEGAL_GENERATION
            | code::STALE_MEMBER_EPOCH
            | code::REBALANCE_IN_PROGRESS
            | code::FENCED_INSTANCE_ID
    )
}

/// The topic in librdkafka's sentence about a subscription, which no field of the event carries.
fn topic_in(reason: &str) -> Option<&str> {
    let (_, rest) = reason.split_once("Subscribed topic not available: ")?;
    rest.split_once(": ").map(|(topic, _)| topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_topic_is_named_even_where_no_field_does() {
        let reason = "Subscribed topic not available: orders: Broker: Unknown topic or partition";
        let fault = Fault::new(code::UNKNOWN_TOPIC_OR_PARTITION, reason);
        assert_eq!(
            judge(&fault, None, true),
            Verdict::Topic("orders".to_owned())
        );
        let fault = Fault::new(
            code::UNKNOWN_PARTITION,
            "desired partition is not available",
        );
        let about = TopicPartition::new("orders", 7);
        assert_eq!(
            judge(&fault, Some(about.clone()), false),
            Verdict::Partition(about)
        );
    }

    #[test]
    fn only_members_mind_the_group() {
        let fault = Fault::new(code::GROUP_AUTHORIZATION_FAILED, "no");
        assert_eq!(judge(&fault, None, true), Verdict::Membership);
        assert_eq!(judge(&fault, None, false), Verdict::Passing);
    }

    #[test]
    fn a_lost_connection_passes() {
        let fault = Fault::new(code::TRANSPORT, "disconnected");
        assert_eq!(judge(&fault, None, true), Verdict::Passing);
    }
}
