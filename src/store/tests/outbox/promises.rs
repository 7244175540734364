//! What is written down, and what is read.

use super::place::{LONG, Place, TIMEOUT, add, claim, event, id, in_the_end, numbers, settle};
use crate::model::outbox::{NewOutboxEvent, OnDead, OutboxCounts, Settled};
use crate::store::outbox::Outbox;
use std::time::Duration;

pub async fn what_is_missing_is_made_once(place: &Place) {
    if place.is_foreign {
        place.make_foreign_table("outbox");
    }
    let (store, other) = (place.member().await, place.member().await);
    let outage = store.claim("a", 1, LONG, OnDead::Park).await.unwrap_err();
    assert!(!outage.passing, "{outage}");
    assert!(outage.message.contains("`eda outbox init`"), "{outage}");
    let sql = store.missing().await.unwrap();
    assert!(sql.contains("CREATE TABLE"), "{sql}");
    assert_eq!(sql.contains("outbox_relay"), place.is_foreign, "{sql}");
    let (first, second) = tokio::join!(store.create(), other.create());
    first.unwrap();
    second.unwrap();
    store.create().await.unwrap();
    assert_eq!(store.missing().await.unwrap(), "");
    assert_eq!(other.missing().await.unwrap(), "");
    assert!(claim(&store, "a", 1).await.is_empty());
    assert_eq!(other.counts().await.unwrap(), OutboxCounts::default());
    // An application writes what Debezium asks for, and no more.
    place.sql(&format!(
        "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload)
         VALUES ('{}', 'order', 'order-7', 'OrderCreated', '{{\"total\": 7.00}}')",
        id(7)
    ));
    // On a busy machine new rows of a foreign table are not looked for at every claim.
    let claimed = in_the_end(|| async {
        let claimed = claim(&store, "a", 10).await;
        (!claimed.is_empty()).then_some(claimed)
    })
    .await;
    assert_eq!(numbers(&claimed), [7]);
    let expected = NewOutboxEvent {
        payload: Some(b"{\"total\": 7.00}".to_vec()),
        ..event(7, "order-7")
    };
    assert_eq!(claimed[0].event, expected);
    assert_eq!(claimed[0].created_ms.is_some(), !place.is_foreign);
}

pub async fn what_is_added_is_claimed_in_order_and_settled(place: &Place) {
    let store = place.made().await;
    add(&store, &["a", "b", "a", "c", "b"]).await;
    let first = claim(&store, "a", 3).await;
    assert_eq!(numbers(&first), [0, 1, 2]);
    assert_eq!(first[2].event, event(2, "a"));
    assert_eq!(first[2].attempts, 0);
    let counts = store.counts().await.unwrap();
    assert_eq!(
        (counts.pending, counts.in_hand, counts.published),
        (5, 3, 0)
    );
    // Of a table made for Debezium it is known since when events were seen.
    assert!(counts.oldest_pending_ms.is_some());
    // What it has in hand it is not given again, and what comes after it is.
    let second = claim(&store, "a", 10).await;
    assert_eq!(numbers(&second), [3, 4]);
    assert_eq!(settle(&store, "a", &first, Settled::Published).await, 3);
    assert_eq!(settle(&store, "a", &first, Settled::Published).await, 0);
    assert_eq!(settle(&store, "a", &second, Settled::Published).await, 2);
    assert!(claim(&store, "a", 10).await.is_empty());
    let counts = store.counts().await.unwrap();
    let expected = OutboxCounts {
        published: 5,
        published_last_minute: 5,
        ..OutboxCounts::default()
    };
    assert_eq!(counts, expected);
    assert_eq!(settle(&store, "a", &[], Settled::Published).await, 0);
    assert!(claim(&store, "a", 0).await.is_empty());
}

pub async fn an_id_is_there_once(place: &Place) {
    let store = place.made().await;
    add(&store, &["a"]).await;
    let again = [event(1, "b"), event(0, "c")];
    let outage = store.add(&again).await.unwrap_err();
    assert!(!outage.passing, "{outage}");
    assert_eq!(numbers(&claim(&store, "a", 10).await), [0]);
}

pub async fn payloads_are_kept_byte_for_byte(place: &Place) {
    let store = place.made().await;
    let payloads: [Option<&[u8]>; 11] = [
        None,
        Some(b""),
        Some(b"{\"b\": 1,  \"a\": 1.00, \"b\": 1e400, \"c\": \"\\u0000\\n\"}"),
        Some(b"null"),
        Some(b"7"),
        Some(b"\0"),
        Some(b"a\0b"),
        Some(b"\xff\xfe"),
        Some(b"\x00\x00\x00\x00\x07avro"),
        Some("größe 🦀".as_bytes()),
        Some(b"\\x41 \\\\ '' $1 ?1"),
    ];
    let events: Vec<NewOutboxEvent> = payloads
        .iter()
        .enumerate()
        .map(|(number, payload)| NewOutboxEvent {
            payload: payload.map(<[u8]>::to_vec),
            aggregate_id: format!("'; DROP TABLE outbox; -- {number} \"ö\\"),
            event_type: "'\"\\".to_owned(),
            ..event(number, "")
        })
        .collect();
    store.add(&events).await.unwrap();
    let claimed = claim(&store, "'\"\\", 100).await;
    let claimed: Vec<_> = claimed.into_iter().map(|claimed| claimed.event).collect();
    assert_eq!(claimed, events);
    assert_eq!(store.renew("'\"\\", LONG).await.unwrap(), 11);
}

