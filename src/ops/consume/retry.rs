//! When to try again: exponential backoff with full jitter.

use fastrand::Rng;
use std::time::Duration;

/// Waits of `rand(0, min(cap, base·2^n))`: after the first failure n is 0. Full jitter, so that what failed
/// together does not come back together (Brooker, "Exponential Backoff and Jitter", AWS 2015).
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    random: Rng,
}

impl Backoff {
    /// Waits of at most `base`, doubling with each failure, never longer than `cap`.
    pub fn new(base: Duration, cap: Duration, random: Rng) -> Self {
        Backoff { base, cap, random }
    }

    /// How long to wait after the attempt of this number, from 1, failed.
    pub fn after(&mut self, attempt: u32) -> Duration {
        let longest = nanoseconds(self.longest(attempt));
        Duration::from_nanos(self.random.u64(0..=longest))
    }

    fn longest(&self, attempt: u32) -> Duration {
        let factor = 2u32.checked_pow(attempt.saturating_sub(1));
        factor
            .and_then(|factor| self.base.checked_mul(factor))
            .map_or(self.cap, |wait| wait.min(self.cap))
    }
}

/// As many as fit: 584 years.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_millis(200);
    const CAP: Duration = Duration::from_secs(30);

    #[test]
    fn the_longest_wait_doubles_up_to_the_cap() {
        let backoff = Backoff::new(BASE, CAP, Rng::with_seed(1));
        let longest = [1, 2, 3, 8, 9, 33, u32::MAX].map(|attempt| backoff.longest(attempt));
        let expected = [200, 400, 800, 25_600, 30_000, 30_000, 30_000].map(Duration::from_millis);
        assert_eq!(longest, expected);
    }

    #[test]
    fn every_wait_is_between_nothing_and_the_longest_and_uses_the_whole_range() {
        let mut backoff = Backoff::new(BASE, CAP, Rng::with_seed(7));
        let waits: Vec<Duration> = (0..1000).map(|_| backoff.after(3)).collect();
        assert!(waits.iter().all(|wait| *wait <= 4 * BASE));
        assert!(waits.iter().any(|wait| *wait < BASE / 2));
        assert!(waits.iter().any(|wait| *wait > 3 * BASE));
    }

    #[test]
    fn no_base_is_no_wait() {
        let mut backoff = Backoff::new(Duration::ZERO, CAP, Rng::with_seed(7));
        assert_eq!(backoff.after(5), Duration::ZERO);
    }
}
