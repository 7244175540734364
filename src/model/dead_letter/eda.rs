//! Dead letters as `eda` writes them: Kafka's own header names (KIP-1191), as text, and a few beside them.
//!
//! The first failure's coordinates win. A record that is dead-lettered again, straight from a dead-letter topic
//! or after a replay, keeps the origin it had: [`bury`] takes it from the dead letter the record already is, else
//! from `eda-replay-origin`, which [`revive`] leaves on the replayed record. Handlers that copy all headers of
//! what they consume to what they produce would carry that header to other topics, so it counts only on the topic
//! it was replayed to: the origin's own, or the one that `eda-replay-target` names.

use super::{Convention, DeadLetter, Failure, FailureKind, Origin, is_diagnostic as belongs};
use crate::model::record::{Header, OutgoingRecord, Record};
use std::str::FromStr;

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

const REPLAY_HEADERS: [&str; 6] = [
    REPLAY_COUNT,
    REPLAY_ID,
    REPLAY_AT,
    REPLAY_SOURCE,
    REPLAY_ORIGIN,
    REPLAY_TARGET,
];

/// A message is often a program's whole standard error; with the record it must still fit into a batch.
const LONGEST_TEXT: usize = 8 * 1024;

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    detect,
    is_diagnostic,
};

/// The story of a dead letter that [`bury`] wrote.
fn detect(record: &Record) -> Option<DeadLetter> {
    // A share group's dead letter (KIP-1191) has the topic too, but may be a mere pointer without a value:
    // replaying it as if it were ours would write a tombstone.
    if !has(record, TOPIC)
        || ![FAILED_AT, KIND, STAGE]
            .iter()
            .any(|name| has(record, name))
    {
        return None;
    }
    Some(DeadLetter {
        convention: NAME,
        origin: Origin {
            topic: text(record.first_header(TOPIC)),
            partition: number(record.first_header(PARTITION)).filter(|number: &i32| *number >= 0),
            offset: number(record.first_header(OFFSET)).filter(|number: &i64| *number >= 0),
            timestamp: number(record.first_header(TIMESTAMP)),
        },
        group: text(record.last_header(GROUP)),
        exception: text(record.last_header(EXCEPTION)),
        message: text(record.last_header(MESSAGE)),
        attempts: number(record.last_header(ATTEMPTS)),
        failed_at: number(record.last_header(FAILED_AT)),
        kind: text(record.last_header(KIND)).and_then(|word| kind(&word)),
        stage: text(record.last_header(STAGE)),
        replays: replays(record),
    })
}

fn is_diagnostic(header: &str) -> bool {
    header.starts_with(PREFIX)
}

fn has(record: &Record, name: &str) -> bool {
    record.headers.iter().any(|header| header.name == name)
}

fn text(value: Option<&[u8]>) -> Option<String> {
    let text = std::str::from_utf8(value?).ok()?;
    (!text.is_empty()).then(|| text.to_owned())
}

fn number<N: FromStr>(value: Option<&[u8]>) -> Option<N> {
    std::str::from_utf8(value?).ok()?.trim().parse().ok()
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

/// How often the record was replayed before, whether it is a dead letter or not.
pub fn replays(record: &Record) -> u32 {
    number(record.last_header(REPLAY_COUNT)).unwrap_or(0)
}

/// Where the record failed first, when this is not the first time.
fn first_origin(record: &Record) -> Option<Origin> {
    if let Some(letter) = super::detect(record)
        && letter.origin.topic.is_some()
    {
        return Some(letter.origin);
    }
    let origin = replay_origin(record)?;
    let target = text(record.last_header(REPLAY_TARGET)).or_else(|| origin.topic.clone());
    (target.as_deref() == Some(record.topic.as_str())).then_some(origin)
}

/// `topic/partition/offset/timestamp`; a topic's name has no `/`.
fn replay_origin(record: &Record) -> Option<Origin> {
    let text = text(record.last_header(REPLAY_ORIGIN))?;
    let mut parts = text.split('/');
    let topic = parts.next().filter(|topic| !topic.is_empty())?.to_owned();
    let mut part = || parts.next().map(str::as_bytes);
    Some(Origin {
        topic: Some(topic),
        partition: number(part()),
        offset: number(part()),
        timestamp: number(part()),
    })
}

/// The dead letter of `record`, for `dlq_topic`: key, value and headers byte for byte, then why and where it
/// failed, with a new timestamp. `attempts` is how often it was tried, where that is known; `partition` is best the record's own where the topics have as many.
///
/// An earlier story of ours is replaced, except for its origin.
pub fn bury(
    record: &Record,
    failure: &Failure,
    group: &str,
    attempts: impl Into<Option<u32>>,
    dlq_topic: &str,
    partition: Option<i32>,
    now_ms: i64,
) -> OutgoingRecord {
    let origin = first_origin(record).unwrap_or_else(|| Origin {
        topic: Some(record.topic.clone()),
        partition: Some(record.partition),
        offset: Some(record.offset),
        timestamp: record.timestamp.map(|(milliseconds, _)| milliseconds),
    });
    let mut headers = without(&record.headers, is_diagnostic);
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
        key: record.key.clone(),
        value: record.value.clone(),
        headers,
    }
}

fn without(headers: &[Header], unwanted: impl Fn(&str) -> bool) -> Vec<Header> {
    let kept = headers.iter().filter(|header| !unwanted(&header.name));
    kept.cloned().collect()
}

fn shortened(text: &str) -> String {
    if text.len() <= LONGEST_TEXT {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(LONGEST_TEXT)])
}

/// The record as it was before it died, for its origin's topic: without the story, with a note of the replay.
/// The topic is empty when the letter does not name its origin: ask, or use [`revive_to`].
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
    let mut headers = without(&record.headers, |name| {
        belongs(letter.convention, name) || REPLAY_HEADERS.contains(&name)
    });
    let replays = letter.replays.saturating_add(1);
    let source = format!("{}/{}/{}", record.topic, record.partition, record.offset);
    headers.push(Header::text(REPLAY_COUNT, &replays.to_string()));
    headers.push(Header::text(REPLAY_ID, replay_id));
    headers.push(Header::text(REPLAY_AT, &now_ms.to_string()));
    headers.push(Header::text(REPLAY_SOURCE, &source));
    if let Some(origin) = &letter.origin.topic {
        let text =
            |number: Option<i64>| number.map_or_else(String::new, |number| number.to_string());
        let partition = text(letter.origin.partition.map(i64::from));
        let (offset, timestamp) = (text(letter.origin.offset), text(letter.origin.timestamp));
        let place = format!("{origin}/{partition}/{offset}/{timestamp}");
        headers.push(Header::text(REPLAY_ORIGIN, &place));
        if origin != topic {
            headers.push(Header::text(REPLAY_TARGET, topic));
        }
    }
    OutgoingRecord {
        topic: topic.to_owned(),
        partition: to_partition,
        timestamp: None,
        key: record.key.clone(),
        value: record.value.clone(),
        headers,
    }
}

#[cfg(test)]
mod tests;
