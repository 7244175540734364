//! Claiming, and what became of what was claimed.

use super::file::{File, Trouble};
use crate::model::outbox::{NewOutboxEvent, OnDead, OutboxEvent, Settled};
use crate::store::outbox::choice::{Aggregate, Choice, LOOK, LOOK_LEAST, Standing};
use crate::store::outbox::pace::{Pace, QUICK};
use crate::store::outbox::sql::{PENDING, Sql, TAKEN_IN, WAITING};
use crate::store::sqlite::file::now;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::time::Instant;

/// How many aggregates are asked at one time, of those that are all blocked.
const AGGREGATES: usize = 10_000;

/// A column as text, whatever the application has put there.
pub fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => readable(text),
        ValueRef::Blob(bytes) => match uuid::Uuid::from_slice(bytes) {
            Ok(id) => id.to_string(),
            Err(_) => readable(bytes),
        },
    })
}

/// Bytes that are no text are told apart as hexadecimal digits: two ids must not become one.
fn readable(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// A column as a whole number, whatever the application has put there: one row must not be in the way of all others.
pub fn whole(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<i64>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Integer(number) => Some(number),
        // Where `attempts + 1` is more than SQLite has.
        ValueRef::Real(number) => Some(number as i64),
        ValueRef::Null | ValueRef::Text(_) | ValueRef::Blob(_) => None,
    })
}

pub fn attempts(row: &Row<'_>, column: usize) -> rusqlite::Result<u32> {
    let attempts = whole(row, column)?.unwrap_or_default().max(0);
    Ok(u32::try_from(attempts).unwrap_or(u32::MAX))
}

fn bytes(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Vec<u8>>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string().into_bytes()),
        ValueRef::Real(number) => Some(number.to_string().into_bytes()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.to_vec()),
    })
}

/// Payloads of one claim, in bytes: one that is larger comes alone.
const BYTES: usize = 32 << 20;

/// What a claim is about.
#[derive(Clone, Debug)]
pub struct Claim {
    pub owner: String,
    pub limit: usize,
    pub lease_ms: i64,
    pub on_dead: OnDead,
}

/// What is kept in mind from one claim to the next.
#[derive(Debug, Default)]
pub struct Memory {
    /// The row of a foreign table that was looked at last.
    looked_at: Option<(i64, Value)>,
    /// When a foreign table was searched from its beginning.
    search: Pace,
    /// The aggregate that was served last, when all at the head of the line are blocked.
    served: Option<Aggregate>,
    /// When aggregates were asked one by one, and none had anything.
    walk: Pace,
}

impl File {
    pub fn claim(&mut self, claim: &Claim) -> Result<Vec<OutboxEvent>, Trouble> {
        let (connection, sql) = self.ready()?;
        let version = connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
        let mut memory = std::mem::take(&mut self.memory);
        let (connection, _) = self.ready()?;
        let claimed = claimed(connection, &sql, claim, &mut memory)?;
        self.version = version;
        self.memory = memory;
        Ok(claimed)
    }
}

fn claimed(
    connection: &Connection,
    sql: &Sql,
    claim: &Claim,
    memory: &mut Memory,
) -> Result<Vec<OutboxEvent>, Trouble> {
    if !sql.is_foreign {
        // Who finds nothing keeps nobody from writing.
        let any = format!("SELECT 1 FROM {} WHERE {PENDING} LIMIT 1", sql.state);
        let any: Option<i64> = connection
            .prepare(&any)?
            .query_row([], |row| row.get(0))
            .optional()?;
        if any.is_none() {
            return Ok(Vec::new());
        }
    }
    let transaction = File::begin(connection)?;
    let now = now();
    if sql.is_foreign {
        take_in(&transaction, sql, now, memory)?;
    }
    let mut choice = Choice::new(claim.limit);
    let looked = LOOK.saturating_mul(claim.limit).clamp(LOOK_LEAST, 1 << 20);
    let is_long = look(&transaction, sql, claim, now, looked, &mut choice)? == looked;
    if is_long && choice.left() > 0 && memory.walk.is_due(QUICK) {
        let (began, left) = (Instant::now(), choice.left());
        by_aggregate(
            &transaction,
            sql,
            claim,
            now,
            &mut choice,
            &mut memory.served,
        )?;
        if choice.left() == left {
            memory.walk = Pace::done_since(began);
        }
    }
    let until = now.saturating_add(claim.lease_ms);
    let events = take(&transaction, sql, &choice.positions(), &claim.owner, until)?;
    transaction.commit()?;
    Ok(events)
}

