//! The record that died, got back out of its dead letter.

use super::conventions::{envelope, named, uber};
use super::{DeadLetter, Payload};
use crate::model::record::{Header, Record};

/// A record as it was before it died.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Original {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<Header>,
}

impl Original {
    /// Bytes of key, value and headers.
    pub fn size(&self) -> usize {
        let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        let headers = self.headers.iter();
        let headers = headers.map(|header| header.name.len() + length(&header.value));
        length(&self.key) + length(&self.value) + headers.sum::<usize>()
    }
}

/// The record that died: key and value byte for byte, and its headers without the story.
///
/// `None` when it is not in the dead letter: it must be fetched from its origin ([`Payload::Pointer`]), or is lost
/// ([`Payload::Missing`]). Of a [`Payload::Copy`] the headers are not here.
pub fn original(record: &Record, letter: &DeadLetter) -> Option<Original> {
    let convention = named(letter.convention);
    let told = |name: &str| convention.is_some_and(|convention| (convention.is_diagnostic)(name));
    let headers = record.headers.iter().filter(|header| !told(&header.name));
    let mut original = Original {
        key: record.key.clone(),
        value: record.value.clone(),
        headers: headers.cloned().collect(),
    };
    match letter.payload {
        Payload::Record | Payload::Copy => {}
        Payload::Key => original.key = uber::key(record)?,
        Payload::Envelope => envelope::unwrap(record, &mut original)?,
        Payload::Pointer | Payload::Missing => return None,
    }
    Some(original)
}
