//! Writing records: each gets an answer, either as a future or as a tally.

use super::context::ClientContext;
use super::delivery::Deliveries;
use super::ffi::handle::{Handle, Kind};
use super::ffi::producer::Topic;
use super::transaction::{self, Naming};
use super::{Connection, properties};
use crate::error::{Error, Result};
use crate::model::record::{OutgoingRecord, OutgoingRef};
use crate::model::topic::TopicPartition;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long records wait for company, unless said otherwise. A lone record pays it in full.
const LINGER: Duration = Duration::from_millis(2);

/// How long a record that a broker does not take is tried again: a broker may restart meanwhile.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// Memory for records that are not acknowledged yet.
const QUEUE_KIBIBYTES: u32 = 131_072;

/// librdkafka's bounds for a record, and its batch when nothing is said.
const LEAST_BYTES: u32 = 1_000;
const MOST_BYTES: u32 = 1_000_000_000;
const BATCH_BYTES: u32 = 1_000_000;

/// What a producer does besides the defaults (idempotent, `acks=all`, Java's partitioner).
#[derive(Clone, Debug, Default)]
pub struct ProducerOptions {
    /// `gzip`, `snappy`, `lz4`, `zstd` or `none`, the default.
    pub compression: Option<String>,
    /// How long records wait for company.
    pub linger: Option<Duration>,
    /// The most bytes the topic takes in one batch, where it is known: a larger record is refused before it is sent,
    /// and none is refused for the company it is in.
    pub largest: Option<u32>,
    /// The most bytes of a batch that has more than one record: no record is refused for the company it is in, and each
    /// may be as large as its topic allows.
    pub company: Option<u32>,
    /// Memory for records that are not acknowledged yet, in KiB.
    pub queue_kibibytes: Option<u32>,
    /// Each record is a batch of its own: a broker that refuses it refuses no other for it. Slower.
    pub alone: bool,
    /// No record is given up for having waited too long, nor while nobody can be reached: none that was sent later
    /// overtakes it. Who sends them watches himself whether they are acknowledged, and drops the producer to end it.
    pub patient: bool,
}

/// Where an acknowledged record went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    pub partition: i32,
    pub offset: i64,
}

/// What became of the records so far. A snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub acknowledged: u64,
    /// Of the acknowledged ones' keys and values.
    pub bytes: u64,
    pub failed: u64,
    /// Given up with the transaction that they were part of, before they had an outcome.
    pub withdrawn: u64,
    pub in_flight: u64,
}

/// The answer to one [`Producer::send`]. Dropping it does not take the record back.
#[must_use = "a record may fail later: await its delivery"]
#[derive(Debug)]
pub struct Delivery(oneshot::Receiver<Result<Delivered>>);

impl Future for Delivery {
    type Output = Result<Delivered>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|answer| answer.unwrap_or_else(|_| Err(Error::failed("the producer was closed"))))
    }
}

/// Writes records. Cheap to clone; all clones share one queue and one tally.
///
/// Dropping the last clone gives up what is not acknowledged: call [`Producer::flush`] first.
#[derive(Clone)]
pub struct Producer {
    inner: Arc<Inner>,
}

/// Ends the poller with the last clone; the poller shares the rest.
struct Inner(Arc<Deliveries>);

impl fmt::Debug for Producer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Producer")
            .field("tally", &self.tally())
            .finish_non_exhaustive()
    }
}

impl Producer {
    /// Starts a producer and its polling thread; connects when there is something to send.
    ///
    /// # Errors
    /// A usage error for properties that are unknown, wrong, or contradict each other, and for `transactional.id`: see
    /// [`TransactionalProducer`](super::TransactionalProducer).
    pub fn open(connection: &Connection, options: ProducerOptions) -> Result<Producer> {
        // An empty one is none: so a command takes back what a context says.
        if properties::of_user(connection, transaction::ID).is_some_and(|id| !id.is_empty()) {
            let text = "`transactional.id` is for transactions, and none was asked for";
            return Err(Error::usage(text)
                .hint("`eda produce --transactional` makes one; otherwise leave it out"));
        }
        Self::start(connection, options, None)
    }

    pub(super) fn start(
        connection: &Connection,
        options: ProducerOptions,
        transactions: Option<Naming<'_>>,
    ) -> Result<Producer> {
        let linger = options.linger.unwrap_or(LINGER);
        let mut message_timeout = MESSAGE_TIMEOUT.max(connection.timeout);
        if let Some(naming) = &transactions {
            message_timeout = message_timeout.min(naming.limit);
        }
        if options.patient {
            // For librdkafka that is no limit.
            message_timeout = Duration::ZERO;
        }
        let mut own = vec![
            ("enable.idempotence", "true".to_owned()),
            ("acks", "all".to_owned()),
            ("partitioner", "murmur2_random".to_owned()),
            ("linger.ms", (linger.as_secs_f64() * 1000.0).to_string()),
            (
                "message.timeout.ms",
                message_timeout.as_millis().to_string(),
            ),
            // A topic that is not there is not there: `eda topic create` waits until a new one is.
            ("topic.metadata.propagation.max.ms", "1000".to_owned()),
            ("queue.buffering.max.messages", "200000".to_owned()),
            (
                "queue.buffering.max.kbytes",
                options
                    .queue_kibibytes
                    .unwrap_or(QUEUE_KIBIBYTES)
                    .to_string(),
            ),
        ];
        if let Some(limit) = options.largest {
            // What a compressed batch weighs only the broker can tell. librdkafka's bounds are 1,000 and 10^9.
            let compressed = options
                .compression
                .as_deref()
                .is_some_and(|name| name != "none");
            let record = if compressed { MOST_BYTES } else { limit };
            let record = record.clamp(LEAST_BYTES, MOST_BYTES);
            own.push(("message.max.bytes", record.to_string()));
            own.push(("batch.size", limit.clamp(1, BATCH_BYTES).to_string()));
        }
        if let Some(limit) = options.company {
            own.push(("message.max.bytes", MOST_BYTES.to_string()));
            own.push(("batch.size", limit.clamp(1, BATCH_BYTES).to_string()));
        }
        if options.alone {
            own.push(("batch.num.messages", "1".to_owned()));
        }
        if let Some(compression) = options.compression {
            own.push(("compression.type", compression));
        }
        if let Some(naming) = &transactions {
            own.push((transaction::ID, naming.id.to_owned()));
        }
        let native = properties::native(&properties::merged(connection, &own))?;
        let context = Arc::new(ClientContext::new(&connection.brokers));
        let handle = Handle::open(Kind::Producer, native, context).map_err(properties::refused)?;
        let deliveries = Deliveries::new(
            handle,
            &connection.brokers,
            connection.timeout,
            options.largest,
            transactions.is_some(),
            options.patient,
        );
        let shared = Arc::new(deliveries);
        let poller = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("eda-kafka-producer".to_owned())
            .spawn(move || poller.listen())?;
        Ok(Producer {
            inner: Arc::new(Inner(shared)),
        })
    }

