//! What only a file has: who else writes it, and what else may be at its path.

use super::place::{LONG, PATIENCE, Place, Store, TIMEOUT, claim, in_the_end, ours, passing};
use crate::error::{Error, Kind};
use crate::store::{Claimed, StoreAddress, open};
use rusqlite::Connection;
use std::path::Path;
use std::time::{Duration, Instant};

fn file(place: &Place) -> String {
    match place.address() {
        StoreAddress::Sqlite(path) => path.display().to_string(),
        _ => unreachable!("a place in a file"),
    }
}

async fn refusal(path: &Path) -> Error {
    let address = StoreAddress::Sqlite(path.to_owned());
    open(&address, "billing", LONG, TIMEOUT).await.unwrap_err()
}

const MARK: &str = "UPDATE eda_events SET state = 'done'
    WHERE consumer_group = 'billing' AND event_id = ?1 AND state = 'claimed'";

#[tokio::test]
async fn a_handler_marks_its_event_done_in_its_own_transaction() {
    let place = Place::sqlite("").unwrap();
    let store = place.member("billing", LONG).await;
    let token = ours(claim(&store, "order-7").await);
    let mut handler = Connection::open(file(&place)).unwrap();
    let transaction = handler.transaction().unwrap();
    transaction
        .execute_batch("CREATE TABLE invoices (number TEXT); INSERT INTO invoices VALUES ('7')")
        .unwrap();
    assert_eq!(transaction.execute(MARK, ["order-7"]).unwrap(), 1);
    transaction.commit().unwrap();
    assert_eq!(claim(&store, "order-7").await, Claimed::Done);
    // Whoever handled it too finds that out before its effect counts.
    assert_eq!(handler.execute(MARK, ["order-7"]).unwrap(), 0);
    assert!(store.done("order-7", &token).await.unwrap());
    store.release("order-7", &token).await.unwrap();
    assert_eq!(claim(&store, "order-7").await, Claimed::Done);
}

#[tokio::test]
async fn a_handler_that_has_the_file_is_waited_for_and_not_for_ever() {
    let place = Place::sqlite("").unwrap();
    let timeout = Duration::from_millis(500);
    let store = open(&place.address(), "billing", LONG, timeout).await;
    let store: Store = store.unwrap().unwrap();
    let handler = Connection::open(file(&place)).unwrap();
    handler.execute_batch("BEGIN IMMEDIATE").unwrap();
    let asked = Instant::now();
    assert!(passing(store.claim("order-7").await));
    assert!(asked.elapsed() < PATIENCE);
    handler.execute_batch("COMMIT").unwrap();
    // The claim that nobody waited for was not made.
    in_the_end(|| async {
        matches!(store.claim("order-7").await, Ok(Claimed::Ours(_))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_was_answered_is_there_for_the_next_process() {
    let place = Place::sqlite("").unwrap();
    let store = place.member("billing", LONG).await;
    let token = ours(claim(&store, "order-7").await);
    assert!(store.done("order-7", &token).await.unwrap());
    // What a process that is killed leaves: the file and its log, as they are at this moment.
    let left = tempfile::tempdir().unwrap();
    for ending in ["", "-wal"] {
        let from = format!("{}{ending}", file(&place));
        let to = left.path().join(format!("done.db{ending}"));
        std::fs::copy(from, to).unwrap();
    }
    let next = Place::Sqlite(left).member("billing", LONG).await;
    assert_eq!(claim(&next, "order-7").await, Claimed::Done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_make_the_same_file_at_once() {
    let place = Place::sqlite("").unwrap();
    let mut members = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let address = place.address();
        members.spawn(async move { open(&address, "billing", LONG, TIMEOUT).await });
    }
    for member in members.join_all().await {
        member.unwrap();
    }
}

#[tokio::test]
async fn what_is_no_database_is_said_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "milk, eggs, ".repeat(100)).unwrap();
    let nowhere = folder.path().join("missing/done.db");
    let other = folder.path().join("other.db");
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE eda_events (id INTEGER, expires_at_ms INTEGER)")
        .unwrap();
    for (path, kind, part) in [
        (text.as_path(), Kind::Usage, "is not an SQLite database"),
        (&nowhere, Kind::Usage, "cannot open the SQLite file"),
        (folder.path(), Kind::Usage, "cannot open the SQLite file"),
        (&other, Kind::Failed, "is not one that eda made"),
    ] {
        let error = refusal(path).await;
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(part), "{error}");
        assert!(error.message().contains(path.to_str().unwrap()), "{error}");
    }
    // It is left as it was.
    assert!(std::fs::read_to_string(&text).unwrap().starts_with("milk"));
}

#[tokio::test]
async fn a_table_that_goes_away_is_no_passing_trouble() {
    let place = Place::sqlite("").unwrap();
    let store = place.member("billing", LONG).await;
    let other = Connection::open(file(&place)).unwrap();
    other.execute_batch("DROP TABLE eda_events").unwrap();
    let outage = store.claim("order-7").await.unwrap_err();
    assert!(!outage.passing, "{outage}");
    assert!(outage.message.contains("eda_events"), "{outage}");
}
