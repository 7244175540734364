//! The loop: claim, send, and settle what was sent before.

use super::super::refused;
use super::flight::{Aggregate, Flight, Manner};
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
use crate::store::Outage;
use crate::store::outbox::Outbox;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long nothing is looked for when there was nothing: whatever tells of new events may be missed.
const POLL: Duration = Duration::from_millis(500);

/// The first claim; each is twice the one before, up to what was asked for, unless events turn out to be large.
const FIRST_CLAIM: usize = 100;

/// What a claim is to weigh at most, going by the one before it.
const CLAIM_BYTES: usize = 16 * 1024 * 1024;

/// A cluster that takes longer to say how much a topic takes is not asked about the next one.
const SLOW: Duration = Duration::from_secs(1);

/// So many producers in a row may break before one of them has published anything.
const BROKEN: u32 = 5;

pub(super) struct Engine<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) outbox: Arc<dyn Outbox>,
    pub(super) owner: String,
    pub(super) request: RelayRequest,
    pub(super) stop: &'a Stop,
    pub(super) watch: Watch<'a>,
    pub(super) lease: &'a Lease,
    pub(super) sender: Option<Sender>,
    /// What topics take at most in a batch, where it is known.
    pub(super) limits: HashMap<String, Option<u32>>,
    /// How many events the next claim is for.
    limit: usize,
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
    /// Topics of which a refusal was told.
    pub(super) told: BTreeSet<String>,
    began: Instant,
}

