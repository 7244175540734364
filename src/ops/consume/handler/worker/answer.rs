//! A line that a worker answered with.

use crate::model::dead_letter::Failure;
use crate::model::duration;
use crate::model::record::OutgoingRecord;
use crate::model::record_json;
use crate::ops::consume::handler::Handled;
use serde::Deserialize;
use serde_json::Number;
use serde_json::value::RawValue;
use std::time::Duration;

/// The exception of an answer that is none.
pub(super) const INVALID: &str = "invalid answer";
/// More of a reason is cut off: it becomes a header of the dead letter.
const LONGEST_REASON: usize = 4 * 1024;
/// What most workers answer most of the time, with and without the space that Python writes.
const COMMON: [&[u8]; 2] = [b"{\"ok\":true}", b"{\"ok\": true}"];

/// The keys of an answer. An unknown one is refused: it is a misspelled one, and what it says would be lost.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line<'a> {
    ok: Option<bool>,
    error: Option<String>,
    #[serde(default)]
    permanent: bool,
    retry_after: Option<RetryAfter>,
    #[serde(borrow, default)]
    produce: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RetryAfter {
    Seconds(Number),
    Text(String),
}

/// What the worker says of the record; `Err` with the reason when the line says nothing.
///
/// A record to produce that is none fails the record, for the answer is one: whose turn it is remains clear.
pub(super) fn read(line: &[u8]) -> Result<Result<Handled, Failure>, String> {
    let line = line.trim_ascii();
    if COMMON.contains(&line) {
        return Ok(Ok(Handled::default()));
    }
    // serde would take the elements of an array for the fields in their order.
    if !line.starts_with(b"{") {
        return Err("not a JSON object".to_owned());
    }
    let answer: Line<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let retry_after = match answer.retry_after {
        Some(wait) => Some(wait.length()?),
        None => None,
    };
    match (answer.ok, answer.error) {
        (Some(true), None) => Ok(produced(&answer.produce)),
        (Some(true), Some(_)) => Err("both `ok` and `error`".to_owned()),
        (None, None) => Err("neither `ok` nor `error`".to_owned()),
        (Some(false), None) => Err("not `ok`, and no `error`".to_owned()),
        (_, Some(_)) if !answer.produce.is_empty() => {
            Err("records to produce beside an `error`".to_owned())
        }
        (_, Some(reason)) => {
            let reason = shortened(reason);
            let failure = match answer.permanent {
                true => Failure::permanent("error", reason),
                false => Failure::transient("error", reason),
            };
            Ok(Err(failure.retry_after(retry_after)))
        }
    }
}

fn produced(records: &[&RawValue]) -> Result<Handled, Failure> {
    let mut produce = Vec::with_capacity(records.len());
    for (index, record) in records.iter().enumerate() {
        let read = record_json::read(record.get().as_bytes());
        let read = read.map_err(|error| error.to_string());
        let named = read.and_then(|record: OutgoingRecord| match record.topic.is_empty() {
            true => Err("it has no `topic`".to_owned()),
            false => Ok(record),
        });
        produce.push(named.map_err(|reason| {
            let text = format!("record {} of `produce`: {reason}", index + 1);
            Failure::transient(INVALID, shortened(text))
        })?);
    }
    Ok(Handled { produce })
}

