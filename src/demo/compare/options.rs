//! How the two architectures are compared.

use crate::error::{Error, Result};
use crate::ops::stop::Stop;
use std::sync::Arc;
use std::time::Duration;

/// Told what is measured now, a clause.
pub type Teller = Arc<dyn Fn(&str) + Send + Sync>;

/// How the two architectures are compared.
#[derive(Clone)]
pub struct CompareOptions {
    /// How long the payment service takes for an order, and the notification service after it.
    pub payment: Duration,
    pub notification: Duration,
    /// How many orders one instance of a service works on at a time.
    pub workers: usize,
    /// Orders a second while response times are measured: fewer than either can take, or queues would be measured.
    pub rate: f64,
    /// How long each measurement takes.
    pub span: Duration,
    /// How long the payment service is down.
    pub outage: Duration,
    /// Throughput is measured with so many instances of every service, one after the other.
    pub instances: Vec<usize>,
    /// What topics and groups begin with; they are deleted at the end. Empty only on a broker of one's own.
    pub prefix: String,
    pub stop: Stop,
    pub tell: Teller,
}

impl CompareOptions {
    /// How long an order takes at least.
    pub fn chain(&self) -> Duration {
        self.payment + self.notification
    }

    /// How many orders a second the synchronous services can take.
    pub(super) fn capacity(&self) -> f64 {
        self.workers as f64 / self.chain().as_secs_f64().max(0.001)
    }

    /// Whether they make sense.
    ///
    /// # Errors
    /// A usage error that names what does not.
    pub fn check(&self) -> Result<()> {
        let capacity = self.capacity();
        if self.rate > capacity * 0.8 {
            return Err(Error::usage(format!(
                "{} orders a second are too many to measure response times with: {} workers at {} ms an order take {capacity:.0}",
                self.rate,
                self.workers,
                self.chain().as_millis(),
            ))
            .hint("a queue would be measured: take a lower `--rate`, or more `--workers`"));
        }
        Ok(())
    }
}
