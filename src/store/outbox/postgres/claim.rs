//! Claiming, and what became of what was claimed.

use super::line::{Memory, choose};
use super::tables::{Known, NOW};
use super::{Parameter, Plans, plans};
use crate::model::outbox::{NewOutboxEvent, OnDead, OutboxEvent, Settled};
use crate::store::outbox::choice::Choice;
use crate::store::outbox::pace::{Pace, QUICK};
use crate::store::outbox::sql::{Sql, TAKEN_IN, WAITING};
use crate::store::postgres::connection::Failure;
use std::collections::HashSet;
use std::time::Instant;
use tokio_postgres::types::Type;
use tokio_postgres::{Row, Transaction};

/// What a claim is about.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    pub owner: &'a str,
    pub limit: usize,
    pub lease_ms: i64,
    pub on_dead: OnDead,
}

/// Payloads of one claim, in bytes: one that is larger comes alone.
const BYTES: i64 = 32 << 20;

/// Which others a transaction is kept apart from: claims from all, and what changes leases from claims. So nobody's row
/// becomes free, or waits, between the moment in which a claim looks at its aggregate and that in which it takes it.
#[derive(Clone, Copy, Debug)]
pub enum Apart {
    FromAll,
    FromClaims,
}

/// Waits for its turn, for as long as a statement may. The database's clock.
pub async fn turn(
    transaction: &Transaction<'_>,
    known: &Known,
    apart: Apart,
) -> Result<i64, Failure> {
    let shared = match apart {
        Apart::FromAll => "",
        Apart::FromClaims => "_shared",
    };
    // One after the other, from left to right; for rows that an application has locked the limit is short again.
    let question = format!(
        "SELECT set_config('lock_timeout', '0', true),
            pg_advisory_xact_lock{shared}(hashtextextended('eda outbox ' || $1, 0))::text,
            set_config('lock_timeout', '250ms', true), {NOW}"
    );
    let name = known.table.quoted();
    let row = transaction
        .query_typed_one(&question, &[(&name, Type::TEXT)])
        .await?;
    Ok(row.try_get(3)?)
}

/// Claims, in a transaction that is to be committed.
pub async fn claim(
    transaction: &Transaction<'_>,
    known: &Known,
    claim: Claim<'_>,
    memory: &mut Memory,
) -> Result<Vec<OutboxEvent>, Failure> {
    let now = turn(transaction, known, Apart::FromAll).await?;
    let mut choice = choose(transaction, known, claim, now, memory).await?;
    if known.sql.is_foreign && choice.left() > 0 && memory.search.is_due(QUICK) {
        let began = Instant::now();
        plans(transaction, Plans::Any).await?;
        let new = transaction.execute_typed(&known.take_in(), &[]).await?;
        plans(transaction, Plans::ByIndex).await?;
        memory.search = match usize::try_from(new) {
            // There may be more.
            Ok(new) if new >= TAKEN_IN => Pace::default(),
            _ => Pace::done_since(began),
        };
        if new > 0 {
            choice = choose(transaction, known, claim, now, memory).await?;
        }
    }
    if choice.positions().is_empty() {
        return Ok(Vec::new());
    }
    take(transaction, known, claim, now, choice).await
}

