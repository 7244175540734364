//! Members at work on the embedded broker, in this process.

mod commits;
mod failures;
mod keys;
mod killed;
mod memory;
mod sharing;
mod transactions;

use super::*;
use crate::broker::{Broker, Options};
use crate::kafka::{Cluster, Connection, Producer, ProducerOptions};
use crate::model::dead_letter::Failure;
use crate::model::record::OutgoingRecord;
use crate::model::record::Record;
use crate::model::topic::{NewTopic, TopicPartition};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Longer than anything takes here; what is not there by then never comes.
const LONG: Duration = Duration::from_secs(30);

/// A broker of the test's own, with one topic.
struct Bench {
    cluster: Cluster,
    topic: String,
    _broker: Broker,
}

impl Bench {
    async fn new(partitions: i32) -> Self {
        let options = Options {
            listen: "127.0.0.1:0".parse().unwrap(),
            min_session_timeout: Duration::from_secs(1),
            ..Options::default()
        };
        let broker = Broker::start(options).await.unwrap();
        let cluster = cluster(&broker.address().to_string());
        let topic = NewTopic {
            name: "orders".to_owned(),
            partitions,
            replicas: None,
            configs: Vec::new(),
        };
        cluster.create_topic(&topic, false).await.unwrap();
        Bench {
            cluster,
            topic: topic.name,
            _broker: broker,
        }
    }

    /// Produces these values to one partition.
    async fn produce(&self, partition: i32, values: impl IntoIterator<Item = String>) {
        let options = ProducerOptions::default();
        let producer = Producer::open(self.cluster.connection(), options).unwrap();
        let records = values.into_iter().map(|value| OutgoingRecord {
            topic: self.topic.clone(),
            partition: Some(partition),
            value: Some(value.into_bytes()),
            ..OutgoingRecord::default()
        });
        self.send(&producer, records).await;
    }

    /// Produces records of these keys to one partition.
    async fn produce_keys(&self, partition: i32, keys: &[Option<&str>]) {
        let options = ProducerOptions::default();
        let producer = Producer::open(self.cluster.connection(), options).unwrap();
        let records = keys.iter().map(|key| OutgoingRecord {
            topic: self.topic.clone(),
            partition: Some(partition),
            key: key.map(|key| key.as_bytes().to_vec()),
            ..OutgoingRecord::default()
        });
        self.send(&producer, records).await;
    }

    async fn send(&self, producer: &Producer, records: impl Iterator<Item = OutgoingRecord>) {
        let deliveries: Vec<_> = records
            .map(|record| producer.send(&record).unwrap())
            .collect();
        for delivery in deliveries {
            delivery.await.unwrap();
        }
    }

    /// Members with short waits, that begin at the beginning.
    fn options(&self) -> RuntimeOptions {
        RuntimeOptions {
            from_beginning: true,
            order: Order::Partition,
            backoff_base: Duration::from_millis(1),
            commit_interval: Duration::from_millis(20),
            properties: vec![("heartbeat.interval.ms".to_owned(), "100".to_owned())],
            ..RuntimeOptions::new("workers", vec![self.topic.clone()])
        }
    }

    fn start(&self, options: RuntimeOptions, handler: &Arc<Scripted>) -> Member {
        start(&self.cluster, options, Arc::clone(handler) as Arc<_>).unwrap()
    }

    /// What the group committed, by partition.
    async fn committed(&self) -> BTreeMap<i32, i64> {
        let committed = self.cluster.committed("workers").await.unwrap();
        let known =
            |(place, offset): (TopicPartition, Option<i64>)| Some((place.partition, offset?));
        committed.into_iter().filter_map(known).collect()
    }

    async fn committed_is(&self, expected: &[(i32, i64)]) {
        let expected: BTreeMap<i32, i64> = expected.iter().copied().collect();
        let deadline = Instant::now() + LONG;
        while self.committed().await != expected {
            assert!(
                Instant::now() < deadline,
                "{:?} is not {expected:?}",
                self.committed().await
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn cluster(brokers: &str) -> Cluster {
    Cluster::new(Connection {
        brokers: brokers.to_owned(),
        timeout: Duration::from_secs(5),
        properties: Vec::new(),
        verbose_client_logs: false,
    })
    .unwrap()
}

fn values(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("value-{number}"))
}

/// Answers as the test says, and remembers every attempt.
struct Scripted {
    #[expect(clippy::type_complexity, reason = "said once")]
    answer: Box<dyn Fn(&Record, u32) -> Result<Handled, Failure> + Send + Sync>,
    /// Closed: attempts wait here.
    gate: tokio::sync::watch::Sender<bool>,
    attempts: Mutex<Vec<(TopicPartition, i64, u32)>>,
}

impl Scripted {
    fn new(
        answer: impl Fn(&Record, u32) -> Result<(), Failure> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::producing(move |record, attempt| answer(record, attempt).map(|()| Handled::default()))
    }

    fn producing(
        answer: impl Fn(&Record, u32) -> Result<Handled, Failure> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Scripted {
            answer: Box::new(answer),
            gate: tokio::sync::watch::Sender::new(true),
            attempts: Mutex::default(),
        })
    }

    fn open(&self, open: bool) {
        self.gate.send_replace(open);
    }

    fn attempts(&self) -> Vec<(TopicPartition, i64, u32)> {
        self.attempts.lock().unwrap().clone()
    }

    /// Offset and attempt of each, in the order in which they began; for tests with one partition.
    fn tries(&self) -> Vec<(i64, u32)> {
        let attempts = self.attempts().into_iter();
        attempts
            .map(|(_, offset, attempt)| (offset, attempt))
            .collect()
    }
}

impl Handler for Scripted {
    fn handle<'a>(&'a self, record: &'a Record, attempt: u32) -> Handling<'a> {
        Box::pin(async move {
            let entry = (record.topic_partition(), record.offset, attempt);
            self.attempts.lock().unwrap().push(entry);
            let mut gate = self.gate.subscribe();
            gate.wait_for(|open| *open).await.unwrap();
            (self.answer)(record, attempt)
        })
    }
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} never came to be");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn transient() -> Failure {
    Failure::transient("timeout", "it took too long")
}

fn permanent() -> Failure {
    Failure::permanent("malformed", "it makes no sense")
}
