//! One record batch, version 2 ("magic 2"), as bytes: where its header fields are, whether it may be stored, and the
//! few fields the broker writes. See <https://kafka.apache.org/documentation/#recordbatch>.
//!
//! The checksum starts after the base offset and the leader epoch, so that the broker may set these two for nothing;
//! only `message.timestamp.type=LogAppendTime` costs a new checksum.

use kafka_protocol::error::ResponseError;

/// Bytes of a batch before its first record.
pub(crate) const HEADER_SIZE: usize = 61;
/// Bytes of base offset and batch length, which the batch length does not count.
const LENGTH_OVERHEAD: usize = 12;
const CHECKSUM_POSITION: usize = 17;
const ATTRIBUTES_POSITION: usize = 21;
const MAX_TIMESTAMP_POSITION: usize = 35;

const COMPRESSION_MASK: i16 = 0x07;
const LOG_APPEND_TIME: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;

/// The fixed part of a batch. Timestamps are milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Offset of the first record.
    pub(crate) base_offset: i64,
    /// Bytes of the whole batch.
    pub(crate) size: usize,
    /// Flags and compression type.
    pub(crate) attributes: i16,
    /// Offset of the last record minus `base_offset`.
    pub(crate) last_offset_delta: i32,
    /// Timestamp of the first record.
    pub(crate) base_timestamp: i64,
    /// Largest timestamp in the batch.
    pub(crate) max_timestamp: i64,
    /// -1 when the producer is not idempotent.
    pub(crate) producer_id: i64,
    /// The producer's epoch.
    pub(crate) producer_epoch: i16,
    /// Sequence number of the first record.
    pub(crate) base_sequence: i32,
    /// How many records.
    pub(crate) count: i32,
}

fn bytes_at<const SIZE: usize>(batch: &[u8], position: usize) -> Option<[u8; SIZE]> {
    batch.get(position..)?.first_chunk().copied()
}

impl Header {
    /// Reads the header at the start of `bytes`; `None` when there is not a whole batch.
    pub(crate) fn read(bytes: &[u8]) -> Option<Header> {
        let length = i32::from_be_bytes(bytes_at(bytes, 8)?);
        let size = usize::try_from(length).ok()?.checked_add(LENGTH_OVERHEAD)?;
        if size < HEADER_SIZE || size > bytes.len() {
            return None;
        }
        Some(Header {
            base_offset: i64::from_be_bytes(bytes_at(bytes, 0)?),
            size,
            attributes: i16::from_be_bytes(bytes_at(bytes, ATTRIBUTES_POSITION)?),
            last_offset_delta: i32::from_be_bytes(bytes_at(bytes, 23)?),
            base_timestamp: i64::from_be_bytes(bytes_at(bytes, 27)?),
            max_timestamp: i64::from_be_bytes(bytes_at(bytes, MAX_TIMESTAMP_POSITION)?),
            producer_id: i64::from_be_bytes(bytes_at(bytes, 43)?),
            producer_epoch: i16::from_be_bytes(bytes_at(bytes, 51)?),
            base_sequence: i32::from_be_bytes(bytes_at(bytes, 53)?),
            count: i32::from_be_bytes(bytes_at(bytes, 57)?),
        })
    }

    /// Offset of the last record.
    pub(crate) fn last_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last_offset_delta)
    }

    /// 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
    pub(crate) fn compression(&self) -> i16 {
        self.attributes & COMPRESSION_MASK
    }

    /// Whether all records carry `max_timestamp`, the time the broker got them.
    pub(crate) fn is_log_append_time(&self) -> bool {
        self.attributes & LOG_APPEND_TIME != 0
    }

    /// Whether it belongs to a transaction.
    pub(crate) fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// Whether it holds no data but says something about them.
    pub(crate) fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }
}

/// A batch of the broker's own, with a true checksum. `records` are as the header says.
pub(crate) fn write(header: &Header, records: &[u8]) -> Vec<u8> {
    let length = (HEADER_SIZE - LENGTH_OVERHEAD + records.len()) as i32;
    let mut batch = Vec::with_capacity(HEADER_SIZE + records.len());
    batch.extend_from_slice(&header.base_offset.to_be_bytes());
    batch.extend_from_slice(&length.to_be_bytes());
    // The leader epoch, magic, and room for the checksum.
    batch.extend_from_slice(&[0, 0, 0, 0, 2, 0, 0, 0, 0]);
    batch.extend_from_slice(&header.attributes.to_be_bytes());
    batch.extend_from_slice(&header.last_offset_delta.to_be_bytes());
    batch.extend_from_slice(&header.base_timestamp.to_be_bytes());
    batch.extend_from_slice(&header.max_timestamp.to_be_bytes());
    batch.extend_from_slice(&header.producer_id.to_be_bytes());
    batch.extend_from_slice(&header.producer_epoch.to_be_bytes());
    batch.extend_from_slice(&header.base_sequence.to_be_bytes());
    batch.extend_from_slice(&header.count.to_be_bytes());
    batch.extend_from_slice(records);
    seal(&mut batch);
    batch
}

