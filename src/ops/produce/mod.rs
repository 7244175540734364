//! `eda produce`: events from fields, a generator, payload lines or whole records, acknowledged before it is said.
//!
//! Data flows: source (one [`OutgoingRef`] at a time, on a blocking thread) → bounded queue of the client library → acknowledgements, counted → outcome. A source that goes wrong
//! stops at its line: what came before is delivered, what comes after is never sent.

mod blocks;
mod destination;
mod lines;
mod outcome;
mod plan;
mod source;
mod template;
mod typed;

pub use destination::Destination;
pub use outcome::ProduceOutcome;
pub use plan::{ProducePlan, plan};
pub use source::Input;

use source::Payload;

use crate::consent::Consent;
use crate::error::{Error, Kind, Result, Status};
use crate::kafka::{Cluster, Outlet, Producer, ProducerOptions};
use crate::model::cloud_event::Envelope;
use crate::model::event::Assignment;
use crate::model::record::{Header, OutgoingRef};
use crate::ops::stop::Stop;
use std::time::{Duration, Instant};

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct ProduceRequest {
    /// The event's or topic's name.
    pub name: String,
    pub assignments: Vec<Assignment>,
    /// None: the event's key field, or no key.
    pub key: Option<String>,
    pub headers: Vec<Header>,
    /// What a typed event is wrapped in.
    pub envelope: Envelope,
    /// The envelope's source, a URI reference. None: `/eda/` and the topic.
    pub source: Option<String>,
    /// None: by key, as Java's producer does.
    pub partition: Option<i32>,
    pub compression: Option<String>,
    /// Records a second.
    pub rate: Option<f64>,
    /// Makes the generated events repeatable.
    pub seed: Option<u64>,
    /// An empty value of a line, or an empty key, is null.
    pub empty_is_null: bool,
    /// Nothing is read any more once a record was refused.
    pub fail_fast: bool,
}

impl ProduceRequest {
    /// The command line that asks for the same, but for where the payloads come from.
    pub fn command_line(&self) -> Vec<String> {
        let mut words = vec!["eda".to_owned(), "produce".to_owned(), self.name.clone()];
        words.extend(self.fields());
        let mut flag = |name: &str, value: Option<String>| {
            words.extend(
                value
                    .map(|value| [name.to_owned(), value])
                    .into_iter()
                    .flatten(),
            );
        };
        flag("--key", self.key.clone());
        for header in &self.headers {
            let value = header.value.as_deref().map(String::from_utf8_lossy);
            let header = match value {
                Some(value) => format!("{}={value}", header.name),
                None => header.name.clone(),
            };
            flag("--header", Some(header));
        }
        if self.envelope != Envelope::Plain {
            flag("--envelope", Some(self.envelope.name().to_owned()));
        }
        flag("--source", self.source.clone());
        flag(
            "--partition",
            self.partition.map(|number| number.to_string()),
        );
        flag("--compression", self.compression.clone());
        flag("--rate", self.rate.map(|rate| rate.to_string()));
        flag("--seed", self.seed.map(|seed| seed.to_string()));
        words
    }

    fn fields(&self) -> Vec<String> {
        let field = |one: &Assignment| format!("{}={}", one.path, one.value);
        self.assignments.iter().map(field).collect()
    }
}

/// Sends everything `input` gives to where `destination` says, and waits until all of it is acknowledged.
///
/// `watch` is told how many records were sent so far. On a request to stop, nothing more is read, what was sent is
/// waited for, and the outcome says so.
pub async fn produce(
    cluster: &Cluster,
    destination: Destination,
    request: ProduceRequest,
    input: Input,
    stop: Stop,
    watch: impl Fn(u64) + Send + 'static,
    _consent: Consent,
) -> Result<ProduceOutcome> {
    let topic = destination.topic().to_owned();
    let options = ProducerOptions {
        compression: request.compression.clone(),
        linger: None,
        largest: largest_batch(cluster, &topic).await,
    };
    let producer = Producer::open(cluster.connection(), options)?;
    let timeout = cluster.connection().timeout;
    let outlet = producer.outlet(&topic)?;
    let payload = Payload::new(destination, request.clone());
    let work = move || pump(&outlet, payload, input, &request, &stop, &watch, timeout);
    let (sent, ended) = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::failed("the producing thread ended early").caused_by(error))?;
    ended.map_err(|error| sent.explain(error))?;
    Ok(ProduceOutcome::new(topic, sent))
}

