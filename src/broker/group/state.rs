//! One group's state machine, as Kafka's `ClassicGroup`:
//!
//! ```text
//! Empty ──join──→ Preparing ──all joined, or time is up──→ Completing ──leader syncs──→ Stable
//!   ↑                │  ↑                                      │                          │
//!   └──nobody left───┘  └────join, leave, death of a member────┴──────────────────────────┘
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;

use super::Limits;
use super::consumer::machine::Machine;
use super::member::{Joined, Member, Synced};
use super::offsets::Offsets;

/// Where a group is in its cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No members.
    Empty,
    /// Waiting for members to join.
    Preparing,
    /// Waiting for the leader's assignment.
    Completing,
    /// Everybody has an assignment.
    Stable,
}

impl Phase {
    /// Kafka's name for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Phase::Empty => "Empty",
            Phase::Preparing => "PreparingRebalance",
            Phase::Completing => "CompletingRebalance",
            Phase::Stable => "Stable",
        }
    }
}

/// A group.
#[derive(Debug)]
pub(crate) struct Group {
    /// Committed offsets.
    pub(crate) offsets: Offsets,
    pub(super) id: String,
    pub(super) limits: Limits,
    pub(super) phase: Phase,
    pub(super) generation: i32,
    pub(super) protocol_type: Option<String>,
    pub(super) protocol: Option<String>,
    pub(super) leader: Option<String>,
    // Sorted by id, so that describing a group twice gives the same order.
    pub(super) members: BTreeMap<String, Member>,
    /// Member ids of static members, by instance.
    pub(super) instances: HashMap<String, String>,
    /// Ids given out and not yet used, and when they lapse (KIP-394).
    pub(super) pending: HashMap<String, Instant>,
    /// When the join barrier opens at the latest.
    pub(super) join_deadline: Option<Instant>,
    /// In the initial delay of an empty group: the barrier opens at the deadline, which may move up to this.
    pub(super) initial_until: Option<Instant>,
    /// Members that must still sync, and by when.
    pub(super) unsynced: BTreeSet<String>,
    pub(super) sync_deadline: Option<Instant>,
    pub(super) empty_since: Option<Instant>,
    /// A rebalance is over since the group was last written down.
    pub(super) unsaved: bool,
    /// What it is instead of all this when its members are of the next generation (KIP-848).
    pub(super) consumer: Option<Box<Machine>>,
}

impl Group {
    /// A group without members.
    pub(crate) fn new(id: &str, limits: Limits) -> Group {
        Group {
            offsets: Offsets::default(),
            id: id.to_owned(),
            limits,
            phase: Phase::Empty,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            instances: HashMap::new(),
            pending: HashMap::new(),
            join_deadline: None,
            initial_until: None,
            unsynced: BTreeSet::new(),
            sync_deadline: None,
            empty_since: Some(Instant::now()),
            unsaved: false,
            consumer: None,
        }
    }

    /// Where it is in its cycle.
    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// `consumer`, `connect`, …; empty when nobody ever joined.
    pub(crate) fn protocol_type(&self) -> &str {
        self.protocol_type.as_deref().unwrap_or_default()
    }

    /// The protocol in use; only a stable group has one.
    pub(crate) fn protocol(&self) -> Option<&str> {
        self.protocol
            .as_deref()
            .filter(|_| self.phase == Phase::Stable)
    }

    /// Its members, sorted by id.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// Whether nothing ever came of it: a group made for a request that was then refused.
    pub(crate) fn is_untouched(&self) -> bool {
        self.phase == Phase::Empty
            && self.generation == 0
            && self.pending.is_empty()
            && self.offsets.is_empty()
            && self.consumer.is_none()
    }

    /// How long it has had no members; `None` while it has some.
    pub(crate) fn empty_for(&self, now: Instant) -> Option<Duration> {
        let since = self.empty_since.filter(|_| self.pending.is_empty())?;
        Some(now.saturating_duration_since(since))
    }

    pub(super) fn is_leader(&self, member: &str) -> bool {
        self.leader.as_deref() == Some(member)
    }

    /// Starts a rebalance: everybody has to join again.
    pub(super) fn prepare(&mut self, now: Instant) {
        for member in self.members.values_mut() {
            if let Some(waiting) = member.syncing.take() {
                member.touch(now);
                let _ = waiting.send(Synced::refused(ResponseError::RebalanceInProgress));
            }
        }
        let patience = self.patience();
        self.join_deadline = Some(now + patience);
        if self.phase == Phase::Empty && !self.limits.initial_delay.is_zero() {
            self.join_deadline = Some(now + self.limits.initial_delay.min(patience));
            self.initial_until = Some(now + patience);
        }
        self.phase = Phase::Preparing;
        self.empty_since = None;
        self.sync_deadline = None;
        self.unsynced.clear();
    }

    /// The longest rebalance time-out of all members.
    fn patience(&self) -> Duration {
        let longest = self.members.values().map(|member| member.rebalance).max();
        longest.unwrap_or_default()
    }

    /// Someone joined while the group is in its initial delay: waits once more, up to the rebalance time-out.
    pub(super) fn extend_initial_delay(&mut self, now: Instant) {
        if let Some(until) = self.initial_until {
            self.join_deadline = Some((now + self.limits.initial_delay).min(until));
        }
    }

    /// Opens the join barrier when everybody has joined.
    pub(super) fn complete_if_all_joined(&mut self, now: Instant) {
        let all =
            self.members.values().all(|member| member.joining.is_some()) && self.pending.is_empty();
        if self.phase == Phase::Preparing && self.initial_until.is_none() && all {
            self.complete(now);
        }
    }

