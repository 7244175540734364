//! What became of the dead letters.

use super::super::request::Delivery;
use crate::error::{Result, Status};
use crate::report::{Report, Table};
use serde::Serialize;
use std::collections::BTreeMap;

/// How many refused or skipped records the outcome names.
const NAMED: usize = 50;

/// What became of the dead letters.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayOutcome {
    pub(super) topic: String,
    pub(super) replay_id: String,
    pub(super) replay_group: String,
    pub(super) delivery: Delivery,
    pub(super) replayed: u64,
    /// Without a known origin, or whose origin is gone: left where they are.
    pub(super) skipped: u64,
    /// Refused, or with no place to go to for another reason: left where they are.
    pub(super) failed: u64,
    /// Moved to the parking topic.
    pub(super) parked: u64,
    pub(super) parking_topic: Option<String>,
    /// Of those replayed, how many are not remembered as such. Always 0 by now; kept for who reads it.
    pub(super) uncommitted: u64,
    /// How many went to each topic.
    pub(super) destinations: BTreeMap<String, u64>,
    pub(super) problems: Vec<Problem>,
    pub(super) interrupted: bool,
    /// It was to park, not to put back.
    #[serde(skip)]
    pub(super) parks: bool,
    #[serde(skip)]
    pub(super) skips_unknown: bool,
    #[serde(skip)]
    pub(super) stopped: Option<Status>,
    /// What went wrong, a sentence each.
    #[serde(skip)]
    pub(super) told: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Problem {
    record: String,
    error: String,
}

impl ReplayOutcome {
    /// How many letters are dealt with, one way or another.
    pub(super) fn done(&self) -> u64 {
        self.replayed + self.parked + self.skipped + self.failed
    }

    /// Names a record that was not put back, and why.
    pub(super) fn problem(&mut self, record: String, error: String) {
        if self.problems.len() < NAMED {
            self.problems.push(Problem { record, error });
        }
    }

    /// One more was put back.
    pub(super) fn replayed(&mut self, topic: &str) {
        self.replayed += 1;
        match self.destinations.get_mut(topic) {
            Some(count) => *count += 1,
            None => {
                self.destinations.insert(topic.to_owned(), 1);
            }
        }
    }

    /// It is over.
    pub(super) fn finish(&mut self, stopped: Option<Status>) {
        self.stopped = stopped;
        self.interrupted = stopped.is_some();
        self.told = self.sentences();
    }

    fn sentences(&self) -> Vec<String> {
        let problem = |problem: &Problem| format!("{}: {}", problem.record, problem.error);
        let mut sentences: Vec<String> = self.problems.iter().map(problem).collect();
        let untold = (self.skipped + self.failed).saturating_sub(self.problems.len() as u64);
        if untold > 0 {
            sentences.push(format!("and {untold} more"));
        }
        if self.interrupted {
            sentences.push("interrupted: the same command goes on from here".to_owned());
        }
        sentences
    }
}

impl Report for ReplayOutcome {
    fn table(&self) -> Table {
        if self.parks {
            let mut table = Table::new(&["PARKING-TOPIC", "PARKED"], "nothing was parked");
            if let Some(parking) = &self.parking_topic {
                table.row([parking.as_str().into(), self.parked.into()]);
            }
            return table;
        }
        let mut table = Table::new(&["DESTINATION", "REPLAYED"], "nothing was put back");
        for (topic, count) in &self.destinations {
            table.row([topic.as_str().into(), (*count).into()]);
        }
        if let Some(parking) = self.parking_topic.as_ref().filter(|_| self.parked > 0) {
            let text = format!("{} were parked in `{parking}`", self.parked);
            table.note(text, crate::report::Tone::Warn);
        }
        table
    }

    fn failures(&self) -> &[String] {
        &self.told
    }

    fn effect(&self) -> Option<String> {
        let (count, done) = match self.parks {
            true => (self.parked, "parked"),
            false => (self.replayed, "put back"),
        };
        match count {
            0 => None,
            1 => Some(format!("1 dead letter was {done} all the same")),
            count => Some(format!("{count} dead letters were {done} all the same")),
        }
    }

    fn status(&self) -> Result<Status> {
        let skipped = if self.skips_unknown { 0 } else { self.skipped };
        Ok(match self.stopped {
            Some(status) => status,
            None => Status::failed_if(self.failed + skipped > 0),
        })
    }
}
