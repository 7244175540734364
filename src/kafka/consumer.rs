//! Reading records: as a member of a group, or from partitions one names.

mod batch;
mod each;

pub use batch::{BatchReader, Seen};
pub use each::PendingCommit;

use super::context::ClientContext;
use super::error::{Fault, Place, Subject, code};
use super::ffi::event::Event;
use super::ffi::handle::{Handle, Kind};
use super::membership::{self, Membership, NextOffset, Rebalance};
use super::verdict::{self, Verdict};
use super::wake::Wake;
use super::{Connection, properties};
use crate::error::{Error, Result};
use crate::model::record::Record;
use crate::model::topic::TopicPartition;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often a poll looks at the clock while nobody ever answered, and otherwise. Records wake it at once.
const IMPATIENT: Duration = Duration::from_millis(20);
const PATIENT: Duration = Duration::from_secs(1);

/// How long a consumer that is dropped without [`Consumer::close`] may take to leave its group.
const HASTY_LEAVE: Duration = Duration::from_secs(1);

/// What a consumer is to be.
#[derive(Clone, Debug, Default)]
pub struct ConsumerOptions {
    /// The group to join by [`Consumer::subscribe`]. Without one only [`Consumer::assign`] works, and nothing is
    /// committed or joined.
    pub group: Option<String>,
    /// Where to start when the group has no offset, or the offset no longer exists: the beginning, else the end.
    pub from_beginning: bool,
    /// Whether records of open and aborted transactions are read.
    pub read_uncommitted: bool,
    /// Whether [`Polled::EndOfPartition`] is reported.
    pub end_of_partition: bool,
    /// Whether each partition has a queue of its own, read by [`Consumer::read_each`]; this is woken whenever there is
    /// something to poll or to read.
    pub apart: Option<Arc<Wake>>,
    /// Further client properties, applied before the user's.
    pub overrides: Vec<(String, String)>,
}

/// What a poll found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    Record(Record),
    /// The partition's end was reached; the offset is that of the next record.
    EndOfPartition(TopicPartition, i64),
}

/// Reads records. Use it from one blocking thread at a time, and poll it at least every `max.poll.interval.ms`
/// (5 minutes), or the group takes its partitions away.
///
/// [`Consumer::close`] leaves the group in order; dropping leaves it too, but commits nothing; [`Consumer::abandon`] leaves
/// nothing.
pub struct Consumer {
    /// `None` once closed.
    membership: Option<Membership>,
    group: Option<String>,
    topics: Mutex<Vec<String>>,
    brokers: String,
    timeout: Duration,
    opened: Instant,
}

impl fmt::Debug for Consumer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Consumer")
            .field("brokers", &self.brokers)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

impl Consumer {
    /// Starts a consumer; it connects when it is told what to read.
    ///
    /// # Errors
    /// A usage error for properties that are unknown, wrong, or contradict each other.
    pub fn open(
        connection: &Connection,
        options: ConsumerOptions,
        listener: Arc<dyn Rebalance>,
    ) -> Result<Consumer> {
        let native = properties::native(&properties::of_consumer(connection, &options))?;
        let context = Arc::new(ClientContext::new(&connection.brokers));
        let handle = Handle::open(Kind::Consumer, native, context).map_err(properties::refused)?;
        Ok(Consumer {
            membership: Some(Membership::new(
                handle,
                listener,
                connection.timeout,
                options.apart,
            )),
            group: options.group,
            topics: Mutex::default(),
            brokers: connection.brokers.clone(),
            timeout: connection.timeout,
            opened: Instant::now(),
        })
    }

    /// Joins the group and reads the partitions it gives us. A name that starts with `^` is a pattern.
    pub fn subscribe(&self, topics: &[String]) -> Result<()> {
        let group = self.group.as_deref().ok_or_else(|| {
            Error::failed("a consumer without a group cannot subscribe")
                .hint("assign partitions to it")
        })?;
        topics.clone_into(&mut *lock(&self.topics));
        self.handle()?.subscribe(topics).map_err(|fault| {
            self.error(
                &format!("join group `{group}`"),
                Subject::Group(group),
                fault,
            )
        })
    }

    /// Reads these partitions from these offsets; -2 is the beginning, -1 the end. Replaces what was assigned before.
    ///
    /// An offset that was asked for before ([`Cluster::list_offsets`](super::Cluster::list_offsets)) starts at once; the
    /// two words may cost half a second, since librdkafka asks for them before it is connected and then only again.
    pub fn assign(&self, partitions: &[(TopicPartition, i64)]) -> Result<()> {
        self.handle()?
            .assign(partitions)
            .map_err(|fault| self.error("assign partitions", Subject::Cluster, fault))
    }

