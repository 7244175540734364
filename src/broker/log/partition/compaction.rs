//! What the cleaner gets of a log, and how its result takes the place of that.

use super::super::cleaner::{Cleaned, Sealed};
use super::super::segment::Segment;
use super::{Full, Log, Policy};

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
                *end <= stable && age >= compaction.min_lag
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

    /// Puts cleaned segments in the place of those they were made of. Nothing happens when one of those is gone, deleted
    /// meanwhile. Error: a file could not be renamed; the others are in their places.
    pub(crate) fn put_cleaned(&mut self, cleaned: Cleaned) -> Result<(), Full> {
        let now = self.segments.iter().map(|segment| segment.base_offset);
        let then = cleaned
            .replacements
            .iter()
            .flat_map(|one| one.replaced.iter().copied());
        if self.segments.len() <= then.clone().count()
            || !now.zip(then).all(|(now, then)| now == then)
        {
            return Ok(());
        }
        for (index, replacement) in cleaned.replacements.into_iter().enumerate() {
            let count = replacement.replaced.len();
            let mut segment = replacement.segment;
            if let (Some(folder), Some(file)) = (&self.folder, segment.file()) {
                let adopted = folder.adopt(file, segment.base_offset);
                segment.set_file(adopted.map_err(|error| self.full(&error))?);
            }
            self.size += segment.size as u64;
            if self.folder.is_none() {
                self.memory.take_anyway(segment.size as u64);
            }
            // The first has lost its file's name to the new one; the others go in their order, so that a record goes
            // before the marker of its transaction, if the process is killed meanwhile.
            let old: Vec<Segment> = self.segments.drain(index..index + count).collect();
            for (place, old) in old.iter().enumerate() {
                self.size -= old.size as u64;
                match old.file() {
                    Some(file) if place > 0 => file.delete(),
                    Some(_) => {}
                    None => self.memory.give(old.size as u64),
                }
            }
            self.segments.insert(index, segment);
        }
        self.cleaned = cleaned.end;
        Ok(())
    }
}
