//! The payment provider: somebody else's service, which charges cards and gives money back. It outlives every instance of
//! ours, and may be down.
//!
//! A call carries an idempotency key, as those of real providers do: whoever charges again with the same key, since it
//! was killed before it could write down that it had, is told that it is done. What the provider charged is in its books,
//! and the run is judged by those too.

use crate::model::dead_letter::Failure;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// When it is down it says how soon to come again.
pub(super) const COME_AGAIN: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
pub(super) struct Provider {
    is_down: AtomicBool,
    /// The keys of an order's charges.
    charges: Mutex<BTreeMap<String, BTreeSet<String>>>,
}

impl Provider {
    pub(super) fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::Release);
    }

    /// Whether it can be reached.
    ///
    /// # Errors
    /// A transient failure while it is down.
    pub(super) fn call(&self) -> Result<(), Failure> {
        match self.is_down.load(Ordering::Acquire) {
            true => {
                let mut failure =
                    Failure::transient("unavailable", "the payment provider does not answer");
                failure.retry_after = Some(COME_AGAIN);
                Err(failure)
            }
            false => Ok(()),
        }
    }

    /// Charges an order, once for each key.
    ///
    /// # Errors
    /// As [`Provider::call`].
    pub(super) fn charge(&self, order: &str, key: &str) -> Result<(), Failure> {
        self.call()?;
        let mut charges = self.charges.lock().unwrap_or_else(PoisonError::into_inner);
        let of_order = charges.entry(order.to_owned()).or_default();
        of_order.insert(key.to_owned());
        Ok(())
    }

    /// How often each order was charged.
    pub(super) fn charges(&self) -> BTreeMap<String, usize> {
        let charges = self.charges.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |(order, keys): (&String, &BTreeSet<String>)| (order.clone(), keys.len());
        charges.iter().map(count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dead_letter::FailureKind;

    #[test]
    fn the_same_key_is_charged_once_and_another_again() {
        let provider = Provider::default();
        for key in ["a", "a", "b"] {
            provider.charge("order-1", key).unwrap();
        }
        provider.charge("order-2", "c").unwrap();
        let charges = provider.charges();
        assert_eq!((charges["order-1"], charges["order-2"]), (2, 1));
    }

    #[test]
    fn while_it_is_down_nobody_is_charged_and_everybody_may_come_again() {
        let provider = Provider::default();
        provider.set_down(true);
        let failure = provider.charge("order-1", "a").unwrap_err();
        assert_eq!(failure.kind, FailureKind::Transient);
        assert_eq!(failure.retry_after, Some(COME_AGAIN));
        assert!(provider.charges().is_empty());
        provider.set_down(false);
        provider.charge("order-1", "a").unwrap();
    }
}
