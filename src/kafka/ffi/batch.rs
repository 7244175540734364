//! Records by the batch, looked at where librdkafka keeps them.
//!
//! An event a record costs two locks, two looks at the clock and an allocation each; a batch costs them once. So the
//! partitions that are read without a group hand their records to a queue of their own, which holds nothing else than
//! records and what is wrong with a partition. (A member's must not: a rebalance in it would be answered by librdkafka
//! itself, unseen.)

use super::super::error::Fault;
use super::handle::{Handle, Queue};
use super::message::{Message, code_of};
use super::{c_text, milliseconds};
use crate::model::topic::TopicPartition;
use rdkafka::bindings as c;
use std::ptr::{self, NonNull};
use std::time::Duration;

/// How many records a batch may hold: the longest that an event waits, and that a request to stop goes unseen.
const BATCH: usize = 1000;

/// The queue that some partitions' records are forwarded to.
pub(in crate::kafka) struct Batches {
    partitions: Vec<Queue>,
    records: Queue,
    /// Room for a batch; empty between two.
    room: Vec<*mut c::rd_kafka_message_t>,
}

// SAFETY: the queues may be used from any thread, and there is no message in the room while it moves.
unsafe impl Send for Batches {}

impl Handle {
    /// Forwards the records of these partitions, which are assigned afterwards.
    pub(in crate::kafka) fn batches(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<Batches, Fault> {
        let mut batches = Batches {
            partitions: Vec::with_capacity(partitions.len()),
            records: self.new_queue()?,
            room: Vec::with_capacity(BATCH),
        };
        for partition in partitions {
            let topic = c_text(&partition.topic)?;
            // SAFETY: the client and the name are alive; the queue is a new reference, null for a producer only.
            let queue = unsafe {
                c::rd_kafka_queue_get_partition(self.client(), topic.as_ptr(), partition.partition)
            };
            if let Some(queue) = NonNull::new(queue).map(Queue::new) {
                // SAFETY: both queues are alive.
                unsafe { c::rd_kafka_queue_forward(queue.pointer(), batches.records.pointer()) };
                batches.partitions.push(queue);
            }
        }
        Ok(batches)
    }
}

impl Batches {
    /// What is at hand; if that is nothing, the first that comes within `timeout`. May be empty.
    pub(in crate::kafka) fn next(&mut self, timeout: Duration) -> Batch<'_> {
        // librdkafka waits until a batch is full: for more than one record nobody shall wait.
        fetch(&self.records, &mut self.room, BATCH, Duration::ZERO);
        if self.room.is_empty() && !timeout.is_zero() {
            fetch(&self.records, &mut self.room, 1, timeout);
        }
        Batch::new(&mut self.room)
    }
}

/// Fills the room, which was empty, with what is at hand or comes within `timeout`.
pub(super) fn fetch(
    queue: &Queue,
    room: &mut Vec<*mut c::rd_kafka_message_t>,
    most: usize,
    timeout: Duration,
) {
    room.resize(most, ptr::null_mut());
    // SAFETY: the queue is alive, and the room holds as many pointers as it says; those written are ours.
    let found = unsafe {
        c::rd_kafka_consume_batch_queue(
            queue.pointer(),
            milliseconds(timeout),
            room.as_mut_ptr(),
            most,
        )
    };
    room.truncate(usize::try_from(found).unwrap_or(0));
}

impl Drop for Batches {
    fn drop(&mut self) {
        // What is still queued refers to the partitions, and they to the queue: cut here, or neither would ever go.
        for queue in &self.partitions {
            // SAFETY: the queue is alive; null ends the forwarding.
            unsafe { c::rd_kafka_queue_forward(queue.pointer(), ptr::null_mut()) };
        }
    }
}

/// Messages, freed together.
pub(in crate::kafka) struct Batch<'a>(&'a mut Vec<*mut c::rd_kafka_message_t>);

impl<'a> Batch<'a> {
    /// Of a room that [`fetch`] filled.
    pub(super) fn new(room: &'a mut Vec<*mut c::rd_kafka_message_t>) -> Self {
        Batch(room)
    }
}

impl Batch<'_> {
    pub(in crate::kafka) fn len(&self) -> usize {
        self.0.len()
    }

    /// The messages in their order: each a record, or what is wrong instead of one and where.
    pub(in crate::kafka) fn messages(&self) -> impl Iterator<Item = Result<Message<'_>, Failure>> {
        let mut topic: (*mut c::rd_kafka_topic_t, &str) = (ptr::null_mut(), "");
        let live = self.0.iter().filter_map(|message| NonNull::new(*message));
        live.map(move |live| {
            let message = live.as_ptr();
            // SAFETY: librdkafka filled the room with live messages, freed when the batch is dropped, which outlives
            // what is read from them here. A topic's name lives as long as a message of it.
            unsafe {
                if code_of(message) != 0 {
                    return Err(Failure::of(message));
                }
                if (*message).rkt != topic.0 {
                    topic = ((*message).rkt, Message::topic(message));
                }
                Ok(Message::new(live, topic.1))
            }
        })
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for message in self.0.drain(..) {
            // SAFETY: ours, freed once.
            unsafe { c::rd_kafka_message_destroy(message) };
        }
    }
}

/// What came instead of a record.
pub(in crate::kafka) struct Failure {
    pub(in crate::kafka) fault: Fault,
    pub(in crate::kafka) partition: TopicPartition,
    /// That of the next record, at the end of a partition.
    pub(in crate::kafka) offset: i64,
}

impl Failure {
    /// # Safety
    /// `message` is a live message with an error.
    unsafe fn of(message: *const c::rd_kafka_message_t) -> Self {
        // SAFETY: alive; the reason belongs to it and is copied.
        unsafe {
            Failure {
                fault: Fault::new(
                    code_of(message),
                    super::text(c::rd_kafka_message_errstr(message)),
                ),
                partition: TopicPartition::new(Message::topic(message), (*message).partition),
                offset: (*message).offset,
            }
        }
    }
}
