//! `eda outbox`: from a table of an application's database into topics.

mod commands;
mod foreign;
mod held;
mod hints;
mod killed;
mod lost;
mod missing;
mod outage;
mod refused;
mod relay;

use super::{PATIENCE, create};
use crate::support::databases::{Postgres, postgres};
use crate::support::{Broker, Eda, broker, eda, fresh};
use ::eda::store::outbox::Outbox as Store;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An outbox of one test, and a kind of thing that its events are about: nobody else's, and so is its topic.
pub struct Outbox {
    pub address: String,
    pub entity: String,
    _folder: Option<tempfile::TempDir>,
    pub postgres: Option<Postgres>,
}

/// The databases there are: each test is to pass on every one of them.
pub fn databases(test: &str) -> Vec<Outbox> {
    let mut all = vec![in_a_file()];
    all.extend(postgres(test).map(on_postgres));
    all
}

/// In a SQLite file, made already.
pub fn in_a_file() -> Outbox {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outbox.db");
    Outbox::new(format!("sqlite:{}", path.display()), Some(folder), None)
}

/// Each of them also with a table that was made for Debezium. Nothing of ours is made yet.
pub fn databases_with_debezium(test: &str) -> Vec<Outbox> {
    let mut all = databases(test);
    for outbox in databases(&format!("{test}_debezium")) {
        outbox.sql(
            "CREATE TABLE outbox (id varchar(64) NOT NULL PRIMARY KEY, aggregatetype varchar(255) NOT NULL,
             aggregateid varchar(255) NOT NULL, type varchar(255) NOT NULL, payload text)",
        );
        all.push(outbox);
    }
    all
}

pub fn on_postgres(database: Postgres) -> Outbox {
    Outbox::new(database.url(), None, Some(database))
}

impl Outbox {
    fn new(address: String, folder: Option<tempfile::TempDir>, postgres: Option<Postgres>) -> Self {
        Outbox {
            address,
            entity: fresh("order"),
            _folder: folder,
            postgres,
        }
    }

    /// What an application says to its database.
    pub fn sql(&self, sql: &str) {
        match &self.postgres {
            Some(database) => drop(database.sql(sql)),
            None => {
                let path = self.address.strip_prefix("sqlite:").unwrap();
                let file = rusqlite::Connection::open(path).unwrap();
                file.busy_timeout(PATIENCE).unwrap();
                file.execute_batch(sql).unwrap();
            }
        }
    }

    /// `eda outbox …` on this database.
    pub fn eda(&self, words: &[&str]) -> Eda {
        eda(words).args(["--db", &self.address])
    }

    pub fn relay(&self, more: &[&str]) -> Eda {
        self.relay_to(broker(), more)
    }

    pub fn relay_to(&self, broker: &Broker, more: &[&str]) -> Eda {
        let relay = self.eda(&["outbox", "relay"]).args(more);
        relay.args(["--backoff", "10ms..50ms"]).on(broker)
    }

    /// Makes the table, and the topic.
    pub fn made(self) -> Self {
        self.made_for(broker())
    }

    pub fn made_for(self, broker: &Broker) -> Self {
        self.eda(&["outbox", "init", "--yes"]).run().succeeds();
        create(broker, &self.topic(), 3);
        self
    }

    /// Where its events go.
    pub fn topic(&self) -> String {
        format!("outbox.event.{}", self.entity)
    }

    /// Adds rows, each of an aggregate and with a payload.
    pub fn add(&self, rows: &[(&str, Value)]) {
        let line = |(aggregate, payload): &(&str, Value)| {
            let row = json!({
                "aggregatetype": self.entity, "aggregateid": aggregate, "type": "OrderCreated", "payload": payload,
            });
            format!("{row}\n")
        };
        let lines: String = rows.iter().map(line).collect();
        self.add_lines(lines);
    }

    pub fn add_lines(&self, lines: String) {
        let add = self.eda(&["outbox", "add", "--records"]);
        add.stdin(lines).timeout(PATIENCE).run().succeeds();
    }

    /// Adds the numbers from `from` on, `count` of them, in turn of so many aggregates.
    pub fn add_numbers(&self, from: u64, count: u64, aggregates: u64) {
        let names: Vec<String> = (0..aggregates).map(|n| format!("order-{n}")).collect();
        let rows = (from..from + count).map(|n| {
            let aggregate = &names[usize::try_from(n % aggregates).unwrap()];
            (aggregate.as_str(), json!({ "n": n }))
        });
        self.add(&rows.collect::<Vec<_>>());
    }

    pub fn status(&self) -> Value {
        let status = self.eda(&["outbox", "status", "--json"]);
        status.run().succeeds().json()
    }

    /// How many are marked as published.
    pub fn marked(&self) -> u64 {
        self.status()["published"].as_u64().unwrap()
    }

    /// The records of its topic.
    pub fn published(&self) -> Vec<Value> {
        read_all(broker(), &self.topic())
    }
}

/// As one more relay has it.
pub async fn store_of(outbox: &Outbox) -> Arc<dyn Store> {
    let (address, table) = (outbox.address.parse().unwrap(), "outbox".parse().unwrap());
    ::eda::store::outbox::open(&address, &table, PATIENCE)
        .await
        .unwrap()
}

pub fn read_all(broker: &Broker, topic: &str) -> Vec<Value> {
    let read = eda(&["consume", topic, "-o", ":end", "--json"]);
    read.on(broker).timeout(PATIENCE).run().succeeds().records()
}

/// The header by which consumers know duplicates.
pub fn id(record: &Value) -> &str {
    assert_eq!(record["headers"][0][0], "id", "{record}");
    record["headers"][0][1].as_str().unwrap()
}

/// That the numbers from 0 to `count` are all there, duplicates with the same id, and the first occurrences of each key
/// in order. How many duplicates there were.
#[track_caller]
pub fn check_numbers(records: &[Value], count: u64) -> usize {
    let mut ids: BTreeMap<u64, &str> = BTreeMap::new();
    let mut known: BTreeSet<&str> = BTreeSet::new();
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for record in records {
        let (number, key) = (
            record["value"]["n"].as_u64().unwrap(),
            record["key"].as_str().unwrap(),
        );
        if let Some(first) = ids.insert(number, id(record)) {
            assert_eq!(first, id(record), "another id for the same event");
            continue;
        }
        assert!(known.insert(id(record)), "one id for two events: {record}");
        let before = last.insert(key, number);
        assert!(
            before.is_none_or(|before| before < number),
            "{number} of {key} came after {before:?}"
        );
    }
    let lost: Vec<u64> = (0..count)
        .filter(|number| !ids.contains_key(number))
        .collect();
    assert_eq!(lost, Vec::<u64>::new(), "lost");
    assert_eq!(ids.len() as u64, count);
    records.len() - ids.len()
}
