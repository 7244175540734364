//! What a run is to be.

use super::audit::Invariant;
use super::chance::Rates;
use super::chaos::ChaosEvent;
use super::timeline::Follow;
use super::topology::SERVICES;
use crate::error::{Error, Result};
use crate::model::suggest;
use crate::ops::stop::Stop;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// What is down for longer is not chaos any more.
const LONGEST_OUTAGE: Duration = Duration::from_secs(600);

/// Told how far the run is, several times a second.
pub type Watcher = Arc<dyn Fn(DemoProgress) + Send + Sync>;

/// Told what chaos does, as it does it.
pub type Storyteller = Arc<dyn Fn(&ChaosEvent) + Send + Sync>;

/// Kills the broker, and starts it again after this long; what it had acknowledged is there again.
pub type RestartBroker =
    Arc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = Result<()>> + Send>> + Send + Sync>;

/// What goes wrong during a run, besides what the rates say.
#[derive(Clone)]
pub struct ChaosOptions {
    /// How long the payment provider is down.
    pub payment_outage: Duration,
    /// How soon a group notices that an instance is gone. Kafka allows 6 seconds at least, unless it is told otherwise.
    pub session_timeout: Duration,
    /// On a broker of one's own.
    pub restart_broker: Option<RestartBroker>,
    pub storyteller: Option<Storyteller>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DemoProgress {
    /// How many orders there will be.
    pub orders: u64,
    pub produced: u64,
    pub shipped: u64,
    pub cancelled: u64,
    pub parked: u64,
}

impl DemoProgress {
    /// How many orders reached an end.
    pub fn finished(&self) -> u64 {
        self.shipped + self.cancelled + self.parked
    }
}

/// What a run is to be.
#[derive(Clone)]
pub struct DemoOptions {
    pub orders: u64,
    /// Orders a second; as fast as they go when `None`.
    pub rate: Option<f64>,
    /// How many members a service's group has; 1 unless said otherwise here.
    pub instances: BTreeMap<String, u32>,
    /// The same seed gives every order the same fate. `None`: any, and the report says which.
    pub seed: Option<u64>,
    pub rates: Rates,
    pub chaos: Option<ChaosOptions>,
    /// Orders are written with their event in one transaction, and relays publish it.
    pub outbox: bool,
    /// The order whose timeline is told at the end.
    pub follow: Option<Follow>,
    /// What topics and groups begin with. Must be one that nobody uses; empty only on a broker of one's own, where
    /// nothing is cleaned up.
    pub prefix: String,
    /// Leaves topics and groups of a run with a prefix in place.
    pub keep: bool,
    pub progress: Option<Watcher>,
    /// Ends the run early; topics and groups are cleaned up all the same.
    pub stop: Stop,
    /// Breaks an invariant on purpose.
    pub sabotage: Option<Invariant>,
}

impl Default for DemoOptions {
    fn default() -> Self {
        DemoOptions {
            orders: 200,
            rate: None,
            instances: BTreeMap::from([("payment".to_owned(), 2)]),
            seed: None,
            rates: Rates::default(),
            chaos: None,
            outbox: false,
            follow: None,
            prefix: String::new(),
            keep: false,
            progress: None,
            stop: Stop::new(),
            sabotage: None,
        }
    }
}

impl fmt::Debug for DemoOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DemoOptions")
            .field("orders", &self.orders)
            .field("rate", &self.rate)
            .field("instances", &self.instances)
            .field("seed", &self.seed)
            .field("rates", &self.rates)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl DemoOptions {
    /// How many members the group of this service has.
    pub(super) fn instances_of(&self, service: &str) -> u32 {
        self.instances.get(service).copied().unwrap_or(1)
    }

    /// Whether they make sense.
    ///
    /// # Errors
    /// A usage error that names what does not.
    pub fn check(&self) -> Result<()> {
        let names = || SERVICES.iter().map(|service| service.name);
        for (name, instances) in &self.instances {
            if !names().any(|known| known == name) {
                let error = Error::usage(format!("there is no service `{name}`"));
                return Err(match suggest::closest(name, names()) {
                    Some(close) => error.hint(format!("did you mean `{close}`?")),
                    None => error.hint(format!(
                        "there are {}",
                        names().collect::<Vec<_>>().join(", ")
                    )),
                });
            }
            if *instances == 0 {
                return Err(Error::usage(format!(
                    "service `{name}` needs an instance at least"
                )));
            }
        }
        let rates = [
            ("payment failures", self.rates.payment_failures),
            ("inventory failures", self.rates.inventory_failures),
            ("malformed", self.rates.malformed),
            ("duplicates", self.rates.duplicates),
            ("transient", self.rates.transient),
            ("delays", self.rates.delays),
        ];
        for (name, rate) in rates {
            if !(0.0..=1.0).contains(&rate) {
                return Err(Error::usage(format!(
                    "the rate of {name} is from 0 to 1, not {rate}"
                )));
            }
        }
        if let Some(invariant) = self.sabotage.filter(|one| one.needs_outbox())
            && !self.outbox
        {
            return Err(Error::usage(format!(
                "`{}` is about the outbox, and there is none",
                invariant.name()
            ))
            .hint("--outbox makes one"));
        }
        if let Some(follow) = self.follow {
            follow.check(self.orders)?;
        }
        if let Some(chaos) = &self.chaos
            && chaos.payment_outage > LONGEST_OUTAGE
        {
            let longest = LONGEST_OUTAGE.as_secs();
            return Err(Error::usage(format!(
                "payment is down for {longest} seconds at most"
            )));
        }
        match self.rate {
            Some(rate) if !(rate > 0.0 && rate.is_finite()) => Err(Error::usage(format!(
                "`{rate}` is no number of orders a second"
            ))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut DemoOptions)) -> (String, Option<String>) {
        let mut options = DemoOptions::default();
        options.check().unwrap();
        change(&mut options);
        let error = options.check().unwrap_err();
        (
            error.message().to_owned(),
            error.hint_text().map(str::to_owned),
        )
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let instances = |name: &str, count| BTreeMap::from([(name.to_owned(), count)]);
        let (message, hint) = refused(|options| options.instances = instances("paymnet", 2));
        assert_eq!(message, "there is no service `paymnet`");
        assert_eq!(hint.unwrap(), "did you mean `payment`?");
        let (message, _) = refused(|options| options.instances = instances("audit", 0));
        assert_eq!(message, "service `audit` needs an instance at least");
        let (message, _) = refused(|options| options.rates.malformed = f64::NAN);
        assert_eq!(message, "the rate of malformed is from 0 to 1, not NaN");
        let (message, _) = refused(|options| options.rate = Some(0.0));
        assert_eq!(message, "`0` is no number of orders a second");
    }
}
