//! What a dead letter tells of the record that died: where it was, its key, and how often it was put back.

use super::resolve::Resolved;
use crate::model::dead_letter::{Origin, Payload, eda, original};
use crate::model::record::Record;
use std::borrow::Cow;

/// Where the record failed first, the topic perhaps by the dead-letter topic's name alone.
pub(super) fn origin(resolved: &Resolved) -> Option<Cow<'_, Origin>> {
    let letter = resolved.letter.as_ref();
    if let Some(topic) = &resolved.by_name {
        return Some(Cow::Owned(Origin {
            topic: Some(topic.to_string()),
            ..letter
                .map(|letter| letter.origin.clone())
                .unwrap_or_default()
        }));
    }
    Some(match &resolved.original {
        None => Cow::Borrowed(&letter?.origin),
        Some(original) => Cow::Owned(eda::origin_of(letter?, original)),
    })
}

/// How often the record was put back before.
pub(super) fn replays(resolved: &Resolved) -> u32 {
    let told = resolved.letter.as_ref().map_or(0, |letter| letter.replays);
    let original = resolved.original.as_ref();
    told.max(original.map_or(0, |original| eda::replays_in(&original.headers)))
}

/// Who gave up.
pub(super) fn group(resolved: &Resolved) -> Option<&str> {
    resolved.letter.as_ref()?.group.as_deref()
}

/// The key of the record.
pub(super) fn key<'a>(record: &'a Record, resolved: &'a Resolved) -> Option<Cow<'a, [u8]>> {
    let own = || record.key.as_deref().map(Cow::Borrowed);
    if let Some(original) = &resolved.original {
        return original.key.as_deref().map(Cow::Borrowed);
    }
    let Some(letter) = &resolved.letter else {
        return own();
    };
    match letter.payload {
        Payload::Record | Payload::Copy => own(),
        Payload::Pointer | Payload::Missing => None,
        Payload::Key | Payload::Envelope => original(record, letter)?.key.map(Cow::Owned),
    }
}
