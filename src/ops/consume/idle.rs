//! The clock of `--idle`.

use crate::error::Error;
use std::time::{Duration, Instant};

/// How long nothing came. Joining a group takes its time, in which nothing can come: the clock starts afterwards.
pub(in crate::ops::consume) struct Idle {
    limit: Duration,
    /// How long joining may take.
    joining: Duration,
    opened: Instant,
    since: Option<Instant>,
}

impl Idle {
    pub(in crate::ops::consume) fn new(limit: Duration, joining: Duration) -> Self {
        Idle {
            limit,
            joining,
            opened: Instant::now(),
            since: None,
        }
    }

    pub(in crate::ops::consume) fn record(&mut self, now: Instant) {
        self.since = Some(now);
    }

    /// `joined`: whether records can come, from partitions of our own or those the group gave us.
    pub(in crate::ops::consume) fn is_over(&mut self, joined: bool, now: Instant) -> bool {
        if joined && self.since.is_none() {
            self.since = Some(now);
        }
        match self.since {
            Some(since) => now.duration_since(since) >= self.limit,
            None => now.duration_since(self.opened) >= self.joining.saturating_add(self.limit),
        }
    }
}

/// Nothing came because the group gave this member no partition.
pub(in crate::ops::consume) fn unassigned() -> Error {
    Error::failed("no partition was assigned to this member of the group").hint(
        "other members hold them, and `eda group describe` shows those; one that died does until its session is over, \
         45 s after its last sign of life unless it set `session.timeout.ms`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_is_not_idleness_but_has_an_end() {
        let seconds = Duration::from_secs;
        let mut idle = Idle::new(seconds(2), seconds(10));
        let start = idle.opened;
        assert!(!idle.is_over(false, start + seconds(3)));
        assert!(!idle.is_over(true, start + seconds(4)));
        assert!(!idle.is_over(true, start + seconds(5)));
        idle.record(start + seconds(5));
        assert!(!idle.is_over(true, start + seconds(6)));
        assert!(idle.is_over(true, start + seconds(7)));
        let mut never = Idle::new(seconds(2), seconds(10));
        assert!(!never.is_over(false, never.opened + seconds(11)));
        assert!(never.is_over(false, never.opened + seconds(12)));
    }
}
