//! A consumer's verbs: what to read, where the group is, how to leave.

use super::super::error::{Fault, code};
use super::super::membership::NextOffset;
use super::event::Event;
use super::handle::{Handle, Queue};
use super::message::{self, Message};
use super::partitions::{List, first_fault};
use super::{check, consume_error, milliseconds, raw};
use crate::model::record::Record;
use crate::model::topic::TopicPartition;
use rdkafka::bindings as c;
use std::ffi::CStr;
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

/// librdkafka compares each partition of such a question with each other.
const PARTITIONS_TO_MEET: usize = 100;

impl Handle {
    /// The record in an event; `None` when it is of another kind.
    pub(in crate::kafka) fn record(&self, event: &Event) -> Option<Result<Record, Fault>> {
        if event.kind() != c::RD_KAFKA_EVENT_FETCH {
            return None;
        }
        // SAFETY: the event is alive and keeps the message while it is copied.
        unsafe {
            let found = c::rd_kafka_event_message_next(event.pointer());
            let live = NonNull::new(found.cast_mut())?;
            Some(check(message::code_of(found)).map(|()| {
                let topic = Message::topic(found);
                Message::new(live, topic).to_record()
            }))
        }
    }

    /// Joins the group for these topics.
    pub(in crate::kafka) fn subscribe(&self, topics: &[String]) -> Result<(), Fault> {
        let list = List::of_topics(topics)?;
        // SAFETY: client and list are alive; the list is copied.
        check(unsafe { raw::rd_kafka_subscribe(self.client(), list.pointer()) })
    }

    /// Ends the subscription, and with it the membership once no partition is held.
    pub(in crate::kafka) fn unsubscribe(&self) {
        // SAFETY: the client is alive. It fails only without a group.
        unsafe { raw::rd_kafka_unsubscribe(self.client()) };
    }

    /// Reads these partitions from these offsets, without a group's say.
    pub(in crate::kafka) fn assign(
        &self,
        partitions: &[(TopicPartition, i64)],
    ) -> Result<(), Fault> {
        let list = List::with_offsets(
            partitions
                .iter()
                .map(|(partition, offset)| (partition, *offset)),
        )?;
        // SAFETY: client and list are alive; the list is copied.
        check(unsafe { raw::rd_kafka_assign(self.client(), list.pointer()) })
    }

    /// Connects to the leaders of these partitions, waiting no longer than `timeout`. Without it librdkafka's first
    /// question for a partition's beginning or end meets no connection, and is asked again half a second later.
    pub(in crate::kafka) fn meet_leaders(&self, partitions: &[TopicPartition], timeout: Duration) {
        let some = &partitions[..partitions.len().min(PARTITIONS_TO_MEET)];
        let beginning = i64::from(c::RD_KAFKA_OFFSET_BEGINNING);
        let Ok(list) = List::with_offsets(some.iter().map(|partition| (partition, beginning)))
        else {
            return;
        };
        // SAFETY: client and list are alive. The answer does not matter.
        unsafe {
            raw::rd_kafka_offsets_for_times(self.client(), list.pointer(), milliseconds(timeout));
        }
    }

    /// Answers a rebalance that gives partitions.
    pub(in crate::kafka) fn take(&self, partitions: &[TopicPartition]) -> Result<(), Fault> {
        let list = List::of(partitions)?;
        // SAFETY: client and list are alive; the list is copied; the error is taken over.
        unsafe {
            if self.is_cooperative() {
                consume_error(c::rd_kafka_incremental_assign(
                    self.client(),
                    list.pointer(),
                ))
            } else {
                check(raw::rd_kafka_assign(self.client(), list.pointer()))
            }
        }
    }

    /// Answers a rebalance that takes partitions away: these, or everything under the eager protocol.
    pub(in crate::kafka) fn give(&self, partitions: &[TopicPartition]) -> Result<(), Fault> {
        let list = List::of(partitions)?;
        // SAFETY: client and list are alive; the list is copied; the error is taken over. Null clears an assignment.
        unsafe {
            if self.is_cooperative() {
                consume_error(c::rd_kafka_incremental_unassign(
                    self.client(),
                    list.pointer(),
                ))
            } else {
                check(raw::rd_kafka_assign(self.client(), ptr::null()))
            }
        }
    }

    /// Whether rebalances change an assignment instead of replacing it (cooperative, and KIP-848's groups).
    fn is_cooperative(&self) -> bool {
        // SAFETY: the client is alive; the string is static or null.
        unsafe {
            let protocol = c::rd_kafka_rebalance_protocol(self.client());
            !protocol.is_null() && CStr::from_ptr(protocol).to_bytes() == b"COOPERATIVE"
        }
    }

