//! Everything that is left to chance in a run, as a pure function of the seed and of what is decided.
//!
//! No decision looks at a clock or at what happened before, so the same seed gives every order the same fate,
//! however the services' work interleaves.

use std::time::Duration;
use uuid::Builder;

/// The longest that the handling of an event is held up.
const LONGEST_DELAY: Duration = Duration::from_millis(250);

/// How often things go wrong on purpose; each from 0 (never) to 1 (always).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Orders whose payment is declined.
    pub payment_failures: f64,
    /// Paid orders that are out of stock.
    pub inventory_failures: f64,
    /// Orders whose first event cannot be read.
    pub malformed: f64,
    /// Events that are produced twice.
    pub duplicates: f64,
    /// Events whose handler fails once or twice before it succeeds; for each service anew.
    pub transient: f64,
    /// Events whose handling takes long; for each service anew.
    pub delays: f64,
}

impl Default for Rates {
    fn default() -> Self {
        Rates {
            payment_failures: 0.1,
            inventory_failures: 0.05,
            malformed: 0.01,
            duplicates: 0.02,
            transient: 0.05,
            delays: 0.0,
        }
    }
}

/// The decisions of one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dice {
    pub(super) seed: u64,
    pub(super) rates: Rates,
}

impl Dice {
    pub(super) fn is_malformed(&self, order: &str) -> bool {
        self.chance(order, "malformed") < self.rates.malformed
    }

    pub(super) fn payment_fails(&self, order: &str) -> bool {
        self.chance(order, "payment") < self.rates.payment_failures
    }

    pub(super) fn inventory_fails(&self, order: &str) -> bool {
        self.chance(order, "inventory") < self.rates.inventory_failures
    }

    /// Whether the event of this id is produced twice.
    pub(super) fn is_duplicated(&self, event: &str) -> bool {
        self.chance(event, "duplicate") < self.rates.duplicates
    }

    /// How many attempts of this service at the event fail: never more than two, so that retries always help.
    pub(super) fn transient_failures(&self, service: &str, event: &str) -> u32 {
        match self.chance(event, &format!("transient:{service}")) < self.rates.transient {
            true => 1 + u32::from(self.chance(event, &format!("again:{service}")) < 0.5),
            false => 0,
        }
    }

    /// How long the handling of the event by this service is held up before its effect, and after it.
    pub(super) fn delays(&self, service: &str, event: &str) -> [Duration; 2] {
        ["before", "after"].map(|when| {
            match self.chance(event, &format!("delay {when}:{service}")) < self.rates.delays {
                true => LONGEST_DELAY.mul_f64(self.chance(event, &format!("{when}:{service}"))),
                false => Duration::ZERO,
            }
        })
    }

    /// What chaos leaves to chance, from 0, below 1.
    pub(super) fn chaos(&self, what: &str) -> f64 {
        self.chance(what, "chaos")
    }

    /// From 0, below 1.
    fn chance(&self, of: &str, what: &str) -> f64 {
        // The 53 bits that a float holds exactly.
        (hash(self.seed, &[what, of]) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A generator for what is made up about this order.
    pub(super) fn random(&self, order: &str) -> fastrand::Rng {
        fastrand::Rng::with_seed(hash(self.seed, &["random", order]))
    }

    /// The id of the event that starts an order.
    pub(super) fn first_event_id(&self, order: &str) -> String {
        event_id(&format!("{:016x}", self.seed), order)
    }
}

/// The id of the event of this type that follows from the event `cause`: a UUID (version 8, RFC 9562) that is always the
/// same. A service that handles an event again after a crash produces the same event again, and not a second one.
pub(super) fn event_id(cause: &str, event_type: &str) -> String {
    let half = |seed| hash(seed, &[cause, event_type]).to_be_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&half(0));
    bytes[8..].copy_from_slice(&half(1));
    Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// The id of a thing that belongs to an event: `payment-5f0c…`.
pub(super) fn entity_id(kind: &str, event: &str) -> String {
    format!("{kind}-{:012x}", hash(2, &[kind, event]) >> 16)
}

/// FNV-1a with the finalizer of SplitMix64, which spreads what FNV leaves in the low bits. Words are separated, so that
/// `ab`, `c` and `a`, `bc` differ.
fn hash(seed: u64, words: &[&str]) -> u64 {
    let separated = words.iter().flat_map(|word| word.bytes().chain([0xff]));
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for byte in seed.to_le_bytes().into_iter().chain(separated) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ hash >> 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn dice(seed: u64) -> Dice {
        Dice {
            seed,
            rates: Rates::default(),
        }
    }

    #[test]
    fn rates_are_kept_and_seeds_differ() {
        let orders: Vec<String> = (0..20_000)
            .map(|number| format!("order-{number}"))
            .collect();
        let share = |decide: &dyn Fn(&str) -> bool| {
            orders.iter().filter(|order| decide(order)).count() as f64 / orders.len() as f64
        };
        let dice = dice(7);
        let cases = [
            (share(&|order| dice.is_malformed(order)), 0.01),
            (share(&|order| dice.payment_fails(order)), 0.1),
            (share(&|order| dice.inventory_fails(order)), 0.05),
            (share(&|order| dice.is_duplicated(order)), 0.02),
            (
                share(&|order| dice.transient_failures("payment", order) > 0),
                0.05,
            ),
            (
                share(&|order| dice.payment_fails(order) && dice.inventory_fails(order)),
                0.005,
            ),
            (
                share(&|order| dice.payment_fails(order) && self::dice(8).payment_fails(order)),
                0.01,
            ),
        ];
        for (index, (found, expected)) in cases.into_iter().enumerate() {
            assert!(
                (found - expected).abs() < 0.006,
                "{index}: {found} is not {expected}"
            );
        }
    }

    #[test]
    fn never_and_always_are_kept_exactly() {
        let with = |rate| Dice {
            seed: 1,
            rates: Rates {
                payment_failures: rate,
                ..Rates::default()
            },
        };
        for number in 0..1000 {
            let order = format!("order-{number}");
            assert!(!with(0.0).payment_fails(&order));
            assert!(with(1.0).payment_fails(&order));
        }
    }

    #[test]
    fn ids_are_repeatable_uuids_and_all_different() {
        let mut ids = HashSet::new();
        for number in 0..10_000 {
            let first = dice(7).first_event_id(&format!("order-{number}"));
            assert_eq!(
                event_id(&first, "PaymentFailed"),
                event_id(&first, "PaymentFailed")
            );
            ids.insert(event_id(&first, "PaymentFailed"));
            ids.insert(event_id(&first, "PaymentProcessed"));
            ids.insert(first);
        }
        assert_eq!(ids.len(), 30_000);
        let uuid: uuid::Uuid = dice(7).first_event_id("order-1").parse().unwrap();
        assert_eq!(uuid.get_version_num(), 8);
    }
}
