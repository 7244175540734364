//! The consumer runtime: members of groups that handle each record, with retries, dead letters and idempotency.
//!
//! A member is one thread, which owns the Kafka consumer and polls it, and one task for each partition it was given.
//! A task handles one record at a time, in order: read → seen before? skip → handle, with retries → done. Polling goes
//! on meanwhile, so a slow handler never costs the membership; a partition whose queue is full is paused.
//!
//! # Guarantees
//!
//! - **Order.** Records of one partition are handled one after the other, in the order of their offsets. One that is
//!   tried again holds up its partition and no other.
//! - **At least once** ([`Delivery::AtLeastOnce`]). An offset is committed only when its record, and every earlier one of
//!   the partition, was handled, recognised as a duplicate, or is a dead letter that Kafka acknowledged. Commits happen
//!   every interval or number of records, before partitions are given away, and at the end. After a crash, what was done
//!   since the last commit is handed out again, to whoever then reads the partition.
//! - **At most once** ([`Delivery::AtMostOnce`]). An offset is committed before its record is handed to the handler. There
//!   are no retries: what fails is a dead letter at once. When partitions are given away in order, what was fetched and
//!   not begun is committed back, so that nothing is skipped; a crash loses what was fetched, at most
//!   [`AT_MOST_ONCE_BATCH`] records.
//! - **Failure.** A transient failure is tried again up to [`RuntimeOptions::max_retries`] times; then, and at once if it is
//!   permanent or poison, the record becomes a dead letter. While the dead letter is not acknowledged the record is not done.
//!   When it cannot be written, or there is to be none, the member ends with an error and the record stays uncommitted.
//! - **Breaker.** When more than half of the last 100 records would be dead letters, the member ends with an error instead,
//!   the record uncommitted: what is broken is then the handler, or something behind it. It ends rather than pauses,
//!   because a paused member keeps its partitions and looks alive.
//! - **Idempotency** ([`Dedupe`]). Within a memory, an event that was done is not handled again. One that became a dead
//!   letter is, so that a replay is not passed over.
//! - **Giving away.** When partitions are revoked, a record in hand is finished, for no longer than
//!   [`RuntimeOptions::grace`]; one that waits to be tried again is left to the next owner. After that time its handler is
//!   dropped, and the record stays uncommitted.

mod assignment;
mod breaker;
mod dedupe;
mod figures;
pub mod handler;
mod member;
mod notices;
mod partition;
mod polling;
pub mod print;
mod retry;
mod shared;
#[cfg(test)]
mod tests;

pub use dedupe::{CAPACITY, Claim, Dedupe, Memory};
pub use figures::Figures;
pub use handler::{Handled, Handler, Handling};
pub use member::{Member, start};
pub use notices::{Notices, Unwatched};
pub use polling::AT_MOST_ONCE_BATCH;
pub use retry::Backoff;

use crate::model::dead_letter::DEFAULT_TEMPLATE;
use std::time::Duration;

/// When an offset is committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Before the record is handled: it may be lost, and is never handled twice.
    AtMostOnce,
    /// After it was handled: it may be handled twice, and is never lost.
    #[default]
    AtLeastOnce,
}

/// What a member is to be.
#[derive(Clone, Debug)]
pub struct RuntimeOptions {
    pub group: String,
    /// A name that starts with `^` is a pattern; topics that appear later and match are read too.
    pub topics: Vec<String>,
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
    pub dedupe: Dedupe,
    pub delivery: Delivery,
    pub commit_interval: Duration,
    /// So many records done are committed before the interval is over.
    pub commit_records: u64,
    /// How long a record in hand may take when its partition is given away, or the member stops.
    pub grace: Duration,
    /// Makes the waits between attempts repeatable.
    pub random_seed: Option<u64>,
    /// Further client properties; the user's own come after them.
    pub properties: Vec<(String, String)>,
}

impl RuntimeOptions {
    /// A member of `group` that reads `topics`, everything else as delivery.md has it.
    pub fn new(group: impl Into<String>, topics: Vec<String>) -> Self {
        RuntimeOptions {
            group: group.into(),
            topics,
            max_retries: 3,
            backoff_base: Duration::from_millis(200),
            backoff_cap: Duration::from_secs(30),
            from_beginning: false,
            dlq: Some(DEFAULT_TEMPLATE.to_owned()),
            breaker: true,
            dedupe: Dedupe::None,
            delivery: Delivery::AtLeastOnce,
            commit_interval: Duration::from_secs(5),
            commit_records: 1000,
            grace: Duration::from_secs(30),
            random_seed: None,
            properties: Vec::new(),
        }
    }
}
