//! A histogram of why letters died: reason × origin × group × convention.

use super::alike::alike;
use super::hours;
use super::resolve::{Resolved, Route};
use crate::report::{Cell, Table, Tone};
use serde::Serialize;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};

/// Distinct reasons kept apart while reading: messages may hold ids, and memory must not follow them.
const DISTINCT: usize = 1000;

/// Characters of a name that are kept (a topic's is no longer), and of a message.
const LONGEST: usize = 249;
const MESSAGE: usize = 100;

/// What the rest is called.
const OTHERS: &str = "(other reasons)";

/// How many reasons are shown; JSON has them all.
const SHOWN: usize = 20;

/// How many letters died of the same.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reason {
    pub(super) count: u64,
    pub(super) kind: Option<String>,
    pub(super) exception: Option<String>,
    /// Without ids: see [`alike`].
    pub(super) message: Option<String>,
    /// null: the record does not say.
    pub(super) origin: Option<String>,
    /// The origin, where only the dead-letter topic's name tells it; else null.
    pub(super) by_name: Option<String>,
    pub(super) group: Option<String>,
    /// Who wrote the letters; null: nobody we know.
    pub(super) convention: Option<String>,
    pub(super) replayable: bool,
}

/// What letters are told apart by, where they tell it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Key<'a> {
    kind: Option<&'a str>,
    exception: Option<&'a str>,
    message: Option<&'a str>,
    origin: Option<&'a str>,
    by_name: Option<&'a str>,
    group: Option<&'a str>,
    convention: Option<&'a str>,
    replayable: bool,
}

impl Reason {
    fn key(&self) -> Key<'_> {
        Key {
            kind: self.kind.as_deref(),
            exception: self.exception.as_deref(),
            message: self.message.as_deref(),
            origin: self.origin.as_deref(),
            by_name: self.by_name.as_deref(),
            group: self.group.as_deref(),
            convention: self.convention.as_deref(),
            replayable: self.replayable,
        }
    }

    fn new(key: Key<'_>) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Reason {
            count: 0,
            kind: owned(key.kind),
            exception: owned(key.exception),
            message: owned(key.message),
            origin: owned(key.origin),
            by_name: owned(key.by_name),
            group: owned(key.group),
            convention: owned(key.convention),
            replayable: key.replayable,
        }
    }
}

/// Counts without an allocation for a reason that is known.
#[derive(Default)]
pub(super) struct Histogram {
    reasons: Vec<Reason>,
    /// Where those with this hash are.
    by_hash: HashMap<u64, Vec<usize>>,
    hasher: RandomState,
    /// Of the last letter: the next one mostly died of the same.
    last: usize,
    /// Room for a message without its ids.
    room: String,
}

impl Histogram {
    pub(super) fn add(&mut self, resolved: &Resolved) {
        let letter = resolved.letter.as_ref();
        let exists = !matches!(resolved.route, Route::Stays(_));
        let mut room = std::mem::take(&mut self.room);
        self.count(match letter {
            None => Key {
                by_name: resolved.by_name.as_deref(),
                replayable: exists,
                ..Key::default()
            },
            Some(letter) => Key {
                kind: letter.kind.map(|kind| kind.name()),
                exception: text(&letter.exception, LONGEST),
                message: text(&letter.message, MESSAGE).map(|text| alike(text, &mut room)),
                // No topic has a longer name: it is none.
                origin: letter
                    .origin
                    .topic
                    .as_deref()
                    .filter(|topic| topic.len() <= LONGEST),
                by_name: resolved.by_name.as_deref(),
                group: text(&letter.group, LONGEST),
                convention: Some(letter.convention),
                replayable: exists,
            },
        });
        self.room = room;
    }

    fn count(&mut self, key: Key<'_>) {
        let at = match self.reasons.get(self.last) {
            Some(last) if last.key() == key => self.last,
            _ => self.find(key),
        };
        self.reasons[at].count += 1;
        self.last = at;
    }

    fn find(&mut self, key: Key<'_>) -> usize {
        if let Some(at) = self.known(key) {
            return at;
        }
        if self.reasons.len() < DISTINCT {
            return self.insert(key);
        }
        // Only what there can be few of: the topics that exist, the kinds, the conventions.
        let rest = Key {
            message: Some(OTHERS),
            exception: None,
            group: None,
            origin: key.origin.filter(|_| key.replayable),
            ..key
        };
        match self.known(rest) {
            Some(at) => at,
            None => self.insert(rest),
        }
    }

    fn known(&self, key: Key<'_>) -> Option<usize> {
        let same = self.by_hash.get(&self.hash(key))?;
        same.iter()
            .copied()
            .find(|at| self.reasons[*at].key() == key)
    }

    fn insert(&mut self, key: Key<'_>) -> usize {
        let at = self.reasons.len();
        self.reasons.push(Reason::new(key));
        self.by_hash.entry(self.hash(key)).or_default().push(at);
        at
    }

