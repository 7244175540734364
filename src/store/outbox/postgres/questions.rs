//! What is asked: each question is one transaction.

use super::claim::{Apart, Claim, claim, hasten, locked, renew, settle, turn};
use super::tables::{Known, NOW};
use super::{Parameter, Plans, PostgresOutbox, plans};
use crate::model::outbox::{
    DeadOutboxEvent, NewOutboxEvent, OutboxCounts, OutboxEvent, Settled, WaitingOutboxEvents,
};
use crate::store::Outage;
use crate::store::outbox::NO_SCHEMA;
use crate::store::outbox::address::quoted;
use crate::store::postgres::connection::Failure;
use crate::store::stored::milliseconds;
use std::time::Duration;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{IsolationLevel, Row};

impl PostgresOutbox {
    pub(super) async fn create_tables(&self) -> Result<(), Failure> {
        let mut session = self.session().await?;
        let transaction = session.0.transaction().await?;
        let known = Known::look(&transaction, self.table()).await?;
        // Two that make it at the same time: the second finds it made.
        turn(&transaction, &known, Apart::FromAll).await?;
        let known = Known::look(&transaction, self.table()).await?;
        let sql = known.missing();
        if sql.is_empty() {
            return Ok(());
        }
        if let Err(error) = transaction.batch_execute(&sql).await {
            let schema = known.table.schema().unwrap_or_default();
            if error.code() == Some(&SqlState::INVALID_SCHEMA_NAME) {
                let (server, quoted) = (self.server(), quoted(schema));
                return Err(Outage::lasting(format!(
                    "{NO_SCHEMA} `{schema}` on `{server}`: `CREATE SCHEMA {quoted}` makes it"
                ))
                .into());
            }
            let outage = Failure::from(error).outage(&self.server());
            let (table, message, named) = (known.absent(), &outage.message, &self.named);
            return Err(match outage.passing {
                true => outage,
                false => Outage {
                    message: format!(
                        "cannot make the table `{table}`: {message}; `eda outbox init{named} --print` shows the SQL for \
                         somebody who may"
                    ),
                    ..outage
                },
            }
            .into());
        }
        transaction.commit().await?;
        Ok(())
    }

    pub(super) async fn add_events(&self, events: &[NewOutboxEvent]) -> Result<(), Failure> {
        let mut session = self.session().await?;
        let transaction = session.0.transaction().await?;
        let known = self.made(&transaction).await?;
        let column = |of: fn(&NewOutboxEvent) -> &str| events.iter().map(of).collect::<Vec<_>>();
        let (mut texts, mut bytes) = (Vec::new(), Vec::new());
        for event in events {
            let payload = event.payload.as_deref();
            // PostgreSQL's text has no NUL.
            let text = payload.map(|payload| match payload.contains(&0) {
                true => None,
                false => std::str::from_utf8(payload).ok(),
            });
            if text == Some(None) && known.takes_text_alone() {
                let (table, id) = (&known.table, &event.id);
                return Err(Outage::lasting(format!(
                    "the payload of the event `{id}` is no text, which the table `{table}` asks for"
                ))
                .into());
            }
            let text = text.flatten();
            texts.push(text);
            bytes.push(if text.is_none() { payload } else { None });
        }
        let parameters: [Parameter; 6] = [
            (&column(|event| &event.id), Type::TEXT_ARRAY),
            (&column(|event| &event.aggregate_type), Type::TEXT_ARRAY),
            (&column(|event| &event.aggregate_id), Type::TEXT_ARRAY),
            (&column(|event| &event.event_type), Type::TEXT_ARRAY),
            (&texts, Type::TEXT_ARRAY),
            (&bytes, Type::BYTEA_ARRAY),
        ];
        transaction.execute_typed(&known.add(), &parameters).await?;
        transaction.commit().await?;
        Ok(())
    }

    pub(super) async fn claim_events(&self, what: Claim<'_>) -> Result<Vec<OutboxEvent>, Failure> {
        let mut session = self.session().await?;
        let (client, memory) = &mut *session;
        let transaction = client.transaction().await?;
        let known = self.made(&transaction).await?;
        let events = claim(&transaction, &known, what, memory).await?;
        transaction.commit().await?;
        Ok(events)
    }

