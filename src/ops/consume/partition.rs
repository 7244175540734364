//! A partition in our hands: its queue, its progress, and the task that handles its records in order.

use super::retry::Backoff;
use super::shared::Shared;
use super::{Dedupe, Delivery};
use crate::error::{Error, Result};
use crate::model::dead_letter::{Failure, FailureKind};
use crate::model::record::Record;
use crate::model::topic::TopicPartition;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

/// So much waits in a queue at most; then the partition is paused, until half of it is handled.
const QUEUED_RECORDS: usize = 256;
const QUEUED_BYTES: usize = 4 * 1024 * 1024;

/// An assigned partition, as the member's thread sees it.
pub(super) struct Partition {
    place: TopicPartition,
    queue: mpsc::UnboundedSender<Record>,
    progress: Arc<Progress>,
    delivery: Delivery,
    revoked: watch::Sender<bool>,
    task: AbortHandle,
    /// Says nothing, and is closed when the task is gone, however it went.
    ended: std::sync::mpsc::Receiver<()>,
    /// The last offset that was committed since the partition was assigned.
    committed: Option<i64>,
    pub(super) paused: bool,
}

/// How far the task is.
struct Progress {
    /// The offset to commit, -1 while there is none: one past the last record that is done, or, at most once, that
    /// was begun.
    next: AtomicI64,
    records: AtomicUsize,
    bytes: AtomicUsize,
}

impl Partition {
    /// Starts the task. One that was `paused` when it left us last may still be: it is resumed soon.
    pub(super) fn start(
        place: TopicPartition,
        shared: Arc<Shared>,
        runtime: &Handle,
        paused: bool,
    ) -> Self {
        let (queue, records) = mpsc::unbounded_channel();
        let (revoked, revocation) = watch::channel(false);
        let (alive, ended) = std::sync::mpsc::channel();
        let progress = Arc::new(Progress {
            next: AtomicI64::new(-1),
            records: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        });
        let delivery = shared.delivery;
        let task = Task {
            backoff: shared.backoff(),
            shared,
            progress: Arc::clone(&progress),
            revoked: revocation,
            orderly: false,
            _alive: alive,
        };
        Partition {
            place,
            task: runtime.spawn(task.run(records)).abort_handle(),
            queue,
            progress,
            delivery,
            revoked,
            ended,
            committed: None,
            paused,
        }
    }

    pub(super) fn place(&self) -> &TopicPartition {
        &self.place
    }

    /// Queues a record; whether the queue is full now.
    pub(super) fn push(&self, record: Record) -> bool {
        let records = self.progress.records.fetch_add(1, Ordering::AcqRel) + 1;
        if self.delivery == Delivery::AtMostOnce {
            self.progress.begins_at(&record);
        }
        let size = record.size();
        let bytes = self.progress.bytes.fetch_add(size, Ordering::AcqRel) + size;
        // When the task is gone the record is not done, and nothing after it: the member is ending.
        let _ = self.queue.send(record);
        records >= QUEUED_RECORDS || bytes >= QUEUED_BYTES
    }

    /// Whether there is room enough to be worth fetching again.
    pub(super) fn has_room(&self) -> bool {
        let records = self.progress.records.load(Ordering::Acquire);
        let bytes = self.progress.bytes.load(Ordering::Acquire);
        records <= QUEUED_RECORDS / 2 && bytes <= QUEUED_BYTES / 2
    }

    /// The offset to commit, when it is another than the last that was.
    pub(super) fn due(&self) -> Option<i64> {
        let next = self.progress.next.load(Ordering::Acquire);
        (next >= 0 && self.committed != Some(next)).then_some(next)
    }

    pub(super) fn committed(&mut self, offset: i64) {
        self.committed = Some(offset);
    }

    /// Asks the task to end after the record in hand.
    pub(super) fn revoke(&self) {
        self.revoked.send_replace(true);
    }

    /// Waits until the task has ended, which is dropped when the time is over.
    pub(super) fn end(&self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        // Nothing is ever sent: this returns when the task is gone, or the time is over.
        let ended = self.ended.recv_timeout(left);
        if ended == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            self.task.abort();
        }
    }
}

struct Task {
    shared: Arc<Shared>,
    progress: Arc<Progress>,
    revoked: watch::Receiver<bool>,
    backoff: Backoff,
    orderly: bool,
    _alive: std::sync::mpsc::Sender<()>,
}

enum Outcome {
    Handled,
    DeadLettered,
    /// The partition was given away first.
    Left,
}

