//! A memory that ends with the process.

use super::{Claimed, Idempotency, Outage, Pending, Token};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many events a memory keeps unless told otherwise: of ids of 36 characters about 15 MiB.
pub const CAPACITY: usize = 100_000;

/// How soon somebody else's claim is worth another look. There is no lease: owners give their claims back, for they live
/// in the same process.
const ANOTHER_LOOK: Duration = Duration::from_millis(5);

/// The events that were done last, and those in hand. Share one between the members of a group within a process, and
/// between them only: what one group did another has still to do.
///
/// Beyond its capacity it forgets what was done first; claims are never forgotten, and there are no more of them than
/// records in hand.
pub struct Memory {
    capacity: usize,
    events: Mutex<Events>,
}

#[derive(Default)]
struct Events {
    known: HashMap<Arc<str>, State>,
    /// Those done, the first first.
    order: VecDeque<Arc<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    InHand(Token),
    Done,
}

impl Default for Memory {
    /// A memory of the usual size.
    fn default() -> Self {
        Memory::new(CAPACITY)
    }
}

impl Memory {
    /// A memory of this many events.
    pub fn new(capacity: usize) -> Self {
        Memory {
            capacity,
            events: Mutex::default(),
        }
    }

    fn try_claim(&self, event: &str) -> Claimed {
        let mut events = self.events();
        match events.known.get(event) {
            Some(State::Done) => Claimed::Done,
            Some(State::InHand(_)) => Claimed::InHand(ANOTHER_LOOK),
            None => {
                let token = Token::random();
                events.known.insert(event.into(), State::InHand(token));
                Claimed::Ours(token)
            }
        }
    }

    fn mark_done(&self, event: &str, token: Token) -> bool {
        let mut events = self.events();
        match events.known.get(event) {
            Some(State::Done) => return true,
            Some(State::InHand(owner)) if *owner == token => {}
            _ => return false,
        }
        let event: Arc<str> = event.into();
        events.known.insert(Arc::clone(&event), State::Done);
        events.order.push_back(event);
        while events.order.len() > self.capacity {
            if let Some(oldest) = events.order.pop_front() {
                events.known.remove(&oldest);
            }
        }
        true
    }

    fn give_back(&self, event: &str, token: Token) {
        let mut events = self.events();
        if events.known.get(event) == Some(&State::InHand(token)) {
            events.known.remove(event);
        }
    }

    fn holds(&self, event: &str, token: Token) -> bool {
        self.events().known.get(event) == Some(&State::InHand(token))
    }

    fn events(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer that is there.
fn ready<'a, T: Send + 'a>(answer: T) -> Pending<'a, T> {
    Box::pin(std::future::ready(Ok::<T, Outage>(answer)))
}

impl fmt::Debug for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Memory({} events)", self.events().known.len())
    }
}

impl Idempotency for Memory {
    fn claim<'a>(&'a self, event: &'a str) -> Pending<'a, Claimed> {
        ready(self.try_claim(event))
    }

    fn renew<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, bool> {
        ready(self.holds(event, *token))
    }

    fn done<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, bool> {
        ready(self.mark_done(event, *token))
    }

    fn release<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, ()> {
        self.give_back(event, *token);
        ready(())
    }

    fn forget_expired(&self) -> Pending<'_, bool> {
        ready(false)
    }

    fn lease(&self) -> Duration {
        Duration::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed(memory: &Memory, event: &str) -> Option<Token> {
        match memory.try_claim(event) {
            Claimed::Ours(token) => Some(token),
            Claimed::Done => None,
            Claimed::InHand(_) => panic!("{event} is in hand"),
        }
    }

    fn do_it(memory: &Memory, event: &str) {
        let token = claimed(memory, event).unwrap();
        assert!(memory.mark_done(event, token));
    }

    #[test]
    fn the_first_done_is_forgotten_first() {
        let memory = Memory::new(2);
        for event in ["a", "b", "c"] {
            do_it(&memory, event);
        }
        assert!(claimed(&memory, "b").is_none());
        assert!(claimed(&memory, "c").is_none());
        assert!(claimed(&memory, "a").is_some());
        assert_eq!(memory.events().known.len(), 3);
    }

    #[test]
    fn a_memory_without_room_still_claims() {
        let memory = Memory::new(0);
        do_it(&memory, "a");
        do_it(&memory, "a");
        assert!(memory.events().known.is_empty());
    }
}
