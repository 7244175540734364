//! What came, in time and in order, and what did not.

use super::ExpectRequest;
use crate::error::{Error, Result, Status};
use crate::model::duration::human;
use crate::model::junit::{self, Case, Outcome};
use crate::model::wording::shortened;
use crate::report::{Cell, Report, Table, Tone};
use serde::{Serialize, Serializer};
use std::time::Duration;

/// What JUnit's suite is called, before what was expected.
const SUITE: &str = "eda expect";
/// A suite's name is not longer than this unless somebody gave it.
const LONGEST: usize = 200;

/// Where a record is, and how long after the last event was sent it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Found {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) after_ms: u64,
}

impl Found {
    fn coordinates(&self) -> String {
        format!("{}:{}:{}", self.topic, self.partition, self.offset)
    }
}

/// A record that is such an event as was expected, and what it lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NearMiss {
    #[serde(flatten)]
    pub(super) found: Found,
    /// `orderId is "order-9", not "order-123"`.
    pub(super) why: String,
}

/// An expectation, and the record that meets it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Met {
    pub(super) expectation: String,
    /// null: none came.
    pub(super) found: Option<Found>,
    /// When none came: the first records that nearly met it, and how many did.
    pub(super) near_misses: Vec<NearMiss>,
    pub(super) near_misses_in_all: u64,
    /// How many such events came with other keys.
    pub(super) other_keys: u64,
}

impl Met {
    /// What came instead, a sentence each.
    fn instead(&self) -> Vec<String> {
        let near = self.near_misses.iter();
        let mut told: Vec<String> = near
            .map(|miss| format!("`{}` came, but {}", miss.found.coordinates(), miss.why))
            .collect();
        let more = self.near_misses_in_all - self.near_misses.len() as u64;
        if more > 0 {
            told.push(format!("{more} more came like that"));
        }
        if self.other_keys > 0 {
            told.push(format!("{} came with another key", self.other_keys));
        }
        told
    }
}

/// What a record was to whoever waited.
#[derive(Debug)]
pub(super) enum Happened {
    Sent,
    /// With the text of the expectation.
    Expected(String),
    Forbidden(String),
    /// In a dead-letter topic: why it died, as far as it says.
    Died(String),
    /// Why it is not what was expected, if it is such an event.
    Passed(Option<String>),
}

impl Happened {
    fn word(&self) -> &'static str {
        match self {
            Happened::Sent => "sent",
            Happened::Expected(_) => "expected",
            Happened::Forbidden(_) => "forbidden",
            Happened::Died(_) => "dead letter",
            Happened::Passed(_) => "other",
        }
    }

    fn told(&self) -> String {
        match self {
            Happened::Sent | Happened::Passed(None) => self.word().to_owned(),
            Happened::Passed(Some(why)) => format!("other: {why}"),
            Happened::Expected(text) => text.clone(),
            Happened::Forbidden(text) => format!("must not come: {text}"),
            Happened::Died(why) => format!("dead letter: {why}"),
        }
    }

    fn tone(&self) -> Tone {
        match self {
            Happened::Sent | Happened::Passed(None) => Tone::Plain,
            Happened::Passed(Some(_)) => Tone::Warn,
            Happened::Expected(_) => Tone::Good,
            Happened::Forbidden(_) | Happened::Died(_) => Tone::Bad,
        }
    }
}

impl Serialize for Happened {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// A record of the timeline.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
    #[serde(flatten)]
    pub(super) found: Found,
    pub(super) key: Option<String>,
    /// The event's type, where it says one.
    pub(super) event: Option<String>,
    /// `sent`, `expected`, `forbidden`, `dead letter` or `other`.
    pub(super) happened: Happened,
}

/// How the flow went.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExpectOutcome {
    /// Everything that was expected came, and nothing that must not.
    pub(super) ok: bool,
    pub(super) within_ms: u64,
    pub(super) took_ms: u64,
    /// Whose events they are; null: anybody's.
    pub(super) keys: Option<Vec<String>>,
    pub(super) expected: Vec<Met>,
    pub(super) forbidden: Vec<Met>,
    pub(super) timeline: Vec<Line>,
    /// Records that the timeline has no room for.
    pub(super) untold: u64,
    #[serde(skip)]
    pub(super) stopped: Option<Status>,
    #[serde(skip)]
    pub(super) told: Vec<String>,
}

