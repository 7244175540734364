//! What only a server has: transactions that overlap, rows that are locked, users with fewer rights, tables of any types.

use super::place::{
    LONG, Place, TIMEOUT, add, claim, event, id, in_the_end, numbers, refused, settle,
};
use crate::error::Kind;
use crate::model::outbox::{NewOutboxEvent, OnDead, OutboxEvent, Settled};
use crate::store::outbox::{Outbox, OutboxAddress, TableName, open};
use crate::store::tests::databases;
use std::sync::Arc;
use tokio_postgres::{Client, NoTls};

async fn application(place: &Place) -> Client {
    let connected = tokio_postgres::connect(&place.database().url(), NoTls).await;
    let (client, connection) = connected.unwrap();
    drop(tokio::spawn(connection));
    client
}

fn insert(number: usize, aggregate: &str) -> String {
    format!(
        "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload)
         VALUES ('{}', 'order', '{aggregate}', 'OrderCreated', '{{}}')",
        id(number)
    )
}

fn payloads(events: &[OutboxEvent]) -> Vec<String> {
    let text = |event: &OutboxEvent| String::from_utf8(event.event.payload.clone().unwrap());
    events.iter().map(|event| text(event).unwrap()).collect()
}

async fn what_becomes_visible_late(place: Place) {
    let store = place.made().await;
    let (mut slow, mut quick) = (application(&place).await, application(&place).await);
    let first = slow.transaction().await.unwrap();
    first.batch_execute(&insert(1, "a")).await.unwrap();
    let second = quick.transaction().await.unwrap();
    second.batch_execute(&insert(2, "b")).await.unwrap();
    second.commit().await.unwrap();
    let claimed = claim(&store, "a", 10).await;
    assert_eq!(numbers(&claimed), [2]);
    settle(&store, "a", &claimed, Settled::Published).await;
    // A position before one that was published, and one that is never used.
    quick.batch_execute(&insert(3, "b")).await.unwrap();
    let third = quick.transaction().await.unwrap();
    third.batch_execute(&insert(4, "c")).await.unwrap();
    third.rollback().await.unwrap();
    first.batch_execute(&insert(5, "a")).await.unwrap();
    first.commit().await.unwrap();
    let mut found = numbers(&claim(&store, "a", 10).await);
    found.sort_unstable();
    assert_eq!(found, [1, 3, 5]);
    assert!(claim(&store, "a", 10).await.is_empty());
}

#[tokio::test]
async fn what_becomes_visible_late_is_claimed_late() {
    if let Some(place) = Place::postgres("what_becomes_visible_late_is_claimed_late") {
        what_becomes_visible_late(place).await;
    }
    if let Some(place) = Place::postgres_for_debezium("what_becomes_visible_late_is_claimed_late") {
        what_becomes_visible_late(place).await;
    }
}

/// A transaction gets its number when it writes first, which may be long before it comes to the aggregate.
#[tokio::test]
async fn an_aggregates_order_is_that_of_its_lock_and_not_of_transactions_numbers() {
    let name = "an_aggregates_order_is_that_of_its_lock_and_not_of_transactions_numbers";
    let Some(place) = Place::postgres(name) else {
        return;
    };
    let store = place.made().await;
    place.sql("CREATE TABLE orders (id text); CREATE TABLE seen (id text); INSERT INTO orders VALUES ('a')");
    let (mut one, mut two) = (application(&place).await, application(&place).await);
    const LOCK: &str = "SELECT * FROM orders WHERE id = 'a' FOR UPDATE";
    let early = one.transaction().await.unwrap();
    early
        .batch_execute("INSERT INTO seen VALUES ('x')")
        .await
        .unwrap();
    let late = two.transaction().await.unwrap();
    late.batch_execute(&format!("{LOCK}; {}", insert(1, "a")))
        .await
        .unwrap();
    late.commit().await.unwrap();
    early
        .batch_execute(&format!("{LOCK}; {}", insert(2, "a")))
        .await
        .unwrap();
    early.commit().await.unwrap();
    assert_eq!(numbers(&claim(&store, "a", 10).await), [1, 2]);
}

