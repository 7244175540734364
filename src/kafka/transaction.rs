//! Transactions (KIP-98): records that readers of committed records see together or never.
//!
//! A [`TransactionalProducer`] has one [`Transaction`] at a time, and the transaction is consumed by its end. All calls
//! block their thread, each no longer than the connection's time-out. After [`Uncommitted::Unknown`] the producer must be
//! dropped: only a new one of the same id (which fences it) knows again where it stands.

mod terms;

use super::error::code;
use super::ffi::transaction::{GroupMetadata, Remedy, Trouble};
use super::{Connection, Producer, ProducerOptions, properties};
use crate::error::{Error, Result};
use crate::model::topic::TopicPartition;
use std::time::{Duration, Instant};
use terms::{PAUSE, Terms, is_forbidden, repeated};

/// librdkafka's `transaction.timeout.ms`, unless the user says another.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How long one attempt to get a producer id takes, so that one that is not wanted any more ends.
const SLICE: Duration = Duration::from_millis(100);

/// The property, which an ordinary producer must not have.
pub(super) const ID: &str = "transactional.id";

/// A producer that sends inside of transactions only.
#[derive(Debug)]
pub struct TransactionalProducer {
    producer: Producer,
    id: String,
    /// What all ids of its kind begin with; None when the user named it.
    prefix: Option<String>,
    limit: Duration,
}

/// An id that no other producer has.
#[derive(Clone, Copy, Debug)]
pub struct OwnId<'a> {
    /// What all ids of the kind begin with, so that an ACL can be for them.
    pub prefix: &'a str,
    pub rest: &'a str,
}

/// How a producer's transactions are named, and how long brokers let one be open.
pub(super) struct Naming<'a> {
    pub(super) id: &'a str,
    pub(super) limit: Duration,
}

impl TransactionalProducer {
    /// As [`Producer::open`]. A producer fences older ones of the same `id`; the user's property `transactional.id`
    /// replaces it.
    ///
    /// # Errors
    /// As [`Producer::open`]; also a `message.timeout.ms` over `transaction.timeout.ms`, or no idempotence.
    pub fn open(connection: &Connection, options: ProducerOptions, id: OwnId<'_>) -> Result<Self> {
        let own = format!("{}{}", id.prefix, id.rest);
        let users = properties::of_user(connection, ID);
        let prefix = users.is_none().then(|| id.prefix.to_owned());
        let id = users.unwrap_or(&own);
        if id.is_empty() {
            return Err(Error::usage(format!("`{ID}` is empty")));
        }
        let limit = properties::of_user(connection, "transaction.timeout.ms")
            .and_then(|text| text.parse().ok())
            .map_or(TIMEOUT, Duration::from_millis);
        let producer = Producer::start(connection, options, Some(Naming { id, limit }))?;
        Ok(TransactionalProducer {
            producer,
            id: id.to_owned(),
            prefix,
            limit,
        })
    }

    /// Takes records while a transaction is open.
    pub fn producer(&self) -> &Producer {
        &self.producer
    }

    /// Its transactional id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Makes the producer known to its coordinator, once, before the first transaction. Whether it is done: not when it
    /// was no longer `wanted`, which is asked a few times a second.
    ///
    /// # Errors
    /// When the cluster does not answer in time or has no transactions, the user may not use the id, or the brokers allow
    /// no `transaction.timeout.ms` that long.
    pub fn init(&self, wanted: impl Fn() -> bool) -> Result<bool> {
        let deliveries = self.producer.deliveries();
        let context = deliveries.handle.context();
        let outcome = repeated(
            deliveries.timeout,
            SLICE,
            || wanted() && !context.hopeless(),
            |left| deliveries.handle.init_transactions(left),
        );
        match outcome {
            Ok(()) => Ok(true),
            Err(trouble) if trouble.remedy == Remedy::Repeat && !wanted() => Ok(false),
            Err(trouble) => {
                let is_forbidden =
                    trouble.fault.code == code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
                let error = self.terms().error("begin transactions", trouble);
                // An ACL for this id would be for one that never comes again.
                Err(match &self.prefix {
                    Some(prefix) if is_forbidden => error.hint(format!(
                        "each run has an id of its own: grant the prefix `{prefix}`, or give an id that is allowed with \
                         `-X {ID}=ID`"
                    )),
                    _ => error,
                })
            }
        }
    }

    /// Whether another producer of the same id has taken it over, or the broker in its stead.
    pub fn is_fenced(&self) -> bool {
        let fatal = self.producer.deliveries().handle.fatal();
        fatal.is_some_and(|fault| fault.code == code::FENCED)
    }

    /// Opens a transaction: every record sent until its end is part of it.
    ///
    /// # Errors
    /// One is open already, or the producer is of no more use.
    pub fn begin(&self) -> Result<Transaction> {
        let began = self.producer.deliveries().handle.begin_transaction();
        began.map_err(|trouble| self.terms().error("begin a transaction", trouble))?;
        Ok(Transaction {
            producer: self.producer.clone(),
            id: self.id.clone(),
            limit: self.limit,
            begun: Instant::now(),
        })
    }

    /// How long brokers let one of its transactions be open.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    fn terms(&self) -> Terms<'_> {
        Terms {
            deliveries: self.producer.deliveries(),
            id: &self.id,
            limit: self.limit,
            is_over: false,
        }
    }
}

/// One that is open. Dropped without an end, the broker aborts it when its time is over.
#[must_use = "a transaction that is neither committed nor aborted keeps readers waiting until its time is over"]
#[derive(Debug)]
pub struct Transaction {
    producer: Producer,
    id: String,
    limit: Duration,
    begun: Instant,
}

