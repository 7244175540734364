//! Long-lived processes that are asked a record a line, and answer a line.
//!
//! # What a worker is asked
//!
//! One line of JSON a record on its standard input, as `eda consume --json` prints it ([`record_json`](crate::model::record_json)),
//! with two keys more: `attempt`, from 1, and `eventId`. More lines come before it has answered, up to
//! [`WorkerOptions::in_flight`].
//!
//! # What it answers
//!
//! One line of JSON a record on its standard output, in the order it was asked, flushed:
//!
//! - `{"ok":true}`: done;
//! - `{"ok":true,"produce":[{"topic":"…","key":…,"value":…,"headers":[…]},…]}`: done when these are produced;
//! - `{"error":"…"}`: failed; with `"permanent":true` for ever, else to be tried again, with `"retryAfter":5` (seconds) or
//!   `"retryAfter":"5m"` not before that.
//!
//! A line has 4 MiB at most; empty ones are passed over. Standard error is shown. A program that waits for more than a line
//! before it begins (mawk without `-W interactive`), or keeps its answers back until there are many, is late in the end.
//!
//! # When something is wrong
//!
//! Only the first record without an answer pays for it; the others are asked again, and no attempt is counted for them.
//!
//! - The process ends, or closes its output: a death of that record.
//! - It does not answer within [`WorkerOptions::timeout`], counted from when the record was the first: it is ended, and the
//!   record has failed by a timeout.
//! - It writes what is no answer, or answers what it was not asked: it is ended, for nobody knows any more which answer
//!   belongs to which record. The record has failed with `invalid answer`. Two answers for one record are noticed only
//!   when there is no other to take the second for its own.
//!
//! Then it is started again, after 100 ms, and twice that each time up to 10 s until it answers. A process that ends with
//! nothing to do is started again by the next record.

mod answer;
mod complaints;
mod lane;
mod process;
mod queue;

#[cfg(test)]
mod tests;

use super::program::{Environment, LONGEST_TIMEOUT, Program};
use super::{Closing, Handled, Handler, Handling};
use crate::error::{Error, Result};
use crate::model::dead_letter::Failure;
use crate::model::record::Record;
use crate::ops::consume::Notices;
use lane::Lane;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinHandle;

/// What [`Worker`] is to start.
#[derive(Debug)]
pub struct WorkerOptions {
    /// The program and its arguments, split already: no shell is asked.
    pub argv: Vec<String>,
    /// What it inherits, `PATH` among it, where it is looked for.
    pub environment: Environment,
    /// How many processes there are, at least 1. Each is started when it is first needed.
    pub processes: usize,
    /// How many records each may be asked before it answers the first, at least 1.
    pub in_flight: usize,
    /// How long the answer to the first record that waits for one may take.
    pub timeout: Duration,
    pub notices: Arc<dyn Notices>,
}

/// Has long-lived processes handle the records.
pub struct Worker {
    lanes: Vec<Arc<Lane>>,
    in_flight: usize,
    /// A permit a place in any lane.
    room: Arc<Semaphore>,
    closing: watch::Sender<Option<Duration>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Worker {
    /// Finds the program; it is started by the first record. To be called within a tokio runtime.
    ///
    /// # Errors
    /// Usage: there is no such program, or it may not be run; no processes, or none in flight.
    pub fn new(options: WorkerOptions) -> Result<Self> {
        let program = Program::find(options.argv, options.environment)?;
        let places = options.processes.checked_mul(options.in_flight);
        let places = places.filter(|places| (1..=Semaphore::MAX_PERMITS).contains(places));
        let places = places.ok_or_else(|| {
            Error::usage("a worker needs at least one process, and one record in flight")
        })?;
        let room = Arc::new(Semaphore::new(places));
        let (closing, closed) = watch::channel(None);
        let lane = |_| {
            let notices = Arc::clone(&options.notices);
            let room = Arc::clone(&room);
            Arc::new(Lane::new(
                program.clone(),
                options.timeout.min(LONGEST_TIMEOUT),
                notices,
                room,
            ))
        };
        let lanes: Vec<Arc<Lane>> = (0..options.processes).map(lane).collect();
        let run = |lane: &Arc<Lane>| tokio::spawn(lane::run(Arc::clone(lane), closed.clone()));
        Ok(Worker {
            tasks: Mutex::new(lanes.iter().map(run).collect()),
            lanes,
            in_flight: options.in_flight,
            room,
            closing,
        })
    }

    async fn ask(&self, record: &Record, attempt: u32) -> Result<Handled, Failure> {
        let closed = || Failure::transient("closed", "the worker is not asked any more");
        let permit = self.room.acquire().await.map_err(|_| closed())?;
        let lane = self.reserve();
        // The place is free when the answer has come, also if nobody waits for it then.
        permit.forget();
        let (reply, answer) = oneshot::channel();
        lane.ask(record, attempt, reply);
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// A place in the lane that has the most room.
    fn reserve(&self) -> &Lane {
        let order = |lane: &&Arc<Lane>| lane.order(self.in_flight);
        loop {
            // With the permit there is a place somewhere, and if somebody is quicker, another.
            if let Some(lane) = self.lanes.iter().min_by_key(order)
                && lane.reserve(self.in_flight)
            {
                return lane;
            }
        }
    }

    fn tasks(&self) -> Vec<JoinHandle<()>> {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *tasks)
    }
}

impl Handler for Worker {
    fn handle<'a>(&'a self, record: &'a Record, attempt: u32) -> Handling<'a> {
        Box::pin(self.ask(record, attempt))
    }

    fn close(&self, grace: Duration) -> Closing<'_> {
        Box::pin(async move {
            self.closing.send_replace(Some(grace));
            for task in self.tasks() {
                // It ends by itself, also if nobody waits for it.
                let _ = task.await;
            }
        })
    }
}

impl Drop for Worker {
    /// The processes end with their tasks.
    fn drop(&mut self) {
        for task in self.tasks() {
            task.abort();
        }
    }
}
