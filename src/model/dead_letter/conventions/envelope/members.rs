//! What the members of an envelope are, by their names.

use super::inner::{self, Inner};
use crate::model::dead_letter::fields::{plain_name, time};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// What a member tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Can be nothing but the topic of the record that died.
    OriginalTopic,
    /// May be.
    Topic,
    Partition,
    Offset,
    OriginalTime,
    /// Of something: the failure, if nothing else is said to be.
    Time,
    FailedAt,
    Group,
    Exception,
    Message,
    StackTrace,
    Attempts,
    Retries,
    Key,
    Headers,
    /// Can be nothing but the event.
    OriginalEvent,
    /// May be.
    Event,
    /// The event, or a sentence about it.
    EventOrMessage,
}

/// The words for it, small and without what stands between them.
fn part(name: &str) -> Option<Part> {
    Some(match name {
        "originaltopic" | "sourcetopic" | "origintopic" => Part::OriginalTopic,
        "topic" => Part::Topic,
        "originalpartition" | "sourcepartition" | "originpartition" | "partition" => {
            Part::Partition
        }
        "originaloffset" | "sourceoffset" | "originoffset" | "offset" => Part::Offset,
        "originaltimestamp" | "sourcetimestamp" | "origintimestamp" => Part::OriginalTime,
        "timestamp" => Part::Time,
        "failedat" | "failuretime" | "failuretimestamp" | "errortimestamp" | "deadletteredat"
        | "dlqtimestamp" => Part::FailedAt,
        "consumergroup" | "consumergroupid" | "groupid" => Part::Group,
        "errortype" | "errorclass" | "errorname" | "exceptionclass" | "exceptiontype"
        | "exception" => Part::Exception,
        "error" | "errormessage" | "exceptionmessage" | "failurereason" | "errorreason"
        | "reason" | "lasterror" => Part::Message,
        "stacktrace" | "errorstack" | "errorstacktrace" | "stack" => Part::StackTrace,
        "attempts" | "attemptcount" | "deliveryattempts" | "deliverycount" => Part::Attempts,
        "retrycount" | "retries" => Part::Retries,
        "originalkey" | "messagekey" | "key" => Part::Key,
        "originalheaders" | "headers" => Part::Headers,
        "originalvalue" | "originalpayload" | "originalmessage" | "originalevent"
        | "originaldata" | "originalrecord" | "originalbody" | "original" => Part::OriginalEvent,
        "payload" | "value" | "event" | "data" | "body" => Part::Event,
        "message" => Part::EventOrMessage,
        _ => return None,
    })
}

/// Of an object under `error`.
fn part_of_error(name: &str) -> Option<Part> {
    Some(match name {
        "name" | "type" | "class" => Part::Exception,
        "message" => Part::Message,
        "stack" | "stacktrace" => Part::StackTrace,
        _ => return None,
    })
}

/// Of an object that tells the story only.
fn part_of_metadata(name: &str) -> Option<Part> {
    let is_event = |part: &Part| {
        matches!(
            part,
            Part::Key | Part::Headers | Part::OriginalEvent | Part::Event | Part::EventOrMessage
        )
    };
    part(name).filter(|part| !is_event(part))
}

/// The members that are understood, in their order.
pub(super) struct Members<'a>(Vec<(Part, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Those of the object, and of the objects in it that are about the failure; `None` when it is no object.
    pub(super) fn of(json: &'a [u8]) -> Option<Self> {
        let Object(object) = serde_json::from_slice(json).ok()?;
        let mut members = Vec::new();
        for (name, value) in object {
            let mut buffer = [0; 40];
            let name = plain_name(&name, &mut buffer);
            let nested = match name {
                _ if !value.get().starts_with('{') => None,
                Some("metadata" | "dlqmetadata" | "deadletter" | "failure") => {
                    Some(part_of_metadata as fn(&str) -> Option<Part>)
                }
                Some("error" | "exception") => Some(part_of_error as _),
                _ => None,
            };
            match nested {
                Some(part) => {
                    let Object(nested) = serde_json::from_str(value.get()).ok()?;
                    members.extend(nested.into_iter().filter_map(|(name, value)| {
                        let mut buffer = [0; 40];
                        Some((part(plain_name(&name, &mut buffer)?)?, value))
                    }));
                }
                None => members.extend(name.and_then(part).map(|part| (part, value))),
            }
        }
        Some(Members(members))
    }

    fn all(&self, wanted: Part) -> impl Iterator<Item = &'a RawValue> {
        let members = self.0.iter().filter(move |(part, _)| *part == wanted);
        members.map(|(_, value)| *value)
    }

    fn first(&self, wanted: Part) -> Option<&'a RawValue> {
        self.all(wanted).next()
    }

    /// Text that is not empty.
    pub(super) fn text(&self, wanted: Part) -> Option<Cow<'a, str>> {
        self.all(wanted)
            .find_map(|value| text(value).filter(|text| !text.is_empty()))
    }

    /// [`Members::text`], and for a message also the member `message` when it is not the event.
    pub(super) fn sentence(&self, wanted: Part) -> Option<String> {
        let other = || {
            let value = self.first(Part::EventOrMessage)?;
            let is_free = wanted == Part::Message && inner::of_message(value).is_none();
            is_free.then(|| text(value)).flatten()
        };
        self.text(wanted).or_else(other).map(Cow::into_owned)
    }

    /// A number, or digits in a text.
    pub(super) fn number(&self, wanted: Part) -> Option<i64> {
        self.all(wanted).find_map(number)
    }

    /// Milliseconds since 1970-01-01 UTC, or an RFC 3339 time, not before 1970.
    pub(super) fn time(&self, wanted: Part) -> Option<i64> {
        let read = |value| number(value).or_else(|| time(text(value)?.as_bytes()));
        self.all(wanted).find_map(read).filter(|time| *time >= 0)
    }

    /// The record that died, when it is certain which member that is.
    pub(super) fn inner(&self) -> Option<Inner> {
        let only = |part| {
            let mut found = self.all(part);
            let first = found.next();
            (first, found.next().is_some())
        };
        let mut inner = match (only(Part::OriginalEvent), only(Part::Event)) {
            ((Some(value), false), _) | ((None, _), (Some(value), false)) => inner::of(value)?,
            ((None, _), (None, _)) => inner::of_message(self.first(Part::EventOrMessage)?)?,
            _ => return None,
        };
        if inner.key.is_none() {
            inner.key = self.first(Part::Key).and_then(inner::key);
        }
        if inner.headers.is_none() {
            inner.headers = self.first(Part::Headers).and_then(inner::headers);
        }
        Some(inner)
    }
}

pub(super) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let Text(text) = serde_json::from_str(value.get()).ok()?;
    Some(text)
}

fn number(value: &RawValue) -> Option<i64> {
    match value.get().parse() {
        Ok(number) => Some(number),
        Err(_) => text(value)?.parse().ok(),
    }
}

/// Text that is borrowed where it can be.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// An object's members as they stand there: names may repeat, and values are not looked into.
pub(super) struct Object<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Object<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some((Text(name), value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
            members.push((name, value));
        }
        Ok(Object(members))
    }
}
