//! Events that are pending: how many, what for, and those that become so again, or due.

use super::claim::{attempts, text, whole};
use super::file::{File, Trouble};
use crate::model::outbox::{OutboxCounts, WaitingOutboxEvents};
use crate::store::outbox::sql::Sql;
use crate::store::sqlite::file::now;
use rusqlite::{Connection, Row, params};

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

/// How much there is; with `all` what is over, too.
pub fn counts(connection: &Connection, sql: &Sql, all: bool) -> Result<OutboxCounts, Trouble> {
    // In one transaction, so that an event is counted once.
    let transaction = connection.unchecked_transaction()?;
    let now = now();
    let number = |row: &Row<'_>, column| row.get::<_, i64>(column).map(i64::unsigned_abs);
    let [pending, others] = sql.counts();
    let mut counts = transaction.query_row(&pending, [now], |row| {
        Ok(OutboxCounts {
            pending: number(row, 0)?,
            in_hand: number(row, 1)?,
            retrying: number(row, 2)?,
            oldest_pending_ms: whole(row, 3)?.map(|created| now.saturating_sub(created).max(0)),
            most_attempts: attempts(row, 4)?,
            in_hand_ms: whole(row, 5)?.map(|until| until.saturating_sub(now)),
            ..OutboxCounts::default()
        })
    })?;
    if all {
        (counts.dead, counts.published, counts.published_last_minute) =
            transaction.query_row(&others, [now], |row| {
                Ok((number(row, 0)?, number(row, 1)?, number(row, 2)?))
            })?;
    }
    if sql.is_foreign {
        let (unseen, without_id) = transaction.query_row(&sql.unseen(), [], |row| {
            Ok((number(row, 0)?, number(row, 1)?))
        })?;
        counts.pending += unseen;
        counts.without_id = without_id;
    }
    Ok(counts)
}

/// Makes dead ones pending again: these, or all.
pub fn retry(connection: &Connection, sql: &Sql, ids: &[String]) -> Result<Vec<String>, Trouble> {
    let transaction = File::begin(connection)?;
    let mut retried = Vec::new();
    {
        let which = match ids.is_empty() {
            true => "",
            false => "AND id IN (?1, ?2, ?3)",
        };
        let mut statement = transaction.prepare(&sql.retry(which))?;
        if ids.is_empty() {
            let rows = statement.query_map([], |row| text(row, 0))?;
            retried = rows.collect::<rusqlite::Result<_>>()?;
        }
        for id in ids {
            // As it is shown, though it may be stored as bytes.
            let stored = params![id, stored(id), id.as_bytes()];
            let rows = statement.query_map(stored, |row| text(row, 0))?;
            for id in rows {
                retried.push(id?);
            }
        }
    }
    transaction.commit()?;
    Ok(retried)
}

/// The bytes that an id may be stored as: 16 of a UUID, or those of its hexadecimal digits. See [`text`].
fn stored(id: &str) -> Option<Vec<u8>> {
    if let Ok(uuid) = uuid::Uuid::parse_str(id) {
        return Some(uuid.as_bytes().to_vec());
    }
    let digits: Option<Vec<u32>> = id.chars().map(|digit| digit.to_digit(16)).collect();
    let pairs = digits?;
    let (pairs, []) = pairs.as_chunks::<2>() else {
        return None;
    };
    let byte = |[high, low]: &[u32; 2]| u8::try_from(high * 16 + low).ok();
    pairs.iter().map(byte).collect()
}
