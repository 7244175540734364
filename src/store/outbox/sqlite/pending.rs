//! Events that become pending again, or due: dead ones, and those that wait for what is not there.

use super::claim::text;
use super::file::{File, Trouble};
use crate::model::outbox::WaitingOutboxEvents;
use crate::store::outbox::sql::Sql;
use rusqlite::{Connection, params};

/// For what events wait, and how many.
pub fn waiting(
    connection: &Connection,
    sql: &Sql,
    limit: usize,
) -> Result<Vec<WaitingOutboxEvents>, Trouble> {
    let mut statement = connection.prepare(&sql.waiting())?;
    let rows = statement.query_map([limit.min(1 << 30) as i64], |row| {
        Ok(WaitingOutboxEvents {
            reason: text(row, 0)?,
            events: row.get::<_, i64>(1)?.unsigned_abs(),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Ends their wait. How many.
pub fn hasten(connection: &Connection, sql: &Sql) -> Result<u64, Trouble> {
    let (state, waits) = (&sql.state, Sql::is_waiting());
    let which = format!("{waits} AND next_attempt_ms IS NOT NULL");
    // Who finds none keeps nobody from writing.
    let any = format!("SELECT EXISTS (SELECT 1 FROM {state} WHERE {which})");
    if !connection.query_row(&any, [], |row| row.get::<_, bool>(0))? {
        return Ok(0);
    }
    let transaction = File::begin(connection)?;
    let hasten = format!("UPDATE {state} SET next_attempt_ms = NULL WHERE {which}");
    let hastened = transaction.execute(&hasten, [])?;
    transaction.commit()?;
    Ok(hastened as u64)
}

/// Makes dead ones pending again: these, or all.
pub fn retry(connection: &Connection, sql: &Sql, ids: &[String]) -> Result<Vec<String>, Trouble> {
    let transaction = File::begin(connection)?;
    let mut retried = Vec::new();
    {
        let which = match ids.is_empty() {
            true => "",
            false => "AND (id = ?1 OR id = ?2)",
        };
        let mut statement = transaction.prepare(&sql.retry(which))?;
        if ids.is_empty() {
            let rows = statement.query_map([], |row| text(row, 0))?;
            retried = rows.collect::<rusqlite::Result<_>>()?;
        }
        for id in ids {
            // As it is shown, though it may be stored as 16 bytes.
            let uuid = uuid::Uuid::parse_str(id).ok();
            let bytes = uuid.as_ref().map(|uuid| uuid.as_bytes().as_slice());
            let rows = statement.query_map(params![id, bytes], |row| text(row, 0))?;
            for id in rows {
                retried.push(id?);
            }
        }
    }
    transaction.commit()?;
    Ok(retried)
}
