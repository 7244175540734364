//! What came of a relay.

use super::super::status::without_id;
use super::missing::remedy;
use crate::error::{Error, Result, Status};
use crate::model::outbox::{OutboxCounts, WaitingOutboxEvents};
use crate::model::wording::counted;
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// So many topics have a row of their own; the others share one.
const TOPICS: usize = 1000;
/// So many topics for which events wait are named in a sentence.
const NAMED: usize = 10;
const OTHERS: &str = "(others)";

/// Counts while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub published: u64,
    /// Attempts that the brokers refused.
    pub refused: u64,
    pub dead: u64,
    /// Claimed, and not settled yet.
    pub in_hand: u64,
    /// Whether it was told to stop.
    pub stopping: bool,
}

/// What a relay did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RelayOutcome {
    published: u64,
    /// Attempts that the brokers refused, those included after which an event was dead.
    refused: u64,
    dead: u64,
    /// Sent and given back without an answer: whoever claims them next sends them, perhaps for the second time.
    released: u64,
    /// Acknowledged by the brokers, and not marked: they will be sent again.
    unmarked: u64,
    /// Pending, and not to be claimed: in the hands of other relays, waiting for an attempt that was put off before, or
    /// blocked. null unless it ended because there was nothing more to claim.
    left: Option<u64>,
    /// Of these, those that wait for what is not there, by what it is.
    waiting: Vec<Waiting>,
    /// Of these, those that other relays have in hand.
    in_hand: u64,
    duration_ms: u64,
    /// `nothing-left`, `interrupted` or `failed`.
    ended: &'static str,
    topics: Vec<OfTopic>,
    /// What follows a command for it to mean this outbox.
    #[serde(skip)]
    named: String,
    #[serde(skip)]
    stopped: Option<Status>,
    /// What ended it early.
    #[serde(skip)]
    pub error: Option<Error>,
}

/// What events wait for that were not refused for it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::ops::outbox) struct Waiting {
    pub(in crate::ops::outbox) reason: String,
    pub(in crate::ops::outbox) events: u64,
}

impl From<WaitingOutboxEvents> for Waiting {
    fn from(events: WaitingOutboxEvents) -> Self {
        Waiting {
            reason: events.reason,
            events: events.events,
        }
    }
}

#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct OfTopic {
    topic: String,
    published: u64,
    refused: u64,
    dead: u64,
}

/// Counted as it goes.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) figures: Figures,
    pub(super) released: u64,
    pub(super) unmarked: u64,
    left: Option<u64>,
    waiting: Vec<Waiting>,
    in_hand: u64,
    topics: BTreeMap<String, OfTopic>,
}

impl Tally {
    fn of(&mut self, topic: &str) -> &mut OfTopic {
        let is_known = self.topics.contains_key(topic);
        let name = match is_known || self.topics.len() < TOPICS {
            true => topic,
            false => OTHERS,
        };
        self.topics
            .entry(name.to_owned())
            .or_insert_with(|| OfTopic {
                topic: name.to_owned(),
                ..OfTopic::default()
            })
    }

    pub(super) fn published(&mut self, topic: &str) {
        self.figures.published += 1;
        match self.topics.get_mut(topic) {
            Some(known) => known.published += 1,
            None => self.of(topic).published += 1,
        }
    }

    pub(super) fn refused(&mut self, topic: &str, is_dead: bool) {
        self.figures.refused += 1;
        self.figures.dead += u64::from(is_dead);
        let of_topic = self.of(topic);
        of_topic.refused += 1;
        of_topic.dead += u64::from(is_dead);
    }

