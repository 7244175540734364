//! Which dead letters are meant: by why they died, where they came from, and what they hold.

use super::park;
use crate::model::dead_letter::DeadLetter;
use crate::model::filter::{Filter, Wanted};
use crate::model::offset::Moment;
use crate::model::record::{Header, Record};

/// What a dead letter must be like. Several of one kind: any of them; of different kinds: all must hold, and so must
/// every one of [`Filter::greps`] and [`Filter::comparisons`].
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Parts of the exception, the message, the root cause or the stack trace.
    pub reasons: Vec<String>,
    /// Topics they came from.
    pub origins: Vec<String>,
    /// Groups that gave up.
    pub groups: Vec<String>,
    pub keys: Vec<String>,
    /// A null value stands for any.
    pub headers: Vec<Header>,
    /// Died at or after this.
    pub since: Option<Moment>,
    /// Died before this.
    pub until: Option<Moment>,
    pub filter: Filter,
}

impl Selection {
    /// The flags that ask for the same.
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut add = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
        let named = [
            ("--reason", &self.reasons),
            ("--origin", &self.origins),
            ("--group", &self.groups),
            ("--key", &self.keys),
            ("--event", &self.filter.events),
        ];
        for (flag, values) in named {
            values.iter().for_each(|value| add(flag, value.clone()));
        }
        for header in &self.headers {
            let value = header.value.as_deref().map(String::from_utf8_lossy);
            let value = value.map_or_else(String::new, |value| format!("={value}"));
            add("--header", format!("{}{value}", header.name));
        }
        for (flag, moment) in [("--since", &self.since), ("--until", &self.until)] {
            if let Some(moment) = moment {
                add(flag, moment.to_string());
            }
        }
        for grep in &self.filter.greps {
            add("--grep", grep.to_string());
        }
        for comparison in &self.filter.comparisons {
            add("--where", comparison.to_string());
        }
        words
    }

    /// The same with its times fixed, so that a plan and what is done by it choose alike.
    pub fn at(&self, now_ms: i64) -> Chooser {
        let fixed = |moment: &Option<Moment>| moment.map(|moment| moment.resolve(now_ms));
        Chooser {
            since: fixed(&self.since),
            until: fixed(&self.until),
            chooses_all: self.words().is_empty(),
            selection: self.clone(),
        }
    }
}

/// A [`Selection`] at a moment.
#[derive(Clone, Debug, Default)]
pub struct Chooser {
    selection: Selection,
    since: Option<i64>,
    until: Option<i64>,
    chooses_all: bool,
}

impl Chooser {
    /// Whether this dead letter is meant, with what it tells of itself, and the origin that only a name tells.
    pub fn wants(
        &self,
        record: &Record,
        letter: Option<&DeadLetter>,
        by_name: Option<&str>,
    ) -> bool {
        self.chooses_all || (self.is_told(letter, by_name) && self.holds(record, letter))
    }

    /// What the letter tells.
    fn is_told(&self, letter: Option<&DeadLetter>, by_name: Option<&str>) -> bool {
        let wanted = &self.selection;
        let is_one = |wanted: &[String], found: Option<&str>| {
            wanted.is_empty() || found.is_some_and(|found| wanted.iter().any(|one| one == found))
        };
        let origin = letter.and_then(|letter| letter.origin.topic.as_deref());
        let group = letter.and_then(|letter| letter.group.as_deref());
        let texts = letter.map(|letter| {
            [
                letter.exception.as_deref(),
                letter.message.as_deref(),
                letter.cause.as_deref(),
                letter.stack_trace.as_deref(),
            ]
        });
        let texts = || texts.into_iter().flatten().flatten();
        let is_reason = |part: &String| texts().any(|text| text.contains(part.as_str()));
        is_one(&wanted.origins, origin.or(by_name))
            && is_one(&wanted.groups, group)
            && (wanted.reasons.is_empty() || wanted.reasons.iter().any(is_reason))
    }

    /// What the record holds.
    fn holds(&self, record: &Record, letter: Option<&DeadLetter>) -> bool {
        let wanted = &self.selection;
        let is_key = |key: &String| record.key.as_deref() == Some(key.as_bytes());
        let has = |header: &Header| {
            record.headers.iter().any(|found| {
                found.name == header.name && (header.value.is_none() || found.value == header.value)
            })
        };
        (wanted.keys.is_empty() || wanted.keys.iter().any(is_key))
            && (wanted.headers.is_empty() || wanted.headers.iter().any(has))
            && self.is_in_time(record, letter)
            && (wanted.filter.is_empty() || wanted.filter.wants(&record.into()) == Wanted::Yes)
    }

    fn is_in_time(&self, record: &Record, letter: Option<&DeadLetter>) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        let died = died_at(record, letter);
        died.is_some_and(|died| {
            self.since.is_none_or(|since| died >= since)
                && self.until.is_none_or(|until| died < until)
        })
    }
}

/// When it died, in milliseconds since 1970: as it says itself, else when it was written.
pub fn died_at(record: &Record, letter: Option<&DeadLetter>) -> Option<i64> {
    let said = letter.and_then(|letter| letter.failed_at);
    said.or_else(|| park::timestamp(record))
}

#[cfg(test)]
mod tests;
