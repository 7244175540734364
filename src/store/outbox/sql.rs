//! What is said to both databases, in the same words. Times are milliseconds since 1970.
//!
//! What relays know of an event is in the columns `attempts`, `next_attempt_ms`, `published_ms`, `dead_ms`, `error`,
//! `locked_by` and `locked_until_ms`. In a table that we made they are the outbox's own; to a table that was made for
//! Debezium they belong in a second one, which repeats id and aggregate. So this is one table, "the state", to nearly
//! every question.

use super::TableName;
use crate::model::outbox::OnDead;

/// Not published, and not dead: the condition of the partial indexes, which every question repeats.
pub const PENDING: &str = "published_ms IS NULL AND dead_ms IS NULL";

/// How a reason begins, as it is written down, of which an event waits and was not refused.
pub const WAITING: &str = "waiting: ";

/// The columns that say what relays know, by which a table of ours is known.
pub const STATE: [&str; 9] = [
    "position",
    "created_ms",
    "attempts",
    "next_attempt_ms",
    "published_ms",
    "dead_ms",
    "error",
    "locked_by",
    "locked_until_ms",
];

/// Debezium's.
pub const DEBEZIUM: [&str; 5] = ["id", "aggregatetype", "aggregateid", "type", "payload"];

/// How a table is that bears the outbox's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// There is none.
    Missing,
    /// One that we made.
    Own,
    /// One made for Debezium; whether ours beside it is there.
    Foreign { with_state: bool },
}

impl Shape {
    /// Of a table with these columns, and with that one beside it; an error names the columns that are missing.
    pub fn of(columns: &[String], beside: &[String]) -> Result<Self, Vec<&'static str>> {
        let lacks = |columns: &[String], name: &str| !columns.iter().any(|column| column == name);
        if columns.is_empty() {
            return Ok(Shape::Missing);
        }
        let missing: Vec<&str> = DEBEZIUM
            .into_iter()
            .filter(|name| lacks(columns, name))
            .collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        if !STATE.iter().any(|name| lacks(columns, name)) {
            return Ok(Shape::Own);
        }
        let with_state = !STATE.iter().any(|name| lacks(beside, name));
        Ok(Shape::Foreign { with_state })
    }
}

/// New events of a foreign table that are given their positions at one time: what was there before is bounded work, too.
pub const TAKEN_IN: usize = 20_000;

/// The questions to one outbox.
#[derive(Clone, Debug)]
pub struct Sql {
    /// Before the number of a parameter.
    mark: char,
    pub outbox: String,
    pub state: String,
    pub is_foreign: bool,
}

/// What belongs to the outbox: the table beside a foreign one.
pub const BESIDE: &str = "_relay";

impl Sql {
    pub fn new(mark: char, table: &TableName, shape: Shape) -> Self {
        let is_foreign = matches!(shape, Shape::Foreign { .. });
        let outbox = table.quoted();
        let state = match is_foreign {
            true => table.quoted_with(BESIDE),
            false => outbox.clone(),
        };
        Sql {
            mark,
            outbox,
            state,
            is_foreign,
        }
    }