    /// The next record or end of a partition, or `None` after `timeout`. Serves rebalances on the way.
    ///
    /// # Errors
    /// Before anything succeeded: when nobody can be reached, at once if every address refuses, else when the
    /// connection's time-out is over. Always: a topic that does not exist, a right that is missing, a group that will
    /// not have us, and what librdkafka calls fatal. Other hiccups are remembered and retried by librdkafka.
    pub fn poll(&self, timeout: Duration) -> Result<Option<Polled>> {
        let membership = self.membership()?;
        let handle = membership.handle();
        let end = Instant::now() + timeout;
        loop {
            let never = !handle.context().ever_up();
            // Looked at before the queue is drained, so that the reason for it is not left in the queue.
            let hopeless =
                never && (handle.context().hopeless() || self.opened.elapsed() >= self.timeout);
            let left = end.saturating_duration_since(Instant::now());
            let tick = match (hopeless, never) {
                (true, _) => Duration::ZERO,
                (false, true) => left.min(IMPATIENT),
                (false, false) => left.min(PATIENT),
            };
            match handle.poll(tick) {
                Some(event) => {
                    if let Some(polled) = self.sort(membership, &event)? {
                        return Ok(Some(polled));
                    }
                }
                None if hopeless => {
                    handle.context().try_again();
                    return Err(self.place(handle).unreachable());
                }
                None if left.is_zero() => return Ok(None),
                None => {}
            }
        }
    }

    /// What an event means to the caller; nothing, for most of them.
    fn sort(&self, membership: &Membership, event: &Event) -> Result<Option<Polled>> {
        let handle = membership.handle();
        if let Some(record) = handle.record(event) {
            return match record {
                Ok(record) => Ok(Some(Polled::Record(record))),
                Err(fault) => self.judge_event(event, fault).map(|()| None),
            };
        }
        if let Some(outcome) = membership.rebalance(event) {
            if let Err(fault) = outcome {
                // Nothing can make up for it: the partitions are another's, who handles their records again.
                tracing::warn!("offsets were not committed before a rebalance: {fault}");
            }
            return Ok(None);
        }
        if let Some(outcome) = event.commit() {
            if let Err(fault) = outcome {
                // Of a commit in the background. The offsets are still the listener's: the next commit and the last one,
                // in `close`, take them along, wait for the answer and report it.
                tracing::warn!("offsets were not committed: {fault}");
            }
            return Ok(None);
        }
        match event.fault() {
            Some(fault) if fault.code == code::PARTITION_EOF => Ok(event
                .partition()
                .map(|(partition, offset)| Polled::EndOfPartition(partition, offset))),
            Some(fault) => self.judge_event(event, fault).map(|()| None),
            None => Ok(None),
        }
    }

    fn judge_event(&self, event: &Event, fault: Fault) -> Result<()> {
        if event.is_error() && event.is_fatal() {
            let fault = self.handle()?.fatal().unwrap_or(fault);
            return Err(self.error("consume", self.group_subject(), fault));
        }
        let about = event.partition().map(|(partition, _)| partition);
        self.judge(about, fault)
    }

    /// Whether a failure is the caller's business.
    fn judge(&self, about: Option<TopicPartition>, fault: Fault) -> Result<()> {
        match verdict::judge(&fault, about, self.group.is_some()) {
            Verdict::Passing => Ok(()),
            Verdict::Subscription => {
                let topics = lock(&self.topics).join("`, `");
                Err(self.error("subscribe", Subject::Topic(&topics), fault))
            }
            Verdict::Topic(topic) => {
                let doing = format!("read topic `{topic}`");
                Err(self.error(&doing, Subject::Topic(&topic), fault))
            }
            Verdict::Partition(partition) => {
                let subject = Subject::Partition(&partition.topic, partition.partition);
                Err(self.error(&format!("read partition `{partition}`"), subject, fault))
            }
            Verdict::Membership => {
                let group = self.group.as_deref().unwrap_or_default();
                let doing = format!("join group `{group}`");
                Err(self.error(&doing, Subject::Group(group), fault))
            }
            Verdict::Client => Err(self.error("consume", self.group_subject(), fault)),
        }
    }

