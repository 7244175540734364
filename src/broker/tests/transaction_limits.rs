//! Transactions beside what else happens to a log, and to the broker.

use super::transactions::World;
use super::*;

use super::super::transaction::state::Identity;

#[tokio::test]
async fn a_purge_takes_the_stable_offset_along() {
    let world = World::new().await;
    let producer = world.new_producer().await;
    world.add(producer, vec![0]).await;
    world.write(producer, 0, 0).await;
    world.write(producer, 0, 2).await;
    let topic = world.0.topics.get("orders").unwrap();
    topic.partition(0).unwrap().delete_before(3).unwrap();
    assert_eq!(world.latest(true).await, 3);
    assert_eq!(world.read(3, true).await, (vec![], 3, Some(vec![])));
    assert_eq!(world.end(producer, true).await, 0);
    assert_eq!(world.latest(true).await, 5);
}

#[tokio::test]
async fn a_producer_outlives_the_broker_that_knew_it() {
    let world = World::new().await;
    let before = Identity { id: 1234, epoch: 7 };
    let now = world.initialise(60_000, before).await.unwrap();
    assert_ne!(now.id, before.id);
    assert_eq!(now.epoch, 0);
    world.add(now, vec![0]).await;
    assert_eq!(world.write(now, 0, 0).await, (0, 0));
    assert_eq!(world.end(now, true).await, 0);
}

#[tokio::test]
async fn transactions_without_records_leave_nothing() {
    let world = World::new().await;
    let producer = world.new_producer().await;
    for _ in 0..100 {
        assert_eq!(world.add(producer, vec![0, 1]).await, [0, 0]);
        assert_eq!(world.end(producer, false).await, 0);
    }
    assert_eq!(world.latest(false).await, 0);
}

/// A batch that comes while its transaction ends is either in it or refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_into_what_has_ended() {
    let world = Arc::new(World::new().await);
    let producer = world.new_producer().await;
    let mut sequence = 0;
    for round in 0..200 {
        assert_eq!(world.add(producer, vec![0]).await, [0]);
        let writing = tokio::spawn({
            let world = world.clone();
            async move { world.write(producer, 0, sequence).await.0 }
        });
        assert_eq!(world.end(producer, round % 2 == 0).await, 0);
        let written = writing.await.unwrap();
        assert!(written == 0 || written == 48, "{written}");
        if written == 0 {
            sequence += 2;
        }
        let open = world.latest(true).await != world.latest(false).await;
        assert!(!open, "a record hangs after round {round}");
    }
}
