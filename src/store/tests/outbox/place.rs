//! Where an outbox under test is.

use crate::model::outbox::{NewOutboxEvent, OnDead, OutboxEvent, Settled};
use crate::store::outbox::{Outbox, OutboxAddress, TableName, open};
use crate::store::tests::databases;
use std::sync::Arc;
use std::time::Duration;

pub use crate::store::tests::place::{TIMEOUT, in_the_end};

/// A lease that nobody waits for.
pub const LONG: Duration = Duration::from_secs(300);

/// One that ends while a test waits.
pub const SHORT: Duration = Duration::from_millis(200);

pub type Store = Arc<dyn Outbox>;

#[derive(Debug)]
enum Database {
    Sqlite(tempfile::TempDir),
    Postgres(databases::Postgres),
}

/// A database, and whether the table in it was made for Debezium.
#[derive(Debug)]
pub struct Place {
    database: Database,
    pub is_foreign: bool,
}

impl Place {
    pub fn sqlite(_test: &str) -> Option<Place> {
        Some(Place {
            database: Database::Sqlite(tempfile::tempdir().unwrap()),
            is_foreign: false,
        })
    }

    pub fn sqlite_for_debezium(test: &str) -> Option<Place> {
        Place::sqlite(test).map(Place::foreign)
    }

    pub fn postgres(test: &str) -> Option<Place> {
        databases::postgres(test).map(Place::on)
    }

    pub fn on(database: databases::Postgres) -> Place {
        Place {
            database: Database::Postgres(database),
            is_foreign: false,
        }
    }

    pub fn postgres_for_debezium(test: &str) -> Option<Place> {
        Place::postgres(test).map(Place::foreign)
    }

    fn foreign(self) -> Place {
        Place {
            is_foreign: true,
            ..self
        }
    }

    pub fn address(&self) -> OutboxAddress {
        match &self.database {
            Database::Sqlite(folder) => OutboxAddress::Sqlite(folder.path().join("outbox.db")),
            Database::Postgres(database) => database.url().parse().unwrap(),
        }
    }

    /// The database on PostgreSQL.
    pub fn database(&self) -> &databases::Postgres {
        match &self.database {
            Database::Sqlite(_) => unreachable!("it is in a file"),
            Database::Postgres(database) => database,
        }
    }

    /// What an application says to its database.
    pub fn sql(&self, sql: &str) {
        match &self.database {
            Database::Sqlite(folder) => {
                let file = rusqlite::Connection::open(folder.path().join("outbox.db")).unwrap();
                file.busy_timeout(TIMEOUT).unwrap();
                file.execute_batch(sql).unwrap();
            }
            Database::Postgres(database) => drop(database.sql(sql)),
        }
    }

    /// The table as its application makes it for Debezium, with a column of its own, which keeps any bytes.
    pub fn make_foreign_table(&self, quoted: &str) {
        let (id, payload) = match self.database {
            Database::Sqlite(_) => ("TEXT", "BLOB"),
            Database::Postgres(_) => ("uuid", "bytea"),
        };
        self.sql(&format!(
            "CREATE TABLE {quoted} (id {id} NOT NULL PRIMARY KEY, aggregatetype varchar(255) NOT NULL,
             aggregateid varchar(255) NOT NULL, type varchar(255) NOT NULL, payload {payload},
             tracingspancontext varchar(256))"
        ));
    }

    /// One more who uses it. Nothing is made.
    pub async fn opened(&self, table: &str) -> Store {
        let table: TableName = table.parse().unwrap();
        let outcome = open(&self.address(), &table, TIMEOUT).await;
        outcome.unwrap_or_else(|error| panic!("{}", error.one_line()))
    }

    /// The table is made.
    pub async fn made(&self) -> Store {
        if self.is_foreign {
            self.make_foreign_table("outbox");
        }
        let store = self.member().await;
        store.create().await.unwrap();
        store
    }

    pub async fn member(&self) -> Store {
        self.opened("outbox").await
    }
}

/// The id of an event with this number.
pub fn id(number: usize) -> String {
    format!("00000000-0000-0000-0000-{number:012}")
}

pub fn event(number: usize, aggregate: &str) -> NewOutboxEvent {
    NewOutboxEvent {
        id: id(number),
        aggregate_type: "order".to_owned(),
        aggregate_id: aggregate.to_owned(),
        event_type: "OrderCreated".to_owned(),
        payload: Some(format!("{{\"number\": {number}}}").into_bytes()),
    }
}

/// Adds an event of each aggregate, numbered from 0.
pub async fn add(store: &Store, aggregates: &[&str]) {
    let numbered = aggregates.iter().enumerate();
    let events: Vec<_> = numbered.map(|(number, name)| event(number, name)).collect();
    store.add(&events).await.unwrap();
}

pub async fn claim(store: &Store, owner: &str, limit: usize) -> Vec<OutboxEvent> {
    store.claim(owner, limit, LONG, OnDead::Park).await.unwrap()
}

/// The numbers of events, in their order.
pub fn numbers(events: &[OutboxEvent]) -> Vec<usize> {
    let number = |event: &OutboxEvent| event.event.id[24..].parse().unwrap();
    assert!(events.is_sorted_by_key(|event| event.position));
    events.iter().map(number).collect()
}

/// The same became of all of them. How many were settled.
pub async fn settle(store: &Store, owner: &str, events: &[OutboxEvent], outcome: Settled) -> u64 {
    let outcomes: Vec<(i64, Settled)> = events
        .iter()
        .map(|event| (event.position, outcome.clone()))
        .collect();
    store.settle(owner, &outcomes).await.unwrap()
}

pub fn refused(again_in_ms: i64) -> Settled {
    Settled::Refused {
        reason: "too large".to_owned(),
        again_in_ms,
    }
}

pub fn dead() -> Settled {
    Settled::Dead {
        reason: "too large".to_owned(),
    }
}
