//! What became of a batch: waited for, counted, and written down.

use super::Told;
use super::engine::Engine;
use super::flight::{Aggregate, Fate, Flight};
use super::missing::{is_absence, reason};
use crate::error::{Error, Result};
use crate::model::outbox::Settled;
use crate::model::wording::shortened;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// How often it is looked whether anything was acknowledged.
const LOOK: Duration = Duration::from_millis(500);

/// So long brokers may be silent before they are asked whether they are there, and before it is told that they are and
/// do not acknowledge anything.
const SILENCE: Duration = Duration::from_secs(2);
const LONG_SILENCE: Duration = Duration::from_secs(30);
const UNACKNOWLEDGED: &str =
    "is a partition without a leader, or with fewer in-sync replicas than min.insync.replicas?";

/// So many topics of which one event was refused are told of.
const TOLD: usize = 100;

/// A reason that is kept, in letters.
const REASON: usize = 1000;

/// When it may be tried again, if it waits from now on.
fn waits_until((_, settled): &(i64, Settled)) -> Option<Instant> {
    match settled {
        Settled::Refused { again_in_ms, .. } => {
            let wait = u64::try_from(*again_in_ms).unwrap_or(0);
            Instant::now().checked_add(Duration::from_millis(wait))
        }
        _ => None,
    }
}

