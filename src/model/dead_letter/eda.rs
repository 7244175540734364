//! Dead letters as `eda` writes them: Kafka's own header names (KIP-1191), as text, and a few beside them.
//!
//! The first failure's coordinates win. A record that is dead-lettered again, straight from a dead-letter topic
//! or after a replay, keeps the origin it had: [`bury`] takes it from the dead letter the record already is, else
//! from `eda-replay-origin`, which [`revive`] leaves on the replayed record. Handlers that copy all headers of
//! what they consume to what they produce would carry that header to other topics, so it counts only on the topic
//! it was replayed to: the origin's own, or the one that `eda-replay-target` names.

use super::conventions::{Convention, Mark};
use super::fields::{decimal, first, last, natural};
use super::story::Story;
use super::{
    DeadLetter, Failure, FailureKind, Origin, Original, Payload, is_dead_letter_topic, original,
};
use crate::model::record::{Header, OutgoingRecord, Record, RecordRef};
use crate::model::topic::TopicName;

/// The convention's name.
pub const NAME: &str = "eda";

/// Everything that tells of the failure begins with it.
const PREFIX: &str = "__dlq.errors.";
const TOPIC: &str = "__dlq.errors.topic";
const PARTITION: &str = "__dlq.errors.partition";
const OFFSET: &str = "__dlq.errors.offset";
const GROUP: &str = "__dlq.errors.group";
const MESSAGE: &str = "__dlq.errors.message";
const ATTEMPTS: &str = "__dlq.errors.delivery.count";
const TIMESTAMP: &str = "__dlq.errors.timestamp";
const FAILED_AT: &str = "__dlq.errors.failed.at";
const KIND: &str = "__dlq.errors.kind";
const EXCEPTION: &str = "__dlq.errors.exception";
const STAGE: &str = "__dlq.errors.stage";

/// How often the record was replayed, this time included.
pub const REPLAY_COUNT: &str = "eda-replay-count";
/// Which run of `eda dlq replay` it was.
pub const REPLAY_ID: &str = "eda-replay-id";
/// When, in milliseconds since 1970-01-01 UTC.
pub const REPLAY_AT: &str = "eda-replay-at";
/// The dead letter that was replayed: `order-created.dlq/1/7`.
pub const REPLAY_SOURCE: &str = "eda-replay-source";
/// Where the record failed first: `order-created/1/42/1764000000000`, what is unknown left empty.
pub const REPLAY_ORIGIN: &str = "eda-replay-origin";
/// The topic it was replayed to, when that is not the origin's.
pub const REPLAY_TARGET: &str = "eda-replay-target";

/// How it was changed on its way back: `set`, `exec` or `edit`; missing when it was not.
pub const REPLAY_REPAIRED: &str = "eda-replay-repaired";

const REPLAY_HEADERS: [&str; 7] = [
    REPLAY_COUNT,
    REPLAY_ID,
    REPLAY_AT,
    REPLAY_SOURCE,
    REPLAY_ORIGIN,
    REPLAY_TARGET,
    REPLAY_REPAIRED,
];

/// A message is often a program's whole standard error; with the record it must still fit into a batch.
const LONGEST_TEXT: usize = 8 * 1024;

/// How often other tools put the record back: PostHog, flexprice, Kafka DLQ Manager, Watermill's Requeuer.
const OTHER_COUNTS: [&str; 4] = [
    "dlq_replay_count",
    "replay_count",
    "x-dlq-replay-count",
    "_watermill_requeuer_retries",
];

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Header(&[TOPIC]),
    read,
    is_diagnostic,
};

static STORY: Story = Story {
    topic: first(&[TOPIC]),
    partition: first(&[PARTITION]).number(decimal),
    offset: first(&[OFFSET]).number(decimal),
    timestamp: first(&[TIMESTAMP]).number(decimal),
    group: last(&[GROUP]),
    exception: last(&[EXCEPTION]),
    message: last(&[MESSAGE]),
    attempts: last(&[ATTEMPTS]).number(decimal),
    failed_at: last(&[FAILED_AT]).number(decimal),
    stage: last(&[STAGE]),
    ..Story::SILENT
};

/// The story of a dead letter that [`bury`] wrote.
fn read(record: &Record) -> Option<DeadLetter> {
    // A share group's dead letter (KIP-1191) has the topic too, but may be a mere pointer without a value:
    // replaying it as if it were ours would write a tombstone.
    let has = |name: &str| record.headers.iter().any(|header| header.name == name);
    if ![FAILED_AT, KIND, STAGE, EXCEPTION]
        .iter()
        .any(|name| has(name))
    {
        return None;
    }
    let mut letter = STORY.read(NAME, record);
    letter.kind = last(&[KIND]).text(record).and_then(|word| kind(&word));
    Some(letter)
}

fn is_diagnostic(header: &str) -> bool {
    header.starts_with(PREFIX)
}

