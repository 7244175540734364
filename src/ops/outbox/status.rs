//! `eda outbox status`: how much waits, how long, and what is dead.

use super::relay::outcome::Waiting;
use crate::error::{Result, Status};
use crate::model::duration::human;
use crate::model::outbox::{DeadOutboxEvent, OutboxCounts};
use crate::report::{Cell, Report, Table, Tone};
use crate::store::outbox::Outbox;
use crate::store::outbox::error_of;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// So many dead events are listed, and so many of them shown to people; the others are counted.
const LISTED: usize = 100;
const SHOWN: usize = 20;
/// So many reasons of those that are not shown are.
const REASONS: usize = 10;

/// What makes the answer a bad one.
#[derive(Clone, Copy, Debug, Default)]
pub struct StatusRequest {
    /// A pending event that is older.
    pub max_age: Option<Duration>,
    /// More dead events than these.
    pub max_dead: Option<u64>,
}

/// How an outbox is doing.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboxStatus {
    pending: u64,
    in_hand: u64,
    retrying: u64,
    dead: u64,
    published: u64,
    published_last_minute: u64,
    /// null when nothing is pending, or where the table does not say.
    oldest_pending_ms: Option<i64>,
    most_attempts: u32,
    /// Rows that are no events, since their id is NULL.
    without_id: u64,
    /// What pending events wait for that were not refused for it, most of them first.
    waiting: Vec<Waiting>,
    /// The first of them, by position.
    dead_events: Vec<Dead>,
    /// Why the exit status is 4, a sentence each.
    alarms: Vec<String>,
    /// What follows a command for it to mean this outbox.
    #[serde(skip)]
    named: String,
}

/// A dead event; what it says is nobody's business here.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dead {
    pub(super) id: String,
    aggregate_type: String,
    aggregate_id: String,
    #[serde(rename = "type")]
    event_type: String,
    attempts: u32,
    reason: String,
}

impl From<DeadOutboxEvent> for Dead {
    fn from(event: DeadOutboxEvent) -> Self {
        Dead {
            id: event.id,
            aggregate_type: event.aggregate_type,
            aggregate_id: event.aggregate_id,
            event_type: event.event_type,
            attempts: event.attempts,
            reason: event.reason,
        }
    }
}

/// What dead events are shown under.
pub(super) const DEAD_HEADERS: [&str; 5] = ["ID", "TYPE", "AGGREGATE", "ATTEMPTS", "REASON"];

impl Dead {
    fn why(&self) -> &str {
        &self.reason
    }

    pub(super) fn row(&self) -> [Cell; 5] {
        [
            self.id.as_str().into(),
            self.event_type.as_str().into(),
            format!("{}/{}", self.aggregate_type, self.aggregate_id).into(),
            u64::from(self.attempts).into(),
            Cell::from(self.reason.as_str()).tone(Tone::Bad),
        ]
    }
}

/// Asks the outbox.
///
/// # Errors
/// The database does not answer, or refuses.
pub async fn status(outbox: &dyn Outbox, request: StatusRequest) -> Result<OutboxStatus> {
    let counts = outbox.counts().await.map_err(error_of)?;
    let dead = match counts.dead {
        0 => Vec::new(),
        _ => outbox.dead(LISTED).await.map_err(error_of)?,
    };
    let waiting = match counts.pending {
        0 => Vec::new(),
        _ => outbox.waiting(LISTED).await.map_err(error_of)?,
    };
    Ok(OutboxStatus {
        waiting: waiting.into_iter().map(Waiting::from).collect(),
        alarms: alarms(&counts, request),
        named: outbox.named().to_owned(),
        without_id: counts.without_id,
        pending: counts.pending,
        in_hand: counts.in_hand,
        retrying: counts.retrying,
        dead: counts.dead,
        published: counts.published,
        published_last_minute: counts.published_last_minute,
        oldest_pending_ms: counts.oldest_pending_ms,
        most_attempts: counts.most_attempts,
        dead_events: dead.into_iter().map(Dead::from).collect(),
    })
}

/// What is wrong with rows of a foreign table whose id is NULL.
pub(super) fn without_id(rows: u64) -> String {
    let (s, has) = if rows == 1 {
        ("", "has")
    } else {
        ("s", "have")
    };
    format!("{rows} row{s} {has} no id (NULL), and cannot be published")
}

impl OutboxStatus {
    /// Why those are dead that are listed and not shown, where no one that is shown says so: the most frequent first.
    fn other_reasons(&self) -> Vec<(&str, u64)> {
        let shown: BTreeSet<&str> = self.dead_events.iter().take(SHOWN).map(Dead::why).collect();
        let mut others: BTreeMap<&str, u64> = BTreeMap::new();
        for event in self.dead_events.iter().skip(SHOWN) {
            if !shown.contains(event.why()) {
                *others.entry(event.why()).or_default() += 1;
            }
        }
        let mut others: Vec<(&str, u64)> = others.into_iter().collect();
        others.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        others.truncate(REASONS);
        others
    }
}

