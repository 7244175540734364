//! Dead letters in an envelope: the value is JSON that holds the story and, somewhere in it, the record that died.
//!
//! There is no standard. What is taken for one names its origin topic and an error, in the words that most use, in any
//! case and with or without `_` and `-`: `{"originalTopic":…,"originalValue":…,"error":…}`, or in a dead-letter topic
//! `{"topic":…,"message":…,"error":…,"retryCount":…}`. What puts the envelope back instead of the event in it does harm:
//! where it is not certain which member is the event, it is said to be missing.

mod inner;
mod members;

use self::members::{Members, Part};
use super::{Convention, Mark};
use crate::model::dead_letter::fields::natural;
use crate::model::dead_letter::{DeadLetter, Original, Payload, is_dead_letter_topic};
use crate::model::record::Record;
use memchr::memmem::Finder;
use std::borrow::Cow;
use std::sync::LazyLock;

const NAME: &str = "envelope";

pub(in crate::model::dead_letter) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Sign(|record| record.value.as_deref().is_some_and(looks_like_one)),
    read,
    is_diagnostic: |_| false,
};

/// Every way to write the member's name ends so.
static TOPIC: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"opic\""));

/// Whether it is worth parsing: an object with a member that may be a topic. Nothing of this allocates.
fn looks_like_one(value: &[u8]) -> bool {
    value.trim_ascii_start().first() == Some(&b'{') && TOPIC.find(value).is_some()
}

fn read(record: &Record) -> Option<DeadLetter> {
    let members = Members::of(record.value.as_deref()?)?;
    let mut letter = DeadLetter::new(NAME);
    letter.exception = members.text(Part::Exception).map(Cow::into_owned);
    letter.message = members.sentence(Part::Message);
    letter.stack_trace = members.sentence(Part::StackTrace);
    letter.failed_at = members.time(Part::FailedAt);
    letter.attempts = members.number(Part::Attempts).and_then(natural);
    if letter.attempts.is_none() {
        let retries = members.number(Part::Retries);
        letter.attempts = retries.and_then(|retries| natural(retries.checked_add(1)?));
    }
    letter.group = members.text(Part::Group).map(Cow::into_owned);
    let failed = letter.exception.is_some() || letter.message.is_some();
    let inner = members.inner();
    letter.payload = match inner {
        Some(_) => Payload::Envelope,
        None => Payload::Missing,
    };
    let named = members.text(Part::OriginalTopic);
    let topic = match &named {
        Some(topic) if failed || letter.attempts.is_some() || letter.failed_at.is_some() => topic,
        Some(_) => return None,
        // `topic` may be anything's: only what else could be nothing but a dead letter is taken for one.
        None => {
            let tried = letter.attempts.is_some()
                || letter.failed_at.is_some()
                || members.time(Part::Time).is_some();
            let sure = failed && tried && inner.is_some() && is_dead_letter_topic(&record.topic);
            &members.text(Part::Topic).filter(|_| sure)?
        }
    };
    // A topic's name has nothing that JSON would escape.
    let Cow::Borrowed(topic) = topic else {
        return None;
    };
    letter.set_origin_topic((*topic).to_owned());
    if letter.origin.topic.is_none() && named.is_none() {
        return None;
    }
    letter.origin.partition = members.number(Part::Partition).and_then(natural);
    letter.origin.offset = members.number(Part::Offset).and_then(natural);
    letter.origin.timestamp = members.time(Part::OriginalTime);
    if letter.failed_at.is_none() {
        letter.failed_at = members.time(Part::Time);
    }
    letter.take_root_cause();
    Some(letter)
}

/// Puts what is in the envelope in the place of the envelope; key and headers too, if it has them.
pub(in crate::model::dead_letter) fn unwrap(
    record: &Record,
    original: &mut Original,
) -> Option<()> {
    let members = Members::of(record.value.as_deref()?)?;
    let inner = members.inner()?;
    original.value = Some(inner.value);
    if let Some(key) = inner.key {
        original.key = key;
    }
    if let Some(headers) = inner.headers {
        original.headers = headers;
    }
    Some(())
}