    /// Opens the join barrier: those who did not join are out, except static members, whose session decides.
    fn complete(&mut self, now: Instant) {
        self.initial_until = None;
        self.join_deadline = None;
        let absent = |member: &&Member| member.joining.is_none() && member.instance.is_none();
        let gone: Vec<String> = self
            .members
            .values()
            .filter(absent)
            .map(|member| member.id.clone())
            .collect();
        for id in gone {
            self.forget_member(&id);
        }
        let leader_joined = |leader: &String| {
            self.members
                .get(leader)
                .is_some_and(|member| member.joining.is_some())
        };
        if !self.leader.as_ref().is_some_and(leader_joined) {
            let present = self
                .members
                .values()
                .find(|member| member.joining.is_some());
            self.leader = present.map(|member| member.id.clone());
        }
        if self.members.is_empty() {
            self.generation = next(self.generation);
            self.phase = Phase::Empty;
            self.protocol = None;
            self.empty_since = Some(now);
            self.unsaved = true;
            return;
        }
        if self.leader.is_none() {
            // Static members that may still come back, and nobody else.
            self.join_deadline = Some(now + self.patience());
            return;
        }
        self.generation = next(self.generation);
        self.protocol = self.vote();
        self.phase = Phase::Completing;
        self.sync_deadline = Some(now + self.patience());
        self.unsynced = self.members.keys().cloned().collect();
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for id in ids {
            let answer = self.joined(&id, self.is_leader(&id));
            if let Some(member) = self.members.get_mut(&id)
                && let Some(waiting) = member.joining.take()
            {
                member.touch(now);
                // Fails when the client has given up waiting.
                let _ = waiting.send(answer);
            }
        }
    }

    /// The answer to a join of the current generation.
    pub(super) fn joined(&self, member: &str, with_members: bool) -> Joined {
        let listed = |member: &Member| {
            (
                member.id.clone(),
                member.instance.clone(),
                member.metadata(self.protocol.as_deref()),
            )
        };
        Joined {
            error: None,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            member: member.to_owned(),
            skip_assignment: false,
            members: match with_members {
                true => self.members.values().map(listed).collect(),
                false => Vec::new(),
            },
        }
    }

    /// Each member votes for the first of its protocols that all members know.
    fn vote(&self) -> Option<String> {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            let choice = member
                .protocols
                .iter()
                .find(|(name, _)| self.all_support(name));
            if let Some((name, _)) = choice {
                *votes.entry(name).or_default() += 1;
            }
        }
        let winner = votes.into_iter().max_by_key(|(_, count)| *count);
        winner.map(|(name, _)| name.to_owned())
    }

    /// Whether every member knows this protocol.
    pub(super) fn all_support(&self, protocol: &str) -> bool {
        let knows = |member: &Member| member.protocols.iter().any(|(name, _)| name == protocol);
        self.members.values().all(knows)
    }

    /// Takes a member out, without a rebalance.
    pub(super) fn forget_member(&mut self, id: &str) -> Option<Member> {
        let member = self.members.remove(id)?;
        if let Some(instance) = &member.instance
            && self
                .instances
                .get(instance)
                .is_some_and(|holder| holder == id)
        {
            self.instances.remove(instance);
        }
        self.unsynced.remove(id);
        if self.is_leader(id) {
            self.leader = None;
        }
        Some(member)
    }

    /// Takes a member out and rebalances the others.
    pub(super) fn remove_member(&mut self, id: &str, now: Instant) {
        if let Some(member) = self.forget_member(id) {
            if let Some(waiting) = member.joining {
                let _ = waiting.send(Joined::refused(id, ResponseError::UnknownMemberId));
            }
            if let Some(waiting) = member.syncing {
                let _ = waiting.send(Synced::refused(ResponseError::UnknownMemberId));
            }
        }
        if matches!(self.phase, Phase::Stable | Phase::Completing) {
            self.prepare(now);
        }
        self.complete_if_all_joined(now);
    }

    /// Acts on every limit that has passed.
    pub(crate) fn pass_time(&mut self, now: Instant) {
        self.pass_consumers_time(now);
        let pending = self.pending.len();
        self.pending.retain(|_, lapse| *lapse > now);
        if self.sync_deadline.is_some_and(|limit| limit <= now) {
            self.sync_deadline = None;
            let late: Vec<String> = self.unsynced.iter().cloned().collect();
            for id in late {
                self.remove_member(&id, now);
            }
        }
        let dead = |member: &&Member| member.deadline <= now && !member.is_waiting();
        let dead: Vec<String> = self
            .members
            .values()
            .filter(dead)
            .map(|member| member.id.clone())
            .collect();
        for id in dead {
            tracing::debug!(group = self.id, member = id, "session timed out");
            self.remove_member(&id, now);
        }
        if self.join_deadline.is_some_and(|limit| limit <= now) {
            self.complete(now);
        } else if self.pending.len() < pending {
            self.complete_if_all_joined(now);
        }
    }

    /// The next limit [`Group::pass_time`] has to act on.
    pub(crate) fn next_limit(&self) -> Option<Instant> {
        let sessions = self.members.values().filter(|member| !member.is_waiting());
        sessions
            .map(|member| member.deadline)
            .chain(self.pending.values().copied())
            .chain(self.join_deadline)
            .chain(self.sync_deadline)
            .chain(self.consumer().and_then(Machine::next_limit))
            .min()
    }
}

/// Generations count from 1 and, after 2³¹, from 1 again.
fn next(generation: i32) -> i32 {
    generation.checked_add(1).unwrap_or(1)
}
