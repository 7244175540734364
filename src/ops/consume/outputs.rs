//! What handlers produce: whether it can be, and its way out when no transaction takes it.

use crate::error::{Error, Kind};
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

    /// Whether their topics exist, as far as that was not known: a transaction with a record for one that does not is
    /// lost as a whole.
    pub(super) async fn check(&self, records: &[OutgoingRecord]) -> Result<(), Failure> {
        for record in records {
            let topic = &record.topic;
            if super::shared::lock(&self.known).contains(topic) {
                continue;
            }
            let found = self.cluster.topic(topic).await.map_err(unproduced)?;
            if found.is_none() {
                return Err(Failure::permanent(
                    "produce",
                    format!("it was to produce to topic `{topic}`, which does not exist"),
                ));
            }
            super::shared::lock(&self.known).insert(topic.clone());
        }
        Ok(())
    }

    /// Produces the records and waits until all are acknowledged.
    pub(super) async fn send(&self, records: &[OutgoingRecord]) -> Result<(), Failure> {
        let producer = self.open(&self.producer, false)?;
        let sent: Result<Vec<_>, Error> =
            records.iter().map(|record| producer.send(record)).collect();
        for (delivery, record) in sent.map_err(unproduced)?.into_iter().zip(records) {
            match delivery.await {
                Ok(_) => {}
                Err(error) if error.kind() == Kind::Unreachable => return Err(unproduced(error)),
                // A batch that is too large is refused as a whole.
                Err(_) => {
                    let alone = self.open(&self.alone, true)?;
                    let again = alone.send(record).map_err(unproduced)?;
                    again.await.map_err(unproduced)?;
                }
            }
        }
        Ok(())
    }

    fn open<'a>(
        &self,
        place: &'a OnceLock<Producer>,
        alone: bool,
    ) -> Result<&'a Producer, Failure> {
        if place.get().is_none() {
            let options = ProducerOptions {
                linger: Some(LINGER),
                alone,
                ..ProducerOptions::default()
            };
            let opened = Producer::open(self.cluster.connection(), options).map_err(unproduced)?;
            // Of two first uses at once one producer is dropped, which has sent nothing.
            let _ = place.set(opened);
        }
        place
            .get()
            .ok_or_else(|| Failure::transient("produce", "the producer vanished"))
    }
}

/// A broker that is away may come back; what one refused it refuses again.
pub(super) fn unproduced(error: Error) -> Failure {
    match error.kind() {
        Kind::Unreachable => Failure::transient("produce", error.one_line()),
        _ => Failure::permanent("produce", error.one_line()),
    }
}