#[tokio::test]
async fn a_long_transaction_elsewhere_holds_nobody_up() {
    let Some(place) = Place::postgres("a_long_transaction_elsewhere_holds_nobody_up") else {
        return;
    };
    let store = place.made().await;
    let mut other = application(&place).await;
    let long = other.transaction().await.unwrap();
    long.batch_execute("CREATE TABLE elsewhere (a int)")
        .await
        .unwrap();
    add(&store, &["a"]).await;
    assert_eq!(numbers(&claim(&store, "a", 10).await), [0]);
    long.commit().await.unwrap();
}

#[tokio::test]
async fn rows_that_an_application_has_locked_hold_their_aggregate_only() {
    let name = "rows_that_an_application_has_locked_hold_their_aggregate_only";
    let Some(place) = Place::postgres(name) else {
        return;
    };
    let store = place.made().await;
    add(&store, &["a", "b", "a"]).await;
    let mut application = application(&place).await;
    let transaction = application.transaction().await.unwrap();
    let delete = format!("DELETE FROM outbox WHERE id = '{}'", id(0));
    transaction.batch_execute(&delete).await.unwrap();
    let claimed = claim(&store, "a", 10).await;
    assert_eq!(numbers(&claimed), [1]);
    transaction.commit().await.unwrap();
    assert_eq!(numbers(&claim(&store, "a", 10).await), [2]);
}

#[tokio::test]
async fn tables_of_debeziums_are_read_whatever_their_types() {
    let name = "tables_of_debeziums_are_read_whatever_their_types";
    let Some(place) = Place::postgres(name) else {
        return;
    };
    for (schema, id_type, payload_type, expected) in [
        ("a", "uuid", "jsonb", "{\"a\": 1.00, \"b\": 2}"),
        ("b", "uuid", "json", "{\"b\":2, \"a\":1.00}"),
        ("c", "varchar(36)", "text", "{\"b\":2, \"a\":1.00}"),
        ("d", "text", "bytea", "{\"b\":2, \"a\":1.00}"),
    ] {
        place.sql(&format!(
            "CREATE SCHEMA {schema}; CREATE TYPE {schema}.kind AS ENUM ('order');
             CREATE TABLE {schema}.\"OutboxEvent\" (id {id_type} NOT NULL PRIMARY KEY,
                aggregatetype {schema}.kind NOT NULL, aggregateid varchar(255) NOT NULL, type varchar(255) NOT NULL,
                timestamp timestamp, payload {payload_type});
             INSERT INTO {schema}.\"OutboxEvent\" VALUES ('{}', 'order', 'a', 'OrderCreated', now(),
                '{{\"b\":2, \"a\":1.00}}'), ('{}', 'order', 'a', 'OrderGone', now(), NULL)",
            id(1),
            id(2)
        ));
        let store = place.opened(&format!("{schema}.OutboxEvent")).await;
        store.create().await.unwrap();
        let text = NewOutboxEvent {
            payload: Some(b"{\"b\":2, \"a\":1.00}".to_vec()),
            ..event(3, "a")
        };
        store.add(&[text]).await.unwrap();
        let claimed = claim(&store, "a", 10).await;
        assert_eq!(numbers(&claimed), [1, 2, 3], "{schema}");
        assert_eq!(claimed[1].event.payload, None);
        assert_eq!(
            payloads(&[claimed[0].clone(), claimed[2].clone()]),
            [expected; 2]
        );
        let bytes = NewOutboxEvent {
            payload: Some(vec![0, 0xff]),
            ..event(4, "a")
        };
        let added = store.add(&[bytes]).await;
        match payload_type {
            "bytea" => added.unwrap(),
            _ => assert!(
                added.unwrap_err().message.contains("is no text"),
                "{schema}"
            ),
        }
        settle(&store, "a", &claimed, Settled::Published).await;
        assert_eq!(store.counts().await.unwrap().published, 3);
    }
}