fn milliseconds(age: i64) -> Duration {
    Duration::from_millis(u64::try_from(age).unwrap_or(0))
}

/// A gate that cannot see does not let pass.
fn alarms(counts: &OutboxCounts, request: StatusRequest) -> Vec<String> {
    let mut alarms = Vec::new();
    match (request.max_age, counts.oldest_pending_ms) {
        (Some(most), Some(age)) if milliseconds(age) > most => alarms.push(format!(
            "the oldest pending event is {} old, and {} were allowed",
            human(milliseconds(age)),
            human(most)
        )),
        (Some(_), None) if counts.pending > 0 => alarms.push(
            "how old the pending events are is not known: the table has no time of their creation"
                .to_owned(),
        ),
        _ => {}
    }
    if counts.without_id > 0 && (request.max_age.is_some() || request.max_dead.is_some()) {
        alarms.push(without_id(counts.without_id));
    }
    if let Some(most) = request.max_dead.filter(|most| counts.dead > *most) {
        let are = if counts.dead == 1 { "is" } else { "are" };
        alarms.push(format!(
            "{} {are} dead, and {most} were allowed",
            counts.dead
        ));
    }
    alarms
}

impl Report for OutboxStatus {
    fn table(&self) -> Table {
        let headers = [
            "PENDING",
            "IN-HAND",
            "RETRYING",
            "DEAD",
            "PUBLISHED",
            "LAST-MINUTE",
            "OLDEST",
            "ATTEMPTS",
        ];
        let mut table = Table::new(&headers, "");
        let dead = match self.dead {
            0 => Cell::from(0_u64),
            count => Cell::from(count).tone(Tone::Bad),
        };
        table.row([
            self.pending.into(),
            self.in_hand.into(),
            self.retrying.into(),
            dead,
            self.published.into(),
            self.published_last_minute.into(),
            self.oldest_pending_ms
                .map(|age| human(milliseconds(age)))
                .into(),
            u64::from(self.most_attempts).into(),
        ]);
        if !self.waiting.is_empty() {
            let mut waiting = Table::new(&["WAITING", "REASON"], "");
            for of in self.waiting.iter().take(SHOWN) {
                let reason = Cell::from(of.reason.as_str()).tone(Tone::Warn);
                waiting.row([of.events.into(), reason]);
            }
            let untold = self.waiting.len().saturating_sub(SHOWN);
            if untold > 0 {
                waiting.note(format!("and for {untold} more reasons"), Tone::Warn);
            }
            table.more.push(waiting);
        }
        if self.dead > 0 {
            let mut dead = Table::new(&DEAD_HEADERS, "");
            for event in self.dead_events.iter().take(SHOWN) {
                dead.row(event.row());
            }
            let untold = self.dead.saturating_sub(dead.rows.len() as u64);
            if untold > 0 {
                dead.note(format!("and {untold} more are dead"), Tone::Bad);
            }
            for (reason, count) in self.other_reasons() {
                dead.note(format!("{count} of them: {reason}"), Tone::Bad);
            }
            let named = &self.named;
            dead.note(
                format!("`eda outbox retry --all{named}` makes dead events pending again"),
                Tone::Plain,
            );
            table.more.push(dead);
        }
        if self.without_id > 0 {
            table.note(without_id(self.without_id), Tone::Bad);
        }
        table.note_all(&self.alarms, Tone::Bad);
        table
    }

    fn status(&self) -> Result<Status> {
        Ok(match self.alarms.is_empty() {
            true => Status::Done,
            false => Status::Alarm,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(counts: OutboxCounts, request: StatusRequest, expected: &[&str]) {
        assert_eq!(alarms(&counts, request), expected);
    }

    #[test]
    fn a_gate_alarms_on_what_is_too_much_and_on_what_it_cannot_see() {
        let age = StatusRequest {
            max_age: Some(Duration::from_secs(60)),
            max_dead: None,
        };
        let counts = |pending, oldest_pending_ms| OutboxCounts {
            pending,
            oldest_pending_ms,
            ..OutboxCounts::default()
        };
        case(counts(0, None), age, &[]);
        case(counts(1, Some(60_000)), age, &[]);
        case(
            counts(1, Some(61_000)),
            age,
            &["the oldest pending event is 1m1s old, and 1m were allowed"],
        );
        case(
            counts(1, None),
            age,
            &[
                "how old the pending events are is not known: the table has no time of their creation",
            ],
        );
        // A clock that was set back.
        case(counts(1, Some(-5)), age, &[]);
        let dead = StatusRequest {
            max_age: None,
            max_dead: Some(0),
        };
        let counts = OutboxCounts {
            dead: 1,
            ..OutboxCounts::default()
        };
        case(counts.clone(), StatusRequest::default(), &[]);
        case(counts, dead, &["1 is dead, and 0 were allowed"]);
    }
}
