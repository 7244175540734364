//! Which events were done before: at-least-once delivery hands some out twice.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// How many events a memory keeps unless told otherwise: of ids of 36 characters about 15 MiB.
pub const CAPACITY: usize = 100_000;

/// How a member recognises an event it has done before, by [`Record::event_id`](crate::model::record::Record::event_id).
#[derive(Clone, Debug, Default)]
pub enum Dedupe {
    /// Not at all: every record is handled.
    #[default]
    None,
    /// In this memory. Share one between the members of a group within a process, and between them only: what one
    /// group did another has still to do. It ends with the process.
    Memory(Arc<Memory>),
}

impl Dedupe {
    /// A memory of the usual size.
    pub fn memory() -> Self {
        Dedupe::Memory(Arc::new(Memory::new(CAPACITY)))
    }
}

/// The events that were done last, and those in hand.
///
/// An event is claimed before it is handled, and done afterwards. A claim that is dropped is released: an event that
/// failed, or went to a dead-letter topic, is handled when it comes again. Beyond its capacity the memory forgets what
/// was done first; claims are never forgotten, and there are no more of them than partitions being read.
#[derive(Debug)]
pub struct Memory {
    capacity: usize,
    events: Mutex<Events>,
    released: Notify,
}

#[derive(Debug, Default)]
struct Events {
    /// Whether it is done, or only in hand.
    done: HashMap<Arc<str>, bool>,
    /// Those done, the first first.
    order: VecDeque<Arc<str>>,
}

impl Memory {
    /// A memory of this many events.
    pub fn new(capacity: usize) -> Self {
        Memory {
            capacity,
            events: Mutex::default(),
            released: Notify::new(),
        }
    }

    /// The right to handle the event, or `None` when it is done. While somebody else has it in hand, waits for the
    /// outcome. Safe to drop while waiting.
    pub async fn claim(self: &Arc<Self>, event: &str) -> Option<Claim> {
        loop {
            let released = self.released.notified();
            tokio::pin!(released);
            // Registered before the look, or a release between look and wait would be missed.
            released.as_mut().enable();
            match self.try_claim(event) {
                Attempt::Claimed(claim) => return Some(claim),
                Attempt::Done => return None,
                Attempt::InHand => released.await,
            }
        }
    }

    fn try_claim(self: &Arc<Self>, event: &str) -> Attempt {
        let mut events = self.events();
        match events.done.get(event) {
            Some(true) => Attempt::Done,
            Some(false) => Attempt::InHand,
            None => {
                let event: Arc<str> = event.into();
                events.done.insert(Arc::clone(&event), false);
                Attempt::Claimed(Claim {
                    memory: Arc::clone(self),
                    event,
                })
            }
        }
    }

    fn events(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Attempt {
    Claimed(Claim),
    Done,
    InHand,
}

/// The right to handle one event.
#[derive(Debug)]
pub struct Claim {
    memory: Arc<Memory>,
    event: Arc<str>,
}

impl Claim {
    /// The event is done, and will not be handed out again.
    pub fn done(self) {
        let mut events = self.memory.events();
        events.done.insert(Arc::clone(&self.event), true);
        events.order.push_back(Arc::clone(&self.event));
        while events.order.len() > self.memory.capacity {
            if let Some(oldest) = events.order.pop_front() {
                events.done.remove(&oldest);
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut events = self.memory.events();
        if events.done.get(&self.event) == Some(&false) {
            events.done.remove(&self.event);
        }
        drop(events);
        self.memory.released.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed(memory: &Arc<Memory>, event: &str) -> Option<Claim> {
        match memory.try_claim(event) {
            Attempt::Claimed(claim) => Some(claim),
            Attempt::Done => None,
            Attempt::InHand => panic!("{event} is in hand"),
        }
    }

    #[test]
    fn what_is_done_stays_done_and_what_failed_is_free_again() {
        let memory = Arc::new(Memory::new(10));
        drop(claimed(&memory, "a"));
        claimed(&memory, "a").unwrap().done();
        assert!(claimed(&memory, "a").is_none());
    }

    #[test]
    fn the_first_done_is_forgotten_first() {
        let memory = Arc::new(Memory::new(2));
        for event in ["a", "b", "c"] {
            claimed(&memory, event).unwrap().done();
        }
        assert!(claimed(&memory, "b").is_none());
        assert!(claimed(&memory, "c").is_none());
        assert!(claimed(&memory, "a").is_some());
        assert_eq!(memory.events().done.len(), 2);
    }

    #[tokio::test]
    async fn who_comes_second_waits_for_the_outcome() {
        let memory = Arc::new(Memory::new(10));
        for (done, second) in [(false, true), (true, false)] {
            let first = memory.claim("a").await.unwrap();
            let (claim, ()) = tokio::join!(memory.claim("a"), async {
                tokio::task::yield_now().await;
                match done {
                    true => first.done(),
                    false => drop(first),
                }
            });
            assert_eq!(claim.is_some(), second);
        }
    }

    #[test]
    fn a_memory_without_room_still_claims() {
        let memory = Arc::new(Memory::new(0));
        claimed(&memory, "a").unwrap().done();
        claimed(&memory, "a").unwrap().done();
        assert!(memory.events().done.is_empty());
    }
}
