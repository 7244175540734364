//! The transaction coordinator: every transactional id, and what ends its transactions.
//!
//! A transactional id's lock is held while its markers are written, and while a batch of it is appended: nothing is
//! written into a transaction that has ended. It comes before those of partitions and groups.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kafka_protocol::error::ResponseError;

use super::super::group;
use super::super::storage::Journal;
use super::super::storage::entry::Entry;
use super::super::sync::lock;
use super::super::topics::Topics;
use super::producer_ids::ProducerIds;
use super::state::{Identity, Phase, Transaction};

/// `transaction.max.timeout.ms`.
const MAX_TIMEOUT_MILLISECONDS: i32 = 15 * 60 * 1000;
/// `transactional.id.expiration.ms`: an id unused for so long is forgotten.
const EXPIRATION_MILLISECONDS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Ids known at a time: far beyond one machine's use, short of a client that eats its memory.
const IDS_LIMIT: usize = 100_000;
/// The longest of them that is taken, in bytes.
const ID_LIMIT: usize = 1024;

/// Every transactional id of the broker.
#[derive(Debug)]
pub(crate) struct Transactions {
    all: Mutex<HashMap<String, Arc<Mutex<Transaction>>>>,
    producer_ids: ProducerIds,
    journal: Journal,
}

/// Where a transaction leaves its traces.
#[derive(Clone, Copy)]
pub(crate) struct Places<'a> {
    pub(crate) topics: &'a Topics,
    pub(crate) groups: &'a group::Coordinator,
}

impl Places<'_> {
    /// Writes the markers, and makes the offsets what they are to be; what is done already is done once. False when a
    /// marker could not be written.
    fn end(self, transaction: &Transaction, committed: bool, now: i64) -> bool {
        let producer = transaction.producer;
        let mut all_written = true;
        for (name, partitions) in &transaction.partitions {
            let Some(topic) = self.topics.get(name) else {
                continue;
            };
            let config = topic.config();
            for partition in partitions
                .iter()
                .filter_map(|index| topic.partition(*index))
            {
                let policy = &config.policy;
                let written =
                    partition.end_transaction(producer.id, producer.epoch, committed, policy, now);
                all_written &= written.is_ok();
            }
        }
        for group in &transaction.groups {
            self.groups
                .with(group, |group| group.offsets.settle(producer.id, committed));
        }
        all_written
    }
}

impl Transactions {
    /// What the journal says of them; none in memory.
    pub(crate) fn new(journal: Journal) -> Transactions {
        let known = journal.with_image(|image| {
            let all = image.transactions.iter();
            let all = all.map(|(id, state)| (id.clone(), Arc::new(Mutex::new(state.clone()))));
            (all.collect(), image.next_producer_id)
        });
        let (all, next) = known.unwrap_or_default();
        Transactions {
            all: Mutex::new(all),
            producer_ids: ProducerIds::new(next, journal.clone()),
            journal,
        }
    }

    /// An id for a producer without transactions; its epoch is 0. Error: NOT_COORDINATOR.
    pub(crate) fn new_producer_id(&self) -> Result<i64, ResponseError> {
        self.producer_ids.allocate()
    }

    /// The transactional id of this name. Error: INVALID_PRODUCER_ID_MAPPING when nobody initialised it.
    pub(crate) fn get(&self, id: &str) -> Result<Arc<Mutex<Transaction>>, ResponseError> {
        let found = lock(&self.all).get(id).cloned();
        found.ok_or(ResponseError::InvalidProducerIdMapping)
    }

    /// All of them, sorted by name.
    pub(crate) fn all(&self) -> Vec<(String, Arc<Mutex<Transaction>>)> {
        let all = lock(&self.all);
        let mut all: Vec<_> = all
            .iter()
            .map(|(id, transaction)| (id.clone(), transaction.clone()))
            .collect();
        all.sort_by(|left, right| left.0.cmp(&right.0));
        all
    }

    /// Makes a change when the journal has it. Error of its own: NOT_COORDINATOR, with which clients try again.
    fn change<T>(
        &self,
        id: &str,
        transaction: &mut Transaction,
        act: impl FnOnce(&mut Transaction) -> Result<T, ResponseError>,
    ) -> Result<T, ResponseError> {
        let mut changed = transaction.clone();
        let result = act(&mut changed)?;
        let written = self.journal.write(|| Entry::Transaction {
            id: id.to_owned(),
            state: changed.clone(),
        });
        written.map_err(|_| ResponseError::NotCoordinator)?;
        *transaction = changed;
        Ok(result)
    }

    /// Ends a transaction of which it is decided how. Error: CONCURRENT_TRANSACTIONS when a marker could not be written;
    /// clients try again, and so does the broker.
    fn finish(
        &self,
        id: &str,
        transaction: &mut Transaction,
        places: Places<'_>,
        now: i64,
    ) -> Result<(), ResponseError> {
        let Some(committed) = transaction.phase.decision() else {
            return Ok(());
        };
        // A power cut must not leave a marker of a decision that the journal does not know.
        let flushed = self.journal.flush_first();
        if flushed.is_err() || !places.end(transaction, committed, now) {
            return Err(ResponseError::ConcurrentTransactions);
        }
        let ended = self.change(id, transaction, |transaction| {
            transaction.ended(now);
            Ok(())
        });
        if ended.is_err() {
            // It has ended all the same: a broker that reads the journal ends it once more, and finds nothing to do.
            transaction.ended(now);
        }
        Ok(())
    }

