//! A run from its first topic to its report.

use super::audit::{Audit, Invariant, Known, judge};
use super::chance::Dice;
use super::chaos::{Chaos, Scene};
use super::event::{Clock, Event};
use super::fleet::{Equipment, Fleet, memories};
use super::folder::temporary_folder;
use super::handler::{AuditHandler, Publisher};
use super::lag::lags;
use super::options::{DemoOptions, DemoProgress};
use super::orders::Desk;
use super::outbox::{OrderStore, Relays};
use super::provider::Provider;
use super::report::{DeadLetters, DemoReport, Orders, ServiceReport};
use super::sabotage::Sabotage;
use super::timeline::Witness;
use super::topology::{AUDIT, Names, PARTITIONS, SERVICES};
use super::{JOINING, LOOK, cleanup, orders, topics};
use crate::error::{Error, Result};
use crate::kafka::Cluster;
use crate::ops::outbox::relay::refuse_properties;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a run may take besides what its orders take.
const PATIENCE: Duration = Duration::from_secs(60);
const PATIENCE_PER_ORDER: Duration = Duration::from_millis(20);

/// How long a group needs, after the session of a member that was killed, to find out that it has none.
const NOTICING: Duration = Duration::from_secs(3);

/// Seeds that are chosen are short enough to be typed.
const SEEDS: u64 = 1_000_000;

/// Runs the order pipeline on this cluster until nothing is left to do, and judges what came of it.
///
/// It ends with a report even when the pipeline stalls: after a minute, and the time its orders may take, whatever is
/// then missing breaks an invariant.
///
/// # Errors
/// Options that make no sense, client properties that do not go with a relay, a cluster that cannot be reached, a topic of the run that exists already, a service
/// that stopped by itself, and [`DemoOptions::stop`].
pub async fn run(cluster: &Cluster, options: &DemoOptions) -> Result<DemoReport> {
    options.check()?;
    if options.outbox {
        // The relays would refuse them when topics exist and members are at work.
        refuse_properties(&cluster.connection().properties)?;
    }
    let dice = Dice {
        seed: options.seed.unwrap_or_else(|| fastrand::u64(..SEEDS)),
        rates: options.rates,
    };
    let followed = options
        .follow
        .map(|follow| follow.choose(options.orders, &dice));
    let followed = followed.transpose()?;
    let names = Names::new(&options.prefix);
    // From here on, what exists is ours to clean up.
    refuse_existing(cluster, &names).await?;
    let outcome = Run::start(cluster, options, &names, dice, followed).await;
    let outcome = match outcome {
        Ok(run) => run.finish().await,
        Err(error) => Err(error),
    };
    let left_behind = match options.prefix.is_empty() {
        true => Vec::new(),
        false => {
            let session = options.chaos.as_ref().map(|chaos| chaos.session_timeout);
            let patience = session.map_or(Duration::ZERO, |session| session + NOTICING);
            cleanup::clean_up(cluster, &names, options.keep, patience).await
        }
    };
    let mut report = cleanup::saying(outcome, &left_behind)?;
    report.left_behind = left_behind;
    Ok(report)
}

/// A run under way.
struct Run<'a> {
    cluster: &'a Cluster,
    options: &'a DemoOptions,
    orders: Vec<String>,
    started: Instant,
    clock: Clock,
    publisher: Publisher,
    provider: Arc<Provider>,
    audit: Arc<AuditHandler>,
    witness: Option<Arc<Witness>>,
    fleet: Fleet,
    store: Option<OrderStore>,
    relays: Option<Relays>,
    chaos: Option<Chaos>,
    produced: Arc<AtomicU64>,
    /// What the services keep in files, until the run is over.
    _folder: Option<TempDir>,
}

