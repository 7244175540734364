//! Places in a topic as people write them: `beginning`, `-5`, `@-1h`, `@2026-01-02:2026-01-03`.

use super::duration;
use jiff::{Timestamp, civil, tz::TimeZone};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use thiserror::Error;

/// A point in time, absolute or counted back from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Milliseconds since 1970-01-01 UTC.
    At(i64),
    Ago(Duration),
}

impl Moment {
    /// Milliseconds since 1970-01-01 UTC, given what they are now.
    pub fn resolve(&self, now_ms: i64) -> i64 {
        match self {
            Moment::At(milliseconds) => *milliseconds,
            Moment::Ago(length) => {
                let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
                now_ms.saturating_sub(length)
            }
        }
    }
}

/// Why a text is not a point in time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MomentError {
    #[error(
        "`{0}` is not a time: write `2026-01-02T03:04:05Z`, `2026-01-02` (midnight UTC), milliseconds since 1970 or `-1h`"
    )]
    Shape(String),
    #[error("`{0}` does not say its time zone: add `Z` for UTC, or an offset such as `+01:00`")]
    Zone(String),
    #[error("`{1}` looks like seconds since 1970, and a time is in milliseconds: write `{0}000`")]
    Seconds(i64, String),
    #[error("`{0}` is a time to come: write `-{0}` for that long ago")]
    Future(String),
}

impl FromStr for Moment {
    type Err = MomentError;

    /// RFC 3339, a date (midnight UTC), milliseconds since 1970, or `-1h` for an hour ago.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = || MomentError::Shape(text.to_owned());
        if let Some(length) = text.strip_prefix('-') {
            return duration::parse(length)
                .map(Moment::Ago)
                .map_err(|_| shape());
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return match text.parse() {
                // Milliseconds of before 1973: somebody counts in seconds, and would land in 1970.
                Ok(number @ 100_000_000..100_000_000_000) => {
                    Err(MomentError::Seconds(number, text.to_owned()))
                }
                parsed => parsed.map(Moment::At).map_err(|_| shape()),
            };
        }
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Moment::At(time.as_millisecond()));
        }
        // The civil parsers also take a date out of a longer text, which would drop a time of day unseen.
        if text.len() == "2026-01-02".len()
            && let Ok(date) = text.parse::<civil::Date>()
            && let Ok(midnight) = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0))
        {
            return Ok(Moment::At(midnight.as_millisecond()));
        }
        if text.parse::<civil::DateTime>().is_ok() {
            return Err(MomentError::Zone(text.to_owned()));
        }
        if duration::parse(text).is_ok() {
            return Err(MomentError::Future(text.to_owned()));
        }
        Err(shape())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Moment::At(milliseconds) => match Timestamp::from_millisecond(*milliseconds) {
                Ok(time) => write!(formatter, "{time}"),
                Err(_) => write!(formatter, "{milliseconds}"),
            },
            Moment::Ago(length) => write!(formatter, "-{}", duration::human(*length)),
        }
    }
}

/// A place in every partition of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// The first record still there.
    Beginning,
    /// One past the last record.
    End,
    /// What the group committed.
    Stored,
    At(i64),
    /// So many offsets before the end.
    BeforeEnd(i64),
    /// So many offsets after the beginning.
    AfterBeginning(i64),
    /// The first record whose timestamp is not before this.
    Time(Moment),
}

/// Why a text is not a place in a topic.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PositionError {
    #[error(
        "`{0}` is not an offset: write `beginning`, `end`, `stored`, N, `+N`, `-N`, `@TIME` or `@-1h`"
    )]
    Shape(String),
    #[error("`{0}` is not an offset: to choose how output looks, write `--output {0}`")]
    Output(String),
    #[error("`{0}` is a time, not an offset: write `@{0}`")]
    TimeWithoutSign(String),
    #[error(transparent)]
    Time(#[from] MomentError),
    #[error("`{0}` ends with `:` and says no end: leave the `:` out to go on to the end")]
    NoEnd(String),
    #[error("`stored` cannot be where `{0}` ends: a commit is where reading starts")]
    EndsAtStored(String),
    #[error("`{0}` ends before it starts")]
    Backwards(String),
}

impl FromStr for Position {
    type Err = PositionError;