    /// Runs `act` on an open transaction of the caller's, which is opened if need be. Errors: those of
    /// [`Transaction::check`], [`Transaction::open`] and `act`; NOT_COORDINATOR.
    pub(crate) fn with_open(
        &self,
        id: &str,
        caller: Identity,
        now: i64,
        act: impl FnOnce(&mut Transaction) -> Result<(), ResponseError>,
    ) -> Result<(), ResponseError> {
        let transaction = self.get(id)?;
        let mut transaction = lock(&transaction);
        transaction.check(caller)?;
        self.change(id, &mut transaction, |transaction| {
            transaction.open(now)?;
            act(transaction)
        })
    }

    /// Gives a transactional producer its identity, after aborting what its predecessor left open. Errors:
    /// INVALID_TRANSACTION_TIMEOUT; POLICY_VIOLATION for one id too many, or too long a one; those of
    /// [`Transaction::initialise`]; CONCURRENT_TRANSACTIONS and NOT_COORDINATOR while the disk takes nothing.
    pub(crate) fn initialise(
        &self,
        id: &str,
        caller: Identity,
        timeout: i32,
        places: Places<'_>,
        now: i64,
    ) -> Result<Identity, ResponseError> {
        if !(1..=MAX_TIMEOUT_MILLISECONDS).contains(&timeout) {
            return Err(ResponseError::InvalidTransactionTimeout);
        }
        let transaction = {
            let mut all = lock(&self.all);
            match all.get(id) {
                Some(known) => known.clone(),
                None if id.len() > ID_LIMIT || all.len() >= IDS_LIMIT => {
                    return Err(ResponseError::PolicyViolation);
                }
                None => {
                    let new = Transaction::new(self.new_producer_id()?, timeout, now);
                    let new = Arc::new(Mutex::new(new));
                    all.insert(id.to_owned(), new.clone());
                    new
                }
            }
        };
        let mut transaction = lock(&transaction);
        let mut caller = caller;
        if transaction.phase == Phase::Ongoing {
            if caller != Identity::NONE {
                transaction.check(caller)?;
            }
            self.abort(id, &mut transaction)?;
            caller = Identity::NONE;
        }
        self.finish(id, &mut transaction, places, now)?;
        self.change(id, &mut transaction, |transaction| {
            transaction.initialise(caller, timeout, || self.new_producer_id(), now)
        })
    }

    /// Decides that an open transaction is aborted, and fences its producer.
    fn abort(&self, id: &str, transaction: &mut Transaction) -> Result<(), ResponseError> {
        self.change(id, transaction, |transaction| {
            transaction.fence();
            transaction.decide(false);
            Ok(())
        })
    }

    /// Commits or aborts. Errors: those of [`Transaction::may_end`]; CONCURRENT_TRANSACTIONS and NOT_COORDINATOR while
    /// the disk takes nothing.
    pub(crate) fn end(
        &self,
        id: &str,
        caller: Identity,
        committed: bool,
        places: Places<'_>,
        now: i64,
    ) -> Result<(), ResponseError> {
        let transaction = self.get(id)?;
        let mut transaction = lock(&transaction);
        if transaction.may_end(caller, committed)? && transaction.phase == Phase::Ongoing {
            self.change(id, &mut transaction, |transaction| {
                transaction.decide(committed);
                Ok(())
            })?;
        }
        self.finish(id, &mut transaction, places, now)
    }

    /// Aborts what was open for too long, fencing its producer; ends what is to end; forgets ids that nobody uses.
    pub(crate) fn expire(&self, places: Places<'_>, now: i64) {
        for (id, transaction) in self.all() {
            let mut transaction = lock(&transaction);
            let age = now.saturating_sub(transaction.started);
            if transaction.phase == Phase::Ongoing && age > i64::from(transaction.timeout) {
                tracing::debug!(id, "the transaction timed out and is aborted");
                // What fails is tried again the next time.
                let _ = self.abort(&id, &mut transaction);
            }
            let _ = self.finish(&id, &mut transaction, places, now);
        }
        lock(&self.all).retain(|id, transaction| {
            // Somebody is about to use it, or does.
            let Some(free) = Arc::get_mut(transaction) else {
                return true;
            };
            let transaction = free.get_mut().unwrap_or_else(PoisonError::into_inner);
            let unused = now.saturating_sub(transaction.used);
            let is_open =
                transaction.phase == Phase::Ongoing || transaction.phase.decision().is_some();
            let forget = || Entry::TransactionForgotten { id: id.clone() };
            is_open || unused <= EXPIRATION_MILLISECONDS || self.journal.write(forget).is_err()
        });
    }
}
