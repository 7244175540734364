use super::*;
use crate::error::Kind;
use crate::kafka::tests::{closed_port, connection};
use std::time::Instant;

fn record() -> OutgoingRecord {
    OutgoingRecord {
        topic: "orders".to_owned(),
        value: Some(b"{}".to_vec()),
        ..OutgoingRecord::default()
    }
}

#[test]
fn a_closed_port_fails_the_flush_and_every_record_within_a_second() {
    let brokers = format!("127.0.0.1:{}", closed_port());
    let producer =
        Producer::open(&connection(&brokers), ProducerOptions::default()).expect("opens");
    let start = Instant::now();
    producer.enqueue(&record(), 7).expect("is queued");
    let error = producer
        .flush(Duration::from_secs(10))
        .expect_err("nobody there");
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(error.one_line().contains("Connection refused"), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(producer.tally().failed, 1);
    let failures = producer.take_failures();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].0, 7);
    assert_eq!(failures[0].1.kind(), Kind::Unreachable);
    let again = producer.flush(Duration::from_secs(10));
    assert_eq!(
        again.expect_err("the record is lost").kind(),
        Kind::Unreachable
    );
}

/// librdkafka's own mock of a broker, which takes a tenth of a second for each record here.
#[test]
fn a_flush_goes_on_while_records_are_acknowledged() {
    let mut connection = connection("127.0.0.1:1");
    let slow = [
        ("test.mock.num.brokers", "1"),
        ("test.mock.broker.rtt", "100"),
        ("allow.auto.create.topics", "true"),
        ("batch.num.messages", "1"),
        ("max.in.flight.requests.per.connection", "1"),
    ];
    let slow = slow.map(|(name, value)| (name.to_owned(), value.to_owned()));
    connection.properties.extend(slow);
    let producer = Producer::open(&connection, ProducerOptions::default()).expect("opens");
    producer.enqueue(&record(), 0).expect("is queued");
    producer
        .flush(Duration::from_secs(10))
        .expect("is acknowledged");
    for token in 1..=20 {
        let mut record = record();
        record.partition = Some(0);
        producer.enqueue(&record, token).expect("is queued");
    }
    let patience = Duration::from_millis(1000);
    let start = Instant::now();
    producer.flush(patience).expect("is acknowledged");
    assert!(
        start.elapsed() > patience,
        "the mock is too fast to tell: {:?}",
        start.elapsed()
    );
    assert_eq!(producer.tally().acknowledged, 21);
}

#[test]
fn a_closed_port_fails_a_delivery() {
    let brokers = format!("127.0.0.1:{}", closed_port());
    let producer =
        Producer::open(&connection(&brokers), ProducerOptions::default()).expect("opens");
    let delivery = producer.send(&record()).expect("is queued");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let error = runtime.block_on(delivery).expect_err("nobody there");
    assert_eq!(error.kind(), Kind::Unreachable);
}

#[test]
fn properties_that_contradict_each_other_are_named() {
    let mut connection = connection("127.0.0.1:1");
    connection
        .properties
        .push(("acks".to_owned(), "1".to_owned()));
    let error = Producer::open(&connection, ProducerOptions::default()).expect_err("a conflict");
    assert_eq!(error.kind(), Kind::Usage);
    let line = error.one_line();
    assert!(
        line.contains("acks") && line.contains("enable.idempotence"),
        "{line}"
    );
}

#[test]
fn an_unknown_compression_is_a_usage_error() {
    let options = ProducerOptions {
        compression: Some("rar".to_owned()),
        ..ProducerOptions::default()
    };
    let error = Producer::open(&connection("127.0.0.1:1"), options).expect_err("no such codec");
    assert!(error.message().contains("`compression.type`"), "{error}");
}
