//! Whole rows, a JSON object a line, under the names of the columns.

use super::AddOutcome;
use crate::consent::Consent;
use crate::error::{Error, Result};
use crate::model::event::Filling;
use crate::model::outbox::NewOutboxEvent;
use crate::store::outbox::Outbox;
use crate::store::outbox::error_of;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::io::BufRead;

/// So many rows, or so many bytes of lines, are one transaction.
const ROWS: usize = 1000;
const BYTES: usize = 8 * 1024 * 1024;

/// A longer line is no row.
const LONGEST: u64 = 256 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row<'a> {
    id: Option<String>,
    aggregatetype: String,
    aggregateid: String,
    #[serde(rename = "type")]
    event_type: String,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

/// Adds the rows that `input` holds, a thousand in a transaction. A line that is wrong ends it: what is in the
/// transactions before it is added.
pub async fn add_rows(
    outbox: &dyn Outbox,
    mut input: Box<dyn BufRead + Send>,
    _consent: Consent,
) -> AddOutcome {
    let mut outcome = AddOutcome::default();
    let mut number = 0;
    loop {
        // The thread waits for the input; nothing else is to be done meanwhile.
        let read = crate::ops::blocking::blocking("reading", move || {
            let rows = chunk(&mut input, number);
            Ok((input, rows))
        });
        let rows = match read.await {
            Ok((back, rows)) => {
                input = back;
                rows
            }
            Err(error) => {
                outcome.error = Some(error);
                return outcome;
            }
        };
        let ended = match rows {
            Ok((rows, _)) if rows.is_empty() => return outcome,
            Ok((rows, last)) => {
                number = last;
                let added = outbox.add(&rows).await.map_err(error_of);
                added.map(|()| outcome.count(&rows))
            }
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            outcome.error = Some(match outcome.added {
                0 => error,
                added => error.adding(&format!("{added} rows before were added")),
            });
            return outcome;
        }
    }
}

/// The next rows, and the number of the last line.
fn chunk(input: &mut dyn BufRead, mut number: u64) -> Result<(Vec<NewOutboxEvent>, u64)> {
    let mut filling = Filling {
        now_ms: jiff::Timestamp::now().as_millisecond(),
        random: fastrand::Rng::new(),
    };
    let (mut rows, mut bytes, mut line) = (Vec::new(), 0, Vec::new());
    while rows.len() < ROWS && bytes < BYTES {
        line.clear();
        let mut limited = std::io::Read::take(&mut *input, LONGEST);
        let length = limited
            .read_until(b'\n', &mut line)
            .map_err(|error| Error::failed("cannot read the input").caused_by(error))?;
        if length == 0 {
            break;
        }
        number += 1;
        if length as u64 == LONGEST && line.last() != Some(&b'\n') {
            let text = format!("line {number} is longer than {LONGEST} bytes");
            return Err(Error::failed(text));
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        bytes += length;
        rows.push(row(&line, &mut filling).map_err(|error| {
            // serde_json repeats the line's text nowhere, and its number is always 1.
            Error::failed(format!("line {number} is not a row of an outbox")).caused_by(error)
        })?);
    }
    Ok((rows, number))
}

/// A payload that is text is that text, null is a tombstone, and any other is the JSON as it stands.
fn row(line: &[u8], filling: &mut Filling) -> std::result::Result<NewOutboxEvent, String> {
    let said = |error: serde_json::Error| {
        let text = error.to_string();
        match text.rfind(" at line ") {
            Some(at) => text[..at].to_owned(),
            None => text,
        }
    };
    // A list of five would be taken for one.
    if line.trim_ascii_start().first() != Some(&b'{') {
        return Err("it is no JSON object".to_owned());
    }
    let row: Row<'_> = serde_json::from_slice(line).map_err(said)?;
    let payload = match row.payload.map(RawValue::get) {
        None => None,
        Some(text) if text.starts_with('"') => {
            let text: String = serde_json::from_str(text).map_err(said)?;
            Some(text.into_bytes())
        }
        Some(json) => Some(json.as_bytes().to_vec()),
    };
    Ok(NewOutboxEvent {
        id: row.id.unwrap_or_else(|| filling.event_id()),
        aggregate_type: row.aggregatetype,
        aggregate_id: row.aggregateid,
        event_type: row.event_type,
        payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> std::result::Result<NewOutboxEvent, String> {
        let mut filling = Filling {
            now_ms: 0,
            random: fastrand::Rng::with_seed(7),
        };
        row(line.as_bytes(), &mut filling)
    }

    #[test]
    fn payloads_are_text_or_json_or_nothing() {
        for (payload, expected) in [
            (
                r#","payload":{"total": 12.50}"#,
                Some(r#"{"total": 12.50}"#),
            ),
            (r#","payload":"<order/>""#, Some("<order/>")),
            (r#","payload":null"#, None),
            ("", None),
        ] {
            let line = format!(
                r#"{{"id":"1","aggregatetype":"order","aggregateid":"o","type":"T"{payload}}}"#
            );
            let row = read(&line).unwrap();
            assert_eq!(
                row.payload.as_deref(),
                expected.map(str::as_bytes),
                "{line}"
            );
        }
        let row = read(r#"{"aggregatetype":"order","aggregateid":"o","type":"T"}"#).unwrap();
        assert_eq!(row.id.len(), 36);
    }

    #[test]
    fn what_is_no_row_is_refused() {
        for (line, expected) in [
            ("[]", "it is no JSON object"),
            (r#"["1","a","b","T",{}]"#, "it is no JSON object"),
            (
                r#"{"aggregatetype":"a","aggregateid":"b"}"#,
                "missing field `type`",
            ),
            (r#"{"topic":"a"}"#, "unknown field `topic`"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
