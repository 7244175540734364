//! Batches of records with keys, for tests.

use super::super::batch::{self, HEADER_SIZE, Header};
use super::super::record::{self, Record, write_varint};
use super::codec;

/// One record to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) timestamp: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
}

/// A record with this key and value at time 1000.
pub(crate) fn given(key: &str, value: Option<&str>) -> Given {
    Given {
        timestamp: 1000,
        key: Some(key.into()),
        value: value.map(Into::into),
    }
}

/// The header of a batch of `count` records, from offset 0 on, of no producer.
pub(crate) fn header(codec: i16, count: i32) -> Header {
    Header {
        base_offset: 0,
        size: HEADER_SIZE,
        attributes: codec,
        last_offset_delta: count - 1,
        base_timestamp: 0,
        max_timestamp: 0,
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        count,
    }
}

/// Key, value and headers of its record.
pub(crate) fn content(given: &Given) -> Vec<u8> {
    let mut content = Vec::new();
    for field in [&given.key, &given.value] {
        let length = field.as_ref().map_or(-1, |field| field.len() as i64);
        write_varint(&mut content, length);
        content.extend_from_slice(field.as_deref().unwrap_or_default());
    }
    content.extend_from_slice(&[2, 2, b'h', 2, b'v']);
    content
}

/// A batch as a producer sends it, each record with a header `h: v`.
pub(crate) fn batch(codec: i16, given: &[Given]) -> Vec<u8> {
    let mut header = header(codec, given.len() as i32);
    header.base_timestamp = given[0].timestamp;
    header.max_timestamp = given.iter().map(|given| given.timestamp).max().unwrap();
    let mut records = Vec::new();
    for (offset_delta, given) in (0..).zip(given) {
        let content = content(given);
        let record = Record {
            attributes: 0,
            timestamp_delta: given.timestamp.wrapping_sub(header.base_timestamp),
            offset_delta,
            key: None,
            has_value: false,
            content: &content,
        };
        record::write(&mut records, &record);
    }
    with_payload(&header, &codec::compress(codec, records).unwrap())
}

/// A batch with this header, and whatever payload.
pub(crate) fn with_payload(header: &Header, payload: &[u8]) -> Vec<u8> {
    batch::write(header, payload)
}
