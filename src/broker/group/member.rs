//! A member of a group, and what JoinGroup and SyncGroup ask and answer.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use tokio::sync::oneshot;

/// A protocol a member can follow, and what it says about itself in it: for consumers, an assignor's name and the
/// member's subscription.
pub(crate) type Protocol = (String, Bytes);

/// A member of a group.
#[derive(Debug)]
pub(crate) struct Member {
    /// The id the coordinator gave it.
    pub(crate) id: String,
    /// `group.instance.id` of a static member (KIP-345).
    pub(crate) instance: Option<String>,
    /// `client.id`.
    pub(crate) client_id: String,
    /// The address it comes from, with a slash before it as Kafka writes it.
    pub(crate) client_host: String,
    /// It is dead when silent for longer.
    pub(crate) session: Duration,
    /// How long a rebalance waits for it.
    pub(crate) rebalance: Duration,
    /// Most wanted first.
    pub(crate) protocols: Vec<Protocol>,
    /// What the leader gave it in this generation.
    pub(crate) assignment: Bytes,
    /// Its JoinGroup request, while the barrier holds it.
    pub(crate) joining: Option<oneshot::Sender<Joined>>,
    /// Its SyncGroup request, while it waits for the leader.
    pub(crate) syncing: Option<oneshot::Sender<Synced>>,
    /// When its session ends.
    pub(crate) deadline: Instant,
}

impl Member {
    /// Whether a request of it waits; then it is alive without heartbeats.
    pub(crate) fn is_waiting(&self) -> bool {
        self.joining
            .as_ref()
            .is_some_and(|waiting| !waiting.is_closed())
            || self
                .syncing
                .as_ref()
                .is_some_and(|waiting| !waiting.is_closed())
    }

    /// What it says about itself in this protocol.
    pub(crate) fn metadata(&self, protocol: Option<&str>) -> Bytes {
        let found = self
            .protocols
            .iter()
            .find(|(name, _)| Some(name.as_str()) == protocol);
        found
            .map(|(_, metadata)| metadata.clone())
            .unwrap_or_default()
    }

    /// It was heard of.
    pub(crate) fn touch(&mut self, now: Instant) {
        self.deadline = now + self.session;
    }
}

/// JoinGroup, as far as the state machine cares.
#[derive(Clone, Debug, Default)]
pub(crate) struct Join {
    /// Empty for a newcomer.
    pub(crate) member: String,
    /// `group.instance.id`.
    pub(crate) instance: Option<String>,
    /// `client.id`.
    pub(crate) client_id: String,
    /// See [`Member::client_host`].
    pub(crate) client_host: String,
    /// Session time-out.
    pub(crate) session: Duration,
    /// Rebalance time-out.
    pub(crate) rebalance: Duration,
    /// `consumer`, `connect`, …
    pub(crate) protocol_type: String,
    /// Most wanted first.
    pub(crate) protocols: Vec<Protocol>,
    /// The version makes a newcomer come back with the id it is given (v4 and later, KIP-394).
    pub(crate) id_required: bool,
    /// The version can tell a leader to leave assignments as they are (v9, KIP-814).
    pub(crate) can_skip: bool,
}

/// The answer to JoinGroup.
#[derive(Clone, Debug, Default)]
pub(crate) struct Joined {
    /// What is wrong, if something is.
    pub(crate) error: Option<ResponseError>,
    /// -1 with an error.
    pub(crate) generation: i32,
    /// The group's protocol type.
    pub(crate) protocol_type: Option<String>,
    /// The protocol the members voted for.
    pub(crate) protocol: Option<String>,
    /// The leader's member id.
    pub(crate) leader: String,
    /// The member's own id.
    pub(crate) member: String,
    /// A leader that need not assign anew.
    pub(crate) skip_assignment: bool,
    /// For the leader: every member's id, instance and metadata.
    pub(crate) members: Vec<(String, Option<String>, Bytes)>,
}

impl Joined {
    /// A refusal.
    pub(crate) fn refused(member: &str, error: ResponseError) -> Joined {
        Joined {
            error: Some(error),
            generation: -1,
            member: member.to_owned(),
            ..Joined::default()
        }
    }
}

/// SyncGroup, as far as the state machine cares.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sync {
    /// Who asks.
    pub(crate) caller: Caller,
    /// v5: must be the group's.
    pub(crate) protocol_type: Option<String>,
    /// v5: must be the chosen one.
    pub(crate) protocol: Option<String>,
    /// From the leader: member ids and what they get.
    pub(crate) assignments: Vec<(String, Bytes)>,
}

/// The answer to SyncGroup.
#[derive(Clone, Debug, Default)]
pub(crate) struct Synced {
    /// What is wrong, if something is.
    pub(crate) error: Option<ResponseError>,
    /// The group's protocol type.
    pub(crate) protocol_type: Option<String>,
    /// The protocol chosen.
    pub(crate) protocol: Option<String>,
    /// What this member gets.
    pub(crate) assignment: Bytes,
}

impl Synced {
    /// A refusal.
    pub(crate) fn refused(error: ResponseError) -> Synced {
        Synced {
            error: Some(error),
            ..Synced::default()
        }
    }
}

/// Who a request says it is from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller {
    /// Member id.
    pub(crate) member: String,
    /// `group.instance.id`.
    pub(crate) instance: Option<String>,
    /// Generation.
    pub(crate) generation: i32,
}

/// An answer now, or the place it will come to.
#[derive(Debug)]
pub(crate) enum Outcome<T> {
    /// It is this.
    Now(T),
    /// It will come; a closed channel means that the broker stops.
    Later(oneshot::Receiver<T>),
}
