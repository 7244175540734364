//! Uber's kafka-client (Go) and uForwarder (Java): `dlqMetadata.proto`, `dlq_metadata.proto`.
//!
//! Topic and group are in the dead-letter topic's name, `<topic>__<group>__dlq` (`__retry`). The record's key is a
//! protobuf message that tells the story and holds the original key, so the key is what must be put back.

use super::{Convention, Mark};
use crate::model::dead_letter::fields::{natural, text};
use crate::model::dead_letter::{DeadLetter, Payload};
use crate::model::record::Record;

const NAME: &str = "uber";

pub(in crate::model::dead_letter) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Sign(|record| {
        record.key.is_some()
            && (record.topic.ends_with("__dlq") || record.topic.ends_with("__retry"))
    }),
    read,
    is_diagnostic: |_| false,
};

/// The key of the record that died; none and an empty one are the same to protobuf, and to Uber's clients none.
pub(in crate::model::dead_letter) fn key(record: &Record) -> Option<Option<Vec<u8>>> {
    let metadata = Metadata::parse(record.key.as_deref()?)?;
    Some(metadata.data.map(<[u8]>::to_vec))
}

fn read(record: &Record) -> Option<DeadLetter> {
    let metadata = Metadata::parse(record.key.as_deref()?)?;
    let topic = text(metadata.topic)?;
    // Other keys parse by chance. That one names the very topic in the name does not happen by chance.
    let group = record.topic.strip_prefix(topic)?.strip_prefix("__")?;
    let mut letter = DeadLetter::new(NAME);
    letter.set_origin_topic(topic.to_owned());
    letter.origin.partition = natural(metadata.partition);
    letter.origin.offset = natural(metadata.offset);
    letter.origin.timestamp = natural(metadata.timestamp_ns).map(|time: i64| time / 1_000_000);
    letter.attempts = natural(metadata.retry_count);
    let group = group.split("__").next().filter(|group| !group.is_empty());
    letter.group = group.map(str::to_owned);
    letter.payload = Payload::Key;
    Some(letter)
}

#[derive(Default)]
struct Metadata<'a> {
    retry_count: i64,
    topic: &'a [u8],
    partition: i64,
    offset: i64,
    timestamp_ns: i64,
    /// The original key.
    data: Option<&'a [u8]>,
}

impl<'a> Metadata<'a> {
    /// The message, if the bytes are one and nothing else: no field that it does not have, none of another type.
    fn parse(mut bytes: &'a [u8]) -> Option<Self> {
        let mut metadata = Metadata::default();
        while !bytes.is_empty() {
            let tag = varint(&mut bytes)?;
            match (tag >> 3, tag & 7) {
                (1, VARINT) => metadata.retry_count = varint(&mut bytes)?.cast_signed(),
                (2, BYTES) => metadata.topic = delimited(&mut bytes)?,
                (3, VARINT) => metadata.partition = varint(&mut bytes)?.cast_signed(),
                (4, VARINT) => metadata.offset = varint(&mut bytes)?.cast_signed(),
                (5, VARINT) => metadata.timestamp_ns = varint(&mut bytes)?.cast_signed(),
                (6, BYTES) => metadata.data = Some(delimited(&mut bytes)?),
                // uForwarder's count of timeouts.
                (7, VARINT) => drop(varint(&mut bytes)?),
                _ => return None,
            }
        }
        Some(metadata)
    }
}

const VARINT: u64 = 0;
const BYTES: u64 = 2;

/// Seven bits a byte, the lowest first; the eighth says that there are more.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn delimited<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint(bytes)?).ok()?;
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}
