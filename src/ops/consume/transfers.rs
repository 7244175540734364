//! Exactly once: what records produced, and the offsets of these records, in one transaction.

use super::partition::Transfer;
use super::{TransactionalId, outputs};
use crate::error::{Error, Result};
use crate::kafka::{
    Connection, GroupMetadata, NextOffset, OwnId, ProducerOptions, Transaction,
    TransactionalProducer, Uncommitted,
};
use crate::model::dead_letter::{Failure, FailureKind};
use crate::model::topic::TopicPartition;
use std::collections::BTreeMap;
use std::time::Instant;

/// So many transactions are tried with each record in a batch of its own, to find the one that was refused: a batch that is
/// too large is refused as a whole.
const ALONE: u32 = 20;

/// The transactions of a member, one after the other.
pub(super) struct Transfers {
    connection: Connection,
    id: TransactionalId,
    /// `None` before the first, and while one is to be replaced.
    producer: Option<TransactionalProducer>,
    open: Option<Open>,
    /// In how many more transactions each record is a batch of its own.
    alone: u32,
    /// Why everything since the last commit has to be done anew, until it is.
    setback: Option<Setback>,
}

/// A transaction under way.
struct Open {
    transaction: Transaction,
    begun: Instant,
    /// The next offsets, by partition.
    offsets: BTreeMap<TopicPartition, i64>,
    /// How many records were handled for it, by partition.
    counted: BTreeMap<TopicPartition, u64>,
    /// What each record in it was made of: a record's token is its index.
    sources: Vec<(TopicPartition, i64)>,
}

/// What a transaction has made true.
#[derive(Debug, Default)]
pub(super) struct Committed {
    pub(super) offsets: Vec<NextOffset>,
    /// How many records were handled for it, by partition.
    pub(super) counted: BTreeMap<TopicPartition, u64>,
}

/// A transaction that was lost.
#[derive(Debug)]
pub(super) struct Setback {
    pub(super) error: Error,
    /// Which records' outputs were refused, and why.
    pub(super) refused: Vec<(TopicPartition, i64, Failure)>,
    /// Another producer has the id now.
    pub(super) is_fenced: bool,
    /// Something is done about it, so that it does not come again for ever.
    pub(super) is_being_cured: bool,
}

impl Transfers {
    pub(super) fn new(connection: Connection, id: TransactionalId) -> Self {
        Transfers {
            connection,
            id,
            producer: None,
            open: None,
            alone: 0,
            setback: None,
        }
    }

    /// A producer that is known to its coordinator, which ends what an earlier one of the id left behind. Whether there
    /// is one: not when it was no longer `wanted`.
    ///
    /// # Errors
    /// The cluster does not answer in time, or refuses.
    pub(super) fn prepare(&mut self, wanted: impl Fn() -> bool) -> Result<bool> {
        if self.producer.is_none() {
            let id = OwnId {
                prefix: &self.id.prefix,
                rest: &self.id.rest,
            };
            let options = ProducerOptions {
                alone: self.alone > 0,
                ..ProducerOptions::default()
            };
            let producer = TransactionalProducer::open(&self.connection, options, id)?;
            if !producer.init(wanted)? {
                return Ok(false);
            }
            self.producer = Some(producer);
        }
        Ok(true)
    }

    /// Whether there is a producer, so that something can be added.
    pub(super) fn is_ready(&self) -> bool {
        self.producer.is_some()
    }

    /// Whether there is a transaction to commit.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// What was lost, taken once; the producer goes with it.
    pub(super) fn take_setback(&mut self) -> Option<Setback> {
        let mut setback = self.setback.take()?;
        self.producer = None;
        if !setback.refused.is_empty() {
            setback.is_being_cured = true;
            let was_alone = self.alone > 0;
            self.alone = if was_alone { 0 } else { ALONE };
            if !was_alone {
                // They may have been refused for the company they were in.
                setback.refused.clear();
            }
        }
        Some(setback)
    }

    /// Makes what is done part of the transaction. Nothing after a setback: it comes again.
    pub(super) fn add(&mut self, place: &TopicPartition, transfer: Transfer) {
        let Some(next) = transfer.next.filter(|_| self.setback.is_none()) else {
            return;
        };
        if let Err(error) = self.try_add(place, next, transfer) {
            self.give_up(error);
        }
    }