/// Makes the checksum true.
fn seal(batch: &mut [u8]) {
    let checksum = crc32c::crc32c(batch.get(ATTRIBUTES_POSITION..).unwrap_or_default());
    put(batch, CHECKSUM_POSITION, &checksum.to_be_bytes());
}

/// Checks what a client wants to append. `records` must be exactly one batch (Produce v3 and later allow no more).
///
/// Errors, as Kafka gives them: UNSUPPORTED_FOR_MESSAGE_FORMAT for magic 0 and 1, CORRUPT_MESSAGE for a wrong length or
/// checksum, INVALID_RECORD for a wrong count, a control batch, or more or fewer than one batch, MESSAGE_TOO_LARGE
/// beyond `max.message.bytes`, UNSUPPORTED_COMPRESSION_TYPE for a codec that does not exist.
pub(crate) fn validate(records: &[u8], max_message_bytes: i32) -> Result<Header, ResponseError> {
    if records.is_empty() {
        return Err(ResponseError::InvalidRecord);
    }
    match records.get(16) {
        Some(2) => {}
        Some(0 | 1) => return Err(ResponseError::UnsupportedForMessageFormat),
        _ => return Err(ResponseError::CorruptMessage),
    }
    let header = Header::read(records).ok_or(ResponseError::CorruptMessage)?;
    if header.size < records.len() {
        return Err(ResponseError::InvalidRecord);
    }
    if records.len() > usize::try_from(max_message_bytes).unwrap_or(0) {
        return Err(ResponseError::MessageTooLarge);
    }
    if !has_true_checksum(records) {
        return Err(ResponseError::CorruptMessage);
    }
    if header.count < 1 || header.last_offset_delta != header.count - 1 || header.is_control() {
        return Err(ResponseError::InvalidRecord);
    }
    if header.compression() > 4 {
        return Err(ResponseError::UnsupportedCompressionType);
    }
    if header.producer_id >= 0 && (header.producer_epoch < 0 || header.base_sequence < 0) {
        return Err(ResponseError::InvalidRecord);
    }
    Ok(header)
}

/// Reads a batch that was stored once: its header, if all of it is as it was written.
pub(crate) fn stored(batch: &[u8]) -> Option<Header> {
    let header = Header::read(batch).filter(|header| header.size == batch.len())?;
    let is_whole = batch.get(16) == Some(&2) && has_true_checksum(batch);
    (is_whole && header.last_offset_delta >= 0).then_some(header)
}

fn has_true_checksum(batch: &[u8]) -> bool {
    let checksum = bytes_at(batch, CHECKSUM_POSITION).map(u32::from_be_bytes);
    let content = batch.get(ATTRIBUTES_POSITION..).unwrap_or_default();
    checksum == Some(crc32c::crc32c(content))
}

/// Writes base offset and leader epoch (0: this broker never changes leaders) into a stored batch.
pub(crate) fn stamp_offset(batch: &mut [u8], base_offset: i64) {
    if let Some(place) = batch.first_chunk_mut::<8>() {
        *place = base_offset.to_be_bytes();
    }
    if let Some(place) = batch.get_mut(12..16) {
        place.fill(0);
    }
}

/// Makes `timestamp` the time of every record in the batch, and the checksum true again.
pub(crate) fn stamp_append_time(batch: &mut [u8], timestamp: i64) {
    let Some(attributes) = bytes_at(batch, ATTRIBUTES_POSITION).map(i16::from_be_bytes) else {
        return;
    };
    put(
        batch,
        ATTRIBUTES_POSITION,
        &(attributes | LOG_APPEND_TIME).to_be_bytes(),
    );
    put(batch, MAX_TIMESTAMP_POSITION, &timestamp.to_be_bytes());
    seal(batch);
}

fn put(batch: &mut [u8], position: usize, value: &[u8]) {
    if let Some(place) = batch.get_mut(position..position + value.len()) {
        place.copy_from_slice(value);
    }
}

