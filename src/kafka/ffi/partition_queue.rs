//! A member's partitions, each with a queue of its own.
//!
//! In the one queue that librdkafka fills by default, the records of a partition that is stuck stand in the way of all
//! others; and to pause it throws away what was fetched, to fetch it again later. A queue of its own is simply not read:
//! librdkafka stops fetching when it holds enough.

use super::super::error::{Fault, code};
use super::super::membership::NextOffset;
use super::super::wake::Wake;
use super::batch::{Batch, fetch};
use super::handle::{Handle, Queue};
use super::partitions::{List, first_fault};
use super::{c_text, check, milliseconds, raw};
use crate::model::topic::TopicPartition;
use rdkafka::bindings as c;
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What a queue tells from librdkafka's threads.
struct Signal {
    /// Whether something may be in the queue.
    pending: AtomicBool,
    wake: Arc<Wake>,
}

/// The queue of one partition, which holds its records, and what is wrong with it. Must not outlive its client.
pub(in crate::kafka) struct PartitionQueue {
    queue: Queue,
    /// librdkafka has a pointer to it until the queue is dropped.
    signal: Arc<Signal>,
    /// Room for a batch; empty between two.
    room: Vec<*mut c::rd_kafka_message_t>,
}

// SAFETY: the queue may be used from any thread, and there is no message in the room while it moves.
unsafe impl Send for PartitionQueue {}

impl Handle {
    /// Takes the partition's records out of the consumer's queue into one of its own; before it is assigned, or the
    /// first may still come the other way. `wake` is told when an empty queue gets something.
    pub(in crate::kafka) fn partition_queue(
        &self,
        partition: &TopicPartition,
        wake: Arc<Wake>,
    ) -> Result<PartitionQueue, Fault> {
        let topic = c_text(&partition.topic)?;
        // SAFETY: the client and the name are alive; the queue is a new reference, null for a producer only.
        let queue = unsafe {
            c::rd_kafka_queue_get_partition(self.client(), topic.as_ptr(), partition.partition)
        };
        let queue = NonNull::new(queue)
            .map(Queue::new)
            .ok_or_else(|| Fault::new(code::INVALID_ARG, "no queue"))?;
        let signal = Arc::new(Signal {
            pending: AtomicBool::new(true),
            wake,
        });
        // SAFETY: the queue is alive; null ends the forwarding. The signal lives until the callback is taken back, in
        // the queue's drop.
        unsafe {
            c::rd_kafka_queue_forward(queue.pointer(), ptr::null_mut());
            c::rd_kafka_queue_cb_event_enable(
                queue.pointer(),
                Some(on_records),
                Arc::as_ptr(&signal).cast_mut().cast(),
            );
        }
        Ok(PartitionQueue {
            queue,
            signal,
            room: Vec::new(),
        })
    }

    /// The offset after the last thing read from each partition, be it a transaction's marker; -1001 before the first.
    pub(in crate::kafka) fn position(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<Vec<(TopicPartition, i64)>, Fault> {
        let list = List::of(partitions)?;
        // SAFETY: client and list are alive.
        check(unsafe { raw::rd_kafka_position(self.client(), list.pointer()) })?;
        let read = list.read().into_iter();
        Ok(read.map(|read| (read.partition, read.offset)).collect())
    }

    /// What the group has committed for these partitions, where it has, as its coordinator says. Waits until
    /// transactions that would change it are over, no longer than `timeout`.
    pub(in crate::kafka) fn committed(
        &self,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> Result<Vec<NextOffset>, Fault> {
        let list = List::of(partitions)?;
        let timeout = milliseconds(timeout);
        // SAFETY: client and list are alive.
        check(unsafe { raw::rd_kafka_committed(self.client(), list.pointer(), timeout) })?;
        // Of a partition that could not be asked about it is not known whether there is a commit.
        first_fault(&list)?;
        Ok(list.committed())
    }
}

impl PartitionQueue {
    /// Whether something may be there.
    pub(in crate::kafka) fn is_pending(&self) -> bool {
        self.signal.pending.load(Ordering::Acquire)
    }

    /// What is there, at most so many; it does not wait. May be empty.
    pub(in crate::kafka) fn take(&mut self, most: usize) -> Batch<'_> {
        // Before the look: what comes afterwards says so again.
        self.signal.pending.store(false, Ordering::Release);
        fetch(&self.queue, &mut self.room, most, Duration::ZERO);
        if !self.room.is_empty() {
            // There may be more, and a queue that was not emptied does not tell.
            self.signal.pending.store(true, Ordering::Release);
        }
        Batch::new(&mut self.room)
    }
}

impl Drop for PartitionQueue {
    fn drop(&mut self) {
        // SAFETY: the queue is alive. librdkafka calls back under the queue's lock, which this takes too: afterwards
        // nobody uses the signal.
        unsafe { c::rd_kafka_queue_cb_event_enable(self.queue.pointer(), None, ptr::null_mut()) };
    }
}

/// Called on librdkafka's threads, under the queue's lock.
unsafe extern "C" fn on_records(_client: *mut c::rd_kafka_t, opaque: *mut c_void) {
    // SAFETY: the opaque is the signal of a queue that is not dropped yet.
    let signal = unsafe { &*opaque.cast_const().cast::<Signal>() };
    signal.pending.store(true, Ordering::Release);
    signal.wake.wake();
}
