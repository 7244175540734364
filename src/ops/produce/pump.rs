//! From the input into the client's queue, and what became of it all.

use super::atomic::{Atomic, Ended};
use super::source::{Input, Payload};
use super::{Destination, ProduceRequest};
use crate::error::{Error, Kind, Result, Status};
use crate::kafka::{Cluster, Outlet, OwnId, Producer, ProducerOptions, TransactionalProducer};
use crate::model::duration;
use crate::model::event::Filling;
use crate::model::record::OutgoingRef;
use crate::model::topic::TopicPartition;
use crate::ops::largest_batch::largest_batch;
use crate::ops::pace::Pace;
use crate::ops::stop::Stop;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How often it is looked at whether records get their outcomes.
const LOOK: Duration = Duration::from_millis(100);

/// Where the records go, and in what manner.
pub(super) struct Pump {
    outlet: Outlet,
    /// All or nothing.
    transactions: Option<TransactionalProducer>,
    timeout: Duration,
}

/// What has happened to the records by the end, however it came.
pub(super) struct Sent {
    pub(super) acknowledged: u64,
    pub(super) failed: u64,
    pub(super) in_flight: u64,
    pub(super) bytes: u64,
    pub(super) elapsed: Duration,
    pub(super) stopped: Option<Status>,
    pub(super) offsets: BTreeMap<TopicPartition, (i64, i64)>,
    pub(super) failures: Vec<(u64, Error)>,
    /// None: every record for itself, or there was none.
    pub(super) transaction: Option<Ended>,
    all_or_nothing: bool,
}

impl Sent {
    /// Whether there is more to tell than an error does.
    pub(super) fn is_telling(&self) -> bool {
        self.transaction.is_some() || !self.failures.is_empty()
    }

    /// An error with the one figure that matters after it: how much is in the topic.
    pub(super) fn explain(&self, error: Error) -> Error {
        let lost = self.failed + self.in_flight;
        let were = |count: u64| match count {
            1 => "1 record was".to_owned(),
            count => format!("{count} records were"),
        };
        let of_transaction = self.transaction.as_ref().and_then(Ended::sentence);
        let delivered = match (of_transaction, lost) {
            (Some(sentence), _) => sentence,
            (None, _) if self.all_or_nothing => "nothing was sent".to_owned(),
            (None, 0) => format!(
                "{} delivered, nothing after them was sent",
                were(self.acknowledged)
            ),
            (None, lost) => format!("{} acknowledged, {lost} were not", were(self.acknowledged)),
        };
        match error.kind() {
            // Wrong fields: found before anything was sent.
            Kind::Interrupted | Kind::Terminated | Kind::Usage => error,
            _ => error.adding(&delivered),
        }
    }
}

impl Pump {
    /// Checks the properties; connects when there is something to do.
    pub(super) async fn new(
        cluster: &Cluster,
        destination: &Destination,
        request: &ProduceRequest,
    ) -> Result<Self> {
        let connection = cluster.connection();
        let options = ProducerOptions {
            compression: request.compression.clone(),
            linger: None,
            largest: largest_batch(cluster, destination.topic()).await,
            ..ProducerOptions::default()
        };
        let (producer, transactions) = match request.transactional {
            false => (Producer::open(connection, options)?, None),
            true => {
                let rest = id_of_run();
                let id = OwnId {
                    prefix: "eda-produce-",
                    rest: &rest,
                };
                let open = TransactionalProducer::open(connection, options, id)?;
                (open.producer().clone(), Some(open))
            }
        };
        Ok(Pump {
            outlet: producer.outlet(destination.topic())?,
            transactions,
            timeout: connection.timeout,
        })
    }

