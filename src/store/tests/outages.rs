//! Servers that are not there, go away, and come back; and who is let in.

use super::databases;
use super::place::{LONG, Place, Store, TIMEOUT, claim, in_the_end, ours, passing};
use super::servers::{self, Server};
use crate::error::{Error, Kind};
use crate::store::{Claimed, StoreAddress, open};
use std::net::TcpListener;
use std::time::{Duration, Instant};

pub async fn refused(url: &str) -> Error {
    let address: StoreAddress = url.parse().unwrap();
    open(&address, "billing", LONG, TIMEOUT).await.unwrap_err()
}

pub async fn opened(url: &str) -> Store {
    let address: StoreAddress = url.parse().unwrap();
    let store = open(&address, "billing", LONG, TIMEOUT).await;
    store
        .unwrap_or_else(|error| panic!("{}", error.one_line()))
        .unwrap()
}

#[track_caller]
pub fn says(error: &Error, kind: Kind, parts: &[&str]) {
    let said = format!("{} {:?}", error.one_line(), error.hint_text());
    assert_eq!(error.kind(), kind, "{said}");
    for part in parts {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    for secret in [servers::PASSWORD, servers::ENCODED, "wrong"] {
        assert!(!said.contains(secret), "{said}");
    }
}

/// How long the members of these tests wait for an answer.
const SOON: Duration = Duration::from_millis(1500);

async fn survives_a_kill(place: &Place, server: &Server) {
    let store = open(&place.address(), "billing", LONG, SOON).await;
    let store = store.unwrap().unwrap();
    let token = ours(claim(&store, "before").await);
    assert!(store.done("before", &token).await.unwrap());
    let held = ours(claim(&store, "held").await);
    server.kill();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..16 {
        let store = Store::clone(&store);
        tasks.spawn(async move {
            let asked = Instant::now();
            let outcome = store.claim(&format!("during-{task}")).await;
            assert!(asked.elapsed() < SOON * 3, "{:?}", asked.elapsed());
            outcome
        });
    }
    for outcome in tasks.join_all().await {
        assert!(passing(outcome.clone()), "{outcome:?}");
    }
    assert!(store.renew("held", &held).await.unwrap_err().passing);
    server.run();
    let after = in_the_end(|| async { store.claim("after").await.ok() }).await;
    let after = ours(after);
    assert!(store.done("after", &after).await.unwrap());
    assert_eq!(claim(&store, "before").await, Claimed::Done);
    assert!(store.renew("held", &held).await.unwrap());
    // One that comes and goes between two questions is not noticed.
    server.kill();
    server.run();
    assert_eq!(claim(&store, "after").await, Claimed::Done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_killed_and_started_again() {
    if let Some(redis) = databases::own_redis("redis_killed_and_started_again") {
        let server = std::sync::Arc::clone(&redis.server);
        survives_a_kill(&Place::Redis(redis), &server).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_killed_and_started_again() {
    if let Some(postgres) = databases::own_postgres("postgres_killed_and_started_again") {
        let server = std::sync::Arc::clone(&postgres.server);
        survives_a_kill(&Place::Postgres(postgres), &server).await;
    }
}

#[tokio::test]
async fn where_nobody_answers_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for scheme in ["redis", "rediss", "postgres"] {
        // It takes connections, and never says a word.
        let url = format!("{scheme}://me:{}@127.0.0.1:{port}/0", servers::ENCODED);
        let address: StoreAddress = url.parse().unwrap();
        let asked = Instant::now();
        let error = open(&address, "billing", LONG, Duration::from_millis(300)).await;
        says(
            &error.unwrap_err(),
            Kind::Unreachable,
            &[&format!("127.0.0.1:{port}")],
        );
        assert!(asked.elapsed() < TIMEOUT);
    }
    // A port that is taken, and where nobody listens.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    for scheme in ["redis", "rediss", "postgres"] {
        let error = refused(&format!("{scheme}://127.0.0.1:{port}/0")).await;
        says(
            &error,
            Kind::Unreachable,
            &[&format!("127.0.0.1:{port}"), "refused", "running there"],
        );
        let error = refused(&format!("{scheme}://host.invalid:{port}/0")).await;
        says(
            &error,
            Kind::Unreachable,
            &[&format!("host.invalid:{port}")],
        );
    }
}

#[tokio::test]
async fn what_is_no_server_of_its_kind_is_a_failure_or_unreachable_and_never_a_panic() {
    let name = "what_is_no_server_of_its_kind_is_a_failure_or_unreachable_and_never_a_panic";
    let (Some(redis), Some(postgres)) = (databases::redis(name), databases::postgres(name)) else {
        return;
    };
    for url in [
        format!("redis://127.0.0.1:{}", postgres.server.port()),
        format!("postgres://127.0.0.1:{}/db", redis.server.port()),
        format!("rediss://127.0.0.1:{}", redis.server.port()),
    ] {
        let address: StoreAddress = url.parse().unwrap();
        let error = open(&address, "billing", LONG, Duration::from_secs(2))
            .await
            .unwrap_err();
        assert!(
            matches!(error.kind(), Kind::Failed | Kind::Unreachable),
            "{}",
            error.one_line()
        );
    }
}

#[tokio::test]
async fn what_needs_no_server_is_opened() {
    let none: StoreAddress = "none".parse().unwrap();
    assert!(
        open(&none, "billing", LONG, TIMEOUT)
            .await
            .unwrap()
            .is_none()
    );
    let memory = opened("memory").await;
    ours(claim(&memory, "order-7").await);
}
