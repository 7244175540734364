//! What a plan counts on its way through the letters.

use super::died;
use super::plan::{NAMED, ReplayPlan};
use super::reasons::Histogram;
use super::repair::Unrepaired;
use super::resolve::{Resolved, Route};
use super::selection::died_at;
use super::stay::Stay;
use super::walk::Met;
use crate::model::dead_letter::Original;
use crate::model::ledger::Progress;
use crate::model::record::Record;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the plan needs besides.
#[derive(Clone, Copy, Default)]
pub(super) struct Needs {
    /// Something is left before something that is over afterwards.
    pub(super) ledger: bool,
}

pub(super) struct Count<'a> {
    progress: &'a [Progress],
    name: Option<Arc<str>>,
    /// Some letter says that it came from another topic than the name does.
    contradicts: bool,
    histogram: Histogram,
    unplaceable: Vec<String>,
    pub(super) total: u64,
    replayable: u64,
    repaired: u64,
    unrepaired: Vec<Unrepaired>,
    parked: u64,
    staying: BTreeMap<&'static str, u64>,
    unknown_origin: u64,
    gone_origin: u64,
    origin_by_name: u64,
    without_headers: u64,
    again: u64,
    passed: u64,
    stale: u64,
    pub(super) has_keys: bool,
    bytes: u64,
    /// Of those that are put back or parked, with the records they point at.
    pub(super) moved_bytes: u64,
    oldest: Option<i64>,
    newest: Option<i64>,
    /// By partition: how far it was looked at, and whether something stays there.
    pub(super) reached: Vec<i64>,
    stays: Vec<bool>,
    needs: Needs,
}

impl<'a> Count<'a> {
    /// `name`: the topic that the dead-letter topic is called after.
    pub(super) fn new(progress: &'a [Progress], name: Option<Arc<str>>) -> Self {
        Count {
            progress,
            name,
            contradicts: false,
            histogram: Histogram::default(),
            unplaceable: Vec::new(),
            total: 0,
            replayable: 0,
            repaired: 0,
            unrepaired: Vec::new(),
            parked: 0,
            staying: BTreeMap::new(),
            unknown_origin: 0,
            gone_origin: 0,
            origin_by_name: 0,
            without_headers: 0,
            again: 0,
            passed: 0,
            stale: 0,
            has_keys: false,
            bytes: 0,
            moved_bytes: 0,
            oldest: None,
            newest: None,
            reached: vec![0; progress.len()],
            stays: vec![false; progress.len()],
            needs: Needs::default(),
        }
    }

    pub(super) fn add(&mut self, place: usize, offset: i64, met: Met<'_>) {
        self.reached[place] = match met {
            Met::End => offset,
            _ => offset + 1,
        };
        match met {
            Met::Over | Met::End => {}
            Met::Passed(_, resolved) => {
                self.hear(resolved);
                self.passed += 1;
                self.stay(place, offset);
            }
            Met::Letter(record, resolved) => {
                self.hear(resolved);
                self.letter(place, record, resolved);
            }
        }
    }

    fn hear(&mut self, resolved: &Resolved) {
        let letter = resolved.letter.as_ref();
        let said = letter.and_then(|letter| letter.origin.topic.as_deref());
        self.contradicts |= said.is_some() && said != self.name.as_deref();
    }

    /// Whether letters would go where only a name says, and others came from elsewhere.
    pub(super) fn doubts_the_name(&self) -> bool {
        self.contradicts && self.origin_by_name > 0
    }

    /// How many are put back or parked: those that stay are no part of what was asked for, or a replay of a few would never
    /// come past them.
    pub(super) fn moved(&self) -> u64 {
        self.replayable + self.parked
    }

    fn stay(&mut self, place: usize, offset: i64) {
        // What is over already stays so.
        self.stays[place] |= !self.progress[place].is_over(offset);
    }

    fn letter(&mut self, place: usize, record: &Record, resolved: &Resolved) {
        self.total += 1;
        self.bytes += record.size() as u64;
        let died = died_at(record, resolved.letter.as_ref());
        if let Some(died) = died {
            self.oldest = Some(self.oldest.map_or(died, |oldest| oldest.min(died)));
            self.newest = Some(self.newest.map_or(died, |newest| newest.max(died)));
        }
        self.histogram.add(resolved);
        self.stale += u64::from(resolved.is_stale);
        self.has_keys = self.has_keys || died::key(record, resolved).is_some();
        match &resolved.route {
            Route::To(..) => {
                self.replayable += 1;
                self.repaired += u64::from(resolved.repaired.is_some());
            }
            Route::Park(_) => self.parked += 1,
            Route::Stays(stay) => {
                *self.staying.entry(stay.word()).or_default() += 1;
                match stay {
                    Stay::NotUnderstood | Stay::NoOrigin | Stay::Lost => {
                        self.unknown_origin += 1;
                    }
                    Stay::OriginGone | Stay::Gone(_) => self.gone_origin += 1,
                    Stay::Unrepaired(_) | Stay::Invalid(_) => {
                        if self.unrepaired.len() < NAMED {
                            self.unrepaired.push(Unrepaired {
                                record: record.coordinates(),
                                error: stay.to_string(),
                            });
                        }
                    }
                    Stay::Circle(_) | Stay::NoRetryTopic(_) | Stay::TooOften(_) => {}
                    Stay::Newer(_) | Stay::Unchecked | Stay::OtherKey => {}
                }
                if self.unplaceable.len() < NAMED {
                    self.unplaceable.push(record.coordinates());
                }
                return self.stay(place, record.offset);
            }
        }
        let original = resolved.original.as_ref();
        self.moved_bytes += (record.size() + original.map_or(0, Original::size)) as u64;
        let is_put_back = matches!(resolved.route, Route::To(..));
        self.without_headers += u64::from(is_put_back && resolved.lacks_headers());
        self.again += u64::from(self.progress[place].is_over(record.offset));
        self.origin_by_name += u64::from(is_put_back && resolved.by_name.is_some());
        self.needs.ledger |= self.stays[place] && !self.progress[place].is_over(record.offset);
    }

    pub(super) fn fill(self, plan: &mut ReplayPlan) -> Needs {
        plan.total = self.total;
        plan.replayable = self.replayable;
        plan.repaired = self.repaired;
        plan.unrepaired = self.unrepaired;
        plan.parked = self.parked;
        plan.staying = self.staying;
        plan.unknown_origin = self.unknown_origin;
        plan.gone_origin = self.gone_origin;
        plan.origin_by_name = self.origin_by_name;
        plan.without_headers = self.without_headers;
        plan.again = self.again;
        plan.passed = self.passed;
        plan.keys_unchecked = plan.stale.is_none() && self.has_keys;
        plan.stale = plan.stale.map(|_| self.stale);
        plan.bytes = self.bytes;
        plan.oldest = self.oldest;
        plan.newest = self.newest;
        plan.reasons = self.histogram.into_reasons();
        plan.unplaceable = self.unplaceable;
        self.needs
    }
}
