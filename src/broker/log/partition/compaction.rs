//! What the cleaner gets of a log, and how its result takes the place of that.

use super::super::cleaner::{Replacement, Sealed};
use super::super::segment::Segment;
use super::{Log, Policy};

impl Log {
    /// The sealed segments before `stable`, where enough of them is dirty, and where the dirty part begins. `now` is in
    /// milliseconds since the Unix epoch.
    pub(crate) fn to_clean(
        &self,
        policy: &Policy,
        stable: i64,
        now: i64,
    ) -> std::io::Result<Option<(Vec<Sealed>, i64)>> {
        let Some(compaction) = policy.compaction else {
            return Ok(None);
        };
        let nexts = self.segments.iter().skip(1).map(|next| next.base_offset);
        let sealed: Vec<(&Segment, i64)> = self
            .segments
            .iter()
            .zip(nexts)
            .take_while(|(segment, end)| {
                let age = now.saturating_sub(segment.max_timestamp);
                let is_old = compaction.min_lag == 0 || age >= compaction.min_lag;
                *end <= stable && is_old
            })
            .collect();
        let mut total = 0;
        let mut dirty = 0;
        let mut is_due = false;
        for (segment, end) in &sealed {
            total += segment.size;
            if *end > self.cleaned {
                dirty += segment.size;
                is_due |= now.saturating_sub(segment.created) > compaction.max_lag;
            }
        }
        let is_dirty = dirty > 0 && dirty as f64 >= compaction.min_dirty_ratio * total as f64;
        if !is_dirty && !is_due {
            return Ok(None);
        }
        let mut segments = Vec::with_capacity(sealed.len());
        for (segment, end) in sealed {
            let runs = segment.runs_from(i64::MIN);
            let slices = runs.map(|run| run.map(|run| run.slice));
            segments.push(Sealed {
                base_offset: segment.base_offset,
                end,
                created: segment.created,
                slices: slices.collect::<std::io::Result<_>>()?,
            });
        }
        Ok(Some((segments, self.cleaned)))
    }

    /// Puts a cleaned segment in the place of those it was made of; false when one of those is gone, deleted meanwhile, or
    /// a file could not be renamed. Then nothing has happened.
    pub(crate) fn put_cleaned(&mut self, replacement: Replacement) -> bool {
        let Replacement {
            replaced,
            end,
            mut segment,
        } = replacement;
        let found = self.segments.iter().map(|segment| segment.base_offset);
        let Some(index) = found.clone().position(|base| base == segment.base_offset) else {
            return false;
        };
        let next = index + replaced.len();
        let are_there = found
            .skip(index)
            .zip(&replaced)
            .all(|(now, then)| now == *then);
        if !are_there
            || self
                .segments
                .get(next)
                .is_none_or(|next| next.base_offset != end)
        {
            return false;
        }
        if let (Some(folder), Some(file)) = (&self.folder, segment.file()) {
            // In their order, so that a record goes before the marker of its transaction.
            let old: Vec<_> = self
                .segments
                .range(index..next)
                .filter_map(Segment::file)
                .collect();
            match folder.replace(file, segment.base_offset, end, &old) {
                Ok(file) => segment.set_file(file),
                Err(error) => {
                    folder.warn(&error);
                    return false;
                }
            }
        }
        let old: u64 = self
            .segments
            .drain(index..next)
            .map(|old| old.size as u64)
            .sum();
        self.size = self.size - old + segment.size as u64;
        if self.folder.is_none() {
            self.memory.take_anyway(segment.size as u64);
            self.memory.give(old);
        }
        self.segments.insert(index, segment);
        true
    }

    /// All before this offset was cleaned.
    pub(crate) fn cleaned_to(&mut self, end: i64) {
        self.cleaned = end;
    }
}
