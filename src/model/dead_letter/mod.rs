//! Dead letters: records that could not be processed, with the story of why, whoever wrote them.
//!
//! Every framework writes that story into headers of its own. A convention is one file here and one row in
//! [`CONVENTIONS`]; [`detect`] asks them in order. Numbers and texts are read leniently: what is missing, or is
//! not what it should be, is `None`, never a guess and never a panic.

mod name;

pub mod eda;

pub use name::{DEFAULT_TEMPLATE, is_dead_letter_topic, topic_for};

use super::record::Record;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// A way of writing dead letters.
struct Convention {
    name: &'static str,
    /// The story, when the record tells one this way.
    detect: fn(&Record) -> Option<DeadLetter>,
    /// Whether a header of this name belongs to the story, and not to the record that died.
    is_diagnostic: fn(&str) -> bool,
}

/// All we understand, the surest first.
static CONVENTIONS: &[&Convention] = &[&eda::CONVENTION];

/// The story a dead letter tells; `None` when the record is none, or of a convention we do not know.
pub fn detect(record: &Record) -> Option<DeadLetter> {
    CONVENTIONS
        .iter()
        .find_map(|convention| (convention.detect)(record))
}

/// Whether a header of this name tells why the record died, by the convention of that name.
fn is_diagnostic(convention: &str, header: &str) -> bool {
    CONVENTIONS
        .iter()
        .any(|known| known.name == convention && (known.is_diagnostic)(header))
}

/// Where a dead letter came from and why it died. What it does not say is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Who wrote it: `eda`.
    pub convention: &'static str,
    /// Where it failed first.
    pub origin: Origin,
    /// The consumer group that gave up.
    pub group: Option<String>,
    /// What went wrong, in one word: an exception's class, an exit status, an HTTP status.
    pub exception: Option<String>,
    /// What went wrong, in a sentence.
    pub message: Option<String>,
    /// How often it was tried, the first time included.
    pub attempts: Option<u32>,
    /// Milliseconds since 1970-01-01 UTC.
    pub failed_at: Option<i64>,
    pub kind: Option<FailureKind>,
    /// Where in the processing it failed, in the convention's own words.
    pub stage: Option<String>,
    /// How often it was replayed before.
    pub replays: u32,
}

/// Where a dead letter was before it died.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    pub topic: Option<String>,
    pub partition: Option<i32>,
    pub offset: Option<i64>,
    /// The original record's, in milliseconds since 1970-01-01 UTC.
    pub timestamp: Option<i64>,
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FailureKind {
    /// It may work later: a timeout, a lost connection. In a dead letter: the retries are used up.
    Transient,
    /// It never will: malformed data, a broken business rule.
    Permanent,
    /// It takes the handler down with it.
    Poison,
}

impl FailureKind {
    /// The word for it in headers and JSON.
    pub fn name(self) -> &'static str {
        match self {
            FailureKind::Transient => "transient",
            FailureKind::Permanent => "permanent",
            FailureKind::Poison => "poison",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// How far a record came before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    Decode,
    Validate,
    Handle,
}

impl Stage {
    /// The word for it in headers and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Decode => "decode",
            Stage::Validate => "validate",
            Stage::Handle => "handle",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Why a record could not be processed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureKind,
    /// In one word: an exit status, an HTTP status, an error's name.
    pub exception: String,
    /// In a sentence.
    pub message: String,
    pub stage: Stage,
    /// How long whoever failed asked to be left alone, at least (HTTP's `Retry-After`).
    pub retry_after: Option<Duration>,
    /// Whether the handler died of it: a record that does so twice is poison.
    pub is_death: bool,
}

impl Failure {
    fn new(kind: FailureKind, exception: impl Into<String>, message: impl Into<String>) -> Self {
        Failure {
            kind,
            exception: exception.into(),
            message: message.into(),
            stage: Stage::Handle,
            retry_after: None,
            is_death: false,
        }
    }

    /// A failure of the handler's that trying again may cure.
    pub fn transient(exception: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(FailureKind::Transient, exception, message)
    }

    /// A failure of the handler's that no retry will cure.
    pub fn permanent(exception: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(FailureKind::Permanent, exception, message)
    }

    /// A record that takes its handler down.
    pub fn poison(exception: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(FailureKind::Poison, exception, message)
    }

    /// The handler died of it: a failure that trying again may cure, once.
    pub fn death(exception: impl Into<String>, message: impl Into<String>) -> Self {
        Failure {
            is_death: true,
            ..Self::transient(exception, message)
        }
    }

    /// The same failure, not to be tried again before this time is over.
    pub fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// The same failure, earlier: while decoding or validating.
    pub fn at(mut self, stage: Stage) -> Self {
        self.stage = stage;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message.is_empty() {
            true => formatter.write_str(&self.exception),
            false => write!(formatter, "{}: {}", self.exception, self.message),
        }
    }
}
