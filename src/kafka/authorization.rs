//! What a user must be allowed to do for a request: Kafka's operations on Kafka's resources.
//!
//! Which request needs which is the table "Operations and Resources on Protocols" of Kafka's security documentation.

use super::error::{Subject, code};
use std::fmt;

/// An operation as ACLs name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Read,
    Write,
    Create,
    Delete,
    Alter,
    Describe,
    DescribeConfigs,
    AlterConfigs,
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The names are Kafka's own, in the spelling that `kafka-acls --operation` takes.
        fmt::Debug::fmt(self, formatter)
    }
}

/// What a request was about, and the operation it needs there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) operation: Option<Operation>,
}

impl<'a> From<Subject<'a>> for Asked<'a> {
    fn from(subject: Subject<'a>) -> Self {
        Asked {
            subject,
            operation: None,
        }
    }
}

impl<'a> Subject<'a> {
    /// The same subject of a request that needs `operation` on it.
    pub(super) fn needing(self, operation: Operation) -> Asked<'a> {
        Asked {
            subject: self,
            operation: Some(operation),
        }
    }
}

impl Asked<'_> {
    /// What to ask an administrator for: `` that needs an ACL that allows `Read` on group `payment-service` ``. Part of
    /// the sentence and no hint, because the rows of a batch have sentences only.
    pub(super) fn needs(&self, code: i32) -> String {
        let resource = match (code, self.subject) {
            // A partition has no ACL of its own.
            (code::TOPIC_AUTHORIZATION_FAILED, Subject::Partition(topic, _)) => {
                Subject::Topic(topic).to_string()
            }
            (code::CLUSTER_AUTHORIZATION_FAILED, _) => Subject::Cluster.to_string(),
            _ => self.subject.to_string(),
        };
        match self.operation {
            Some(operation) => {
                format!("that needs an ACL that allows `{operation}` on {resource}")
            }
            None => format!("that needs an ACL on {resource}"),
        }
    }
}
