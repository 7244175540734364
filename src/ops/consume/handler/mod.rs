//! What is done with each record: the border between the runtime and whoever handles.
//!
//! Whoever handles may be code of ours, or the user's: a process a record ([`Exec`]), or processes that live
//! on and are asked a record a line ([`Worker`]), or a server that is posted each record ([`Http`]).

mod exec;
mod http;
mod live;
mod program;
mod said;
mod verdict;
mod worker;

#[cfg(test)]
mod tests;

pub use exec::{Exec, ExecOptions};
pub use http::{Http, HttpOptions};
pub use live::kill_all;
pub(in crate::ops) use live::spawn as start;
pub use program::Environment;
pub(in crate::ops) use program::{Group, LAST_WORDS, LONGEST_TIMEOUT, Program, ending};
pub(in crate::ops) use said::Tail;
pub use worker::{Worker, WorkerOptions};

use crate::model::dead_letter::Failure;
use crate::model::record::{OutgoingRecord, Record};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// What a handler answers with.
pub type Handling<'a> = Pin<Box<dyn Future<Output = Result<Handled, Failure>> + Send + 'a>>;

/// The end of a handler.
pub type Closing<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// What came of a record that was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handled {
    /// Records to produce before the record counts as done: exactly once in its transaction, else acknowledged. Their
    /// topics may be missing; the runtime finds out.
    pub produce: Vec<OutgoingRecord>,
}

/// Does what is to be done with each record.
pub trait Handler: Send + Sync + 'static {
    /// Handles one record; `attempt` is 1 the first time. What it produces by itself is acknowledged before it answers
    /// `Ok`.
    ///
    /// The future may be dropped at any of its waits, when the partition had to be given away and the grace is over;
    /// whatever it started must then end by itself, at once. It must answer within the handler's own time-out. Calls for
    /// records of different keys run at the same time, no more of them than
    /// [`RuntimeOptions::concurrency`](super::RuntimeOptions::concurrency).
    fn handle<'a>(&'a self, record: &'a Record, attempt: u32) -> Handling<'a>;

    /// No record comes any more: ends what the handler holds (a process, connections), within `grace`.
    fn close(&self, grace: Duration) -> Closing<'_> {
        let _ = grace;
        Box::pin(std::future::ready(()))
    }
}
