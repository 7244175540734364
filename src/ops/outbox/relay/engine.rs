//! The loop: claim, send, and settle what was sent before.

use super::claiming::Claimed;
use super::flight::{Aggregate, Flight, Manner};
use super::missing::Missing;
use super::outcome::{RelayOutcome, Tally};
use super::sender::{BATCH_BYTES, Sender};
use super::waiting::Waiting;
use super::{Lease, RelayRequest, Told, Watch};
use crate::error::{Error, Kind, Result};
use crate::kafka::Cluster;
use crate::model::outbox::{OnDead, OutboxEvent, Settled};
use crate::ops::consume::Backoff;
use crate::ops::largest_batch::largest_batch;
use crate::ops::stop::Stop;
use crate::store::outbox::Outbox;
use crate::store::outbox::error_of;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The first claim; each is twice the one before, up to what was asked for, unless events turn out to be large.
const FIRST_CLAIM: usize = 100;

/// A cluster that takes longer to say how much a topic takes is not asked about the next one.
const SLOW: Duration = Duration::from_secs(1);

/// So many producers in a row may break before one of them has published anything.
const BROKEN: u32 = 5;

/// Nobody else's name.
pub(super) fn new_owner() -> String {
    format!("eda-{}-{:016x}", std::process::id(), fastrand::u64(..))
}

pub(super) struct Engine<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) outbox: Arc<dyn Outbox>,
    pub(super) owner: String,
    pub(super) request: RelayRequest,
    pub(super) stop: &'a Stop,
    pub(super) watch: Watch<'a>,
    pub(super) lease: Lease,
    pub(super) sender: Option<Sender>,
    /// What topics take at most in a batch, where it is known.
    pub(super) limits: HashMap<String, Option<u32>>,
    /// How many events the next claim is for.
    pub(super) limit: usize,
    /// Until when events wait that this relay has had refused.
    pub(super) due: Option<Instant>,
    /// When what is in hand must be over, once it is to stop.
    pub(super) deadline: Option<tokio::time::Instant>,
    pub(super) database: Waiting,
    pub(super) kafka: Waiting,
    pub(super) backoff: Backoff,
    pub(super) tally: Tally,
    /// How many producers broke in a row.
    pub(super) broken: u32,
    /// Topics that are not there.
    pub(super) missing: Missing,
    /// Until when what others have in hand is waited for.
    pub(super) others: Option<Instant>,
    /// A claim found nothing, and then nobody else had anything in hand.
    pub(super) was_free: bool,
    /// That it has nothing to do was told.
    pub(super) was_idle: bool,
    /// Topics of which a refusal was told.
    pub(super) told: BTreeSet<String>,
    began: Instant,
}

impl<'a> Engine<'a> {
    pub(super) fn new(
        cluster: &'a Cluster,
        outbox: Arc<dyn Outbox>,
        request: RelayRequest,
        stop: &'a Stop,
        watch: Watch<'a>,
    ) -> Self {
        let (base, cap) = request.backoff;
        let owner = new_owner();
        let lease = Lease::keep(Arc::clone(&outbox), owner.clone(), request.lease);
        Engine {
            cluster,
            outbox,
            owner,
            limit: FIRST_CLAIM.min(request.batch),
            backoff: Backoff::new(base, cap, fastrand::Rng::new()),
            missing: Missing::new((base, cap), request.once),
            others: None,
            was_free: false,
            was_idle: false,
            request,
            stop,
            watch,
            lease,
            sender: None,
            limits: HashMap::new(),
            due: None,
            deadline: None,
            database: Waiting::new("the database"),
            kafka: Waiting::new("Kafka"),
            tally: Tally::default(),
            broken: 0,
            told: BTreeSet::new(),
            began: Instant::now(),
        }
    }

    pub(super) fn outcome(self, ended: Result<()>) -> RelayOutcome {
        let (elapsed, stopped) = (self.began.elapsed(), self.stop.requested());
        let named = self.outbox.named().to_owned();
        self.tally.outcome(named, elapsed, stopped, ended.err())
    }

    /// Until it is to stop, or nothing is left.
    pub(super) async fn run(&mut self) -> Result<()> {
        // A wrong address is told at once; whoever goes away later is waited for.
        self.cluster.ping().await?;
        // So are properties that are wrong, before anything is claimed.
        let lingers = self.request.on_dead == OnDead::Park;
        self.sender = Some(Sender::open(self.cluster, BATCH_BYTES, lingers)?);
        // What waits for a topic has been waiting for somebody who looks, too.
        self.hasten().await;
        let mut under_way = None;
        let ended = self.work(&mut under_way).await;
        // What is in hand comes first, however it ends.
        let landed = match under_way {
            Some(flight) => self.land(flight).await.map(drop),
            None => Ok(()),
        };
        // It has put off what it was not to try twice.
        if self.request.once && self.missing.has_put_off() {
            self.hasten().await;
        }
        ended.and(landed)
    }