fn kind(word: &str) -> Option<FailureKind> {
    [
        FailureKind::Transient,
        FailureKind::Permanent,
        FailureKind::Poison,
    ]
    .into_iter()
    .find(|kind| kind.name().eq_ignore_ascii_case(word.trim()))
}

/// The value of the last header of that name, as text.
fn last_text<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    let header = headers.iter().rfind(|header| header.name == name)?;
    std::str::from_utf8(header.value.as_deref()?).ok()
}

fn count(headers: &[Header], name: &str) -> u32 {
    let number = last_text(headers, name).and_then(|text| text.trim().parse().ok());
    number.unwrap_or(0)
}

/// How often the record was replayed before, by us and by other tools, whether it is a dead letter or not.
pub fn replays(record: &Record) -> u32 {
    replays_in(&record.headers)
}

/// [`replays`], by the headers alone.
pub fn replays_in(headers: &[Header]) -> u32 {
    let others = OTHER_COUNTS.iter().map(|name| count(headers, name));
    others.fold(count(headers, REPLAY_COUNT), u32::saturating_add)
}

/// What replays left on a record that lies in a topic: where it failed first, if it was put back into that topic, and how
/// often it was put back.
pub fn replayed(record: &RecordRef<'_>) -> (Option<Origin>, u32) {
    let is_note = |name: &str| REPLAY_HEADERS.contains(&name) || OTHER_COUNTS.contains(&name);
    let notes = record.headers.iter().filter(|(name, _)| is_note(name));
    let notes: Vec<Header> = notes
        .map(|(name, value)| Header {
            name: name.to_owned(),
            value: value.map(<[u8]>::to_vec),
        })
        .collect();
    (first_origin(&notes, record.topic), replays_in(&notes))
}

/// Where the record of a letter failed first, by what replays left on the record itself, fetched from where it died.
pub fn origin_of(letter: &DeadLetter, original: &Original) -> Origin {
    let died = letter.origin.topic.as_deref();
    let first = died.and_then(|died| first_origin(&original.headers, died));
    first.unwrap_or_else(|| letter.origin.clone())
}

/// Adds to a letter what replays left on the record: how many they were, and where it failed before them. Whoever
/// buried it again knows of the last time only; we wrote down the first.
pub(super) fn remember_replays(record: &Record, letter: &mut DeadLetter) {
    letter.replays = replays(record);
    if let Some(died) = &letter.origin.topic
        && let Some(origin) = first_origin(&record.headers, died)
    {
        letter.origin = origin;
    }
}

/// Where the record failed first, by the note of a replay to the topic `died`, where it then failed again.
fn first_origin(headers: &[Header], died: &str) -> Option<Origin> {
    let origin = replay_origin(last_text(headers, REPLAY_ORIGIN)?)?;
    let target = last_text(headers, REPLAY_TARGET).filter(|target| !target.is_empty());
    let target = target.or(origin.topic.as_deref());
    (target == Some(died)).then_some(origin)
}

/// `topic/partition/offset/timestamp`; a topic's name has no `/`.
fn replay_origin(text: &str) -> Option<Origin> {
    let mut parts = text.split('/');
    let topic: TopicName = parts.next()?.parse().ok()?;
    let mut part = || parts.next().and_then(|part| decimal(part.as_bytes()));
    Some(Origin {
        topic: Some(topic.into_string()),
        partition: part().and_then(natural),
        offset: part().and_then(natural),
        timestamp: part().and_then(natural),
    })
}

/// What a dead letter of ours is made of: where the record failed first, and the record as it was there.
///
/// Another's dead letter is taken for one only where it lies: in a dead-letter topic, or back in its origin's with the
/// story still on it. Elsewhere its headers were copied, and mean nothing. And only if the record is in it, for what we
/// write is put back as it is; else the dead letter itself is the record, and goes back to where it lay.
fn first_death(record: &Record) -> (Option<Origin>, Option<Original>) {
    if let Some(letter) = super::detect(record)
        && let Some(topic) = &letter.origin.topic
    {
        if letter.convention == NAME {
            return (Some(letter.origin), None);
        }
        let lies_there = *topic == record.topic || is_dead_letter_topic(&record.topic);
        let is_whole = matches!(
            letter.payload,
            Payload::Record | Payload::Key | Payload::Envelope
        );
        if lies_there
            && is_whole
            && let Some(original) = original(record, &letter)
        {
            return (Some(letter.origin), Some(original));
        }
    }
    (first_origin(&record.headers, &record.topic), None)
}

