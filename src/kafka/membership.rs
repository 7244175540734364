//! A consumer's life in its group: taking partitions, giving them away with their offsets committed, leaving.

use super::error::{Fault, code};
use super::ffi::event::{Change, Event};
use super::ffi::handle::Handle;
use super::ffi::partition_queue::PartitionQueue;
pub use super::ffi::transaction::GroupMetadata;
use super::wake::Wake;
use crate::error::{Error, Result as Outcome};
use crate::model::topic::TopicPartition;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// How often leaving looks at the clock. Events wake it at once.
const TICK: Duration = Duration::from_millis(20);

/// How long the first assignment may wait for connections to the partitions' leaders.
const ACQUAINTANCE: Duration = Duration::from_millis(500);

/// How long what was fetched may stand between us and what the group asks, before we leave.
const ANSWERING: Duration = Duration::from_secs(1);

/// An offset to commit: that of the next record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextOffset {
    pub place: TopicPartition,
    pub offset: i64,
    /// What is kept beside it, as text: Kafka calls it metadata, and takes 4096 bytes by default
    /// (`offset.metadata.max.bytes`).
    pub note: Option<String>,
}

impl From<(TopicPartition, i64)> for NextOffset {
    fn from((place, offset): (TopicPartition, i64)) -> Self {
        NextOffset {
            place,
            offset,
            note: None,
        }
    }
}

/// Told when partitions come and go. Called from [`Consumer::poll`](super::Consumer::poll) and
/// [`Consumer::close`](super::Consumer::close), on their thread.
pub trait Rebalance: Send + Sync {
    /// These partitions are ours from now on.
    fn assigned(&self, partitions: &[TopicPartition]);

    /// Before these partitions are given away: answers the next offsets to commit, which the caller commits before
    /// it gives them. With `lost` they belong to somebody else already, and the answer is ignored.
    fn revoked(
        &self,
        partitions: &[TopicPartition],
        lost: bool,
        standing: Standing<'_>,
    ) -> Vec<NextOffset>;
}

/// What a member is in its group while it is asked to give partitions away.
#[derive(Clone, Copy)]
pub struct Standing<'a>(&'a Handle);

impl Standing<'_> {
    /// With this a transaction commits offsets as this member, in its present generation (KIP-447).
    ///
    /// # Errors
    /// It is no member.
    pub fn group_metadata(self) -> Outcome<GroupMetadata> {
        group_metadata(self.0)
    }
}

impl GroupMetadata {
    /// For a transaction that commits offsets of a group in which nobody is a member: nothing but the transactional id
    /// keeps two of them apart.
    ///
    /// # Errors
    /// The name cannot be a group's.
    pub fn of(group: &str) -> Outcome<GroupMetadata> {
        GroupMetadata::without_member(group).map_err(|fault| {
            Error::failed(format!("`{}` cannot be a group", group.escape_debug())).caused_by(fault)
        })
    }
}

pub(super) fn group_metadata(handle: &Handle) -> Outcome<GroupMetadata> {
    let metadata = handle.group_metadata();
    metadata.ok_or_else(|| Error::failed("the consumer is in no group"))
}

pub(super) type Queues = HashMap<TopicPartition, PartitionQueue>;

pub(super) struct Membership {
    /// One a partition, for who reads them apart; before the handle, whose client goes last.
    queues: Mutex<Queues>,
    /// Woken when one of them gets something; without it there are none.
    wake: Option<Arc<Wake>>,
    handle: Handle,
    listener: Arc<dyn Rebalance>,
    /// How long a commit in a rebalance may take.
    timeout: Duration,
    /// Whether the leaders of partitions were connected to before the first ones were taken.
    acquainted: AtomicBool,
}

