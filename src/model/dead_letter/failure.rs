//! Why a record could not be processed.

use serde::Serialize;
use std::fmt;
use std::time::Duration;

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
