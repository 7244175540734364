use super::*;
use crate::model::record::{Header, OutgoingRecord, Record, TimestampType};
use crate::model::tests::cases;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn record(key: Option<&[u8]>, value: Option<&[u8]>) -> Record {
    Record {
        topic: "order-created".to_owned(),
        partition: 1,
        offset: 42,
        timestamp: Some((1_764_000_000_000, TimestampType::Create)),
        key: key.map(<[u8]>::to_vec),
        value: value.map(<[u8]>::to_vec),
        headers: Vec::new(),
    }
}

fn line(record: &Record) -> String {
    let mut out = Vec::new();
    write(record.into(), None, &mut out);
    String::from_utf8(out).unwrap()
}

/// What stands behind `"value":`.
fn value(bytes: &[u8]) -> String {
    let line = line(&record(None, Some(bytes)));
    let (_, rest) = line.split_once("\"value\":").unwrap();
    rest.strip_suffix(",\"headers\":[]}").unwrap().to_owned()
}

#[test]
fn the_line_is_as_documented() {
    let mut record = record(Some(b"order-7"), Some(br#"{"total": 12.50}"#));
    record.headers = vec![
        Header::text("trace", "00-1"),
        Header {
            name: "flag".to_owned(),
            value: None,
        },
        Header::new("trace", vec![0xff]),
    ];
    assert_eq!(
        line(&record),
        r#"{"topic":"order-created","partition":1,"offset":42,"timestamp":1764000000000,"timestampType":"create","key":"order-7","value":{"total": 12.50},"headers":[["trace","00-1"],["flag",null],["trace",{"base64":"/w=="}]]}"#
    );
    record.timestamp = None;
    assert!(line(&record).contains(r#""timestamp":null,"timestampType":null,"#));
}

#[test]
fn a_program_that_is_asked_may_hand_the_line_on() {
    let record = record(Some(b"order-7"), Some(b"{}"));
    let mut asked = Vec::new();
    write_attempt((&record).into(), 2, "e\"1", &mut asked);
    let plain = line(&record);
    let expected =
        plain.strip_suffix('}').unwrap().to_owned() + r#","attempt":2,"eventId":"e\"1"}"#;
    assert_eq!(String::from_utf8(asked.clone()).unwrap(), expected);
    assert_eq!(read(&asked), Ok(OutgoingRecord::from(record)));
}

#[test]
fn json_is_nested_only_when_it_comes_back() {
    let nested = [
        "{}",
        "[]",
        "1",
        "-1.0",
        "1e5",
        "1E-99",
        "true",
        "false",
        r#"{"a":1,"a":2}"#,
        r#"[1.0, 1,1.00]"#,
        "123456789012345678901234567890",
        r#"["\u0041\/\n\ud83d\ude00"]"#,
        r#"{"base64":1}"#,
        r#"{"base64":"a","b":1}"#,
        r#"[{"base64":"YQ=="}]"#,
        "[\"\u{2028}é\"]",
        r#"["\\ud800"]"#,
    ];
    for json in nested {
        assert_eq!(value(json.as_bytes()), json);
    }
    let strings = [
        "",
        " ",
        "null",
        r#""text""#,
        " {}",
        "{} ",
        "{\n}",
        "{\t}",
        "01",
        "{",
        "nan",
        "tru",
        r#"{"base64":"YQ=="}"#,
        r#"{"base64":"not base64!"}"#,
        r#"{ "bas\u00654" : "YQ==" }"#,
        r#"{"b\u0061se64":"YQ=="}"#,
        "[\"\u{7f}\"]",
        "[\"\u{9b}31m\"]",
        "[\"\u{202e}\"]",
        r#"["\ud800"]"#,
        r#"["\ud83dx"]"#,
        r#"["\ude00"]"#,
        "1e100",
        "[1e999]",
        "{}{}",
    ];
    for text in strings {
        let written = value(text.as_bytes());
        // `{ "bas\u00654"…` is another key than base64, and nests.
        if text.contains("00654") {
            assert_eq!(written, text);
            continue;
        }
        assert_eq!(
            serde_json::from_str::<String>(&written).unwrap(),
            text,
            "{written}"
        );
    }
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(value(deep(100).as_bytes()).starts_with('['));
    assert!(value(deep(101).as_bytes()).starts_with('"'));
    assert!(value("1".repeat(301).as_bytes()).starts_with('"'));
    assert_eq!(value(b"\xff"), r#"{"base64":"/w=="}"#);
}

#[test]
fn deep_json_comes_back_however_it_is_written() {
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    let record = record(None, Some(deep.as_bytes()));
    assert_eq!(read(line(&record).as_bytes()).unwrap().value, record.value);
    let by_hand = format!("{{\"topic\":\"t\",\"value\":{deep}}}");
    assert_eq!(read(by_hand.as_bytes()).unwrap().value, record.value);
}

#[test]
fn what_a_terminal_could_obey_is_escaped() {
    let text = "\u{1b}[31m\u{7f}\u{9b}2J\u{202e}\u{2066}\r\n";
    let written = line(&record(Some(text.as_bytes()), Some(text.as_bytes())));
    assert!(
        written.contains(r#""key":"\u001b[31m\u007f\u009b2J\u202e\u2066\r\n","#),
        "{written}"
    );
}

#[test]
fn a_dead_letter_is_told_and_passed_over() {
    use crate::model::dead_letter::{Failure, detect, eda};
    let alive = record(Some(b"order-7"), Some(b"{}"));
    let failure = Failure::permanent("exit 65", "card declined");
    let buried = eda::bury(
        &alive,
        &failure,
        "payment-service",
        4,
        "order-created.dlq",
        Some(1),
        1_764_000_003_000,
    );
    let dead = Record {
        topic: buried.topic,
        headers: buried.headers,
        ..alive
    };
    let letter = detect(&dead).unwrap();
    let mut out = Vec::new();
    write((&dead).into(), Some(&letter), &mut out);
    let text = std::str::from_utf8(&out).unwrap();
    let story = r#","deadLetter":{"convention":"eda","origin":{"topic":"order-created","partition":1,"offset":42,"timestamp":1764000000000},"originDoubt":null,"group":"payment-service","exception":"exit 65","message":"card declined","cause":null,"stackTrace":null,"attempts":4,"failedAt":1764000003000,"kind":"permanent","stage":"handle","replays":0,"payload":"record"}}"#;
    assert!(text.ends_with(story), "{text}");
    assert_eq!(read(&out), Ok(OutgoingRecord::from(dead)));
}

#[test]
fn what_a_dead_letter_of_anothers_says_is_harmless_and_what_it_does_not_say_is_null() {
    use crate::model::dead_letter::detect;
    let mut dead = record(None, None);
    dead.headers = vec![
        Header::text("__streams.errors.topic", "app-orders-repartition"),
        Header::text("__streams.errors.message", "\u{1b}[2J"),
        Header::text("__streams.errors.stacktrace", "a.B: c\n\tat d\u{9b}"),
    ];
    let mut out = Vec::new();
    write((&dead).into(), detect(&dead).as_ref(), &mut out);
    let text = std::str::from_utf8(&out).unwrap();
    let story = r#","deadLetter":{"convention":"kafka-streams","origin":{"topic":null,"partition":null,"offset":null,"timestamp":1764000000000},"originDoubt":"`app-orders-repartition` is an internal topic of Kafka Streams, where the record was before is not known","group":null,"exception":"a.B","message":"\u001b[2J","cause":"c","stackTrace":"a.B: c\n\tat d\u009b","attempts":null,"failedAt":null,"kind":null,"stage":null,"replays":0,"payload":"record"}}"#;
    assert!(text.ends_with(story), "{text}");
    assert_eq!(read(&out), Ok(OutgoingRecord::from(dead)));
}

#[test]
fn a_line_by_hand_may_leave_most_out() {
    let read = read(br#" {"value":{"a":1},"key":7,"headers":[["a",{"base64":"YQ"}],["b",true]]} "#)
        .unwrap();
    let headers = vec![Header::text("a", "a"), Header::text("b", "true")];
    let expected = OutgoingRecord {
        key: Some(b"7".to_vec()),
        value: Some(br#"{"a":1}"#.to_vec()),
        headers,
        ..OutgoingRecord::default()
    };
    assert_eq!(read, expected);
    assert_eq!(
        super::read(b"{\"value\":null}"),
        Ok(OutgoingRecord::default())
    );
    assert_eq!(super::read(b"{\"key\":7}"), Err(RecordJsonError::NoValue));
}

#[test]
fn errors_say_where() {
    let cases: [(&[u8], &str); 10] = [
        (
            b"",
            "the line is not a JSON object such as `{\"topic\":\"order-created\",\"value\":…}`",
        ),
        (
            b"[\"t\"]",
            "the line is not a JSON object such as `{\"topic\":\"order-created\",\"value\":…}`",
        ),
        (
            b"{\"topic\":\xff}",
            "the line is not UTF-8 from column 10 on",
        ),
        (
            b"{\"topic\":\"t\"",
            "column 12: EOF while parsing an object",
        ),
        (b"{\"value\":01}", "column 11: invalid number"),
        (
            b"{\"partition\":\"1\"}",
            "column 16: invalid type: string \"1\", expected i32",
        ),
        (b"{\"key\":1,\"key\":2}", "column 14: duplicate field `key`"),
        (
            b"{\"value\":\"\\ud800\"}",
            "column 17: unexpected end of hex escape",
        ),
        (b"{\"value\":{\"base64\":\"!\"}}", "column 10: not base64"),
        (
            b"{\"headers\":[[\"a\"]]}",
            "column 17: invalid length 1, expected a tuple of size 2",
        ),
    ];
    for (line, expected) in cases {
        let error = read(line).unwrap_err();
        assert_eq!(
            error.to_string(),
            expected,
            "{}",
            String::from_utf8_lossy(line)
        );
    }
    let unknown = read(br#"{"vlaue":1}"#).unwrap_err();
    assert!(
        unknown
            .to_string()
            .starts_with("column 8: unknown field `vlaue`, expected one of `topic`")
    );
    assert_eq!(unknown.column(), Some(8));
}

/// Bytes of every sort that could be taken for another.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let text = |pattern: &'static str| pattern.prop_map(String::into_bytes);
    prop_oneof![
        vec(any::<u8>(), 0..40),
        text(".*"),
        json().prop_map(String::into_bytes),
        (text("[ \n\t]?"), json(), text("[ \n]?")).prop_map(|(a, json, b)| [
            a,
            json.into_bytes(),
            b
        ]
        .concat()),
        text("[\\[\\]{}\",:0-9eE.+\\-a-fu\\\\ \u{7f}\u{85}\u{202e}\u{2066}\u{2028}]{0,30}"),
        text("\\{ ?\"base64\" ?: ?\"[A-Za-z0-9+/=!]{0,12}\" ?(,\"a\":1)?\\}"),
        text("(null|true|\"null\"|\"[a-z]*\"|-?0?[0-9]{1,40}(\\.[0-9]+)?(e[0-9]{1,3})?)"),
    ]
}

/// Documents as other programs write them: spaces, repeated keys, escapes, numbers of every length.
fn json() -> impl Strategy<Value = String> {
    let string = "\"([a-z é\u{202e}\u{7f}]|\\\\n|\\\\\"|\\\\u0041|\\\\ud83d\\\\ude00|\\\\ud800|base64){0,4}\"";
    let leaf = prop_oneof![
        string,
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?",
        "true|false|null",
    ];
    let key = prop_oneof![
        Just("\"base64\"".to_owned()),
        "\"[a-c]\"",
        string.prop_map(|text| text)
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let member = (key.clone(), "[: ]?", inner.clone()).prop_map(|(key, space, value)| {
            match space.as_str() {
                " " => format!("{key} : {value}"),
                _ => format!("{key}:{value}"),
            }
        });
        prop_oneof![
            vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

fn any_record() -> impl Strategy<Value = Record> {
    let timestamp = (any::<i64>(), any::<bool>()).prop_map(|(milliseconds, create)| {
        (
            milliseconds,
            if create {
                TimestampType::Create
            } else {
                TimestampType::LogAppend
            },
        )
    });
    let header = ("[a-b]|.*", option::of(bytes())).prop_map(|(name, value)| Header { name, value });
    (
        ".*",
        any::<i32>(),
        any::<i64>(),
        option::of(timestamp),
        option::of(bytes()),
        option::of(bytes()),
        vec(header, 0..4),
    )
        .prop_map(
            |(topic, partition, offset, timestamp, key, value, headers)| Record {
                topic,
                partition,
                offset,
                timestamp,
                key,
                value,
                headers,
            },
        )
}

proptest! {
    #![proptest_config(cases(10_000))]

    #[test]
    fn every_record_comes_back_byte_for_byte(record in any_record()) {
        let mut out = Vec::new();
        write((&record).into(), None, &mut out);
        prop_assert_eq!(read(&out), Ok(OutgoingRecord::from(record)));
        let text = String::from_utf8(out).unwrap();
        prop_assert!(!text.chars().any(|c| c.is_control() || is_hostile(c)), "{}", text);
        // And a reader of the strict kind can read the line.
        let parsed = serde_json::from_str::<serde_json::Value>(&text);
        prop_assert!(parsed.is_ok(), "{:?} {}", parsed, text);
    }

    #[test]
    fn no_line_panics(line in vec(any::<u8>(), 0..60), text in "\\{\"(key|value|headers)\":.*\\}") {
        let _ = read(&line);
        let _ = read(text.as_bytes());
    }
}
