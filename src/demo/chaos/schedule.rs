//! What goes wrong in a run with chaos, and when: a pure function of the seed.

use crate::demo::chance::Dice;
use crate::demo::topology::{AUDIT, SERVICES};
use std::time::Duration;

/// What a payment outage has before and after it, on the whole: time for everything else that goes wrong.
const MARGIN: Duration = Duration::from_secs(4);

/// Of the time, what an outage leaves at least.
const OUTAGE_SHARE: f64 = 0.8;

/// Chaos is over after this, however long the orders take.
const LONGEST: Duration = Duration::from_secs(120);

/// When instances are killed and added, as shares of the time; the seed moves each by up to [`JITTER`] of it.
const KILLS: [f64; 6] = [0.1, 0.25, 0.38, 0.6, 0.72, 0.85];
const ADDITIONS: [f64; 2] = [0.2, 0.66];
const RELAY_KILL: f64 = 0.3;
const BROKER_RESTART: f64 = 0.48;
const PAYMENT_OUTAGE: f64 = 0.1;
const JITTER: f64 = 0.04;

/// How long it takes until somebody starts a killed instance again.
const REPLACEMENT: Duration = Duration::from_millis(1000);

/// How long the broker is away.
const BROKER_AWAY: Duration = Duration::from_millis(1500);

/// Something that goes wrong, or comes right again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::demo) enum Act {
    /// Of the instances there are the one of this number, counted round.
    Kill {
        service: &'static str,
        nth: u32,
    },
    /// In the place of one that was killed.
    Replace {
        service: &'static str,
    },
    /// One more.
    Add {
        service: &'static str,
    },
    PaymentDown,
    PaymentUp,
    /// It is away for so long.
    RestartBroker(Duration),
    KillRelay {
        nth: u32,
    },
    ReplaceRelay,
}

/// An act, and when it comes: so long after the first order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::demo) struct Step {
    pub(in crate::demo) at: Duration,
    pub(in crate::demo) act: Act,
}

/// What there is besides the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::demo) struct Scene {
    /// How long the payment provider is down.
    pub(in crate::demo) outage: Duration,
    /// The broker is ours to restart.
    pub(in crate::demo) broker: bool,
    /// Relays publish the orders.
    pub(in crate::demo) relays: bool,
}

impl Scene {
    /// How long orders come in and things go wrong; `arriving` is how long the orders take at the rate that was asked
    /// for, if one was.
    pub(in crate::demo) fn span(&self, arriving: Option<Duration>) -> Duration {
        let least = self.outage.div_f64(OUTAGE_SHARE) + MARGIN;
        least.max(arriving.unwrap_or_default().min(LONGEST))
    }

    /// Everything that goes wrong in this span, in the order in which it happens.
    pub(in crate::demo) fn schedule(&self, dice: &Dice, span: Duration) -> Vec<Step> {
        let at = |share: f64, what: &str| {
            let moved = share + JITTER * (2.0 * dice.chaos(what) - 1.0);
            span.mul_f64(moved.clamp(0.0, 1.0))
        };
        let mut steps = Vec::new();
        let mut add = |at: Duration, act: Act| steps.push(Step { at, act });
        for (number, (share, service)) in KILLS.into_iter().zip(shuffled(dice, "kill")).enumerate()
        {
            let when = at(share, &format!("kill {number}"));
            let nth = (dice.chaos(&format!("which {number}")) * 16.0) as u32;
            add(when, Act::Kill { service, nth });
            add(when + REPLACEMENT, Act::Replace { service });
        }
        for (number, (share, service)) in
            ADDITIONS.into_iter().zip(shuffled(dice, "add")).enumerate()
        {
            let when = at(share, &format!("add {number}"));
            add(when, Act::Add { service });
        }
        if !self.outage.is_zero() {
            let down = at(PAYMENT_OUTAGE, "payment");
            add(down, Act::PaymentDown);
            add(down + self.outage, Act::PaymentUp);
        }
        if self.broker {
            add(
                at(BROKER_RESTART, "broker"),
                Act::RestartBroker(BROKER_AWAY),
            );
        }
        if self.relays {
            let when = at(RELAY_KILL, "relay");
            let nth = (dice.chaos("which relay") * 16.0) as u32;
            add(when, Act::KillRelay { nth });
            add(when + REPLACEMENT, Act::ReplaceRelay);
        }
        steps.sort_by_key(|step| step.at);
        steps
    }
}

/// The services that may be killed, in the seed's order. The audit is not one of them: it is what the run is judged by.
fn shuffled(dice: &Dice, what: &str) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = SERVICES
        .iter()
        .map(|service| service.name)
        .filter(|name| *name != AUDIT)
        .collect();
    let place = |name: &&str| dice.chaos(&format!("{what} {name}"));
    names.sort_by(|one, other| place(one).total_cmp(&place(other)));
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::chance::Rates;
    use std::collections::BTreeSet;

    fn dice(seed: u64) -> Dice {
        Dice {
            seed,
            rates: Rates::default(),
        }
    }

    const SCENE: Scene = Scene {
        outage: Duration::from_secs(10),
        broker: true,
        relays: true,
    };

    #[test]
    fn the_same_seed_gives_the_same_chaos_and_another_seed_another() {
        let span = SCENE.span(None);
        assert_eq!(span, Duration::from_millis(16_500));
        let schedule = |seed| SCENE.schedule(&dice(seed), span);
        assert_eq!(schedule(7), schedule(7));
        assert_ne!(schedule(7), schedule(8));
    }

    #[test]
    fn everyone_but_the_audit_is_killed_and_everything_comes_right_again() {
        for seed in 0..200 {
            let span = SCENE.span(None);
            let steps = SCENE.schedule(&dice(seed), span);
            assert!(steps.iter().all(|step| step.at <= span), "{steps:?}");
            assert!(steps.is_sorted_by_key(|step| step.at));
            let time = |act: Act| steps.iter().find(|step| step.act == act).unwrap().at;
            let down = time(Act::PaymentUp) - time(Act::PaymentDown);
            assert_eq!(down, Duration::from_secs(10));
            let mut killed = BTreeSet::new();
            for step in &steps {
                if let Act::Kill { service, .. } = step.act {
                    killed.insert(service);
                    assert_eq!(time(Act::Replace { service }), step.at + REPLACEMENT);
                }
            }
            assert_eq!(killed.len(), SERVICES.len() - 1);
            assert!(!killed.contains(AUDIT));
        }
    }

    #[test]
    fn what_is_not_there_is_left_alone() {
        let scene = Scene {
            outage: Duration::ZERO,
            broker: false,
            relays: false,
        };
        let steps = scene.schedule(&dice(7), scene.span(None));
        let is_of_services = |step: &Step| {
            matches!(
                step.act,
                Act::Kill { .. } | Act::Replace { .. } | Act::Add { .. }
            )
        };
        assert!(steps.iter().all(is_of_services), "{steps:?}");
    }

    #[test]
    fn slow_orders_stretch_it_and_very_slow_ones_do_not() {
        let minute = Duration::from_secs(60);
        assert_eq!(SCENE.span(Some(minute)), minute);
        assert_eq!(SCENE.span(Some(minute * 600)), LONGEST);
    }
}