    /// Commits next offsets and waits for the answer.
    pub fn commit(&self, offsets: &[NextOffset]) -> Result<()> {
        if offsets.is_empty() {
            return Ok(());
        }
        self.handle()?
            .commit(offsets, self.timeout)
            .map_err(|fault| self.commit_error(fault))
    }

    /// Commits next offsets without waiting. A failure is logged only, so whoever calls it answers the same offsets (or
    /// later ones) from [`Rebalance::revoked`] until the partition is given away: the commit of a rebalance or of
    /// [`Consumer::close`] makes up for it, and what `close` cannot commit is its error.
    pub fn commit_in_background(&self, offsets: &[NextOffset]) -> Result<()> {
        if offsets.is_empty() {
            return Ok(());
        }
        self.handle()?
            .commit_in_background(offsets)
            .map_err(|fault| self.commit_error(fault))
    }

    /// Stops fetching these partitions; they stay ours, and polling keeps them.
    pub fn pause(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.handle()?
            .pause(partitions)
            .map_err(|fault| self.error("pause partitions", Subject::Cluster, fault))
    }

    /// Fetches these partitions again, from where they were paused.
    pub fn resume(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.handle()?
            .resume(partitions)
            .map_err(|fault| self.error("resume partitions", Subject::Cluster, fault))
    }

    /// Moves to other offsets of partitions that are ours; what was fetched before is dropped.
    pub fn seek(&self, offsets: &[(TopicPartition, i64)]) -> Result<()> {
        if offsets.is_empty() {
            return Ok(());
        }
        self.handle()?
            .seek(offsets, self.timeout)
            .map_err(|fault| self.error("seek", Subject::Cluster, fault))
    }

    /// The partitions that are ours now.
    pub fn assignment(&self) -> Result<Vec<TopicPartition>> {
        Ok(self.handle()?.assignment())
    }

    /// Leaves the group: the listener is told, what it answers is committed, what the group asks is answered, the
    /// partitions are given back. The listener may be told twice of one partition, the second time after its offset was
    /// committed. A thread of its own ends the client, so `deadline` holds whatever the network does.
    ///
    /// # Errors
    /// When the last commit failed, or the group was not left in time; the group then finds out by itself, after
    /// `session.timeout.ms`.
    pub fn close(mut self, deadline: Duration) -> Result<()> {
        let Some(membership) = self.membership.take() else {
            return Ok(());
        };
        let context = Arc::clone(membership.handle().context());
        let outcome = membership.leave(deadline, self.group.is_some(), true);
        outcome.map_err(|fault| {
            let group = self.group.as_deref().unwrap_or_default();
            let place = Place {
                brokers: &self.brokers,
                context: &context,
            };
            place.error(
                &format!("leave group `{group}`"),
                Subject::Group(group),
                fault,
            )
        })
    }

    /// Ends the client as the end of its process would: nothing is committed, and the group is not told.
    pub fn abandon(mut self) {
        if let Some(membership) = self.membership.take() {
            // It asks nothing of anybody, so nothing can go wrong.
            let _ = membership.leave(Duration::ZERO, false, false);
        }
    }

    fn membership(&self) -> Result<&Membership> {
        self.membership
            .as_ref()
            .ok_or_else(|| Error::failed("the consumer is closed"))
    }

    fn handle(&self) -> Result<&Handle> {
        Ok(self.membership()?.handle())
    }

    fn place<'a>(&'a self, handle: &'a Handle) -> Place<'a> {
        Place {
            brokers: &self.brokers,
            context: handle.context(),
        }
    }

    fn group_subject(&self) -> Subject<'_> {
        self.group
            .as_deref()
            .map_or(Subject::Cluster, Subject::Group)
    }

    fn error(&self, doing: &str, subject: Subject<'_>, fault: Fault) -> Error {
        match self.handle() {
            Ok(handle) => self.place(handle).error(doing, subject, fault),
            Err(closed) => closed,
        }
    }

    fn commit_error(&self, fault: Fault) -> Error {
        if verdict::is_no_longer_ours(&fault) {
            let sentence = "the group gave the partitions to another member before the commit";
            return Error::failed(sentence).caused_by(fault);
        }
        if fault.code == code::WAIT_COORD || fault.is_passing() {
            // A coordinator that restarts, or moves: the next commit makes up for it.
            return Error::unreachable("the group's coordinator does not answer").caused_by(fault);
        }
        self.error("commit offsets", self.group_subject(), fault)
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        if let Some(membership) = self.membership.take() {
            // Nobody is left to be told what went wrong.
            let _ = membership.leave(HASTY_LEAVE, self.group.is_some(), false);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
