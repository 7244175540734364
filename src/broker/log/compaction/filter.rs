//! A batch with fewer records, as Kafka's cleaner leaves it (`MemoryRecords.filterTo`): its offsets, sequence numbers and
//! producer stay, so that a producer's state can still be read from it.

use super::super::batch::{self, HEADER_SIZE, Header};
use super::super::record::{self, Record};
use super::{DELETE_HORIZON, Records, codec, delete_horizon, entry};

/// No time: Kafka's `NO_TIMESTAMP`.
const NO_TIMESTAMP: i64 = -1;
/// The attributes that there are: codec, timestamp type, transactional, control, delete horizon.
const ATTRIBUTES: i16 = 0x7f;
/// Those that a batch without records keeps: timestamp type, transactional, control.
const ATTRIBUTES_OF_EMPTY: i16 = 0x38;

/// What is left of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Filtered {
    /// All of it, as it was.
    Whole,
    /// This batch.
    Rewritten(Vec<u8>),
    /// No record: this batch of none keeps a producer's last sequence number. Its base timestamp is -1, and its largest
    /// timestamp is still that of the records which are gone.
    Empty(Vec<u8>),
}

/// The batch with the records that `keep` says yes to; it is asked once for each, in the order of offsets.
///
/// With `horizon` (milliseconds since the Unix epoch) a batch that has no delete horizon gets this one (KIP-534), even when
/// all of its records are kept. Their timestamps stay as they are, whatever the base timestamp becomes.
pub(crate) fn filter(
    header: &Header,
    batch: &[u8],
    records: &Records<'_>,
    horizon: Option<i64>,
    mut keep: impl FnMut(&super::Entry<'_>) -> bool,
) -> Filtered {
    let kept: Vec<bool> = records.iter().map(|entry| keep(&entry)).collect();
    if !kept.contains(&true) {
        return Filtered::Empty(write_empty(header, batch));
    }
    let already = delete_horizon(header);
    let horizon = already.or(horizon);
    if !kept.contains(&false) && horizon == already {
        return Filtered::Whole;
    }
    let all = record::records(&records.bytes);
    let left = all.zip(kept).filter(|(_, is_kept)| *is_kept);
    match write(header, batch, left.map(|(record, _)| record), horizon) {
        Ok(batch) => Filtered::Rewritten(batch),
        // Writing to memory does not fail; and if it did, what is whole has lost nothing.
        Err(error) => {
            tracing::warn!(%error, offset = header.base_offset, "cannot compress a batch");
            Filtered::Whole
        }
    }
}

fn write<'a>(
    header: &Header,
    batch: &[u8],
    left: impl Iterator<Item = Record<'a>>,
    horizon: Option<i64>,
) -> std::io::Result<Vec<u8>> {
    let mut base = horizon;
    let mut latest = NO_TIMESTAMP;
    let mut count = 0;
    let mut records = Vec::new();
    for record in left {
        let timestamp = entry(header, &record).timestamp;
        let base = *base.get_or_insert(timestamp);
        latest = latest.max(timestamp);
        count += 1;
        let timestamp_delta = timestamp.wrapping_sub(base);
        record::write(
            &mut records,
            &Record {
                timestamp_delta,
                ..record
            },
        );
    }
    let records = codec::compress(header.compression(), records)?;
    let mark = horizon.map_or(0, |_| DELETE_HORIZON);
    let new = Header {
        size: HEADER_SIZE + records.len(),
        attributes: header.attributes & ATTRIBUTES | mark,
        base_timestamp: base.unwrap_or(NO_TIMESTAMP),
        max_timestamp: match header.is_log_append_time() {
            true => header.max_timestamp,
            false => latest,
        },
        count,
        ..*header
    };
    Ok(sealed(&new, batch, &records))
}

fn write_empty(header: &Header, batch: &[u8]) -> Vec<u8> {
    let empty = Header {
        size: HEADER_SIZE,
        attributes: header.attributes & ATTRIBUTES_OF_EMPTY,
        base_timestamp: NO_TIMESTAMP,
        count: 0,
        ..*header
    };
    sealed(&empty, batch, &[])
}

/// The new batch with the leader epoch of the old one, which no checksum covers.
fn sealed(header: &Header, old: &[u8], records: &[u8]) -> Vec<u8> {
    let mut new = batch::write(header, records);
    if let (Some(place), Some(epoch)) = (new.get_mut(12..16), old.get(12..16)) {
        place.copy_from_slice(epoch);
    }
    new
}
