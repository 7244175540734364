//! A producer's transactions: librdkafka's calls ("Transactional producer API" in rdkafka.h), and what each error asks for.

use super::super::error::{Fault, code};
use super::handle::Handle;
use super::partitions::List;
use super::{c_text, consume_error, milliseconds};
use crate::model::topic::TopicPartition;
use rdkafka::bindings as c;
use std::ptr::NonNull;
use std::time::Duration;

/// What librdkafka wants done about a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kafka) enum Remedy {
    /// The same call again: it goes on where it was.
    Repeat,
    /// The transaction cannot be committed any more, only aborted.
    Abort,
    /// The producer is of no more use. Also what no flag is set for: "treat as fatal".
    GiveUp,
}

/// Why a call failed.
#[derive(Debug)]
pub(in crate::kafka) struct Trouble {
    pub(in crate::kafka) fault: Fault,
    pub(in crate::kafka) remedy: Remedy,
}

/// A member of a group, as its coordinator knows it: name, generation, member id (KIP-447).
#[derive(Debug)]
pub struct GroupMetadata(NonNull<c::rd_kafka_consumer_group_metadata_t>);

// SAFETY: a value of its own, with no tie to the consumer or a thread.
unsafe impl Send for GroupMetadata {}

impl GroupMetadata {
    /// A group in which whoever commits is no member: no generation fences him, only his transactional id does.
    pub(in crate::kafka) fn without_member(group: &str) -> Result<Self, Fault> {
        let group = c_text(group)?;
        // SAFETY: the name is NUL-terminated and copied; the answer is ours.
        let metadata = unsafe { c::rd_kafka_consumer_group_metadata_new(group.as_ptr()) };
        NonNull::new(metadata)
            .map(GroupMetadata)
            .ok_or_else(|| Fault::new(code::INVALID_ARG, "out of memory"))
    }
}

impl Drop for GroupMetadata {
    fn drop(&mut self) {
        // SAFETY: ours, freed once.
        unsafe { c::rd_kafka_consumer_group_metadata_destroy(self.0.as_ptr()) }
    }
}

impl Handle {
    /// Gets the producer its id, and ends what an older producer of the same transactional id has left open.
    pub(in crate::kafka) fn init_transactions(&self, timeout: Duration) -> Result<(), Trouble> {
        // SAFETY: the client is alive; the error is nobody else's.
        unsafe {
            self.outcome(c::rd_kafka_init_transactions(
                self.client(),
                milliseconds(timeout),
            ))
        }
    }

    /// Asks no broker. While a transaction is open it fails, and says why that one failed if it did.
    pub(in crate::kafka) fn begin_transaction(&self) -> Result<(), Trouble> {
        // SAFETY: the client is alive; the error is nobody else's.
        unsafe { self.outcome(c::rd_kafka_begin_transaction(self.client())) }
    }

    /// Sends what is queued, then commits. Somebody else must serve the events meanwhile.
    pub(in crate::kafka) fn commit_transaction(&self, timeout: Duration) -> Result<(), Trouble> {
        // SAFETY: the client is alive; the error is nobody else's.
        unsafe {
            self.outcome(c::rd_kafka_commit_transaction(
                self.client(),
                milliseconds(timeout),
            ))
        }
    }

    /// Withdraws what is queued, waits for what is under way, then aborts. Somebody else must serve the events meanwhile.
    pub(in crate::kafka) fn abort_transaction(&self, timeout: Duration) -> Result<(), Trouble> {
        // SAFETY: the client is alive; the error is nobody else's.
        unsafe {
            self.outcome(c::rd_kafka_abort_transaction(
                self.client(),
                milliseconds(timeout),
            ))
        }
    }

    /// Makes next offsets of a group part of the transaction. The same again when it is to be repeated.
    pub(in crate::kafka) fn send_offsets(
        &self,
        offsets: &[(TopicPartition, i64)],
        group: &GroupMetadata,
        timeout: Duration,
    ) -> Result<(), Trouble> {
        let entries = offsets.iter().map(|(place, offset)| (place, *offset));
        let list = List::with_offsets(entries).map_err(|fault| Trouble {
            fault,
            remedy: Remedy::GiveUp,
        })?;
        // SAFETY: client, list and metadata are alive; both are copied; the error is nobody else's.
        unsafe {
            self.outcome(c::rd_kafka_send_offsets_to_transaction(
                self.client(),
                list.pointer(),
                group.0.as_ptr(),
                milliseconds(timeout),
            ))
        }
    }

    /// What this consumer is in its group now; nothing for a consumer without one.
    pub(in crate::kafka) fn group_metadata(&self) -> Option<GroupMetadata> {
        // SAFETY: the client is alive; the answer is ours.
        NonNull::new(unsafe { c::rd_kafka_consumer_group_metadata(self.client()) })
            .map(GroupMetadata)
    }

    /// Takes an error object over: what it asks for and its content, and the object freed.
    ///
    /// # Safety
    /// `error` is null or an error object that nobody else will free.
    unsafe fn outcome(&self, error: *mut c::rd_kafka_error_t) -> Result<(), Trouble> {
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: not null, so by the same promise alive, and read before it is freed; in the order of rdkafka.h's example.
        let remedy = unsafe {
            if c::rd_kafka_error_txn_requires_abort(error) != 0 {
                Remedy::Abort
            } else if c::rd_kafka_error_is_retriable(error) != 0 {
                Remedy::Repeat
            } else {
                Remedy::GiveUp
            }
        };
        // SAFETY: the same promise; freed once.
        unsafe { consume_error(error) }.map_err(|fault| Trouble {
            // What comes after a fatal error may say no more than that there was one.
            fault: match remedy {
                Remedy::GiveUp => self.fatal().unwrap_or(fault),
                _ => fault,
            },
            remedy,
        })
    }
}

/// librdkafka's own mock of a cluster, which a client has with the property `test.mock.num.brokers`.
#[cfg(test)]
impl Handle {
    /// How the mock's only broker answers the next EndTxn: with this code, after so long.
    pub(in crate::kafka) fn mock_end_of_transaction(&self, code: i32, after: Duration) {
        self.mock_answer(26, code, after);
    }

    /// How it answers the next InitProducerId.
    pub(in crate::kafka) fn mock_start_of_producer(&self, code: i32) {
        self.mock_answer(22, code, Duration::ZERO);
    }

    /// The request by its number in Kafka's protocol.
    fn mock_answer(&self, request: i16, code: i32, after: Duration) {
        // SAFETY: the client is alive, and so is its mock; one pair of code and milliseconds follows the count of one.
        unsafe {
            let cluster = c::rd_kafka_handle_mock_cluster(self.client());
            assert!(!cluster.is_null(), "the client has no mock");
            c::rd_kafka_mock_broker_push_request_error_rtts(
                cluster,
                1,
                request,
                1,
                code,
                milliseconds(after),
            );
        }
    }
}
