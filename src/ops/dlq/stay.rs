//! Dead letters that stay where they are.

use std::fmt;

/// Why a dead letter cannot be put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stay {
    NotUnderstood,
    NoOrigin,
    /// The record that died is not in it, and nobody knows where it is.
    Lost,
    /// Nor is it any more where it died.
    Gone(String),
    OriginGone,
    /// Its origin is itself a topic of dead letters.
    Circle(String),
    NoRetryTopic(String),
    /// It is parked already.
    TooOften(u32),
    /// This record has its key, and is newer.
    Newer(String),
    /// Nobody knows whether there are any.
    Unchecked,
    /// Nor whether any have the key that a repair gave it.
    OtherKey,
    /// It was to be repaired, and could not be.
    Unrepaired(String),
    /// What it would be repaired to is no right event.
    Invalid(String),
}

impl Stay {
    /// The word for it, for whoever counts them.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Stay::NotUnderstood => "not understood",
            Stay::NoOrigin => "no origin",
            Stay::Lost => "record missing",
            Stay::Gone(_) => "record gone",
            Stay::OriginGone => "origin gone",
            Stay::Circle(_) => "origin is a dead-letter topic",
            Stay::NoRetryTopic(_) => "no retry topic",
            Stay::TooOften(_) => "too often",
            Stay::Newer(_) => "newer record of its key",
            Stay::Unchecked => "newer records unknown",
            Stay::OtherKey => "key changed",
            Stay::Unrepaired(_) => "not repaired",
            Stay::Invalid(_) => "invalid",
        }
    }

    /// Nobody knows where it came from, or that is no more.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(
            self,
            Stay::NotUnderstood | Stay::NoOrigin | Stay::OriginGone | Stay::Lost | Stay::Gone(_)
        )
    }
}

impl fmt::Display for Stay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stay::NotUnderstood => {
                formatter.write_str("it has no dead-letter headers that are understood")
            }
            Stay::NoOrigin => formatter.write_str("the origin topic is not known"),
            Stay::Lost => formatter.write_str("the record that died is not in it"),
            Stay::Gone(place) => {
                write!(formatter, "it points at `{place}`, and that record is gone")
            }
            Stay::OriginGone => formatter.write_str("the origin topic does not exist"),
            Stay::Circle(topic) => write!(
                formatter,
                "its origin `{topic}` is itself a dead-letter topic (`--force` puts it back there)"
            ),
            Stay::NoRetryTopic(group) => {
                write!(formatter, "group `{group}` has no retry topic of its own")
            }
            Stay::TooOften(replays) => write!(
                formatter,
                "it was put back {replays} times already (`--max-replays` allows more)"
            ),
            Stay::Newer(record) => write!(
                formatter,
                "`{record}` has its key and is newer (`--same-key force` puts it back all the same)"
            ),
            Stay::Unchecked => formatter.write_str(
                "it has a key, and where it was is not known or is gone: whether newer records have that key cannot be \
                 told (`--same-key force` puts it back all the same)",
            ),
            Stay::OtherKey => formatter.write_str(
                "its repair gave it another key, and newer records of that were not looked for (`--same-key force` puts \
                 it back all the same)",
            ),
            Stay::Unrepaired(reason) => write!(formatter, "it cannot be repaired: {reason}"),
            Stay::Invalid(problem) => write!(
                formatter,
                "repaired, {problem} (`--no-validate` puts it back all the same)"
            ),
        }
    }
}
