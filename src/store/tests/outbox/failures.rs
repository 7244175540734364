//! What the broker refuses.

use super::place::{
    LONG, Place, Store, add, claim, dead, event, id, in_the_end, numbers, refused, settle,
};
use crate::model::outbox::{DeadOutboxEvent, OnDead, Settled};
use std::time::Duration;

pub async fn what_is_refused_waits_and_so_do_those_behind_it(place: &Place) {
    let store = place.made().await;
    add(&store, &["a", "a", "b"]).await;
    let claimed = claim(&store, "a", 1).await;
    assert_eq!(settle(&store, "a", &claimed, refused(3_600_000)).await, 1);
    let counts = store.counts().await.unwrap();
    assert_eq!(
        (
            counts.pending,
            counts.in_hand,
            counts.retrying,
            counts.most_attempts
        ),
        (3, 0, 1, 1)
    );
    assert_eq!(numbers(&claim(&store, "a", 10).await), [2]);
    assert_eq!(numbers(&claim(&store, "b", 10).await), [0; 0]);
    let other = place.member().await;
    other.add(&[event(10, "x"), event(11, "x")]).await.unwrap();
    let claimed = claim(&other, "a", 1).await;
    assert_eq!(numbers(&claimed), [10]);
    settle(&other, "a", &claimed, refused(50)).await;
    // It comes again when its time has come, and those behind it after it.
    let again = in_the_end(|| async {
        let claimed = claim(&other, "b", 10).await;
        (!claimed.is_empty()).then_some(claimed)
    })
    .await;
    assert_eq!(numbers(&again), [10, 11]);
    assert_eq!((again[0].attempts, again[1].attempts), (1, 0));
}

async fn with_one_dead(place: &Place) -> Store {
    let store = place.made().await;
    add(&store, &["a", "a", "b", "a"]).await;
    let claimed = claim(&store, "a", 1).await;
    assert_eq!(settle(&store, "a", &claimed, dead()).await, 1);
    store
}

pub async fn dead_events_are_parked_or_block(place: &Place) {
    let store = with_one_dead(place).await;
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.pending, counts.dead, counts.retrying), (3, 1, 0));
    let blocked = store.claim("a", 10, LONG, OnDead::Block).await.unwrap();
    assert_eq!(numbers(&blocked), [2]);
    let parked = store.claim("a", 10, LONG, OnDead::Park).await.unwrap();
    assert_eq!(numbers(&parked), [1, 3]);
    let expected = DeadOutboxEvent {
        id: id(0),
        aggregate_type: "order".to_owned(),
        aggregate_id: "a".to_owned(),
        event_type: "OrderCreated".to_owned(),
        attempts: 1,
        reason: "too large".to_owned(),
    };
    assert_eq!(store.dead(10).await.unwrap(), [expected]);
    assert!(store.dead(0).await.unwrap().is_empty());
}

pub async fn dead_events_are_retried_or_purged(place: &Place) {
    let store = with_one_dead(place).await;
    let none = [id(1), id(77), "no uuid, '".to_owned()];
    assert!(store.retry(&none).await.unwrap().is_empty());
    assert_eq!(store.retry(&[id(0), id(1)]).await.unwrap(), [id(0)]);
    assert!(store.retry(&[]).await.unwrap().is_empty());
    let claimed = store.claim("a", 10, LONG, OnDead::Block).await.unwrap();
    assert_eq!(numbers(&claimed), [0, 1, 2, 3]);
    assert_eq!(claimed[0].attempts, 0);
    settle(&store, "a", &claimed[..2], dead()).await;
    assert_eq!(store.counts().await.unwrap().dead, 2);
    let mut retried = store.retry(&[]).await.unwrap();
    retried.sort();
    assert_eq!(retried, [id(0), id(1)]);
    let claimed = store.claim("a", 10, LONG, OnDead::Block).await.unwrap();
    assert_eq!(numbers(&claimed), [0, 1]);
    settle(&store, "a", &claimed, dead()).await;
    // Published is true, whatever was believed of it.
    assert_eq!(
        settle(&store, "z", &claimed[..1], Settled::Published).await,
        1
    );
    assert_eq!(
        store
            .purgeable(Duration::from_secs(3600), true)
            .await
            .unwrap(),
        0
    );
    assert_eq!(store.purgeable(Duration::ZERO, true).await.unwrap(), 1);
    assert_eq!(store.purge(Duration::ZERO, true, 10).await.unwrap(), 1);
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.pending, counts.dead, counts.published), (2, 0, 1));
}

pub async fn what_is_given_back_may_be_had_at_once(place: &Place) {
    let store = place.made().await;
    add(&store, &["a", "a"]).await;
    let claimed = claim(&store, "a", 10).await;
    // What is not its own it cannot give back.
    assert_eq!(settle(&store, "b", &claimed, Settled::Released).await, 0);
    assert!(claim(&store, "b", 10).await.is_empty());
    assert_eq!(settle(&store, "a", &claimed, Settled::Released).await, 2);
    let claimed = claim(&store, "b", 10).await;
    assert_eq!(numbers(&claimed), [0, 1]);
    assert_eq!(claimed[0].attempts, 0);
    assert_eq!(store.renew("a", LONG).await.unwrap(), 0);
    assert_eq!(store.renew("b", LONG).await.unwrap(), 2);
}
