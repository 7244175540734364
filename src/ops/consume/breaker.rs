//! The failure breaker: when nearly everything fails, the fault is not in the records.

use std::sync::{Mutex, PoisonError};

/// How many of the last records are remembered.
const WINDOW: u32 = 100;

/// More than this many of them dead is too many.
const LIMIT: u32 = WINDOW / 2;

const MASK: u128 = (1 << WINDOW) - 1;

/// Remembers which of the last 100 records of a member died. Fewer than 100 are judged as if the others had lived,
/// so that it takes 51 deaths at least.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<u128>);

impl Breaker {
    /// A record was handled.
    pub(super) fn lived(&self) {
        self.note(0);
    }

    /// A record is about to be dead-lettered; `false` when that would be one too many. It then counts all the same,
    /// so that the answer stays no.
    pub(super) fn may_die(&self) -> bool {
        self.note(1) <= LIMIT
    }

    fn note(&self, dead: u128) -> u32 {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *window = (*window << 1 | dead) & MASK;
        window.count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_of_a_hundred_may_die_and_no_more() {
        let breaker = Breaker::default();
        assert!((0..50).all(|_| breaker.may_die()));
        assert!(!breaker.may_die());
    }

    #[test]
    fn half_of_them_may_die_for_ever() {
        let breaker = Breaker::default();
        for _ in 0..1000 {
            breaker.lived();
            assert!(breaker.may_die());
        }
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let breaker = Breaker::default();
        assert!((0..50).all(|_| breaker.may_die()));
        (0..100).for_each(|_| breaker.lived());
        assert!((0..50).all(|_| breaker.may_die()));
    }
}
