//! The one mapping from Kafka's and librdkafka's codes to a kind, a sentence and a hint.

pub(super) mod code;

use super::authorization::Asked;
use super::context::ClientContext;
use super::ffi;
use crate::error::Error;
use std::fmt;

/// A code with what the broker or librdkafka said about it. Errors of the program are made from it by [`Place::error`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: i32,
    pub(super) reason: String,
}

impl Fault {
    pub(super) fn new(code: i32, reason: impl Into<String>) -> Self {
        Fault {
            code,
            reason: reason.into(),
        }
    }

    /// A per-item result: nothing for code 0, and librdkafka's own words where the broker sent none.
    pub(super) fn check(code: i32, reason: String) -> Result<(), Fault> {
        match (code, reason.is_empty()) {
            (0, _) => Ok(()),
            (_, true) => Err(Fault::new(code, ffi::describe(code))),
            (_, false) => Err(Fault::new(code, reason)),
        }
    }

    /// Whether it says "nobody answered in time", not "the answer is no".
    pub(super) fn is_silence(&self) -> bool {
        matches!(
            self.code,
            code::TIMED_OUT
                | code::TIMED_OUT_QUEUE
                | code::MSG_TIMED_OUT
                | code::TRANSPORT
                | code::ALL_BROKERS_DOWN
                | code::RESOLVE
                | code::AUTHENTICATION
                | code::SSL
                | code::DESTROY
                | code::PURGE_QUEUE
                | code::PURGE_INFLIGHT
                | code::SASL_AUTHENTICATION_FAILED
        )
    }

    /// Whether a record failed with its transaction, or the producer failed for good: of no fault of its own.
    pub(super) fn is_withdrawal(&self) -> bool {
        matches!(
            self.code,
            code::PURGE_QUEUE
                | code::PURGE_INFLIGHT
                | code::INVALID_PRODUCER_EPOCH
                | code::FENCED
                | code::FATAL
        )
    }