/// The batches of a run of them, each with its position and header.
pub(crate) fn batches(bytes: &[u8]) -> impl Iterator<Item = (usize, Header)> + '_ {
    let mut position = 0;
    std::iter::from_fn(move || {
        let header = Header::read(bytes.get(position..)?)?;
        let at = position;
        position += header.size;
        Some((at, header))
    })
}

/// Batches for the tests of this folder and its neighbours.
#[cfg(test)]
pub(crate) mod fixture {
    use super::super::record::write_varint as varint;
    use super::*;

    /// An uncompressed batch of records with these timestamps and this value; the key is null.
    pub(crate) fn batch(timestamps: &[i64], value: &[u8]) -> Vec<u8> {
        idempotent(timestamps, value, -1, -1, -1)
    }

    /// The same from an idempotent producer.
    pub(crate) fn idempotent(
        timestamps: &[i64],
        value: &[u8],
        producer: i64,
        epoch: i16,
        sequence: i32,
    ) -> Vec<u8> {
        let base = timestamps[0];
        let mut records = Vec::new();
        for (index, timestamp) in timestamps.iter().enumerate() {
            let mut record = vec![0];
            varint(&mut record, timestamp - base);
            varint(&mut record, index as i64);
            varint(&mut record, -1);
            varint(&mut record, value.len() as i64);
            record.extend_from_slice(value);
            varint(&mut record, 0);
            varint(&mut records, record.len() as i64);
            records.extend_from_slice(&record);
        }
        let header = Header {
            base_offset: 0,
            size: HEADER_SIZE + records.len(),
            attributes: 0,
            last_offset_delta: timestamps.len() as i32 - 1,
            base_timestamp: base,
            max_timestamp: *timestamps.iter().max().unwrap(),
            producer_id: producer,
            producer_epoch: epoch,
            base_sequence: sequence,
            count: timestamps.len() as i32,
        };
        write(&header, &records)
    }

    /// The same within a transaction.
    pub(crate) fn transactional(
        timestamps: &[i64],
        value: &[u8],
        producer: i64,
        epoch: i16,
        sequence: i32,
    ) -> Vec<u8> {
        let mut batch = idempotent(timestamps, value, producer, epoch, sequence);
        put(
            &mut batch,
            ATTRIBUTES_POSITION,
            &TRANSACTIONAL.to_be_bytes(),
        );
        seal(&mut batch);
        batch
    }

    /// Makes the checksum true after a test changed something.
    pub(crate) fn seal(batch: &mut [u8]) {
        super::seal(batch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_batch_passes_and_keeps_its_checksum_when_stamped() {
        let mut batch = fixture::batch(&[10, 12, 11], b"x");
        let header = validate(&batch, 1_000_000).unwrap();
        assert_eq!((header.count, header.max_timestamp), (3, 12));
        stamp_offset(&mut batch, 77);
        assert_eq!(validate(&batch, 1_000_000).unwrap().last_offset(), 79);
        stamp_append_time(&mut batch, 99);
        let stamped = validate(&batch, 1_000_000).unwrap();
        assert!(stamped.is_log_append_time());
        assert_eq!(stamped.max_timestamp, 99);
    }

    #[test]
    fn each_fault_has_kafkas_error() {
        let good = fixture::batch(&[10, 12], b"value");
        let changed = |position: usize, value: u8, sealed: bool| {
            let mut batch = good.clone();
            batch[position] = value;
            if sealed {
                fixture::seal(&mut batch);
            }
            validate(&batch, 1_000_000).unwrap_err()
        };
        assert_eq!(
            changed(16, 1, false),
            ResponseError::UnsupportedForMessageFormat
        );
        assert_eq!(changed(16, 3, false), ResponseError::CorruptMessage);
        assert_eq!(changed(70, 9, false), ResponseError::CorruptMessage);
        assert_eq!(changed(11, 255, false), ResponseError::CorruptMessage);
        assert_eq!(changed(8, 255, false), ResponseError::CorruptMessage);
        assert_eq!(changed(60, 3, true), ResponseError::InvalidRecord);
        assert_eq!(changed(22, 0x20, true), ResponseError::InvalidRecord);
        assert_eq!(
            changed(22, 0x07, true),
            ResponseError::UnsupportedCompressionType
        );
        assert_eq!(validate(&good, 10), Err(ResponseError::MessageTooLarge));
        assert_eq!(validate(&[], 10), Err(ResponseError::InvalidRecord));
        assert_eq!(
            validate(&[good.clone(), good].concat(), 1000),
            Err(ResponseError::InvalidRecord)
        );
        for length in 0..40 {
            assert!(validate(&vec![2; length], 1000).is_err());
        }
    }
}
