//! What only a file has: what else may be at its path, and who else writes it.

use super::place::{Place, TIMEOUT, add, claim, event, numbers};
use crate::error::{Error, Kind};
use crate::model::outbox::OnDead;
use crate::store::outbox::{OutboxAddress, open};
use rusqlite::Connection;
use std::path::Path;
use std::time::Duration;

async fn refusal(path: &Path, table: &str) -> Error {
    let address = OutboxAddress::Sqlite(path.to_owned());
    let table = table.parse().unwrap();
    open(&address, &table, TIMEOUT).await.unwrap_err()
}

fn path(place: &Place) -> std::path::PathBuf {
    match place.address() {
        OutboxAddress::Sqlite(path) => path,
        OutboxAddress::Postgres(_) => unreachable!("a place in a file"),
    }
}

#[tokio::test]
async fn what_is_no_outbox_is_said_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "milk, eggs, ".repeat(100)).unwrap();
    let nowhere = folder.path().join("missing/outbox.db");
    let other = folder.path().join("other.db");
    Connection::open(&other)
        .unwrap()
        .execute_batch(
            "CREATE TABLE outbox (id TEXT, payload TEXT);
             CREATE TABLE keyed (id TEXT PRIMARY KEY, aggregatetype TEXT, aggregateid TEXT, type TEXT, payload TEXT)
                WITHOUT ROWID",
        )
        .unwrap();
    for (path, table, kind, part) in [
        (
            text.as_path(),
            "outbox",
            Kind::Usage,
            "is not an SQLite database",
        ),
        (
            &nowhere,
            "outbox",
            Kind::Unreachable,
            "cannot open the SQLite file",
        ),
        (
            folder.path(),
            "outbox",
            Kind::Unreachable,
            "cannot open the SQLite file",
        ),
        (
            &other,
            "outbox",
            Kind::Failed,
            "no column `aggregatetype`, `aggregateid`, `type`",
        ),
        (&other, "keyed", Kind::Failed, "has no rowid"),
    ] {
        let error = refusal(path, table).await;
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(part), "{error}");
        assert!(error.message().contains(path.to_str().unwrap()), "{error}");
    }
    let error = refusal(&other, "sales.outbox").await;
    assert_eq!(error.kind(), Kind::Usage, "{error}");
    // Nothing is made by looking, and what is there is left as it was.
    assert!(!nowhere.exists());
    assert!(std::fs::read_to_string(&text).unwrap().starts_with("milk"));
}

#[tokio::test]
async fn a_file_that_is_not_there_is_made_by_create_alone() {
    let place = Place::sqlite("").unwrap();
    let store = place.member().await;
    assert!(store.missing().await.unwrap().contains("CREATE TABLE"));
    let outage = store.counts().await.unwrap_err();
    assert!(outage.barred, "{outage}");
    assert!(outage.message.contains("`eda outbox init`"), "{outage}");
    assert!(!path(&place).exists());
    store.create().await.unwrap();
    assert_eq!(store.counts().await.unwrap().pending, 0);
}

#[tokio::test]
async fn a_table_that_goes_away_is_no_passing_trouble() {
    let place = Place::sqlite("").unwrap();
    let store = place.made().await;
    add(&store, &["a"]).await;
    place.sql("DROP TABLE outbox");
    for _ in 0..2 {
        let claimed = store.claim("a", 1, TIMEOUT, OnDead::Park).await;
        let outage = claimed.unwrap_err();
        assert!(!outage.passing && !outage.barred, "{outage}");
        assert!(outage.message.contains("`eda outbox init`"), "{outage}");
    }
    store.create().await.unwrap();
    assert!(claim(&store, "a", 10).await.is_empty());
}

#[tokio::test]
async fn an_applications_transaction_is_waited_for_and_not_for_ever() {
    let place = Place::sqlite("").unwrap();
    let (store, table) = (place.made().await, "outbox".parse().unwrap());
    add(&store, &["a"]).await;
    let impatient = open(&place.address(), &table, Duration::from_millis(300)).await;
    let impatient = impatient.unwrap();
    let application = Connection::open(path(&place)).unwrap();
    application.execute_batch("BEGIN IMMEDIATE").unwrap();
    let claimed = impatient.claim("a", 1, TIMEOUT, OnDead::Park).await;
    assert!(claimed.unwrap_err().passing);
    assert!(impatient.add(&[event(1, "a")]).await.unwrap_err().passing);
    // Reading goes on.
    assert_eq!(store.counts().await.unwrap().pending, 1);
    application.execute_batch("COMMIT").unwrap();
    assert_eq!(numbers(&claim(&store, "a", 10).await), [0]);
}

#[tokio::test]
async fn readers_and_writers_do_not_wait_for_each_other() {
    for place in [Place::sqlite(""), Place::sqlite_for_debezium("")] {
        let place = place.unwrap();
        place.made().await;
        let file = Connection::open(path(&place)).unwrap();
        let mode: String = file
            .pragma_query_value(None, "journal_mode", |row| row.get(0))
            .unwrap();
        assert_eq!(mode, "wal");
    }
}