#[tokio::test]
async fn where_the_server_remembers_commits_debeziums_tables_are_in_their_order() {
    let name = "where_the_server_remembers_commits_debeziums_tables_are_in_their_order";
    let Some(database) = databases::own_postgres(name) else {
        return;
    };
    database.sql("ALTER SYSTEM SET track_commit_timestamp = on");
    database.server.kill();
    database.server.run();
    let place = Place::on(database);
    place.make_foreign_table("outbox");
    let store = place.member().await;
    store.create().await.unwrap();
    let (mut one, mut two) = (application(&place).await, application(&place).await);
    let early = one.transaction().await.unwrap();
    early
        .batch_execute("CREATE TABLE seen (id text)")
        .await
        .unwrap();
    let late = two.transaction().await.unwrap();
    late.batch_execute(&insert(1, "a")).await.unwrap();
    late.commit().await.unwrap();
    early.batch_execute(&insert(2, "a")).await.unwrap();
    early.commit().await.unwrap();
    assert_eq!(numbers(&claim(&store, "a", 10).await), [1, 2]);
}

fn refusal(outcome: crate::error::Result<Arc<dyn Outbox>>) -> crate::error::Error {
    outcome.err().unwrap()
}

#[tokio::test]
async fn who_may_not_is_told_what_to_ask_for() {
    let Some(place) = Place::postgres("who_may_not_is_told_what_to_ask_for") else {
        return;
    };
    let (table, database) = (TableName::default(), place.database());
    let address: OutboxAddress = database.limited_url().parse().unwrap();
    let limited = open(&address, &table, TIMEOUT).await.unwrap();
    let outage = limited.create().await.unwrap_err();
    assert!(!outage.passing && outage.barred, "{outage}");
    for part in ["permission denied", "init --print`", "`outbox`"] {
        assert!(outage.message.contains(part), "{outage}");
    }
    assert!(!outage.message.contains("ss:w"), "{outage}");
    // Nothing is half made.
    database.sql(&limited.missing().await.unwrap());
    assert_eq!(limited.missing().await.unwrap(), "");
    let outage = limited.claim("a", 1, LONG, OnDead::Park).await.unwrap_err();
    assert!(!outage.passing && outage.barred, "{outage}");
    assert!(outage.message.contains("GRANT SELECT"), "{outage}");
    database.sql("GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO limited");
    add(&limited, &["a"]).await;
    let claimed = claim(&limited, "a", 10).await;
    assert_eq!(settle(&limited, "a", &claimed, Settled::Published).await, 1);
    let wrong = database
        .url_with("limited:wrong", "sslmode=disable")
        .parse();
    let error = refusal(open(&wrong.unwrap(), &table, TIMEOUT).await);
    assert_eq!(error.kind(), Kind::Unreachable, "{error}");
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    let nobody = format!("postgres://me:secret@127.0.0.1:{port}/db").parse();
    let error = refusal(open(&nobody.unwrap(), &table, TIMEOUT).await);
    assert_eq!(error.kind(), Kind::Unreachable, "{error}");
    database.sql("CREATE TABLE other (id int, type text)");
    let other = place.address();
    let error = refusal(open(&other, &"other".parse().unwrap(), TIMEOUT).await);
    assert_eq!(error.kind(), Kind::Failed, "{error}");
    assert!(
        error.message().contains("no column `aggregatetype`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_table_that_goes_away_is_no_passing_trouble() {
    let Some(place) = Place::postgres("outbox_a_table_that_goes_away") else {
        return;
    };
    let store = place.made().await;
    add(&store, &["a"]).await;
    place.sql("DROP TABLE outbox");
    for _ in 0..2 {
        let outage = store.claim("a", 1, LONG, OnDead::Park).await.unwrap_err();
        assert!(!outage.passing && !outage.barred, "{outage}");
        assert!(outage.message.contains("`eda outbox init`"), "{outage}");
    }
    store.create().await.unwrap();
    assert!(claim(&store, "a", 10).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_is_asked_again() {
    let Some(database) = databases::own_postgres("outbox_a_server_that_comes_back") else {
        return;
    };
    let server = Arc::clone(&database.server);
    let place = Place::on(database);
    let store = place.made().await;
    store.added(std::time::Duration::ZERO).await.unwrap();
    add(&store, &["a", "b"]).await;
    let claimed = claim(&store, "a", 1).await;
    server.kill();
    let outage = store.claim("a", 1, LONG, OnDead::Park).await.unwrap_err();
    assert!(outage.passing, "{outage}");
    server.run();
    in_the_end(|| async { store.counts().await.ok() }).await;
    assert_eq!(settle(&store, "a", &claimed, Settled::Published).await, 1);
    assert_eq!(numbers(&claim(&store, "a", 10).await), [1]);
    in_the_end(|| async { store.added(std::time::Duration::ZERO).await.ok() }).await;
}

#[tokio::test]
async fn a_locked_row_is_settled_later_and_the_others_at_once() {
    let name = "a_locked_row_is_settled_later_and_the_others_at_once";
    let Some(place) = Place::postgres(name) else {
        return;
    };
    let store = place.made().await;
    add(&store, &["a", "b", "c"]).await;
    let claimed = claim(&store, "a", 10).await;
    let mut application = application(&place).await;
    let transaction = application.transaction().await.unwrap();
    let lock = format!("SELECT FROM outbox WHERE id = '{}' FOR UPDATE", id(0));
    transaction.batch_execute(&lock).await.unwrap();
    assert_eq!(store.renew("a", LONG).await.unwrap(), 2);
    let outcomes = [
        (claimed[0].position, Settled::Published),
        (claimed[1].position, refused(3_600_000)),
        (claimed[2].position, Settled::Published),
    ];
    for _ in 0..2 {
        let outage = store.settle("a", &outcomes).await.unwrap_err();
        assert!(outage.passing, "{outage}");
        assert!(outage.message.contains("1 of 3 events"), "{outage}");
        let counts = store.counts().await.unwrap();
        assert_eq!((counts.published, counts.most_attempts), (1, 1));
    }
    transaction.commit().await.unwrap();
    assert_eq!(store.renew("a", LONG).await.unwrap(), 1);
    assert_eq!(store.settle("a", &outcomes).await.unwrap(), 1);
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.published, counts.most_attempts), (2, 1));
}

#[tokio::test]
async fn a_table_made_by_hand_is_told_what_it_lacks() {
    let Some(place) = Place::postgres("a_table_made_by_hand_is_told_what_it_lacks") else {
        return;
    };
    place.made().await;
    place.sql("ALTER TABLE outbox DROP COLUMN payload_bytes");
    let error = refusal(open(&place.address(), &TableName::default(), TIMEOUT).await);
    assert_eq!(error.kind(), Kind::Failed, "{error}");
    assert!(
        error.message().contains("no column `payload_bytes`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_view_is_no_outbox_and_what_an_application_leaves_empty_is_shown() {
    let name = "a_view_is_no_outbox_and_what_an_application_leaves_empty_is_shown";
    let Some(place) = Place::postgres(name) else {
        return;
    };
    let client = application(&place).await;
    let made = "CREATE TABLE outbox (id text, aggregatetype text, aggregateid text, type text, payload text);
                CREATE VIEW seen AS SELECT * FROM outbox;
                INSERT INTO outbox VALUES ('x', NULL, NULL, NULL, 'y')";
    client.batch_execute(made).await.unwrap();
    let address: OutboxAddress = place.database().url().parse().unwrap();
    let seen: TableName = "seen".parse().unwrap();
    let opened = open(&address, &seen, TIMEOUT).await;
    let said = match opened {
        Ok(store) => store.missing().await.unwrap_err().message,
        Err(error) => error.one_line(),
    };
    assert!(said.contains("`seen` is not a table"), "{said}");
    let store = place.made().await;
    let claimed = claim(&store, "a", 10).await;
    let dead = Settled::Dead {
        reason: "no topic".to_owned(),
    };
    assert_eq!(settle(&store, "a", &claimed, dead).await, 1);
    let dead = store.dead(10).await.unwrap();
    assert_eq!(
        (dead[0].id.as_str(), dead[0].event_type.as_str()),
        ("x", "")
    );
    assert_eq!(store.retry(&[]).await.unwrap(), ["x"]);
}