    fn hash(&self, key: Key<'_>) -> u64 {
        self.hasher.hash_one(key)
    }

    /// The commonest first, the others in order.
    pub(super) fn into_reasons(self) -> Vec<Reason> {
        let mut reasons = self.reasons;
        let order = |one: &Reason, other: &Reason| {
            let names = |reason: &Reason| {
                let key = reason.key();
                let names = [
                    key.origin,
                    key.by_name,
                    key.group,
                    key.kind,
                    key.exception,
                    key.message,
                    key.convention,
                ];
                names.map(|name| name.map(str::to_owned))
            };
            other
                .count
                .cmp(&one.count)
                .then_with(|| names(one).cmp(&names(other)))
        };
        reasons.sort_by(order);
        reasons
    }
}

/// The histogram as a table, the commonest first; `empty` is the sentence said when there is nothing in it.
pub(super) fn table(reasons: &[Reason], empty: String) -> Table {
    let headers = [
        "COUNT",
        "ORIGIN",
        "GROUP",
        "CONVENTION",
        "KIND",
        "EXCEPTION",
        "MESSAGE",
    ];
    let mut table = Table::new(&headers, empty);
    for reason in reasons.iter().take(SHOWN) {
        table.row([
            reason.count.into(),
            origin(reason),
            reason.group.clone().into(),
            reason.convention.clone().into(),
            reason.kind.clone().into(),
            reason.exception.clone().into(),
            reason.message.clone().into(),
        ]);
    }
    if reasons.len() > SHOWN {
        let text = format!("and {} more reasons", reasons.len() - SHOWN);
        table.note(text, Tone::Plain);
    }
    table
}

/// Below it: when the first and the last of them died, in milliseconds since 1970-01-01 UTC, and of how many the origin is
/// known by the name of their topic alone.
pub(super) fn notes(table: &mut Table, died: Option<(i64, i64)>, by_name: u64) {
    if let Some((oldest, newest)) = died {
        let (oldest, newest) = (hours::time(oldest), hours::time(newest));
        table.note(format!("they died from {oldest} to {newest}"), Tone::Plain);
    }
    if by_name > 0 {
        let text = format!(
            "the origin of {by_name} is by the name of the topic only, their headers do not say it"
        );
        table.note(text, Tone::Warn);
    }
}

fn origin(reason: &Reason) -> Cell {
    let (name, tone) = match (&reason.origin, &reason.by_name) {
        (Some(origin), _) => (origin.clone(), Tone::Plain),
        (None, Some(origin)) => (format!("{origin} (by name)"), Tone::Warn),
        (None, None) => return Cell::from("unknown").tone(Tone::Bad),
    };
    match reason.replayable {
        true => Cell::from(name).tone(tone),
        false => Cell::from(format!("{name} (stays)")).tone(Tone::Bad),
    }
}

/// What Python begins with; the error itself comes last there.
const TRACEBACK: &str = "Traceback (most recent call last)";

/// The line of what is told that says most, no longer than so many characters: the first.
fn text(told: &Option<String>, length: usize) -> Option<&str> {
    told.as_deref().map(|told| first_line(told, length))
}

fn first_line(text: &str, length: usize) -> &str {
    let line = match text.starts_with(TRACEBACK) {
        true => text.trim_end().lines().next_back(),
        false => text.lines().next(),
    };
    let line = line.unwrap_or_default();
    match line.char_indices().nth(length) {
        Some((end, _)) => &line[..end],
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_does_not_follow_the_reasons() {
        let mut histogram = Histogram::default();
        for id in 0..3 * DISTINCT {
            let (text, gone) = (id.to_string(), format!("gone-{id}"));
            let replayable = id % 2 == 0;
            histogram.count(Key {
                origin: Some(if replayable { "orders" } else { &gone }),
                group: Some(&text),
                exception: Some(&text),
                message: Some(&text),
                replayable,
                ..Key::default()
            });
        }
        let reasons = histogram.into_reasons();
        assert_eq!(reasons.len(), DISTINCT + 2);
        let total: u64 = reasons.iter().map(|reason| reason.count).sum();
        assert_eq!(total, 3 * DISTINCT as u64);
        let others = |origin| {
            let is_rest = |reason: &&Reason| {
                reason.message.as_deref() == Some(OTHERS) && reason.origin.as_deref() == origin
            };
            reasons.iter().find(is_rest).map(|reason| reason.count)
        };
        assert_eq!(others(Some("orders")), Some(DISTINCT as u64));
        assert_eq!(others(None), Some(DISTINCT as u64));
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        assert_eq!(first_line("one\ntwo", 100), "one");
        assert_eq!(first_line("größer", 3), "grö");
        assert_eq!(first_line("", 3), "");
        let python =
            "Traceback (most recent call last):\n  File \"a\", line 1\nKeyError: 'total'\n";
        assert_eq!(first_line(python, 100), "KeyError: 'total'");
    }
}
