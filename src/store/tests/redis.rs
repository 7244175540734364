//! What only Redis has: its users, its TLS, its keys.

use super::databases;
use super::outages::{opened, refused, says};
use super::place::{LONG, claim, ours};
use crate::error::Kind;
use crate::store::Claimed;

#[tokio::test]
async fn a_user_with_the_rights_that_are_asked_for_is_enough() {
    let Some(redis) = databases::redis("a_user_with_the_rights_that_are_asked_for_is_enough")
    else {
        return;
    };
    let store = opened(&redis.url_of("limited")).await;
    let token = ours(claim(&store, "order-7").await);
    assert!(matches!(claim(&store, "order-7").await, Claimed::InHand(left) if left <= LONG.lease));
    assert!(store.renew("order-7", &token).await.unwrap());
    store.release("order-7", &token).await.unwrap();
    let token = ours(claim(&store, "order-7").await);
    assert!(store.done("order-7", &token).await.unwrap());
}

#[tokio::test]
async fn who_is_not_let_in_or_may_not_write_is_told() {
    let Some(redis) = databases::redis("who_is_not_let_in_or_may_not_write_is_told") else {
        return;
    };
    let port = redis.server.port().to_string();
    let wrong = redis.url().replace("//", "//limited:wrong@");
    says(&refused(&wrong).await, Kind::Failed, &[&port, "EDA_DEDUPE"]);
    let error = refused(&redis.url_of("reader")).await;
    says(&error, Kind::Failed, &[&port, "can't run this command"]);
    let error = refused(&format!("redis://127.0.0.1:{port}/999999")).await;
    says(&error, Kind::Failed, &[&port]);
}

#[tokio::test]
async fn tls_asks_who_the_server_is_unless_told_not_to() {
    let Some(redis) = databases::redis("tls_asks_who_the_server_is_unless_told_not_to") else {
        return;
    };
    let store = opened(&format!("{}#insecure", redis.tls_url())).await;
    ours(claim(&store, "order-7").await);
    // It has signed itself.
    says(
        &refused(&redis.tls_url()).await,
        Kind::Failed,
        &["certificate"],
    );
}

#[tokio::test]
async fn a_key_expires_with_what_it_says() {
    let Some(redis) = databases::redis("a_key_expires_with_what_it_says") else {
        return;
    };
    let address = redis.url().parse().unwrap();
    let group = format!("50% a:b {}", redis.url());
    let group = group.as_str();
    let store = crate::store::open(&address, group, LONG, super::place::TIMEOUT).await;
    let store = store.unwrap().unwrap();
    let token = ours(claim(&store, "order:7").await);
    let key = format!(
        "eda:event:{}:order:7",
        group.replace('%', "%25").replace(':', "%3A")
    );
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut ask = async |command: &str| -> redis::Value {
        redis::cmd(command)
            .arg(&key)
            .query_async(&mut connection)
            .await
            .unwrap()
    };
    let text = |text: String| redis::Value::BulkString(text.into_bytes());
    let within = |value, most: std::time::Duration| match value {
        redis::Value::Int(left) => left > 0 && left as u128 <= most.as_millis(),
        other => panic!("{other:?}"),
    };
    assert_eq!(ask("GET").await, text(format!("claimed:{}", token.0)));
    assert!(within(ask("PTTL").await, LONG.lease));
    assert!(store.done("order:7", &token).await.unwrap());
    assert_eq!(ask("GET").await, text("done".to_owned()));
    assert!(within(ask("PTTL").await, LONG.memory));
}

#[tokio::test]
async fn a_server_that_wants_a_password_says_so() {
    let Some(redis) = databases::own_redis("a_server_that_wants_a_password_says_so") else {
        return;
    };
    let set = redis.command(&["CONFIG", "SET", "requirepass", super::servers::PASSWORD]);
    assert_eq!(set, "+OK\r\n");
    says(&refused(&redis.url()).await, Kind::Failed, &["NOAUTH"]);
    let store = opened(&redis.url_of("")).await;
    ours(claim(&store, "order-7").await);
}
