//! Topics that do not exist: their events wait for them, as they wait for brokers that do not answer.

use super::{Told, Watch};
use crate::error::Error;
use crate::model::topic::TopicName;
use crate::ops::consume::Backoff;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// So many at once are told of.
const TOLD: usize = 100;

/// One run alone tries each once. What it has put off for this long it makes due when it ends; whoever kills it keeps
/// others waiting for no longer.
const ONCE: Duration = Duration::from_secs(300);

#[derive(Debug)]
struct Absence {
    attempts: u32,
    /// Nothing is sent to it before.
    until: Instant,
    is_told: bool,
}

/// Those that were found missing, until one of their events is published.
#[derive(Debug)]
pub(super) struct Missing {
    topics: BTreeMap<String, Absence>,
    backoff: Backoff,
    base: Duration,
    cap: Duration,
    once: bool,
    has_put_off: bool,
}

impl Missing {
    pub(super) fn new((base, cap): (Duration, Duration), once: bool) -> Self {
        Missing {
            topics: BTreeMap::new(),
            backoff: Backoff::new(base, cap, fastrand::Rng::new()),
            base,
            cap,
            once,
            has_put_off: false,
        }
    }

    /// Whether events were put off for one, though it may be there by now.
    pub(super) fn has_put_off(&self) -> bool {
        self.has_put_off
    }

    pub(super) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    pub(super) fn knows(&self, topic: &str) -> bool {
        !self.topics.is_empty() && self.topics.contains_key(topic)
    }

    /// How long nothing is sent to it; `None` when that may be tried.
    pub(super) fn rests(&self, topic: &str) -> Option<Duration> {
        let left = self.topics.get(topic)?.until;
        let left = left.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// It was tried, and is not there.
    pub(super) fn found_missing(&mut self, topic: &str, watch: Watch<'_>) {
        self.has_put_off = true;
        let now = Instant::now();
        let is_new = !self.topics.contains_key(topic);
        let is_told = is_new && !self.once && self.topics.len() < TOLD;
        let absence = self.topics.entry(topic.to_owned()).or_insert(Absence {
            attempts: 0,
            until: now,
            is_told,
        });
        // Others of the same batch have found it so before.
        if absence.until > now {
            return;
        }
        absence.attempts = absence.attempts.saturating_add(1);
        // Never nothing: what is known to be missing is refused at once.
        let wait = self.base / 2 + self.backoff.after(absence.attempts);
        let wait = if self.once { ONCE } else { wait.min(self.cap) };
        absence.until = now + wait;
        if is_told {
            let text = format!(
                "{}: its events wait for it ({})",
                reason(topic),
                remedy(topic)
            );
            watch(Told::Warning(&text));
        }
    }

    /// One of its events was published.
    pub(super) fn is_there(&mut self, topic: &str, watch: Watch<'_>) {
        if self.topics.is_empty() {
            return;
        }
        if self.topics.remove(topic).is_some_and(|of| of.is_told) {
            let text = format!("topic `{topic}` is there: its events go on");
            watch(Told::Warning(&text));
        }
    }
}

/// What its events wait for.
pub(super) fn reason(topic: &str) -> String {
    format!("topic `{topic}` does not exist")
}

pub(super) fn remedy(topic: &str) -> String {
    format!("`eda topic create {topic}` makes it")
}

/// Whether an event was refused because its topic is not there, and could be.
pub(super) fn is_absence(topic: &str, error: &Error) -> bool {
    let said = error.message().strip_prefix(reason(topic).as_str());
    said.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        && topic.parse::<TopicName>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_that_could_not_be_there_is_not_waited_for() {
        let says = |topic: &str| Error::failed(format!("topic `{topic}` does not exist on a:1"));
        assert!(is_absence("orders", &says("orders")));
        assert!(!is_absence("orders", &says("others")));
        assert!(!is_absence("or ders", &says("or ders")));
        assert!(!is_absence("orders", &Error::failed("not allowed")));
    }
}
