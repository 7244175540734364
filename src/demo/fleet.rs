//! All members of all services.

use super::chance::Dice;
use super::event::Clock;
use super::handler::{AuditHandler, Publisher, ServiceHandler};
use super::options::DemoOptions;
use super::topology::{AUDIT, DLQ_TEMPLATE, Names, SERVICES, Service};
use crate::error::Result;
use crate::kafka::Cluster;
use crate::ops::consume::{Figures, Handler, Member, Order, RuntimeOptions, memory, start};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Retries come soon: the failures are made up and over at once.
const BACKOFF_BASE: Duration = Duration::from_millis(20);
const BACKOFF_CAP: Duration = Duration::from_secs(1);

/// The run is over when everything is committed, so that is not put off.
const COMMIT_INTERVAL: Duration = Duration::from_millis(100);

/// How long a member may take to finish what it has in hand.
const GRACE: Duration = Duration::from_secs(5);

pub(super) struct Fleet {
    members: Vec<(&'static Service, Member)>,
}

impl Fleet {
    /// Starts all members; they join their groups in the background.
    pub(super) fn start(
        cluster: &Cluster,
        options: &DemoOptions,
        publisher: &Publisher,
        audit: &Arc<AuditHandler>,
        clock: Clock,
    ) -> Result<Fleet> {
        let mut members = Vec::new();
        for service in &SERVICES {
            let handler: Arc<dyn Handler> = match service.name {
                AUDIT => Arc::clone(audit) as Arc<_>,
                _ => Arc::new(ServiceHandler {
                    service,
                    publisher: publisher.clone(),
                    clock,
                }),
            };
            let runtime = runtime_options(service, &publisher.names, &publisher.dice);
            for _ in 0..options.instances_of(service.name) {
                members.push((
                    service,
                    start(cluster, runtime.clone(), Arc::clone(&handler))?,
                ));
            }
        }
        Ok(Fleet { members })
    }

    /// Whether every member is in its group.
    pub(super) fn has_joined(&self) -> bool {
        self.members.iter().all(|(_, member)| member.has_joined())
    }

    /// Fails when a member did.
    pub(super) async fn check(&mut self) -> Result<()> {
        for (service, member) in &mut self.members {
            let finished = tokio::time::timeout(Duration::ZERO, member.finished()).await;
            if let Ok(outcome) = finished {
                outcome.map_err(|error| {
                    error.context(format!("the {} service stopped", service.name))
                })?;
            }
        }
        Ok(())
    }

    /// Stops all members, and adds up what each service did.
    pub(super) async fn stop(&mut self) -> BTreeMap<&'static str, Figures> {
        let mut stopping = tokio::task::JoinSet::new();
        for (service, member) in std::mem::take(&mut self.members) {
            stopping.spawn(async move {
                let before = member.figures();
                let stopped = member.stop().await;
                // Whatever it could not commit is lag, and reported as such.
                let figures = stopped.unwrap_or_else(|error| {
                    tracing::warn!(service = service.name, "stopping: {}", error.one_line());
                    before
                });
                (service.name, figures)
            });
        }
        let mut figures: BTreeMap<&'static str, Figures> = BTreeMap::new();
        while let Some(stopped) = stopping.join_next().await {
            if let Ok((service, of_member)) = stopped {
                figures.entry(service).or_default().add(&of_member);
            }
        }
        figures
    }
}

fn runtime_options(service: &Service, names: &Names, dice: &Dice) -> RuntimeOptions {
    let property = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    // Members learn from a heartbeat that another one came.
    let mut properties = vec![property("heartbeat.interval.ms", "250")];
    let mut dedupe = Some(memory());
    if service.name == AUDIT {
        // It finds the dead-letter topics, which appear while it runs.
        properties.push(property("topic.metadata.refresh.interval.ms", "200"));
        // It sees for itself what came twice.
        dedupe = None;
    }
    RuntimeOptions {
        order: Order::Partition,
        backoff_base: BACKOFF_BASE,
        backoff_cap: BACKOFF_CAP,
        from_beginning: true,
        dlq: Some(DLQ_TEMPLATE.to_owned()),
        // The failures are made on purpose, as many as were asked for.
        breaker: false,
        dedupe,
        commit_interval: COMMIT_INTERVAL,
        grace: GRACE,
        random_seed: Some(dice.seed),
        properties,
        ..RuntimeOptions::new(names.group(service), names.subscription(service))
    }
}
