//! A batch of events on its way to the brokers.

use super::missing::Missing;
use super::sender::{self, MOST_BYTES, Sender};
use super::template::TopicTemplate;
use crate::error::{Error, Kind, Result};
use crate::kafka::{Delivered, Delivery, Outlet};
use crate::model::outbox::OutboxEvent;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What may be under way at once, keys and values. What is more waits in the database.
const BYTES: usize = 32 * 1024 * 1024;

/// An aggregate's type and id.
pub(super) type Aggregate = (String, String);

/// What became of an event.
#[derive(Debug)]
pub(super) enum Fate {
    Published,
    Refused(Error),
    /// It was not sent.
    Kept,
    /// It was not sent, for its topic was not there a moment ago.
    Waiting,
    /// Nobody knows.
    Open,
}

/// An event of a batch.
pub(super) struct Passenger {
    /// Without its payload, once that was handed over.
    pub(super) event: OutboxEvent,
    pub(super) topic: String,
    pub(super) fate: Fate,
}

/// The events of one claim.
pub(super) struct Flight {
    pub(super) passengers: Vec<Passenger>,
    under_way: FuturesUnordered<UnderWay>,
    /// One at a time, as a whole or to a topic that was not there: what follows of each aggregate. Empty otherwise.
    queues: HashMap<Aggregate, Queue>,
    /// The header for the type of each, if any.
    type_header: Option<Arc<str>>,
    /// Keys and values that were handed over.
    pub(super) bytes: usize,
    /// Some are neither sent nor will be: nothing that was written after them may be.
    pub(super) is_cut_short: bool,
    /// How many have got an answer.
    pub(super) answered: usize,
}

/// What is sent of an aggregate one after the other.
struct Queue {
    /// The passenger with whose acknowledgement the next may go.
    under_way: usize,
    next: VecDeque<(usize, Outlet)>,
}

struct UnderWay {
    passenger: usize,
    delivery: Delivery,
}

impl Future for UnderWay {
    type Output = (usize, Result<Delivered>);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let passenger = self.passenger;
        Pin::new(&mut self.delivery)
            .poll(context)
            .map(|answer| (passenger, answer))
    }
}

/// How a batch is sent.
pub(super) struct Manner<'a> {
    pub(super) template: &'a TopicTemplate,
    /// The next event of an aggregate is sent when the one before it is acknowledged.
    pub(super) one_at_a_time: bool,
    pub(super) type_header: Option<Arc<str>>,
    /// Topics that were not there.
    pub(super) missing: &'a Missing,
    /// Keys and values that are under way already.
    pub(super) bytes: usize,
}

impl Flight {
    /// Sends the events in their order, but for those of aggregates that are `held`: of these one was refused.
    pub(super) fn begin(
        sender: &mut Sender,
        events: Vec<OutboxEvent>,
        manner: &Manner<'_>,
        held: &mut HashSet<Aggregate>,
    ) -> Flight {
        let mut flight = Flight {
            passengers: Vec::with_capacity(events.len()),
            under_way: FuturesUnordered::new(),
            queues: HashMap::new(),
            type_header: manner.type_header.clone(),
            bytes: 0,
            is_cut_short: false,
            answered: 0,
        };
        let mut is_full = false;
        for event in events {
            // What is too large is refused, and takes no room.
            let size = Some(sender::size(&event.event)).filter(|size| *size <= MOST_BYTES);
            let size = size.unwrap_or(0);
            let bytes = manner.bytes + flight.bytes;
            // One alone may be larger. Those behind one that has no room would overtake it.
            is_full |= bytes > 0 && bytes + size > BYTES;
            let topic = manner.template.topic(&event.event);
            let passenger = flight.passengers.len();
            flight.passengers.push(Passenger {
                event,
                topic,
                fate: Fate::Kept,
            });
            if is_full {
                flight.is_cut_short = true;
                continue;
            }
            let topic = &flight.passengers[passenger].topic;
            if manner.missing.rests(topic).is_some() {
                let waiting = &mut flight.passengers[passenger];
                waiting.fate = Fate::Waiting;
                held.insert(waiting.aggregate());
                flight.is_cut_short = true;
                continue;
            }
            // If it is made in this moment, the first that it takes is to be the first of its aggregate.
            let in_turn = manner.one_at_a_time || manner.missing.knows(topic);
            flight.bytes += size;
            flight.board(sender, passenger, held, in_turn);
        }
        flight
    }

