//! Waiting for somebody who does not answer: told once when it lasts, and once when it is over.

use super::{Told, Watch};
use crate::ops::consume::Backoff;
use std::time::{Duration, Instant};

/// Who waits longer than this is told so.
const LONG: Duration = Duration::from_secs(1);

/// How long to wait before asking again.
const BASE: Duration = Duration::from_millis(100);
const CAP: Duration = Duration::from_secs(2);

/// The wait for one of those that a relay needs.
#[derive(Debug)]
pub(super) struct Waiting {
    /// `Kafka`, `the database`.
    who: &'static str,
    since: Option<Instant>,
    attempts: u32,
    is_told: bool,
    backoff: Backoff,
}

impl Waiting {
    pub(super) fn new(who: &'static str) -> Self {
        Waiting {
            who,
            since: None,
            attempts: 0,
            is_told: false,
            backoff: Backoff::new(BASE, CAP, fastrand::Rng::new()),
        }
    }

    /// No answer again, for this reason. How long to wait before asking again.
    pub(super) fn goes_on(&mut self, reason: &str, watch: Watch<'_>) -> Duration {
        tracing::warn!("{} does not answer: {reason}", self.who);
        let since = *self.since.get_or_insert_with(Instant::now);
        self.attempts = self.attempts.saturating_add(1);
        if since.elapsed() >= LONG && !self.is_told {
            self.is_told = true;
            let text = format!("waiting for {}: {reason}", self.who);
            watch(Told::Warning(&text));
        }
        // Never nothing: a port that refuses does so at once.
        BASE / 2 + self.backoff.after(self.attempts)
    }

    /// How long it has lasted.
    pub(super) fn lasts(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    pub(super) fn is_over(&mut self, watch: Watch<'_>) {
        if self.is_told {
            let text = format!("{} answers again: going on", self.who);
            watch(Told::Warning(&text));
        }
        (self.since, self.attempts, self.is_told) = (None, 0, false);
    }
}
