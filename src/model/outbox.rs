//! The transactional outbox: an event that is written in the database transaction of its effect, and published later.
//!
//! The columns are those of Debezium's outbox event router, so that a table made for it works here, and one made here
//! works there: `id`, `aggregatetype`, `aggregateid`, `type`, `payload`.

/// An event as an application puts it into its outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOutboxEvent {
    /// The event's id, a UUID in most cases: the header `id` of what is published, by which consumers know duplicates.
    pub id: String,
    /// What kind of thing it happened to, `order`: where the record goes.
    pub aggregate_type: String,
    /// To which one, `order-7`: the record's key.
    pub aggregate_id: String,
    /// What happened, `OrderCreated`.
    pub event_type: String,
    /// The record's value; `None` is a tombstone.
    pub payload: Option<Vec<u8>>,
}

/// An event that a relay has claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEvent {
    /// Its place in the order of the outbox; what it is settled by.
    pub position: i64,
    pub event: NewOutboxEvent,
    /// How often the broker has refused it.
    pub attempts: u32,
    /// When it was written, in milliseconds since 1970; `None` where the table does not say.
    pub created_ms: Option<i64>,
}

/// What became of a claimed event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The broker has acknowledged it.
    Published,
    /// The broker refused it: tried again after this many milliseconds, counted as an attempt.
    Refused { reason: String, again_in_ms: i64 },
    /// What it needs is not there, and nobody has refused it: tried again after this many milliseconds, and counted as no
    /// attempt.
    Waiting { reason: String, again_in_ms: i64 },
    /// The broker refused it for the last time.
    Dead { reason: String },
    /// Not tried, or its fate is unknown and not its fault: whoever claims it next may have it at once.
    Released,
}

/// What is done with the later events of an aggregate of which one is dead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDead {
    /// They are published; the dead one stays behind.
    #[default]
    Park,
    /// They wait until somebody retries the dead one or purges it.
    Block,
}

/// How much is in an outbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboxCounts {
    /// Neither published nor dead, those that a relay has in hand and those that wait for their next attempt included.
    pub pending: u64,
    /// Of the pending ones, those a relay has a lease on.
    pub in_hand: u64,
    /// How long the last of these leases goes on unless it is renewed, in milliseconds; `None` when there is none.
    pub in_hand_ms: Option<i64>,
    /// Of the pending ones, those that were refused once at least.
    pub retrying: u64,
    pub dead: u64,
    /// Published, and not yet purged.
    pub published: u64,
    /// Published in the last minute.
    pub published_last_minute: u64,
    /// Rows of a foreign table whose id is NULL: they are no events, and are not pending.
    pub without_id: u64,
    /// The age of the oldest pending event, in milliseconds; `None` when nothing is pending, or where the table does not
    /// say.
    pub oldest_pending_ms: Option<i64>,
    /// The most attempts a pending event has had.
    pub most_attempts: u32,
}

/// Pending events that wait for the same thing, and were not refused for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingOutboxEvents {
    /// Why, as [`Settled::Waiting`] said it.
    pub reason: String,
    /// How many.
    pub events: u64,
}

/// An event that is dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadOutboxEvent {
    pub id: String,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub event_type: String,
    pub attempts: u32,
    pub reason: String,
}
