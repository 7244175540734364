//! What only a file has: what else may be at its path, and who else writes it.

use super::place::{
    Place, TIMEOUT, add, claim, dead, event, id, in_the_end, numbers, refused, settle,
};
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
                WITHOUT ROWID;
             CREATE VIEW seen AS SELECT * FROM keyed",
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
        (&other, "seen", Kind::Failed, "is a view"),
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
    // Its thread has given up, too: it answers what was asked after that.
    in_the_end(|| async { impatient.counts().await.ok() }).await;
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

/// The rows of a table made for Debezium whose key the application sets.
fn numbered(rows: &[i64]) -> String {
    let rows = rows
        .iter()
        .map(|row| format!("({row}, 'order', 'a', 'OrderCreated')"));
    let rows: Vec<String> = rows.collect();
    format!(
        "INSERT INTO outbox (id, aggregatetype, aggregateid, type) VALUES {}",
        rows.join(", ")
    )
}

#[tokio::test]
async fn rows_that_the_application_numbers_are_found_wherever_they_are() {
    let place = Place::sqlite("").unwrap();
    place.sql(
        "CREATE TABLE outbox (id INTEGER PRIMARY KEY, aggregatetype TEXT, aggregateid TEXT, type TEXT, payload TEXT)",
    );
    let store = place.member().await;
    store.create().await.unwrap();
    for rows in [&[10, 20][..], &[15, 5], &[30, -7]] {
        place.sql(&numbered(rows));
        let found = in_the_end(|| async {
            let claimed = claim(&store, "a", 10).await;
            (!claimed.is_empty()).then_some(claimed)
        });
        let found = found.await;
        let ids: Vec<i64> = found
            .iter()
            .map(|event| event.event.id.parse().unwrap())
            .collect();
        let mut expected = rows.to_vec();
        expected.sort_unstable();
        assert_eq!(ids, expected);
    }
}

#[tokio::test]
async fn an_id_that_is_there_twice_hides_nothing() {
    let place = Place::sqlite("").unwrap();
    place.sql(
        "CREATE TABLE outbox (id TEXT, aggregatetype TEXT, aggregateid TEXT, type TEXT, payload TEXT);
         INSERT INTO outbox WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 20100)
            SELECT max(i, 1), 'order', 'a', 'OrderCreated', NULL FROM n",
    );
    let store = place.member().await;
    store.create().await.unwrap();
    let seen = || {
        let file = Connection::open(path(&place)).unwrap();
        let count = "SELECT count(*) FROM outbox_relay";
        file.query_row(count, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    in_the_end(|| async {
        claim(&store, "a", 1).await;
        (seen() == 20_100).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_uuid_of_16_bytes_is_shown_and_named_as_one() {
    let place = Place::sqlite("").unwrap();
    place.sql(&format!(
        "CREATE TABLE outbox (id BLOB PRIMARY KEY, aggregatetype TEXT, aggregateid TEXT, type TEXT, payload TEXT);
         INSERT INTO outbox VALUES (x'{}', 'order', 'a', 'OrderCreated', NULL)",
        id(1).replace('-', "")
    ));
    let store = place.member().await;
    store.create().await.unwrap();
    for named in [vec![id(1)], Vec::new()] {
        let claimed = claim(&store, "a", 10).await;
        assert_eq!(numbers(&claimed), [1]);
        settle(&store, "a", &claimed, dead()).await;
        assert_eq!(store.dead(10).await.unwrap()[0].id, id(1));
        assert_eq!(store.retry(&named).await.unwrap(), [id(1)]);
    }
}

#[tokio::test]
async fn what_an_application_wrote_into_a_row_is_in_no_others_way() {
    let place = Place::sqlite("").unwrap();
    let store = place.made().await;
    add(&store, &["a", "b", "c", "d"]).await;
    place.sql(
        "UPDATE outbox SET attempts = 9223372036854775807 WHERE aggregateid = 'a';
         UPDATE outbox SET attempts = -5, created_ms = 'noon' WHERE aggregateid = 'b';
         UPDATE outbox SET attempts = 'many', id = x'ff', aggregateid = x'ff00' WHERE aggregateid = 'c';
         UPDATE outbox SET id = x'fe', aggregateid = x'ff01' WHERE aggregateid = 'd'",
    );
    let claimed = claim(&store, "a", 10).await;
    let attempts: Vec<u32> = claimed.iter().map(|event| event.attempts).collect();
    assert_eq!(attempts, [u32::MAX, 0, 0, 0]);
    let told = |at: usize| {
        let event = &claimed[at].event;
        (event.id.as_str(), event.aggregate_id.as_str())
    };
    assert_eq!([told(2), told(3)], [("ff", "ff00"), ("fe", "ff01")]);
    assert_eq!(settle(&store, "a", &claimed, refused(0)).await, 4);
    assert_eq!(claim(&store, "a", 10).await.len(), 4);
    store.counts().await.unwrap();
    assert_eq!(settle(&store, "a", &claimed, dead()).await, 4);
    assert_eq!(store.dead(10).await.unwrap().len(), 4);
    let named = ["fe".to_owned(), "ff".to_owned()];
    assert_eq!(store.retry(&named).await.unwrap(), named);
}

#[tokio::test]
async fn what_is_shown_makes_the_same_outbox_as_create() {
    let place = Place::sqlite("").unwrap();
    place.sql(&place.member().await.missing().await.unwrap());
    assert_eq!(place.member().await.missing().await.unwrap(), "");
    let file = Connection::open(path(&place)).unwrap();
    let mode = file.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
    assert_eq!(mode.unwrap(), "wal");
}
