//! What only PostgreSQL has: handlers' transactions on the table, its users, its TLS.

use super::databases;
use super::outages::{opened, refused, says};
use super::place::{LONG, Place, claim, in_the_end, ours};
use crate::error::Kind;
use crate::store::Claimed;
use std::time::{Duration, Instant};
use tokio_postgres::{Client, NoTls};

async fn handler(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    drop(tokio::spawn(connection));
    client
}

const MARK: &str = "UPDATE eda_events SET state = 'done'
    WHERE consumer_group = 'billing' AND event_id = $1 AND state = 'claimed'";

#[tokio::test]
async fn a_handler_marks_its_event_done_in_its_own_transaction() {
    let Some(database) =
        databases::postgres("a_handler_marks_its_event_done_in_its_own_transaction")
    else {
        return;
    };
    let store = opened(&database.url()).await;
    let token = ours(claim(&store, "order-7").await);
    let mut handler = handler(&database.url()).await;
    let transaction = handler.transaction().await.unwrap();
    transaction
        .batch_execute("CREATE TABLE invoices (number text); INSERT INTO invoices VALUES ('7')")
        .await
        .unwrap();
    assert_eq!(transaction.execute(MARK, &[&"order-7"]).await.unwrap(), 1);
    transaction.commit().await.unwrap();
    assert_eq!(claim(&store, "order-7").await, Claimed::Done);
    // Whoever handled it too finds that out before its effect counts.
    assert_eq!(handler.execute(MARK, &[&"order-7"]).await.unwrap(), 0);
    assert!(store.done("order-7", &token).await.unwrap());
}

#[tokio::test]
async fn a_row_that_a_handler_has_locked_does_not_keep_the_others() {
    let Some(database) =
        databases::postgres("a_row_that_a_handler_has_locked_does_not_keep_the_others")
    else {
        return;
    };
    let short = crate::store::Lasting {
        lease: Duration::from_millis(1),
        memory: LONG.memory,
    };
    let place = Place::Postgres(database);
    let store = place.member("billing", short).await;
    let token = ours(claim(&store, "order-7").await);
    let Place::Postgres(database) = &place else {
        unreachable!()
    };
    let mut handler = handler(&database.url()).await;
    let transaction = handler.transaction().await.unwrap();
    assert_eq!(transaction.execute(MARK, &[&"order-7"]).await.unwrap(), 1);
    let asked = Instant::now();
    let (locked, renewed, other) = tokio::join!(
        store.claim("order-7"),
        store.renew("order-7", &token),
        store.claim("order-8")
    );
    // The lease ran out, but the row says nothing before the transaction has ended.
    assert!(matches!(locked, Ok(Claimed::InHand(_))), "{locked:?}");
    assert!(renewed.unwrap_err().passing);
    assert!(matches!(other, Ok(Claimed::Ours(_))), "{other:?}");
    assert!(asked.elapsed() < super::place::TIMEOUT);
    // Sweeping leaves it alone, too.
    store.forget_expired().await.unwrap();
    transaction.commit().await.unwrap();
    in_the_end(|| async { (claim(&store, "order-7").await == Claimed::Done).then_some(()) }).await;
}

