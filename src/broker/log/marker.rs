//! The control batch that ends a transaction in a partition (KIP-98): one record, whose key says commit or abort
//! (`ControlRecordType`) and whose value names the coordinator (`EndTxnMarker.json`).

use super::batch::{self, HEADER_SIZE, Header};
use super::record;

/// The only coordinator there is has the first epoch for ever.
pub(crate) const COORDINATOR_EPOCH: i32 = 0;

const ATTRIBUTES: i16 = 0x30;
const ABORT: u8 = 0;
const COMMIT: u8 = 1;

/// The record: its length (16), no attributes, no timestamp and offset delta, a key of version 0 and the type, a value
/// of version 0 and the coordinator's epoch, no headers. Lengths are zigzag varints.
fn record_of(kind: u8) -> [u8; 17] {
    let [a, b, c, d] = COORDINATOR_EPOCH.to_be_bytes();
    [32, 0, 0, 0, 8, 0, 0, 0, kind, 12, 0, 0, a, b, c, d, 0]
}

/// The batch, sealed, and its header. `now` is in milliseconds since the Unix epoch.
pub(crate) fn marker(
    producer_id: i64,
    producer_epoch: i16,
    committed: bool,
    now: i64,
) -> (Vec<u8>, Header) {
    let record = record_of(if committed { COMMIT } else { ABORT });
    let header = Header {
        base_offset: 0,
        size: HEADER_SIZE + record.len(),
        attributes: ATTRIBUTES,
        last_offset_delta: 0,
        base_timestamp: now,
        max_timestamp: now,
        producer_id,
        producer_epoch,
        base_sequence: -1,
        count: 1,
    };
    (batch::write(&header, &record), header)
}

/// Whether a stored batch is a marker, and of a transaction that was committed. `None`, too, when compaction has left
/// none of its records.
pub(crate) fn committed(header: &Header, batch: &[u8]) -> Option<bool> {
    if !header.is_control() {
        return None;
    }
    // Compaction may have given it a delete horizon, which makes the record longer than it is written above.
    let record = record::records(batch.get(HEADER_SIZE..)?).next()?;
    // The type stands behind the version.
    let kind = record.key?.get(3)?;
    Some(*kind == COMMIT)
}

#[cfg(test)]
mod tests {
    use super::super::record::records;
    use super::*;

    #[test]
    fn a_marker_is_a_batch_of_one_record() {
        let (bytes, header) = marker(7, 3, true, 1000);
        assert_eq!(Header::read(&bytes), Some(header));
        assert!(header.is_transactional() && header.is_control());
        assert_eq!(committed(&header, &bytes), Some(true));
        let (aborted, header) = marker(7, 3, false, 1000);
        assert_eq!(committed(&header, &aborted), Some(false));
        let records: Vec<_> = records(&bytes[HEADER_SIZE..]).collect();
        assert_eq!(records.len(), 1);
        assert!(records[0].key.is_some());
        // No client may write one.
        assert!(batch::validate(&bytes, 1000).is_err());
    }
}
