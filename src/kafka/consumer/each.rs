//! Reading a member's partitions one by one, each as far as there is room for its records.

use super::{Consumer, membership};
use crate::error::Result;
use crate::kafka::error::{Subject, code};
use crate::kafka::ffi::consumer::Commit;
use crate::kafka::membership::{GroupMetadata, NextOffset};
use crate::model::record::Record;
use crate::model::topic::TopicPartition;
use std::time::Duration;

/// A commit under way. To be dropped before its consumer.
pub struct PendingCommit(Commit);

impl Consumer {
    /// Takes what is at hand of each partition, at most as much as `room` says, and never waits. Only for a consumer that
    /// reads its partitions [apart](super::ConsumerOptions::apart). Answers whether there was anything.
    ///
    /// # Errors
    /// Those of [`Consumer::poll`] about a partition.
    pub fn read_each(
        &self,
        mut room: impl FnMut(&TopicPartition) -> usize,
        mut take: impl FnMut(&TopicPartition, Vec<Record>),
    ) -> Result<bool> {
        let mut any = false;
        for (place, queue) in self.membership()?.queues().iter_mut() {
            if !queue.is_pending() {
                continue;
            }
            let most = room(place);
            if most == 0 {
                continue;
            }
            let batch = queue.take(most);
            any |= batch.len() > 0;
            let mut records = Vec::with_capacity(batch.len());
            for found in batch.messages() {
                match found {
                    Ok(message) => records.push(message.to_record()),
                    Err(failure) => self.judge(Some(failure.partition), failure.fault)?,
                }
            }
            if !records.is_empty() {
                take(place, records);
            }
        }
        Ok(any)
    }

    /// The offset after the last thing that was read of each partition, where something was: markers of transactions
    /// count, which nobody sees as records.
    pub fn positions(&self, partitions: &[TopicPartition]) -> Result<Vec<(TopicPartition, i64)>> {
        let positions = self.handle()?.position(partitions);
        let mut positions =
            positions.map_err(|fault| self.error("read positions", Subject::Cluster, fault))?;
        positions.retain(|(_, offset)| *offset >= 0);
        Ok(positions)
    }

    /// What the group has committed for these partitions, where it has; asks its coordinator, and waits for transactions
    /// that are being ended.
    ///
    /// # Errors
    /// No answer within the connection's time-out, or a right that is missing.
    pub fn committed(&self, partitions: &[TopicPartition]) -> Result<Vec<NextOffset>> {
        let committed = self.handle()?.committed(partitions, self.timeout);
        committed.map_err(|fault| {
            let is_late = fault.code == code::TIMED_OUT;
            let error = self.error("read committed offsets", self.group_subject(), fault);
            match is_late {
                // Kafka answers UNSTABLE_OFFSET_COMMIT, which librdkafka keeps to itself and asks again (KIP-447).
                true => error.hint(
                    "they are kept back as long as a transaction with offsets of the group is not ended; \
                     `kafka-transactions.sh find-hanging` shows one that never will be",
                ),
                false => error,
            }
        })
    }

    /// Commits next offsets, to be asked later what became of it. While the group has no coordinator that may take a minute;
    /// later commits need not wait for it.
    pub fn begin_commit(&self, offsets: &[NextOffset]) -> Result<PendingCommit> {
        let begun = self.handle()?.begin_commit(offsets);
        begun
            .map(PendingCommit)
            .map_err(|fault| self.commit_error(fault))
    }

    /// What became of a commit of this consumer's; `None` while it is not answered.
    pub fn outcome(&self, commit: &PendingCommit) -> Option<Result<()>> {
        let outcome = commit.0.outcome(Duration::ZERO)?;
        Some(outcome.map_err(|fault| self.commit_error(fault)))
    }

    /// Whether any broker ever answered.
    pub fn was_ever_answered(&self) -> bool {
        self.handle().is_ok_and(|handle| handle.context().ever_up())
    }

    /// This member of its group, as a transaction that commits offsets names it; to be asked anew for each.
    pub fn group_metadata(&self) -> Result<GroupMetadata> {
        membership::group_metadata(self.handle()?)
    }
}