#[tokio::test]
async fn a_user_who_may_not_make_the_table_is_shown_the_sql_and_may_use_it_then() {
    let name = "a_user_who_may_not_make_the_table_is_shown_the_sql_and_may_use_it_then";
    let Some(database) = databases::postgres(name) else {
        return;
    };
    let port = database.server.port().to_string();
    let error = refused(&database.limited_url()).await;
    says(
        &error,
        Kind::Failed,
        &[&port, "permission denied", "CREATE TABLE"],
    );
    let hint = error.hint_text().unwrap();
    let sql = &hint[hint.find("CREATE TABLE").unwrap()..];
    database.sql(sql);
    let error = refused(&database.limited_url()).await;
    says(&error, Kind::Failed, &[&port, "GRANT"]);
    database.sql("GRANT SELECT, INSERT, UPDATE ON eda_events TO limited");
    says(
        &refused(&database.limited_url()).await,
        Kind::Failed,
        &["GRANT"],
    );
    database.sql("GRANT DELETE ON eda_events TO limited");
    let store = opened(&database.limited_url()).await;
    let token = ours(claim(&store, "order-7").await);
    assert!(store.done("order-7", &token).await.unwrap());
    assert!(!store.forget_expired().await.unwrap());
    // A right that is taken away is no passing trouble.
    database.sql("REVOKE INSERT ON eda_events FROM limited");
    let outage = store.claim("order-8").await.unwrap_err();
    assert!(!outage.passing, "{outage}");
    database.sql("DROP TABLE eda_events");
    assert!(!store.claim("order-8").await.unwrap_err().passing);
}

#[tokio::test]
async fn who_is_not_let_in_is_told() {
    let Some(database) = databases::postgres("who_is_not_let_in_is_told") else {
        return;
    };
    let port = database.server.port().to_string();
    for (user, part) in [
        ("limited:wrong", "password authentication failed"),
        ("limited", "password missing"),
        ("nobody", "does not exist"),
    ] {
        let error = refused(&database.url_with(user, "sslmode=disable")).await;
        says(&error, Kind::Failed, &[&port, part, "EDA_DEDUPE"]);
    }
    let missing = format!("postgres://postgres@127.0.0.1:{port}/missing");
    says(
        &refused(&missing).await,
        Kind::Failed,
        &[&port, "does not exist"],
    );
    database.sql("CREATE TABLE eda_events (id int)");
    says(
        &refused(&database.url()).await,
        Kind::Failed,
        &[&port, "consumer_group"],
    );
    let standby = database.url_with("postgres", "options=-c%20default_transaction_read_only=on");
    database.sql("DROP TABLE eda_events");
    says(
        &refused(&standby).await,
        // One that was failed over: soon another may be there.
        Kind::Unreachable,
        &[&port, "read-only"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_make_the_table_at_once() {
    let Some(database) = databases::postgres("many_make_the_table_at_once") else {
        return;
    };
    let mut members = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let url = database.url();
        members.spawn(async move { opened(&url).await });
    }
    assert_eq!(members.join_all().await.len(), 16);
}

#[tokio::test]
async fn tls_is_what_sslmode_says() {
    let Some(database) = databases::postgres("tls_is_what_sslmode_says") else {
        return;
    };
    let certificate = database.server.certificate();
    let trusted = format!("sslrootcert={}", certificate.display());
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE ssl AND datname = current_database() AND pid <> pg_backend_pid()";
    for (parameters, is_encrypted) in [
        ("sslmode=disable".to_owned(), "0"),
        ("sslmode=prefer".to_owned(), "1"),
        ("sslmode=require".to_owned(), "1"),
        (format!("sslmode=verify-ca&{trusted}"), "1"),
        (format!("sslmode=verify-full&{trusted}"), "1"),
    ] {
        let store = opened(&database.url_with("postgres", &parameters)).await;
        assert_eq!(database.sql(encrypted), is_encrypted, "{parameters}");
        drop(store);
        in_the_end(|| async { (database.sql(encrypted) == "0").then_some(()) }).await;
    }
    for parameters in ["sslmode=verify-ca", "sslmode=verify-full"] {
        let error = refused(&database.url_with("postgres", parameters)).await;
        says(&error, Kind::Failed, &["certificate verify failed"]);
    }
    // The certificate is for the address alone.
    let by_name = database.url_with("postgres", &format!("sslmode=verify-full&{trusted}"));
    let error = refused(&by_name.replace("127.0.0.1", "localhost")).await;
    says(&error, Kind::Failed, &["certificate verify failed"]);
    let missing = database.url_with("postgres", "sslmode=verify-ca&sslrootcert=/missing.pem");
    says(&refused(&missing).await, Kind::Usage, &["/missing.pem"]);
}
