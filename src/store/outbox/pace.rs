//! Work whose cost nobody knows beforehand, done for a tenth of the time at most.

use std::time::{Duration, Instant};

/// What takes no longer than this is not worth saving.
pub const QUICK: Duration = Duration::from_millis(20);

/// When it was done last, and how long that took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace(Option<(Instant, Duration)>);

impl Pace {
    /// Whether it may be done again: when it was this quick, or long ago.
    pub fn is_due(self, quick: Duration) -> bool {
        self.0
            .is_none_or(|(ended, took)| took < quick || ended.elapsed() > took * 10)
    }

    /// It was done, from this moment until now.
    pub fn done_since(began: Instant) -> Self {
        Pace(Some((Instant::now(), began.elapsed())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_quick_is_due_at_once_and_what_was_slow_is_not() {
        assert!(Pace::default().is_due(QUICK));
        assert!(Pace::done_since(Instant::now()).is_due(QUICK));
        let slow = Pace(Some((Instant::now(), Duration::from_secs(3600))));
        assert!(!slow.is_due(QUICK));
    }
}
