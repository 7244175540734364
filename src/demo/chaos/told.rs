//! What chaos did, for the report and for whoever watches.

use serde::Serialize;
use std::time::Duration;

/// What happened to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// As by kill -9.
    Killed,
    /// In the place of one that was killed.
    Started,
    /// One more instance.
    Added,
    /// An instance that was just started reached nobody, as while the broker is away, and ended.
    GaveUp,
    /// The same, under the same name.
    StartedAgain,
    Down,
    Up,
}

/// One thing that went wrong, or came right again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChaosEvent {
    /// Since the first order was put in.
    pub at_ms: u64,
    pub what: What,
    /// `payment-2`, an instance; `broker`; `payment provider`; `relay-1`.
    pub whom: String,
}

impl ChaosEvent {
    pub(super) fn new(at: Duration, what: What, whom: impl Into<String>) -> Self {
        ChaosEvent {
            at_ms: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
            what,
            whom: whom.into(),
        }
    }

    /// `12.3 s`.
    pub fn time(&self) -> String {
        format!("{:.1} s", Duration::from_millis(self.at_ms).as_secs_f64())
    }

    /// `payment-2 was killed`.
    pub fn sentence(&self) -> String {
        let happened = match self.what {
            What::Killed => "was killed",
            What::Started => "was started in its place",
            What::Added => "was added",
            What::GaveUp => "reached nobody, and gave up",
            What::StartedAgain => "was started again",
            What::Down => "is down",
            What::Up => "is up again",
        };
        format!("{} {happened}", self.whom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_to_people_and_to_machines() {
        let event = ChaosEvent::new(Duration::from_millis(12_345), What::Killed, "payment-2");
        assert_eq!(event.time(), "12.3 s");
        assert_eq!(event.sentence(), "payment-2 was killed");
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"atMs":12345,"what":"killed","whom":"payment-2"}"#
        );
    }
}
