//! The key of the record that died.

use super::Resolved;
use crate::model::dead_letter::{Payload, original};
use crate::model::record::Record;
use std::borrow::Cow;

impl Resolved {
    /// As it was before it died; `None` when it had none, or is not to be had. `record` is the dead letter.
    pub(in crate::ops::dlq) fn key<'a>(&'a self, record: &'a Record) -> Option<Cow<'a, [u8]>> {
        if let Some(original) = &self.original {
            return original.key.as_deref().map(Cow::Borrowed);
        }
        match &self.letter {
            Some(letter) if matches!(letter.payload, Payload::Key | Payload::Envelope) => {
                original(record, letter)?.key.map(Cow::Owned)
            }
            _ => record.key.as_deref().map(Cow::Borrowed),
        }
    }
}
