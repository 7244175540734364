//! Looking along the line of pending events.
//!
//! What was published leaves the index of what is pending, but PostgreSQL takes it out for good only when no transaction
//! can see it any more. While one that began long ago goes on (a backup), the index begins with all that was published
//! since, and who reads it from its beginning reads ever more. So a place is kept in mind before which nothing is
//! pending, and **nothing can become so**: an event that is there already but not yet visible is one of a transaction
//! that has locked the table as writers do. Those that had, just after the line was seen to begin at a place, are noted;
//! when all of them have ended and the line was read from its beginning once more, the place holds. (Between, and while a
//! dead event before the place may be made pending again and has to block others, the line is read from its beginning.)

use super::claim::Claim;
use super::tables::Known;
use crate::model::outbox::OnDead;
use crate::store::outbox::choice::{Aggregate, Choice, LOOK, LOOK_LEAST, Standing};
use crate::store::outbox::pace::{Pace, QUICK};
use crate::store::postgres::connection::Failure;
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tokio_postgres::types::Type;
use tokio_postgres::{Row, Transaction};

/// A line whose beginning is read as quickly as this is read from there each time. In tests none is: what is kept in mind
/// of it is to be tested.
const READ_QUICKLY: Duration = match cfg!(test) {
    true => Duration::ZERO,
    false => QUICK,
};

/// What is kept in mind from one claim to the next.
#[derive(Debug, Default)]
pub struct Memory {
    /// The aggregate that was served last, when all at the head of the line are blocked.
    served: Option<Aggregate>,
    /// When aggregates were asked one by one, and none had anything.
    walk: Pace,
    /// When a foreign table was searched for new events.
    pub search: Pace,
    /// When the line was read from its beginning.
    beginning: Pace,
    /// Nothing before this place is pending, or will be.
    before: Option<i64>,
    /// Where the line began when it was read, and who was writing then: perhaps what belongs before it.
    seen: Option<(i64, HashSet<String>)>,
}

pub async fn choose(
    transaction: &Transaction<'_>,
    known: &Known,
    claim: Claim<'_>,
    now: i64,
    memory: &mut Memory,
) -> Result<Choice, Failure> {
    let mut choice = Choice::new(claim.limit);
    let window = known.sql.window(claim.on_dead);
    let most = LOOK.saturating_mul(claim.limit).max(LOOK_LEAST);
    let place = match claim.on_dead {
        OnDead::Park if !memory.beginning.is_due(READ_QUICKLY) => memory.before,
        _ => None,
    };
    let reading = match place {
        Some(_) => None,
        None => Some((Instant::now(), ended(transaction, known, memory).await?)),
    };
    let mut after = place.map_or(i64::MIN, |place| place - 1);
    let (mut looked, mut first, mut is_long) = (0, None, true);
    // Twice as many are enough where nothing is blocked.
    let mut size = claim.limit.saturating_mul(2).clamp(100, most);
    while choice.left() > 0 && looked < most && is_long {
        let rows = transaction
            .query_typed(
                &window,
                &[
                    (&now, Type::INT8),
                    (&claim.owner, Type::TEXT),
                    (&after, Type::INT8),
                    (&number(size), Type::INT8),
                ],
            )
            .await?;
        for row in &rows {
            after = row.try_get(0)?;
            first.get_or_insert(after);
            choice.see(after, (row.try_get(1)?, row.try_get(2)?), standing(row, 3)?);
        }
        is_long = rows.len() == size;
        looked += size;
        size = most - looked.min(most);
    }
    if let Some((began, have_ended)) = reading {
        memory.beginning = Pace::done_since(began);
        if let Some(first) = first {
            remember(transaction, known, memory, first, have_ended).await?;
        }
    }
    if is_long && choice.left() > 0 && memory.walk.is_due(QUICK) {
        let (began, left) = (Instant::now(), choice.left());
        by_aggregate(transaction, known, claim, now, &mut choice, memory).await?;
        if choice.left() == left {
            memory.walk = Pace::done_since(began);
        }
    }
    Ok(choice)
}