    fn try_add(&mut self, place: &TopicPartition, next: i64, transfer: Transfer) -> Result<()> {
        let producer = self
            .producer
            .as_ref()
            .ok_or_else(|| Error::failed("there is no transactional producer"))?;
        if self.open.is_none() {
            self.open = Some(Open {
                transaction: producer.begin()?,
                begun: Instant::now(),
                offsets: BTreeMap::new(),
                counted: BTreeMap::new(),
                sources: Vec::new(),
            });
        }
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        for (offset, records) in transfer.produced {
            for record in records {
                let token = open.sources.len() as u64;
                open.sources.push((place.clone(), offset));
                if let Err(error) = producer.producer().enqueue(&record, token) {
                    return Err(self.refuse(place.clone(), offset, error));
                }
            }
        }
        open.offsets.insert(place.clone(), next);
        *open.counted.entry(place.clone()).or_default() += transfer.counted;
        Ok(())
    }

    fn refuse(&mut self, place: TopicPartition, offset: i64, error: Error) -> Error {
        let doing = format!("what `{place}:{offset}` produced was refused");
        let failure = outputs::unproduced(error);
        let told = Error::failed(doing).caused_by(failure.message.clone());
        let refused = match failure.kind {
            // It may be taken next time.
            FailureKind::Transient => Vec::new(),
            _ => vec![(place, offset, failure)],
        };
        self.setback = Some(Setback {
            error: Error::failed("the transaction was aborted"),
            refused,
            is_fenced: false,
            is_being_cured: false,
        });
        told
    }

    /// Commits what is in the transaction, and answers what it was; nothing when there is none.
    pub(super) fn commit(&mut self, group: Result<GroupMetadata>) -> Committed {
        if self.setback.is_some() {
            return Committed::default();
        }
        let Some(open) = &self.open else {
            return Committed::default();
        };
        let entries: Vec<_> = open
            .offsets
            .iter()
            .map(|(place, next)| (place.clone(), *next))
            .collect();
        let sent = group.and_then(|group| open.transaction.send_offsets(&entries, &group));
        if let Err(error) = sent {
            self.give_up(error);
            return Committed::default();
        }
        let Some(open) = self.open.take() else {
            return Committed::default();
        };
        let Open {
            transaction,
            begun,
            offsets,
            counted,
            sources,
        } = open;
        let limit = transaction.limit();
        match transaction.commit() {
            Ok(()) => {
                if self.alone > 0 {
                    self.alone -= 1;
                    if self.alone == 0 {
                        // The next one is as quick as before.
                        self.producer = None;
                    }
                }
                Committed {
                    offsets: offsets.into_iter().map(NextOffset::from).collect(),
                    counted,
                }
            }
            Err(
                Uncommitted::Nothing(error)
                | Uncommitted::Open(error)
                | Uncommitted::Unknown(error),
            ) => {
                self.note(error, &sources, begun.elapsed() < limit);
                Committed::default()
            }
        }
    }

    /// Withdraws what is in the transaction: the partitions are somebody else's already.
    pub(super) fn abort(&mut self, error: Error) {
        if self.open.is_some() {
            self.give_up(error);
        }
    }

    fn give_up(&mut self, error: Error) {
        let Some(open) = self.open.take() else {
            self.note(error, &[], true);
            return;
        };
        let in_time = open.begun.elapsed() < open.transaction.limit();
        self.note(error, &open.sources, in_time);
        // Whoever comes next under the same id, which is soon ourselves, ends it if this does not.
        if let Err(error) = open.transaction.abort() {
            tracing::debug!("not aborted: {}", error.one_line());
        }
    }

    fn note(&mut self, error: Error, sources: &[(TopicPartition, i64)], in_time: bool) {
        let Some(producer) = &self.producer else {
            self.setback.get_or_insert(Setback {
                error,
                refused: Vec::new(),
                is_fenced: false,
                is_being_cured: false,
            });
            return;
        };
        let is_fenced = in_time && producer.is_fenced();
        let mut refused = Vec::new();
        for (token, error) in producer.producer().take_failures() {
            let source = usize::try_from(token).ok().and_then(|at| sources.get(at));
            let failure = outputs::unproduced(error);
            if let Some((place, offset)) = source
                && failure.kind != FailureKind::Transient
            {
                refused.push((place.clone(), *offset, failure));
            }
        }
        let setback = self.setback.get_or_insert(Setback {
            error: Error::failed("the transaction was aborted"),
            refused: Vec::new(),
            is_fenced,
            is_being_cured: false,
        });
        setback.error = error;
        setback.is_fenced |= is_fenced;
        setback.refused.extend(refused);
    }
}
