//! On librdkafka's own mock of a cluster, which takes transactions and can be told to answer wrongly.

use super::super::tests::{closed_port, connection};
use super::*;
use crate::error::Kind;
use crate::model::record::OutgoingRecord;
use std::net::TcpListener;

const MINE: OwnId<'_> = OwnId {
    prefix: "mi",
    rest: "ne",
};

fn mock(timeout: Duration) -> TransactionalProducer {
    let producer = unknown_mock(timeout);
    assert!(producer.init(|| true).expect("the mock answers"));
    producer
}

/// One that its coordinator does not know yet.
fn unknown_mock(timeout: Duration) -> TransactionalProducer {
    let mut connection = connection("127.0.0.1:1");
    connection.timeout = timeout;
    let properties = [
        ("test.mock.num.brokers", "1"),
        ("allow.auto.create.topics", "true"),
        ("transaction.timeout.ms", "5000"),
    ];
    let properties = properties.map(|(name, value)| (name.to_owned(), value.to_owned()));
    connection.properties.extend(properties);
    let producer = TransactionalProducer::open(&connection, ProducerOptions::default(), MINE);
    producer.expect("opens")
}

/// One that has a record, which was acknowledged.
fn open(producer: &TransactionalProducer) -> Transaction {
    let transaction = producer.begin().expect("begins");
    let record = OutgoingRecord {
        topic: "orders".to_owned(),
        value: Some(b"{}".to_vec()),
        ..OutgoingRecord::default()
    };
    producer.producer().enqueue(&record, 7).expect("is queued");
    let flushed = producer.producer().flush(Duration::from_secs(10));
    flushed.expect("is acknowledged");
    transaction
}

/// What the coordinator answers to the commit.
fn commit_answered(code: i32, after: Duration) -> Result<(), Uncommitted> {
    let producer = mock(Duration::from_secs(2));
    let transaction = open(&producer);
    let handle = &producer.producer().deliveries().handle;
    handle.mock_end_of_transaction(code, after);
    transaction.commit()
}

#[test]
fn one_transaction_comes_after_another() {
    let producer = mock(Duration::from_secs(10));
    for _ in 0..2 {
        open(&producer).commit().expect("is committed");
        let transaction = open(&producer);
        transaction.check().expect("all is well");
        transaction.abort().expect("is aborted");
    }
    assert!(producer.begin().is_ok());
    let error = producer.begin().expect_err("one is open");
    assert_eq!(error.message(), "could not begin a transaction");
    let tally = producer.producer().tally();
    assert_eq!((tally.acknowledged, tally.failed), (4, 0));
}

#[test]
fn what_is_queued_is_withdrawn_with_the_transaction() {
    let producer = mock(Duration::from_secs(10));
    let transaction = open(&producer);
    let record = OutgoingRecord {
        topic: "orders".to_owned(),
        ..OutgoingRecord::default()
    };
    let delivery = producer.producer().send(&record).expect("is queued");
    transaction.abort().expect("is aborted");
    let tally = producer.producer().tally();
    assert_eq!((tally.failed, tally.in_flight), (0, 0));
    // It may have left the queue by then.
    assert_eq!(tally.acknowledged + tally.withdrawn, 2);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let delivered = runtime.expect("a runtime").block_on(delivery);
    assert_eq!(delivered.is_ok(), tally.withdrawn == 0);
}

#[test]
fn a_commit_that_a_coordinator_is_not_ready_for_is_repeated() {
    let answer = commit_answered(code::COORDINATOR_LOAD_IN_PROGRESS, Duration::ZERO);
    answer.expect("is committed at the second attempt");
}

