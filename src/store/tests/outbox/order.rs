//! The order of an aggregate, whoever claims.

use super::place::{
    LONG, Place, SHORT, Store, add, claim, dead, event, in_the_end, numbers, refused, settle,
};
use crate::model::outbox::{OnDead, OutboxEvent, Settled};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

pub async fn what_another_has_in_hand_holds_its_aggregate_only(place: &Place) {
    let (store, other) = (place.made().await, place.member().await);
    add(&store, &["a", "b", "a", "b", "c"]).await;
    let first = claim(&store, "a", 1).await;
    let second = claim(&other, "b", 10).await;
    assert_eq!(
        (numbers(&first), numbers(&second)),
        (vec![0], vec![1, 3, 4])
    );
    assert!(claim(&other, "b", 10).await.is_empty());
    settle(&store, "a", &first, Settled::Published).await;
    assert_eq!(numbers(&claim(&other, "b", 10).await), [2]);
}

pub async fn a_dead_relays_events_are_taken_over(place: &Place) {
    let (slow, store) = (place.made().await, place.member().await);
    add(&slow, &["a", "a", "a", "a", "b"]).await;
    let lost = slow.claim("slow", 4, SHORT, OnDead::Park).await.unwrap();
    assert_eq!(numbers(&lost), [0, 1, 2, 3]);
    let taken = in_the_end(|| async {
        let claimed = claim(&store, "new", 10).await;
        (claimed.len() > 1).then_some(claimed)
    })
    .await;
    assert!(numbers(&taken).starts_with(&[0, 1, 2, 3]));
    // The dead one was only slow. It can do nothing any more to what is somebody else's, but to say what it has done.
    let outcomes = [
        (lost[0].position, refused(3_600_000)),
        (lost[1].position, dead()),
        (lost[2].position, Settled::Released),
        (lost[3].position, Settled::Published),
    ];
    assert_eq!(slow.settle("slow", &outcomes).await.unwrap(), 1);
    assert_eq!(slow.renew("slow", LONG).await.unwrap(), 0);
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.retrying, counts.dead, counts.published), (0, 0, 1));
    assert!(claim(&slow, "slow", 10).await.is_empty());
    // Said twice, counted once.
    assert_eq!(
        settle(&store, "new", &taken, Settled::Published).await,
        taken.len() as u64 - 1
    );
}

pub async fn a_lease_that_is_renewed_lasts(place: &Place) {
    let (store, other) = (place.made().await, place.member().await);
    add(&store, &["renewed", "witness"]).await;
    let claimed = store.claim("renewed", 1, SHORT, OnDead::Park).await;
    assert_eq!(numbers(&claimed.unwrap()), [0]);
    assert_eq!(store.renew("renewed", LONG).await.unwrap(), 1);
    // Later, so that its lease ends after the one that was renewed would have.
    let claimed = store.claim("witness", 1, SHORT, OnDead::Park).await;
    assert_eq!(numbers(&claimed.unwrap()), [1]);
    // By now a lease that was not renewed has run out.
    let taken = in_the_end(|| async {
        let claimed = claim(&other, "other", 10).await;
        (!claimed.is_empty()).then_some(claimed)
    })
    .await;
    assert_eq!(numbers(&taken), [1]);
    assert!(claim(&other, "other", 10).await.is_empty());
}

pub async fn a_long_blocked_line_does_not_keep_the_others(place: &Place) {
    let store = place.made().await;
    let line: Vec<_> = (0..6000).map(|number| event(number, "blocked")).collect();
    store.add(&line).await.unwrap();
    let others: Vec<_> = (6000..6040)
        .map(|number| event(number, ["x", "y", "a", "b"][number % 4]))
        .collect();
    store.add(&others).await.unwrap();
    let head = claim(&store, "a", 1).await;
    settle(&store, "a", &head, refused(3_600_000)).await;
    let mut seen = HashSet::new();
    for _ in 0..8 {
        let claimed = claim(&store, "a", 5).await;
        assert_eq!(claimed.len(), 5);
        assert_eq!(settle(&store, "a", &claimed, Settled::Published).await, 5);
        seen.extend(numbers(&claimed));
    }
    assert_eq!(seen, (6000..6040).collect());
    assert!(claim(&store, "a", 5).await.is_empty());
}

/// What was published, by aggregate, in the order it was.
type Published = Arc<Mutex<HashMap<String, Vec<i64>>>>;

/// Claims, publishes as a relay does, and says so, until all is published. Of an aggregate of which one was refused the
/// later ones are given back.
async fn relay(store: Store, owner: String, total: usize, published: Published, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    loop {
        let limit = random.usize(1..40);
        let claimed = claim(&store, &owner, limit).await;
        let mut stopped = HashSet::new();
        let mut outcomes = Vec::new();
        for OutboxEvent {
            position, event, ..
        } in &claimed
        {
            let outcome = match random.u8(..10) {
                _ if stopped.contains(&event.aggregate_id) => Settled::Released,
                0 => Settled::Released,
                1 => refused(random.i64(0..5)),
                _ => Settled::Published,
            };
            match outcome {
                Settled::Published => {
                    let mut published = published.lock().unwrap();
                    published
                        .entry(event.aggregate_id.clone())
                        .or_default()
                        .push(*position);
                }
                _ => {
                    stopped.insert(event.aggregate_id.clone());
                }
            }
            outcomes.push((*position, outcome));
        }
        let settled = store.settle(&owner, &outcomes).await.unwrap();
        assert_eq!(settled, outcomes.len() as u64, "seed {seed}");
        let done: usize = published.lock().unwrap().values().map(Vec::len).sum();
        if done == total {
            return;
        }
        tokio::task::yield_now().await;
    }
}

pub async fn relays_that_race_keep_the_order(place: &Place) {
    const EVENTS: usize = 3000;
    let store = place.made().await;
    let published = Published::default();
    let mut relays = tokio::task::JoinSet::new();
    let seed = fastrand::u64(..1 << 32);
    for owner in 0..3 {
        let store = place.member().await;
        relays.spawn(relay(
            store,
            format!("relay-{owner}"),
            EVENTS,
            Arc::clone(&published),
            seed + owner,
        ));
    }
    // They run while it is written.
    for chunk in (0..EVENTS).collect::<Vec<_>>().chunks(100) {
        let events: Vec<_> = chunk
            .iter()
            .map(|number| event(*number, &format!("order-{}", number * number % 23)))
            .collect();
        store.add(&events).await.unwrap();
    }
    relays.join_all().await;
    let published = std::mem::take(&mut *published.lock().unwrap());
    for (aggregate, positions) in published.iter() {
        assert!(
            positions.is_sorted_by(|a, b| a < b),
            "seed {seed}, {aggregate}: {positions:?}"
        );
    }
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.pending, counts.published), (0, EVENTS as u64));
}
