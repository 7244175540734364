//! Which records somebody wants to see.
//!
//! A [`Grep`] looks for a regular expression, a [`Comparison`] holds one field of a JSON value against a literal, and
//! an event is chosen by its type. All that are given must hold.

mod comparison;
mod grep;

pub use comparison::{Comparison, ComparisonError};
pub use grep::{Grep, GrepError};

use super::record::RecordRef;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;

/// The header of CloudEvents that names an event's type.
const EVENT_TYPE_HEADER: &str = "ce_type";

/// What a record must be like.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub greps: Vec<Grep>,
    pub comparisons: Vec<Comparison>,
    /// The types of events, one of which it must have; empty: any, and none.
    pub events: Vec<String>,
}

/// Whether a record is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Yes,
    No,
    /// It would be, but a field of it was asked for and its value is not JSON.
    NotJson,
}

impl Filter {
    /// Whether every record is wanted.
    pub fn is_empty(&self) -> bool {
        self.greps.is_empty() && self.comparisons.is_empty() && self.events.is_empty()
    }

    /// Whether everything holds for this record.
    pub fn wants(&self, record: &RecordRef<'_>) -> Wanted {
        let found = self.greps.iter().all(|grep| grep.finds(record));
        if !found || !(self.events.is_empty() || has_type(record, &self.events)) {
            return Wanted::No;
        }
        if self.comparisons.is_empty() {
            return Wanted::Yes;
        }
        match record.value.map(serde_json::from_slice) {
            Some(Ok(value)) => match self.comparisons.iter().all(|one| one.holds(&value)) {
                true => Wanted::Yes,
                false => Wanted::No,
            },
            Some(Err(_)) => Wanted::NotJson,
            // A tombstone has no fields, and nobody takes it for JSON that is broken.
            None => Wanted::No,
        }
    }
}

/// What a record says its event's type is: the header `ce_type`, else the value's `eventType`, else the `type` of a
/// CloudEvent in JSON.
pub fn event_type<'a>(record: &RecordRef<'a>) -> Option<Cow<'a, str>> {
    let mut headers = record.headers.iter();
    let header = headers.find(|(name, _)| *name == EVENT_TYPE_HEADER);
    match header.and_then(|(_, value)| std::str::from_utf8(value?).ok()) {
        Some(name) => Some(Cow::Borrowed(name)),
        None => type_in(record.value?),
    }
}

/// The value's `eventType`, or the `type` of a CloudEvent in JSON.
fn type_in(value: &[u8]) -> Option<Cow<'_, str>> {
    /// Everything but the one field is skipped without being built.
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(rename = "eventType", borrow)]
        event_type: Cow<'a, str>,
    }
    /// CloudEvents' structured mode.
    #[derive(Deserialize)]
    struct Enveloped<'a> {
        #[serde(rename = "specversion")]
        _version: IgnoredAny,
        #[serde(rename = "type", borrow)]
        event_type: Cow<'a, str>,
    }
    // Arrays are refused here, for serde would take their first element for the field.
    if value.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    match serde_json::from_slice::<Typed<'_>>(value) {
        Ok(typed) => Some(typed.event_type),
        Err(_) => {
            let enveloped = serde_json::from_slice::<Enveloped<'_>>(value);
            enveloped.ok().map(|enveloped| enveloped.event_type)
        }
    }
}

/// Whether the value's `eventType`, the header `ce_type`, or the `type` of a CloudEvent in JSON is one of these.
fn has_type(record: &RecordRef<'_>, types: &[String]) -> bool {
    let in_header = |(name, value): (&str, Option<&[u8]>)| {
        let is = |wanted: &String| value == Some(wanted.as_bytes());
        name == EVENT_TYPE_HEADER && types.iter().any(is)
    };
    if record.headers.iter().any(in_header) {
        return true;
    }
    let found = record.value.and_then(type_in);
    found.is_some_and(|found| types.iter().any(|wanted| *wanted == found))
}

#[cfg(test)]
mod tests;
