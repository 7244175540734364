//! How letters are put back: in transactions, or one after the other with their acknowledgement.

use super::super::request::Delivery;
use super::packed::Packed;
use crate::error::{Error, Kind, Result};
use crate::kafka::{
    Cluster, GroupMetadata, Outlet, OwnId, Producer, ProducerOptions, Transaction,
    TransactionalProducer, Uncommitted,
};
use crate::model::topic::TopicPartition;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What all transactional ids of replays begin with, so that an ACL can be for them.
const PREFIX: &str = "eda-replay.";

/// Memory for copies that are not acknowledged yet.
const QUEUE_KIBIBYTES: u32 = 32 * 1024;

/// The most bytes of a batch, where topics do not want less.
const BATCH_BYTES: u32 = 1_000_000;

/// What a producer is to be like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// The least and the most that the destinations take in a batch, where it is known.
    pub(super) least: Option<u32>,
    pub(super) most: Option<u32>,
    /// Each record is a batch of its own, so that none is refused for another.
    pub(super) alone: bool,
}

impl Shape {
    fn options(self) -> ProducerOptions {
        // A record that alone is larger than the queue could never be queued.
        let largest = self.most.map_or(0, |most| most / 1024);
        ProducerOptions {
            company: Some(self.least.unwrap_or(BATCH_BYTES)),
            queue_kibibytes: Some(
                QUEUE_KIBIBYTES
                    .max(largest.saturating_mul(2))
                    .min(i32::MAX as u32),
            ),
            alone: self.alone,
            ..ProducerOptions::default()
        }
    }
}

/// Why what is in hand is not put back.
#[derive(Debug)]
pub(super) enum Trouble {
    /// By the number of the record, why it is refused; of the others, whether they are written.
    Refused(BTreeMap<u64, Error>, bool),
    /// Nothing of it is put back, or with `unknown` perhaps everything.
    Lost { error: Error, unknown: bool },
    /// Another replay of the same letters under the same group.
    TakenOver,
    /// It is no use to go on.
    End(Error),
}

/// The producer, and what it is in the middle of.
pub(super) enum Way {
    ExactlyOnce {
        /// After the transaction, which is to go first.
        open: Option<(Transaction, Instant)>,
        outlets: Vec<Outlet>,
        producer: TransactionalProducer,
        group: String,
    },
    AtLeastOnce {
        outlets: Vec<Outlet>,
        producer: Producer,
        /// Those that could not even be queued.
        refused: BTreeMap<u64, Error>,
        cluster: Cluster,
        runtime: tokio::runtime::Handle,
        group: String,
    },
}

impl Way {
    /// Opens a producer. One for transactions ends what an earlier one of the same id has left open, and fences it; `None`
    /// when it was no longer `wanted` before it could.
    pub(super) fn open(
        delivery: Delivery,
        cluster: &Cluster,
        runtime: &tokio::runtime::Handle,
        (group, source): (&str, &str),
        shape: Shape,
        wanted: impl Fn() -> bool,
    ) -> Result<Option<Self>> {
        let connection = cluster.connection();
        if delivery == Delivery::AtLeastOnce {
            return Ok(Some(Way::AtLeastOnce {
                outlets: Vec::new(),
                producer: Producer::open(connection, shape.options())?,
                refused: BTreeMap::new(),
                cluster: cluster.clone(),
                runtime: runtime.clone(),
                group: group.to_owned(),
            }));
        }
        let id = OwnId {
            prefix: PREFIX,
            // A topic's name has no `/`: no other group and topic have the same id.
            rest: &format!("{group}/{source}"),
        };
        let producer = TransactionalProducer::open(connection, shape.options(), id)?;
        Ok(producer.init(wanted)?.then(|| Way::ExactlyOnce {
            open: None,
            outlets: Vec::new(),
            producer,
            group: group.to_owned(),
        }))
    }

    pub(super) fn producer(&self) -> &Producer {
        match self {
            Way::ExactlyOnce { producer, .. } => producer.producer(),
            Way::AtLeastOnce { producer, .. } => producer,
        }
    }

    /// The way to a topic, looked up once.
    fn outlet(&mut self, topic: &str) -> Result<&Outlet> {
        let (Way::ExactlyOnce { outlets, .. } | Way::AtLeastOnce { outlets, .. }) = self;
        // There are few.
        let at = match outlets.iter().position(|outlet| outlet.topic() == topic) {
            Some(at) => at,
            None => {
                let outlet = self.producer().outlet(topic)?;
                let (Way::ExactlyOnce { outlets, .. } | Way::AtLeastOnce { outlets, .. }) = self;
                outlets.push(outlet);
                outlets.len() - 1
            }
        };
        let (Way::ExactlyOnce { outlets, .. } | Way::AtLeastOnce { outlets, .. }) = self;
        Ok(&outlets[at])
    }

    /// How long a transaction may be open at most.
    pub(super) fn limit(&self) -> Option<Duration> {
        match self {
            Way::ExactlyOnce { producer, .. } => Some(producer.limit()),
            Way::AtLeastOnce { .. } => None,
        }
    }

    /// What is sent from now on belongs together.
    pub(super) fn begin(&mut self) -> Result<(), Trouble> {
        if let Way::ExactlyOnce { open, producer, .. } = self
            && open.is_none()
        {
            match producer.begin() {
                Ok(transaction) => *open = Some((transaction, Instant::now())),
                Err(error) => return Err(self.fail(error)),
            }
        }
        Ok(())
    }