#[test]
fn a_commit_without_an_answer_is_of_unknown_outcome() {
    match commit_answered(0, Duration::from_secs(4)) {
        Err(Uncommitted::Unknown(error)) => {
            assert_eq!(error.kind(), Kind::Unreachable);
            assert!(
                error
                    .message()
                    .starts_with("could not commit the transaction")
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_commit_that_is_refused_leaves_nothing() {
    match commit_answered(code::INVALID_TXN_STATE, Duration::ZERO) {
        Err(Uncommitted::Nothing(error)) => assert_eq!(error.kind(), Kind::Failed),
        other => panic!("{other:?}"),
    }
    // An error nobody knows: the transaction can still be aborted, and then is.
    let unknown_producer_id = 59;
    match commit_answered(unknown_producer_id, Duration::ZERO) {
        Err(Uncommitted::Nothing(error)) => assert_eq!(error.kind(), Kind::Failed),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_commit_that_is_not_allowed_leaves_the_transaction_open() {
    let forbidden = code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    match commit_answered(forbidden, Duration::ZERO) {
        Err(Uncommitted::Open(error)) => {
            let sentence = "not allowed to commit the transaction: that needs an ACL that allows `Write` on \
                            transactional id `mine`";
            assert_eq!(error.message(), sentence);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_commit_of_a_producer_that_was_fenced_is_of_unknown_outcome() {
    let producer_fenced = 90;
    match commit_answered(producer_fenced, Duration::ZERO) {
        Err(Uncommitted::Unknown(error)) => {
            let sentence = "another producer took transactional id `mine` over";
            assert_eq!(error.message(), sentence);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_producer_that_was_fenced_after_its_time_does_not_know_either() {
    let producer_fenced = 90;
    let producer = mock(Duration::from_secs(2));
    let mut transaction = open(&producer);
    transaction.limit = Duration::ZERO;
    let handle = &producer.producer().deliveries().handle;
    handle.mock_end_of_transaction(producer_fenced, Duration::ZERO);
    match transaction.commit() {
        Err(Uncommitted::Unknown(error)) => {
            let start = "the transaction was open for longer than ";
            assert!(error.message().starts_with(start), "{error:?}");
        }
        other => panic!("{other:?}"),
    }
    // Nor does one that was fenced when it aborted what it could not commit; one that only aborts does.
    let unknown_producer_id = 59;
    for commits in [true, false] {
        let producer = mock(Duration::from_secs(2));
        let transaction = open(&producer);
        let handle = &producer.producer().deliveries().handle;
        if commits {
            handle.mock_end_of_transaction(unknown_producer_id, Duration::ZERO);
        }
        handle.mock_end_of_transaction(producer_fenced, Duration::ZERO);
        match commits {
            true => assert!(matches!(transaction.commit(), Err(Uncommitted::Unknown(_)))),
            false => transaction.abort().expect("whoever fenced it aborted it"),
        }
    }
}

#[test]
fn whoever_may_not_use_an_id_is_told_what_all_ids_begin_with() {
    let producer = unknown_mock(Duration::from_secs(2));
    let forbidden = code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    let handle = &producer.producer().deliveries().handle;
    handle.mock_start_of_producer(forbidden);
    let error = producer.init(|| true).expect_err("is not allowed");
    let sentence = "not allowed to begin transactions: that needs an ACL that allows `Write` on transactional id `mine`";
    assert_eq!(error.message(), sentence);
    let hint = "each run has an id of its own: grant the prefix `mi`, or give an id that is allowed with \
                `-X transactional.id=ID`";
    assert_eq!(error.hint_text(), Some(hint));
}

#[test]
fn an_abort_of_what_the_coordinator_does_not_know_is_one() {
    let producer = mock(Duration::from_secs(2));
    let transaction = open(&producer);
    let handle = &producer.producer().deliveries().handle;
    handle.mock_end_of_transaction(code::INVALID_TXN_STATE, Duration::ZERO);
    transaction.abort().expect("there is nothing to abort");
}

#[test]
fn an_abort_that_is_not_confirmed_says_so_in_time() {
    let producer = mock(Duration::from_secs(1));
    let transaction = open(&producer);
    let handle = &producer.producer().deliveries().handle;
    handle.mock_end_of_transaction(0, Duration::from_secs(4));
    let start = Instant::now();
    let error = transaction.abort().expect_err("nobody answers");
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[test]
fn nobody_there_is_told_at_once_and_a_wish_to_stop_is_heard() {
    let closed = format!("127.0.0.1:{}", closed_port());
    let open = |brokers: &str| {
        let options = ProducerOptions::default();
        TransactionalProducer::open(&connection(brokers), options, MINE).expect("opens")
    };
    let start = Instant::now();
    let error = open(&closed).init(|| true).expect_err("nobody there");
    assert_eq!(error.kind(), Kind::Unreachable);
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let silent = silent.local_addr().expect("its address").to_string();
    let is_known = open(&silent).init(|| false).expect("is not wanted");
    assert!(!is_known);
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[test]
fn the_users_own_id_and_time_are_taken() {
    let mut connection = connection("127.0.0.1:1");
    for (name, value) in [(ID, "theirs"), ("transaction.timeout.ms", "7000")] {
        let property = (name.to_owned(), value.to_owned());
        connection.properties.push(property);
    }
    let options = ProducerOptions::default();
    let producer = TransactionalProducer::open(&connection, options.clone(), MINE);
    let producer = producer.expect("a message waits no longer than its transaction");
    assert_eq!(producer.id(), "theirs");
    assert_eq!(producer.limit, Duration::from_secs(7));
    let error = Producer::open(&connection, options).expect_err("it makes no transactions");
    assert_eq!(error.kind(), Kind::Usage);
}
