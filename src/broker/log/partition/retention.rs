//! What a log lets go of: by time, by size, because somebody says so, and all of it.

use super::super::segment::Segment;
use super::{Full, Log, Policy};

impl Log {
    /// Moves the log start to `offset`, which must not lie beyond the end, and frees what lies before.
    pub(crate) fn delete_before(&mut self, offset: i64) -> Result<(), Full> {
        let start = self.start.max(offset.min(self.end));
        if let Some(folder) = &self.folder
            && start > self.start
        {
            folder.starts_at(start).map_err(|_| Full)?;
        }
        self.start = start;
        self.drop_unread();
        Ok(())
    }

    /// Frees what lies before the log start.
    pub(super) fn drop_unread(&mut self) {
        while self.segments.len() > 1 && self.segments[1].base_offset <= self.start {
            self.drop_first();
        }
        if self.start == self.end {
            self.clear();
        } else if let Some(segment) = self.segments.front_mut() {
            let freed = segment.drop_before(self.start) as u64;
            self.size -= freed;
            self.memory.give(freed);
        }
    }

    /// Frees everything, and begins again at the end. A file must say where that is before the last is deleted.
    fn clear(&mut self) {
        let has_records = self.segments.back().is_some_and(|segment| segment.size > 0);
        if self.folder.is_some() && has_records {
            let created = self.segments.back().map_or(0, |segment| segment.created);
            if self.begin_segment(created).is_err() {
                return;
            }
        }
        let kept = usize::from(self.folder.is_some());
        while self.segments.len() > kept {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(segment) = self.segments.pop_front() {
            self.size -= segment.size as u64;
            match segment.file() {
                Some(file) => file.delete(),
                None => self.memory.give(segment.size as u64),
            }
        }
    }

    /// Deletes the segments that `retention.ms` and `retention.bytes` let go. `cleanup.policy=compact` alone keeps
    /// everything.
    pub(crate) fn retain(&mut self, policy: &Policy, now: i64) {
        if !policy.delete {
            return;
        }
        let first_kept = self.segments.iter().scan(self.size, |left, segment| {
            *left -= segment.size as u64;
            Some((segment, *left))
        });
        let expires = |(segment, left): &(&Segment, u64)| {
            let expired = policy.retention_milliseconds >= 0
                && now.saturating_sub(segment.max_timestamp) > policy.retention_milliseconds;
            let surplus =
                policy.retention_bytes >= 0 && *left >= policy.retention_bytes.unsigned_abs();
            segment.size > 0 && (expired || surplus)
        };
        let gone = first_kept.take_while(expires).count();
        if gone == 0 {
            return;
        }
        let kept = self.segments.get(gone);
        self.start = kept.map_or(self.end, |next| next.base_offset.max(self.start));
        if let Some(folder) = &self.folder {
            // That files are gone says it as well: a full disk must not keep them.
            let _ = folder.starts_at(self.start);
        }
        self.drop_unread();
    }

    /// Lets go of everything; its folder is somebody else's to delete.
    pub(crate) fn discard(&mut self) {
        self.start = self.end;
        for segment in self.segments.drain(..) {
            if segment.file().is_none() {
                self.memory.give(segment.size as u64);
            }
        }
        self.size = 0;
        self.folder = None;
    }
}