    /// It ends, and this is left.
    ///
    /// # Errors
    /// Events among it that were to be published and are not: with what there is to do about them.
    pub(super) fn look_back(
        &mut self,
        counts: &OutboxCounts,
        waiting: Vec<WaitingOutboxEvents>,
    ) -> Result<()> {
        self.left = Some(counts.pending);
        self.in_hand = counts.in_hand;
        self.waiting = waiting.into_iter().map(Waiting::from).collect();
        let mut said: Vec<String> = Vec::new();
        for Waiting { reason, events: of } in self.waiting.iter().take(NAMED) {
            let wait = if *of == 1 { "waits" } else { "wait" };
            said.push(format!("{} {wait}: {reason}", counted(*of, "event")));
        }
        let untold: u64 = self.waiting.iter().skip(NAMED).map(|of| of.events).sum();
        if untold > 0 {
            said.push(format!("{untold} more wait for others"));
        }
        let mut hint = match self.waiting.as_slice() {
            [Waiting { reason, .. }] if let Some(topic) = reason.split('`').nth(1) => {
                format!("{}; the events are pending until then", remedy(topic))
            }
            _ => "`eda topic create` makes a topic; the events are pending until then".to_owned(),
        };
        if self.in_hand > 0 {
            let is = if self.in_hand == 1 { "is" } else { "are" };
            let until = until(counts.in_hand_ms.unwrap_or(0));
            said.push(format!(
                "{} {is} in the hand of another relay until {until}",
                counted(self.in_hand, "event")
            ));
            if self.waiting.is_empty() {
                hint = "whoever comes then may have them, unless that relay lives and renews its lease"
                    .to_owned();
            }
        }
        if counts.without_id > 0 {
            if said.is_empty() {
                hint = "consumers know events by their ids: give these rows one each".to_owned();
            }
            said.push(without_id(counts.without_id));
        }
        // Some of those in hand may be among them, and some that wait for a topic.
        let known: u64 = self.in_hand + self.waiting.iter().map(|of| of.events).sum::<u64>();
        if known == 0 && counts.retrying > 0 {
            let wait = if counts.retrying == 1 {
                "waits"
            } else {
                "wait"
            };
            said.push(format!(
                "{} {wait} for another attempt after a refusal before this run",
                counted(counts.retrying, "event")
            ));
            hint = "a relay that goes on makes it when its time has come".to_owned();
        }
        match said.is_empty() {
            true => Ok(()),
            false => Err(Error::failed(said.join("; ")).hint(hint)),
        }
    }

    pub(super) fn outcome(
        self,
        named: String,
        elapsed: Duration,
        stopped: Option<Status>,
        error: Option<Error>,
    ) -> RelayOutcome {
        RelayOutcome {
            published: self.figures.published,
            refused: self.figures.refused,
            dead: self.figures.dead,
            released: self.released,
            unmarked: self.unmarked,
            left: self.left,
            waiting: self.waiting,
            in_hand: self.in_hand,
            duration_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            ended: match (&error, stopped) {
                (Some(_), _) => "failed",
                (None, Some(_)) => "interrupted",
                (None, None) => "nothing-left",
            },
            topics: self.topics.into_values().collect(),
            named,
            stopped,
            error,
        }
    }
}

/// The moment so many milliseconds from now, by this machine's clock.
fn until(milliseconds: i64) -> String {
    let now = jiff::Timestamp::now();
    let seconds = jiff::SignedDuration::from_millis(milliseconds.max(0));
    let then = now.checked_add(seconds).unwrap_or(now);
    format!("{then:.0}")
}

impl RelayOutcome {
    /// Whether there is anything to tell besides an error.
    pub fn is_telling(&self) -> bool {
        self.error.is_none()
            || self.published + self.refused + self.released + self.unmarked > 0
            || self.left.is_some()
    }
}

impl Report for RelayOutcome {
    fn table(&self) -> Table {
        let mut table = Table::new(
            &["TOPIC", "PUBLISHED", "REFUSED", "DEAD"],
            "nothing was published",
        );
        for of in &self.topics {
            table.row([
                of.topic.as_str().into(),
                of.published.into(),
                of.refused.into(),
                match of.dead {
                    0 => Cell::from(0_u64),
                    dead => Cell::from(dead).tone(Tone::Bad),
                },
            ]);
        }
        if self.published > 0 {
            let seconds = self.duration_ms as f64 / 1000.0;
            let s = if self.published == 1 { "" } else { "s" };
            let mut text = format!("{} event{s} published in {seconds:.3} s", self.published);
            // Of a shorter run it is the time it takes to connect.
            if seconds >= 1.0 {
                text += &format!(", {:.0} events/s", self.published as f64 / seconds);
            }
            table.note(text, Tone::Plain);
        }
        for (count, what) in [
            (
                self.released,
                "sent and given back without an answer: whoever claims them next sends them again",
            ),
            (
                self.unmarked,
                "acknowledged, and not marked as published: they will be sent again, with the same ids",
            ),
            (
                // What an error tells is not told twice.
                match self.error.is_some() {
                    true => 0,
                    false => self.left.unwrap_or(0),
                },
                "still pending: other relays have them, they wait for a topic or their next attempt, or they are blocked",
            ),
        ] {
            if count > 0 {
                table.note(format!("{count} {what}"), Tone::Warn);
            }
        }
        if self.dead > 0 {
            table.note(
                format!(
                    "`eda outbox status{0}` says why events are dead, `eda outbox retry --all{0}` gives them another chance",
                    self.named
                ),
                Tone::Plain,
            );
        }
        table
    }

    fn status(&self) -> Result<Status> {
        Ok(match self.stopped {
            Some(status) => status,
            None => Status::failed_if(self.dead > 0),
        })
    }

    fn effect(&self) -> Option<String> {
        match self.published {
            0 => None,
            1 => Some("1 event was published all the same".to_owned()),
            count => Some(format!("{count} events were published all the same")),
        }
    }
}
