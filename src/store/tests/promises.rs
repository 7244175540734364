//! What every memory promises.

use super::place::{LONG, Place, Store, claim, claim_in_the_end, in_the_end, ours};
use crate::store::{Claimed, Lasting};
use std::collections::HashSet;
use std::time::Duration;

/// A test of each memory that is named, by the promise's name.
macro_rules! promises {
    ($($place:ident: $($promise:ident)*;)*) => {
        $(mod $place {
            use super::super::place::Place;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    let test = concat!(stringify!($place), "_", stringify!($promise));
                    let Some(place) = Place::$place(test) else {
                        return;
                    };
                    super::$promise(&place).await;
                }
            )*
        })*
    };
}

promises! {
    memory:
        what_is_done_is_done
        what_is_given_back_is_ours_again
        only_one_of_many_wins
        strange_ids_are_ids;
    sqlite:
        what_is_done_is_done
        what_is_given_back_is_ours_again
        only_one_of_many_wins
        strange_ids_are_ids
        groups_are_apart
        a_dead_owners_event_is_taken_over
        a_lease_that_is_renewed_lasts
        a_lease_that_ran_out_is_still_ours_when_nobody_came
        what_is_done_is_forgotten_in_time
        what_is_forgotten_is_bounded;
    redis:
        what_is_done_is_done
        what_is_given_back_is_ours_again
        only_one_of_many_wins
        strange_ids_are_ids
        groups_are_apart
        a_dead_owners_event_is_taken_over
        a_lease_that_is_renewed_lasts
        a_lease_that_ran_out_is_still_ours_when_nobody_came
        what_is_done_is_forgotten_in_time;
    postgres:
        what_is_done_is_done
        what_is_given_back_is_ours_again
        only_one_of_many_wins
        strange_ids_are_ids
        groups_are_apart
        a_dead_owners_event_is_taken_over
        a_lease_that_is_renewed_lasts
        a_lease_that_ran_out_is_still_ours_when_nobody_came
        what_is_done_is_forgotten_in_time
        what_is_forgotten_is_bounded;
}

/// A lease that ends while a test waits.
const SHORT: Lasting = Lasting {
    lease: Duration::from_millis(200),
    memory: Duration::from_secs(3600),
};

async fn what_is_done_is_done(place: &Place) {
    let (store, other) = (
        place.member("billing", LONG).await,
        place.member("billing", LONG).await,
    );
    let token = ours(claim(&store, "order-7").await);
    assert!(matches!(
        claim(&other, "order-7").await,
        Claimed::InHand(left) if left > Duration::ZERO && left <= LONG.lease
    ));
    assert!(store.renew("order-7", &token).await.unwrap());
    assert!(store.done("order-7", &token).await.unwrap());
    // Once more, as after an answer that was lost.
    assert!(store.done("order-7", &token).await.unwrap());
    assert_eq!(claim(&store, "order-7").await, Claimed::Done);
    assert_eq!(claim(&other, "order-7").await, Claimed::Done);
    assert!(!store.renew("order-7", &token).await.unwrap());
    store.release("order-7", &token).await.unwrap();
    assert_eq!(claim(&other, "order-7").await, Claimed::Done);
    ours(claim(&other, "order-8").await);
}

async fn what_is_given_back_is_ours_again(place: &Place) {
    let store = place.member("billing", LONG).await;
    let other = place.member("billing", LONG).await;
    let first = ours(claim(&store, "order-7").await);
    store.release("order-7", &first).await.unwrap();
    let second = ours(claim(&other, "order-7").await);
    assert_ne!(first, second);
    // It is not the first's to give any more.
    store.release("order-7", &first).await.unwrap();
    assert!(!store.renew("order-7", &first).await.unwrap());
    assert!(!store.done("order-7", &first).await.unwrap());
    assert!(matches!(claim(&store, "order-7").await, Claimed::InHand(_)));
    assert!(other.done("order-7", &second).await.unwrap());
}

async fn only_one_of_many_wins(place: &Place) {
    const EVENTS: usize = 20;
    let members = [
        place.member("billing", LONG).await,
        place.member("billing", LONG).await,
    ];
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..32 {
        let store = Store::clone(&members[task % 2]);
        tasks.spawn(async move {
            let mut won = Vec::new();
            for event in 0..EVENTS {
                if let Claimed::Ours(_) = claim(&store, &format!("order-{event}")).await {
                    won.push(event);
                }
            }
            won
        });
    }
    let won: Vec<usize> = tasks.join_all().await.concat();
    let events: HashSet<usize> = won.iter().copied().collect();
    assert_eq!((won.len(), events.len()), (EVENTS, EVENTS));
}

async fn strange_ids_are_ids(place: &Place) {
    let store = place.member("billing", LONG).await;
    let long = "x".repeat(100_000);
    let longer = "x".repeat(100_001);
    let hash = format!("sha256:{}", "0".repeat(64));
    let ids = [
        "",
        " ",
        "\0",
        "\0\0",
        "a\0b",
        "a",
        "A",
        "größe",
        "gro\u{308}ße",
        "🦀\u{202e}",
        "'",
        "\"; --",
        "\\",
        "%",
        "_",
        "*",
        ":",
        "{a}",
        "\n",
        &long,
        &longer,
        &hash,
    ];
    for id in ids {
        let token = ours(claim(&store, id).await);
        assert!(store.renew(id, &token).await.unwrap(), "{:.20}", id);
        assert!(store.done(id, &token).await.unwrap(), "{:.20}", id);
    }
    for id in ids {
        assert_eq!(claim(&store, id).await, Claimed::Done, "{:.20}", id);
    }
}

