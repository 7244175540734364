//! A group as the journal keeps it: as it was when its last rebalance was over. So a broker that is started again knows
//! the members, and they go on without noticing; what it was in the middle of, they begin anew.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Limits;
use super::consumer::machine::Machine;
use super::consumer::saved::SavedMachine;
use super::member::Member;
use super::offsets::Offsets;
use super::state::{Group, Phase};

/// A group. Times are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedGroup {
    generation: i32,
    protocol_type: Option<String>,
    protocol: Option<String>,
    leader: Option<String>,
    members: Vec<SavedMember>,
    /// When it was written down, since the Unix epoch.
    at: i64,
    /// What it is instead when its members are of the next generation (KIP-848).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consumer: Option<SavedMachine>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SavedMember {
    id: String,
    instance: Option<String>,
    client_id: String,
    client_host: String,
    session: u64,
    rebalance: u64,
    protocols: Vec<(String, Opaque)>,
    assignment: Opaque,
}

/// Bytes whose meaning is the members' own; base 64 in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Opaque(Bytes);

impl From<Opaque> for String {
    fn from(opaque: Opaque) -> String {
        STANDARD.encode(&opaque.0)
    }
}

impl TryFrom<String> for Opaque {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Opaque, base64::DecodeError> {
        Ok(Opaque(Bytes::from(STANDARD.decode(text)?)))
    }
}

impl Group {
    /// What to write down, when a rebalance was over since the last time. `now` is in milliseconds since the Unix epoch.
    pub(super) fn to_save(&mut self, now: i64) -> Option<SavedGroup> {
        if !std::mem::take(&mut self.unsaved) {
            return None;
        }
        let milliseconds = |duration: Duration| duration.as_millis() as u64;
        let saved = |member: &Member| SavedMember {
            id: member.id.clone(),
            instance: member.instance.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            session: milliseconds(member.session),
            rebalance: milliseconds(member.rebalance),
            protocols: member
                .protocols
                .iter()
                .map(|(name, metadata)| (name.clone(), Opaque(metadata.clone())))
                .collect(),
            assignment: Opaque(member.assignment.clone()),
        };
        Some(SavedGroup {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            members: self.members.values().map(saved).collect(),
            at: now,
            consumer: self.consumer().map(Machine::saved),
        })
    }

    /// The group as it was written down, with its offsets. Its members have a session's time to be heard of.
    pub(super) fn restore(
        id: &str,
        limits: Limits,
        saved: Option<&SavedGroup>,
        offsets: Offsets,
        now: Instant,
        now_milliseconds: i64,
    ) -> Group {
        let mut group = Group::new(id, limits);
        group.offsets = offsets;
        let Some(saved) = saved else {
            return group;
        };
        group.generation = saved.generation;
        group.protocol_type = saved.protocol_type.clone();
        if saved.members.is_empty() {
            let age = now_milliseconds.saturating_sub(saved.at).max(0) as u64;
            let since = now.checked_sub(Duration::from_millis(age));
            group.empty_since = since.or(Some(now));
            let consumer = saved.consumer.as_ref();
            let consumer = consumer.map(|saved| Machine::restore(saved, limits.consumer, now));
            group.consumer = consumer.map(Box::new);
            if group.has_members() {
                group.empty_since = None;
            }
            return group;
        }
        group.phase = Phase::Stable;
        group.empty_since = None;
        group.protocol = saved.protocol.clone();
        group.leader = saved.leader.clone();
        for saved in &saved.members {
            if let Some(instance) = &saved.instance {
                group.instances.insert(instance.clone(), saved.id.clone());
            }
            let session = Duration::from_millis(saved.session);
            let protocols = saved.protocols.iter();
            let member = Member {
                id: saved.id.clone(),
                instance: saved.instance.clone(),
                client_id: saved.client_id.clone(),
                client_host: saved.client_host.clone(),
                session,
                rebalance: Duration::from_millis(saved.rebalance),
                protocols: protocols
                    .map(|(name, metadata)| (name.clone(), metadata.0.clone()))
                    .collect(),
                assignment: saved.assignment.0.clone(),
                joining: None,
                syncing: None,
                deadline: now + session,
            };
            group.members.insert(saved.id.clone(), member);
        }
        group
    }
}
