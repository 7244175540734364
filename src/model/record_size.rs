//! How many bytes a record takes in a batch (KIP-98's message format 2, kafka.apache.org/documentation/#recordbatch).

use super::record::OutgoingRef;

/// Everything of a batch that is no record.
const BATCH_OVERHEAD: usize = 61;

/// The bytes of the smallest batch with this record, which has no other and is not compressed: brokers hold it against
/// `max.message.bytes`.
pub fn smallest_batch(record: &OutgoingRef<'_>) -> usize {
    // Attributes and the distances in time and offset to the batch's first record, which it is itself.
    let mut body = 3 + field(record.key) + field(record.value);
    body += varint(record.headers.len());
    for (name, value) in record.headers.iter() {
        body += field(Some(name.as_bytes())) + field(value);
    }
    BATCH_OVERHEAD + varint(body) + body
}

/// A length and as many bytes; null is the length -1.
fn field(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(1, |bytes| varint(bytes.len()) + bytes.len())
}

/// The bytes of a number in zigzag encoding, 7 bits a byte.
fn varint(number: usize) -> usize {
    let bits = usize::BITS + 1 - number.leading_zeros();
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::{Header, OutgoingRecord};
    use bytes::BytesMut;
    use kafka_protocol::indexmap::IndexMap;
    use kafka_protocol::protocol::StrBytes;
    use kafka_protocol::records as kafka;

    /// As another library writes it.
    fn encoded(record: &OutgoingRecord) -> usize {
        let bytes = |bytes: &Option<Vec<u8>>| bytes.clone().map(Into::into);
        let header = |header: &Header| {
            let name = StrBytes::from_string(header.name.clone());
            (name, bytes(&header.value))
        };
        let headers: IndexMap<_, _> = record.headers.iter().map(header).collect();
        let encoded = kafka::Record {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: 0,
            producer_id: 7,
            producer_epoch: 0,
            timestamp_type: kafka::TimestampType::Creation,
            offset: 0,
            sequence: 0,
            timestamp: 1_764_000_000_000,
            key: bytes(&record.key),
            value: bytes(&record.value),
            headers,
        };
        let options = kafka::RecordEncodeOptions {
            version: 2,
            compression: kafka::Compression::None,
        };
        let mut buffer = BytesMut::new();
        kafka::RecordBatchEncoder::encode(&mut buffer, [&encoded], &options).unwrap();
        buffer.len()
    }

    #[test]
    fn it_is_what_an_encoder_needs() {
        let of_length = |length: usize| Some(vec![b'x'; length]);
        for length in [0, 1, 63, 64, 100, 8191, 8192, 1_048_576] {
            let record = OutgoingRecord {
                key: of_length(length / 3),
                value: of_length(length),
                headers: vec![
                    Header::new("a", of_length(length / 2).unwrap()),
                    Header {
                        name: "b".repeat(length % 200 + 1),
                        value: None,
                    },
                ],
                ..OutgoingRecord::default()
            };
            assert_eq!(
                smallest_batch(&(&record).into()),
                encoded(&record),
                "{length}"
            );
        }
        let empty = OutgoingRecord::default();
        assert_eq!(smallest_batch(&(&empty).into()), encoded(&empty));
    }
}
