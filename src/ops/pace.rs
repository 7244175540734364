//! Records at a rate.

use crate::ops::stop::Stop;
use std::time::{Duration, Instant};

/// How much of a rate may be made up for at once: enough for the jitter of a busy machine.
const BURST: Duration = Duration::from_millis(100);

/// Keeps a rate without drifting: each record has its moment, however long the one before took.
pub(in crate::ops) struct Pace {
    every: Duration,
    next: Instant,
}

impl Pace {
    /// So many records a second, from now on.
    pub(in crate::ops) fn new(rate: f64) -> Self {
        Pace {
            every: Duration::from_secs_f64(1.0 / rate),
            next: Instant::now(),
        }
    }

    /// How long it is until the next record's moment.
    pub(in crate::ops) fn left(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Waits for the next record's moment; false when asked to stop meanwhile.
    pub(in crate::ops) fn wait(&mut self, stop: &Stop) -> bool {
        loop {
            let now = Instant::now();
            if stop.requested().is_some() {
                return false;
            }
            if now >= self.next {
                // What a pause of the source left unused is not caught up with beyond a moment's worth, or the rate
                // would be no limit.
                self.next = (self.next + self.every).max(now.checked_sub(BURST).unwrap_or(now));
                return true;
            }
            std::thread::sleep((self.next - now).min(Duration::from_millis(50)));
        }
    }
}
