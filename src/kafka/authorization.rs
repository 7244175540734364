//! What a user must be allowed to do for a request: Kafka's operations on Kafka's resources.
//!
//! Which request needs which is the table "Operations and Resources on Protocols" of Kafka's security documentation.

use super::Cluster;
use super::error::{Subject, code};
use crate::error::Error;
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
    /// What must be said when nobody answered a request that changes something: it may have been carried out.
    pub(super) fn caveat(&self) -> &'static str {
        match self.operation {
            None | Some(Operation::Describe | Operation::DescribeConfigs) => "",
            // To commit offsets is to `Read`; nothing else here asks for it.
            Some(_) => "; it may have been done all the same, so look before you repeat it",
        }
    }

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

impl Cluster {
    /// Why a topic is not in the list of topics, when the reason is that one may not describe it.
    pub async fn forbidden_topic(&self, name: &str) -> Option<Error> {
        let client = self.client().ok()?;
        let fault = client.admin.describe_topic(name).answer().await.err()?;
        let asked = Subject::Topic(name).needing(Operation::Describe);
        (fault.code == code::TOPIC_AUTHORIZATION_FAILED)
            .then(|| client.error(&format!("describe topic `{name}`"), asked, fault))
    }

    /// Why a group is not in the list of groups, when the reason is that one may not describe it.
    pub async fn forbidden_group(&self, id: &str) -> Option<Error> {
        let client = self.group_client().ok()?;
        let answers = client.admin.describe_groups(&[id]).answer().await.ok()?;
        let fault = answers.into_iter().find_map(|(_, answer)| answer.err())?;
        let asked = Subject::Group(id).needing(Operation::Describe);
        (fault.code == code::GROUP_AUTHORIZATION_FAILED)
            .then(|| client.error(&format!("describe group `{id}`"), asked, fault))
    }
}