    /// `beginning` (`start`, `earliest`, `oldest`), `end` (`latest`, `newest`), `stored`, N, `+N`, `-N`, `@TIME`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "beginning" | "start" | "earliest" | "oldest" => return Ok(Position::Beginning),
            "end" | "latest" | "newest" => return Ok(Position::End),
            "stored" => return Ok(Position::Stored),
            "json" | "table" | "plain" => return Err(PositionError::Output(text.to_owned())),
            _ => {}
        }
        if let Some(time) = text.strip_prefix('@') {
            return Ok(Position::Time(time.parse()?));
        }
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        let position = if let Some(digits) = text.strip_prefix('-') {
            number(digits).map(Position::BeforeEnd)
        } else if let Some(digits) = text.strip_prefix('+') {
            number(digits).map(Position::AfterBeginning)
        } else {
            number(text).map(Position::At)
        };
        position.ok_or_else(|| match text.parse::<Moment>() {
            // All digits, yet too great for an offset, may still look like a time.
            Ok(_) if !text.bytes().all(|byte| byte.is_ascii_digit()) => {
                PositionError::TimeWithoutSign(text.to_owned())
            }
            _ => PositionError::Shape(text.to_owned()),
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Position::Beginning => formatter.write_str("beginning"),
            Position::End => formatter.write_str("end"),
            Position::Stored => formatter.write_str("stored"),
            Position::At(offset) => write!(formatter, "{offset}"),
            Position::BeforeEnd(count) => write!(formatter, "-{count}"),
            Position::AfterBeginning(count) => write!(formatter, "+{count}"),
            Position::Time(moment) => write!(formatter, "@{moment}"),
        }
    }
}

/// What part of a topic to read: from `start`, up to but not including `end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    pub start: Position,
    /// `None`: go on for ever. [`Position::End`]: up to where the end is when reading begins.
    pub end: Option<Position>,
}

impl FromStr for Range {
    type Err = PositionError;

    /// Any [`Position`], `N:M`, `@T1:T2`, `:M` (from the beginning).
    ///
    /// Times hold colons themselves. A text that is one position as a whole is that; otherwise it is split at the
    /// one colon where both sides can be read.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let whole = match text.parse() {
            Ok(start) => return Ok(Range { start, end: None }),
            Err(error) => error,
        };
        if text.len() > 1 && text.ends_with(':') {
            let start = &text[..text.len() - 1];
            return Err(start
                .parse::<Range>()
                .err()
                .unwrap_or(PositionError::NoEnd(text.to_owned())));
        }
        for (at, _) in text.match_indices(':') {
            let (start, end) = (&text[..at], &text[at + 1..]);
            let start = if start.is_empty() {
                Position::Beginning
            } else if let Ok(start) = start.parse() {
                start
            } else {
                continue;
            };
            match end_after(start, end) {
                Ok(end) => return checked(text, start, end),
                // Only a time can have been cut in two here: a further colon may fit.
                Err(_) if matches!(start, Position::Time(_)) => continue,
                Err(error) => return Err(error),
            }
        }
        Err(whole)
    }
}

/// The end of a range. After a time it is a time too, with or without its `@`.
fn end_after(start: Position, text: &str) -> Result<Position, PositionError> {
    if matches!(start, Position::Time(_))
        && let Ok(moment) = text.parse()
    {
        return Ok(Position::Time(moment));
    }
    text.parse()
}

fn checked(text: &str, start: Position, end: Position) -> Result<Range, PositionError> {
    let backwards = match (start, end) {
        (_, Position::Stored) => return Err(PositionError::EndsAtStored(text.to_owned())),
        (Position::At(start), Position::At(end))
        | (Position::AfterBeginning(start), Position::AfterBeginning(end))
        | (Position::BeforeEnd(end), Position::BeforeEnd(start))
        | (Position::Time(Moment::At(start)), Position::Time(Moment::At(end))) => end < start,
        (Position::Time(Moment::Ago(start)), Position::Time(Moment::Ago(end))) => start < end,
        _ => false,
    };
    if backwards {
        return Err(PositionError::Backwards(text.to_owned()));
    }
    Ok(Range {
        start,
        end: Some(end),
    })
}

impl fmt::Display for Range {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end {
            None => write!(formatter, "{}", self.start),
            Some(end) => write!(formatter, "{}:{end}", self.start),
        }
    }
}

#[cfg(test)]
mod tests;