async fn groups_are_apart(place: &Place) {
    // The last two would be one key if they were merely put together.
    for (group, event) in [
        ("billing", "1"),
        ("shipping", "1"),
        ("", "1"),
        ("b'\"\0", "1"),
        ("a:b", "c"),
        ("a", "b:c"),
    ] {
        let store = place.member(group, LONG).await;
        let token = ours(claim(&store, event).await);
        assert!(store.done(event, &token).await.unwrap());
        assert_eq!(claim(&store, event).await, Claimed::Done);
    }
}

async fn a_dead_owners_event_is_taken_over(place: &Place) {
    let dead = place.member("billing", SHORT).await;
    let alive = place.member("billing", LONG).await;
    let old = ours(claim(&dead, "order-7").await);
    let new = claim_in_the_end(&alive, "order-7").await;
    // The dead one was only slow. It can do nothing any more to what is somebody else's.
    assert!(!dead.done("order-7", &old).await.unwrap());
    assert!(!dead.renew("order-7", &old).await.unwrap());
    dead.release("order-7", &old).await.unwrap();
    assert!(matches!(claim(&dead, "order-7").await, Claimed::InHand(_)));
    assert!(alive.renew("order-7", &new).await.unwrap());
    assert!(alive.done("order-7", &new).await.unwrap());
    assert_eq!(claim(&dead, "order-7").await, Claimed::Done);
}

async fn a_lease_that_is_renewed_lasts(place: &Place) {
    let short = place.member("billing", SHORT).await;
    let long = place.member("billing", LONG).await;
    let other = place.member("billing", LONG).await;
    let (renewed, witness) = (
        ours(claim(&short, "renewed").await),
        ours(claim(&short, "witness").await),
    );
    assert_ne!(renewed, witness);
    assert!(long.renew("renewed", &renewed).await.unwrap());
    // By now a lease that was not renewed has run out.
    claim_in_the_end(&other, "witness").await;
    assert!(matches!(claim(&other, "renewed").await, Claimed::InHand(_)));
    assert!(short.done("renewed", &renewed).await.unwrap());
}

async fn a_lease_that_ran_out_is_still_ours_when_nobody_came(place: &Place) {
    let store = place.member("billing", SHORT).await;
    let other = place.member("billing", LONG).await;
    let slow = ours(claim(&store, "slow").await);
    let slower = ours(claim(&store, "slower").await);
    ours(claim(&store, "witness").await);
    claim_in_the_end(&other, "witness").await;
    assert!(store.renew("slow", &slow).await.unwrap());
    assert!(store.done("slow", &slow).await.unwrap());
    assert!(store.done("slower", &slower).await.unwrap());
    assert_eq!(claim(&other, "slow").await, Claimed::Done);
    assert_eq!(claim(&other, "slower").await, Claimed::Done);
}

/// What is remembered for no longer than a moment.
const FORGETFUL: Lasting = Lasting {
    lease: Duration::from_secs(300),
    memory: Duration::from_millis(200),
};

async fn what_is_done_is_forgotten_in_time(place: &Place) {
    let store = place.member("billing", FORGETFUL).await;
    let long = place.member("billing", LONG).await;
    let token = ours(claim(&long, "kept").await);
    assert!(long.done("kept", &token).await.unwrap());
    let held = ours(claim(&store, "held").await);
    let token = ours(claim(&store, "order-7").await);
    assert!(store.done("order-7", &token).await.unwrap());
    let again = claim_in_the_end(&store, "order-7").await;
    assert_ne!(again, token);
    // Whether what expired has been swept or not.
    assert!(!store.forget_expired().await.unwrap());
    assert!(store.done("order-7", &again).await.unwrap());
    assert_eq!(claim(&long, "kept").await, Claimed::Done);
    // A claim is not forgotten while its lease lasts.
    assert!(matches!(claim(&long, "held").await, Claimed::InHand(_)));
    assert!(store.renew("held", &held).await.unwrap());
}

async fn what_is_forgotten_is_bounded(place: &Place) {
    let store = place.member("billing", FORGETFUL).await;
    let other = place.member("shipping", LONG).await;
    let token = ours(claim(&other, "kept").await);
    assert!(other.done("kept", &token).await.unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..30 {
        let store = Store::clone(&store);
        tasks.spawn(async move {
            for number in 0..50 {
                let event = format!("order-{task}-{number}");
                let token = ours(claim(&store, &event).await);
                assert!(store.done(&event, &token).await.unwrap());
            }
        });
    }
    tasks.join_all().await;
    let token = ours(claim(&store, "witness").await);
    assert!(store.done("witness", &token).await.unwrap());
    claim_in_the_end(&store, "witness").await;
    // 1,500 have expired: a thousand, the others, and no more. Any group sweeps for all.
    assert!(other.forget_expired().await.unwrap());
    assert!(!other.forget_expired().await.unwrap());
    assert_eq!(place.rows().await, 2);
    assert_eq!(claim(&other, "kept").await, Claimed::Done);
    in_the_end(|| async {
        let token = ours(claim(&store, "order-0-0").await);
        store.release("order-0-0", &token).await.ok()
    })
    .await;
}
