//! What kind a group is: an empty one of the one kind becomes one of the other when a member of the other kind joins, and
//! keeps its offsets. One with members does not, as in Kafka with `group.consumer.migration.policy=disabled`.

use std::sync::Arc;
use std::time::Instant;

use kafka_protocol::error::ResponseError;

use super::super::super::sync::lock;
use super::super::super::topics::Topics;
use super::super::Coordinator;
use super::super::member::Caller;
use super::super::state::{Group, Phase};
use super::Refused;
use super::heartbeat::{Heartbeat, JOIN, Told};
use super::machine::Machine;
use super::subscription::Image;

/// The protocol type of consumers.
const CONSUMER: &str = "consumer";

impl Group {
    /// The state machine of a group of the next generation; `None`: it is a classic one.
    pub(crate) fn consumer(&self) -> Option<&Machine> {
        self.consumer.as_deref()
    }

    /// Whether it has members, of either kind.
    pub(crate) fn has_members(&self) -> bool {
        match &self.consumer {
            Some(machine) => !machine.is_empty(),
            None => self.phase != Phase::Empty,
        }
    }

    /// `classic` or `consumer`, and Kafka's name for where it is in its cycle.
    pub(crate) fn kind_and_state(&self) -> (&'static str, &'static str) {
        match &self.consumer {
            Some(machine) => (CONSUMER, machine.state()),
            None => ("classic", self.phase.name()),
        }
    }

    /// A member of the next generation joins, lives or leaves. Errors: GROUP_ID_NOT_FOUND for a group of the other kind,
    /// and those of [`Machine::heartbeat`].
    pub(super) fn consumer_heartbeat(
        &mut self,
        request: &Heartbeat,
        image: &Arc<Image>,
        now: Instant,
    ) -> Result<Told, Refused> {
        if let Some(machine) = &mut self.consumer {
            let told = machine.heartbeat(request, image, now);
            self.unsaved |= machine.take_change();
            self.note_emptiness(now);
            return told;
        }
        let id = &self.id;
        let reason = match (request.epoch == JOIN, self.phase) {
            (true, Phase::Empty) => {
                let mut machine = Machine::new(self.limits.consumer);
                let told = machine.heartbeat(request, image, now)?;
                self.generation = 0;
                self.pending.clear();
                self.protocol_type = Some(CONSUMER.to_owned());
                self.consumer = Some(Box::new(machine));
                self.unsaved = true;
                self.note_emptiness(now);
                return Ok(told);
            }
            (true, _) => format!(
                "Cannot upgrade classic group {id} to consumer group because online upgrade is disabled."
            ),
            (false, _) => format!("Group {id} is not a consumer group."),
        };
        Err((ResponseError::GroupIdNotFound, reason))
    }

    /// Whether a classic member may join. Errors: INCONSISTENT_GROUP_PROTOCOL when members of the next generation are
    /// there.
    pub(in crate::broker::group) fn may_become_classic(&self) -> Result<(), ResponseError> {
        match self.consumer.is_some() && self.has_members() {
            true => Err(ResponseError::InconsistentGroupProtocol),
            false => Ok(()),
        }
    }

    /// A classic member joins.
    pub(in crate::broker::group) fn become_classic(&mut self) {
        self.consumer = None;
    }

    /// Acts on every limit that has passed.
    pub(in crate::broker::group) fn pass_consumers_time(&mut self, now: Instant) {
        if let Some(machine) = &mut self.consumer {
            machine.pass_time(now);
            self.unsaved |= machine.take_change();
            self.note_emptiness(now);
        }
    }

    fn note_emptiness(&mut self, now: Instant) {
        match self.has_members() {
            true => self.empty_since = None,
            false => {
                self.empty_since.get_or_insert(now);
            }
        }
    }

    /// Whether a caller that may commit may do so for this partition, too: see [`Machine::may_commit_place`]. Errors:
    /// STALE_MEMBER_EPOCH.
    pub(crate) fn may_commit_place(
        &self,
        caller: &Caller,
        topic: &str,
        partition: i32,
    ) -> Result<(), ResponseError> {
        match &self.consumer {
            Some(machine) => machine.may_commit_place(caller, topic, partition),
            None => Ok(()),
        }
    }

    /// Whether offsets may be fetched by whoever says this of itself. Errors: UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH.
    pub(crate) fn may_fetch(&self, member: Option<&str>, epoch: i32) -> Result<(), ResponseError> {
        match &self.consumer {
            Some(machine) => machine.may_fetch(member, epoch),
            None => Ok(()),
        }
    }
}

impl Coordinator {
    /// A member of the next generation joins, lives or leaves, in a group that is made for the first who joins. Errors:
    /// GROUP_ID_NOT_FOUND, and those of [`Machine::heartbeat`].
    pub(crate) fn consumer_heartbeat(
        &self,
        group: &str,
        request: &Heartbeat,
        topics: &Topics,
        now: Instant,
    ) -> Result<Told, Refused> {
        // Held until the group has seen the topics, so that no older picture of them comes after.
        let mut image = lock(&self.image);
        let topics = topics.all();
        let fresh = || {
            topics
                .iter()
                .map(|it| (&it.name, (it.id, it.partition_count())))
        };
        // The same topics are the same picture: groups need not look at it again.
        if !image.iter().map(|(name, it)| (name, *it)).eq(fresh()) {
            let copied = fresh().map(|(name, it)| (name.clone(), it));
            *image = Arc::new(copied.collect());
        }
        let beat = |it: &mut Group| it.consumer_heartbeat(request, &image, now);
        let told = match request.epoch {
            JOIN => self.with_or_create(group, beat),
            _ => self.with(group, beat).unwrap_or_else(|| {
                let reason = format!("Consumer group {group} not found.");
                Err((ResponseError::GroupIdNotFound, reason))
            }),
        };
        drop(image);
        self.limits_changed();
        told
    }
}