impl<'a> Run<'a> {
    async fn start(
        cluster: &'a Cluster,
        options: &'a DemoOptions,
        names: &Names,
        dice: Dice,
        followed: Option<String>,
    ) -> Result<Run<'a>> {
        let started = Instant::now();
        let clock = Clock::start();
        let witness = followed.map(|order| Arc::new(Witness::new(order, names.clone(), clock)));
        topics::create(cluster, names.topics(), PARTITIONS).await?;
        let publisher = Publisher::open(cluster.connection(), names.clone(), dice)?;
        let service = SERVICES.iter().find(|service| service.name == AUDIT);
        let service = service.ok_or_else(|| Error::failed("there is no audit"))?;
        let sabotage = Sabotage::new(options.sabotage, names.clone(), dice);
        let audit = Audit::new(names.clone());
        let audit = AuditHandler::new(service, audit, sabotage, dice, witness.clone());
        let audit = Arc::new(audit);
        let provider: Arc<Provider> = Arc::default();
        let folder = match options.chaos.is_some() || options.outbox {
            true => Some(temporary_folder("eda-demo-")?),
            false => None,
        };
        let path = folder.as_ref().map(TempDir::path);
        let timeout = cluster.connection().timeout;
        let store = match path.filter(|_| options.outbox) {
            Some(path) => {
                let crashes = options.chaos.is_some();
                Some(OrderStore::create(path, timeout, dice, crashes).await?)
            }
            None => None,
        };
        let equipment = Equipment {
            cluster: cluster.clone(),
            publisher: publisher.clone(),
            audit: Arc::clone(&audit),
            clock,
            provider: Arc::clone(&provider),
            witness: witness.clone(),
            memories: memories(path, names, timeout).await?,
            chaos: options.chaos.clone(),
        };
        Ok(Run {
            cluster,
            options,
            orders: orders::ids(options.orders),
            started,
            clock,
            publisher,
            provider,
            audit,
            witness,
            fleet: Fleet::start(equipment, options)?,
            relays: match &store {
                Some(store) => {
                    Some(Relays::start(cluster, store, names, options.chaos.is_some()).await?)
                }
                None => None,
            },
            store,
            chaos: None,
            produced: Arc::default(),
            _folder: folder,
        })
    }

    async fn finish(mut self) -> Result<DemoReport> {
        let worked = self.work().await;
        let chaos = match self.chaos.take() {
            Some(chaos) => Some(chaos.end().await),
            None => None,
        };
        if let Some(relays) = self.relays.take() {
            relays.stop().await;
        }
        let instances = self.fleet.instances();
        let figures = self.fleet.stop().await;
        worked?;
        let names = &self.publisher.names;
        if self.options.sabotage == Some(Invariant::NoLag) {
            self.produce_what_nobody_reads().await?;
        }
        let lags = lags(self.cluster, names).await?;
        let services = SERVICES.iter().map(|service| {
            let group = names.group(service);
            let lag = lags.get(&group).copied().flatten();
            let figures = figures.get(service.name).cloned().unwrap_or_default();
            let instances = instances.get(service.name).copied().unwrap_or_default();
            ServiceReport::new(service.name, group, instances, &figures, lag)
        });
        let services = services.collect();
        let letters = |(topic, count): (&String, &u64)| DeadLetters {
            topic: topic.clone(),
            count: *count,
        };
        let (stored, outbox) = match &self.store {
            Some(store) => {
                let first = self.orders.first().map_or("", String::as_str);
                store.sabotage(self.options.sabotage, first).await?;
                let stored = store.orders().await?;
                let report = store.report(stored.len()).await?;
                (Some(stored), Some(report))
            }
            None => (None, None),
        };
        let known = Known {
            put_in: &self.orders,
            lags: &lags,
            charges: &self.provider.charges(),
            stored: stored.as_ref(),
        };
        Ok(self.audit.look(|audit| DemoReport {
            seed: self.publisher.dice.seed,
            duration_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            orders: Orders::new(self.options.orders, audit.ends()),
            services,
            invariants: judge(audit, &known),
            dead_letters: audit.letters().iter().map(letters).collect(),
            chaos,
            outbox,
            timeline: self.witness.as_ref().map(|witness| witness.timeline()),
            left_behind: Vec::new(),
        }))
    }

    /// Puts the orders in and waits until everyone has done everything, or the time is over.
    async fn work(&mut self) -> Result<()> {
        // Then the run goes on with those who did.
        let joining = Instant::now() + JOINING;
        while !self.fleet.has_joined() && Instant::now() < joining {
            self.look().await?;
        }
        let rate = self.unleash();
        let mut producing = tokio::task::JoinSet::new();
        producing.spawn(orders::put_in(
            self.orders.clone(),
            rate,
            self.store.clone().map_or(Desk::Topic, Desk::Store),
            self.publisher.clone(),
            self.clock,
            Arc::clone(&self.produced),
        ));
        let deadline = Instant::now() + self.patience();
        while Instant::now() < deadline {
            self.look().await?;
            if let Some(ended) = producing.try_join_next() {
                ended.map_err(|error| Error::failed("no orders came in").caused_by(error))??;
            }
            let is_over = self.chaos.as_ref().is_none_or(Chaos::is_over);
            if producing.is_empty() && is_over && self.is_quiet().await {
                break;
            }
        }
        self.tell();
        Ok(())
    }

    /// Begins the chaos, if there is to be any; answers how many orders a second are to come in.
    fn unleash(&mut self) -> Option<f64> {
        let Some(options) = &self.options.chaos else {
            return self.options.rate;
        };
        let scene = Scene {
            outage: options.payment_outage,
            broker: options.restart_broker.is_some(),
            relays: self.relays.is_some(),
        };
        let span = scene.span(self.options.rate.map(|rate| self.arriving(rate)));
        self.chaos = Some(Chaos::begin(
            scene.schedule(&self.publisher.dice, span),
            Arc::clone(&self.provider),
            options.restart_broker.clone(),
            options.storyteller.clone(),
        ));
        let spread = self.options.orders as f64 / span.as_secs_f64();
        Some(self.options.rate.unwrap_or(spread))
    }

    /// How long orders come in at so many a second.
    fn arriving(&self, rate: f64) -> Duration {
        // Beyond ten years it does not matter, and would not fit.
        Duration::from_secs_f64((self.options.orders as f64 / rate).min(3e8))
    }

    /// Lets a moment pass, in which nothing may have gone wrong.
    async fn look(&mut self) -> Result<()> {
        self.fleet.check().await?;
        if let Some(chaos) = &mut self.chaos {
            chaos.act(&mut self.fleet, self.relays.as_mut()).await?;
        }
        if let Some(relays) = &mut self.relays {
            relays.check().await?;
        }
        if let Some(status) = self.options.stop.requested() {
            return Err(Error::stopped(status));
        }
        self.tell();
        tokio::time::sleep(LOOK).await;
        Ok(())
    }

    /// Whether everything is published, and every group has read everything.
    async fn is_quiet(&self) -> bool {
        if let Some(store) = &self.store
            && !store.is_quiet().await
        {
            return false;
        }
        match lags(self.cluster, &self.publisher.names).await {
            Ok(lags) => lags.values().all(|lag| *lag == Some(0)),
            Err(error) => {
                // A hiccup: asked again soon, and at the end for good.
                tracing::debug!("the lag is unknown: {}", error.one_line());
                false
            }
        }
    }

    fn patience(&self) -> Duration {
        let arriving = self.options.rate.map(|rate| self.arriving(rate));
        let working = PATIENCE_PER_ORDER.mul_f64(self.options.orders as f64);
        let chaos = self.options.chaos.as_ref();
        // Twice: what piles up while payment is down has to be worked off.
        let recovering = chaos.map_or(Duration::ZERO, |chaos| PATIENCE + chaos.payment_outage * 2);
        PATIENCE + arriving.unwrap_or_default() + working + recovering
    }

    fn tell(&self) {
        if let Some(progress) = &self.options.progress {
            let ends = self.audit.look(Audit::ends);
            progress(DemoProgress {
                orders: self.options.orders,
                produced: self.produced.load(Ordering::Relaxed),
                shipped: ends.shipped,
                cancelled: ends.cancelled,
                parked: ends.parked,
            });
        }
    }

    /// An event that comes when all members have left.
    async fn produce_what_nobody_reads(&self) -> Result<()> {
        let dice = &self.publisher.dice;
        match Event::first("order-too-late", dice, self.clock.now_ms()) {
            Some(event) => self.publisher.publish(&event).await,
            None => Ok(()),
        }
    }
}

async fn refuse_existing(cluster: &Cluster, names: &Names) -> Result<()> {
    let existing = cleanup::topics(cluster, names).await?;
    match existing.first() {
        Some(topic) => Err(Error::failed(format!("topic `{topic}` exists already"))
            .hint("the demo works on topics of its own: give it another prefix")),
        None => Ok(()),
    }
}
