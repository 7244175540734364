//! Lag on the embedded broker, in this process: what no command can bring about yet.

use super::*;
use crate::broker::{Broker, Options};
use crate::error::Status;
use crate::kafka::{Connection, Producer, ProducerOptions};
use crate::model::record::OutgoingRecord;
use crate::model::topic::{NewTopic, TopicPartition};
use crate::report::Report;
use std::time::Duration;

/// A broker with topic `orders` of one partition that holds 200 records, of which group `payment` committed some.
struct Bench {
    cluster: Cluster,
    _broker: Broker,
}

impl Bench {
    async fn new(committed: i64) -> Bench {
        let options = Options {
            listen: "127.0.0.1:0".parse().unwrap(),
            ..Options::default()
        };
        let broker = Broker::start(options).await.unwrap();
        let cluster = Cluster::new(Connection {
            brokers: broker.address().to_string(),
            timeout: Duration::from_secs(10),
            properties: Vec::new(),
            verbose_client_logs: false,
        })
        .unwrap();
        let topic = NewTopic {
            name: "orders".to_owned(),
            partitions: 1,
            replicas: None,
            configs: Vec::new(),
        };
        cluster.create_topic(&topic, false).await.unwrap();
        let producer = Producer::open(cluster.connection(), ProducerOptions::default()).unwrap();
        let send = |_| {
            let record = OutgoingRecord {
                topic: "orders".to_owned(),
                partition: Some(0),
                value: Some(b"order".to_vec()),
                ..OutgoingRecord::default()
            };
            producer.send(&record).unwrap()
        };
        let deliveries: Vec<_> = (0..200).map(send).collect();
        for delivery in deliveries {
            delivery.await.unwrap();
        }
        let offsets = [(TopicPartition::new("orders", 0), committed)];
        for (_, outcome) in cluster.commit_for_group("payment", &offsets).await.unwrap() {
            outcome.unwrap();
        }
        Bench {
            cluster,
            _broker: broker,
        }
    }

    async fn delete_before(&self, offset: i64) {
        let before = [(TopicPartition::new("orders", 0), offset)];
        for (_, outcome) in self.cluster.delete_records(&before).await.unwrap() {
            outcome.unwrap();
        }
    }

    async fn lag(&self, max: Option<i64>, time: bool) -> LagReport {
        let request = LagRequest {
            groups: vec!["payment".into()],
            max,
            time,
            ..LagRequest::default()
        };
        lag(&self.cluster, &request).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_deleted_unread_are_lost_and_no_gate_waits_for_them() {
    let bench = Bench::new(10).await;
    bench.delete_before(30).await;
    let report = bench.lag(Some(170), false).await;
    let row = &report.rows[0];
    assert_eq!(
        (row.partition.lag, row.effective_lag),
        (Some(190), Some(170))
    );
    assert_eq!((row.partition.lost, row.retention_at_risk), (20, false));
    assert_eq!(report.status().unwrap(), Status::Done);
    bench.delete_before(200).await;
    let report = bench.lag(Some(0), false).await;
    assert_eq!(report.rows[0].partition.lag, Some(190));
    assert_eq!(report.rows[0].partition.lost, 190);
    assert_eq!(report.status().unwrap(), Status::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_where_the_oldest_are_deleted_is_at_risk() {
    let bench = Bench::new(60).await;
    assert!(!bench.lag(None, false).await.rows[0].retention_at_risk);
    bench.delete_before(60).await;
    let report = bench.lag(None, false).await;
    assert!(report.rows[0].retention_at_risk, "{report:?}");
    assert_eq!(report.rows[0].partition.lost, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_age_is_that_of_the_first_record_that_is_left() {
    let bench = Bench::new(10).await;
    let age = bench.lag(None, true).await.rows[0].time_lag_ms;
    assert!(age.is_some_and(|age| (0..60_000).contains(&age)), "{age:?}");
    // Its record is gone: the next one is what it will read.
    bench.delete_before(30).await;
    let age = bench.lag(None, true).await.rows[0].time_lag_ms;
    assert!(age.is_some_and(|age| (0..60_000).contains(&age)), "{age:?}");
    bench.delete_before(200).await;
    assert_eq!(bench.lag(None, true).await.rows[0].time_lag_ms, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_learnt_of_a_position_is_kept_until_it_moves() {
    use super::probe::{First, Gap};
    let bench = Bench::new(0).await;
    let mut prober = Prober::new(&bench.cluster, &LagRequest::default());
    let gap = |position| Gap {
        place: TopicPartition::new("orders", 0),
        position,
        end: 200,
    };
    let key = |position| (TopicPartition::new("orders", 0), position);
    // Two groups at different positions of one partition.
    let firsts = prober.ask(&[gap(5), gap(7)]).await;
    let first = firsts[&key(5)];
    assert!(matches!(first, First::Record(Some(_))), "{firsts:?}");
    assert!(firsts.contains_key(&key(7)), "{firsts:?}");
    // Deleted since, and not asked again: the answer is the one that was kept.
    bench.delete_before(200).await;
    let firsts = prober.ask(&[gap(5)]).await;
    assert_eq!(firsts[&key(5)], first);
    assert!(
        !firsts.contains_key(&key(7)),
        "what is not asked about is forgotten"
    );
    assert_eq!(
        prober.ask(&[gap(200)]).await[&key(200)],
        First::Nothing(200)
    );
}