impl<'a> Engine<'a> {
    pub(super) fn new(
        cluster: &'a Cluster,
        outbox: Arc<dyn Outbox>,
        owner: String,
        request: RelayRequest,
        stop: &'a Stop,
        watch: Watch<'a>,
        lease: &'a Lease,
    ) -> Self {
        let (base, cap) = request.backoff;
        Engine {
            cluster,
            outbox,
            owner,
            limit: FIRST_CLAIM.min(request.batch),
            backoff: Backoff::new(base, cap, fastrand::Rng::new()),
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
        self.tally.outcome(elapsed, stopped, ended.err())
    }

    /// Until it is to stop, or nothing is left.
    pub(super) async fn run(&mut self) -> Result<()> {
        // A wrong address is told at once; whoever goes away later is waited for.
        self.cluster.ping().await?;
        // So are properties that are wrong, before anything is claimed.
        let lingers = self.request.on_dead == OnDead::Park;
        self.sender = Some(Sender::open(self.cluster, BATCH_BYTES, lingers)?);
        let mut under_way = None;
        let ended = self.work(&mut under_way).await;
        // What is in hand comes first, however it ends.
        let landed = match under_way {
            Some(flight) => self.land(flight).await.map(drop),
            None => Ok(()),
        };
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
            let Some(events) = self.claim().await? else {
                return Ok(());
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
            if (one_at_a_time || is_new)
                && let Some(flight) = under_way.take()
            {
                held = self.land(flight).await?;
            }
            let flight = self.launch(events, company, held, under_way.as_ref())?;
            if let Some(earlier) = under_way.replace(flight) {
                self.land(earlier).await?;
            }
        }
        Ok(())
    }

    fn launch(
        &mut self,
        events: Vec<OutboxEvent>,
        company: u32,
        mut held: HashSet<Aggregate>,
        under_way: Option<&Flight>,
    ) -> Result<Flight> {
        let one_at_a_time = self.request.on_dead == OnDead::Block;
        // Smaller batches need another producer; larger ones are no need.
        let usable = self.sender.take_if(|sender| sender.company <= company);
        let usable = match usable {
            Some(sender) => sender,
            None => Sender::open(self.cluster, company, !one_at_a_time)?,
        };
        let sender = self.sender.insert(usable);
        let manner = Manner {
            template: &self.request.topic,
            one_at_a_time,
            bytes: under_way.map_or(0, |flight| flight.bytes),
        };
        Ok(Flight::begin(sender, events, &manner, &mut held))
    }

    /// Whoever comes next may have them.
    async fn give_back(&mut self, events: Vec<OutboxEvent>) -> Result<()> {
        let released = |event: &OutboxEvent| (event.position, Settled::Released);
        let outcomes: Vec<_> = events.iter().map(released).collect();
        self.tally.figures.in_hand -= outcomes.len() as u64;
        self.write_down(&outcomes).await.map(drop)
    }

    /// Claims the next batch; `None` when it is to stop before the database answers.
    async fn claim(&mut self) -> Result<Option<Vec<OutboxEvent>>> {
        loop {
            let (lease, on_dead) = (self.request.lease, self.request.on_dead);
            let claimed = self
                .outbox
                .claim(&self.owner, self.limit, lease, on_dead)
                .await;
            match claimed {
                Ok(events) => {
                    self.database.is_over(self.watch);
                    self.reckon(&events);
                    return Ok(Some(events));
                }
                Err(outage) => {
                    if !self.wait_for_database(outage).await? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// How many the next claim may be for, so that what is in hand fits into memory.
    fn reckon(&mut self, events: &[OutboxEvent]) {
        let bytes: usize = events
            .iter()
            .map(|event| super::sender::size(&event.event))
            .sum();
        self.limit = match bytes > CLAIM_BYTES {
            true => events.len().saturating_mul(CLAIM_BYTES) / bytes,
            false => self.limit.saturating_mul(2),
        };
        self.limit = self.limit.clamp(1, self.request.batch.max(1));
    }

    /// Waits a moment for a database that did not answer; false when it is to stop.
    ///
    /// # Errors
    /// Waiting does not help, or is over.
    pub(super) async fn wait_for_database(&mut self, outage: Outage) -> Result<bool> {
        if !outage.passing {
            return Err(refused(outage));
        }
        let pause = self.database.goes_on(&outage.message, self.watch);
        if self.is_over(&self.database) {
            return Err(refused(outage));
        }
        Ok(self.rest(pause).await)
    }

    /// Whether one run alone has waited long enough.
    pub(super) fn is_over(&self, waiting: &Waiting) -> bool {
        self.request.once && waiting.lasts() > self.cluster.connection().timeout
    }

    /// Whether it is to go on after this long.
    async fn rest(&self, pause: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            _ = self.stop.wait() => false,
        }
    }

    /// There is nothing to claim: waits until there may be. False when it is over.
    async fn pause(&mut self) -> Result<bool> {
        self.lease.set(false);
        let mut pause = POLL;
        if self.request.once {
            // What was refused in this run has the attempts it is given; what others have in hand is theirs.
            let left = self
                .due
                .map(|due| due.saturating_duration_since(Instant::now()));
            match left {
                Some(left) => pause = POLL.min(left + Duration::from_millis(1)),
                None => return Ok(false),
            }
            if left == Some(Duration::ZERO) {
                self.due = None;
            }
        }
        let added = tokio::select! {
            added = self.outbox.added(pause) => added,
            _ = self.stop.wait() => return Ok(true),
        };
        match added {
            Ok(()) => Ok(true),
            Err(outage) => {
                self.wait_for_database(outage).await?;
                Ok(true)
            }
        }
    }

    /// What there is that could not be claimed.
    async fn look_back(&mut self) -> Result<()> {
        let counts = self.outbox.counts().await.map_err(refused)?;
        self.tally.left = Some(counts.pending);
        Ok(())
    }

    /// The most bytes of a batch that all topics take, as far as the cluster says.
    async fn company(&mut self, events: &[OutboxEvent]) -> u32 {
        let topics: BTreeSet<String> = events
            .iter()
            .map(|event| self.request.topic.topic(&event.event))
            .collect();
        for topic in topics {
            if self.limits.contains_key(&topic) {
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
                Err(outage) if !outage.passing => return Err(refused(outage)),
                Err(outage) => {
                    let pause = self.database.goes_on(&outage.message, self.watch);
                    if self.is_over(&self.database) {
                        return Err(refused(outage));
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