/// Why a transaction was not committed.
#[derive(Debug)]
pub enum Uncommitted {
    /// Nobody who reads committed records sees any of it, now or later.
    Nothing(Error),
    /// The same, but it is still open: the broker aborts it when its time is over.
    Open(Error),
    /// It may have been committed or aborted.
    Unknown(Error),
}

impl Transaction {
    /// How long brokers let it be open; then they abort it (they look every ten seconds, unless configured otherwise).
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Why it can only be aborted any more, when it is so: its time is over, a record of it failed, or another producer
    /// took its id over.
    ///
    /// # Errors
    /// That reason.
    pub fn check(&self) -> Result<()> {
        if self.is_over() {
            return Err(self.terms().over());
        }
        // It begins none by mistake: librdkafka begins one in its state READY alone. This value stands for the one that was
        // begun, and only its own end, which consumes it, leads back there; a failure leads away from there.
        match self.producer.deliveries().handle.begin_transaction() {
            // That one is open is no news.
            Err(trouble) if trouble.fault.code != code::STATE => {
                Err(self.terms().error("send in the transaction", trouble))
            }
            _ => Ok(()),
        }
    }

    /// Whether it has been open for longer than brokers let it be. Cheap, unlike [`Transaction::check`].
    ///
    /// # Errors
    /// That it is so.
    pub fn check_time(&self) -> Result<()> {
        match self.is_over() {
            true => Err(self.terms().over()),
            false => Ok(()),
        }
    }

    /// Makes next offsets part of the transaction: they count when it is committed, and only if the member is still in the
    /// generation of its group that `group` says.
    ///
    /// # Errors
    /// Then the transaction can only be aborted.
    pub fn send_offsets(
        &self,
        offsets: &[(TopicPartition, i64)],
        group: &GroupMetadata,
    ) -> Result<()> {
        let deliveries = self.producer.deliveries();
        let outcome = repeated(
            deliveries.timeout,
            Duration::MAX,
            || true,
            |left| deliveries.handle.send_offsets(offsets, group, left),
        );
        outcome.map_err(|trouble| self.terms().error("commit offsets", trouble))
    }

    /// Waits for the records and makes all of them visible. [`Producer::flush`] before it, to wait for many records as
    /// long as they are acknowledged: this waits for everything together no longer than the connection's time-out.
    ///
    /// # Errors
    /// What was not, or may not have been, committed.
    pub fn commit(self) -> Result<(), Uncommitted> {
        let deliveries = self.producer.deliveries();
        let outcome = repeated(
            deliveries.timeout,
            Duration::MAX,
            || true,
            |left| deliveries.handle.commit_transaction(left),
        );
        let Err(trouble) = outcome else {
            return Ok(());
        };
        let (remedy, number) = (trouble.remedy, trouble.fault.code);
        let error = self.terms().error("commit the transaction", trouble);
        match remedy {
            Remedy::Abort => match self.withdraw() {
                Ok(()) => Err(Uncommitted::Nothing(error)),
                // Whatever failed may have been the answer alone; fenced, too, says nothing of what was before.
                Err(_) => Err(Uncommitted::Unknown(error)),
            },
            // Who may not commit may not abort either.
            Remedy::GiveUp if is_forbidden(number) => Err(Uncommitted::Open(error)),
            // The coordinator knows of nothing to commit.
            Remedy::GiveUp if number == code::INVALID_TXN_STATE => Err(Uncommitted::Nothing(error)),
            // Also fenced: librdkafka repeats a commit whose answer was lost, and whoever fenced this producer may have
            // come between the two.
            Remedy::GiveUp | Remedy::Repeat => Err(Uncommitted::Unknown(error)),
        }
    }

    /// Withdraws the records: nobody who reads committed records sees any of them. What is queued is not sent any more.
    ///
    /// # Errors
    /// Nobody says that it is done. The broker does it when the transaction's time is over; until then readers of
    /// committed records wait at its first record.
    pub fn abort(self) -> Result<()> {
        match self.withdraw() {
            // Whoever fenced this producer, the broker at its time or another producer, has aborted it.
            Err(trouble) if trouble.fault.code == code::FENCED => Ok(()),
            // The coordinator knows of nothing to abort: no record of it was taken. Nobody has asked for its commit, so
            // that is not what was before.
            Err(trouble) if trouble.fault.code == code::INVALID_TXN_STATE => Ok(()),
            Err(trouble) => Err(self.terms().error("abort the transaction", trouble)),
            Ok(()) => Ok(()),
        }
    }

    fn withdraw(&self) -> Result<(), Trouble> {
        let deliveries = self.producer.deliveries();
        let end = Instant::now() + deliveries.timeout;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let outcome = repeated(
                left,
                Duration::MAX,
                || true,
                |left| deliveries.handle.abort_transaction(left),
            );
            match outcome {
                // An abort that a broker refused begins anew.
                Err(trouble) if trouble.remedy == Remedy::Abort && Instant::now() < end => {
                    std::thread::sleep(PAUSE);
                }
                outcome => return outcome,
            }
        }
    }

    fn is_over(&self) -> bool {
        self.begun.elapsed() >= self.limit
    }

    fn terms(&self) -> Terms<'_> {
        Terms {
            deliveries: self.producer.deliveries(),
            id: &self.id,
            limit: self.limit,
            is_over: self.is_over(),
        }
    }
}

#[cfg(test)]
mod tests;