    /// How an event stands, see [`super::choice::Standing`]. 1 now, 2 owner.
    fn standing(&self, on_dead: OnDead) -> String {
        let (m, state) = (self.mark, &self.state);
        let behind_dead = match on_dead {
            OnDead::Park => String::new(),
            OnDead::Block => format!(
                "WHEN EXISTS (SELECT 1 FROM {state} AS dead WHERE dead.dead_ms IS NOT NULL
                    AND dead.published_ms IS NULL AND dead.aggregatetype = pending.aggregatetype
                    AND dead.aggregateid = pending.aggregateid AND dead.position < pending.position) THEN 2"
            ),
        };
        format!(
            "CAST(CASE WHEN locked_until_ms > {m}1 AND locked_by = {m}2 THEN 1
                WHEN locked_until_ms > {m}1 OR next_attempt_ms > {m}1 THEN 2
                {behind_dead} ELSE 0 END AS bigint)"
        )
    }

    /// Pending events in their order: 1 now, 2 owner, 3 after which position, 4 how many.
    pub fn window(&self, on_dead: OnDead) -> String {
        let (m, state, standing) = (self.mark, &self.state, self.standing(on_dead));
        format!(
            "SELECT position, aggregatetype, aggregateid, {standing} FROM {state} AS pending
             WHERE {PENDING} AND position > {m}3 ORDER BY position LIMIT {m}4"
        )
    }

    /// The first aggregate with something pending of which this is true.
    pub fn next_aggregate(&self, condition: &str) -> String {
        let state = &self.state;
        format!(
            "SELECT aggregatetype, aggregateid FROM {state} WHERE {PENDING} AND {condition}
             ORDER BY aggregatetype, aggregateid LIMIT 1"
        )
    }

    /// What is pending in an aggregate, but for what the owner has in hand: 1 now, 2 owner; type, id and how many are
    /// what is given.
    pub fn run(&self, on_dead: OnDead, of: [&str; 2], limit: &str) -> String {
        let (m, state, standing) = (self.mark, &self.state, self.standing(on_dead));
        let [kind, id] = of;
        format!(
            "SELECT position, {standing} AS standing FROM {state} AS pending
             WHERE {PENDING} AND aggregatetype = {kind} AND aggregateid = {id}
                AND NOT (locked_by IS NOT NULL AND locked_by = {m}2 AND locked_until_ms > {m}1)
             ORDER BY position LIMIT {limit}"
        )
    }

    /// In SQLite: 1 owner, 2 until when. What is published or dead is in nobody's hand; to say so here would tempt a database that
    /// knows little of the table to read all that is pending.
    pub fn renew(&self) -> String {
        let (m, state) = (self.mark, &self.state);
        format!("UPDATE {state} SET locked_until_ms = {m}2 WHERE locked_by = {m}1")
    }

    /// An event's id as it is read. In SQLite it stays what it is: a UUID may be 16 bytes there.
    fn id(&self, column: &str) -> String {
        match self.mark {
            '$' => format!("CAST({column} AS text)"),
            _ => column.to_owned(),
        }
    }

    /// 1 how many at most: those that are dead.
    pub fn dead(&self) -> String {
        let (m, state, outbox) = (self.mark, &self.state, &self.outbox);
        let id = self.id("state.id");
        let dead = "state.dead_ms IS NOT NULL AND state.published_ms IS NULL";
        let from = match self.is_foreign {
            true => format!("{state} AS state JOIN {outbox} AS event ON event.id = state.id"),
            false => format!("{state} AS state"),
        };
        let event = match self.is_foreign {
            true => "event",
            false => "state",
        };
        format!(
            "SELECT {id}, state.aggregatetype, state.aggregateid, coalesce(CAST({event}.type AS text), ''),
                CAST(state.attempts AS bigint), coalesce(state.error, '')
             FROM {from} WHERE {dead} ORDER BY state.position LIMIT {m}1"
        )
    }

    /// Those of the dead of which this is true: `AND …`, or nothing.
    pub fn retry(&self, which: &str) -> String {
        let (state, id) = (&self.state, self.id("id"));
        format!(
            "UPDATE {state} SET dead_ms = NULL, attempts = 0, next_attempt_ms = NULL, error = NULL,
                locked_by = NULL, locked_until_ms = NULL
             WHERE dead_ms IS NOT NULL AND published_ms IS NULL {which} RETURNING {id}"
        )
    }

    fn expired(&self, dead: bool) -> String {
        let m = self.mark;
        match dead {
            true => format!("dead_ms IS NOT NULL AND published_ms IS NULL AND dead_ms <= {m}1"),
            false => format!("published_ms <= {m}1"),
        }
    }

    /// 1 until when.
    pub fn purgeable(&self, dead: bool) -> String {
        let (state, expired) = (&self.state, self.expired(dead));
        format!("SELECT count(*) FROM {state} WHERE {expired}")
    }

    /// 1 until when, 2 how many. Gives the ids.
    pub fn purge(&self, dead: bool) -> String {
        let (m, state, expired) = (self.mark, &self.state, self.expired(dead));
        let since = if dead { "dead_ms" } else { "published_ms" };
        format!(
            "DELETE FROM {state} WHERE position IN
                (SELECT position FROM {state} WHERE {expired} ORDER BY {since} LIMIT {m}2)
             RETURNING id"
        )
    }

    /// What the application has deleted is not there any more, whether it was noticed or not.
    fn exists(&self) -> String {
        let outbox = &self.outbox;
        match self.is_foreign {
            true => {
                format!(" AND EXISTS (SELECT 1 FROM {outbox} AS event WHERE event.id = state.id)")
            }
            false => String::new(),
        }
    }

    /// Those that wait and were not refused for it: the condition.
    pub fn is_waiting() -> String {
        format!(
            "{PENDING} AND substr(error, 1, {}) = '{WAITING}'",
            WAITING.len()
        )
    }

    /// 1 how many at most: for what they wait, and how many.
    pub fn waiting(&self) -> String {
        let (m, state, exists) = (self.mark, &self.state, self.exists());
        let (waits, from) = (Self::is_waiting(), WAITING.len() + 1);
        format!(
            "SELECT substr(error, {from}), count(*) FROM {state} AS state WHERE {waits}{exists}
             GROUP BY error ORDER BY count(*) DESC, error LIMIT {m}1"
        )
    }

    /// 1 now.
    pub fn counts(&self) -> [String; 2] {
        let (m, state, exists) = (self.mark, &self.state, self.exists());
        let pending = format!(
            "SELECT count(*), count(CASE WHEN locked_until_ms > {m}1 THEN 1 END),
                count(CASE WHEN attempts > 0 THEN 1 END), min(created_ms),
                CAST(coalesce(max(attempts), 0) AS bigint),
                max(CASE WHEN locked_until_ms > {m}1 THEN locked_until_ms END)
             FROM {state} AS state WHERE {PENDING}{exists}"
        );
        let others = format!(
            "SELECT (SELECT count(*) FROM {state} AS state
                    WHERE dead_ms IS NOT NULL AND published_ms IS NULL{exists}),
                (SELECT count(*) FROM {state} WHERE published_ms IS NOT NULL),
                (SELECT count(*) FROM {state} WHERE published_ms > {m}1 - 60000)"
        );
        [pending, others]
    }

    /// How many events of a foreign table no relay has seen, and how many rows are none, since they have no id.
    pub fn unseen(&self) -> String {
        let (state, outbox) = (&self.state, &self.outbox);
        format!(
            "SELECT count(event.id), count(*) - count(event.id) FROM {outbox} AS event
             WHERE NOT EXISTS (SELECT 1 FROM {state} AS state WHERE state.id = event.id)"
        )
    }
}
