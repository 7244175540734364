//! Chaos: what goes wrong on purpose while orders come in.
//!
//! - [`schedule`]: what, and when; pure. [`told`]: what of it happened.
//! - [`mortal`]: what keeps a killed instance from doing more than a killed process could.
//!
//! An instance that is killed is a member that stops in the middle of its work: nothing is committed, the group is not
//! told, its producer and what that has not sent yet are gone, and the claims it has stay until their lease is over. A
//! second later another is started in its place, under another name. What it has done is known from the memory of events
//! of its service, a SQLite file, which is what outlives the process of a real service.

mod mortal;
mod schedule;
mod told;

pub(super) use mortal::Mortal;
pub(super) use schedule::Scene;
pub use told::{ChaosEvent, What};

use super::fleet::Fleet;
use super::options::{RestartBroker, Storyteller};
use super::outbox::Relays;
use super::provider::Provider;
use crate::error::{Error, Result};
use schedule::{Act, Step};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Makes things go wrong when their time has come.
pub(super) struct Chaos {
    steps: VecDeque<Step>,
    started: Instant,
    provider: Arc<Provider>,
    restart_broker: Option<RestartBroker>,
    /// The broker is away.
    restarting: Option<JoinHandle<Result<()>>>,
    told: Vec<ChaosEvent>,
    storyteller: Option<Storyteller>,
}

impl Chaos {
    /// Begins now.
    pub(super) fn begin(
        steps: Vec<Step>,
        provider: Arc<Provider>,
        restart_broker: Option<RestartBroker>,
        storyteller: Option<Storyteller>,
    ) -> Self {
        Chaos {
            steps: steps.into(),
            started: Instant::now(),
            provider,
            restart_broker,
            restarting: None,
            told: Vec::new(),
            storyteller,
        }
    }

    /// Whether everything that was to go wrong did.
    pub(super) fn is_over(&self) -> bool {
        self.steps.is_empty() && self.restarting.is_none()
    }

    /// Nothing more goes wrong, also when the run ends early: the broker comes back, so that members can leave in order.
    /// Answers what happened.
    pub(super) async fn end(mut self) -> Vec<ChaosEvent> {
        if let Some(restarting) = self.restarting.take() {
            match restarting.await {
                Ok(Ok(())) => self.tell(What::Up, "broker"),
                Ok(Err(error)) => tracing::warn!("{}", error.one_line()),
                Err(error) => tracing::warn!("the broker was not started again: {error}"),
            }
        }
        self.told
    }

    /// Does what is due. While the broker is away nothing else is begun: an instance that is started then would find
    /// nobody.
    ///
    /// # Errors
    /// The broker does not come back, or an instance cannot be started.
    pub(super) async fn act(
        &mut self,
        fleet: &mut Fleet,
        relays: Option<&mut Relays>,
    ) -> Result<()> {
        let mut relays = relays;
        let of_relays = relays.as_deref_mut().map(Relays::news);
        for (what, whom) in fleet
            .news()
            .into_iter()
            .chain(of_relays.unwrap_or_default())
        {
            self.tell(what, whom);
        }
        if let Some(restarting) = self
            .restarting
            .take_if(|restarting| restarting.is_finished())
        {
            let restarted = restarting.await;
            restarted.map_err(|error| {
                Error::failed("the broker was not started again").caused_by(error)
            })??;
            self.tell(What::Up, "broker");
        }
        while self.restarting.is_none()
            && let Some(step) = self
                .steps
                .pop_front_if(|step| step.at <= self.started.elapsed())
        {
            self.perform(step.act, fleet, relays.as_deref_mut()).await?;
        }
        Ok(())
    }

    async fn perform(
        &mut self,
        act: Act,
        fleet: &mut Fleet,
        relays: Option<&mut Relays>,
    ) -> Result<()> {
        match act {
            Act::Kill { service, nth } => {
                if let Some(name) = fleet.kill(service, nth) {
                    self.tell(What::Killed, name);
                }
            }
            Act::Replace { service } => {
                let name = fleet.start_another(service)?;
                self.tell(What::Started, name);
            }
            Act::Add { service } => {
                let name = fleet.start_another(service)?;
                self.tell(What::Added, name);
            }
            Act::PaymentDown => {
                self.provider.set_down(true);
                self.tell(What::Down, "payment provider");
            }
            Act::PaymentUp => {
                self.provider.set_down(false);
                self.tell(What::Up, "payment provider");
            }
            Act::RestartBroker(away) => {
                if let Some(restart) = &self.restart_broker {
                    self.restarting = Some(tokio::spawn(restart(away)));
                    self.tell(What::Killed, "broker");
                }
            }
            Act::KillRelay { nth } => {
                if let Some(name) = relays.and_then(|relays| relays.kill(nth)) {
                    self.tell(What::Killed, name);
                }
            }
            Act::ReplaceRelay => {
                if let Some(relays) = relays {
                    let name = relays.start_another().await?;
                    self.tell(What::Started, name);
                }
            }
        }
        Ok(())
    }

    fn tell(&mut self, what: What, whom: impl Into<String>) {
        let event = ChaosEvent::new(self.started.elapsed(), what, whom);
        tracing::info!("chaos: {}", event.sentence());
        if let Some(storyteller) = &self.storyteller {
            storyteller(&event);
        }
        self.told.push(event);
    }
}

/// How often a service has to try what fails for as long as the payment provider is down, and then some: it is told to
/// come again after [`super::provider::COME_AGAIN`], and waits no less.
pub(super) fn attempts(outage: Duration) -> u32 {
    let patience = outage * 2 + Duration::from_secs(60);
    u32::try_from(patience.as_millis() / super::provider::COME_AGAIN.as_millis())
        .unwrap_or(u32::MAX)
}
