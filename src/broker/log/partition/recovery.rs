//! The log that the folder of a data directory holds.

use std::sync::Arc;

use super::super::super::storage::folder::Folder;
use super::super::super::storage::scan::{Damage, scan};
use super::super::batch::Header;
use super::super::memory::Memory;
use super::super::segment::Segment;
use super::Log;

impl Log {
    /// The log that its folder holds, from `start` on. `found` is told of every batch, in their order, and gets its
    /// header and bytes; what is said of it afterwards is how much of a torn last batch was cut off.
    pub(crate) fn recover(
        memory: Arc<Memory>,
        folder: Folder,
        start: i64,
        now: i64,
        mut found: impl FnMut(&Header, &[u8]),
    ) -> Result<(Log, u64), Damage> {
        let mut log = Log::new(memory, None);
        let mut cut = 0;
        let mut files = folder.segments()?.into_iter().peekable();
        while let Some((base_offset, file)) = files.next() {
            let next = files.peek().map(|(base_offset, _)| *base_offset);
            let mut segment = Segment::new(base_offset, now, Some(file.clone()));
            let mut end = base_offset;
            let torn = scan(
                &file,
                base_offset,
                next.unwrap_or(i64::MAX),
                |header, batch| {
                    if segment.size == 0 {
                        segment.created = header.max_timestamp.min(now);
                    }
                    segment.found(header);
                    end = header.last_offset() + 1;
                    found(header, batch);
                },
            )?;
            if torn > 0 {
                if next.is_some() {
                    return Err(Damage::at(&file, segment.size as u64));
                }
                file.cut(segment.size as u64)
                    .map_err(Damage::of(file.path()))?;
                cut = torn;
            }
            if log.segments.is_empty() {
                log.start = base_offset;
            }
            log.size += segment.size as u64;
            log.end = end;
            log.segments.push_back(segment);
        }
        log.end = log.end.max(start);
        log.folder = Some(Arc::new(folder));
        log.start = log.start.max(start);
        log.drop_unread();
        Ok((log, cut))
    }
}
