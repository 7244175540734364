//! All members of all services.

use super::absent::Absent;
use super::chance::Dice;
use super::chaos::{self, Mortal, What};
use super::event::Clock;
use super::handler::{AuditHandler, Publisher, ServiceHandler};
use super::options::{ChaosOptions, DemoOptions};
use super::provider::Provider;
use super::timeline::Witness;
use super::topology::{AUDIT, DLQ_TEMPLATE, Names, SERVICES, Service};
use crate::error::{Error, Kind, Result};
use crate::kafka::Cluster;
use crate::ops::consume::{Figures, Handler, Member, Meter, Order, RuntimeOptions, memory, start};
use crate::store::{Idempotency, Lasting, StoreAddress, open};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Retries come soon: the failures are made up and over at once.
const BACKOFF_BASE: Duration = Duration::from_millis(20);
const BACKOFF_CAP: Duration = Duration::from_secs(1);

/// The run is over when everything is committed, so that is not put off.
const COMMIT_INTERVAL: Duration = Duration::from_millis(100);

/// How long a member may take to finish what it has in hand.
const GRACE: Duration = Duration::from_secs(5);

/// How long the claim of an instance that was killed keeps others from its event.
const LEASE: Duration = Duration::from_secs(3);

/// What instances are made of.
pub(super) struct Equipment {
    pub(super) cluster: Cluster,
    /// Everybody's, unless there is chaos.
    pub(super) publisher: Publisher,
    pub(super) audit: Arc<AuditHandler>,
    pub(super) clock: Clock,
    pub(super) provider: Arc<Provider>,
    pub(super) witness: Option<Arc<Witness>>,
    /// What each service has done. The audit has none: it sees for itself what came twice.
    pub(super) memories: BTreeMap<&'static str, Arc<dyn Idempotency>>,
    pub(super) chaos: Option<ChaosOptions>,
}

/// The memories of all services: in files of this folder, else in this process.
pub(super) async fn memories(
    folder: Option<&Path>,
    names: &Names,
    timeout: Duration,
) -> Result<BTreeMap<&'static str, Arc<dyn Idempotency>>> {
    let mut memories = BTreeMap::new();
    for service in SERVICES.iter().filter(|service| service.name != AUDIT) {
        let durable = match folder {
            None => None,
            Some(folder) => {
                let file = folder.join(format!("{}.db", service.name));
                let lasting = Lasting {
                    lease: LEASE,
                    ..Lasting::default()
                };
                open(
                    &StoreAddress::Sqlite(file),
                    &names.group(service),
                    lasting,
                    timeout,
                )
                .await?
            }
        };
        memories.insert(service.name, durable.unwrap_or_else(memory));
    }
    Ok(memories)
}

/// `payment-2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    service: &'static str,
    number: u32,
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.service, self.number)
    }
}

/// One member, as a process would be.
struct Instance {
    name: Name,
    member: Member,
    mortal: Option<Arc<Mortal>>,
}

pub(super) struct Fleet {
    equipment: Equipment,
    instances: Vec<Instance>,
    /// How many of each service were ever started.
    started: BTreeMap<&'static str, u32>,
    /// What those did that are gone.
    gone: Vec<(&'static str, Arc<Meter>)>,
    /// Those that reached nobody.
    absent: Absent<Name>,
}

impl Fleet {
    /// Starts all members; they join their groups in the background.
    pub(super) fn start(equipment: Equipment, options: &DemoOptions) -> Result<Fleet> {
        let mut fleet = Fleet {
            equipment,
            instances: Vec::new(),
            started: BTreeMap::new(),
            gone: Vec::new(),
            absent: Absent::new(),
        };
        for service in &SERVICES {
            for _ in 0..options.instances_of(service.name) {
                fleet.start_another(service.name)?;
            }
        }
        Ok(fleet)
    }

    /// Starts one more member of this service; answers its name.
    pub(super) fn start_another(&mut self, service: &'static str) -> Result<String> {
        let started = self.started.entry(service).or_default();
        *started += 1;
        let number = *started;
        let name = Name { service, number };
        let instance = self.equipment.instance(name)?;
        self.instances.push(instance);
        Ok(name.to_string())
    }

    /// Ends a member of this service as kill -9 would; answers its name. `nth` is counted round.
    pub(super) fn kill(&mut self, service: &str, nth: u32) -> Option<String> {
        let at_work = self.instances.iter().map(|instance| instance.name);
        let victim = self
            .absent
            .victim(at_work, |name| name.service == service, nth)?;
        let mut instances = self.instances.iter();
        let Some(at) = instances.position(|instance| instance.name == victim) else {
            // It had just ended by itself.
            return Some(victim.to_string());
        };
        let instance = self.instances.remove(at);
        if let Some(mortal) = &instance.mortal {
            mortal.die();
        }
        self.part_with(&instance);
        instance.member.kill();
        Some(victim.to_string())
    }

    /// Keeps what it did.
    fn part_with(&mut self, instance: &Instance) {
        let meter = instance.member.meter();
        self.gone.push((instance.name.service, meter));
    }

    /// Whether every member is in its group.
    pub(super) fn has_joined(&self) -> bool {
        self.instances
            .iter()
            .all(|instance| instance.member.has_joined())
    }

