//! The consumer runtime: members of groups that handle each record, with retries, dead letters and idempotency.
//!
//! A member is one thread, which owns the Kafka consumer and polls it, and one task for each partition it was given:
//! read → seen before? pass over → handle, with retries → done → commit. Each partition has a queue of its own in the
//! client library, of which no more is taken than there is room for, so a slow handler costs neither the membership nor
//! the other partitions anything.
//!
//! # Guarantees
//!
//! - **Order.** Records of one key ([`Order::Key`]), or of one partition ([`Order::Partition`]), are handled one after
//!   the other, in the order of their offsets; a record that is tried again holds up those behind it and no others.
//! - **At least once** ([`Delivery::AtLeastOnce`]). An offset is committed only when its record, and every earlier one of
//!   the partition, was handled, recognised as a duplicate, or is a dead letter that Kafka acknowledged. Commits happen
//!   every interval or number of records, before partitions are given away, and at the end. What is done after the
//!   first record that is not is noted beside the offset and passed over by whoever reads the partition next. After a
//!   crash, what was done since the last commit is handed out again, to whoever then reads the partition.
//! - **At most once** ([`Delivery::AtMostOnce`]). An offset is committed before its record is handed to the handler. There
//!   are no retries: what fails is a dead letter at once. When partitions are given away in order, what was fetched and
//!   not begun is committed back, so that nothing is skipped; a crash loses what was committed and
//!   not begun, at most [`AT_MOST_ONCE_BATCH`] records, and what was in hand.
//! - **Exactly once** ([`Delivery::ExactlyOnce`]). What handlers answer is to be produced, their dead letters, and the
//!   offsets of the records these were made of become visible in one transaction, or none of it (KIP-98); the group's
//!   generation keeps a member out that lost its partitions (KIP-447). A record may be handled again after a crash or a
//!   lost transaction: exactly once is what readers of committed records see, not what a handler does besides.
//! - **Failure.** A transient failure is tried again up to [`RuntimeOptions::max_retries`] times; then, and at once if it is
//!   permanent, or the second of which the handler dies, the record becomes a dead letter. While the dead letter is not
//!   acknowledged the record is not done. When it cannot be written, or there is to be none, the member ends with an error
//!   and the record stays uncommitted.
//! - **Breaker.** When more than half of the last 100 records would be dead letters, the member ends with an error instead,
//!   the record uncommitted: what is broken is then the handler, or something behind it. It ends rather than pauses,
//!   because a paused member keeps its partitions and looks alive.
//! - **Idempotency** ([`RuntimeOptions::dedupe`]). An event that was done is not handled again, for as long as the memory
//!   lasts. One that became a dead letter is, so that a replay is not passed over. A crash after the handler's effect and
//!   before the mark handles it once more, unless the handler marks it in the transaction of its effect. While the memory
//!   does not answer, records wait, and no attempts are counted.
//! - **Giving away.** When partitions are revoked, records in hand are finished, for no longer than
//!   [`RuntimeOptions::grace`]; one that waits to be tried again is left to the next owner. After that time its handler is
//!   dropped, and the record stays uncommitted.

mod absence;
mod ahead;
mod assignment;
mod breaker;
mod claim;
mod end;
mod figures;
pub mod handler;
mod handling;
mod idle;
mod member;
mod notices;
mod outputs;
mod partition;
mod polling;
mod presence;
pub mod print;
mod recovery;
mod retry;
mod schedule;
mod shared;
mod task;
#[cfg(test)]
mod tests;
mod topics;
mod transfers;
mod window;
pub mod work;

pub use figures::{Figures, Meter};
pub use handler::{Handled, Handler, Handling};
pub use member::{Member, start};
pub use notices::{Notices, Unwatched};
pub use polling::AT_MOST_ONCE_BATCH;
pub use retry::Backoff;

use crate::model::dead_letter::DEFAULT_TEMPLATE;
use crate::model::filter::Filter;
use crate::store::{Idempotency, Memory};
use std::sync::Arc;
use std::time::Duration;

