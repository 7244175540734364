//! The tables of an outbox in a PostgreSQL database, and what is found there.

use crate::store::Outage;
use crate::store::outbox::TableName;
use crate::store::outbox::address::quoted;
use crate::store::outbox::sql::{BESIDE, PENDING, Shape, Sql, TAKEN_IN};
use crate::store::postgres::connection::Failure;
use std::collections::HashMap;
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

/// The database's clock, in milliseconds since 1970.
pub const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/// What relays write down.
const RELAYED: &str = "attempts        integer NOT NULL DEFAULT 0,
    next_attempt_ms bigint,
    published_ms    bigint,
    dead_ms         bigint,
    error           text,
    locked_by       text,
    locked_until_ms bigint";

/// What is known of the tables.
#[derive(Debug)]
pub struct Known {
    pub shape: Shape,
    /// With its schema, once it is there.
    pub table: TableName,
    pub sql: Sql,
    /// The types of the outbox's columns.
    types: HashMap<String, String>,
    /// Whether the server remembers when transactions were committed.
    remembers_commits: bool,
}

impl Known {
    /// Looks at the tables.
    pub async fn look(transaction: &Transaction<'_>, table: &TableName) -> Result<Self, Failure> {
        let found = transaction
            .query_typed_opt(
                "SELECT n.nspname::text, c.relname::text, c.relkind IN ('r', 'p') FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                 WHERE c.oid = to_regclass($1)",
                &[(&table.quoted(), Type::TEXT)],
            )
            .await?;
        let table = match found {
            Some(row) if row.try_get(2)? => TableName::exactly(row.try_get(0)?, row.try_get(1)?),
            Some(_) => return Err(Outage::lasting(format!("`{table}` is not a table")).into()),
            None => table.clone(),
        };
        let types = columns(transaction, &table.quoted()).await?;
        let beside = columns(transaction, &table.quoted_with(BESIDE)).await?;
        let names = |types: &HashMap<String, String>| types.keys().cloned().collect::<Vec<_>>();
        let shape = Shape::of(&names(&types), &names(&beside)).map_err(|missing| {
            Outage::lasting(format!(
                "the table `{table}` is no outbox: it has no column `{}`",
                missing.join("`, `")
            ))
        })?;
        if shape == Shape::Own && !types.contains_key("payload_bytes") {
            return Err(Outage::lasting(format!(
                "the table `{table}` is no outbox: it has no column `payload_bytes`"
            ))
            .into());
        }
        let remembers: String = transaction
            .query_typed_one("SELECT current_setting('track_commit_timestamp')", &[])
            .await?
            .try_get(0)?;
        Ok(Known {
            shape,
            sql: Sql::new('$', &table, shape),
            table,
            types,
            remembers_commits: remembers == "on",
        })
    }

    /// Whether all is there.
    pub fn is_made(&self) -> bool {
        matches!(self.shape, Shape::Own | Shape::Foreign { with_state: true })
    }

    /// The name of the table that is not there.
    pub fn absent(&self) -> String {
        match self.shape {
            Shape::Foreign { .. } => format!("{}{BESIDE}", self.table),
            Shape::Missing | Shape::Own => self.table.to_string(),
        }
    }

    /// A column's type, in SQL. The parts that limit it are left out: a cast would cut off what is too long.
    fn type_of(&self, column: &str) -> &str {
        self.types.get(column).map_or("text", String::as_str)
    }

    /// What an application's column `payload` is read by: bytes, or else text.
    pub fn payload(&self, event: &str) -> String {
        match (self.shape, self.type_of("payload")) {
            (Shape::Own, _) => format!("{event}.payload_bytes, {event}.payload"),
            (_, "bytea") => format!("{event}.payload, NULL::text"),
            _ => format!("NULL::bytea, {event}.payload::text"),
        }
    }

    /// The same, as its length.
    pub fn length(&self, event: &str) -> String {
        match self.shape {
            Shape::Own => format!(
                "(coalesce(octet_length({event}.payload), 0) + coalesce(octet_length({event}.payload_bytes), 0))::bigint"
            ),
            // Of JSON this is less than its text has, but nothing is unpacked to find out.
            _ => format!("coalesce(pg_column_size({event}.payload), 0)::bigint"),
        }
    }

    /// Whether a payload must be text that the column takes.
    pub fn takes_text_alone(&self) -> bool {
        self.shape != Shape::Own && self.type_of("payload") != "bytea"
    }