/// The dead letter of `record`, for `dlq_topic`: key, value and headers byte for byte, then why and where it
/// failed, with a new timestamp. `attempts` is how often it was tried, where that is known; `partition` is best the record's own where the topics have as many.
///
/// An earlier story, ours or another's, is replaced, except for its origin.
pub fn bury(
    record: &Record,
    failure: &Failure,
    group: &str,
    attempts: impl Into<Option<u32>>,
    dlq_topic: &str,
    partition: Option<i32>,
    now_ms: i64,
) -> OutgoingRecord {
    let (origin, original) = first_death(record);
    let origin = origin.unwrap_or_else(|| Origin {
        topic: Some(record.topic.clone()),
        partition: Some(record.partition),
        offset: Some(record.offset),
        timestamp: record.timestamp.map(|(milliseconds, _)| milliseconds),
    });
    let original = original.unwrap_or_else(|| Original {
        key: record.key.clone(),
        value: record.value.clone(),
        headers: record.headers.clone(),
    });
    let mut headers = original.headers;
    headers.retain(|header| !is_diagnostic(&header.name));
    let mut add = |name: &str, value: Option<String>| {
        headers.extend(value.map(|value| Header::text(name, &value)));
    };
    add(TOPIC, origin.topic);
    add(PARTITION, origin.partition.map(|number| number.to_string()));
    add(OFFSET, origin.offset.map(|number| number.to_string()));
    add(TIMESTAMP, origin.timestamp.map(|number| number.to_string()));
    add(GROUP, Some(group.to_owned()));
    add(EXCEPTION, Some(shortened(&failure.exception)));
    add(MESSAGE, Some(shortened(&failure.message)));
    add(
        ATTEMPTS,
        attempts.into().map(|number: u32| number.to_string()),
    );
    add(FAILED_AT, Some(now_ms.to_string()));
    add(KIND, Some(failure.kind.name().to_owned()));
    add(STAGE, Some(failure.stage.name().to_owned()));
    OutgoingRecord {
        topic: dlq_topic.to_owned(),
        partition,
        timestamp: None,
        key: original.key,
        value: original.value,
        headers,
    }
}

fn shortened(text: &str) -> String {
    if text.len() <= LONGEST_TEXT {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(LONGEST_TEXT)])
}

/// The record as it was before it died, for its origin's topic: without the story, with a note of the replay.
/// The topic is empty when the letter does not name its origin, or the record is not in it: ask, or use [`revive_to`]
/// or [`revive_original`].
pub fn revive(
    record: &Record,
    letter: &DeadLetter,
    to_partition: Option<i32>,
    replay_id: &str,
    now_ms: i64,
) -> OutgoingRecord {
    let topic = letter.origin.topic.as_deref().unwrap_or_default();
    revive_to(topic, record, letter, to_partition, replay_id, now_ms)
}

/// [`revive`], for another topic than the origin's: a retry topic, or one repaired by hand.
pub fn revive_to(
    topic: &str,
    record: &Record,
    letter: &DeadLetter,
    to_partition: Option<i32>,
    replay_id: &str,
    now_ms: i64,
) -> OutgoingRecord {
    // Never the pointer or the envelope in the record's place: nobody takes a record without a topic.
    let (topic, original) = match original(record, letter) {
        Some(original) => (topic, original),
        None => ("", Original::default()),
    };
    let mut revived = revive_original(topic, original, record, letter, replay_id, now_ms);
    revived.partition = to_partition;
    revived
}

/// [`revive_to`], with the record that died got from elsewhere: fetched from its origin, or repaired. Its partition is
/// not chosen yet.
pub fn revive_original(
    topic: &str,
    original: Original,
    record: &Record,
    letter: &DeadLetter,
    replay_id: &str,
    now_ms: i64,
) -> OutgoingRecord {
    // What a pointer points at may have been put back before, and has the notes that the pointer lacks.
    let origin = origin_of(letter, &original);
    let before = count(&record.headers, REPLAY_COUNT).max(count(&original.headers, REPLAY_COUNT));
    let mut headers = original.headers;
    headers.retain(|header| !REPLAY_HEADERS.contains(&header.name.as_str()));
    let source = format!("{}/{}/{}", record.topic, record.partition, record.offset);
    // Only our own: the other tools' counts are still on it.
    let replays = before.saturating_add(1);
    headers.push(Header::text(REPLAY_COUNT, &replays.to_string()));
    headers.push(Header::text(REPLAY_ID, replay_id));
    headers.push(Header::text(REPLAY_AT, &now_ms.to_string()));
    headers.push(Header::text(REPLAY_SOURCE, &source));
    if let Some(origin_topic) = &origin.topic {
        let text =
            |number: Option<i64>| number.map_or_else(String::new, |number| number.to_string());
        let partition = text(origin.partition.map(i64::from));
        let (offset, timestamp) = (text(origin.offset), text(origin.timestamp));
        let place = format!("{origin_topic}/{partition}/{offset}/{timestamp}");
        headers.push(Header::text(REPLAY_ORIGIN, &place));
        if origin_topic != topic {
            headers.push(Header::text(REPLAY_TARGET, topic));
        }
    }
    OutgoingRecord {
        topic: topic.to_owned(),
        partition: None,
        timestamp: None,
        key: original.key,
        value: original.value,
        headers,
    }
}

#[cfg(test)]
mod tests;