impl Task {
    async fn run(mut self, mut records: mpsc::UnboundedReceiver<Record>) {
        loop {
            let record = tokio::select! {
                biased;
                () = revocation(&mut self.revoked) => None,
                record = records.recv() => record,
            };
            let Some(record) = record else { break };
            match self.process(&record).await {
                Ok(true) => self.progress.done(&record),
                Ok(false) => break,
                Err(error) => {
                    self.shared.fail(error);
                    break;
                }
            }
            self.shared.count();
        }
        self.orderly = true;
    }

    /// Whether the record is done; `false` when its partition was given away first.
    async fn process(&mut self, record: &Record) -> Result<bool> {
        let claim = match self.shared.dedupe.clone() {
            Dedupe::None => None,
            Dedupe::Memory(memory) => {
                let event = record.event_id();
                let claim = tokio::select! {
                    biased;
                    claim = memory.claim(&event) => claim,
                    () = revocation(&mut self.revoked) => return Ok(false),
                };
                if claim.is_none() {
                    self.shared.meter.duplicate();
                    return Ok(true);
                }
                claim
            }
        };
        if self.shared.delivery == Delivery::AtMostOnce {
            self.progress.begun(record);
        }
        let outcome = self.handle(record).await?;
        if let (Outcome::Handled, Some(claim)) = (&outcome, claim) {
            claim.done();
        }
        Ok(!matches!(outcome, Outcome::Left))
    }

    async fn handle(&mut self, record: &Record) -> Result<Outcome> {
        let mut attempt = 1;
        loop {
            let begun = Instant::now();
            let answer = self.shared.handler.handle(record, attempt).await;
            self.shared.meter.attempt(begun.elapsed());
            let failure = match answer {
                Ok(_) => {
                    self.shared.meter.processed();
                    if let Some(breaker) = &self.shared.breaker {
                        breaker.lived();
                    }
                    return Ok(Outcome::Handled);
                }
                Err(failure) => failure,
            };
            tracing::debug!(record = record.coordinates(), attempt, %failure, "failed");
            if failure.kind != FailureKind::Transient || attempt > self.shared.max_retries() {
                self.bury(record, &failure, attempt).await?;
                return Ok(Outcome::DeadLettered);
            }
            if !self.wait(attempt).await {
                return Ok(Outcome::Left);
            }
            self.shared.meter.retried();
            attempt += 1;
        }
    }

    /// Whether the wait before the next attempt ended by itself.
    async fn wait(&mut self, attempt: u32) -> bool {
        let wait: Duration = self.backoff.after(attempt);
        tokio::select! {
            biased;
            () = revocation(&mut self.revoked) => false,
            () = tokio::time::sleep(wait) => true,
        }
    }

    async fn bury(&self, record: &Record, failure: &Failure, attempts: u32) -> Result<()> {
        if let Some(breaker) = &self.shared.breaker
            && !breaker.may_die()
        {
            let error = Error::failed(format!(
                "group `{}` stopped: more than half of its last 100 records failed, now `{}`: {failure}",
                self.shared.group,
                record.coordinates()
            ));
            return Err(
                error.hint("it was not committed; repair the handler, or what it depends on")
            );
        }
        self.shared
            .dead_letters
            .bury(record, failure, Some(attempts))
            .await?;
        self.shared.meter.dead_lettered();
        Ok(())
    }
}

impl Drop for Task {
    /// A handler that panics must not leave a partition that nobody reads.
    fn drop(&mut self) {
        if !self.orderly && !*self.revoked.borrow() {
            let group = &self.shared.group;
            self.shared.fail(Error::failed(format!(
                "a task of group `{group}` ended unexpectedly"
            )));
        }
    }
}

impl Progress {
    /// Committed before it was queued: if it is never begun, this is where to begin again.
    fn begins_at(&self, record: &Record) {
        let _ = self
            .next
            .compare_exchange(-1, record.offset, Ordering::AcqRel, Ordering::Acquire);
    }

    fn begun(&self, record: &Record) {
        self.next.store(record.offset + 1, Ordering::Release);
    }

    fn done(&self, record: &Record) {
        self.next.store(record.offset + 1, Ordering::Release);
        self.records.fetch_sub(1, Ordering::AcqRel);
        self.bytes.fetch_sub(record.size(), Ordering::AcqRel);
    }
}

/// Waits until the partition is given away.
async fn revocation(revoked: &mut watch::Receiver<bool>) {
    // Its only error is that the partition was dropped, which is the same to us.
    let _ = revoked.wait_for(|revoked| *revoked).await;
}
