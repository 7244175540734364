//! A line that is an event of the catalog: completed, checked, and sent as it came where it can be.

use super::Destination;
use crate::error::{Error, Result};
use crate::model::event::{Assignment, Document, EventType, Filling};
use serde_json::{Map, Value};

/// The key of a line that is right as it is, which most are. `None`: look closer, and say what is wrong.
pub(super) fn accepted(destination: &Destination, line: &[u8]) -> Option<Option<Vec<u8>>> {
    let document = Document::read(line)?;
    let event = destination.choose(document.text("eventType")).ok()??;
    event.accepts(&document).then(|| event.key_of(&document))
}

/// The line as a JSON object. `number` is the line's, from 1.
pub(super) fn object(number: u64, line: &[u8]) -> Result<Map<String, Value>> {
    match serde_json::from_slice(line) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Error::failed(format!("line {number} is not a JSON object"))),
        Err(error) => Err(malformed(number, line, &error)),
    }
}

/// The line is no JSON; where it is not even text, the byte is named (from 1, as columns are).
pub(super) fn malformed(number: u64, line: &[u8], error: &serde_json::Error) -> Error {
    if let Err(invalid) = std::str::from_utf8(line) {
        let byte = invalid.valid_up_to() + 1;
        return Error::failed(format!("line {number}, byte {byte} is not UTF-8"));
    }
    let text = format!("line {number}, column {} is not valid JSON", error.column());
    Error::failed(text).caused_by(reason(error))
}

/// A line that was completed and is a valid event.
pub(super) struct Completed {
    /// What its record holds.
    pub(super) value: Vec<u8>,
    pub(super) key: Option<Vec<u8>>,
    /// The same event as `value`.
    pub(super) event: Map<String, Value>,
}

/// The event, its bytes, and its record's key. Only fields that somebody overlays make it be written anew: what is
/// filled in is put before the line's own fields, whose numbers, spacing and order stay the user's.
pub(super) fn complete(
    event: &EventType,
    number: u64,
    line: Vec<u8>,
    mut map: Map<String, Value>,
    overlay: &[Assignment],
    filling: &mut Filling,
) -> Result<Completed> {
    let at = |error| {
        Error::failed(format!("line {number} is not a valid {}", event.name)).caused_by(error)
    };
    let missing = event.missing(&map, filling);
    let was_empty = map.is_empty();
    for (name, value) in &missing {
        map.insert(name.clone(), value.clone());
    }
    event.assign(&mut map, overlay).map_err(at)?;
    let key = event.key(&map);
    let document = Value::Object(map);
    event.validate(&document).map_err(at)?;
    let value = match (overlay, missing.as_slice()) {
        ([], []) => line,
        ([], missing) => spliced(missing, &line, was_empty),
        _ => serde_json::to_vec(&document).unwrap_or_default(),
    };
    match document {
        Value::Object(event) => Ok(Completed { value, key, event }),
        _ => Err(Error::failed("an event is an object")),
    }
}

/// `{"total":1}` with `eventType` missing is `{"eventType":"OrderCreated","total":1}`.
fn spliced(missing: &[(String, Value)], line: &[u8], was_empty: bool) -> Vec<u8> {
    let open = line.iter().position(|byte| *byte == b'{').unwrap_or(0);
    let (start, rest) = line.split_at((open + 1).min(line.len()));
    let mut whole = Vec::with_capacity(line.len() + 64 * missing.len());
    whole.extend_from_slice(start);
    for (index, (name, value)) in missing.iter().enumerate() {
        if index > 0 {
            whole.push(b',');
        }
        // Writing to memory does not fail.
        let _ = serde_json::to_writer(&mut whole, name);
        whole.push(b':');
        let _ = serde_json::to_writer(&mut whole, value);
    }
    if !was_empty {
        whole.push(b',');
    }
    whole.extend_from_slice(rest);
    whole
}

/// serde_json repeats line and column, which are those of the line alone.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Catalog;
    use serde_json::json;

    fn completed(line: &str, overlay: &[&str]) -> Result<(String, Option<Vec<u8>>)> {
        let mut filling = Filling {
            now_ms: 1_767_323_045_006,
            random: fastrand::Rng::with_seed(7),
        };
        let event = Catalog::built_in().find("OrderCreated").unwrap();
        let overlay: Vec<Assignment> = overlay.iter().map(|text| text.parse().unwrap()).collect();
        let map = object(3, line.as_bytes())?;
        let line = line.as_bytes().to_vec();
        let completed = complete(event, 3, line, map, &overlay, &mut filling)?;
        let value = String::from_utf8(completed.value).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&value).unwrap(),
            Value::Object(completed.event)
        );
        Ok((value, completed.key))
    }

    const WHOLE: &str = r#"{"eventType":"OrderCreated","eventId":"0198c6a0-1234-7abc-8def-0123456789ab", "timestamp":"2026-01-02T03:04:05Z","orderId":"o","userId":"u","items":[],"total":12.50}"#;

    #[test]
    fn an_event_that_lacks_nothing_is_sent_as_it_came() {
        let (value, key) = completed(WHOLE, &[]).unwrap();
        assert_eq!((value.as_str(), key), (WHOLE, Some(b"o".to_vec())));
    }

    #[test]
    fn what_is_filled_in_leaves_the_rest_as_it_came() {
        let line = r#" { "total": 12.50, "userId":"u","orderId":"o"}"#;
        let (value, _) = completed(line, &[]).unwrap();
        let rest = &line[2..];
        assert!(
            value.starts_with(r#" {"eventType":"OrderCreated","eventId":""#),
            "{value}"
        );
        assert!(value.ends_with(&format!(r#""items":[],{rest}"#)), "{value}");
        assert_eq!(
            serde_json::from_str::<Value>(&value).unwrap()["items"],
            json!([])
        );
        let (value, _) = completed(line, &["total=13"]).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&value).unwrap()["total"], 13);
    }

    #[test]
    fn the_line_is_named_and_the_byte_where_it_is_no_text() {
        let message = |line: &[u8]| object(3, line).unwrap_err().one_line();
        assert_eq!(message(b"[]"), "line 3 is not a JSON object");
        assert_eq!(message(b"{\"a\":\"\xff\"}"), "line 3, byte 7 is not UTF-8");
        assert!(message(b"{\"a\":,}").starts_with("line 3, column 6 is not valid JSON"));
        let wrong = completed(&WHOLE.replace("12.50", "true"), &[]).unwrap_err();
        assert!(
            wrong
                .one_line()
                .contains("`/total` must be a number, not true"),
            "{wrong:?}"
        );
        assert!(
            completed("{}", &[])
                .unwrap_err()
                .one_line()
                .contains("`/orderId`")
        );
    }

    #[test]
    fn an_empty_object_is_spliced_without_a_comma_too_many() {
        let missing = [("a".to_owned(), json!(1)), ("b".to_owned(), json!("x"))];
        assert_eq!(spliced(&missing, b"{ }", true), br#"{"a":1,"b":"x" }"#);
    }
}