    pub(super) async fn renew_leases(&self, owner: &str, lease_ms: i64) -> Result<u64, Failure> {
        let mut session = self.session().await?;
        let transaction = session.0.transaction().await?;
        let known = self.made(&transaction).await?;
        let renewed = renew(&transaction, &known, owner, lease_ms).await?;
        transaction.commit().await?;
        Ok(renewed)
    }

    pub(super) async fn settle_events(
        &self,
        owner: &str,
        outcomes: &[(i64, Settled)],
    ) -> Result<u64, Failure> {
        let mut session = self.session().await?;
        let transaction = session.0.transaction().await?;
        let known = self.made(&transaction).await?;
        let positions: Vec<i64> = outcomes.iter().map(|(position, _)| *position).collect();
        // The turn comes first: a claim whose turn it is waits for rows that are locked.
        let now = turn(&transaction, &known, Apart::FromClaims).await?;
        let (_, held) = locked(&transaction, &known, &positions).await?;
        let (later, free): (Vec<_>, Vec<_>) = outcomes
            .iter()
            .cloned()
            .partition(|(position, _)| held.contains(position));
        let settled = settle(&transaction, &known, now, owner, &free).await?;
        transaction.commit().await?;
        if later.is_empty() {
            return Ok(settled);
        }
        // They are waited for, as long as a row may be, when the others have been written down.
        let transaction = session.0.transaction().await?;
        let now = turn(&transaction, &known, Apart::FromClaims).await?;
        match settle(&transaction, &known, now, owner, &later).await {
            Ok(more) => {
                transaction.commit().await?;
                Ok(settled + more)
            }
            Err(failure) if failure.is_locked() => Err(Outage::passing(format!(
                "{} of {} events in `{}` on `{}` are locked by somebody else's transaction",
                later.len(),
                outcomes.len(),
                known.table,
                self.server()
            ))
            .into()),
            Err(failure) => Err(failure),
        }
    }

    /// With `all` what is over, too.
    pub(super) async fn count_events(&self, all: bool) -> Result<OutboxCounts, Failure> {
        let mut session = self.session().await?;
        // One moment for all the questions.
        let builder = session.0.build_transaction().read_only(true);
        let builder = builder.isolation_level(IsolationLevel::RepeatableRead);
        let transaction = builder.start().await?;
        let known = self.made(&transaction).await?;
        plans(&transaction, Plans::Any).await?;
        let now = format!("SELECT {NOW}");
        let now: i64 = transaction.query_typed_one(&now, &[]).await?.try_get(0)?;
        let number = |row: &Row, column: usize| -> Result<u64, Failure> {
            Ok(row.try_get::<_, i64>(column)?.unsigned_abs())
        };
        let [pending, others] = known.sql.counts();
        let row = transaction
            .query_typed_one(&pending, &[(&now, Type::INT8)])
            .await?;
        let oldest: Option<i64> = row.try_get(3)?;
        let leased: Option<i64> = row.try_get(5)?;
        let mut counts = OutboxCounts {
            pending: number(&row, 0)?,
            in_hand: number(&row, 1)?,
            in_hand_ms: leased.map(|until| until.saturating_sub(now)),
            retrying: number(&row, 2)?,
            oldest_pending_ms: oldest.map(|created| now.saturating_sub(created).max(0)),
            most_attempts: u32::try_from(number(&row, 4)?).unwrap_or(u32::MAX),
            ..OutboxCounts::default()
        };
        if all {
            let row = transaction
                .query_typed_one(&others, &[(&now, Type::INT8)])
                .await?;
            counts.dead = number(&row, 0)?;
            counts.published = number(&row, 1)?;
            counts.published_last_minute = number(&row, 2)?;
        }
        if known.sql.is_foreign {
            let row = transaction
                .query_typed_one(&known.sql.unseen(), &[])
                .await?;
            counts.pending += number(&row, 0)?;
            counts.without_id = number(&row, 1)?;
        }
        Ok(counts)
    }

    pub(super) async fn waiting_events(
        &self,
        limit: usize,
    ) -> Result<Vec<WaitingOutboxEvents>, Failure> {
        let mut session = self.session().await?;
        let transaction = session.0.transaction().await?;
        let known = self.made(&transaction).await?;
        plans(&transaction, Plans::Any).await?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = transaction
            .query_typed(&known.sql.waiting(), &[(&limit, Type::INT8)])
            .await?;
        let mut waiting = Vec::with_capacity(rows.len());
        for row in &rows {
            waiting.push(WaitingOutboxEvents {
                reason: row.try_get(0)?,
                events: row.try_get::<_, i64>(1)?.unsigned_abs(),
            });
        }
        Ok(waiting)
    }