/// Takes in hand what was chosen, but for what an application has locked or deleted.
async fn take(
    transaction: &Transaction<'_>,
    known: &Known,
    claim: Claim<'_>,
    now: i64,
    choice: Choice,
) -> Result<Vec<OutboxEvent>, Failure> {
    let Sql { state, outbox, .. } = &known.sql;
    let chosen = choice.positions();
    let positions: [Parameter; 1] = [(&chosen, Type::INT8_ARRAY)];
    let question = match known.sql.is_foreign {
        false => format!(
            "SELECT state.position, {} FROM {state} AS state WHERE state.position = ANY($1)
             FOR NO KEY UPDATE SKIP LOCKED",
            known.length("state")
        ),
        true => format!(
            "SELECT state.position, {} FROM {state} AS state JOIN {outbox} AS event ON event.id = state.id
             WHERE state.position = ANY($1)",
            known.length("event")
        ),
    };
    let rows = transaction.query_typed(&question, &positions).await?;
    let mut had = Vec::with_capacity(rows.len());
    for row in &rows {
        had.push((row.try_get::<_, i64>(0)?, row.try_get::<_, i64>(1)?));
    }
    had.sort_unstable();
    let there: HashSet<i64> = had.iter().map(|(position, _)| *position).collect();
    let choice = match known.sql.is_foreign {
        false => choice.only(&there),
        // What is not there was deleted: nobody locks our own table.
        true => {
            let gone: Vec<i64> = chosen
                .iter()
                .copied()
                .filter(|one| !there.contains(one))
                .collect();
            if !gone.is_empty() {
                let forget = format!("DELETE FROM {state} WHERE position = ANY($1)");
                transaction
                    .execute_typed(&forget, &[(&gone, Type::INT8_ARRAY)])
                    .await?;
            }
            choice
        }
    };
    let left: HashSet<i64> = choice.positions().into_iter().collect();
    let mut sum = 0i64;
    let taken: Vec<i64> = had
        .iter()
        .filter(|(position, _)| left.contains(position))
        .take_while(|(_, length)| {
            let is_first = sum == 0;
            sum = sum.saturating_add((*length).max(1));
            is_first || sum <= BYTES
        })
        .map(|(position, _)| *position)
        .collect();
    lease(transaction, known, claim, now, &taken).await
}

async fn lease(
    transaction: &Transaction<'_>,
    known: &Known,
    claim: Claim<'_>,
    now: i64,
    positions: &[i64],
) -> Result<Vec<OutboxEvent>, Failure> {
    let Sql { state, outbox, .. } = &known.sql;
    let (event, created, from) = match known.sql.is_foreign {
        false => ("state", "state.created_ms", String::new()),
        true => ("event", "NULL::bigint", format!("FROM {outbox} AS event")),
    };
    let and = if known.sql.is_foreign {
        "AND event.id = state.id"
    } else {
        ""
    };
    let payload = known.payload(event);
    let question = format!(
        "UPDATE {state} AS state SET locked_by = $2, locked_until_ms = $3 {from}
         WHERE state.position = ANY($1) {and}
         RETURNING state.position, {event}.id::text, {event}.aggregatetype::text, {event}.aggregateid::text,
            {event}.type::text, {payload}, state.attempts, {created}"
    );
    let until = now.saturating_add(claim.lease_ms);
    let rows = transaction
        .query_typed(
            &question,
            &[
                (&positions, Type::INT8_ARRAY),
                (&claim.owner, Type::TEXT),
                (&until, Type::INT8),
            ],
        )
        .await?;
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        events.push(read(row)?);
    }
    events.sort_unstable_by_key(|event| event.position);
    Ok(events)
}

fn read(row: &Row) -> Result<OutboxEvent, Failure> {
    let text = |column: usize| {
        row.try_get::<_, Option<String>>(column)
            .map(Option::unwrap_or_default)
    };
    let payload = match row.try_get::<_, Option<Vec<u8>>>(5)? {
        Some(bytes) => Some(bytes),
        None => row.try_get::<_, Option<String>>(6)?.map(String::into_bytes),
    };
    Ok(OutboxEvent {
        position: row.try_get(0)?,
        event: NewOutboxEvent {
            id: text(1)?,
            aggregate_type: text(2)?,
            aggregate_id: text(3)?,
            event_type: text(4)?,
            payload,
        },
        attempts: row.try_get::<_, i32>(7)?.unsigned_abs(),
        created_ms: row.try_get(8)?,
    })
}

/// Which of these rows there are and can be had now, and which others there are: somebody else's transaction has locked
/// them.
pub async fn locked(
    transaction: &Transaction<'_>,
    known: &Known,
    positions: &[i64],
) -> Result<(HashSet<i64>, HashSet<i64>), Failure> {
    let all = format!(
        "SELECT position FROM {} WHERE position = ANY($1)",
        known.sql.state
    );
    let lock = format!("{all} FOR NO KEY UPDATE SKIP LOCKED");
    let mut found = [HashSet::new(), HashSet::new()];
    for (question, found) in [lock, all].iter().zip(&mut found) {
        let parameters: [Parameter; 1] = [(&positions, Type::INT8_ARRAY)];
        for row in transaction.query_typed(question, &parameters).await? {
            found.insert(row.try_get(0)?);
        }
    }
    let [had, there] = found;
    let others = there.difference(&had).copied().collect();
    Ok((had, others))
}

