//! Records by time.

use super::super::batch::{HEADER_SIZE, Header};
use super::super::record;
use super::super::segment::Segment;
use super::Log;

impl Log {
    /// The first record, from the log start on, whose timestamp is `timestamp` or later: its timestamp and offset.
    ///
    /// Inside a compressed batch nothing can be read without decompressing, so there the answer is the batch's first
    /// record: never later than the true one, at most a batch earlier.
    pub(crate) fn first_at(&self, timestamp: i64) -> std::io::Result<Option<(i64, i64)>> {
        let Some((header, bytes)) = self.find(timestamp)? else {
            return Ok(None);
        };
        if header.is_log_append_time() {
            return Ok(Some((
                header.max_timestamp,
                header.base_offset.max(self.start),
            )));
        }
        if header.compression() == 0 {
            let found = record::records(&bytes[HEADER_SIZE..])
                .map(|record| position_of(&header, &record))
                .find(|(time, offset)| *time >= timestamp && *offset >= self.start);
            if found.is_some() {
                return Ok(found);
            }
        }
        let time = header
            .base_timestamp
            .max(timestamp)
            .min(header.max_timestamp);
        Ok(Some((time, header.base_offset.max(self.start))))
    }

    /// The first batch, from the log start on, with a timestamp as late as this.
    fn find(&self, timestamp: i64) -> std::io::Result<Option<(Header, bytes::Bytes)>> {
        let late = |segment: &&Segment| segment.max_timestamp >= timestamp;
        for segment in self.segments.iter().filter(late) {
            let wanted = |header: &Header| header.max_timestamp >= timestamp;
            let found = segment.find(self.start, timestamp, wanted)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The first record with the largest timestamp of all: its timestamp and offset; in a compressed batch, the offset
    /// of the batch's last record.
    pub(crate) fn latest(&self) -> std::io::Result<Option<(i64, i64)>> {
        let times = self.segments.iter().map(|segment| segment.max_timestamp);
        let Some(timestamp) = times.max() else {
            return Ok(None);
        };
        let Some((header, bytes)) = self.find(timestamp)? else {
            return Ok(None);
        };
        let inside = || {
            record::records(&bytes[HEADER_SIZE..])
                .map(|record| position_of(&header, &record))
                .find(|(time, _)| *time >= timestamp)
        };
        let plain = header.compression() == 0 && !header.is_log_append_time();
        let found = plain.then(inside).flatten();
        Ok(found.or(Some((timestamp, header.last_offset()))))
    }
}

fn position_of(header: &Header, record: &record::Record) -> (i64, i64) {
    (
        header.base_timestamp + record.timestamp_delta,
        header.base_offset + record.offset_delta,
    )
}
