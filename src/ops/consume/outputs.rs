//! What handlers produce: whether it can be, and its way out when no transaction takes it.

use crate::error::{Error, Kind, Result};
use crate::kafka::{Cluster, Producer, ProducerOptions};
use crate::model::dead_letter::Failure;
use crate::model::record::OutgoingRecord;
use std::collections::HashSet;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// How long records wait for company: those of many handlers come together.
const LINGER: Duration = Duration::from_millis(1);

/// The way out.
pub(super) struct Outputs {
    cluster: Cluster,
    /// Opened for the first record.
    producer: OnceLock<Producer>,
    /// Opened for the first that a broker refused, perhaps for the company it was in.
    alone: OnceLock<Producer>,
    /// Topics that were seen to exist.
    known: Mutex<HashSet<String>>,
}

impl Outputs {
    pub(super) fn new(cluster: Cluster) -> Self {
        Outputs {
            cluster,
            producer: OnceLock::new(),
            alone: OnceLock::new(),
            known: Mutex::default(),
        }
    }

    /// Checks the records, and produces them unless a transaction will.
    ///
    /// # Errors
    /// Brokers that are away, or a record that they refuse.
    pub(super) async fn produce(&self, records: &[OutgoingRecord], sends: bool) -> Result<()> {
        self.check(records).await?;
        match sends {
            true => self.send(records).await,
            false => Ok(()),
        }
    }

    /// Whether their topics exist, as far as that was not known: a transaction with a record for one that does not is
    /// lost as a whole.
    async fn check(&self, records: &[OutgoingRecord]) -> Result<()> {
        for record in records {
            let topic = &record.topic;
            if super::shared::lock(&self.known).contains(topic) {
                continue;
            }
            if self.cluster.topic(topic).await?.is_none() {
                return Err(Error::failed(format!(
                    "it was to produce to topic `{topic}`, which does not exist"
                )));
            }
            super::shared::lock(&self.known).insert(topic.clone());
        }
        Ok(())
    }

    /// Produces the records and waits until all are acknowledged.
    async fn send(&self, records: &[OutgoingRecord]) -> Result<()> {
        let producer = self.open(&self.producer, false)?;
        let sent: Result<Vec<_>> = records.iter().map(|record| producer.send(record)).collect();
        for (delivery, record) in sent?.into_iter().zip(records) {
            match delivery.await {
                Ok(_) => {}
                Err(error) if error.kind() == Kind::Unreachable => return Err(error),
                // A batch that is too large is refused as a whole.
                Err(_) => {
                    let alone = self.open(&self.alone, true)?;
                    let again = alone.send(record)?;
                    again.await?;
                }
            }
        }
        Ok(())
    }

    fn open<'a>(&self, place: &'a OnceLock<Producer>, alone: bool) -> Result<&'a Producer> {
        if place.get().is_none() {
            let options = ProducerOptions {
                linger: Some(LINGER),
                alone,
                ..ProducerOptions::default()
            };
            let opened = Producer::open(self.cluster.connection(), options)?;
            // Of two first uses at once one producer is dropped, which has sent nothing.
            let _ = place.set(opened);
        }
        place
            .get()
            .ok_or_else(|| Error::failed("the producer vanished"))
    }
}

/// A broker that is away may come back; what one refused it refuses again.
pub(super) fn unproduced(error: Error) -> Failure {
    match error.kind() {
        Kind::Unreachable => Failure::transient("produce", error.one_line()),
        _ => Failure::permanent("produce", error.one_line()),
    }
}
