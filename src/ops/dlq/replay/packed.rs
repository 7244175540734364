//! Records on their way in few pieces of memory: those of a chunk lie one after the other in one.
//!
//! Each would else be some twenty allocations that one thread makes and another frees, which costs more than all the
//! rest that is done with it.

use crate::error::{Error, Result};
use crate::model::record::{HeaderRef, Headers, OutgoingRecord, OutgoingRef};
use std::sync::Arc;

/// Stands for the length of what is null.
const NULL: u32 = u32::MAX;

/// A record in a piece of memory that it shares.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    topic: Arc<str>,
    partition: Option<i32>,
    timestamp: Option<i64>,
    from: usize,
    to: usize,
    memory: Arc<Vec<u8>>,
}

/// Puts records into one piece of memory.
#[derive(Default)]
pub(super) struct Packer {
    bytes: Vec<u8>,
    /// Of those that are handed out before the memory is whole.
    none: Arc<Vec<u8>>,
}

impl Packer {
    /// How much there is so far.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a record, for this topic whatever it says itself. It is readable once it is given the memory, see
    /// [`Packer::finish`].
    ///
    /// # Errors
    /// A key, a value or a header of 4 GiB, which no record has.
    pub(super) fn add(&mut self, record: &OutgoingRecord, topic: &Arc<str>) -> Result<Packed> {
        let from = self.bytes.len();
        self.put(record.key.as_deref())?;
        self.put(record.value.as_deref())?;
        for header in &record.headers {
            self.put(Some(header.name.as_bytes()))?;
            self.put(header.value.as_deref())?;
        }
        Ok(Packed {
            topic: Arc::clone(topic),
            partition: record.partition,
            timestamp: record.timestamp,
            from,
            to: self.bytes.len(),
            memory: Arc::clone(&self.none),
        })
    }

    fn put(&mut self, bytes: Option<&[u8]>) -> Result<()> {
        let length = bytes.map_or(Some(NULL), |bytes| {
            u32::try_from(bytes.len())
                .ok()
                .filter(|length| *length != NULL)
        });
        let length = length.ok_or_else(|| Error::failed("a record of 4 GiB"))?;
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(bytes.unwrap_or_default());
        Ok(())
    }

    /// The memory of all that were added since the last time.
    pub(super) fn finish(&mut self) -> Arc<Vec<u8>> {
        let capacity = self.bytes.len();
        Arc::new(std::mem::replace(
            &mut self.bytes,
            Vec::with_capacity(capacity),
        ))
    }
}

impl Packed {
    /// The record alone.
    pub(super) fn of(record: &OutgoingRecord) -> Result<Self> {
        let mut packer = Packer::default();
        let mut packed = packer.add(record, &record.topic.as_str().into())?;
        packed.lies_in(&packer.finish());
        Ok(packed)
    }

    /// Where its bytes are.
    pub(super) fn lies_in(&mut self, memory: &Arc<Vec<u8>>) {
        self.memory = Arc::clone(memory);
    }

    pub(super) fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// What it weighs.
    pub(super) fn bytes(&self) -> usize {
        self.to - self.from
    }

    /// Shows the record.
    pub(super) fn show<T>(&self, visit: impl FnOnce(OutgoingRef<'_>) -> T) -> T {
        let mut rest = self.memory.get(self.from..self.to).unwrap_or_default();
        let (key, value) = (take(&mut rest), take(&mut rest));
        let mut headers: Vec<HeaderRef<'_>> = Vec::with_capacity(8);
        while !rest.is_empty() {
            let name = String::from_utf8_lossy(take(&mut rest).unwrap_or_default());
            headers.push((name, take(&mut rest)));
        }
        visit(OutgoingRef {
            partition: self.partition,
            timestamp: self.timestamp,
            key,
            value,
            headers: Headers::Borrowed(&headers),
        })
    }
}

/// What was put first.
fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length);
    if length == NULL {
        *rest = after;
        return None;
    }
    let (taken, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Header;

    #[test]
    fn records_come_out_as_they_went_in() {
        let null = |name: &str| Header {
            name: name.to_owned(),
            value: None,
        };
        let records = [
            OutgoingRecord::default(),
            OutgoingRecord {
                topic: "orders".to_owned(),
                partition: Some(3),
                timestamp: Some(-1),
                key: Some(Vec::new()),
                value: Some(b"\xff\0".to_vec()),
                headers: vec![
                    Header::text("größe", ""),
                    null("a"),
                    null(""),
                    Header::text("a", "b"),
                ],
            },
            OutgoingRecord {
                value: Some(vec![7; 100_000]),
                ..OutgoingRecord::default()
            },
        ];
        let mut packer = Packer::default();
        let topic: Arc<str> = "orders".into();
        let mut packed: Vec<Packed> = records
            .iter()
            .map(|record| packer.add(record, &topic).unwrap())
            .collect();
        let memory = packer.finish();
        assert_eq!(packer.len(), 0);
        for (packed, record) in packed.iter_mut().zip(&records) {
            packed.lies_in(&memory);
            packed.show(|shown| {
                assert_eq!(
                    (shown.partition, shown.timestamp),
                    (record.partition, record.timestamp)
                );
                assert_eq!(
                    (shown.key, shown.value),
                    (record.key.as_deref(), record.value.as_deref())
                );
                let headers: Vec<Header> = shown
                    .headers
                    .iter()
                    .map(|(name, value)| Header {
                        name: name.to_owned(),
                        value: value.map(<[u8]>::to_vec),
                    })
                    .collect();
                assert_eq!(headers, record.headers);
            });
        }
        let alone = Packed::of(&records[1]).unwrap();
        assert_eq!(&**alone.topic(), "orders");
        assert_eq!(alone.show(|shown| shown.headers.len()), 4);
    }
}