    /// Whether what is held now belongs to somebody else already, so that nothing can be committed for it.
    pub(in crate::kafka) fn assignment_lost(&self) -> bool {
        // SAFETY: the client is alive.
        unsafe { c::rd_kafka_assignment_lost(self.client()) != 0 }
    }

    /// The partitions held now.
    pub(in crate::kafka) fn assignment(&self) -> Vec<TopicPartition> {
        let mut list = ptr::null_mut();
        // SAFETY: the client is alive; a list is ours.
        let list = unsafe {
            raw::rd_kafka_assignment(self.client(), &mut list);
            List::from_pointer(list)
        };
        let read = list.map(|list| list.read()).unwrap_or_default();
        read.into_iter().map(|read| read.partition).collect()
    }

    /// Commits next offsets and waits for the group's coordinator, no longer than `timeout`.
    pub(in crate::kafka) fn commit(
        &self,
        offsets: &[NextOffset],
        timeout: Duration,
    ) -> Result<(), Fault> {
        let commit = self.begin_commit(offsets)?;
        let unanswered = || Err(Fault::new(code::TIMED_OUT, "the commit was not answered"));
        commit.outcome(timeout).unwrap_or_else(unanswered)
    }

    /// Commits next offsets, to be asked later what became of it.
    pub(in crate::kafka) fn begin_commit(&self, offsets: &[NextOffset]) -> Result<Commit, Fault> {
        let answers = self.new_queue()?;
        self.send_commit(offsets, answers.pointer())?;
        Ok(Commit(answers))
    }

    /// Commits next offsets; the outcome is an event.
    pub(in crate::kafka) fn commit_in_background(
        &self,
        offsets: &[NextOffset],
    ) -> Result<(), Fault> {
        self.send_commit(offsets, self.queue().pointer())
    }

    fn send_commit(
        &self,
        offsets: &[NextOffset],
        answers: *mut c::rd_kafka_queue_t,
    ) -> Result<(), Fault> {
        let list = List::to_commit(offsets)?;
        // SAFETY: client, list and queue are alive; the list is copied; without a callback the answer is an event.
        check(unsafe {
            raw::rd_kafka_commit_queue(
                self.client(),
                list.pointer(),
                answers,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        })
    }

    /// Stops fetching these partitions, which stay assigned.
    pub(in crate::kafka) fn pause(&self, partitions: &[TopicPartition]) -> Result<(), Fault> {
        let list = List::of(partitions)?;
        // SAFETY: client and list are alive.
        check(unsafe { raw::rd_kafka_pause_partitions(self.client(), list.pointer()) })?;
        first_fault(&list)
    }

    pub(in crate::kafka) fn resume(&self, partitions: &[TopicPartition]) -> Result<(), Fault> {
        let list = List::of(partitions)?;
        // SAFETY: client and list are alive.
        check(unsafe { raw::rd_kafka_resume_partitions(self.client(), list.pointer()) })?;
        first_fault(&list)
    }

    /// Moves on to other offsets of partitions that are assigned.
    pub(in crate::kafka) fn seek(
        &self,
        offsets: &[(TopicPartition, i64)],
        timeout: Duration,
    ) -> Result<(), Fault> {
        let list = List::with_offsets(
            offsets
                .iter()
                .map(|(partition, offset)| (partition, *offset)),
        )?;
        // SAFETY: client and list are alive; the error is taken over.
        unsafe {
            consume_error(c::rd_kafka_seek_partitions(
                self.client(),
                list.pointer(),
                milliseconds(timeout),
            ))?;
        }
        first_fault(&list)
    }

    /// Begins to leave the group. What is held is taken away by a last rebalance event; then [`Handle::has_left`].
    pub(in crate::kafka) fn begin_to_leave(&self) -> Result<(), Fault> {
        // SAFETY: client and queue are alive; the error is taken over.
        unsafe {
            consume_error(c::rd_kafka_consumer_close_queue(
                self.client(),
                self.queue().pointer(),
            ))
        }
    }

    pub(in crate::kafka) fn has_left(&self) -> bool {
        // SAFETY: the client is alive.
        unsafe { c::rd_kafka_consumer_closed(self.client()) != 0 }
    }
}

/// A commit under way. Must not outlive its client.
pub(in crate::kafka) struct Commit(Queue);

impl Commit {
    /// What became of it; `None` when there is no answer within `timeout`.
    pub(in crate::kafka) fn outcome(&self, timeout: Duration) -> Option<Result<(), Fault>> {
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.0.poll(left) {
                Some(event) => {
                    if let Some(outcome) = event.commit() {
                        return Some(outcome);
                    }
                }
                None if left.is_zero() => return None,
                None => {}
            }
        }
    }
}
