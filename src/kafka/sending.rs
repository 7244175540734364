//! Records on their way into the client's queue.

use super::delivery::{Deliveries, lock};
use super::error::{Fault, code};
use super::ffi::producer::Topic;
use super::outcomes::opaque;
use super::producer::Delivered;
use crate::error::Result;
use crate::model::record::{OutgoingRecord, OutgoingRef};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How often a full queue is looked at, whether there is room.
const ROOM_CHECK: Duration = Duration::from_millis(10);

impl Deliveries {
    /// See [`Producer::send`](super::Producer::send).
    pub(super) fn send(
        &self,
        record: &OutgoingRecord,
    ) -> Result<oneshot::Receiver<Result<Delivered>>> {
        let topic = self.topic(&record.topic)?;
        self.send_to(&topic, &record.topic, record.into())
    }

    /// See [`Outlet::send`](super::Outlet::send).
    pub(super) fn send_to(
        &self,
        topic: &Topic,
        name: &str,
        record: OutgoingRef<'_>,
    ) -> Result<oneshot::Receiver<Result<Delivered>>> {
        let (sender, receiver) = oneshot::channel();
        let id = self.next_delivery.fetch_add(1, Ordering::Relaxed);
        lock(&self.deliveries).insert(id, sender);
        let sent = opaque(id, false).and_then(|opaque| {
            let outcome = self.produce(topic, record, opaque)?;
            outcome.map_err(|fault| self.refusal(name, record, fault))
        });
        if let Err(error) = sent {
            lock(&self.deliveries).remove(&id);
            return Err(error);
        }
        Ok(receiver)
    }

    /// See [`Producer::enqueue`](super::Producer::enqueue).
    pub(super) fn enqueue(&self, record: &OutgoingRecord, token: u64) -> Result<()> {
        let topic = self.topic(&record.topic)?;
        self.produce(&topic, record.into(), opaque(token, true)?)?
            .map_err(|fault| self.refusal(&record.topic, record.into(), fault))
    }

    /// See [`Outlet::enqueue`](super::Outlet::enqueue).
    pub(super) fn enqueue_to(
        &self,
        topic: &Topic,
        name: &str,
        record: OutgoingRef<'_>,
        token: u64,
    ) -> Result<()> {
        match self.produce(topic, record, opaque(token, true)?)? {
            Err(fault) if fault.code == code::MESSAGE_TOO_LARGE => {
                let error = self.refusal(name, record, fault);
                lock(&self.outcomes).keep(token, error);
                self.enqueued.fetch_add(1, Ordering::AcqRel);
                self.failed.fetch_add(1, Ordering::AcqRel);
                Ok(())
            }
            outcome => outcome.map_err(|fault| self.refusal(name, record, fault)),
        }
    }

    /// The client's object for a topic, made at its first record.
    pub(super) fn topic(&self, name: &str) -> Result<Arc<Topic>> {
        let mut topics = lock(&self.topics);
        if let Some(topic) = topics.get(name) {
            return Ok(Arc::clone(topic));
        }
        let topic = self.handle.topic(name);
        let topic = topic.map_err(|fault| self.refusal(name, OutgoingRef::default(), fault))?;
        let topic = Arc::new(topic);
        topics.insert(name.to_owned(), Arc::clone(&topic));
        Ok(topic)
    }

    /// Outside, that the queue takes nothing; inside, that it does not take this record.
    fn produce(
        &self,
        topic: &Topic,
        record: OutgoingRef<'_>,
        opaque: usize,
    ) -> Result<Result<(), Fault>> {
        if !self.handle.context().member_up() {
            let mut since = lock(&self.waiting_since);
            if since.is_none() {
                *since = Some(Instant::now());
                self.handle.wake();
            }
        }
        let mut deadline = None;
        self.enqueued.fetch_add(1, Ordering::AcqRel);
        let outcome = loop {
            match self.handle.produce(topic, record, opaque) {
                Err(fault) if fault.code == code::QUEUE_FULL => {
                    if self.gave_up.load(Ordering::Acquire) {
                        break Err(self.place().unreachable());
                    }
                    let now = Instant::now();
                    if now >= *deadline.get_or_insert(now + self.timeout) {
                        break Err(self.unacknowledged());
                    }
                    let outcomes = lock(&self.outcomes);
                    drop(self.room.wait_timeout(outcomes, ROOM_CHECK));
                }
                outcome => break Ok(outcome),
            }
        };
        if !matches!(outcome, Ok(Ok(()))) {
            self.enqueued.fetch_sub(1, Ordering::AcqRel);
        }
        outcome
    }

    fn refusal(&self, topic: &str, record: OutgoingRef<'_>, fault: Fault) -> crate::error::Error {
        let fault = self.handle.fatal().unwrap_or(fault);
        self.failure(topic, record.partition, record.size(), fault)
    }
}
