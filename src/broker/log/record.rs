//! The records inside an uncompressed batch, read only where an answer needs it: a lookup by time, and the key rule of
//! compacted topics. Producing and fetching never come here.

/// What a lookup needs to know of one record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Its timestamp minus the batch's base timestamp, in milliseconds.
    pub(crate) timestamp_delta: i64,
    /// Its offset minus the batch's base offset.
    pub(crate) offset_delta: i64,
    /// Whether it has a key.
    pub(crate) has_key: bool,
}

/// Reads the records after a batch's header; ends early at bytes that are no record.
pub(crate) fn records(mut bytes: &[u8]) -> impl Iterator<Item = Record> + '_ {
    std::iter::from_fn(move || {
        let length = usize::try_from(varint(&mut bytes)?).ok()?;
        let (mut record, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        record = record.get(1..)?;
        Some(Record {
            timestamp_delta: varint(&mut record)?,
            offset_delta: varint(&mut record)?,
            has_key: varint(&mut record)? >= 0,
        })
    })
}

/// A zigzag VARINT or VARLONG of the protocol guide.
fn varint(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for index in 0..10 {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << (index * 7);
        if *first < 0x80 {
            return Some((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::batch::{HEADER_SIZE, fixture};
    use super::*;

    #[test]
    fn reads_deltas_and_stops_at_garbage() {
        let batch = fixture::batch(&[100, 350, 90], b"value");
        let found: Vec<_> = records(&batch[HEADER_SIZE..])
            .map(|record| record.timestamp_delta)
            .collect();
        assert_eq!(found, [0, 250, -10]);
        assert!(!records(&batch[HEADER_SIZE..]).any(|record| record.has_key));
        assert_eq!(records(&[0xff; 40]).count(), 0);
        assert_eq!(records(&batch[HEADER_SIZE..batch.len() - 1]).count(), 2);
    }
}
