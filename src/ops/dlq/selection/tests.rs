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
        assert_eq!(
            chooser.wants(&letter, story.as_ref(), None),
            expected,
            "{name}"
        );
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
    assert!(by_key.at(0).wants(&plain, None, None));
    let by_reason = Selection {
        reasons: vec![String::new()],
        ..Selection::default()
    };
    assert!(!by_reason.at(0).wants(&plain, None, None));
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
