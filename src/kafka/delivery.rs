//! What becomes of the records that were sent: the producer's polling thread and its books.

use super::authorization::Operation;
use super::error::{Fault, Place, Subject, code};
use super::ffi::handle::Handle;
use super::ffi::producer::{Report, Topic};
use super::outcomes::{Outcomes, Run};
use super::producer::{Delivered, Tally};
use crate::error::{Error, Result};
use crate::model::topic::TopicPartition;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How often the poller looks at the connection until the first records can leave, and later. Reports wake it at once.
const IMPATIENT: Duration = Duration::from_millis(5);
const PATIENT: Duration = Duration::from_millis(100);

/// How long the poller waits for the metadata that gets it a producer id, and how often it asks: the first may have
/// gone to a connection that ends, once the cluster has named the same broker.
const ACQUAINTANCE: Duration = Duration::from_millis(100);
const INTRODUCTIONS: u32 = 5;

/// How often a flush looks whether there is still hope.
const FLUSH_SLICE: Duration = Duration::from_millis(50);

/// How long the reports of records given up are waited for.
const LAST_REPORTS: Duration = Duration::from_millis(500);

/// A producing client with the books over its records; shared by the producer's clones and the polling thread.
pub(super) struct Deliveries {
    /// Before the handle, since topics must go before their client.
    pub(super) topics: Mutex<HashMap<String, Arc<Topic>>>,
    pub(super) handle: Handle,
    brokers: String,
    pub(super) timeout: Duration,
    /// The most bytes a record may have, where it is known.
    largest: Option<u32>,
    /// Every record is part of a transaction, and is withdrawn with it.
    transactional: bool,
    /// None is given up because nobody can be reached.
    patient: bool,
    pub(super) enqueued: AtomicU64,
    acknowledged: AtomicU64,
    bytes: AtomicU64,
    pub(super) failed: AtomicU64,
    withdrawn: AtomicU64,
    /// Since when records wait, until the cluster answered for the first time.
    pub(super) waiting_since: Mutex<Option<Instant>>,
    /// Records were given up because nobody can be reached; the next flush says so at once.
    pub(super) gave_up: AtomicBool,
    /// The same, until a record is acknowledged: a flush that finds nothing left to wait for says so again.
    none_reached: AtomicBool,
    pub(super) outcomes: Mutex<Outcomes>,
    pub(super) next_delivery: AtomicU64,
    pub(super) deliveries: Mutex<HashMap<u64, oneshot::Sender<Result<Delivered>>>>,
    /// Signalled whenever reports made room in the queue.
    pub(super) room: Condvar,
    stop: AtomicBool,
}

impl Deliveries {
    pub(super) fn new(
        handle: Handle,
        brokers: &str,
        timeout: Duration,
        largest: Option<u32>,
        transactional: bool,
        patient: bool,
    ) -> Self {
        Deliveries {
            topics: Mutex::default(),
            handle,
            brokers: brokers.to_owned(),
            timeout,
            largest,
            transactional,
            patient,
            enqueued: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            withdrawn: AtomicU64::new(0),
            waiting_since: Mutex::default(),
            gave_up: AtomicBool::new(false),
            none_reached: AtomicBool::new(false),
            outcomes: Mutex::default(),
            next_delivery: AtomicU64::new(0),
            deliveries: Mutex::default(),
            room: Condvar::new(),
            stop: AtomicBool::new(false),
        }
    }

    pub(super) fn tally(&self) -> Tally {
        // Outcomes first: a record that is acknowledged between the loads is then counted as in flight.
        let acknowledged = self.acknowledged.load(Ordering::Acquire);
        let failed = self.failed.load(Ordering::Acquire);
        let withdrawn = self.withdrawn.load(Ordering::Acquire);
        let enqueued = self.enqueued.load(Ordering::Acquire);
        Tally {
            acknowledged,
            bytes: self.bytes.load(Ordering::Acquire),
            failed,
            withdrawn,
            in_flight: enqueued.saturating_sub(acknowledged + failed + withdrawn),
        }
    }

    pub(super) fn take_failures(&self) -> Vec<(u64, Error)> {
        lock(&self.outcomes).take_failures()
    }

    pub(super) fn has_failures(&self) -> bool {
        lock(&self.outcomes).has_failures()
    }

