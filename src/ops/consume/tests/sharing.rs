//! Partitions that change hands.

use super::*;
use std::collections::BTreeSet;

const PARTITIONS: i32 = 6;
const EACH: usize = 200;

async fn bench() -> Bench {
    let bench = Bench::new(PARTITIONS).await;
    for partition in 0..PARTITIONS {
        let event = |number| format!(r#"{{"eventId":"event-{partition}-{number}"}}"#);
        bench.produce(partition, (0..EACH).map(event)).await;
    }
    bench
}

fn all_done() -> Vec<(i32, i64)> {
    (0..PARTITIONS)
        .map(|partition| (partition, EACH as i64))
        .collect()
}

fn handled(handler: &Scripted) -> BTreeSet<(TopicPartition, i64)> {
    let attempts = handler.attempts().into_iter();
    attempts.map(|(place, offset, _)| (place, offset)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_joins_takes_over_without_loss_or_repetition() {
    let bench = bench().await;
    let handler = Scripted::new(|record, attempt| match (record.offset % 10, attempt) {
        (3, 1) => Err(transient()),
        _ => Ok(()),
    });
    // Without intervals all that is committed is committed when partitions are given away.
    let options = RuntimeOptions {
        commit_interval: LONG,
        commit_records: u64::MAX,
        ..bench.options()
    };
    handler.open(false);
    let first = bench.start(options.clone(), &handler);
    until("all partitions", || first.partitions() == 6).await;
    let second = bench.start(options, &handler);
    handler.open(true);
    until("half of them each", || {
        first.partitions() == 3 && second.partitions() == 3
    })
    .await;
    let done = || handled(&handler).len() == EACH * PARTITIONS as usize;
    until("everything", done).await;
    let mut figures = first.stop().await.unwrap();
    figures.add(&second.stop().await.unwrap());
    assert_eq!(bench.committed().await, all_done().into_iter().collect());
    // What was done before the rebalance was committed in it, and so was not done again.
    assert_eq!(figures.processed, (EACH * PARTITIONS as usize) as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_come_and_go_lose_nothing_and_share_their_memory() {
    let bench = bench().await;
    let handler = Scripted::new(|record, attempt| match (record.offset % 7, attempt) {
        (3, 1) => Err(transient()),
        _ => Ok(()),
    });
    let options = RuntimeOptions {
        dedupe: Some(memory()),
        ..bench.options()
    };
    let stays = bench.start(options.clone(), &handler);
    let mut figures = Figures::default();
    for round in 1..=3 {
        let guest = bench.start(options.clone(), &handler);
        until("a guest", || guest.has_joined()).await;
        let enough = round * EACH;
        until("some progress", || handled(&handler).len() >= enough).await;
        figures.add(&guest.stop().await.unwrap());
    }
    bench.committed_is(&all_done()).await;
    figures.add(&stays.stop().await.unwrap());
    assert_eq!(figures.processed, (EACH * PARTITIONS as usize) as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_is_dropped_leaves_too() {
    let bench = bench().await;
    let handler = Scripted::new(|_, _| Ok(()));
    handler.open(false);
    let gone = bench.start(bench.options(), &handler);
    until("all partitions", || gone.partitions() == 6).await;
    until("a record in hand", || !handler.attempts().is_empty()).await;
    drop(gone);
    // Not one that waits too: the two may share the partitions out for a moment, and it has to give its part away again.
    let next = bench.start(bench.options(), &Scripted::new(|_, _| Ok(())));
    until("all partitions", || next.partitions() == 6).await;
    bench.committed_is(&all_done()).await;
    next.stop().await.unwrap();
}