/// Who writes to the table at this moment, but for this transaction.
async fn writers(transaction: &Transaction<'_>, known: &Known) -> Result<HashSet<String>, Failure> {
    let rows = transaction
        .query_typed(
            "SELECT virtualtransaction FROM pg_locks
             WHERE locktype = 'relation' AND relation = to_regclass($1) AND mode = 'RowExclusiveLock'
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND pid IS DISTINCT FROM pg_backend_pid()",
            &[(&known.sql.state, Type::TEXT)],
        )
        .await?;
    let mut writers = HashSet::new();
    for row in &rows {
        writers.insert(row.try_get(0)?);
    }
    Ok(writers)
}

/// Whether all have ended who were writing when the line was read before.
async fn ended(
    transaction: &Transaction<'_>,
    known: &Known,
    memory: &Memory,
) -> Result<bool, Failure> {
    match &memory.seen {
        None => Ok(false),
        Some((_, were)) if were.is_empty() => Ok(true),
        Some((_, were)) => Ok(writers(transaction, known).await?.is_disjoint(were)),
    }
}

/// The line was read from its beginning, which was here.
async fn remember(
    transaction: &Transaction<'_>,
    known: &Known,
    memory: &mut Memory,
    first: i64,
    have_ended: bool,
) -> Result<(), Failure> {
    // Something became visible before the place, or pending again.
    memory.before = memory.before.map(|place| place.min(first));
    match &memory.seen {
        Some((place, _)) if have_ended => memory.before = Some(first.min(*place)),
        Some(_) => return Ok(()), // Somebody still writes who did then.
        None => {}
    }
    memory.seen = Some((first, writers(transaction, known).await?));
    Ok(())
}

fn standing(row: &Row, column: usize) -> Result<Standing, Failure> {
    Ok(Standing::of(row.try_get(column)?))
}

fn number(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// The head of the line is long and blocked: each aggregate is asked for its own, beginning after the one that was
/// served last, so that each has its turn. The index is jumped through, from one aggregate to the next: the number of
/// steps is that of blocked aggregates, not of events.
async fn by_aggregate(
    transaction: &Transaction<'_>,
    known: &Known,
    claim: Claim<'_>,
    now: i64,
    choice: &mut Choice,
    memory: &mut Memory,
) -> Result<(), Failure> {
    let of = ["heads.aggregatetype", "heads.aggregateid"];
    let (first, all) = (
        known.sql.run(claim.on_dead, of, "1"),
        known.sql.run(claim.on_dead, of, "$5"),
    );
    let after = "(aggregatetype, aggregateid) >";
    let next = known
        .sql
        .next_aggregate(&format!("{after} (heads.aggregatetype, heads.aggregateid)"));
    for begin in [memory.served.take(), None] {
        let comparison = if begin.is_some() { ">" } else { ">=" };
        let head = known.sql.next_aggregate(&format!(
            "(aggregatetype, aggregateid) {comparison} ($3, $4)"
        ));
        let question = format!(
            "WITH RECURSIVE heads AS (({head}) UNION ALL
                SELECT next.aggregatetype, next.aggregateid FROM heads CROSS JOIN LATERAL ({next}) AS next)
             SELECT rest.position, heads.aggregatetype, heads.aggregateid, rest.standing
             FROM heads CROSS JOIN LATERAL ({first}) AS first CROSS JOIN LATERAL ({all}) AS rest
             WHERE first.standing = 0 LIMIT $5"
        );
        let left = number(choice.left());
        let was_whole_round = begin.is_none();
        let (kind, id) = begin.unwrap_or_default();
        let rows = transaction
            .query_typed(
                &question,
                &[
                    (&now, Type::INT8),
                    (&claim.owner, Type::TEXT),
                    (&kind, Type::TEXT),
                    (&id, Type::TEXT),
                    (&left, Type::INT8),
                ],
            )
            .await?;
        for row in &rows {
            let aggregate: Aggregate = (row.try_get(1)?, row.try_get(2)?);
            choice.see(row.try_get(0)?, aggregate.clone(), standing(row, 3)?);
            memory.served = Some(aggregate);
        }
        if choice.left() == 0 || was_whole_round {
            break;
        }
    }
    Ok(())
}
