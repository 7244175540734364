//! Records by time.

use super::super::batch::Header;
use super::super::compaction;
use super::super::segment::Segment;
use super::Log;

impl Log {
    /// The first record, from the log start on, whose timestamp is `timestamp` or later: its timestamp and offset. In a
    /// batch that cannot be decompressed, the batch's first record: never later than the true one, at most a batch
    /// earlier.
    pub(crate) fn first_at(&self, timestamp: i64) -> std::io::Result<Option<(i64, i64)>> {
        let Some((header, bytes)) = self.find(timestamp)? else {
            return Ok(None);
        };
        let records = compaction::open(&header, &bytes);
        let found = records
            .iter()
            .flat_map(compaction::Records::iter)
            .map(|record| (record.timestamp, record.offset))
            .find(|(time, offset)| *time >= timestamp && *offset >= self.start);
        let time = header
            .base_timestamp
            .max(timestamp)
            .min(header.max_timestamp);
        Ok(found.or(Some((time, header.base_offset.max(self.start)))))
    }

    /// The first batch, from the log start on, with a timestamp as late as this.
    fn find(&self, timestamp: i64) -> std::io::Result<Option<(Header, bytes::Bytes)>> {
        let late = |segment: &&Segment| segment.max_timestamp >= timestamp;
        for segment in self.segments.iter().filter(late) {
            let wanted = |header: &Header| header.max_timestamp >= timestamp && header.count > 0;
            let found = segment.find(self.start, timestamp, wanted)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The first record with the largest timestamp of all: its timestamp and offset; in a batch that cannot be
    /// decompressed, the offset of the batch's last record.
    pub(crate) fn latest(&self) -> std::io::Result<Option<(i64, i64)>> {
        let times = self.segments.iter().map(|segment| segment.max_timestamp);
        let Some(timestamp) = times.max() else {
            return Ok(None);
        };
        let Some((header, bytes)) = self.find(timestamp)? else {
            return Ok(None);
        };
        let records = compaction::open(&header, &bytes);
        let found = records
            .iter()
            .flat_map(compaction::Records::iter)
            .map(|record| (record.timestamp, record.offset))
            .find(|(time, _)| *time >= timestamp);
        Ok(found.or(Some((timestamp, header.last_offset()))))
    }
}
