//! From the thread that reads to the one that sends: a queue whose bytes are bounded, whatever its items weigh.

use crate::error::Result;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What may wait. A single chunk may be larger, and then waits alone.
const BYTES: usize = 16 * 1024 * 1024;

/// Chunks of `T`, and how it ended.
pub(super) struct Pipe<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    chunks: VecDeque<(Vec<T>, usize)>,
    bytes: usize,
    end: Option<Result<()>>,
    /// Nobody takes any more.
    is_closed: bool,
}

/// What was to be had.
#[derive(Debug)]
pub(super) enum Taken<T> {
    Chunk(Vec<T>),
    /// Not in time.
    Nothing,
    /// Nothing comes any more.
    End(Result<()>),
}

impl<T> Pipe<T> {
    pub(super) fn new() -> Self {
        Pipe {
            state: Mutex::new(State {
                chunks: VecDeque::new(),
                bytes: 0,
                end: None,
                is_closed: false,
            }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room. Whether anybody still takes.
    pub(super) fn give(&self, chunk: Vec<T>, bytes: usize) -> bool {
        let is_full = |state: &mut State<T>| {
            !state.is_closed && state.bytes > 0 && state.bytes + bytes > BYTES
        };
        let state = self.changed.wait_while(self.lock(), is_full);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.chunks.push_back((chunk, bytes));
        state.bytes += bytes;
        self.changed.notify_all();
        !state.is_closed
    }

    /// Nothing comes any more, for this reason.
    pub(super) fn end(&self, reason: Result<()>) {
        self.lock().end = Some(reason);
        self.changed.notify_all();
    }

    /// Nobody takes any more.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Waits no longer than `timeout`.
    pub(super) fn take(&self, timeout: Duration) -> Taken<T> {
        let is_empty = |state: &mut State<T>| state.chunks.is_empty() && state.end.is_none();
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), timeout, is_empty);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match state.chunks.pop_front() {
            Some((chunk, bytes)) => {
                state.bytes -= bytes;
                self.changed.notify_all();
                Taken::Chunk(chunk)
            }
            None => state.end.take().map_or(Taken::Nothing, Taken::End),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn what_waits_is_bounded_and_comes_in_order() {
        let pipe = Pipe::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..100 {
                    // Each of them alone is too much.
                    assert!(pipe.give(vec![number], BYTES + 1));
                }
                pipe.end(Err(Error::failed("the source")));
            });
            for expected in 0..100 {
                match pipe.take(Duration::from_secs(10)) {
                    Taken::Chunk(chunk) => assert_eq!(chunk, [expected]),
                    other => panic!("{other:?}"),
                }
                assert!(pipe.lock().chunks.len() <= 1);
            }
            match pipe.take(Duration::from_secs(10)) {
                Taken::End(Err(error)) => assert_eq!(error.message(), "the source"),
                other => panic!("{other:?}"),
            }
        });
    }

    #[test]
    fn whoever_gives_is_told_that_nobody_takes() {
        let pipe = Pipe::new();
        assert!(pipe.give(vec![1], BYTES));
        assert!(matches!(pipe.take(Duration::ZERO), Taken::Chunk(_)));
        assert!(matches!(pipe.take(Duration::ZERO), Taken::Nothing));
        pipe.close();
        assert!(
            !pipe.give(vec![2], BYTES) && !pipe.give(vec![3], BYTES),
            "without waiting"
        );
    }
}