impl ExpectOutcome {
    /// Says what is missing, once all is known.
    pub(super) fn finish(mut self) -> Self {
        let missing = self.expected.iter().filter(|met| met.found.is_none());
        let within = human(Duration::from_millis(self.within_ms));
        let missing = missing.map(|met| {
            let text = &met.expectation;
            let mut told = vec![match self.stopped {
                Some(_) => format!("`{text}` had not come when it was interrupted"),
                None => format!("`{text}` did not come within {within}"),
            }];
            told.extend(met.instead());
            told.join("; ")
        });
        let came = self.forbidden.iter().filter_map(|met| {
            let place = met.found.as_ref()?.coordinates();
            Some(format!("`{}` came, `{place}`", met.expectation))
        });
        let told: Vec<String> = missing.chain(came).collect();
        self.ok = told.is_empty() && self.stopped.is_none();
        self.told = told;
        self
    }

    fn seconds(&self) -> f64 {
        Duration::from_millis(self.took_ms).as_secs_f64()
    }

    /// As JUnit's XML: a case for each thing that is expected or forbidden, in a suite of this name.
    pub fn junit(&self, suite: &str) -> String {
        let timeline = self.timeline.iter().map(|line| {
            let (place, told) = (line.found.coordinates(), line.happened.told());
            let event = line.event.as_deref().unwrap_or("-");
            format!("{} ms  {place}  {event}  {told}\n", line.found.after_ms)
        });
        let timeline: String = timeline.collect();
        let case = |met: &Met, is_expected: bool| Case {
            name: match is_expected {
                true => met.expectation.clone(),
                false => format!("never {}", met.expectation),
            },
            seconds: met.found.as_ref().map_or(self.seconds(), |found| {
                Duration::from_millis(found.after_ms).as_secs_f64()
            }),
            outcome: match (met.found.is_some() == is_expected, is_expected) {
                (true, _) => Outcome::Passed,
                (false, true) => {
                    let mut told = vec![format!("`{}` did not come", met.expectation)];
                    told.extend(met.instead());
                    let lines = told[1..].iter().map(|line| format!("{line}\n"));
                    Outcome::Failed {
                        text: lines.collect::<String>() + &timeline,
                        message: told.join("; "),
                    }
                }
                (false, false) => Outcome::Failed {
                    message: format!("`{}` came", met.expectation),
                    text: timeline.clone(),
                },
            },
        };
        let expected = self.expected.iter().map(|met| case(met, true));
        let forbidden = self.forbidden.iter().map(|met| case(met, false));
        let cases: Vec<Case> = expected.chain(forbidden).collect();
        junit::write(suite, self.seconds(), &cases)
    }
}

/// What the suite is called when nobody says: what was expected, so that several runs are told apart in one report.
pub fn suite(request: &ExpectRequest) -> String {
    let expected = request.expected.iter().map(ToString::to_string);
    let forbidden = request.forbidden.iter();
    let forbidden = forbidden.map(|expectation| format!("never {expectation}"));
    let all: Vec<String> = expected.chain(forbidden).collect();
    shortened(&format!("{SUITE}: {}", all.join(", ")), LONGEST)
}

/// JUnit's XML of what could not even be looked at.
pub fn junit_of_error(suite: &str, error: &Error) -> String {
    let case = Case {
        name: suite.to_owned(),
        seconds: 0.0,
        outcome: Outcome::Broken {
            message: error.one_line(),
        },
    };
    junit::write(suite, 0.0, &[case])
}

impl Report for ExpectOutcome {
    fn table(&self) -> Table {
        let headers = ["AFTER-MS", "TOPIC", "PARTITION", "OFFSET", "EVENT", "WHAT"];
        let mut table = Table::new(&headers, "nothing came");
        for line in &self.timeline {
            table.row([
                line.found.after_ms.into(),
                line.found.topic.as_str().into(),
                line.found.partition.into(),
                line.found.offset.into(),
                line.event.clone().into(),
                Cell::from(line.happened.told()).tone(line.happened.tone()),
            ]);
        }
        if self.untold > 0 {
            table.note(format!("and {} more", self.untold), Tone::Plain);
        }
        if self.ok {
            let text = match self.expected.len() {
                0 => "nothing came that must not".to_owned(),
                1 => format!("what was expected came within {} ms", self.took_ms),
                all => format!(
                    "all {all} that were expected came within {} ms",
                    self.took_ms
                ),
            };
            table.note(text, Tone::Good);
        }
        table
    }

    fn failures(&self) -> &[String] {
        &self.told
    }

    fn status(&self) -> Result<Status> {
        Ok(match self.stopped {
            Some(status) => status,
            None => Status::failed_if(!self.ok),
        })
    }
}