/// When an offset is committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Before the record is handled: it may be lost, and is never handled twice.
    AtMostOnce,
    /// After it was handled: it may be handled twice, and is never lost.
    #[default]
    AtLeastOnce,
    /// Together with what the record was made into: both are seen once, or not at all.
    ExactlyOnce,
}

/// A memory of events done that ends with the process. Share one between the members of a group.
pub fn memory() -> Arc<dyn Idempotency> {
    Arc::new(Memory::default())
}

impl Delivery {
    /// As it is written on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Delivery::AtMostOnce => "at-most-once",
            Delivery::AtLeastOnce => "at-least-once",
            Delivery::ExactlyOnce => "exactly-once",
        }
    }
}

/// What must not be side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Records with the same key; those without one have no order.
    #[default]
    Key,
    /// Records of the same partition.
    Partition,
}

/// What a member's transactions are called: always the same for the same member, so that one that is started again ends
/// what it left open before it crashed; and never the same for two that run at the same time, which would fence each
/// other. The user's property `transactional.id` replaces it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionalId {
    /// What all ids of the kind begin with, so that an ACL can be for them.
    pub prefix: String,
    pub rest: String,
}

/// What a member is to be.
#[derive(Clone, Debug)]
pub struct RuntimeOptions {
    pub group: String,
    /// A name that starts with `^` is a pattern; topics that appear later and match are read too.
    pub topics: Vec<String>,
    /// What is not wanted is read, and committed, and not handled.
    pub filter: Filter,
    /// End after so many records, none past them is committed. `None`: go on.
    pub count: Option<u64>,
    /// End when nothing came, and nothing was in hand, for this long. `None`: go on.
    pub idle: Option<Duration>,
    pub order: Order,
    /// How many records are handled at the same time at most, over all partitions; at least 1. Those that wait to be tried
    /// again do not count.
    pub concurrency: usize,
    /// Attempts after the first.
    pub max_retries: u32,
    /// The longest wait before the first retry; it doubles with each.
    pub backoff_base: Duration,
    pub backoff_cap: Duration,
    /// Where to start in partitions without a commit: the beginning, else the end.
    pub from_beginning: bool,
    /// The dead-letter topic's name, with `{topic}` and `{group}` to be filled in. `None`: a failure ends the member.
    pub dlq: Option<String>,
    /// Whether too many failures end the member. Off only where failures are made on purpose.
    pub breaker: bool,
    /// The memory of events that were done; `None`: every record is handled. Not with exactly once: a lost transaction would
    /// leave marks of what nobody saw.
    pub dedupe: Option<Arc<dyn Idempotency>>,
    pub delivery: Delivery,
    /// For exactly once.
    pub transactional_id: TransactionalId,
    pub commit_interval: Duration,
    /// So many records done are committed before the interval is over.
    pub commit_records: u64,
    /// How long records in hand may take when their partition is given away, or the member stops.
    pub grace: Duration,
    /// Makes the waits between attempts repeatable.
    pub random_seed: Option<u64>,
    /// Told of what happens besides records.
    pub notices: Arc<dyn Notices>,
    /// Further client properties; the user's own come after them.
    pub properties: Vec<(String, String)>,
}

impl RuntimeOptions {
    /// A member of `group` that reads `topics`, everything else as delivery.md has it.
    pub fn new(group: impl Into<String>, topics: Vec<String>) -> Self {
        RuntimeOptions {
            group: group.into(),
            topics,
            filter: Filter::default(),
            count: None,
            idle: None,
            order: Order::Key,
            concurrency: usize::MAX,
            max_retries: 3,
            backoff_base: Duration::from_millis(200),
            backoff_cap: Duration::from_secs(30),
            from_beginning: false,
            dlq: Some(DEFAULT_TEMPLATE.to_owned()),
            breaker: true,
            dedupe: None,
            delivery: Delivery::AtLeastOnce,
            transactional_id: TransactionalId::default(),
            commit_interval: Duration::from_secs(5),
            commit_records: 1000,
            grace: Duration::from_secs(30),
            random_seed: None,
            notices: Arc::new(Unwatched),
            properties: Vec::new(),
        }
    }
}
