//! Which dead letters are meant: by why they died, where they came from, and what they hold.

use crate::model::dead_letter::DeadLetter;
use crate::model::filter::{Filter, Wanted};
use crate::model::offset::Moment;
use crate::model::record::{Header, Record};

/// What a dead letter must be like. Several of one kind: any of them; of different kinds: all must hold, and so must
/// every one of [`Filter::greps`] and [`Filter::comparisons`].
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Parts of the exception or the message.
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
    /// Whether this dead letter, with what it tells of itself, is meant.
    pub fn wants(&self, record: &Record, letter: Option<&DeadLetter>) -> bool {
        self.chooses_all || (self.is_told(letter) && self.holds(record, letter))
    }

    /// What the letter tells.
    fn is_told(&self, letter: Option<&DeadLetter>) -> bool {
        let wanted = &self.selection;
        let is_one = |wanted: &[String], found: Option<&String>| {
            wanted.is_empty() || found.is_some_and(|found| wanted.contains(found))
        };
        let origin = letter.and_then(|letter| letter.origin.topic.as_ref());
        let group = letter.and_then(|letter| letter.group.as_ref());
        let texts = letter.map(|letter| [letter.exception.as_deref(), letter.message.as_deref()]);
        let texts = || texts.into_iter().flatten().flatten();
        let is_reason = |part: &String| texts().any(|text| text.contains(part.as_str()));
        is_one(&wanted.origins, origin)
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
    said.or(record.timestamp.map(|(milliseconds, _)| milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dead_letter::{Failure, detect, eda};
    use crate::model::record::TimestampType;

    fn letter() -> Record {
        let record = Record {
            topic: "order-created".to_owned(),
            partition: 0,
            offset: 7,
            timestamp: None,
            key: Some(b"order-7".to_vec()),
            value: Some(br#"{"eventType":"OrderCreated","total":120}"#.to_vec()),
            headers: vec![Header::text("trace", "00-1")],
        };
        let failure = Failure::permanent("CardDeclined", "the bank said no");
        let buried = eda::bury(
            &record,
            &failure,
            "payment",
            4,
            "order-created.dlq",
            None,
            5000,
        );
        Record {
            topic: buried.topic,
            headers: buried.headers,
            timestamp: Some((9000, TimestampType::Create)),
            ..record
        }
    }

    #[test]
    fn each_kind_chooses_by_any_of_its_words_and_all_kinds_must_hold() {
        let letter = letter();
        let story = detect(&letter);
        let texts = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let none = Selection::default;
        let cases: [(&str, Selection, bool); 20] = [
            ("all", none(), true),
            (
                "message",
                Selection {
                    reasons: texts(&["bank"]),
                    ..none()
                },
                true,
            ),
            (
                "exception",
                Selection {
                    reasons: texts(&["x", "Declined"]),
                    ..none()
                },
                true,
            ),
            (
                "no reason",
                Selection {
                    reasons: texts(&["timeout"]),
                    ..none()
                },
                false,
            ),
            (
                "origin",
                Selection {
                    origins: texts(&["a", "order-created"]),
                    ..none()
                },
                true,
            ),
            (
                "other origin",
                Selection {
                    origins: texts(&["order"]),
                    ..none()
                },
                false,
            ),
            (
                "group",
                Selection {
                    groups: texts(&["payment"]),
                    ..none()
                },
                true,
            ),
            (
                "other group",
                Selection {
                    groups: texts(&["pay"]),
                    ..none()
                },
                false,
            ),
            (
                "key",
                Selection {
                    keys: texts(&["order-7"]),
                    ..none()
                },
                true,
            ),
            (
                "other key",
                Selection {
                    keys: texts(&["order-70"]),
                    ..none()
                },
                false,
            ),
            (
                "header",
                Selection {
                    headers: vec![Header::text("trace", "00-1")],
                    ..none()
                },
                true,
            ),
            (
                "other header",
                Selection {
                    headers: vec![Header::text("trace", "1")],
                    ..none()
                },
                false,
            ),
            (
                "any value",
                Selection {
                    headers: vec![Header {
                        name: "trace".into(),
                        value: None,
                    }],
                    ..none()
                },
                true,
            ),
            // When it failed, not when it was written.
            (
                "since",
                Selection {
                    since: Some(Moment::At(5000)),
                    ..none()
                },
                true,
            ),
            (
                "later",
                Selection {
                    since: Some(Moment::At(5001)),
                    ..none()
                },
                false,
            ),
            (
                "until",
                Selection {
                    until: Some(Moment::At(5000)),
                    ..none()
                },
                false,
            ),
            (
                "ago",
                Selection {
                    since: Some(Moment::Ago(std::time::Duration::from_secs(5))),
                    ..none()
                },
                true,
            ),
            (
                "event",
                Selection {
                    filter: Filter {
                        events: texts(&["OrderCreated"]),
                        ..Filter::default()
                    },
                    ..none()
                },
                true,
            ),
            (
                "where",
                Selection {
                    filter: Filter {
                        comparisons: vec!["total>200".parse().unwrap()],
                        ..Filter::default()
                    },
                    ..none()
                },
                false,
            ),
            (
                "one of two kinds",
                Selection {
                    reasons: texts(&["bank"]),
                    keys: texts(&["k"]),
                    ..none()
                },
                false,
            ),
        ];
        for (name, selection, expected) in cases {
            let chooser = selection.at(10_000);
            assert_eq!(chooser.wants(&letter, story.as_ref()), expected, "{name}");
        }
    }

    #[test]
    fn what_tells_nothing_is_chosen_by_what_it_holds_alone() {
        let plain = Record {
            headers: Vec::new(),
            ..letter()
        };
        let by_key = Selection {
            keys: vec!["order-7".into()],
            ..Selection::default()
        };
        assert!(by_key.at(0).wants(&plain, None));
        let by_reason = Selection {
            reasons: vec![String::new()],
            ..Selection::default()
        };
        assert!(!by_reason.at(0).wants(&plain, None));
        assert_eq!(died_at(&plain, None), Some(9000));
    }

    #[test]
    fn the_flags_ask_for_the_same() {
        let selection = Selection {
            reasons: vec!["timeout".into()],
            headers: vec![
                Header::text("a", "b"),
                Header {
                    name: "c".into(),
                    value: None,
                },
            ],
            since: Some(Moment::At(0)),
            filter: Filter {
                greps: vec!["key:^order".parse().unwrap()],
                comparisons: vec!["total>1".parse().unwrap()],
                events: Vec::new(),
            },
            ..Selection::default()
        };
        let expected = "--reason timeout --header a=b --header c --since 1970-01-01T00:00:00Z --grep key:^order \
                        --where total>1";
        assert_eq!(selection.words().join(" "), expected);
    }
}