impl Membership {
    pub(super) fn new(
        handle: Handle,
        listener: Arc<dyn Rebalance>,
        timeout: Duration,
        wake: Option<Arc<Wake>>,
    ) -> Self {
        if let Some(wake) = &wake {
            handle.wake_on_events(Arc::clone(wake));
        }
        Membership {
            queues: Mutex::default(),
            wake,
            handle,
            listener,
            timeout,
            acquainted: AtomicBool::new(false),
        }
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The queues of the partitions held now.
    pub(super) fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the partitions apart, before their records are fetched.
    fn set_apart(&self, partitions: &[TopicPartition]) -> Result<(), Fault> {
        let Some(wake) = &self.wake else {
            return Ok(());
        };
        let mut queues = self.queues();
        for partition in partitions {
            // One of an earlier assignment would take the signal of this one with it when it goes.
            queues.remove(partition);
            let queue = self.handle.partition_queue(partition, Arc::clone(wake))?;
            queues.insert(partition.clone(), queue);
        }
        Ok(())
    }

    /// Answers a rebalance; `None` when the event is of another kind. A failure is one of the commit on the way: the
    /// partitions changed hands all the same.
    pub(super) fn rebalance(&self, event: &Event) -> Option<Result<(), Fault>> {
        self.answer(event, Some(self.timeout))
    }

    /// `commit` is how long the listener's offsets may take to be committed; without it the listener is not asked.
    fn answer(&self, event: &Event, commit: Option<Duration>) -> Option<Result<(), Fault>> {
        let (change, partitions) = event.rebalance()?;
        Some(match change {
            Change::Assign => {
                if !self.acquainted.swap(true, Ordering::Relaxed) {
                    self.handle.meet_leaders(&partitions, ACQUAINTANCE);
                }
                let taken = self
                    .set_apart(&partitions)
                    .and_then(|()| self.handle.take(&partitions));
                if taken.is_ok() {
                    tracing::debug!(partitions = partitions.len(), "partitions assigned");
                    self.listener.assigned(&partitions);
                }
                taken
            }
            Change::Revoke => {
                // Asked before the answer, which clears it.
                let lost = self.handle.assignment_lost();
                tracing::debug!(partitions = partitions.len(), lost, "partitions revoked");
                let committed = match commit {
                    Some(timeout) => self.hand_over(&partitions, lost, timeout),
                    None => Ok(()),
                };
                let given = self.handle.give(&partitions);
                let mut queues = self.queues();
                for partition in &partitions {
                    queues.remove(partition);
                }
                given.and(committed)
            }
        })
    }

    fn hand_over(
        &self,
        partitions: &[TopicPartition],
        lost: bool,
        timeout: Duration,
    ) -> Result<(), Fault> {
        let standing = Standing(&self.handle);
        let offsets = self.listener.revoked(partitions, lost, standing);
        if lost || offsets.is_empty() {
            return Ok(());
        }
        self.handle.commit(&offsets, timeout)
    }

    /// Leaves the group, if it is a member of one, and ends the client; no longer than `deadline` altogether, counted from
    /// when the listener has answered. With `in_order` it is asked for offsets, which are committed first.
    pub(super) fn leave(
        self,
        deadline: Duration,
        is_member: bool,
        in_order: bool,
    ) -> Result<(), Fault> {
        let handed_over = match is_member && in_order {
            true => self.hand_over_all(deadline.min(self.timeout)),
            false => Ok(()),
        };
        // Only from here on: whoever has records in hand may take his time to finish them.
        let end = Instant::now() + deadline;
        let left = match is_member {
            true => handed_over.and(self.leave_group(end, in_order)),
            false => Ok(()),
        };
        self.queues().clear();
        // librdkafka joins its threads, and one of them may be asking a name server that does not answer.
        let (done, gone) = mpsc::channel();
        let handle = self.handle;
        let ender = std::thread::Builder::new()
            .name("eda-kafka-close".to_owned())
            .spawn(move || {
                drop(handle);
                let _ = done.send(());
            });
        if ender.is_ok()
            && gone
                .recv_timeout(end.saturating_duration_since(Instant::now()))
                .is_err()
        {
            tracing::debug!("the client is still ending in the background");
        }
        left
    }

    fn leave_group(&self, end: Instant, in_order: bool) -> Result<(), Fault> {
        let settled = self.settle(end, in_order);
        let left = self.close_membership(end, in_order);
        settled.and(left)
    }

    /// Commits what the listener has, of everything.
    fn hand_over_all(&self, timeout: Duration) -> Result<(), Fault> {
        let held = self.handle.assignment();
        match held.is_empty() {
            true => Ok(()),
            false => self.hand_over(&held, self.handle.assignment_lost(), timeout),
        }
    }

    /// Answers whatever the group has asked; everything is committed before.
    ///
    /// Leaving would ask for partitions and offsets too. But when a rebalance has begun that we did not answer yet,
    /// librdkafka 2.12.1 leaves at once (`rd_kafka_cgrp_revoke_all_rejoin`, eager protocol): a commit after that is
    /// refused as a stranger's, and to answer then is to hang or to abort
    /// (`rd_kafka_cgrp_terminated: assert: !rd_kafka_assignment_in_progress`).
    fn settle(&self, end: Instant, in_order: bool) -> Result<(), Fault> {
        let patience = || {
            let left = end.saturating_duration_since(Instant::now());
            in_order.then(|| left.min(self.timeout))
        };
        // Nobody will read from what may still be assigned.
        self.acquainted.store(true, Ordering::Relaxed);
        let held = self.handle.assignment();
        let mut outcome = Ok(());
        // Without records in the way the group's questions are soon reached.
        if let Err(fault) = self.handle.pause(&held) {
            tracing::debug!("not paused before leaving: {fault}");
        }
        let end = end.min(Instant::now() + ANSWERING);
        while Instant::now() < end
            && let Some(event) = self.handle.poll(Duration::ZERO)
        {
            if let Some(Err(fault)) = self.answer(&event, patience()) {
                outcome = Err(fault);
            }
        }
        outcome
    }

    fn close_membership(&self, end: Instant, in_order: bool) -> Result<(), Fault> {
        let mut holds = !self.handle.assignment().is_empty();
        // librdkafka 2.12.1 forgets to tell the coordinator when a cooperative member without partitions closes; the
        // group would wait for it until its session times out. It does tell when that member unsubscribes.
        if !holds {
            self.handle.unsubscribe();
        }
        self.handle.begin_to_leave()?;
        let mut outcome = Ok(());
        while !self.handle.has_left() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                if holds {
                    return Err(Fault::new(code::TIMED_OUT, "the group did not answer"));
                }
                // The broker answers one request at a time, and ours may wait behind a join of the same connection.
                tracing::warn!("the coordinator did not confirm in time that this member left");
                return outcome;
            }
            let Some(event) = self.handle.poll(left.min(TICK)) else {
                continue;
            };
            let commit = in_order.then(|| left.min(self.timeout));
            if let Some(answer) = self.answer(&event, commit) {
                holds = false;
                if let Err(fault) = answer {
                    outcome = Err(fault);
                }
            }
        }
        outcome
    }
}
