use super::*;
use crate::error::Kind;
use crate::kafka::tests::{closed_port, connection};
use crate::kafka::{NextOffset, Standing};

struct Deaf;

impl Rebalance for Deaf {
    fn assigned(&self, _: &[TopicPartition]) {}
    fn revoked(&self, _: &[TopicPartition], _: bool, _: Standing<'_>) -> Vec<NextOffset> {
        Vec::new()
    }
}

#[test]
fn a_closed_port_fails_the_poll_within_a_second() {
    let brokers = format!("127.0.0.1:{}", closed_port());
    let options = ConsumerOptions {
        group: Some("readers".to_owned()),
        ..ConsumerOptions::default()
    };
    let consumer = Consumer::open(&connection(&brokers), options, Arc::new(Deaf)).expect("opens");
    let start = Instant::now();
    consumer
        .subscribe(&["orders".to_owned()])
        .expect("is noted");
    let error = consumer
        .poll(Duration::from_secs(10))
        .expect_err("nobody there");
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(error.one_line().contains("Connection refused"), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(1));
    let start = Instant::now();
    let _ = consumer.close(Duration::from_secs(2));
    assert!(start.elapsed() < Duration::from_millis(2500));
}

#[test]
fn without_a_group_there_is_nothing_to_subscribe_to() {
    let options = ConsumerOptions::default();
    let consumer =
        Consumer::open(&connection("127.0.0.1:1"), options, Arc::new(Deaf)).expect("opens");
    assert!(consumer.subscribe(&["orders".to_owned()]).is_err());
}