    /// Asks to stop when records wait and none of them got its outcome for the time-out, which is how long a flush at the
    /// end of the input would wait for it too: whoever writes a line now and then is not to write to nobody for long.
    pub(super) fn stop_in_silence(&self, stop: Stop) -> impl Future<Output = ()> + Send + 'static {
        let (producer, timeout) = (self.outlet.producer().clone(), self.timeout);
        async move {
            let mut settled = 0;
            let mut since = Instant::now();
            loop {
                tokio::time::sleep(LOOK).await;
                let tally = producer.tally();
                let now = tally.acknowledged + tally.failed + tally.withdrawn;
                if tally.in_flight == 0 || now != settled {
                    (settled, since) = (now, Instant::now());
                } else if since.elapsed() >= timeout {
                    return stop.request(Status::Unreachable);
                }
            }
        }
    }

    /// Runs on a thread of its own: sending blocks while the queue is full, and reading a pipe blocks too.
    pub(super) fn run(
        &self,
        mut payload: Payload,
        input: Input,
        request: &ProduceRequest,
        stop: &Stop,
        watch: &dyn Fn(u64),
    ) -> (Sent, Result<()>) {
        let producer = self.outlet.producer();
        let started = Instant::now();
        let mut atomic = None;
        if let Some(transactions) = &self.transactions {
            match Atomic::prepare(transactions, stop) {
                Ok(Some(prepared)) => atomic = Some(prepared),
                Ok(None) => return (self.sent(started, stop.requested(), None), Ok(())),
                Err(error) => return (self.sent(started, None, None), Err(error)),
            }
        }
        // One that is refused and all are lost: the rest is not read for nothing.
        let fail_fast = request.fail_fast || atomic.is_some();
        let mut count = 0u64;
        let mut pace = request.rate.map(Pace::new);
        let mut send = |line: u64, record: OutgoingRef<'_>| {
            let late = pace.as_mut().is_some_and(|pace| !pace.wait(stop));
            if late || stop.requested().is_some() || (fail_fast && producer.tally().failed > 0) {
                return Ok(false);
            }
            let enqueue = || self.outlet.enqueue(record, line);
            match &mut atomic {
                Some(atomic) => atomic.send(enqueue)?,
                None => enqueue()?,
            }
            count += 1;
            if count.is_multiple_of(256) || request.rate.is_some() {
                watch(count);
            }
            Ok(true)
        };
        let fed = input.feed(&mut payload, stop, &mut send);
        let (ended, stopped, transaction) = match atomic {
            None => {
                let is_silent = stop.requested() == Some(Status::Unreachable);
                let patience = if is_silent {
                    Duration::ZERO
                } else {
                    self.timeout
                };
                let flushed = producer.flush(patience);
                (fed.and(flushed), stop.requested(), None)
            }
            Some(atomic) => {
                let end = atomic.end(fed, stop, self.timeout);
                (end.ended, end.stopped, end.transaction)
            }
        };
        // Also when they answered after all: what is left of the input is not sent.
        let ended = match (ended, stopped) {
            (Ok(()), Some(Status::Unreachable)) => Err(Error::unreachable(format!(
                "the brokers did not answer for {}",
                duration::human(self.timeout)
            ))),
            (ended, _) => ended,
        };
        watch(count);
        (self.sent(started, stopped, transaction), ended)
    }

    fn sent(&self, started: Instant, stopped: Option<Status>, transaction: Option<Ended>) -> Sent {
        let producer = self.outlet.producer();
        let tally = producer.tally();
        Sent {
            acknowledged: tally.acknowledged,
            failed: tally.failed,
            in_flight: tally.in_flight,
            bytes: tally.bytes,
            elapsed: started.elapsed(),
            stopped,
            offsets: producer.acknowledged_offsets(),
            failures: producer.take_failures(),
            transaction,
            all_or_nothing: self.transactions.is_some(),
        }
    }
}

/// Nobody else's: a run that is fenced by another would lose its records for nothing.
fn id_of_run() -> String {
    let mut filling = Filling {
        now_ms: jiff::Timestamp::now().as_millisecond(),
        random: fastrand::Rng::new(),
    };
    filling.event_id()
}
