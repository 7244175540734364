//! One transactional id's state machine, as Kafka's `TransactionMetadata`:
//!
//! ```text
//! Empty ──partition or group added──→ Ongoing ──EndTxn──→ PrepareCommit ──markers──→ CompleteCommit
//!                                       ↑ ↑                PrepareAbort              CompleteAbort
//!                                       │ └──────────────partition or group────────────────┘
//! ```
//!
//! The only node writes all markers before it answers, so that `PrepareCommit` and `PrepareAbort` are seen only while the
//! disk takes none, or in the journal of a broker that was killed in between.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::error::ResponseError;
use serde::{Deserialize, Serialize};

/// Where a transactional id is in its cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// It never had a transaction, or was initialised since.
    Empty,
    /// It has an open one.
    Ongoing,
    /// It is decided that the open one is committed; some markers may be missing.
    PrepareCommit,
    /// It is decided that the open one is aborted; some markers may be missing.
    PrepareAbort,
    /// The last one was committed.
    CompleteCommit,
    /// The last one was aborted.
    CompleteAbort,
}

impl Phase {
    /// All of Kafka's names for a state, those included that are never seen here.
    pub(crate) const NAMES: [&str; 8] = [
        "Empty",
        "Ongoing",
        "PrepareCommit",
        "PrepareAbort",
        "CompleteCommit",
        "CompleteAbort",
        "Dead",
        "PrepareEpochFence",
    ];

    /// How the open transaction is to end, once that is decided.
    pub(crate) fn decision(self) -> Option<bool> {
        match self {
            Phase::PrepareCommit => Some(true),
            Phase::PrepareAbort => Some(false),
            Phase::Empty | Phase::Ongoing | Phase::CompleteCommit | Phase::CompleteAbort => None,
        }
    }

    /// Kafka's name for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Phase::Empty => "Empty",
            Phase::Ongoing => "Ongoing",
            Phase::PrepareCommit => "PrepareCommit",
            Phase::PrepareAbort => "PrepareAbort",
            Phase::CompleteCommit => "CompleteCommit",
            Phase::CompleteAbort => "CompleteAbort",
        }
    }
}

/// The error as who does not know PRODUCER_FENCED (KIP-588) is told it.
pub(crate) fn before_fenced(error: ResponseError) -> ResponseError {
    match error {
        ResponseError::ProducerFenced => ResponseError::InvalidProducerEpoch,
        error => error,
    }
}

/// A producer id and its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

impl Identity {
    /// What a producer says that has none yet.
    pub(crate) const NONE: Identity = Identity { id: -1, epoch: -1 };
}

/// A transactional id. Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Transaction {
    pub(crate) phase: Phase,
    pub(crate) producer: Identity,
    /// What the producer was when it last asked for a new epoch itself: with it an InitProducerId is a repeated one
    /// (KIP-360).
    last: Option<Identity>,
    /// Milliseconds that it may stay open.
    pub(crate) timeout: i32,
    /// When it was opened; -1 when none is.
    pub(crate) started: i64,
    /// When somebody last asked something of it.
    pub(crate) used: i64,
    /// Partitions by topic, of the open transaction.
    pub(crate) partitions: BTreeMap<String, BTreeSet<i32>>,
    /// Groups whose offsets are part of the open transaction.
    pub(crate) groups: BTreeSet<String>,
}

impl Transaction {
    /// A transactional id that nobody used yet.
    pub(crate) fn new(producer_id: i64, timeout: i32, now: i64) -> Transaction {
        Transaction {
            phase: Phase::Empty,
            producer: Identity {
                id: producer_id,
                epoch: -1,
            },
            last: None,
            timeout,
            started: -1,
            used: now,
            partitions: BTreeMap::new(),
            groups: BTreeSet::new(),
        }
    }

    /// Whether the caller is its producer. Errors: INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED.
    pub(crate) fn check(&self, caller: Identity) -> Result<(), ResponseError> {
        if caller.id != self.producer.id {
            Err(ResponseError::InvalidProducerIdMapping)
        } else if caller.epoch != self.producer.epoch {
            Err(ResponseError::ProducerFenced)
        } else {
            Ok(())
        }
    }

    /// Whether the producer may write to the partition. Errors: those of [`Transaction::check`]; INVALID_TXN_STATE where
    /// it was not added to an open transaction.
    pub(crate) fn check_partition(
        &self,
        caller: Identity,
        topic: &str,
        partition: i32,
    ) -> Result<(), ResponseError> {
        self.check(caller)?;
        let partitions = self.partitions.get(topic);
        let added = partitions.is_some_and(|partitions| partitions.contains(&partition));
        match added && self.phase == Phase::Ongoing {
            true => Ok(()),
            false => Err(ResponseError::InvalidTxnState),
        }
    }

    /// Opens a transaction unless one is open. Error: CONCURRENT_TRANSACTIONS while one is about to end.
    pub(crate) fn open(&mut self, now: i64) -> Result<(), ResponseError> {
        if self.phase.decision().is_some() {
            return Err(ResponseError::ConcurrentTransactions);
        }
        self.used = now;
        if self.phase != Phase::Ongoing {
            self.phase = Phase::Ongoing;
            self.started = now;
        }
        Ok(())
    }

    /// What EndTxn comes to: whether there is something to end. Errors: those of [`Transaction::check`];
    /// INVALID_TXN_STATE where none is open and the last ended otherwise.
    pub(crate) fn may_end(&self, caller: Identity, committed: bool) -> Result<bool, ResponseError> {
        self.check(caller)?;
        match (self.phase, committed) {
            (Phase::Ongoing, _) | (Phase::PrepareCommit, true) | (Phase::PrepareAbort, false) => {
                Ok(true)
            }
            // It is asked again.
            (Phase::CompleteCommit, true) | (Phase::CompleteAbort, false) => Ok(false),
            _ => Err(ResponseError::InvalidTxnState),
        }
    }

