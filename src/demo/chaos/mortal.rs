//! The memory of events as an instance sees it that may be killed.

use crate::store::{Claimed, Idempotency, Outage, Pending, Token};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A memory that nobody reaches any more once its instance is dead. Without it a member that is killed would give its claims
/// back, which a killed process cannot.
#[derive(Debug)]
pub(in crate::demo) struct Mortal {
    memory: Arc<dyn Idempotency>,
    is_dead: AtomicBool,
}

impl Mortal {
    pub(in crate::demo) fn new(memory: Arc<dyn Idempotency>) -> Self {
        Mortal {
            memory,
            is_dead: AtomicBool::new(false),
        }
    }

    /// Nothing is asked of the memory from here on.
    pub(in crate::demo) fn die(&self) {
        self.is_dead.store(true, Ordering::Release);
    }

    fn unless_dead<'a, T: Send + 'a>(
        &self,
        ask: impl FnOnce() -> Pending<'a, T>,
    ) -> Pending<'a, T> {
        match self.is_dead.load(Ordering::Acquire) {
            true => Box::pin(async { Err(Outage::passing("the instance was killed")) }),
            false => ask(),
        }
    }
}

impl Idempotency for Mortal {
    fn claim<'a>(&'a self, event: &'a str) -> Pending<'a, Claimed> {
        self.unless_dead(|| self.memory.claim(event))
    }

    fn renew<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, bool> {
        self.unless_dead(|| self.memory.renew(event, token))
    }

    fn done<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, bool> {
        self.unless_dead(|| self.memory.done(event, token))
    }

    fn release<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, ()> {
        self.unless_dead(|| self.memory.release(event, token))
    }

    fn forget_expired(&self) -> Pending<'_, bool> {
        self.unless_dead(|| self.memory.forget_expired())
    }

    fn lease(&self) -> Duration {
        self.memory.lease()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Memory;

    #[tokio::test]
    async fn the_dead_leave_their_claims_behind() {
        let memory: Arc<dyn Idempotency> = Arc::new(Memory::default());
        let (dying, living) = (Mortal::new(Arc::clone(&memory)), Mortal::new(memory));
        let Claimed::Ours(token) = dying.claim("order-7").await.unwrap() else {
            panic!("nobody has it");
        };
        dying.die();
        assert!(dying.release("order-7", &token).await.is_err());
        assert!(matches!(
            living.claim("order-7").await.unwrap(),
            Claimed::InHand(_)
        ));
    }
}