    /// Whether a moment later the answer may be another: elections, coordinators that load.
    pub(super) fn is_passing(&self) -> bool {
        matches!(
            self.code,
            code::LEADER_NOT_AVAILABLE
                | code::REQUEST_TIMED_OUT
                | code::COORDINATOR_LOAD_IN_PROGRESS
                | code::COORDINATOR_NOT_AVAILABLE
                | code::NOT_COORDINATOR
                | code::UNSTABLE_OFFSET_COMMIT
                | code::NO_BROKERS
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Negative codes are librdkafka's own and name nothing a user could look up.
        if self.code > 0 {
            write!(formatter, "{} ({})", self.reason, ffi::name(self.code))
        } else {
            formatter.write_str(&self.reason)
        }
    }
}

impl std::error::Error for Fault {}

/// What a request was about; named in the sentence.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject<'a> {
    Cluster,
    Topic(&'a str),
    Partition(&'a str, i32),
    Group(&'a str),
    TransactionalId(&'a str),
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Cluster => write!(formatter, "the cluster"),
            Subject::Topic(topic) => write!(formatter, "topic `{topic}`"),
            Subject::Partition(topic, partition) => {
                write!(formatter, "partition `{topic}:{partition}`")
            }
            Subject::Group(group) => write!(formatter, "group `{group}`"),
            Subject::TransactionalId(id) => write!(formatter, "transactional id `{id}`"),
        }
    }
}

/// Where it happened: the brokers as the user named them, and what the client knows of its connection.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) brokers: &'a str,
    pub(super) context: &'a ClientContext,
}

impl Place<'_> {
    /// The program's error for `fault`, met while trying to `doing` ("create topic `x`").
    pub(super) fn error<'a>(
        &self,
        doing: &str,
        asked: impl Into<Asked<'a>>,
        fault: Fault,
    ) -> Error {
        let asked = asked.into();
        let subject = asked.subject;
        if fault.is_silence() {
            return self.silence(doing, asked, fault);
        }
        let brokers = self.brokers;
        let error = match (fault.code, subject) {
            (code::UNKNOWN_TOPIC_OR_PARTITION | code::UNKNOWN_TOPIC, Subject::Topic(topic)) => {
                Error::failed(format!("topic `{topic}` does not exist on {brokers}"))
                    .hint("`eda topic list` shows the topics")
            }
            (
                code::UNKNOWN_TOPIC_OR_PARTITION | code::UNKNOWN_TOPIC | code::UNKNOWN_PARTITION,
                Subject::Partition(..),
            ) => Error::failed(format!("{subject} does not exist on {brokers}"))
                .hint("`eda topic describe` shows a topic's partitions"),
            (code::TOPIC_ALREADY_EXISTS, _) => {
                Error::failed(format!("{subject} already exists on {brokers}"))
            }
            (code::INVALID_TOPIC, _) => Error::failed(format!("Kafka refuses the name of {subject}")),
            (code::GROUP_ID_NOT_FOUND, _) => {
                Error::failed(format!("{subject} does not exist on {brokers}"))
                    .hint("`eda group list` shows the groups")
            }
            (
                code::NON_EMPTY_GROUP
                | code::UNKNOWN_MEMBER_ID
                | code::ILLEGAL_GENERATION
                | code::STALE_MEMBER_EPOCH
                | code::REBALANCE_IN_PROGRESS,
                Subject::Group(group),
            ) => Error::failed(format!("{subject} has active members"))
                .hint(format!("stop its consumers first; `eda group describe {group}` shows them")),
            (code::GROUP_SUBSCRIBED_TO_TOPIC, _) => {
                Error::failed(format!("could not {doing}"))
                    .hint("a live group keeps the offsets of what it subscribes to: stop its consumers first")
            }
            (
                code::TOPIC_AUTHORIZATION_FAILED
                | code::GROUP_AUTHORIZATION_FAILED
                | code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
                | code::CLUSTER_AUTHORIZATION_FAILED,
                _,
            ) => Error::failed(format!("not allowed to {doing}: {}", asked.needs(fault.code)))
                .hint("whoever runs the cluster can add such an ACL for the user"),
            (code::INVALID_REPLICATION_FACTOR, _) => Error::failed(format!("could not {doing}"))
                .hint("there cannot be more replicas than brokers"),
            (code::POLICY_VIOLATION, _) => {
                Error::failed(format!("the cluster's policy does not allow to {doing}"))
            }
            (code::MESSAGE_TOO_LARGE, _) => Error::failed(format!("a record is too large for {subject}"))
                .hint("the topic's `max.message.bytes` and the client's `-X message.max.bytes=N` limit it"),
            (code::NO_BROKERS, _) => {
                let text = format!("could not {doing}: `{brokers}` answers, and names no broker of the cluster");
                return Error::unreachable(text)
                    .hint("its controller has fenced it: it is starting, too busy, or cut off; try again in a moment");
            }
            _ if fault.is_passing() => Error::unreachable(format!("could not {doing}"))
                .hint("the cluster is electing or starting: try again in a moment"),
            _ => Error::failed(format!("could not {doing}")),
        };
        error.caused_by(fault)
    }

    /// Nobody answered: as what, why, and how to get an answer.
    fn silence(&self, doing: &str, asked: Asked<'_>, fault: Fault) -> Error {
        if self.context.ever_up() {
            let cause = self.context.last();
            if fault.code == code::TRANSPORT {
                let text = format!(
                    "could not {doing}: a broker of `{}` went away{}",
                    self.brokers,
                    asked.caveat()
                );
                return Error::unreachable(text)
                    .hint("try again in a moment: the cluster takes some seconds to notice")
                    .caused_by(self.context.last().unwrap_or(fault));
            }
            return Error::unreachable(format!(
                "could not {doing}: no answer from `{}` in time{}",
                self.brokers,
                asked.caveat()
            ))
            .hint("`--timeout` waits longer")
            .caused_by(cause.unwrap_or(fault));
        }
        self.unreachable()
    }

    /// No broker ever answered.
    pub(super) fn unreachable(&self) -> Error {
        let brokers = self.brokers;
        match self.context.last() {
            Some(fault) => match fault.code {
                code::AUTHENTICATION | code::SASL_AUTHENTICATION_FAILED => {
                    Error::unreachable(format!("Kafka at `{brokers}` refused the credentials"))
                        .hint("check `sasl.mechanism`, `sasl.username` and `sasl.password`")
                }
                code::SSL => {
                    Error::unreachable(format!("cannot speak TLS with Kafka at `{brokers}`"))
                        .hint("check `security.protocol` and `ssl.ca.location`")
                }
                _ => Error::unreachable(format!("cannot reach Kafka at `{brokers}`")).hint(
                    "`eda broker` starts one for development; `--brokers HOST:PORT` names another",
                ),
            }
            .caused_by(Fault::new(0, fault.reason)),
            None => Error::unreachable(format!("cannot reach Kafka at `{brokers}`"))
                .caused_by(Fault::new(0, self.context.progress()))
                .hint("`--timeout` waits longer; `--brokers HOST:PORT` names another"),
        }
    }
}