    /// Puts the record into the queue and answers with a future of its acknowledgement. Blocks the caller's thread while
    /// the queue is full, no longer than the connection's time-out: many records are sent from a blocking thread.
    ///
    /// # Errors
    /// When it cannot even be queued: see [`Producer::enqueue`].
    pub fn send(&self, record: &OutgoingRecord) -> Result<Delivery> {
        self.inner.0.send(record).map(Delivery)
    }

    /// Puts the record into the queue; what becomes of it is counted, and a failure is kept under `token` (below
    /// 2^63). Blocks while the queue is full, no longer than the connection's time-out.
    ///
    /// # Errors
    /// When the queue stays full, the record cannot be sent at all (too large, a partition that does not exist), or
    /// nobody can be reached.
    pub fn enqueue(&self, record: &OutgoingRecord, token: u64) -> Result<()> {
        self.inner.0.enqueue(record, token)
    }

    pub(super) fn deliveries(&self) -> &Deliveries {
        &self.inner.0
    }

    /// The way to one topic.
    ///
    /// # Errors
    /// The name cannot be a topic's.
    pub fn outlet(&self, topic: &str) -> Result<Outlet> {
        Ok(Outlet {
            topic: self.inner.0.topic(topic)?,
            name: topic.into(),
            producer: self.clone(),
        })
    }

    /// What went wrong after which it does nothing more: what has no acknowledgement may be written or not.
    pub fn broken(&self) -> Option<Error> {
        self.inner.0.broken()
    }

    /// What became of the records so far, those of [`Producer::send`] included.
    pub fn tally(&self) -> Tally {
        self.inner.0.tally()
    }

    /// The failures since the last call, with the token given to [`Producer::enqueue`]. At most a thousand are kept;
    /// the others are only counted, in the tally.
    pub fn take_failures(&self) -> Vec<(u64, Error)> {
        self.inner.0.take_failures()
    }

    /// Whether there are failures that [`Producer::take_failures`] would give.
    pub fn has_failures(&self) -> bool {
        self.inner.0.has_failures()
    }

    /// The first and the last offset that was acknowledged in each partition.
    pub fn acknowledged_offsets(&self) -> BTreeMap<TopicPartition, (i64, i64)> {
        self.inner.0.acknowledged_offsets()
    }

    /// Sends everything and waits until every record has its outcome.
    ///
    /// # Errors
    /// [`Kind::Unreachable`](crate::error::Kind::Unreachable) when no record got its outcome for `deadline`, with the
    /// number of those that are not acknowledged: as long as records are acknowledged it goes on. Also as soon as it is
    /// certain that nobody can be reached, and again at every further flush until a record is acknowledged.
    /// A record that was refused is not an error of the flush: see [`Producer::tally`]. In a transaction it ends it: the
    /// others have no outcome until the transaction is aborted.
    pub fn flush(&self, deadline: Duration) -> Result<()> {
        self.inner.0.flush(deadline)
    }
}

/// One topic to send many records to, with nothing to look up for each. Cheap to clone.
#[derive(Clone)]
pub struct Outlet {
    /// Before the client, which has to go last.
    topic: Arc<Topic>,
    name: Arc<str>,
    producer: Producer,
}

impl Outlet {
    /// The topic's name.
    pub fn topic(&self) -> &str {
        &self.name
    }

    /// Whose outlet it is.
    pub fn producer(&self) -> &Producer {
        &self.producer
    }

    /// As [`Producer::enqueue`], but a record over the limit is a failure kept under its token, as if the broker had
    /// refused it: others can go on.
    ///
    /// # Errors
    /// As [`Producer::enqueue`].
    pub fn enqueue(&self, record: OutgoingRef<'_>, token: u64) -> Result<()> {
        let deliveries = &self.producer.inner.0;
        deliveries.enqueue_to(&self.topic, &self.name, record, token)
    }

    /// As [`Producer::send`].
    ///
    /// # Errors
    /// As [`Producer::enqueue`].
    pub fn send(&self, record: OutgoingRef<'_>) -> Result<Delivery> {
        let deliveries = &self.producer.inner.0;
        let sent = deliveries.send_to(&self.topic, &self.name, record);
        sent.map(Delivery)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.0.stop();
    }
}

#[cfg(test)]
mod tests;
