//! Retries, dead letters, the breaker, and members that cannot go on.

use super::*;
use crate::error::Kind;
use crate::kafka::{Consumer, ConsumerOptions, NextOffset, Polled, Rebalance, Standing};
use crate::model::dead_letter::{DeadLetter, FailureKind, detect};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transient_failure_is_tried_again_before_the_next_record() {
    let bench = Bench::new(1).await;
    bench.produce(0, values(3)).await;
    let handler = Scripted::new(|record, attempt| match (record.offset, attempt) {
        (1, 1 | 2) => Err(transient()),
        _ => Ok(()),
    });
    let member = bench.start(bench.options(), &handler);
    bench.committed_is(&[(0, 3)]).await;
    assert_eq!(handler.tries(), [(0, 1), (1, 1), (1, 2), (1, 3), (2, 1)]);
    let figures = member.stop().await.unwrap();
    assert_eq!(
        (figures.processed, figures.retried, figures.dead_lettered),
        (3, 2, 0)
    );
    assert!(figures.p99().is_some());
    assert!(bench.cluster.topic("orders.dlq").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_become_dead_letters_in_the_partition_of_their_source() {
    let bench = Bench::new(3).await;
    bench.produce(2, values(3)).await;
    let handler = Scripted::new(|record, _| match record.offset {
        0 => Err(permanent()),
        1 => Err(transient()),
        _ => Ok(()),
    });
    let member = bench.start(bench.options(), &handler);
    bench.committed_is(&[(2, 3)]).await;
    assert_eq!(
        handler.tries(),
        [(0, 1), (1, 1), (1, 2), (1, 3), (1, 4), (2, 1)]
    );
    let figures = member.stop().await.unwrap();
    assert_eq!(
        (figures.processed, figures.retried, figures.dead_lettered),
        (1, 3, 2)
    );

    let topic = bench.cluster.topic("orders.dlq").await.unwrap().unwrap();
    assert_eq!(topic.partitions.len(), 3);
    let letters = letters(&bench, 2, 2).await;
    let story = |letter: &DeadLetter| (letter.origin.offset, letter.kind, letter.attempts);
    let expected = [
        (Some(0), Some(FailureKind::Permanent), Some(1)),
        (Some(1), Some(FailureKind::Transient), Some(4)),
    ];
    assert_eq!(letters.iter().map(story).collect::<Vec<_>>(), expected);
    assert!(
        letters
            .iter()
            .all(|letter| letter.group.as_deref() == Some("workers"))
    );
}

/// The first dead letters of a partition.
pub(super) async fn letters(bench: &Bench, partition: i32, count: usize) -> Vec<DeadLetter> {
    struct Nobody;
    impl Rebalance for Nobody {
        fn assigned(&self, _: &[TopicPartition]) {}
        fn revoked(&self, _: &[TopicPartition], _: bool, _: Standing<'_>) -> Vec<NextOffset> {
            Vec::new()
        }
    }
    let connection = bench.cluster.connection().clone();
    let read = tokio::task::spawn_blocking(move || {
        let options = ConsumerOptions::default();
        let consumer = Consumer::open(&connection, options, Arc::new(Nobody)).unwrap();
        consumer
            .assign(&[(TopicPartition::new("orders.dlq", partition), 0)])
            .unwrap();
        let mut letters = Vec::new();
        let deadline = Instant::now() + LONG;
        while letters.len() < count && Instant::now() < deadline {
            if let Some(Polled::Record(record)) = consumer.poll(Duration::from_millis(50)).unwrap()
            {
                letters.push(detect(&record).unwrap());
            }
        }
        letters
    });
    read.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_dead_letter_topic_the_member_ends_and_commits_nothing_more() {
    for (dlq, said) in [
        (None, "there is no dead-letter topic"),
        (
            Some("no good name".to_owned()),
            "the record was not committed",
        ),
    ] {
        let bench = Bench::new(1).await;
        bench.produce(0, values(3)).await;
        let handler = Scripted::new(|record, _| match record.offset {
            1 => Err(permanent()),
            _ => Ok(()),
        });
        let options = RuntimeOptions {
            dlq,
            ..bench.options()
        };
        let mut member = bench.start(options, &handler);
        let error = member.finished().await.unwrap_err();
        assert!(error.message().contains(said), "{error}");
        assert!(error.message().contains("orders:0:1"), "{error}");
        assert_eq!(handler.tries(), [(0, 1), (1, 1)]);
        bench.committed_is(&[(0, 1)]).await;
        member.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_most_records_fail_the_member_ends_instead() {
    let bench = Bench::new(1).await;
    bench.produce(0, values(200)).await;
    let handler = Scripted::new(|_, _| Err(permanent()));
    let mut member = bench.start(bench.options(), &handler);
    let error = member.finished().await.unwrap_err();
    assert!(
        error
            .message()
            .contains("more than half of its last 100 records failed"),
        "{error}"
    );
    assert_eq!(member.figures().dead_lettered, 50);
    bench.committed_is(&[(0, 50)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_panics_ends_the_member() {
    let bench = Bench::new(1).await;
    bench.produce(0, values(3)).await;
    let handler = Scripted::new(|record, _| match record.offset {
        1 => panic!("on purpose"),
        _ => Ok(()),
    });
    let mut member = bench.start(bench.options(), &handler);
    let error = member.finished().await.unwrap_err();
    assert_eq!(
        error.message(),
        "a task of group `workers` ended unexpectedly"
    );
    bench.committed_is(&[(0, 1)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_is_not_there_and_a_topic_that_does_not_exist_are_told() {
    let begun = Instant::now();
    let handler = Scripted::new(|_, _| Ok(()));
    let options = RuntimeOptions::new("workers", vec!["orders".to_owned()]);
    let mut member = start(&cluster("127.0.0.1:1"), options, handler.clone()).unwrap();
    assert_eq!(
        member.finished().await.unwrap_err().kind(),
        Kind::Unreachable
    );
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );

    let bench = Bench::new(1).await;
    let options = RuntimeOptions {
        topics: vec!["order".to_owned()],
        ..bench.options()
    };
    let mut member = bench.start(options, &handler);
    let error = member.finished().await.unwrap_err();
    assert!(
        error.message().contains("topic `order` does not exist"),
        "{error}"
    );
}