/// librdkafka starts its reasons with the broker's name, which the sentence has named already, and ends some with how
/// often it kept silent: `127.0.0.1:9092/bootstrap: Connect to … failed` → `Connect to … failed`.
pub(super) fn essence(reason: &str) -> String {
    let reason = match reason.split_once("/bootstrap: ") {
        Some((name, rest)) if !name.contains(' ') => rest,
        _ => reason,
    };
    match reason
        .strip_suffix(" identical error(s) suppressed)")
        .and_then(|rest| rest.rsplit_once(", "))
    {
        Some((rest, _)) => format!("{rest})"),
        None => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::authorization::Operation;
    use super::*;
    use crate::error::Kind;

    fn case<'a>(asked: impl Into<Asked<'a>>, number: i32) -> Error {
        let context = ClientContext::new("localhost:9092");
        let place = Place {
            brokers: "localhost:9092",
            context: &context,
        };
        place.error("do it", asked, Fault::new(number, "Broker: said so"))
    }

    #[test]
    fn sentences_name_the_thing() {
        let error = case(Subject::Topic("orders"), code::UNKNOWN_TOPIC_OR_PARTITION);
        assert_eq!(
            error.message(),
            "topic `orders` does not exist on localhost:9092"
        );
        assert_eq!(error.kind(), Kind::Failed);
        assert_eq!(error.causes(), ["Broker: said so (UNKNOWN_TOPIC_OR_PART)"]);
        let error = case(Subject::Partition("orders", 7), code::UNKNOWN_PARTITION);
        assert_eq!(
            error.message(),
            "partition `orders:7` does not exist on localhost:9092"
        );
        let error = case(Subject::Group("g"), code::NON_EMPTY_GROUP);
        assert_eq!(error.message(), "group `g` has active members");
        let error = case(Subject::Group("g"), code::GROUP_AUTHORIZATION_FAILED);
        assert_eq!(
            error.message(),
            "not allowed to do it: that needs an ACL on group `g`"
        );
    }

    #[test]
    fn a_missing_permission_names_resource_and_operation() {
        let asked = Subject::Partition("orders", 3).needing(Operation::Read);
        let error = case(asked, code::TOPIC_AUTHORIZATION_FAILED);
        assert_eq!(
            error.message(),
            "not allowed to do it: that needs an ACL that allows `Read` on topic `orders`"
        );
    }

    #[test]
    fn a_code_nobody_knows_keeps_what_the_broker_said() {
        let error = case(Subject::Cluster, 12_345);
        assert_eq!(error.message(), "could not do it");
        assert!(error.causes()[0].starts_with("Broker: said so ("));
    }

    #[test]
    fn what_may_pass_is_worth_another_try() {
        let error = case(Subject::Group("g"), code::COORDINATOR_NOT_AVAILABLE);
        assert_eq!(error.kind(), Kind::Unreachable);
    }

    #[test]
    fn silence_before_any_answer_gives_the_last_reason() {
        let context = ClientContext::new("localhost:9092");
        context.failed(Fault::new(
            code::TRANSPORT,
            "localhost:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in \
             state CONNECT, 1 identical error(s) suppressed)",
        ));
        let place = Place {
            brokers: "localhost:9092",
            context: &context,
        };
        let error = place.error(
            "list topics",
            Subject::Cluster,
            Fault::new(code::TIMED_OUT, ""),
        );
        assert_eq!(error.kind(), Kind::Unreachable);
        assert_eq!(error.message(), "cannot reach Kafka at `localhost:9092`");
        assert_eq!(
            error.causes(),
            [
                "Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)"
            ]
        );
    }
}