impl Engine<'_> {
    /// Waits for the answers, and writes down what became of each event. The aggregates of which one was not published.
    pub(super) async fn land(&mut self, mut flight: Flight) -> Result<HashSet<Aggregate>> {
        let silence = self.answers(&mut flight).await;
        if silence.is_err() {
            // What it still has must not be sent behind our back.
            self.sender = None;
        }
        let broken = self.sender.as_ref().and_then(|sender| sender.broken());
        // Also when it broke before, and is gone: it has refused what it still had.
        if broken.is_some() || self.sender.is_none() {
            flight.doubt();
        }
        let (outcomes, unpublished) = self.outcomes(&flight);
        let count = flight.passengers.len() as u64;
        let published = |(_, settled): &&(i64, Settled)| *settled == Settled::Published;
        let published = outcomes.iter().filter(published).count() as u64;
        drop(flight);
        let written = self.write_down(&outcomes).await;
        if !matches!(written, Ok(true)) {
            self.tally.unmarked += published;
        }
        self.tally.figures.in_hand = self.tally.figures.in_hand.saturating_sub(count);
        self.lease.set(self.tally.figures.in_hand > 0);
        self.show();
        written?;
        // The database counts from now at the latest.
        let due = outcomes.iter().filter_map(waits_until).max();
        self.due = self.due.max(due);
        silence?;
        match broken {
            Some(why) => self.replace(why)?,
            None if published > 0 => self.broken = 0,
            None => {}
        }
        Ok(unpublished)
    }

    /// Waits until every event has its answer.
    ///
    /// # Errors
    /// Nobody answered for too long, where that is an end.
    async fn answers(&mut self, flight: &mut Flight) -> Result<()> {
        let (mut answered, mut since) = (flight.answered, Instant::now());
        // Since when they have answered, and acknowledged nothing.
        let mut reachable = since;
        let mut is_told = false;
        loop {
            let is_first = self.deadline.is_none();
            let deadline = self.grace();
            if is_first && deadline.is_some() {
                self.show();
            }
            let look = tokio::time::Instant::now() + LOOK;
            tokio::select! {
                biased;
                () = flight.land() => break,
                _ = self.stop.wait(), if deadline.is_none() => continue,
                () = tokio::time::sleep_until(deadline.map_or(look, |end| end.min(look))) => {}
            }
            if deadline.is_some_and(|end| tokio::time::Instant::now() >= end) {
                // Dropped as a whole: of what has no answer nobody knows whether it is written.
                self.sender = None;
                return Ok(());
            }
            if self.sender.as_ref().is_some_and(|it| it.broken().is_some()) {
                continue;
            }
            if flight.answered > answered {
                (answered, since) = (flight.answered, Instant::now());
                reachable = since;
                self.kafka.is_over(self.watch);
                self.show();
            }
            if since.elapsed() < SILENCE {
                continue;
            }
            let asked = tokio::select! {
                biased;
                () = flight.land() => break,
                _ = self.stop.wait(), if deadline.is_none() => continue,
                asked = self.cluster.ping() => asked,
            };
            match asked {
                Err(error) => {
                    reachable = Instant::now();
                    self.kafka.goes_on(&error.one_line(), self.watch);
                    if self.is_over(&self.kafka) {
                        return Err(error);
                    }
                }
                Ok(()) if reachable.elapsed() >= LONG_SILENCE => {
                    let text = "Kafka answers, and acknowledges no event";
                    if self.request.once {
                        return Err(Error::unreachable(text).hint(UNACKNOWLEDGED));
                    }
                    if !std::mem::replace(&mut is_told, true) {
                        (self.watch)(Told::Warning(&format!("{text}: {UNACKNOWLEDGED}")));
                    }
                }
                Ok(()) => {}
            }
        }
        self.kafka.is_over(self.watch);
        Ok(())
    }

    /// By position what is to be written down, and the aggregates of which one was not published: nothing that follows
    /// it may be.
    fn outcomes(&mut self, flight: &Flight) -> (Vec<(i64, Settled)>, HashSet<Aggregate>) {
        let mut outcomes = Vec::with_capacity(flight.passengers.len());
        let mut unpublished = HashSet::new();
        for passenger in &flight.passengers {
            let settled = match &passenger.fate {
                Fate::Published => {
                    self.tally.published(&passenger.topic);
                    self.missing.is_there(&passenger.topic, self.watch);
                    Settled::Published
                }
                Fate::Refused(error) if is_absence(&passenger.topic, error) => {
                    // It may have been made, or changed, when it is asked about again.
                    self.limits.remove(&passenger.topic);
                    self.missing.found_missing(&passenger.topic, self.watch);
                    self.wait_for(&passenger.topic)
                }
                Fate::Refused(error) => {
                    self.refuse(&passenger.topic, passenger.event.attempts, error)
                }
                Fate::Waiting => self.wait_for(&passenger.topic),
                // Behind one that waits for the same.
                Fate::Kept if self.missing.knows(&passenger.topic) => {
                    self.wait_for(&passenger.topic)
                }
                Fate::Kept => Settled::Released,
                Fate::Open => {
                    self.tally.released += 1;
                    Settled::Released
                }
            };
            if settled != Settled::Published {
                unpublished.insert(passenger.aggregate());
            }
            outcomes.push((passenger.event.position, settled));
        }
        (outcomes, unpublished)
    }

    /// Until its topic is tried again; no attempt of the event's own.
    fn wait_for(&self, topic: &str) -> Settled {
        let rests = self.missing.rests(topic).unwrap_or_default();
        Settled::Waiting {
            reason: shortened(&reason(topic), REASON),
            again_in_ms: i64::try_from(rests.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// The brokers refused it, after so many attempts before.
    fn refuse(&mut self, topic: &str, attempts: u32, error: &Error) -> Settled {
        let attempts = attempts.saturating_add(1);
        let is_dead = attempts >= self.request.max_attempts;
        self.tally.refused(topic, is_dead);
        // Its topic may have been made, or changed, since it was asked about.
        self.limits.remove(topic);
        let reason = error.one_line();
        if self.told.len() < TOLD && self.told.insert(topic.to_owned()) {
            let hint = match error.hint_text() {
                Some(hint) => format!(" ({hint})"),
                None => String::new(),
            };
            (self.watch)(Told::Warning(&format!("refused: {reason}{hint}")));
        }
        let reason = shortened(&reason, REASON);
        if is_dead {
            return Settled::Dead { reason };
        }
        let wait = self.backoff.after(attempts);
        Settled::Refused {
            reason,
            again_in_ms: i64::try_from(wait.as_millis()).unwrap_or(i64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::RelayRequest;
    use super::super::flight::Passenger;
    use super::*;
    use crate::kafka::{Cluster, Connection};
    use crate::model::outbox::{NewOutboxEvent, OutboxEvent};
    use crate::ops::stop::Stop;
    use crate::store::outbox::open;

    fn passenger(id: &str, fate: Fate) -> Passenger {
        let event = NewOutboxEvent {
            id: id.to_owned(),
            aggregate_type: "order".to_owned(),
            aggregate_id: id.to_owned(),
            event_type: "OrderCreated".to_owned(),
            payload: None,
        };
        Passenger {
            event: OutboxEvent {
                position: 1,
                event,
                attempts: 0,
                created_ms: None,
            },
            topic: "orders".to_owned(),
            fate,
        }
    }

    /// Its producer has broken before: what it refused then is no refusal, and what it left behind goes before what
    /// follows.
    #[tokio::test]
    async fn a_producer_that_is_gone_refuses_nothing_and_holds_up_what_it_did_not_publish() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outbox.db").display().to_string();
        let (address, table) = (path.parse().unwrap(), "outbox".parse().unwrap());
        let patience = Duration::from_secs(30);
        let outbox = open(&address, &table, patience).await.unwrap();
        outbox.create().await.unwrap();
        let connection = Connection {
            brokers: "127.0.0.1:1".to_owned(),
            timeout: patience,
            properties: Vec::new(),
            verbose_client_logs: false,
        };
        let (cluster, stop) = (Cluster::new(connection).unwrap(), Stop::new());
        let watch = |_: Told<'_>| {};
        let mut engine = Engine::new(&cluster, outbox, RelayRequest::default(), &stop, &watch);
        let flight = Flight::with(vec![
            passenger("published", Fate::Published),
            passenger("refused", Fate::Refused(Error::failed("closed"))),
            passenger("open", Fate::Open),
            passenger("kept", Fate::Kept),
        ]);
        let unpublished = engine.land(flight).await.unwrap();
        let mut ids: Vec<String> = unpublished.into_iter().map(|(_, id)| id).collect();
        ids.sort();
        assert_eq!(ids, ["kept", "open", "refused"]);
        let tally = &engine.tally;
        assert_eq!((tally.figures.refused, tally.released), (0, 2));
    }
}
