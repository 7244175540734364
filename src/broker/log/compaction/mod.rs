//! Compaction of one batch: what it says about its keys, and the same batch with fewer records. Which records may go is
//! the log's to know.
//!
//! - [`codec`]: gzip, snappy, lz4 and zstd.
//! - [`filter`]: the batch that is left.

mod codec;
mod filter;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use kafka_protocol::error::ResponseError;

use super::batch::{HEADER_SIZE, Header};
use super::record;

pub(crate) use filter::{Filtered, filter};

/// Bytes that the records of a batch may have when decompressed. Kafka has no limit, but a batch of a mebibyte may hold
/// a gigabyte; the largest batch that a broker takes by default is far from this one.
pub(crate) const LIMIT: usize = 128 * 1024 * 1024;

/// Whether the base timestamp is the delete horizon (KIP-534).
const DELETE_HORIZON: i16 = 0x40;

/// A record within a batch, as far as compaction and lookups by time care.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// Its offset.
    pub(crate) offset: i64,
    /// Milliseconds since the Unix epoch; with LogAppendTime, the batch's.
    pub(crate) timestamp: i64,
    /// None when it has none.
    pub(crate) key: Option<&'a [u8]>,
    /// Whether it has no value: its key is gone.
    pub(crate) is_tombstone: bool,
}

/// Why the records of a batch cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Its codec does not exist, or its bytes are not of that codec.
    Undecodable,
    /// They are more than [`LIMIT`] bytes.
    TooLarge,
    /// They are not the records that the header speaks of.
    Malformed,
}

/// As Kafka answers who wants to append such a batch where records are looked at: what its codecs throw has no error of
/// the protocol, what its reader of records throws has. That a batch can be too large inside is this broker's rule;
/// MESSAGE_TOO_LARGE makes Java's producer split it.
impl From<Fault> for ResponseError {
    fn from(fault: Fault) -> ResponseError {
        match fault {
            Fault::Undecodable => ResponseError::UnknownServerError,
            Fault::TooLarge => ResponseError::MessageTooLarge,
            Fault::Malformed => ResponseError::InvalidRecord,
        }
    }
}

/// The records of a batch, all of them well-formed.
#[derive(Debug)]
pub(crate) struct Records<'a> {
    header: Header,
    /// Borrowed from a batch that is not compressed.
    bytes: Cow<'a, [u8]>,
}

/// The records of a stored batch, control batches included; `None` when they cannot be read, see [`Fault`]. Compaction
/// keeps such a batch whole.
pub(crate) fn open<'a>(header: &Header, batch: &'a [u8]) -> Option<Records<'a>> {
    read(header, batch).ok()
}

/// The same, saying why not.
pub(crate) fn read<'a>(header: &Header, batch: &'a [u8]) -> Result<Records<'a>, Fault> {
    read_within(header, batch, LIMIT)
}

fn read_within<'a>(header: &Header, batch: &'a [u8], limit: usize) -> Result<Records<'a>, Fault> {
    let payload = batch.get(HEADER_SIZE..header.size);
    let payload = payload.ok_or(Fault::Malformed)?;
    let bytes = match header.compression() {
        0 => Cow::Borrowed(payload),
        codec => Cow::Owned(codec::decompress(codec, payload, limit)?),
    };
    if !are_whole(header, &bytes) {
        return Err(Fault::Malformed);
    }
    Ok(Records {
        header: *header,
        bytes,
    })
}

/// Whether these are as many records as the header says, each within its offsets and behind the one before. A record with
/// an offset of its own choice could outlive all others of its key.
fn are_whole(header: &Header, mut bytes: &[u8]) -> bool {
    let mut previous = -1;
    for _ in 0..header.count {
        let Some(record) = record::next(&mut bytes) else {
            return false;
        };
        if record.offset_delta <= previous
            || record.offset_delta > i64::from(header.last_offset_delta)
        {
            return false;
        }
        previous = record.offset_delta;
    }
    header.count >= 0 && bytes.is_empty()
}

impl Records<'_> {
    /// The records, in the order of their offsets.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        record::records(&self.bytes).map(|record| entry(&self.header, &record))
    }
}

fn entry<'a>(header: &Header, record: &record::Record<'a>) -> Entry<'a> {
    let timestamp = match header.is_log_append_time() {
        true => header.max_timestamp,
        // A stranger's numbers: Kafka's wrap, too.
        false => header.base_timestamp.wrapping_add(record.timestamp_delta),
    };
    Entry {
        offset: header.base_offset.wrapping_add(record.offset_delta),
        timestamp,
        key: record.key,
        is_tombstone: !record.has_value,
    }
}

/// When the tombstones of a batch, or its transaction marker, may go: milliseconds since the Unix epoch. `None` as long
/// as nobody set it.
pub(crate) fn delete_horizon(header: &Header) -> Option<i64> {
    (header.attributes & DELETE_HORIZON != 0).then_some(header.base_timestamp)
}