    /// How many members each service has.
    pub(super) fn instances(&self) -> BTreeMap<&'static str, u32> {
        let mut instances = BTreeMap::new();
        for instance in &self.instances {
            *instances.entry(instance.name.service).or_default() += 1;
        }
        instances
    }

    /// Fails when a member did. Amid chaos one that was started while nobody could be reached is started again, as whoever
    /// watches over processes would.
    pub(super) async fn check(&mut self) -> Result<()> {
        let mut at = 0;
        while let Some(instance) = self.instances.get_mut(at) {
            let finished = tokio::time::timeout(Duration::ZERO, instance.member.finished()).await;
            let Ok(Err(error)) = finished else {
                at += 1;
                continue;
            };
            if self.equipment.chaos.is_none() || error.kind() != Kind::Unreachable {
                let service = instance.name.service;
                return Err(error.context(format!("the {service} service stopped")));
            }
            tracing::info!("{} ended: {}", instance.name, error.one_line());
            let instance = self.instances.remove(at);
            self.part_with(&instance);
            self.absent.gave_up(instance.name);
        }
        for name in self.absent.due() {
            let instance = self.equipment.instance(name)?;
            self.instances.push(instance);
            self.absent.started_again(name);
        }
        Ok(())
    }

    /// What was not told yet.
    pub(super) fn news(&mut self) -> Vec<(What, String)> {
        self.absent.news()
    }

    /// Stops all members, and adds up what each service did.
    pub(super) async fn stop(&mut self) -> BTreeMap<&'static str, Figures> {
        let mut stopping = tokio::task::JoinSet::new();
        for instance in std::mem::take(&mut self.instances) {
            let (service, member) = (instance.name.service, instance.member);
            stopping.spawn(async move {
                let before = member.figures();
                let stopped = member.stop().await;
                // Whatever it could not commit is lag, and reported as such.
                let figures = stopped.unwrap_or_else(|error| {
                    tracing::warn!(service, "stopping: {}", error.one_line());
                    before
                });
                (service, figures)
            });
        }
        let mut figures: BTreeMap<&'static str, Figures> = BTreeMap::new();
        for (service, meter) in std::mem::take(&mut self.gone) {
            figures.entry(service).or_default().add(&meter.snapshot());
        }
        while let Some(stopped) = stopping.join_next().await {
            if let Ok((service, of_member)) = stopped {
                figures.entry(service).or_default().add(&of_member);
            }
        }
        figures
    }
}

impl Equipment {
    fn instance(&self, name: Name) -> Result<Instance> {
        let service = SERVICES.iter().find(|known| known.name == name.service);
        let service = service.ok_or_else(|| Error::failed("there is no such service"))?;
        let publisher = match &self.chaos {
            // It dies with its instance, and what it has not sent yet with it.
            Some(_) => self.publisher.another(self.cluster.connection())?,
            None => self.publisher.clone(),
        };
        let memory = self.memories.get(service.name);
        let mortal = match (&self.chaos, memory) {
            (Some(_), Some(memory)) => Some(Arc::new(Mortal::new(Arc::clone(memory)))),
            _ => None,
        };
        let dedupe = match &mortal {
            Some(mortal) => Some(Arc::clone(mortal) as Arc<dyn Idempotency>),
            None => memory.cloned(),
        };
        let mut runtime = runtime_options(service, &publisher.names, &publisher.dice);
        runtime.dedupe = dedupe;
        if let Some(chaos) = &self.chaos {
            let session = chaos.session_timeout.as_millis().to_string();
            runtime
                .properties
                .push(("session.timeout.ms".to_owned(), session));
            runtime.max_retries = chaos::attempts(chaos.payment_outage);
        }
        let handler: Arc<dyn Handler> = match service.name {
            AUDIT => Arc::clone(&self.audit) as Arc<_>,
            _ => Arc::new(ServiceHandler {
                service,
                group: publisher.names.group(service),
                publisher,
                clock: self.clock,
                provider: Arc::clone(&self.provider),
                witness: self.witness.clone(),
            }),
        };
        Ok(Instance {
            name,
            member: start(&self.cluster, runtime, handler)?,
            mortal,
        })
    }
}

fn runtime_options(service: &Service, names: &Names, dice: &Dice) -> RuntimeOptions {
    let property = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    // Members learn from a heartbeat that another one came.
    let mut properties = vec![property("heartbeat.interval.ms", "250")];
    if service.name == AUDIT {
        // It finds the dead-letter topics, which appear while it runs.
        properties.push(property("topic.metadata.refresh.interval.ms", "200"));
    }
    RuntimeOptions {
        order: Order::Partition,
        backoff_base: BACKOFF_BASE,
        backoff_cap: BACKOFF_CAP,
        from_beginning: true,
        dlq: Some(DLQ_TEMPLATE.to_owned()),
        // The failures are made on purpose, as many as were asked for.
        breaker: false,
        commit_interval: COMMIT_INTERVAL,
        grace: GRACE,
        random_seed: Some(dice.seed),
        properties,
        ..RuntimeOptions::new(names.group(service), names.subscription(service))
    }
}
