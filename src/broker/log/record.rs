//! The records inside a batch, uncompressed or decompressed: read where an answer needs them (a lookup by time, what a
//! compacted topic wants, compaction), written by compaction alone. Producing into other topics and fetching never come
//! here. See <https://kafka.apache.org/documentation/#record>.

/// One record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// Unused so far, 0.
    pub(crate) attributes: u8,
    /// Its timestamp minus the batch's base timestamp, in milliseconds.
    pub(crate) timestamp_delta: i64,
    /// Its offset minus the batch's base offset.
    pub(crate) offset_delta: i64,
    /// None when it has none.
    pub(crate) key: Option<&'a [u8]>,
    /// A record without a value says that its key is gone: a tombstone.
    pub(crate) has_value: bool,
    /// Key, value and headers, as they are written.
    pub(crate) content: &'a [u8],
}

/// Reads the records after a batch's header; ends early at bytes that are no record.
pub(crate) fn records(mut bytes: &[u8]) -> impl Iterator<Item = Record<'_>> {
    std::iter::from_fn(move || next(&mut bytes))
}

/// Takes the record at the start of `bytes`; `None` when there is no whole one, as Kafka's `DefaultRecord` sees it.
pub(crate) fn next<'a>(bytes: &mut &'a [u8]) -> Option<Record<'a>> {
    let length = usize::try_from(varint(bytes)?).ok()?;
    let (record, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    let (attributes, mut record) = record.split_first()?;
    let timestamp_delta = varint(&mut record)?;
    let offset_delta = varint(&mut record)?;
    let content = record;
    let key = field(&mut record)?;
    let value = field(&mut record)?;
    let headers = varint(&mut record)?;
    if headers < 0 {
        return None;
    }
    for _ in 0..headers {
        // A header has a name; only its value may be null.
        field(&mut record)??;
        field(&mut record)?;
    }
    record.is_empty().then_some(Record {
        attributes: *attributes,
        timestamp_delta,
        offset_delta,
        key,
        has_value: value.is_some(),
        content,
    })
}

/// Bytes behind their length; `Some(None)` is null, which is a length below 0.
fn field<'a>(bytes: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let length = varint(bytes)?;
    if length < 0 {
        return Some(None);
    }
    let (field, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(Some(field))
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

/// Appends a record.
pub(crate) fn write(out: &mut Vec<u8>, record: &Record<'_>) {
    let mut head = vec![record.attributes];
    write_varint(&mut head, record.timestamp_delta);
    write_varint(&mut head, record.offset_delta);
    write_varint(out, (head.len() + record.content.len()) as i64);
    out.extend_from_slice(&head);
    out.extend_from_slice(record.content);
}

/// Appends a zigzag VARINT or VARLONG.
pub(crate) fn write_varint(out: &mut Vec<u8>, value: i64) {
    let mut zigzag = ((value << 1) ^ (value >> 63)) as u64;
    while zigzag >= 0x80 {
        out.push(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    out.push(zigzag as u8);
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
        assert!(records(&batch[HEADER_SIZE..]).all(|record| record.key.is_none()));
        assert_eq!(records(&[0xff; 40]).count(), 0);
        assert_eq!(records(&batch[HEADER_SIZE..batch.len() - 1]).count(), 2);
    }

    #[test]
    fn a_record_is_written_as_it_was_read() {
        // Attributes, deltas 300 and 1, key `k`, no value, a header `h` without a value.
        let bytes = [20, 0, 0xd8, 0x04, 2, 2, b'k', 1, 2, 2, b'h', 1];
        let mut rest = &bytes[..];
        let record = next(&mut rest);
        assert_eq!(record, None, "the length counts one byte too few");
        let bytes = [22, 0, 0xd8, 0x04, 2, 2, b'k', 1, 2, 2, b'h', 1];
        let record = next(&mut &bytes[..]).unwrap();
        assert_eq!((record.timestamp_delta, record.offset_delta), (300, 1));
        assert_eq!((record.key, record.has_value), (Some(&b"k"[..]), false));
        let mut written = Vec::new();
        write(&mut written, &record);
        assert_eq!(written, bytes);
    }

    #[test]
    fn a_record_is_whole_or_none() {
        let whole = [22, 0, 0xd8, 0x04, 2, 2, b'k', 1, 2, 2, b'h', 1];
        for length in 0..whole.len() {
            assert_eq!(next(&mut &whole[..length]), None);
        }
        // Headers: fewer than none, more than there are, one without a name.
        for (at, value) in [(8, 1), (8, 4), (9, 1)] {
            let mut broken = whole;
            broken[at] = value;
            assert_eq!(next(&mut &broken[..]), None, "{at}");
        }
    }
}
