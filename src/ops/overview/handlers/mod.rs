//! What running handlers say of themselves (`eda consume --metrics`): fetched, made rates of, and passed on to who scrapes.

mod exposition;
mod page;

pub(in crate::ops) use exposition::{Exposition, merged};
pub use page::HandlerPage;

use super::flow::thousandths;
use crate::model::lag::status::WINDOW;
use exposition::Reading;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// Nobody waits longer for a page, however seldom it is looked at.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A running handler, for one group; or one that does not answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Handler {
    /// `HOST:PORT` of its page, and its path where that is not /metrics.
    pub instance: String,
    /// `None` while it has not answered.
    pub group: Option<String>,
    /// When it answered last.
    #[serde(serialize_with = "time")]
    pub seen: Option<Timestamp>,
    /// Why it did not answer since.
    pub error: Option<String>,
    pub in_hand: Option<f64>,
    pub processed: Option<f64>,
    pub dead_lettered: Option<f64>,
    /// Over the last ten samples, as all that follows.
    pub processed_per_second: Option<f64>,
    /// Of a hundred attempts so many failed.
    pub failed_percent: Option<f64>,
    /// How long an attempt took, on average.
    pub mean_ms: Option<f64>,
    /// So long or less took 95 of a hundred attempts, as far as the buckets tell.
    pub p95_ms: Option<f64>,
}

fn time<S: serde::Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => super::state::time(time, serializer),
        None => serializer.serialize_none(),
    }
}

/// Those that are looked at.
#[derive(Debug)]
pub(super) struct Handlers {
    begun: Instant,
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    page: HandlerPage,
    seen: Option<Timestamp>,
    error: Option<String>,
    groups: BTreeMap<String, VecDeque<(Duration, Reading)>>,
    /// What it said in the last look, if it did.
    said: Option<Exposition>,
}

impl Handlers {
    /// One that is named twice is looked at once.
    pub(super) fn new(mut pages: Vec<HandlerPage>) -> Self {
        let mut named = BTreeSet::new();
        pages.retain(|page| named.insert(page.instance().to_owned()));
        let known = |page| Known {
            page,
            seen: None,
            error: None,
            groups: BTreeMap::new(),
            said: None,
        };
        Handlers {
            begun: Instant::now(),
            known: pages.into_iter().map(known).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// What each said in the last look, and nothing where it did not.
    pub(super) fn said(&self) -> Vec<(String, Option<Exposition>)> {
        let said = |known: &Known| (known.page.instance().to_owned(), known.said.clone());
        self.known.iter().map(said).collect()
    }

    /// Asks all of them at once. One that does not answer is shown as it was, with the reason.
    pub(super) async fn look(&mut self, every: Duration) -> Vec<Handler> {
        let wait = every.clamp(Duration::from_secs(1), LONGEST_WAIT);
        let begun = self.begun;
        let asked = self.known.iter_mut().map(async |known| {
            known.hear(known.page.fetch(wait).await, begun.elapsed());
            known.shown()
        });
        let shown = futures_util::future::join_all(asked).await;
        let mut shown: Vec<Handler> = shown.into_iter().flatten().collect();
        shown.sort_by(|one, other| {
            (&one.group, &one.instance).cmp(&(&other.group, &other.instance))
        });
        shown
    }
}

impl Known {
    fn hear(&mut self, answer: Result<Exposition, String>, at: Duration) {
        let exposition = match answer {
            Ok(exposition) => exposition,
            Err(error) => {
                self.error = Some(error);
                self.said = None;
                // Rates over the time of an outage would be none.
                self.groups.values_mut().for_each(|window| {
                    let latest = window.pop_back();
                    window.clear();
                    window.extend(latest);
                });
                return;
            }
        };
        self.error = None;
        self.seen = Some(Timestamp::now());
        let mut before = std::mem::take(&mut self.groups);
        for (group, reading) in exposition.readings() {
            let mut window = before.remove(&group).unwrap_or_default();
            // Counters that went back are those of a process that began anew.
            let went_back = |(_, last): &(Duration, Reading)| reading.attempts < last.attempts;
            if window.back().is_some_and(went_back) {
                window.clear();
            }
            if window.len() == WINDOW {
                window.pop_front();
            }
            window.push_back((at, reading));
            self.groups.insert(group, window);
        }
        self.said = Some(exposition);
    }

    fn shown(&self) -> Vec<Handler> {
        let nothing = Handler {
            instance: self.page.instance().to_owned(),
            group: None,
            seen: self.seen,
            error: self.error.clone(),
            in_hand: None,
            processed: None,
            dead_lettered: None,
            processed_per_second: None,
            failed_percent: None,
            mean_ms: None,
            p95_ms: None,
        };
        if self.groups.is_empty() {
            return vec![nothing];
        }
        let of_group = |(group, window): (&String, &VecDeque<(Duration, Reading)>)| {
            let mut shown = Handler {
                group: Some(group.clone()),
                ..nothing.clone()
            };
            let (Some(first), Some(last)) = (window.front(), window.back()) else {
                return shown;
            };
            shown.in_hand = last.1.in_hand;
            shown.processed = last.1.processed;
            shown.dead_lettered = last.1.dead_lettered;
            let seconds = last.0.saturating_sub(first.0).as_secs_f64();
            if seconds > 0.0 {
                let change = last.1.since(&first.1);
                let processed = change.processed.map(|processed| processed / seconds);
                shown.processed_per_second = processed.map(thousandths);
                shown.failed_percent = change.failed_percent().map(thousandths);
                shown.mean_ms = change.mean_ms().map(thousandths);
                shown.p95_ms = change.percentile_ms(0.95).map(thousandths);
            }
            shown
        };
        self.groups.iter().map(of_group).collect()
    }
}
