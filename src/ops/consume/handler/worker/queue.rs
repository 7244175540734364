//! The records that a worker was asked and has not answered, as the lines it is sent.

use crate::model::dead_letter::Failure;
use crate::ops::consume::handler::Handled;
use std::collections::VecDeque;
use std::time::Instant;
use tokio::sync::oneshot;

/// Who waits for an answer.
pub(super) type Reply = oneshot::Sender<Result<Handled, Failure>>;

/// So much may lie in front of the first line before it is cleared away, if it is also half of all.
const LITTER: usize = 64 * 1024;
/// A buffer that grew beyond this is given back when it is empty.
const KEPT: usize = 1024 * 1024;

/// Lines in a row, without allocating for each: `bytes[front..]` are those of the unanswered, of which those up to
/// `written` were written.
pub(super) struct Queue {
    bytes: Vec<u8>,
    front: usize,
    written: usize,
    unanswered: VecDeque<(usize, Reply)>,
    /// Since when the first of them is the first, or was sent again to another process.
    since: Instant,
    /// Nobody answers any more.
    closed: bool,
}

impl Queue {
    pub(super) fn new() -> Self {
        Queue {
            bytes: Vec::new(),
            front: 0,
            written: 0,
            unanswered: VecDeque::new(),
            since: Instant::now(),
            closed: false,
        }
    }

    /// Adds the line that `encode` appends; whether it is taken.
    pub(super) fn push(&mut self, reply: Reply, encode: impl FnOnce(&mut Vec<u8>)) -> bool {
        if self.closed {
            return false;
        }
        if self.unanswered.is_empty() {
            self.since = Instant::now();
        }
        let before = self.bytes.len();
        encode(&mut self.bytes);
        self.bytes.push(b'\n');
        self.unanswered
            .push_back((self.bytes.len() - before, reply));
        true
    }

    /// Drops all who wait, and takes nobody any more.
    pub(super) fn close(&mut self) {
        *self = Queue::new();
        self.closed = true;
    }

    pub(super) fn unwritten(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    pub(super) fn wrote(&mut self, length: usize) {
        self.written += length;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.unanswered.is_empty()
    }

    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// Whether the process was given any of the first unanswered.
    pub(super) fn is_begun(&self) -> bool {
        self.written > self.front
    }

    /// Takes out the first, if it was written whole: nobody answers what he was not asked.
    pub(super) fn answered(&mut self) -> Option<Reply> {
        let (length, _) = self.unanswered.front()?;
        match self.front + length <= self.written {
            true => self.pop(),
            false => None,
        }
    }

    /// Takes out the first.
    pub(super) fn pop(&mut self) -> Option<Reply> {
        let (length, reply) = self.unanswered.pop_front()?;
        self.front += length;
        self.written = self.written.max(self.front);
        if self.front == self.bytes.len() {
            self.bytes.clear();
            self.bytes.shrink_to(KEPT);
            (self.front, self.written) = (0, 0);
        } else if self.front > LITTER && self.front > self.bytes.len() / 2 {
            self.bytes.drain(..self.front);
            self.written -= self.front;
            self.front = 0;
        }
        Some(reply)
    }

    /// The first has its turn from now on.
    pub(super) fn restart_clock(&mut self, now: Instant) {
        self.since = now;
    }

    /// All that are unanswered are to be written again, to another process.
    pub(super) fn again(&mut self) {
        self.written = self.front;
        self.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(queue: &mut Queue, text: &str) -> oneshot::Receiver<Result<Handled, Failure>> {
        let (reply, answer) = oneshot::channel();
        assert!(queue.push(reply, |bytes| bytes.extend_from_slice(text.as_bytes())));
        answer
    }

    #[test]
    fn what_is_unanswered_is_written_again() {
        let mut queue = Queue::new();
        let answers = ["one", "two", "three"].map(|text| push(&mut queue, text));
        assert_eq!(queue.unwritten(), b"one\ntwo\nthree\n");
        assert!(!queue.is_begun() && queue.answered().is_none());
        queue.wrote(6);
        assert!(queue.answered().is_some());
        assert!(queue.is_begun());
        assert!(queue.answered().is_none(), "`two` was not written whole");
        queue.again();
        assert_eq!(queue.unwritten(), b"two\nthree\n");
        assert!(!queue.is_begun());
        queue.wrote(10);
        assert!(queue.answered().is_some() && queue.answered().is_some());
        assert!(queue.is_empty() && queue.answered().is_none());
        assert_eq!((queue.front, queue.bytes.len()), (0, 0));
        drop(answers);
    }

    #[test]
    fn what_was_answered_takes_no_room() {
        let mut queue = Queue::new();
        let text = "x".repeat(1000);
        let mut answers = VecDeque::new();
        for _ in 0..10_000 {
            answers.push_back(push(&mut queue, &text));
            let unwritten = queue.unwritten().len();
            queue.wrote(unwritten);
            if answers.len() > 8 {
                assert!(queue.answered().is_some());
                answers.pop_front();
            }
        }
        assert_eq!(queue.unanswered.len(), 8);
        assert!(
            queue.bytes.capacity() < 4 * LITTER,
            "{}",
            queue.bytes.capacity()
        );
        queue.wrote(0);
        assert_eq!(
            &queue.bytes[queue.front..queue.front + 1001].last(),
            &Some(&b'\n')
        );
    }

    #[test]
    fn who_waits_when_it_is_closed_is_told() {
        let mut queue = Queue::new();
        let mut answer = push(&mut queue, "one");
        queue.close();
        assert!(answer.try_recv().is_err());
        let (reply, _answer) = oneshot::channel();
        assert!(!queue.push(reply, |_| ()));
    }
}
