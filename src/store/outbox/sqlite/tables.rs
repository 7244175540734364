//! The tables of an outbox in a SQLite file, and what is found there.

use super::file::{File, Trouble};
use crate::store::Outage;
use crate::store::outbox::address::quoted;
use crate::store::outbox::sql::{BESIDE, DEBEZIUM, PENDING, Shape};
use rusqlite::{Connection, OptionalExtension};

/// Times are the machine's, in milliseconds since 1970. An application's SQLite may be older than ours, so the default is
/// in words that all know.
const NOW: &str = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)";

/// Relays and their application do not keep each other waiting.
pub const WAL: &str = "PRAGMA journal_mode = WAL;";

/// What relays write down.
const RELAYED: &str = "attempts        INTEGER NOT NULL DEFAULT 0,
    next_attempt_ms INTEGER,
    published_ms    INTEGER,
    dead_ms         INTEGER,
    error           TEXT,
    locked_by       TEXT,
    locked_until_ms INTEGER
";

impl File {
    /// How the table is at this moment.
    pub fn look(&self, connection: &Connection) -> Result<Shape, Trouble> {
        let beside = format!("{}{BESIDE}", self.table.name());
        let columns = columns_of(connection, self.table.name())?;
        let shape = Shape::of(&columns, &columns_of(connection, &beside)?).map_err(|missing| {
            Trouble::from(Outage::lasting(format!(
                "the table `{}` in `{}` is no outbox: it has no column `{}`",
                self.table,
                self.shown,
                missing.join("`, `")
            )))
        })?;
        let (table, shown) = (&self.table, &self.shown);
        let wrong = match kind_of(connection, table.name())? {
            Some((kind, _)) if kind == "view" => {
                Some(format!("`{table}` in `{shown}` is a view, and not a table"))
            }
            Some((_, true)) if matches!(shape, Shape::Foreign { .. }) => Some(format!(
                "the table `{table}` in `{shown}` has no rowid, so nobody knows the order of its events"
            )),
            _ => None,
        };
        if let Some(wrong) = wrong {
            return Err(Trouble::from(Outage::lasting(wrong)));
        }
        Ok(shape)
    }

    /// The SQL that makes what is missing. Its first line cannot be run in a transaction.
    pub fn missing(&self, connection: Option<&Connection>) -> Result<String, Trouble> {
        Ok(match self.missing_tables(connection)? {
            tables if tables.is_empty() => tables,
            tables => format!("{WAL}\n{tables}"),
        })
    }

    /// The SQL that makes the tables that are missing.
    pub fn missing_tables(&self, connection: Option<&Connection>) -> Result<String, Trouble> {
        let shape = match connection {
            Some(connection) => self.look(connection)?,
            None => Shape::Missing,
        };
        let (table, beside) = (self.table.quoted(), self.table.quoted_with(BESIDE));
        Ok(match shape {
            Shape::Own | Shape::Foreign { with_state: true } => String::new(),
            Shape::Missing => format!(
                "CREATE TABLE {table} (
    position        INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT    NOT NULL UNIQUE,
    aggregatetype   TEXT    NOT NULL,
    aggregateid     TEXT    NOT NULL,
    type            TEXT    NOT NULL,
    payload         BLOB, -- text stays text
    created_ms      INTEGER NOT NULL DEFAULT ({NOW}),
    {RELAYED});
{}",
                self.indexes(self.table.name())
            ),
            Shape::Foreign { with_state: false } => {
                // Of the same type, so that the two compare as they are.
                let id = connection.map(|connection| id_type(connection, self.table.name()));
                format!(
                    "CREATE TABLE {beside} (
    position        INTEGER PRIMARY KEY AUTOINCREMENT,
    id              {} NOT NULL UNIQUE,
    aggregatetype   TEXT    NOT NULL,
    aggregateid     TEXT    NOT NULL,
    created_ms      INTEGER,
    {RELAYED});
{}",
                    id.transpose()?.unwrap_or_default(),
                    self.indexes(&format!("{}{BESIDE}", self.table.name()))
                )
            }
        })
    }

    fn indexes(&self, table: &str) -> String {
        // An index is in the schema of its table, whose name is not repeated.
        let index = |ending: &str| match self.table.schema() {
            Some(schema) => format!(
                "{}.{}",
                quoted(schema),
                quoted(&format!("{table}_{ending}"))
            ),
            None => quoted(&format!("{table}_{ending}")),
        };
        let (pending, aggregates) = (index("pending"), index("aggregates"));
        let (dead, published, leased) = (index("dead"), index("published"), index("leased"));
        let table = quoted(table);
        format!(
            "CREATE INDEX {pending} ON {table} (position) WHERE {PENDING};
CREATE INDEX {aggregates} ON {table} (aggregatetype, aggregateid, position) WHERE {PENDING};
CREATE INDEX {dead} ON {table} (aggregatetype, aggregateid, position) WHERE dead_ms IS NOT NULL;
CREATE INDEX {published} ON {table} (published_ms) WHERE published_ms IS NOT NULL;
CREATE INDEX {leased} ON {table} (locked_by) WHERE locked_by IS NOT NULL;"
        )
    }
}

/// Its columns' names in small letters; none when there is no such table.
fn columns_of(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT lower(name) FROM pragma_table_info(?1)")?;
    let rows = statement.query_map([table], |row| row.get(0))?;
    rows.collect()
}

/// `table` or `view`, and whether it is without rowids; `None` when there is none.
fn kind_of(connection: &Connection, table: &str) -> rusqlite::Result<Option<(String, bool)>> {
    let kind =
        "SELECT type, wr FROM pragma_table_list WHERE lower(name) = lower(?1) AND schema = 'main'";
    let kind = connection.query_row(kind, [table], |row| Ok((row.get(0)?, row.get(1)?)));
    kind.optional()
}

fn id_type(connection: &Connection, table: &str) -> rusqlite::Result<String> {
    let declared: String = connection.query_row(
        "SELECT type FROM pragma_table_info(?1) WHERE lower(name) = ?2",
        [table, DEBEZIUM[0]],
        |row| row.get(0),
    )?;
    // It is words, perhaps with numbers in brackets; what else a file may say of itself is not repeated in SQL.
    let is_plain = |letter: char| letter.is_alphanumeric() || " (),_".contains(letter);
    Ok(declared
        .chars()
        .filter(|letter| is_plain(*letter))
        .collect())
}
