//! The transaction coordinator: every transactional id, and what ends its transactions.
//!
//! A transactional id's lock is held while its markers are written, and while a batch of it is appended: nothing is
//! written into a transaction that has ended. It comes before those of partitions and groups.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kafka_protocol::error::ResponseError;

use super::super::group;
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
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    all: Mutex<HashMap<String, Arc<Mutex<Transaction>>>>,
    producer_ids: ProducerIds,
}

/// Where a transaction leaves its traces.
#[derive(Clone, Copy)]
pub(crate) struct Places<'a> {
    pub(crate) topics: &'a Topics,
    pub(crate) groups: &'a group::Coordinator,
}

impl Places<'_> {
    /// Writes the markers, and makes the offsets what they are to be.
    fn end(self, transaction: &mut Transaction, committed: bool, now: i64) {
        let producer = transaction.producer;
        for (name, partitions) in &transaction.partitions {
            let Some(topic) = self.topics.get(name) else {
                continue;
            };
            let config = topic.config();
            for index in partitions {
                if let Some(partition) = topic.partition(*index) {
                    let policy = &config.policy;
                    partition.end_transaction(producer.id, producer.epoch, committed, policy, now);
                }
            }
        }
        for group in &transaction.groups {
            self.groups
                .with(group, |group| group.offsets.settle(producer.id, committed));
        }
        transaction.ended(committed, now);
    }
}

impl Transactions {
    /// An id for a producer without transactions; its epoch is 0.
    pub(crate) fn new_producer_id(&self) -> i64 {
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

    /// Gives a transactional producer its identity, after aborting what its predecessor left open. Errors:
    /// INVALID_TRANSACTION_TIMEOUT; POLICY_VIOLATION for one id too many, or too long a one; those of
    /// [`Transaction::initialise`].
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
        let new = || Transaction::new(self.producer_ids.allocate(), timeout, now);
        let transaction = {
            let mut all = lock(&self.all);
            if id.len() > ID_LIMIT || (all.len() >= IDS_LIMIT && !all.contains_key(id)) {
                return Err(ResponseError::PolicyViolation);
            }
            let transaction = all.entry(id.to_owned());
            transaction
                .or_insert_with(|| Arc::new(Mutex::new(new())))
                .clone()
        };
        let mut transaction = lock(&transaction);
        if transaction.phase == Phase::Ongoing {
            if caller != Identity::NONE {
                transaction.check(caller)?;
            }
            transaction.fence();
            places.end(&mut transaction, false, now);
            return transaction.initialise(Identity::NONE, timeout, || self.new_producer_id(), now);
        }
        transaction.initialise(caller, timeout, || self.new_producer_id(), now)
    }

    /// Commits or aborts. Errors: those of [`Transaction::may_end`].
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
        if transaction.may_end(caller, committed)? {
            places.end(&mut transaction, committed, now);
        }
        Ok(())
    }

    /// Aborts what was open for too long, fencing its producer, and forgets ids that nobody uses.
    pub(crate) fn expire(&self, places: Places<'_>, now: i64) {
        for (id, transaction) in self.all() {
            let mut transaction = lock(&transaction);
            let age = now.saturating_sub(transaction.started);
            if transaction.phase == Phase::Ongoing && age > i64::from(transaction.timeout) {
                tracing::debug!(id, "the transaction timed out and is aborted");
                transaction.fence();
                places.end(&mut transaction, false, now);
            }
        }
        lock(&self.all).retain(|_, transaction| {
            // Somebody is about to use it, or does.
            let Some(free) = Arc::get_mut(transaction) else {
                return true;
            };
            let transaction = free.get_mut().unwrap_or_else(PoisonError::into_inner);
            let unused = now.saturating_sub(transaction.used);
            transaction.phase == Phase::Ongoing || unused <= EXPIRATION_MILLISECONDS
        });
    }
}