    async fn work(&mut self, under_way: &mut Option<Flight>) -> Result<()> {
        let one_at_a_time = self.request.on_dead == OnDead::Block;
        while self.stop.requested().is_none() {
            self.show();
            // Behind what was not sent nothing may be sent.
            if let Some(flight) = under_way.take_if(|flight| flight.is_cut_short) {
                self.land(flight).await?;
                continue;
            }
            let events = match self.claim().await? {
                Claimed::Events(events) => events,
                Claimed::Stopped => return Ok(()),
                Claimed::Lost => {
                    if let Some(flight) = under_way.take() {
                        self.land(flight).await?;
                    }
                    self.take_another_name();
                    continue;
                }
            };
            if events.is_empty() {
                if let Some(flight) = under_way.take() {
                    self.land(flight).await?;
                } else if !self.pause().await? {
                    return self.look_back().await;
                }
                continue;
            }
            self.tally.figures.in_hand += events.len() as u64;
            self.lease.set(true);
            let mut held = HashSet::new();
            let stop = self.stop;
            let asked = tokio::select! {
                company = self.company(&events) => Some(company),
                _ = stop.wait() => None,
            };
            let Some(company) = asked else {
                return self.give_back(events).await;
            };
            let is_new = self
                .sender
                .as_ref()
                .is_none_or(|sender| sender.company > company);
            // To a topic that was not there nothing is sent behind what may find it so once more, and nothing of an
            // aggregate before what waits for its turn.
            let retries = !self.missing.is_empty()
                && events
                    .iter()
                    .any(|event| self.missing.knows(&self.request.topic.topic(&event.event)));
            let has_queues = under_way.as_ref().is_some_and(Flight::has_queues);
            if (one_at_a_time || is_new || retries || has_queues)
                && let Some(flight) = under_way.take()
            {
                held = self.land(flight).await?;
            }
            if let Some(flight) = under_way.as_mut() {
                held.extend(flight.unpublished());
            }
            let sender = match self.provide(company) {
                Ok(sender) => sender,
                Err(error) => {
                    self.give_back(events).await?;
                    return Err(error);
                }
            };
            let flight = self.launch(sender, events, held, under_way.as_ref());
            if let Some(earlier) = under_way.replace(flight) {
                self.land(earlier).await?;
            }
        }
        Ok(())
    }

    /// The producer there is, or another one: smaller batches need one, larger ones are no need.
    fn provide(&mut self, company: u32) -> Result<Sender> {
        match self.sender.take_if(|sender| sender.company <= company) {
            Some(sender) => Ok(sender),
            None => Sender::open(self.cluster, company, self.request.on_dead == OnDead::Park),
        }
    }

    fn launch(
        &mut self,
        sender: Sender,
        events: Vec<OutboxEvent>,
        mut held: HashSet<Aggregate>,
        under_way: Option<&Flight>,
    ) -> Flight {
        let manner = Manner {
            template: &self.request.topic,
            one_at_a_time: self.request.on_dead == OnDead::Block,
            type_header: self.request.type_header.clone(),
            missing: &self.missing,
            bytes: under_way.map_or(0, |flight| flight.bytes),
        };
        Flight::begin(self.sender.insert(sender), events, &manner, &mut held)
    }

    /// Whoever comes next may have them.
    async fn give_back(&mut self, events: Vec<OutboxEvent>) -> Result<()> {
        let released = |event: &OutboxEvent| (event.position, Settled::Released);
        let outcomes: Vec<_> = events.iter().map(released).collect();
        self.tally.figures.in_hand -= outcomes.len() as u64;
        self.write_down(&outcomes).await.map(drop)
    }

    /// The most bytes of a batch that all topics take, as far as the cluster says.
    async fn company(&mut self, events: &[OutboxEvent]) -> u32 {
        let topics: BTreeSet<String> = events
            .iter()
            .map(|event| self.request.topic.topic(&event.event))
            .collect();
        for topic in topics {
            if self.limits.contains_key(&topic) || self.missing.rests(&topic).is_some() {
                continue;
            }
            let asked = Instant::now();
            let limit = largest_batch(self.cluster, &topic).await;
            if limit.is_none() && asked.elapsed() > SLOW {
                break;
            }
            self.limits.insert(topic, limit);
        }
        let known = self.limits.values().flatten();
        known.copied().min().unwrap_or(BATCH_BYTES).min(BATCH_BYTES)
    }

    pub(super) fn show(&mut self) {
        self.tally.figures.stopping = self.stop.requested().is_some();
        (self.watch)(Told::Progress(&self.tally.figures));
    }

    /// A producer that broke is replaced, a few times.
    pub(super) fn replace(&mut self, why: Error) -> Result<()> {
        self.sender = None;
        self.broken += 1;
        if self.broken >= BROKEN && why.kind() != Kind::Unreachable {
            return Err(why);
        }
        let text = format!("the producer begins anew: {}", why.one_line());
        (self.watch)(Told::Warning(&text));
        Ok(())
    }

    /// What became of claimed events.
    pub(super) async fn write_down(&mut self, outcomes: &[(i64, Settled)]) -> Result<bool> {
        loop {
            match self.outbox.settle(&self.owner, outcomes).await {
                Ok(_) => {
                    self.database.is_over(self.watch);
                    return Ok(true);
                }
                Err(outage) if !outage.passing => return Err(error_of(outage)),
                Err(outage) => {
                    let pause = self.database.goes_on(&outage.message, self.watch);
                    if self.is_over(&self.database) {
                        return Err(error_of(outage));
                    }
                    let deadline = self.grace();
                    let end = deadline.unwrap_or_else(|| tokio::time::Instant::now() + pause);
                    tokio::time::sleep(pause).await;
                    if deadline.is_some() && tokio::time::Instant::now() >= end {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// When what is in hand must be over; `None` while nobody has asked to stop.
    pub(super) fn grace(&mut self) -> Option<tokio::time::Instant> {
        self.stop.requested()?;
        let grace = self.request.grace;
        Some(
            *self
                .deadline
                .get_or_insert_with(|| tokio::time::Instant::now() + grace),
        )
    }
}