/// The most bytes of a batch for the topic; `None` where nobody says, as to a user who may write but not ask.
async fn largest_batch(cluster: &Cluster, topic: &str) -> Option<u32> {
    let topics = [topic.to_owned()];
    let (_, configs) = cluster.topic_configs(&topics).await.ok()?.pop()?;
    let configs = configs.ok()?;
    let limit = configs
        .iter()
        .find(|entry| entry.name == "max.message.bytes")?;
    limit.value.as_ref()?.parse().ok()
}

/// What has happened to the records by the end, however it came.
struct Sent {
    acknowledged: u64,
    failed: u64,
    in_flight: u64,
    bytes: u64,
    elapsed: Duration,
    stopped: Option<Status>,
    offsets: std::collections::BTreeMap<crate::model::topic::TopicPartition, (i64, i64)>,
    failures: Vec<(u64, Error)>,
}

impl Sent {
    /// An error with the one figure that matters after it: how much is in the topic.
    fn explain(&self, error: Error) -> Error {
        let lost = self.failed + self.in_flight;
        let were = |count: u64| match count {
            1 => "1 record was".to_owned(),
            count => format!("{count} records were"),
        };
        let delivered = match lost {
            0 => format!(
                "{} delivered, nothing after them was sent",
                were(self.acknowledged)
            ),
            lost => format!("{} acknowledged, {lost} were not", were(self.acknowledged)),
        };
        match error.kind() {
            // Wrong fields: found before anything was sent.
            Kind::Interrupted | Kind::Terminated | Kind::Usage => error,
            _ => error.adding(&delivered),
        }
    }
}

/// Runs on a thread of its own: sending blocks while the queue is full, and reading a pipe blocks too.
fn pump(
    outlet: &Outlet,
    mut payload: Payload,
    input: Input,
    request: &ProduceRequest,
    stop: &Stop,
    watch: &dyn Fn(u64),
    timeout: Duration,
) -> (Sent, Result<()>) {
    let producer = outlet.producer();
    let started = Instant::now();
    let mut count = 0u64;
    let mut pace = request.rate.map(|rate| Pace {
        every: Duration::from_secs_f64(1.0 / rate),
        next: started,
    });
    let mut send = |line: u64, record: OutgoingRef<'_>| {
        let late = pace.as_mut().is_some_and(|pace| !pace.wait(stop));
        if late || stop.requested().is_some() || (request.fail_fast && producer.tally().failed > 0)
        {
            return Ok(false);
        }
        outlet.enqueue(record, line)?;
        count += 1;
        if count.is_multiple_of(256) || request.rate.is_some() {
            watch(count);
        }
        Ok(true)
    };
    let ended = input.feed(&mut payload, stop, &mut send);
    let flushed = producer.flush(timeout);
    watch(count);
    let tally = producer.tally();
    let sent = Sent {
        acknowledged: tally.acknowledged,
        failed: tally.failed,
        in_flight: tally.in_flight,
        bytes: tally.bytes,
        elapsed: started.elapsed(),
        stopped: stop.requested(),
        offsets: producer.acknowledged_offsets(),
        failures: producer.take_failures(),
    };
    (sent, ended.and(flushed))
}

/// How much of a rate may be made up for at once: enough for the jitter of a busy machine.
const BURST: Duration = Duration::from_millis(100);

/// Keeps a rate without drifting: each record has its moment, however long the one before took.
struct Pace {
    every: Duration,
    next: Instant,
}

impl Pace {
    /// Waits for the next record's moment; false when asked to stop meanwhile.
    fn wait(&mut self, stop: &Stop) -> bool {
        loop {
            let now = Instant::now();
            if stop.requested().is_some() {
                return false;
            }
            if now >= self.next {
                // What a pause of the source left unused is not caught up with beyond a moment's worth, or the rate
                // would be no limit.
                self.next = (self.next + self.every).max(now.checked_sub(BURST).unwrap_or(now));
                return true;
            }
            std::thread::sleep((self.next - now).min(Duration::from_millis(50)));
        }
    }
}
