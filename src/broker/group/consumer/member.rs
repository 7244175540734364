//! A member, and the steps from what it has to what it shall have (Kafka's `CurrentAssignmentBuilder`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::heartbeat::Heartbeat;
use super::{Assignor, Place};

/// How far a member is with what it shall have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Progress {
    /// It has it, as far as its epoch goes.
    Stable,
    /// It has to let go of partitions.
    Revoking,
    /// It waits for others to let go of partitions.
    Waiting,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    /// The id it has chosen.
    pub(crate) id: String,
    /// `group.instance.id` of a static member.
    pub(crate) instance: Option<String>,
    /// `client.rack`.
    pub(crate) rack: Option<String>,
    /// `client.id`.
    pub(crate) client_id: String,
    /// See [`Heartbeat::client_host`].
    pub(crate) client_host: String,
    /// How long it may take to let go of partitions.
    pub(crate) rebalance: Duration,
    /// The topics it wants, by name.
    pub(crate) topics: BTreeSet<String>,
    /// The topics it wants, by pattern.
    pub(crate) pattern: Option<String>,
    /// The assignor it asks for.
    pub(crate) assignor: Option<Assignor>,
    /// The epoch it was told last; -2 when it has left and will come back.
    pub(crate) epoch: i32,
    /// The one before: the answer with the present one may have been lost.
    pub(crate) previous_epoch: i32,
    pub(super) progress: Progress,
    /// What it may read, and since which epoch.
    pub(super) assigned: BTreeMap<Place, i32>,
    /// What it has to let go of; nobody else gets it before.
    pub(super) revoking: BTreeMap<Place, i32>,
    /// When its session ends.
    pub(super) session_until: Instant,
    /// By when it must have let go.
    pub(super) revoked_until: Option<Instant>,
}

impl Member {
    /// A newcomer, who has said nothing yet.
    pub(super) fn new(id: &str, session_until: Instant) -> Member {
        Member {
            id: id.to_owned(),
            instance: None,
            rack: None,
            client_id: String::new(),
            client_host: String::new(),
            rebalance: Duration::ZERO,
            topics: BTreeSet::new(),
            pattern: None,
            assignor: None,
            epoch: 0,
            previous_epoch: -1,
            progress: Progress::Stable,
            assigned: BTreeMap::new(),
            revoking: BTreeMap::new(),
            session_until,
            revoked_until: None,
        }
    }

    /// Takes over what a heartbeat says. Returns whether it wants other topics than before.
    pub(super) fn update(&mut self, request: &Heartbeat) -> bool {
        self.client_id.clone_from(&request.client_id);
        self.client_host.clone_from(&request.client_host);
        if request.instance.is_some() {
            self.instance.clone_from(&request.instance);
        }
        if request.rack.is_some() {
            self.rack.clone_from(&request.rack);
        }
        if let Some(rebalance) = request.rebalance {
            self.rebalance = rebalance;
        }
        // The name was looked at before, see `Heartbeat::check`.
        if let Some(Ok(assignor)) = request.assignor.as_deref().map(Assignor::named) {
            self.assignor = Some(assignor);
        }
        let mut changed = false;
        if let Some(topics) = &request.topics {
            let topics = topics.iter().cloned().collect();
            changed |= self.topics != topics;
            self.topics = topics;
        }
        if let Some(pattern) = &request.pattern {
            let pattern = Some(pattern.clone()).filter(|pattern| !pattern.is_empty());
            changed |= self.pattern != pattern;
            self.pattern = pattern;
        }
        changed
    }

    /// All it has, whether it may keep it or not.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        self.assigned.keys().chain(self.revoking.keys())
    }

    /// Since which epoch it has a partition.
    pub(super) fn has_since(&self, place: &Place) -> Option<i32> {
        let epoch = self.assigned.get(place).or(self.revoking.get(place));
        epoch.copied()
    }

    /// Whether it has what it shall have.
    pub(super) fn is_reconciled_to(&self, target_epoch: i32) -> bool {
        self.progress == Progress::Stable && self.epoch == target_epoch
    }

    /// Takes one step towards the target. `owned` is what it says it has, `is_free` whether nobody else has a
    /// partition.
    pub(super) fn reconcile(
        &mut self,
        target_epoch: i32,
        target: &BTreeSet<Place>,
        owned: Option<&[Place]>,
        is_free: impl Fn(&Place) -> bool,
        now: Instant,
    ) {
        if self.is_reconciled_to(target_epoch) {
            return;
        }
        // Who does not say what it has still has it.
        let has_any = |places: &BTreeMap<Place, i32>| {
            owned.is_none_or(|owned| owned.iter().any(|place| places.contains_key(place)))
        };
        if self.progress == Progress::Revoking && has_any(&self.revoking) {
            return;
        }
        let (kept, surplus): (BTreeMap<_, _>, BTreeMap<_, _>) = self
            .assigned
            .iter()
            .map(|(place, since)| (*place, *since))
            .partition(|(place, _)| target.contains(place));
        self.assigned = kept;
        if !surplus.is_empty() && has_any(&surplus) {
            self.revoking = surplus;
            self.progress = Progress::Revoking;
            self.revoked_until = Some(now + self.rebalance);
            return;
        }
        self.revoking.clear();
        self.revoked_until = None;
        self.progress = Progress::Stable;
        for place in target {
            if !self.assigned.contains_key(place) {
                match is_free(place) {
                    true => {
                        self.assigned.insert(*place, target_epoch);
                    }
                    false => self.progress = Progress::Waiting,
                }
            }
        }
        if self.epoch != target_epoch {
            self.previous_epoch = self.epoch;
            self.epoch = target_epoch;
        }
    }

    /// What it may read, by topic.
    pub(crate) fn assignment(&self) -> BTreeMap<Uuid, Vec<i32>> {
        by_topic(self.assigned.keys())
    }

    /// What it has, by topic: also what it is to let go of.
    pub(crate) fn holdings(&self) -> BTreeMap<Uuid, Vec<i32>> {
        by_topic(self.places())
    }
}

/// Partitions by their topic.
pub(crate) fn by_topic<'a>(
    places: impl IntoIterator<Item = &'a Place>,
) -> BTreeMap<Uuid, Vec<i32>> {
    let mut topics: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
    for (topic, index) in places {
        topics.entry(*topic).or_default().push(*index);
    }
    topics
}