    pub(super) async fn hasten_events(&self) -> Result<u64, Failure> {
        let mut session = self.session().await?;
        let transaction = session.0.transaction().await?;
        let known = self.made(&transaction).await?;
        let hastened = hasten(&transaction, &known).await?;
        transaction.commit().await?;
        Ok(hastened)
    }

    pub(super) async fn dead_events(&self, limit: usize) -> Result<Vec<DeadOutboxEvent>, Failure> {
        let mut session = self.session().await?;
        let transaction = session.0.transaction().await?;
        let known = self.made(&transaction).await?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let dead = known.sql.dead();
        let rows = transaction
            .query_typed(&dead, &[(&limit, Type::INT8)])
            .await?;
        let mut events = Vec::with_capacity(rows.len());
        for row in &rows {
            events.push(DeadOutboxEvent {
                id: row.try_get(0)?,
                aggregate_type: row.try_get(1)?,
                aggregate_id: row.try_get(2)?,
                event_type: row.try_get(3)?,
                attempts: u32::try_from(row.try_get::<_, i64>(4)?).unwrap_or(u32::MAX),
                reason: row.try_get(5)?,
            });
        }
        Ok(events)
    }

    pub(super) async fn retry_events(&self, ids: &[String]) -> Result<Vec<String>, Failure> {
        let mut session = self.session().await?;
        let transaction = session.0.transaction().await?;
        let known = self.made(&transaction).await?;
        turn(&transaction, &known, Apart::FromClaims).await?;
        // A UUID is one, however it is written; PostgreSQL's text has no NUL.
        let uuids = ids.iter().filter_map(|id| uuid::Uuid::parse_str(id).ok());
        let uuids = uuids.map(|uuid| uuid.to_string());
        let plain = ids.iter().filter(|id| !id.contains('\0')).cloned();
        let named: Vec<String> = plain.chain(uuids).collect();
        let rows = if ids.is_empty() {
            transaction.query_typed(&known.sql.retry(""), &[]).await?
        } else {
            let question = known.sql.retry("AND CAST(id AS text) = ANY($1)");
            transaction
                .query_typed(&question, &[(&named, Type::TEXT_ARRAY)])
                .await?
        };
        let mut retried = Vec::with_capacity(rows.len());
        for row in &rows {
            retried.push(row.try_get(0)?);
        }
        transaction.commit().await?;
        Ok(retried)
    }

    /// How many are older; those that are deleted, when there is a limit.
    pub(super) async fn old_events(
        &self,
        older_than: Duration,
        dead: bool,
        limit: Option<usize>,
    ) -> Result<u64, Failure> {
        let mut session = self.session().await?;
        let transaction = session.0.transaction().await?;
        let known = self.made(&transaction).await?;
        let now = format!("SELECT {NOW}");
        let now: i64 = transaction.query_typed_one(&now, &[]).await?.try_get(0)?;
        let until = now.saturating_sub(milliseconds(older_than));
        let row = match limit {
            None => {
                plans(&transaction, Plans::Any).await?;
                let question = known.sql.purgeable(dead);
                transaction
                    .query_typed_one(&question, &[(&until, Type::INT8)])
                    .await?
            }
            Some(limit) => {
                let (purge, outbox) = (known.sql.purge(dead), &known.sql.outbox);
                let events = match known.sql.is_foreign {
                    true => format!(
                        ", events AS (DELETE FROM {outbox} AS event USING gone WHERE event.id = gone.id)"
                    ),
                    false => String::new(),
                };
                let question = format!("WITH gone AS ({purge}){events} SELECT count(*) FROM gone");
                let limit = i64::try_from(limit).unwrap_or(i64::MAX);
                let parameters: [Parameter; 2] = [(&until, Type::INT8), (&limit, Type::INT8)];
                transaction.query_typed_one(&question, &parameters).await?
            }
        };
        let count: i64 = row.try_get(0)?;
        transaction.commit().await?;
        Ok(count.unsigned_abs())
    }
}
