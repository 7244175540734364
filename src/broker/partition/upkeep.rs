//! What a partition is after a start, and what becomes of it with time.

use std::sync::Arc;

use super::super::log::cleaner::{Job, Sealed};
use super::super::log::{Log, Memory, Policy, marker};
use super::super::storage::folder::Folder;
use super::super::storage::scan::Damage;
use super::super::sync::lock;
use super::super::transaction::ongoing::Ongoing;
use super::super::transaction::sequences::Sequences;
use super::{Inner, Partition, unreadable_file};

/// A partition that could not be cleaned, on a full disk, is tried again after this.
const CLEAN_AGAIN_MILLISECONDS: i64 = 60 * 1000;

impl Partition {
    /// The partition that a folder holds, from `start` on, with what its batches say of their producers and
    /// transactions; and how many bytes of a torn last batch were cut off.
    pub(crate) fn recover(
        memory: Arc<Memory>,
        folder: Folder,
        start: i64,
        now: i64,
    ) -> Result<(Partition, u64), Damage> {
        let mut sequences = Sequences::default();
        let mut ongoing = Ongoing::default();
        let (log, cut) = Log::recover(memory, folder, start, now, |header, batch| {
            let producer = header.producer_id;
            if header.is_control() {
                if let Some(committed) = marker::committed(header, batch) {
                    sequences.ended(producer, header.producer_epoch, now);
                    ongoing.ended(producer, committed, header.base_offset);
                }
                return;
            }
            let append_time = match header.is_log_append_time() {
                true => header.max_timestamp,
                false => -1,
            };
            sequences.record(header, header.base_offset, append_time, now);
            // A batch of which cleaning left no record holds nobody up.
            if header.is_transactional() && header.count > 0 {
                ongoing.written(producer, header.base_offset);
            }
        })?;
        ongoing.forget_before(log.start());
        Ok((Partition::of(log, sequences, ongoing), cut))
    }

    /// Applies retention.
    pub(crate) fn retain(&self, policy: &Policy, now: i64) {
        let mut inner = lock(&self.inner);
        inner.log.retain(policy, now);
        inner.sequences.expire(now);
        let start = inner.log.start();
        inner.ongoing.forget_before(start);
    }

    /// Compacts what can be, if enough can; blocks, but holds the lock for a short time only.
    pub(crate) fn clean(&self, policy: &Policy, now: i64) {
        let job = {
            let inner = lock(&self.inner);
            if now < inner.clean_again {
                return;
            }
            match inner.log.to_clean(policy, inner.last_stable(), now) {
                Ok(Some((segments, dirty_from))) => inner.job(segments, dirty_from, policy, now),
                Ok(None) => return,
                Err(error) => {
                    unreadable_file(&error);
                    return;
                }
            }
        };
        let result = job.run(|replacement| {
            let mut inner = lock(&self.inner);
            !inner.closed && inner.log.put_cleaned(replacement)
        });
        let mut inner = lock(&self.inner);
        match result {
            Ok(Some(end)) => {
                inner.log.cleaned_to(end);
                inner.ongoing.forget_aborted_before(end);
            }
            Ok(None) => {}
            Err(error) => {
                inner.clean_again = now.saturating_add(CLEAN_AGAIN_MILLISECONDS);
                if let Some(folder) = inner.log.folder() {
                    folder.warn(&error);
                }
            }
        }
    }
}

impl Inner {
    fn job(&self, segments: Vec<Sealed>, dirty_from: i64, policy: &Policy, now: i64) -> Job {
        let end = segments.last().map_or(0, |last| last.end);
        Job {
            segments,
            dirty_from,
            aborted: self.ongoing.aborted(0, end),
            last_batches: self.sequences.last_batches(),
            delete_retention: policy.compaction.map_or(0, |one| one.delete_retention),
            segment_bytes: self.log.segment_limit(policy) as usize,
            now,
            folder: self.log.folder(),
        }
    }
}