/// Looks at pending events in their order. How many.
fn look(
    connection: &Connection,
    sql: &Sql,
    claim: &Claim,
    now: i64,
    at_most: usize,
    choice: &mut Choice,
) -> rusqlite::Result<usize> {
    let mut statement = connection.prepare(&sql.window(claim.on_dead))?;
    let mut rows = statement.query(params![now, claim.owner, i64::MIN, at_most as i64])?;
    let mut looked = 0;
    while choice.left() > 0
        && let Some(row) = rows.next()?
    {
        let aggregate = (text(row, 1)?, text(row, 2)?);
        choice.see(row.get(0)?, aggregate, Standing::of(row.get(3)?));
        looked += 1;
    }
    Ok(looked)
}

/// The head of the line is long and blocked: each aggregate is asked for its own, beginning after the one that was
/// served last, so that each has its turn. The number of steps is that of blocked aggregates, not of events.
fn by_aggregate(
    connection: &Connection,
    sql: &Sql,
    claim: &Claim,
    now: i64,
    choice: &mut Choice,
    served: &mut Option<Aggregate>,
) -> rusqlite::Result<()> {
    let mut run = connection.prepare(&sql.run(claim.on_dead, ["?3", "?4"], "?5"))?;
    let question = |condition| connection.prepare(&sql.next_aggregate(condition));
    let mut first = question("true")?;
    // In two questions: of `(type, id) > (?, ?)` SQLite would read all that this aggregate has.
    let mut in_kind = question("aggregatetype = ?1 AND aggregateid > ?2")?;
    let mut kinds = question("aggregatetype > ?1")?;
    let named = |row: &Row<'_>| Ok((text(row, 0)?, text(row, 1)?));
    let began = served.clone();
    let mut wrapped = began.is_none();
    for _ in 0..AGGREGATES {
        let next: Option<Aggregate> = match served.as_ref() {
            None => first.query_row([], named).optional()?,
            Some((kind, id)) => match in_kind.query_row([kind, id], named).optional()? {
                None => kinds.query_row([kind], named).optional()?,
                next => next,
            },
        };
        let Some(aggregate) = next else {
            *served = None;
            if wrapped {
                break;
            }
            wrapped = true;
            continue;
        };
        let (kind, id) = &aggregate;
        let left = choice.left() as i64;
        let mut rows = run.query(params![now, claim.owner, kind, id, left])?;
        while let Some(row) = rows.next()? {
            let standing = Standing::of(row.get(1)?);
            choice.see(row.get(0)?, aggregate.clone(), standing);
            if standing == Standing::Blocking {
                break;
            }
        }
        let is_round = wrapped && began.as_ref().is_some_and(|began| aggregate >= *began);
        *served = Some(aggregate);
        if choice.left() == 0 || is_round {
            break;
        }
    }
    Ok(())
}

/// Takes in hand what was chosen. What the application has deleted is left out, and forgotten.
fn take(
    connection: &Connection,
    sql: &Sql,
    positions: &[i64],
    owner: &str,
    until: i64,
) -> rusqlite::Result<Vec<OutboxEvent>> {
    let Sql { state, outbox, .. } = sql;
    let mut events = Vec::with_capacity(positions.len());
    let lease =
        format!("UPDATE {state} SET locked_by = ?2, locked_until_ms = ?3 WHERE position = ?1");
    let (from, event, created) = match sql.is_foreign {
        false => (format!("{state} AS event"), "event", "event.created_ms"),
        true => (
            format!("{state} AS state JOIN {outbox} AS event ON event.id = state.id"),
            "state",
            "NULL",
        ),
    };
    let mut reading = connection.prepare(&format!(
        "SELECT event.id, event.aggregatetype, event.aggregateid, event.type, event.payload, {event}.attempts, {created}
         FROM {from} WHERE {event}.position = ?1"
    ))?;
    let mut take = connection.prepare(&lease)?;
    let mut forget = connection.prepare(&format!("DELETE FROM {state} WHERE position = ?1"))?;
    let mut sum = 0;
    for position in positions {
        let read = |row: &Row<'_>| self::event(row, *position);
        let Some(found) = reading.query_row([position], read).optional()? else {
            forget.execute([position])?;
            continue;
        };
        sum += found.event.payload.as_ref().map_or(0, Vec::len);
        if sum > BYTES && !events.is_empty() {
            break;
        }
        take.execute(params![position, owner, until])?;
        events.push(found);
    }
    Ok(events)
}

fn event(row: &Row<'_>, position: i64) -> rusqlite::Result<OutboxEvent> {
    Ok(OutboxEvent {
        position,
        event: NewOutboxEvent {
            id: text(row, 0)?,
            aggregate_type: text(row, 1)?,
            aggregate_id: text(row, 2)?,
            event_type: text(row, 3)?,
            payload: bytes(row, 4)?,
        },
        attempts: attempts(row, 5)?,
        created_ms: whole(row, 6)?,
    })
}

