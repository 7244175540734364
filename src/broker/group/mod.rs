//! The group coordinator: the classic rebalance protocol, its successor, and committed offsets.
//!
//! - [`state`]: one group's state machine: members, generations, the join barrier, time limits.
//! - [`join`]: JoinGroup: who may join, who replaces whom, what a member that comes back is told.
//! - [`membership`]: SyncGroup, Heartbeat, LeaveGroup.
//! - [`offsets`]: committed offsets and who may commit.
//! - [`member`]: a member, and what requests and answers carry.
//! - [`consumer`]: groups of the next generation (KIP-848), which have all this but the offsets their own way.
//! - [`saved`]: a group as the journal of a data directory keeps it.
//!
//! The machine is pure: it takes the time as an argument and hands answers to waiting requests through channels. This
//! file owns the map of groups and the one task that watches their time limits.

pub(crate) mod consumer;
pub(crate) mod join;
pub(crate) mod member;
pub(crate) mod membership;
pub(crate) mod offsets;
pub(crate) mod saved;
pub(crate) mod state;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;
use tokio::sync::Notify;

use super::storage::Journal;
use super::storage::entry::{CommittedOffset, Entry};
use super::storage::image::GroupImage;
use super::sync::{lock, now_milliseconds};
use state::Group;

/// A group without members and offsets is forgotten after this.
const EMPTY_GROUP_LIFETIME: Duration = Duration::from_secs(600);

/// Limits all groups share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long the first join of an empty group waits for others (`group.initial.rebalance.delay.ms`).
    pub(crate) initial_delay: Duration,
    /// `group.min.session.timeout.ms`.
    pub(crate) min_session: Duration,
    /// `group.max.session.timeout.ms`.
    pub(crate) max_session: Duration,
    /// Of groups of the next generation.
    pub(crate) consumer: consumer::Settings,
}

/// Every group of the broker.
#[derive(Debug)]
pub(crate) struct Coordinator {
    groups: Mutex<HashMap<String, Arc<Mutex<Group>>>>,
    limits: Limits,
    earlier: Notify,
    journal: Journal,
    /// The topics there are, as groups of the next generation have last seen them. Locked before the map.
    image: Mutex<Arc<consumer::subscription::Image>>,
}

impl Coordinator {
    /// The groups that the journal knows; none in memory.
    pub(crate) fn new(limits: Limits, journal: Journal) -> Coordinator {
        let (now, milliseconds) = (Instant::now(), now_milliseconds());
        let restore = |(id, known): (&String, &GroupImage)| {
            let offsets = known.offsets.clone();
            let saved = known.group.as_ref();
            let group = Group::restore(id, limits, saved, offsets, now, milliseconds);
            (id.clone(), Arc::new(Mutex::new(group)))
        };
        let known = journal.with_image(|image| image.groups.iter().map(restore).collect());
        Coordinator {
            groups: Mutex::new(known.unwrap_or_default()),
            limits,
            earlier: Notify::new(),
            journal,
            image: Mutex::default(),
        }
    }

    /// Writes the group down when a rebalance is over. Where that fails its members join again after the next start.
    fn save(&self, id: &str, group: &mut Group) {
        if let Some(saved) = group.to_save(now_milliseconds()) {
            let entry = || Entry::Group {
                id: id.to_owned(),
                group: saved,
            };
            let _ = self.journal.write(entry);
        }
    }

    /// Keeps offsets that the group may commit. Error: NOT_COORDINATOR, with which clients try again, when the journal
    /// cannot be written.
    pub(crate) fn commit(
        &self,
        group: &mut Group,
        offsets: Vec<CommittedOffset>,
    ) -> Result<(), ResponseError> {
        let written = self.journal.write(|| Entry::Offsets {
            group: group.id.clone(),
            offsets: offsets.clone(),
        });
        written.map_err(|_| ResponseError::NotCoordinator)?;
        for (topic, partition, committed) in offsets {
            group.offsets.set(&topic, partition, committed);
        }
        Ok(())
    }

    /// Keeps offsets until the producer's transaction ends. Error: as of [`Coordinator::commit`].
    pub(crate) fn stage(
        &self,
        group: &mut Group,
        producer_id: i64,
        offsets: Vec<CommittedOffset>,
    ) -> Result<(), ResponseError> {
        let written = self.journal.write(|| Entry::StagedOffsets {
            group: group.id.clone(),
            producer_id,
            offsets: offsets.clone(),
        });
        written.map_err(|_| ResponseError::NotCoordinator)?;
        for (topic, partition, offset) in offsets {
            group.offsets.stage(producer_id, &topic, partition, offset);
        }
        Ok(())
    }

