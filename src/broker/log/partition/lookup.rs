//! Records by time: the batch is found under the partition's lock, and looked into without it.

use bytes::Bytes;

use super::super::batch::Header;
use super::super::compaction::{self, Records};
use super::super::segment::Segment;
use super::Log;

/// A batch in which a record is looked for.
pub(crate) struct Candidate {
    header: Header,
    batch: Bytes,
    timestamp: i64,
    start: i64,
}

impl Candidate {
    /// The first record of it whose timestamp is as late as was asked for: its timestamp and offset. In a batch that
    /// cannot be decompressed, the batch's first record: never later than the true one, at most a batch earlier.
    pub(crate) fn first(&self) -> Option<(i64, i64)> {
        let Some(records) = compaction::open(&self.header, &self.batch) else {
            let first = self.header.base_timestamp.max(self.timestamp);
            let time = first.min(self.header.max_timestamp);
            return Some((time, self.header.base_offset.max(self.start)));
        };
        self.find(&records)
    }

    fn find(&self, records: &Records<'_>) -> Option<(i64, i64)> {
        records
            .iter()
            .map(|record| (record.timestamp, record.offset))
            .find(|(time, offset)| *time >= self.timestamp && *offset >= self.start)
    }

    /// Where to look when there is none in it.
    pub(crate) fn next(&self) -> i64 {
        self.header.last_offset() + 1
    }
}

impl Log {
    /// The first batch, from `offset` and the log start on, with a timestamp as late as this.
    pub(crate) fn candidate(
        &self,
        timestamp: i64,
        offset: i64,
    ) -> std::io::Result<Option<Candidate>> {
        let start = self.start.max(offset);
        let late = |segment: &&Segment| segment.max_timestamp >= timestamp;
        for segment in self.segments.iter().filter(late) {
            let wanted = |header: &Header| header.max_timestamp >= timestamp && header.count > 0;
            if let Some((header, batch)) = segment.find(start, timestamp, wanted)? {
                return Ok(Some(Candidate {
                    header,
                    batch,
                    timestamp,
                    start,
                }));
            }
        }
        Ok(None)
    }

    /// The largest timestamp of all records.
    pub(crate) fn max_timestamp(&self) -> Option<i64> {
        let times = self.segments.iter().map(|segment| segment.max_timestamp);
        times.max().filter(|time| *time > i64::MIN)
    }
}