    /// One that has landed.
    #[cfg(test)]
    pub(super) fn with(passengers: Vec<Passenger>) -> Flight {
        Flight {
            passengers,
            under_way: FuturesUnordered::new(),
            queues: HashMap::new(),
            type_header: None,
            bytes: 0,
            is_cut_short: false,
            answered: 0,
        }
    }

    fn board(
        &mut self,
        sender: &mut Sender,
        passenger: usize,
        held: &mut HashSet<Aggregate>,
        in_turn: bool,
    ) {
        if !held.is_empty() && held.contains(&self.passengers[passenger].aggregate()) {
            self.is_cut_short = true;
            return;
        }
        let in_turn = in_turn
            || !self.queues.is_empty()
                && self
                    .queues
                    .contains_key(&self.passengers[passenger].aggregate());
        let outlet = sender.outlet(&self.passengers[passenger].topic);
        let sent = outlet.and_then(|outlet| match in_turn {
            true => self.send_in_turn(passenger, outlet),
            false => self.send(passenger, &outlet),
        });
        if let Err(error) = sent {
            held.insert(self.passengers[passenger].aggregate());
            self.answer(passenger, Err(error));
        }
    }

    /// At once when it is the first of its aggregate, else when the one before it is acknowledged.
    fn send_in_turn(&mut self, passenger: usize, outlet: Outlet) -> Result<()> {
        let aggregate = self.passengers[passenger].aggregate();
        if let Some(queue) = self.queues.get_mut(&aggregate) {
            queue.next.push_back((passenger, outlet));
            return Ok(());
        }
        let queue = Queue {
            under_way: passenger,
            next: VecDeque::new(),
        };
        self.queues.insert(aggregate, queue);
        self.send(passenger, &outlet)
    }

    fn send(&mut self, passenger: usize, outlet: &Outlet) -> Result<()> {
        let sent = &mut self.passengers[passenger];
        let delivery = sender::send(outlet, &sent.event.event, self.type_header.as_deref())?;
        sent.event.event.payload = None;
        sent.fate = Fate::Open;
        self.under_way.push(UnderWay {
            passenger,
            delivery,
        });
        Ok(())
    }

    /// Waits until every event has its answer. May be dropped at any time, and called again.
    pub(super) async fn land(&mut self) {
        while let Some((passenger, answer)) = self.under_way.next().await {
            let is_refused = answer.is_err();
            self.answer(passenger, answer.map(drop));
            if !self.queues.is_empty() {
                self.follow(passenger, is_refused);
            }
        }
    }

    /// Whether some wait for those before them: what is sent now would overtake these.
    pub(super) fn has_queues(&self) -> bool {
        !self.queues.is_empty()
    }

    /// Sends the next event of the aggregate; none after one that was refused. What was sent at once, before there was a
    /// queue, makes room for nobody.
    fn follow(&mut self, passenger: usize, is_refused: bool) {
        let aggregate = self.passengers[passenger].aggregate();
        let Some(queue) = self.queues.get_mut(&aggregate) else {
            return;
        };
        if is_refused {
            queue.next.clear();
        }
        if queue.under_way != passenger {
            return;
        }
        let Some((next, outlet)) = queue.next.pop_front() else {
            return;
        };
        queue.under_way = next;
        if let Err(error) = self.send(next, &outlet) {
            self.answer(next, Err(error));
            self.queues.remove(&aggregate);
        }
    }

    /// The aggregates of which one is known by now not to be published: nothing that follows it may be sent.
    pub(super) fn unpublished(&mut self) -> HashSet<Aggregate> {
        let _ = self.land().now_or_never();
        let is_refused = |it: &&Passenger| matches!(it.fate, Fate::Refused(_) | Fate::Waiting);
        let refused = self.passengers.iter().filter(is_refused);
        refused.map(Passenger::aggregate).collect()
    }

    fn answer(&mut self, passenger: usize, answer: Result<()>) {
        self.answered += 1;
        self.passengers[passenger].fate = match answer {
            Ok(()) => Fate::Published,
            Err(error) if error.kind() == Kind::Failed => Fate::Refused(error),
            // Silence is nobody's fault.
            Err(error) => {
                tracing::debug!("no answer: {}", error.one_line());
                Fate::Open
            }
        };
    }

    /// No refusal is one: the producer can do nothing more, and nobody knows what it has done.
    pub(super) fn doubt(&mut self) {
        for passenger in &mut self.passengers {
            if matches!(passenger.fate, Fate::Refused(_)) {
                passenger.fate = Fate::Open;
            }
        }
    }
}

impl Passenger {
    pub(super) fn aggregate(&self) -> Aggregate {
        let event = &self.event.event;
        (event.aggregate_type.clone(), event.aggregate_id.clone())
    }
}