pub async fn a_payload_may_be_large(place: &Place) {
    let store = place.made().await;
    let large = NewOutboxEvent {
        payload: Some((0..10 << 20).map(|byte| byte as u8).collect()),
        ..event(0, "a")
    };
    store.add(std::slice::from_ref(&large)).await.unwrap();
    let claimed = claim(&store, "a", 10).await;
    assert!(claimed[0].event == large);
    assert_eq!(settle(&store, "a", &claimed, Settled::Published).await, 1);
}

pub async fn what_somebody_adds_is_heard_of(place: &Place) {
    let (store, other) = (place.made().await, place.member().await);
    // From now on it is listened for; before anything comes it may be told for nothing.
    store.added(Duration::from_millis(1)).await.unwrap();
    assert!(claim(&store, "a", 10).await.is_empty());
    let (heard, ()) = tokio::join!(
        async {
            in_the_end(|| async {
                store.added(TIMEOUT).await.unwrap();
                let claimed = claim(&store, "a", 10).await;
                (!claimed.is_empty()).then_some(claimed)
            })
            .await
        },
        add(&other, &["a"])
    );
    assert_eq!(numbers(&heard), [0]);
    // What was added between a claim and the question is heard of, too.
    assert!(claim(&store, "a", 10).await.is_empty());
    other.add(&[event(1, "b")]).await.unwrap();
    store.added(TIMEOUT).await.unwrap();
    assert_eq!(numbers(&claim(&store, "a", 10).await), [1]);
}

pub async fn names_of_tables_are_names(place: &Place) {
    for name in [
        "OutboxEvent",
        "select",
        "a b",
        "x\"; DROP TABLE outbox; --",
        "größe$1?2'\\",
    ] {
        if place.is_foreign {
            place.make_foreign_table(&format!("\"{}\"", name.replace('"', "\"\"")));
        }
        let store = place.opened(name).await;
        assert_ne!(store.missing().await.unwrap(), "");
        store.create().await.unwrap();
        assert_eq!(store.missing().await.unwrap(), "");
        add(&store, &["a", "b"]).await;
        let claimed = claim(&store, "a", 10).await;
        assert_eq!(numbers(&claimed), [0, 1], "{name}");
        assert_eq!(settle(&store, "a", &claimed, Settled::Published).await, 2);
        assert_eq!(store.counts().await.unwrap().published, 2);
        assert_eq!(store.purge(Duration::ZERO, false, 10).await.unwrap(), 2);
    }
}

pub async fn what_is_published_is_purged_in_time(place: &Place) {
    let store = place.made().await;
    add(&store, &["a", "b", "c", "d"]).await;
    let claimed = claim(&store, "a", 3).await;
    settle(&store, "a", &claimed, Settled::Published).await;
    let old = Duration::from_secs(3600);
    assert_eq!(store.purgeable(old, false).await.unwrap(), 0);
    assert_eq!(store.purge(old, false, 10).await.unwrap(), 0);
    assert_eq!(store.purgeable(Duration::ZERO, true).await.unwrap(), 0);
    assert_eq!(store.purgeable(Duration::ZERO, false).await.unwrap(), 3);
    assert_eq!(store.purge(Duration::ZERO, false, 2).await.unwrap(), 2);
    assert_eq!(store.purge(Duration::ZERO, false, 2).await.unwrap(), 1);
    assert_eq!(store.purge(Duration::ZERO, false, 2).await.unwrap(), 0);
    // Gone is gone: it does not come again, and what is pending is there.
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.pending, counts.published), (1, 0));
    assert_eq!(numbers(&claim(&store, "a", 10).await), [3]);
}

pub async fn what_the_application_deletes_is_gone(place: &Place) {
    let store = place.made().await;
    add(&store, &["a", "a", "b", "a"]).await;
    assert_eq!(numbers(&claim(&store, "a", 1).await), [0]);
    place.sql(&format!("DELETE FROM outbox WHERE id = '{}'", id(1)));
    assert_eq!(store.counts().await.unwrap().pending, 3);
    assert_eq!(numbers(&claim(&store, "a", 10).await), [2, 3]);
    // The last ones: SQLite gives what comes next their rowids.
    place.sql("DELETE FROM outbox");
    assert_eq!(store.counts().await.unwrap().pending, 0);
    store.add(&[event(4, "a"), event(5, "b")]).await.unwrap();
    let other = place.member().await;
    let claimed = claim(&other, "a", 10).await;
    assert_eq!(numbers(&claimed), [4, 5]);
    assert_eq!(settle(&store, "a", &claimed, Settled::Published).await, 2);
    let store: &dyn Outbox = store.as_ref();
    assert_eq!(store.counts().await.unwrap().published, 2);
}