    pub(super) fn acknowledged_offsets(&self) -> BTreeMap<TopicPartition, (i64, i64)> {
        let topics = lock(&self.topics);
        let names: HashMap<usize, &String> = topics
            .iter()
            .map(|(name, topic)| (topic.id(), name))
            .collect();
        lock(&self.outcomes)
            .offsets()
            .filter_map(|((topic, partition), offsets)| {
                let name = names.get(&topic)?;
                Some((TopicPartition::new(name.as_str(), partition), offsets))
            })
            .collect()
    }

    /// See [`Producer::flush`](super::Producer::flush).
    pub(super) fn flush(&self, deadline: Duration) -> Result<()> {
        let mut settled = self.settled();
        let mut end = Instant::now() + deadline;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let done = self.handle.flush(left.min(FLUSH_SLICE));
            if self.gave_up.swap(false, Ordering::AcqRel)
                || (done && self.none_reached.load(Ordering::Acquire))
            {
                return Err(self.place().unreachable());
            }
            // Of a transaction in which a record failed nothing more is sent, so that the others would be waited for in vain.
            if done || (self.transactional && self.has_failures()) {
                return Ok(());
            }
            let now = self.settled();
            if now != settled {
                settled = now;
                end = Instant::now() + deadline;
            } else if left.is_zero() {
                return Err(self.unacknowledged());
            }
        }
    }

    /// How many records have their outcome.
    fn settled(&self) -> u64 {
        let tally = self.tally();
        tally.acknowledged + tally.failed + tally.withdrawn
    }

    /// Ends the polling thread.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.handle.wake();
    }

    /// See [`Producer::broken`](super::Producer::broken).
    pub(super) fn broken(&self) -> Option<Error> {
        let fault = self.handle.fatal()?;
        Some(self.place().error("produce", Subject::Cluster, fault))
    }

    pub(super) fn place(&self) -> Place<'_> {
        Place {
            brokers: &self.brokers,
            context: self.handle.context(),
        }
    }

    pub(super) fn unacknowledged(&self) -> Error {
        if !self.handle.context().ever_up() {
            return self.place().unreachable();
        }
        let records = self.tally().in_flight;
        let plural = if records == 1 {
            "record is"
        } else {
            "records are"
        };
        let error = Error::unreachable(format!(
            "{records} {plural} not acknowledged by `{}`",
            self.brokers
        ))
        .hint("whether they were written is unknown: producing again may duplicate them");
        match self.handle.context().last() {
            Some(fault) => error.caused_by(fault),
            None => error,
        }
    }

    /// What is wrong with a record of `size` bytes that was not taken.
    pub(super) fn failure(
        &self,
        topic: &str,
        partition: Option<i32>,
        size: usize,
        fault: Fault,
    ) -> Error {
        if fault.code == code::MESSAGE_TOO_LARGE {
            let limit = self
                .largest
                .map_or_else(String::new, |limit| format!(" of {limit}"));
            let text = format!("{size} bytes are over the limit{limit} for topic `{topic}`");
            return Error::failed(text).hint(format!(
                "`eda topic alter {topic} -c max.message.bytes=N` raises it"
            ));
        }
        let doing = format!("produce to `{topic}`");
        match partition {
            Some(partition) if fault.code == code::UNKNOWN_PARTITION => {
                let subject = Subject::Partition(topic, partition);
                self.place().error(&doing, subject, fault)
            }
            _ => {
                let asked = Subject::Topic(topic).needing(Operation::Write);
                self.place().error(&doing, asked, fault)
            }
        }
    }

    /// The poller's thread.
    pub(super) fn listen(&self) {
        let context = self.handle.context();
        let mut introductions = 0;
        while !self.stop.load(Ordering::Acquire) {
            let settled = self.acknowledged.load(Ordering::Acquire) > 0;
            let acquainted = settled || introductions >= INTRODUCTIONS;
            if !acquainted && context.member_up() {
                introductions += 1;
                self.handle.refresh_metadata(ACQUAINTANCE);
            }
            let waiting = lock(&self.waiting_since).is_some();
            let never = waiting && !context.ever_up();
            // Looked at before the queue is drained, so that the reason for it is not left in the queue.
            let hopeless = never && !self.patient && (context.hopeless() || self.waited_too_long());
            let tick = match hopeless {
                true => Duration::ZERO,
                false if waiting && !acquainted => IMPATIENT,
                false => PATIENT,
            };
            match self.handle.poll(tick) {
                Some(event) => self.settle(self.handle.reports(&event)),
                None if hopeless => self.give_up(),
                None => {}
            }
        }
        let left = self.tally().in_flight;
        if left > 0 {
            tracing::warn!(
                records = left,
                "a producer was dropped before it was flushed"
            );
            self.handle.purge();
            self.settle_until(Instant::now() + LAST_REPORTS);
        }
    }

    fn waited_too_long(&self) -> bool {
        lock(&self.waiting_since).is_some_and(|since| since.elapsed() >= self.timeout)
    }

    /// Nobody can be reached: fails what waits, so that its senders learn it now and not after the message time-out.
    fn give_up(&self) {
        self.none_reached.store(true, Ordering::Release);
        self.handle.purge();
        self.settle_until(Instant::now() + LAST_REPORTS);
        // Last: a flush that hears of it finds every record's failure in the books.
        self.gave_up.store(true, Ordering::Release);
        *lock(&self.waiting_since) = None;
        self.handle.context().try_again();
        self.room.notify_all();
    }

    /// Serves reports until every record has one.
    fn settle_until(&self, end: Instant) {
        while Instant::now() < end && !self.handle.flush(Duration::ZERO) {
            if let Some(event) = self.handle.poll(IMPATIENT) {
                self.settle(self.handle.reports(&event));
            }
        }
    }

    /// Accounts for a batch of reports.
    fn settle(&self, reports: Vec<Report>) {
        if reports.is_empty() {
            return;
        }
        let (mut acknowledged, mut bytes, mut failed, mut withdrawn) = (0, 0, 0, 0);
        let mut run: Option<Run> = None;
        for report in reports {
            let place = (report.topic, report.partition);
            let result = match report.fault {
                // Not kept: why the transaction was given up is told elsewhere, once.
                Some(fault) if self.transactional && fault.is_withdrawal() => {
                    withdrawn += 1;
                    self.dismiss(report.opaque);
                    continue;
                }
                Some(fault) => {
                    failed += 1;
                    Err(self.failure(
                        &self.topic_name(report.topic),
                        Some(report.partition),
                        report.size,
                        fault,
                    ))
                }
                None => {
                    acknowledged += 1;
                    bytes += report.size as u64;
                    // A batch is of one partition and in order, so almost always this extends the run.
                    match &mut run {
                        Some((of, (_, last))) if *of == place && report.offset > *last => {
                            *last = report.offset;
                        }
                        _ => {
                            self.note(run.take());
                            run = Some((place, (report.offset, report.offset)));
                        }
                    }
                    Ok(Delivered {
                        partition: report.partition,
                        offset: report.offset,
                    })
                }
            };
            self.answer(report.opaque, result);
        }
        self.note(run);
        if acknowledged > 0 {
            self.none_reached.store(false, Ordering::Release);
            self.gave_up.store(false, Ordering::Release);
        }
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
        self.acknowledged.fetch_add(acknowledged, Ordering::AcqRel);
        self.failed.fetch_add(failed, Ordering::AcqRel);
        self.withdrawn.fetch_add(withdrawn, Ordering::AcqRel);
        self.room.notify_all();
    }

    /// Tells whoever waits for this report, or keeps its failure.
    fn answer(&self, opaque: usize, result: Result<Delivered>) {
        let number = (opaque >> 1) as u64;
        if opaque & 1 == 0 {
            if let Some(sender) = lock(&self.deliveries).remove(&number) {
                // Nobody listens any more when the delivery was dropped.
                let _ = sender.send(result);
            }
        } else if let Err(error) = result {
            lock(&self.outcomes).keep(number, error);
        }
    }

    /// Tells whoever waits for this report that the record went with its transaction.
    fn dismiss(&self, opaque: usize) {
        if opaque & 1 == 0 {
            let gone = Error::failed("the record was withdrawn with its transaction");
            self.answer(opaque, Err(gone));
        }
    }

    fn note(&self, run: Option<Run>) {
        if let Some(run) = run {
            lock(&self.outcomes).note(run);
        }
    }

    fn topic_name(&self, id: usize) -> String {
        lock(&self.topics)
            .iter()
            .find(|(_, topic)| topic.id() == id)
            .map(|(name, _)| name.clone())
            .unwrap_or_default()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