/// Gives the new events of a foreign table their positions, in the order of their rowids. They are after the row that was
/// looked at last, where SQLite numbers them. One that the application numbers may be before it, so now and then the
/// table is searched from its beginning.
fn take_in(
    connection: &Connection,
    sql: &Sql,
    now: i64,
    memory: &mut Memory,
) -> rusqlite::Result<()> {
    let Sql { state, outbox, .. } = sql;
    let began = Instant::now();
    let after = match memory.looked_at.take() {
        Some((rowid, id)) if !memory.search.is_due(QUICK) => {
            let question = format!("SELECT 1 FROM {outbox} WHERE rowid = ?1 AND id = ?2");
            let is_there: Option<i64> = connection
                .prepare(&question)?
                .query_row(params![rowid, id], |row| row.get(0))
                .optional()?;
            is_there.map(|_| rowid)
        }
        _ => None,
    };
    let new = format!(
        "SELECT rowid, id, coalesce(aggregatetype, ''), coalesce(aggregateid, '') FROM {outbox} AS event
         WHERE rowid > ?1 AND id IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM {state} AS state WHERE state.id = event.id)
         ORDER BY rowid LIMIT {TAKEN_IN}"
    );
    let rows: Vec<(i64, [Value; 3])> = connection
        .prepare(&new)?
        .query_map([after.unwrap_or(i64::MIN)], |row| {
            Ok((row.get(0)?, [row.get(1)?, row.get(2)?, row.get(3)?]))
        })?
        .collect::<rusqlite::Result<_>>()?;
    // What has the id of another is not known apart from it.
    let mut take = connection.prepare(&format!(
        "INSERT OR IGNORE INTO {state} (id, aggregatetype, aggregateid, created_ms) VALUES (?1, ?2, ?3, ?4)"
    ))?;
    for (_, [id, kind, aggregate]) in &rows {
        take.execute(params![id, kind, aggregate, now])?;
    }
    memory.looked_at = match rows.last() {
        // There may be more.
        Some((rowid, [id, ..])) if rows.len() == TAKEN_IN => Some((*rowid, id.clone())),
        _ => connection
            .prepare(&format!(
                "SELECT rowid, id FROM {outbox} ORDER BY rowid DESC LIMIT 1"
            ))?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?,
    };
    if after.is_none() {
        memory.search = Pace::done_since(began);
    }
    Ok(())
}

/// Writes down what became of events. How many.
pub fn settle(
    connection: &Connection,
    sql: &Sql,
    owner: &str,
    outcomes: &[(i64, Settled)],
) -> Result<u64, Trouble> {
    let state = &sql.state;
    let free = "locked_by = NULL, locked_until_ms = NULL";
    let ours = format!("position = ?1 AND locked_by = ?2 AND {PENDING}");
    let transaction = File::begin(connection)?;
    let now = now();
    let mut settled = 0;
    {
        let mut published = transaction.prepare(&format!(
            "UPDATE {state} SET published_ms = ?2, dead_ms = NULL, next_attempt_ms = NULL, error = NULL, {free}
             WHERE position = ?1 AND published_ms IS NULL"
        ))?;
        let mut refused = transaction.prepare(&format!(
            "UPDATE {state} SET attempts = attempts + 1, error = ?3, next_attempt_ms = ?4, {free} WHERE {ours}"
        ))?;
        let mut waiting = transaction.prepare(&format!(
            "UPDATE {state} SET error = '{WAITING}' || ?3, next_attempt_ms = ?4, {free} WHERE {ours}"
        ))?;
        let mut dead = transaction.prepare(&format!(
            "UPDATE {state} SET attempts = attempts + 1, error = ?3, next_attempt_ms = NULL, dead_ms = ?4, {free}
             WHERE {ours}"
        ))?;
        let mut released =
            transaction.prepare(&format!("UPDATE {state} SET {free} WHERE {ours}"))?;
        for (position, outcome) in outcomes {
            settled += match outcome {
                Settled::Published => published.execute(params![position, now])?,
                Settled::Refused {
                    reason,
                    again_in_ms,
                } => {
                    let again = now.saturating_add(*again_in_ms);
                    refused.execute(params![position, owner, reason, again])?
                }
                Settled::Waiting {
                    reason,
                    again_in_ms,
                } => {
                    let again = now.saturating_add(*again_in_ms);
                    waiting.execute(params![position, owner, reason, again])?
                }
                Settled::Dead { reason } => dead.execute(params![position, owner, reason, now])?,
                Settled::Released => released.execute(params![position, owner])?,
            };
        }
    }
    transaction.commit()?;
    Ok(settled as u64)
}