impl RetryAfter {
    fn length(&self) -> Result<Duration, String> {
        match self {
            RetryAfter::Text(text) => duration::parse(text).map_err(|error| error.to_string()),
            RetryAfter::Seconds(number) => {
                let seconds = number.as_f64().map(Duration::try_from_secs_f64);
                match seconds {
                    Some(Ok(length)) => Ok(length),
                    _ => Err("`retryAfter` is no length of time".to_owned()),
                }
            }
        }
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > LONGEST_REASON {
        text.truncate(text.floor_char_boundary(LONGEST_REASON));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Header;

    fn answer(line: &str) -> Result<Handled, Failure> {
        read(line.as_bytes()).unwrap()
    }

    #[test]
    fn what_was_handled_is() {
        for line in [
            r#"{"ok":true}"#,
            r#"{"ok": true}"#,
            " {\"ok\":true}\r",
            r#"{"ok":true,"produce":[]}"#,
            r#"{ "ok" : true , "error": null }"#,
        ] {
            assert_eq!(answer(line), Ok(Handled::default()), "{line}");
        }
    }

    #[test]
    fn records_to_produce_are_read_as_they_are_printed() {
        let line = r#"{"ok":true,"produce":[
            {"topic":"a","partition":2,"key":"k","value":{"n":1},"headers":[["h","v"]]},
            {"topic":"b","value":null,"offset":7,"attempt":1,"eventId":"e"}]}"#;
        let expected = vec![
            OutgoingRecord {
                topic: "a".to_owned(),
                partition: Some(2),
                key: Some(b"k".to_vec()),
                value: Some(b"{\"n\":1}".to_vec()),
                headers: vec![Header::text("h", "v")],
                timestamp: None,
            },
            OutgoingRecord {
                topic: "b".to_owned(),
                ..OutgoingRecord::default()
            },
        ];
        assert_eq!(answer(line), Ok(Handled { produce: expected }));
    }

    #[test]
    fn a_failure_says_whether_and_when_to_try_again() {
        let transient = |wait| Failure::transient("error", "no").retry_after(wait);
        let cases = [
            (r#"{"error":"no"}"#, transient(None)),
            (
                r#"{"ok":false,"error":"no","permanent":false}"#,
                transient(None),
            ),
            (
                r#"{"error":"no","permanent":true}"#,
                Failure::permanent("error", "no"),
            ),
            (
                r#"{"error":"no","retryAfter":1.5}"#,
                transient(Some(Duration::from_millis(1500))),
            ),
            (
                r#"{"error":"no","retryAfter":"5m"}"#,
                transient(Some(Duration::from_secs(300))),
            ),
        ];
        for (line, failure) in cases {
            assert_eq!(answer(line), Err(failure), "{line}");
        }
        let long = format!(r#"{{"error":"{}"}}"#, "ä".repeat(LONGEST_REASON));
        assert_eq!(answer(&long).unwrap_err().message.len(), LONGEST_REASON);
    }

    #[test]
    fn a_record_to_produce_that_is_none_fails_the_record() {
        for (records, reason) in [
            (
                r#"{"topic":"a","value":1},{"value":1}"#,
                "record 2 of `produce`: it has no `topic`",
            ),
            (
                r#"{"topic":"a"}"#,
                "record 1 of `produce`: the line has no `value`",
            ),
            ("7", "record 1 of `produce`: the line is not a JSON object"),
        ] {
            let failure = answer(&format!(r#"{{"ok":true,"produce":[{records}]}}"#)).unwrap_err();
            assert_eq!(failure.exception, INVALID);
            assert!(failure.message.starts_with(reason), "{failure}");
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for line in [
            "",
            "ok",
            "true",
            "[true]",
            "{",
            "{}",
            r#"{"ok":null}"#,
            r#"{"ok":1}"#,
            r#"{"ok":false}"#,
            r#"{"ok":true,"error":"no"}"#,
            r#"{"ok":true,"prodcue":[]}"#,
            r#"{"ok":true,"ok":true}"#,
            r#"{"ok":true,"produce":{}}"#,
            r#"{"error":"no","produce":[{}]}"#,
            r#"{"error":"no","retryAfter":-1}"#,
            r#"{"error":"no","retryAfter":1e300}"#,
            r#"{"error":"no","retryAfter":"soon"}"#,
            r#"{"ok":true}{"ok":true}"#,
        ] {
            assert!(read(line.as_bytes()).is_err(), "{line}");
        }
        assert!(read(b"{\"error\":\"\xff\"}").is_err());
    }
}
