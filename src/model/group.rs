//! Consumer groups: what state they are in, who is in them, and what each member reads.

use super::suggest;
use super::topic::TopicPartition;
use serde::{Serialize, Serializer};
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A group's state, of the classic protocol and of KIP-848's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupState {
    PreparingRebalance,
    CompletingRebalance,
    Stable,
    Empty,
    Dead,
    /// KIP-848: the coordinator works out who gets what.
    Assigning,
    /// KIP-848: members are moving to what they were given.
    Reconciling,
    Unknown,
}

impl GroupState {
    const ALL: [GroupState; 8] = [
        GroupState::PreparingRebalance,
        GroupState::CompletingRebalance,
        GroupState::Stable,
        GroupState::Empty,
        GroupState::Dead,
        GroupState::Assigning,
        GroupState::Reconciling,
        GroupState::Unknown,
    ];

    /// Kafka's name for it.
    pub fn name(self) -> &'static str {
        match self {
            GroupState::PreparingRebalance => "PreparingRebalance",
            GroupState::CompletingRebalance => "CompletingRebalance",
            GroupState::Stable => "Stable",
            GroupState::Empty => "Empty",
            GroupState::Dead => "Dead",
            GroupState::Assigning => "Assigning",
            GroupState::Reconciling => "Reconciling",
            GroupState::Unknown => "Unknown",
        }
    }

    /// Whether the group may have members, so that its offsets are not ours to change. An unknown state counts
    /// as live: a safety check must not pass because it knows nothing.
    pub fn is_live(self) -> bool {
        !matches!(self, GroupState::Empty | GroupState::Dead)
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Serialize for GroupState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The text is none of the states.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a group's state{}", suggest::clause(.suggestion.as_deref()))]
pub struct GroupStateError {
    text: String,
    suggestion: Option<String>,
}

impl FromStr for GroupState {
    type Err = GroupStateError;

    /// Kafka's spelling, in any case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL
            .into_iter()
            .find(|state| state.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| GroupStateError {
            text: text.to_owned(),
            suggestion: suggest::closest(text, Self::ALL.map(GroupState::name)).map(str::to_owned),
        })
    }
}

/// The protocol a group's members speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupKind {
    Classic,
    /// KIP-848's.
    Consumer,
    /// Anything else, as the broker calls it: `share`, `streams`, …
    Other(String),
}

impl GroupKind {
    /// Kafka's name for it, in lower case.
    pub fn name(&self) -> &str {
        match self {
            GroupKind::Classic => "classic",
            GroupKind::Consumer => "consumer",
            GroupKind::Other(name) => name,
        }
    }
}

impl fmt::Display for GroupKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for GroupKind {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "classic" => GroupKind::Classic,
            "consumer" => GroupKind::Consumer,
            _ => GroupKind::Other(text.to_owned()),
        })
    }
}

impl Serialize for GroupKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A group as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupListing {
    pub id: String,
    pub state: GroupState,
    /// `None`: the broker did not say, as those before Kafka 3.8 do not.
    pub kind: Option<GroupKind>,
    /// `consumer` for consumers; empty for a group that only ever committed offsets.
    pub protocol_type: String,
    /// `None`: KIP-848's group, which only its description counts.
    pub members: Option<usize>,
    /// The broker that coordinates it, where the listing said so.
    pub coordinator: Option<i32>,
}

impl GroupListing {
    /// A group of which only the name is known: who coordinates it will have to be asked.
    pub fn unlisted(id: impl Into<String>) -> Self {
        GroupListing {
            id: id.into(),
            state: GroupState::Unknown,
            kind: None,
            protocol_type: String::new(),
            members: None,
            coordinator: None,
        }
    }

    /// Whether only its description tells how many members it has: KIP-848's, while it has some.
    pub fn is_uncounted(&self) -> bool {
        self.members.is_none() && self.kind == Some(GroupKind::Consumer)
    }
}

/// One consumer of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupMember {
    pub id: String,
    /// The configured `group.instance.id` of a static member.
    pub instance_id: Option<String>,
    pub client_id: String,
    pub host: String,
    /// What it reads now.
    pub assignment: Vec<TopicPartition>,
    /// What it shall read when the rebalance is over; only KIP-848 knows.
    pub target: Option<Vec<TopicPartition>>,
}

/// A group with its members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupDescription {
    pub id: String,
    pub state: GroupState,
    pub kind: GroupKind,
    /// How partitions are spread over members, such as `range` or `cooperative-sticky`.
    pub assignor: Option<String>,
    pub coordinator: Option<i32>,
    pub members: Vec<GroupMember>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_as_kafka_spells_them() {
        for state in GroupState::ALL {
            assert_eq!(state.name().parse(), Ok(state));
        }
        assert_eq!("stable".parse(), Ok(GroupState::Stable));
        let error = "Stabel".parse::<GroupState>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`Stabel` is not a group's state, did you mean `Stable`?"
        );
    }

    #[test]
    fn only_an_empty_or_dead_group_is_safe_to_change() {
        let live: Vec<_> = GroupState::ALL
            .into_iter()
            .filter(|state| state.is_live())
            .collect();
        assert_eq!(live.len(), 6);
        assert!(GroupState::Unknown.is_live());
    }

    #[test]
    fn kinds_keep_names_we_do_not_know() {
        assert_eq!("Classic".parse(), Ok(GroupKind::Classic));
        assert_eq!("share".parse(), Ok(GroupKind::Other("share".to_owned())));
    }
}
