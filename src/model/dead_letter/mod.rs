//! Dead letters: records that could not be processed, with the story of why, whoever wrote them.
//!
//! Every framework writes that story in a way of its own. A convention is one file in [`conventions`] and one row in
//! its table; [`detect`] asks those whose marks the record bears, the surest first. Numbers and texts are read
//! leniently: what is missing, or is not what it should be, is `None`, never a guess and never a panic. The topic a
//! dead letter names as its origin stands in it word for word; [`origin_from_name`] is for those that name none.

mod conventions;
mod evidence;
mod failure;
mod fields;
mod name;
mod original;
mod stack_trace;
mod story;

pub mod eda;

pub use conventions::{detect, is_diagnostic};
pub use evidence::{Evidence, evidence, is_retry_topic};
pub use failure::{Failure, FailureKind, Stage};
pub use name::{
    DEFAULT_TEMPLATE, is_dead_letter_topic, origin_candidates, origin_from_name, topic_for,
};
pub use original::{Original, original};
pub use stack_trace::{Folded, fold};

use serde::{Serialize, Serializer};
use std::fmt;

/// Where a dead letter came from and why it died. What it does not say is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Who wrote it: `eda`, `spring`, `kafka-connect`, …
    pub convention: &'static str,
    /// Where it failed first.
    pub origin: Origin,
    /// Why the origin's topic is `None` although the dead letter names one.
    pub origin_doubt: Option<OriginDoubt>,
    /// The consumer group that gave up, or what stands for one.
    pub group: Option<String>,
    /// What went wrong, in one word: the class of the exception at the root of it, an exit status, an HTTP status.
    pub exception: Option<String>,
    /// What went wrong, in a sentence of whoever gave up.
    pub message: Option<String>,
    /// What the exception at the root of it said, when that is not the message.
    pub cause: Option<String>,
    /// The newest failure's stack trace, whole.
    pub stack_trace: Option<String>,
    /// How often it was tried, the first time included.
    pub attempts: Option<u32>,
    /// Milliseconds since 1970-01-01 UTC.
    pub failed_at: Option<i64>,
    pub kind: Option<FailureKind>,
    /// Where in the processing it failed, in the convention's own words.
    pub stage: Option<String>,
    /// How often it was replayed before, by whatever tool.
    pub replays: u32,
    /// Where the record is that died: see [`original`].
    pub payload: Payload,
}

impl DeadLetter {
    /// A dead letter by this convention that says nothing.
    pub fn new(convention: &'static str) -> Self {
        DeadLetter {
            convention,
            origin: Origin::default(),
            origin_doubt: None,
            group: None,
            exception: None,
            message: None,
            cause: None,
            stack_trace: None,
            attempts: None,
            failed_at: None,
            kind: None,
            stage: None,
            replays: 0,
            payload: Payload::Record,
        }
    }

    /// Whether the record that died must be fetched from its origin: the dead letter only points at it (KIP-1191).
    pub fn is_pointer(&self) -> bool {
        self.payload == Payload::Pointer
    }
}

/// Where the record is that died.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Payload {
    /// The dead letter is it: the same key, value and headers, and the story's headers besides.
    Record,
    /// Its key and value are here, its headers are only where it came from (KIP-1191 with copied records).
    Copy,
    /// Nothing of it is here, only where it came from (KIP-1191).
    Pointer,
    /// Its key is inside the dead letter's key, with the story around it (Uber).
    Key,
    /// It is inside the dead letter's value, with the story around it.
    Envelope,
    /// Nothing of it is here, and nowhere else that we know.
    Missing,
}

/// Where a dead letter was before it died.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// A name that Kafka accepts for a topic; whether there is such a topic is not known here.
    pub topic: Option<String>,
    pub partition: Option<i32>,
    pub offset: Option<i64>,
    /// The original record's, in milliseconds since 1970-01-01 UTC.
    pub timestamp: Option<i64>,
}

/// Why the topic that a dead letter names is not taken for its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginDoubt {
    /// Kafka Streams read the record from a topic of its own (`…-repartition`, `…-changelog`). Where it was before
    /// cannot be known, and putting it back there would corrupt the application.
    StreamsInternal(String),
    /// No topic can be called that.
    NoTopicName(String),
}

impl fmt::Display for OriginDoubt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OriginDoubt::StreamsInternal(topic) => write!(
                formatter,
                "`{topic}` is an internal topic of Kafka Streams, where the record was before is not known"
            ),
            OriginDoubt::NoTopicName(text) => {
                write!(
                    formatter,
                    "no topic can be called `{}`",
                    text.escape_debug()
                )
            }
        }
    }
}

impl Serialize for OriginDoubt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
