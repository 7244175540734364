//! Where a memory under test is, and how a test waits.

use super::databases::{self, Postgres, Redis};
use crate::store::{Claimed, Idempotency, Lasting, Memory, Outage, StoreAddress, Token, open};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest an answer may take.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A lease that nobody waits for, and a memory likewise.
pub const LONG: Lasting = Lasting {
    lease: Duration::from_secs(300),
    memory: Duration::from_secs(3600),
};

pub type Store = Arc<dyn Idempotency>;

/// Where the members of a group meet.
#[derive(Debug)]
pub enum Place {
    Memory(Store),
    Sqlite(tempfile::TempDir),
    Redis(Redis),
    Postgres(Postgres),
}

impl Place {
    pub fn memory(_test: &str) -> Option<Place> {
        Some(Place::Memory(Arc::new(Memory::default())))
    }

    pub fn sqlite(_test: &str) -> Option<Place> {
        Some(Place::Sqlite(tempfile::tempdir().unwrap()))
    }

    pub fn redis(test: &str) -> Option<Place> {
        databases::redis(test).map(Place::Redis)
    }

    pub fn postgres(test: &str) -> Option<Place> {
        databases::postgres(test).map(Place::Postgres)
    }

    pub fn address(&self) -> StoreAddress {
        match self {
            Place::Memory(_) => StoreAddress::Memory,
            Place::Sqlite(folder) => StoreAddress::Sqlite(folder.path().join("done.db")),
            Place::Redis(server) => server.url().parse().unwrap(),
            Place::Postgres(database) => database.url().parse().unwrap(),
        }
    }

    /// How many rows the table has.
    pub async fn rows(&self) -> i64 {
        let count = "SELECT count(*) FROM eda_events";
        match self {
            Place::Sqlite(folder) => {
                let file = rusqlite::Connection::open(folder.path().join("done.db")).unwrap();
                file.query_row(count, [], |row| row.get(0)).unwrap()
            }
            Place::Postgres(database) => database.sql(count).parse().unwrap(),
            Place::Memory(_) | Place::Redis(_) => panic!("no table"),
        }
    }

    /// A connection of its own, of one more member.
    pub async fn member(&self, group: &str, lasting: Lasting) -> Store {
        match self {
            Place::Memory(memory) => Arc::clone(memory),
            _ => open(&self.address(), group, lasting, TIMEOUT)
                .await
                .unwrap()
                .unwrap(),
        }
    }
}

pub async fn claim(store: &Store, event: &str) -> Claimed {
    store.claim(event).await.unwrap()
}

#[track_caller]
pub fn ours(claimed: Claimed) -> Token {
    match claimed {
        Claimed::Ours(token) => token,
        other => panic!("not ours: {other:?}"),
    }
}

/// Claims, over and over, until the event is ours.
pub async fn claim_in_the_end(store: &Store, event: &str) -> Token {
    in_the_end(|| async {
        match store.claim(event).await {
            Ok(Claimed::Ours(token)) => Some(token),
            _ => None,
        }
    })
    .await
}

/// Asks until there is an answer; the answer counts, not the time.
pub async fn in_the_end<T, F: Future<Output = Option<T>>>(question: impl Fn() -> F) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = question().await {
            return answer;
        }
        assert!(Instant::now() < end, "it did not come within {PATIENCE:?}");
        // Between two questions.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub fn passing(outcome: Result<Claimed, Outage>) -> bool {
    matches!(outcome, Err(Outage { passing: true, .. }))
}