    /// Sends a record; what becomes of it is told under its number.
    pub(super) fn send(&mut self, record: &Packed, number: u64) -> Result<(), Trouble> {
        self.begin()?;
        let outlet = self.outlet(record.topic());
        let sent = outlet.and_then(|outlet| record.show(|record| outlet.enqueue(record, number)));
        let Err(error) = sent else {
            return Ok(());
        };
        let is_about_it = error.kind() == Kind::Failed;
        let is_broken = match self {
            // The others go on, and this one is told with their outcome.
            Way::AtLeastOnce { refused, .. } if is_about_it => {
                refused.insert(number, error);
                return Ok(());
            }
            Way::AtLeastOnce { .. } => true,
            Way::ExactlyOnce { open, .. } => {
                open.as_ref().is_none_or(|(open, _)| open.check().is_err())
            }
        };
        if is_broken || !is_about_it {
            return Err(self.fail(error));
        }
        Err(match self.fail(Error::failed("a record was refused")) {
            Trouble::Refused(mut refused, others) => {
                refused.insert(number, error);
                Trouble::Refused(refused, others)
            }
            Trouble::Lost { .. } => Trouble::Refused(BTreeMap::from([(number, error)]), false),
            other => other,
        })
    }

    /// It is no use to go on: takes back what is not committed.
    pub(super) fn give_up(&mut self, error: Error) -> Trouble {
        match self.fail(Error::failed("given up")) {
            Trouble::TakenOver => Trouble::TakenOver,
            _ => Trouble::End(error),
        }
    }

    /// Waits until everything that was sent has its outcome.
    pub(super) fn settle(&mut self, timeout: Duration) -> Result<(), Trouble> {
        let flushed = self.producer().flush(timeout);
        match self {
            Way::ExactlyOnce { producer, .. } => match flushed {
                Err(error) => Err(self.fail(error)),
                Ok(()) if producer.producer().has_failures() => {
                    Err(self.fail(Error::failed("a record was refused")))
                }
                Ok(()) => Ok(()),
            },
            Way::AtLeastOnce {
                producer, refused, ..
            } => {
                flushed.map_err(Trouble::End)?;
                let mut all = std::mem::take(refused);
                all.extend(producer.take_failures());
                // Nobody knows of a record without an answer whether it is written.
                let silent = |error: &Error| error.kind() != Kind::Failed;
                if let Some((_, error)) = all.extract_if(.., |_, error| silent(error)).next() {
                    return Err(Trouble::End(error));
                }
                match all.is_empty() {
                    true => Ok(()),
                    false => Err(Trouble::Refused(all, true)),
                }
            }
        }
    }

    /// Everything sent since the beginning is true from now on, and so are the offsets.
    pub(super) fn commit(
        &mut self,
        offsets: &[(TopicPartition, i64)],
        timeout: Duration,
    ) -> Result<(), Trouble> {
        match self {
            Way::AtLeastOnce {
                cluster,
                runtime,
                group,
                ..
            } => {
                let committing = cluster.commit_for_group(group, offsets);
                let committed = runtime.block_on(committing).map_err(Trouble::End)?;
                for (place, outcome) in committed {
                    let doing = format!("put back, but the progress at {place} is not committed");
                    outcome.map_err(|error| Trouble::End(error.context(doing)))?;
                }
                Ok(())
            }
            Way::ExactlyOnce { open, group, .. } => {
                let Some((transaction, _)) = open else {
                    return Ok(());
                };
                let sent = match offsets {
                    [] => Ok(()),
                    offsets => GroupMetadata::of(group)
                        .and_then(|group| transaction.send_offsets(offsets, &group)),
                };
                if let Err(error) = sent {
                    return Err(self.fail(error));
                }
                self.settle(timeout)?;
                let Way::ExactlyOnce { open, .. } = self else {
                    return Ok(());
                };
                let Some((transaction, begun)) = open.take() else {
                    return Ok(());
                };
                let in_time = begun.elapsed() < transaction.limit();
                match transaction.commit() {
                    Ok(()) => Ok(()),
                    Err(Uncommitted::Nothing(error)) => Err(self.explain(error, false, in_time)),
                    Err(Uncommitted::Open(error)) => Err(Trouble::End(error)),
                    Err(Uncommitted::Unknown(error)) => Err(self.explain(error, true, in_time)),
                }
            }
        }
    }

    /// Takes back what is not committed, as far as that is possible, and says why.
    fn fail(&mut self, error: Error) -> Trouble {
        let Way::ExactlyOnce { open, .. } = self else {
            return Trouble::End(error);
        };
        let Some((transaction, begun)) = open.take() else {
            return self.explain(error, false, true);
        };
        let in_time = begun.elapsed() < transaction.limit();
        // Whoever comes next under the same id, which is soon ourselves, ends it if this does not.
        if let Err(error) = transaction.abort() {
            tracing::debug!("not aborted: {}", error.one_line());
        }
        self.explain(error, false, in_time)
    }

    /// Why a transaction was lost.
    fn explain(&self, error: Error, unknown: bool, in_time: bool) -> Trouble {
        // When its time is over it was the broker who fenced it.
        if let Way::ExactlyOnce { producer, .. } = self
            && in_time
            && producer.is_fenced()
        {
            return Trouble::TakenOver;
        }
        let failures = self.producer().take_failures().into_iter();
        let refused: BTreeMap<u64, Error> = failures
            .filter(|(_, error)| error.kind() == Kind::Failed)
            .collect();
        match refused.is_empty() {
            false => Trouble::Refused(refused, false),
            true => Trouble::Lost { error, unknown },
        }
    }
}