    /// Adds events: arrays of 1 ids, 2 aggregates' types, 3 their ids, 4 types, 5 payloads as text, 6 those that are
    /// none.
    pub fn add(&self) -> String {
        let outbox = &self.sql.outbox;
        let cast = |column: &str| self.type_of(column);
        let (columns, payload) = match (self.shape, cast("payload")) {
            (Shape::Own, _) => (", payload, payload_bytes", "e.payload, e.bytes".to_owned()),
            (_, "bytea") => (
                ", payload",
                "coalesce(e.bytes, convert_to(e.payload, 'UTF8'))".to_owned(),
            ),
            (_, kind) => (", payload", format!("e.payload::{kind}")),
        };
        format!(
            "INSERT INTO {outbox} (id, aggregatetype, aggregateid, type{columns})
             SELECT e.id::{}, e.kind::{}, e.aggregate::{}, e.name::{}, {payload}
             FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[])
                WITH ORDINALITY AS e(id, kind, aggregate, name, payload, bytes, place)
             ORDER BY e.place",
            cast("id"),
            cast("aggregatetype"),
            cast("aggregateid"),
            cast("type"),
        )
    }

    /// Gives the new events of a foreign table their positions, in the order of their transactions' commits where the
    /// server remembers those, else in the order in which the transactions began to write; then as the rows lie.
    pub fn take_in(&self) -> String {
        let Sql { state, outbox, .. } = &self.sql;
        let committed = match self.remembers_commits {
            true => "pg_xact_commit_timestamp(event.xmin) NULLS FIRST,",
            false => "",
        };
        format!(
            "INSERT INTO {state} (id, aggregatetype, aggregateid, created_ms)
             SELECT event.id, coalesce(event.aggregatetype::text, ''), coalesce(event.aggregateid::text, ''),
                {NOW}
             FROM {outbox} AS event
             WHERE event.id IS NOT NULL AND NOT EXISTS (SELECT FROM {state} AS state WHERE state.id = event.id)
             ORDER BY {committed} age(event.xmin) DESC, event.ctid LIMIT {TAKEN_IN}
             ON CONFLICT DO NOTHING"
        )
    }

    /// The SQL that makes what is missing.
    pub fn missing(&self) -> String {
        match self.shape {
            Shape::Own | Shape::Foreign { with_state: true } => String::new(),
            Shape::Missing => self.own(),
            Shape::Foreign { with_state: false } => {
                let beside = self.table.quoted_with(BESIDE);
                format!(
                    "CREATE TABLE {beside} (
    position        bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id              {} NOT NULL UNIQUE,
    aggregatetype   text COLLATE \"C\" NOT NULL,
    aggregateid     text COLLATE \"C\" NOT NULL,
    created_ms      bigint,
    {RELAYED}
);
{}",
                    self.type_of("id"),
                    indexes(&beside)
                )
            }
        }
    }

    /// Its payload is text, which keeps what was written: `jsonb` would put keys in another order and numbers in another
    /// form, and `bytea` would read the `\` of a JSON string as its own. What is no text is in a column of its own.
    fn own(&self) -> String {
        let table = self.table.quoted();
        let heard = self.table.quoted_with("_added");
        format!(
            "CREATE TABLE {table} (
    position        bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id              uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    aggregatetype   varchar(255) COLLATE \"C\" NOT NULL,
    aggregateid     varchar(255) COLLATE \"C\" NOT NULL,
    type            varchar(255) NOT NULL,
    payload         text,
    payload_bytes   bytea, -- instead of it, where it is no text
    created_ms      bigint NOT NULL DEFAULT {NOW},
    {RELAYED}
);
{}
-- A hint that something was added, so that it need not be waited for.
CREATE OR REPLACE FUNCTION {heard}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('eda_outbox_' || md5(TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME), '');
    RETURN NULL;
END $$;
CREATE TRIGGER {} AFTER INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {heard}();",
            indexes(&table),
            quoted("eda_added"),
        )
    }

    /// What the trigger of our own table notifies: its name is 43 letters, whatever those of schema and table are.
    pub async fn channel(&self, transaction: &Transaction<'_>) -> Result<String, Failure> {
        let name = format!(
            "{}.{}",
            self.table.schema().unwrap_or(""),
            self.table.name()
        );
        let row = transaction
            .query_typed_one("SELECT 'eda_outbox_' || md5($1)", &[(&name, Type::TEXT)])
            .await?;
        Ok(row.try_get(0)?)
    }
}

/// PostgreSQL finds names for them.
fn indexes(table: &str) -> String {
    format!(
        "CREATE INDEX ON {table} (position) WHERE {PENDING};
CREATE INDEX ON {table} (aggregatetype, aggregateid, position) WHERE {PENDING};
CREATE INDEX ON {table} (aggregatetype, aggregateid, position) WHERE dead_ms IS NOT NULL;
CREATE INDEX ON {table} (published_ms) WHERE published_ms IS NOT NULL;
CREATE INDEX ON {table} (locked_by) WHERE locked_by IS NOT NULL;"
    )
}

async fn columns(
    transaction: &Transaction<'_>,
    table: &str,
) -> Result<HashMap<String, String>, Failure> {
    let rows = transaction
        .query_typed(
            "SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute
             WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
            &[(&table, Type::TEXT)],
        )
        .await?;
    let mut columns = HashMap::new();
    for row in rows {
        columns.insert(row.try_get(0)?, row.try_get(1)?);
    }
    Ok(columns)
}