    /// Forgets offsets. Error: as of [`Coordinator::commit`].
    pub(crate) fn forget(
        &self,
        group: &mut Group,
        offsets: &[(String, i32)],
    ) -> Result<(), ResponseError> {
        if offsets.is_empty() {
            return Ok(());
        }
        let written = self.journal.write(|| Entry::OffsetsDeleted {
            group: group.id.clone(),
            offsets: offsets.to_vec(),
        });
        written.map_err(|_| ResponseError::NotCoordinator)?;
        for (topic, partition) in offsets {
            group.offsets.remove(topic, *partition);
        }
        Ok(())
    }

    /// The group of this name, if there is one.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<Mutex<Group>>> {
        lock(&self.groups).get(id).cloned()
    }

    /// Runs `act` on the group of this name, which is made if need be. `act` runs under the map's lock and must be
    /// short; so a group cannot be deleted between being found and being used.
    pub(crate) fn with_or_create<T>(&self, id: &str, act: impl FnOnce(&mut Group) -> T) -> T {
        let mut groups = lock(&self.groups);
        if let Some(group) = groups.get(id) {
            let mut group = lock(group);
            let result = act(&mut group);
            self.save(id, &mut group);
            return result;
        }
        let mut group = Group::new(id, self.limits);
        let result = act(&mut group);
        self.save(id, &mut group);
        if !group.is_untouched() {
            groups.insert(id.to_owned(), Arc::new(Mutex::new(group)));
        }
        result
    }

    /// Runs `act` on the group of this name; `None` when there is no such group.
    pub(crate) fn with<T>(&self, id: &str, act: impl FnOnce(&mut Group) -> T) -> Option<T> {
        let groups = lock(&self.groups);
        let group = groups.get(id)?;
        let mut group = lock(group);
        let result = act(&mut group);
        self.save(id, &mut group);
        Some(result)
    }

    /// All groups with their names, sorted.
    pub(crate) fn all(&self) -> Vec<(String, Arc<Mutex<Group>>)> {
        let groups = lock(&self.groups);
        let mut all: Vec<_> = groups
            .iter()
            .map(|(id, group)| (id.clone(), group.clone()))
            .collect();
        all.sort_by(|left, right| left.0.cmp(&right.0));
        all
    }

    /// Deletes a group that has no members. Errors: GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP; as of [`Coordinator::commit`].
    pub(crate) fn delete(&self, id: &str) -> Result<(), ResponseError> {
        let mut groups = lock(&self.groups);
        let group = groups.get(id).ok_or(ResponseError::GroupIdNotFound)?;
        if lock(group).has_members() {
            return Err(ResponseError::NonEmptyGroup);
        }
        let written = self
            .journal
            .write(|| Entry::GroupDeleted { id: id.to_owned() });
        written.map_err(|_| ResponseError::NotCoordinator)?;
        groups.remove(id);
        Ok(())
    }

    /// Forgets the offsets of a deleted topic, in every group.
    pub(crate) fn forget_topic(&self, topic: &str) {
        for (_, group) in self.all() {
            lock(&group).offsets.forget_topic(topic);
        }
    }

    /// Forgets old offsets of empty groups, and empty groups without any. What cannot be written is tried again.
    pub(crate) fn expire(&self, now: Instant) {
        lock(&self.groups).retain(|id, group| {
            let mut group = lock(group);
            let Some(empty) = group.empty_for(now) else {
                return true;
            };
            let old = group.offsets.expired(now_milliseconds(), empty);
            let _ = self.forget(&mut group, &old);
            let is_over = group.offsets.is_empty() && empty > EMPTY_GROUP_LIFETIME;
            let deleted = || Entry::GroupDeleted { id: id.clone() };
            !is_over || self.journal.write(deleted).is_err()
        });
    }

    /// Tells the watching task that a limit may lie earlier than the one it sleeps for.
    pub(crate) fn limits_changed(&self) {
        self.earlier.notify_one();
    }

    /// Watches the time limits of all groups; never returns.
    pub(crate) async fn watch_limits(&self) {
        loop {
            let mut next: Option<Instant> = None;
            for (id, group) in self.all() {
                let mut group: MutexGuard<'_, Group> = lock(&group);
                group.pass_time(Instant::now());
                self.save(&id, &mut group);
                next = [next, group.next_limit()].into_iter().flatten().min();
            }
            match next {
                Some(limit) => tokio::select! {
                    () = tokio::time::sleep_until(limit.into()) => {}
                    () = self.earlier.notified() => {}
                },
                None => self.earlier.notified().await,
            }
        }
    }
}