/// Makes leases last, but for those of rows that an application has locked at this moment. How many.
pub async fn renew(
    transaction: &Transaction<'_>,
    known: &Known,
    owner: &str,
    lease_ms: i64,
) -> Result<u64, Failure> {
    let now = turn(transaction, known, Apart::FromClaims).await?;
    let (state, until) = (&known.sql.state, now.saturating_add(lease_ms));
    let question = format!(
        "UPDATE {state} SET locked_until_ms = $2 WHERE position = ANY(ARRAY(
            SELECT position FROM {state} WHERE locked_by = $1 FOR NO KEY UPDATE SKIP LOCKED))"
    );
    let parameters: [Parameter; 2] = [(&owner, Type::TEXT), (&until, Type::INT8)];
    Ok(transaction.execute_typed(&question, &parameters).await?)
}

/// Ends the wait of those that were not refused, but for rows that an application has locked at this moment. How many.
pub async fn hasten(transaction: &Transaction<'_>, known: &Known) -> Result<u64, Failure> {
    turn(transaction, known, Apart::FromClaims).await?;
    let (state, waits) = (&known.sql.state, Sql::is_waiting());
    let question = format!(
        "UPDATE {state} SET next_attempt_ms = NULL WHERE position = ANY(ARRAY(
            SELECT position FROM {state} WHERE {waits} AND next_attempt_ms IS NOT NULL
            FOR NO KEY UPDATE SKIP LOCKED))"
    );
    Ok(transaction.execute_typed(&question, &[]).await?)
}

/// Writes down what became of events, all in one statement. How many.
pub async fn settle(
    transaction: &Transaction<'_>,
    known: &Known,
    now: i64,
    owner: &str,
    outcomes: &[(i64, Settled)],
) -> Result<u64, Failure> {
    let mut positions = Vec::with_capacity(outcomes.len());
    let (mut kinds, mut reasons, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for (position, outcome) in outcomes {
        let (kind, reason, after) = match outcome {
            Settled::Published => (0i16, None, 0),
            Settled::Refused {
                reason,
                again_in_ms,
            } => (1, Some(reason), *again_in_ms),
            Settled::Dead { reason } => (2, Some(reason), 0),
            Settled::Released => (3, None, 0),
            Settled::Waiting {
                reason,
                again_in_ms,
            } => (4, Some(reason), *again_in_ms),
        };
        positions.push(*position);
        kinds.push(kind);
        // PostgreSQL's text has no NUL.
        reasons.push(reason.map(|reason| reason.replace('\0', "\u{fffd}")));
        again.push(now.saturating_add(after));
    }
    let state = &known.sql.state;
    let question = format!(
        "UPDATE {state} AS state SET
            published_ms = CASE outcome.kind WHEN 0 THEN $1 END,
            dead_ms = CASE outcome.kind WHEN 2 THEN $1 END,
            attempts = state.attempts + CASE WHEN outcome.kind IN (1, 2) THEN 1 ELSE 0 END,
            next_attempt_ms = CASE WHEN outcome.kind IN (1, 4) THEN outcome.again END,
            error = CASE outcome.kind WHEN 3 THEN state.error WHEN 4 THEN '{WAITING}' || outcome.reason
                ELSE outcome.reason END,
            locked_by = NULL, locked_until_ms = NULL
         FROM unnest($3::bigint[], $4::smallint[], $5::text[], $6::bigint[])
            AS outcome(position, kind, reason, again)
         WHERE state.position = outcome.position AND state.published_ms IS NULL
            AND (outcome.kind = 0 OR (state.locked_by = $2 AND state.dead_ms IS NULL))"
    );
    let settled = transaction
        .execute_typed(
            &question,
            &[
                (&now, Type::INT8),
                (&owner, Type::TEXT),
                (&positions, Type::INT8_ARRAY),
                (&kinds, Type::INT2_ARRAY),
                (&reasons, Type::TEXT_ARRAY),
                (&again, Type::INT8_ARRAY),
            ],
        )
        .await?;
    Ok(settled)
}
