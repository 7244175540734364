//! One of the processes, over its lives: what it is asked, and when it is started again.

use super::process::{End, Process};
use super::queue::{Queue, Reply};
use crate::model::dead_letter::Failure;
use crate::model::record::Record;
use crate::model::record_json;
use crate::ops::consume::Notices;
use crate::ops::consume::handler::Handled;
use crate::ops::consume::handler::program::Program;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::sleep;

const SHORTEST_REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_secs(10);

/// `Some` is the order to close, within this time.
pub(super) type Closing = watch::Receiver<Option<Duration>>;

/// What the callers and the task of a process share.
pub(super) struct Lane {
    pub(super) program: Program,
    pub(super) timeout: Duration,
    pub(super) notices: Arc<dyn Notices>,
    /// Something was asked.
    pub(super) wake: Notify,
    queue: Mutex<Queue>,
    /// How many have a place here, asked already or soon.
    load: AtomicUsize,
    resting: AtomicBool,
    /// Places in all lanes.
    room: Arc<Semaphore>,
}

impl Lane {
    pub(super) fn new(
        program: Program,
        timeout: Duration,
        notices: Arc<dyn Notices>,
        room: Arc<Semaphore>,
    ) -> Self {
        Lane {
            program,
            timeout,
            notices,
            wake: Notify::new(),
            queue: Mutex::new(Queue::new()),
            load: AtomicUsize::new(0),
            resting: AtomicBool::new(false),
            room,
        }
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The least of all is asked next: one that has a place, is not about to be started again, and has little to do.
    pub(super) fn order(&self, places: usize) -> (bool, bool, usize) {
        let load = self.load.load(Ordering::Relaxed);
        let resting = self.resting.load(Ordering::Relaxed);
        (load >= places, resting, load)
    }

    /// Takes a place of `places`; whether there was one.
    pub(super) fn reserve(&self, places: usize) -> bool {
        let more = |load| (load < places).then_some(load + 1);
        self.load
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }

    /// Asks in the place that was reserved. `reply` is dropped when nobody answers any more.
    pub(super) fn ask(&self, record: &Record, attempt: u32, reply: Reply) {
        // Found out before the queue is locked: it takes reading the value.
        let event_id = record.event_id();
        let encode = |line: &mut Vec<u8>| {
            record_json::write_attempt(record.into(), attempt, &event_id, line)
        };
        let taken = self.queue().push(reply, encode);
        match taken {
            true => self.wake.notify_one(),
            false => self.vacate(1),
        }
    }

    fn vacate(&self, places: usize) {
        self.load.fetch_sub(places, Ordering::Relaxed);
        self.room.add_permits(places);
    }

    /// Hands the answers to who waits for them, or waits no more.
    pub(super) fn settle(
        &self,
        answers: impl ExactSizeIterator<Item = (Reply, Result<Handled, Failure>)>,
    ) {
        let places = answers.len();
        for (reply, answer) in answers {
            let _ = reply.send(answer);
        }
        self.vacate(places);
    }

    /// Tells the first that waits why the process ended, if it is to `blame`, and lets the others be asked again.
    /// Whether anyone was told.
    fn ended(&self, failure: Failure, blame: bool) -> bool {
        let mut queue = self.queue();
        let first = match blame || queue.is_begun() {
            true => queue.pop(),
            false => None,
        };
        queue.again();
        drop(queue);
        let told = first.is_some();
        self.settle(first.into_iter().map(|reply| (reply, Err(failure.clone()))));
        told
    }

    /// Until a record is asked; `false` when it is time to close.
    async fn asked(&self, closing: &mut Closing) -> bool {
        while self.queue().is_empty() {
            tokio::select! {
                () = self.wake.notified() => {}
                _ = close_ordered(closing) => return false,
            }
        }
        true
    }
}

/// The time that there is to close.
pub(super) async fn close_ordered(closing: &mut Closing) -> Duration {
    // Its only error is that the handler was dropped, and this task with it.
    match closing.wait_for(Option::is_some).await {
        Ok(grace) => grace.unwrap_or_default(),
        Err(_) => Duration::ZERO,
    }
}

/// How often the process ended since it last answered.
#[derive(Default)]
pub(super) struct Ends(u32);

impl Ends {
    pub(super) fn forget(&mut self) {
        self.0 = 0;
    }

    /// How long to wait before the next start.
    fn rest(&mut self) -> Duration {
        let rest = SHORTEST_REST.saturating_mul(1 << self.0.min(16));
        self.0 = self.0.saturating_add(1);
        rest.min(LONGEST_REST)
    }
}

/// Nobody answers when the task is gone, however it went.
struct Closed(Arc<Lane>);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.queue().close();
    }
}

/// Starts the process when it is needed, and again when it has ended, until it is time to close.
pub(super) async fn run(lane: Arc<Lane>, mut closing: Closing) {
    let _closed = Closed(Arc::clone(&lane));
    let mut ends = Ends::default();
    // Whether the last process ended before it was given anything of the first record.
    let mut fruitless = false;
    while lane.asked(&mut closing).await {
        lane.queue().again();
        let end = match Process::start(&lane.program, Arc::clone(&lane.notices)) {
            Ok(process) => process.serve(&lane, &mut closing, &mut ends).await,
            Err(failure) => End::Failed {
                failure,
                blame: true,
            },
        };
        let End::Failed { failure, blame } = end else {
            return;
        };
        let name = lane.program.name();
        let idle = lane.queue().is_empty();
        if idle && !failure.is_death {
            lane.notices.warn(&format!("worker `{name}`: {failure}"));
        }
        let told = lane.ended(failure.clone(), blame || fruitless);
        fruitless = !told && !idle;
        if idle {
            tracing::info!(worker = name, %failure, "ended with nothing to do");
            continue;
        }
        let first = ends.0 == 0;
        let rest = ends.rest();
        tracing::info!(worker = name, %failure, ?rest, "is started again");
        if first {
            let text = format!("worker `{name}` is started again: {failure}");
            lane.notices.warn(&text);
        }
        lane.resting.store(true, Ordering::Relaxed);
        tokio::select! {
            () = sleep(rest) => {}
            _ = close_ordered(&mut closing) => return,
        }
        lane.resting.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_doubles_until_it_answers_again() {
        let mut ends = Ends::default();
        let rests: Vec<u128> = (0..9).map(|_| ends.rest().as_millis()).collect();
        let expected = [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000];
        assert_eq!(rests, expected);
        ends.forget();
        assert_eq!(ends.rest(), SHORTEST_REST);
        ends.0 = u32::MAX;
        assert_eq!(ends.rest(), LONGEST_REST);
    }
}
