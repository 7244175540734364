//! Groups of the next generation of the consumer protocol (KIP-848): the broker assigns, and members are told what they
//! may read with the answers to their heartbeats.
//!
//! - [`machine`]: one group: members, epochs, who is fenced and when; [`target`]: what each member shall have.
//! - [`heartbeat`]: what a heartbeat asks and is answered, and what is wrong with one whoever sends it.
//! - [`member`]: a member, and the steps from what it has to what it shall have.
//! - [`uniform`], [`range`]: the assignors.
//! - [`subscription`]: the topics there are, and which of them a member wants.
//! - [`commits`]: who may commit and fetch offsets.
//! - [`saved`]: a group as the journal of a data directory keeps it.
//! - [`conversion`]: an empty group of the one kind becomes one of the other.
//!
//! All but the last is pure: the time and the topics there are come as arguments.
//!
//! Three epochs count: the group's goes up with every change of members, subscriptions or subscribed topics; the
//! target's follows when the assignor has run; a member's follows when it has released what it shall not have any more.
//! A partition goes to its new owner only when the old one has said, or is taken to have said by dying, that it has
//! let go of it.

pub(crate) mod commits;
pub(crate) mod conversion;
pub(crate) mod heartbeat;
pub(crate) mod machine;
pub(crate) mod member;
mod range;
pub(crate) mod saved;
pub(crate) mod subscription;
mod target;
#[cfg(test)]
mod tests;
mod uniform;

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A partition: its topic's id and its index.
pub(crate) type Place = (Uuid, i32);

/// Why something is refused: the code and a sentence for people.
pub(crate) type Refused = (ResponseError, String);

/// What all groups of this kind share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// `group.consumer.session.timeout.ms`: a member silent for longer is out.
    pub(crate) session: Duration,
}

/// Who decides what each member shall have (`group.consumer.assignors`). Ordered by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Assignor {
    /// For each topic, neighbouring partitions to each of its subscribers, in the order of their ids.
    Range,
    /// Shares of one size, and as little as possible moved; the default.
    Uniform,
}

impl Assignor {
    /// The one of this name. Errors: UNSUPPORTED_ASSIGNOR.
    pub(crate) fn named(name: &str) -> Result<Assignor, Refused> {
        match name {
            "uniform" => Ok(Assignor::Uniform),
            "range" => Ok(Assignor::Range),
            _ => Err((
                ResponseError::UnsupportedAssignor,
                format!(
                    "ServerAssignor {name} is not supported. Supported assignors: uniform, range."
                ),
            )),
        }
    }

    /// Its name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Assignor::Range => "range",
            Assignor::Uniform => "uniform",
        }
    }

    /// What each member shall have, in the order of `members`.
    fn assign(self, members: &[Subscriber<'_>], topics: &[Topic]) -> Vec<BTreeSet<Place>> {
        match self {
            Assignor::Range => range::assign(members, topics),
            Assignor::Uniform => uniform::assign(members, topics),
        }
    }
}

/// A topic that somebody subscribes to, as assignors see it.
#[derive(Clone, Copy, Debug)]
struct Topic {
    id: Uuid,
    partitions: i32,
}

/// A member, as assignors see it.
#[derive(Clone, Debug)]
struct Subscriber<'a> {
    id: &'a str,
    instance: Option<&'a str>,
    /// Indexes into the list of topics, ascending.
    topics: Vec<usize>,
    /// What it was to have before.
    held: Option<&'a BTreeSet<Place>>,
}