    /// It is decided how the open transaction ends.
    pub(crate) fn decide(&mut self, committed: bool) {
        self.phase = match committed {
            true => Phase::PrepareCommit,
            false => Phase::PrepareAbort,
        };
    }

    /// The markers are written.
    pub(crate) fn ended(&mut self, now: i64) {
        self.phase = match self.phase {
            Phase::PrepareCommit => Phase::CompleteCommit,
            _ => Phase::CompleteAbort,
        };
        self.started = -1;
        self.used = now;
        self.partitions.clear();
        self.groups.clear();
    }

    /// Makes an epoch that fences whoever has the current one. When there is none left it is the last there can be.
    pub(crate) fn fence(&mut self) {
        self.producer.epoch = self.producer.epoch.saturating_add(1);
        self.last = None;
    }

    /// Gives the producer that initialises itself its identity: a new epoch, or a new id (`new_id`) where no epoch is
    /// left. `caller` is the identity it had before, or [`Identity::NONE`]. Errors: INVALID_PRODUCER_ID_MAPPING,
    /// PRODUCER_FENCED; that of `new_id`.
    pub(crate) fn initialise(
        &mut self,
        caller: Identity,
        timeout: i32,
        new_id: impl FnOnce() -> Result<i64, ResponseError>,
        now: i64,
    ) -> Result<Identity, ResponseError> {
        let is_repeated = Some(caller) == self.last;
        // Of an id that nobody is known to have used, whoever comes is welcome: the broker may have been started anew
        // under its producer.
        let is_new = self.producer.epoch < 0;
        if caller != Identity::NONE && !is_repeated && !is_new {
            self.check(caller)?;
        }
        self.timeout = timeout;
        self.used = now;
        if !is_repeated {
            self.last = (caller != Identity::NONE && !is_new).then_some(caller);
            // The last epoch is kept for fencing.
            if self.producer.epoch >= i16::MAX - 1 {
                self.producer = Identity {
                    id: new_id()?,
                    epoch: -1,
                };
            }
            self.producer.epoch += 1;
        }
        self.phase = Phase::Empty;
        Ok(self.producer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn initialise(
        transaction: &mut Transaction,
        caller: Identity,
    ) -> Result<Identity, ResponseError> {
        transaction.initialise(caller, 1000, || Ok(99), 5)
    }

    #[test]
    fn each_initialisation_fences_the_one_before() {
        let mut transaction = Transaction::new(7, 1000, 0);
        let first = initialise(&mut transaction, Identity::NONE).unwrap();
        assert_eq!(first, Identity { id: 7, epoch: 0 });
        let second = initialise(&mut transaction, Identity::NONE).unwrap();
        assert_eq!(second.epoch, 1);
        assert_eq!(transaction.check(first), Err(ResponseError::ProducerFenced));
        assert_eq!(
            initialise(&mut transaction, first),
            Err(ResponseError::ProducerFenced)
        );
        // A producer that goes on after an error, and the answer to which was lost.
        let third = initialise(&mut transaction, second).unwrap();
        assert_eq!(third.epoch, 2);
        assert_eq!(initialise(&mut transaction, second), Ok(third));
        let stranger = Identity { id: 8, epoch: 2 };
        assert_eq!(
            initialise(&mut transaction, stranger),
            Err(ResponseError::InvalidProducerIdMapping)
        );
    }

    #[test]
    fn when_epochs_run_out_the_id_is_a_new_one() {
        let mut transaction = Transaction::new(7, 1000, 0);
        transaction.producer.epoch = i16::MAX - 2;
        assert_eq!(
            initialise(&mut transaction, Identity::NONE).unwrap(),
            Identity {
                id: 7,
                epoch: i16::MAX - 1
            }
        );
        let last = transaction.producer;
        let new = Identity { id: 99, epoch: 0 };
        assert_eq!(initialise(&mut transaction, last), Ok(new));
        // The answer to which was lost.
        assert_eq!(initialise(&mut transaction, last), Ok(new));
        assert_eq!(
            transaction.check(last),
            Err(ResponseError::InvalidProducerIdMapping)
        );
    }

    #[test]
    fn a_transaction_opens_and_ends_once() {
        let mut transaction = Transaction::new(7, 1000, 0);
        let caller = initialise(&mut transaction, Identity::NONE).unwrap();
        let invalid = Err(ResponseError::InvalidTxnState);
        assert_eq!(transaction.may_end(caller, true), invalid);
        assert_eq!(
            transaction.check_partition(caller, "orders", 0),
            invalid.map(|_: bool| ())
        );
        transaction.open(10).unwrap();
        transaction.open(20).unwrap();
        assert_eq!(
            (transaction.phase, transaction.started),
            (Phase::Ongoing, 10)
        );
        transaction
            .partitions
            .entry("orders".to_owned())
            .or_default()
            .insert(0);
        assert_eq!(transaction.check_partition(caller, "orders", 0), Ok(()));
        assert_eq!(transaction.may_end(caller, true), Ok(true));
        transaction.decide(true);
        let concurrent = Err(ResponseError::ConcurrentTransactions);
        assert_eq!(transaction.open(25), concurrent);
        assert_eq!(
            transaction.check_partition(caller, "orders", 0),
            invalid.map(|_: bool| ())
        );
        assert_eq!(transaction.may_end(caller, true), Ok(true));
        assert_eq!(transaction.may_end(caller, false), invalid);
        transaction.ended(30);
        assert_eq!(transaction.may_end(caller, true), Ok(false));
        assert_eq!(transaction.may_end(caller, false), invalid);
        assert!(transaction.partitions.is_empty());
    }
}
