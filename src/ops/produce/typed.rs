//! A line that is an event of the catalog: completed, checked, and sent as it came where it can be.

use super::Destination;
use crate::error::{Error, Result};
use crate::model::event::{Assignment, Document, EventType, Filling};
use serde_json::{Map, Value};

/// Room for one event after the other, so that none of them needs its own.
#[derive(Default)]
pub(super) struct Room {
    members: Vec<u8>,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Room {
    /// The key and the value of an event that is right once the common fields are filled in, as most are. `None`: look
    /// closer, and say what is wrong.
    pub(super) fn completed<'a>(
        &'a mut self,
        destination: &Destination,
        line: &'a [u8],
        filling: &mut Filling,
    ) -> Option<(Option<&'a [u8]>, &'a [u8])> {
        let Room {
            members,
            key,
            value,
        } = self;
        let mut document = Document::read(line)?;
        let event = destination.choose(document.text("eventType")).ok()??;
        if !event.fill_in(&document, filling, members) {
            return None;
        }
        let lacks_nothing = members == b"{}";
        if !lacks_nothing {
            document.extend(Document::read(members)?);
        }
        if !event.accepts(&document) {
            return None;
        }
        let key = event.key_of(&document).map(|found| {
            key.clear();
            key.extend_from_slice(&found);
            key.as_slice()
        });
        if lacks_nothing {
            return Some((key, line));
        }
        splice(members, line, value);
        Some((key, value))
    }
}

/// The line as a JSON object. `number` is the line's, from 1.
pub(in crate::ops) fn object(number: u64, line: &[u8]) -> Result<Map<String, Value>> {
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
    if reason(error) == "recursion limit exceeded" {
        return Error::failed(format!("line {number} is nested more than 127 levels deep"));
    }
    let text = format!("line {number}, column {} is not valid JSON", error.column());
    Error::failed(text).caused_by(reason(error))
}

/// A line that was completed and is a valid event.
pub(in crate::ops) struct Completed {
    /// What its record holds.
    pub(in crate::ops) value: Vec<u8>,
    pub(super) key: Option<Vec<u8>>,
    /// The same event as `value`.
    pub(in crate::ops) event: Map<String, Value>,
}

/// The event, its bytes, and its record's key. Only fields that somebody overlays make it be written anew: what is
/// filled in is put before the line's own fields, whose numbers, spacing and order stay the user's.
pub(in crate::ops) fn complete(
    event: &EventType,
    number: u64,
    line: &[u8],
    mut map: Map<String, Value>,
    overlay: &[Assignment],
    filling: &mut Filling,
) -> Result<Completed> {
    let at = |error| {
        Error::failed(format!("line {number} is not a valid {}", event.name)).caused_by(error)
    };
    let missing: Map<String, Value> = event.missing(&map, filling).into_iter().collect();
    map.extend(missing.clone());
    event.assign(&mut map, overlay).map_err(at)?;
    let key = event.key(&map);
    let document = Value::Object(map);
    event.validate(&document).map_err(at)?;
    let mut value = Vec::new();
    match overlay {
        [] => splice(&written(&missing), line, &mut value),
        _ => value = written(&document),
    }
    match document {
        Value::Object(event) => Ok(Completed { value, key, event }),
        _ => Err(Error::failed("an event is an object")),
    }
}

/// `{"total":1}` with the members `{"eventType":"OrderCreated"}` is `{"eventType":"OrderCreated","total":1}`.
fn splice(members: &[u8], line: &[u8], whole: &mut Vec<u8>) {
    let after = |text: &[u8]| text.iter().position(|byte| *byte == b'{').map(|at| at + 1);
    let (before, rest) = line.split_at(after(line).unwrap_or(0));
    whole.clear();
    whole.extend_from_slice(before);
    whole.extend_from_slice(&members[1..members.len() - 1]);
    // Of two objects.
    let first = rest.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'}') && members != b"{}" {
        whole.push(b',');
    }
    whole.extend_from_slice(rest);
}

/// Writing to memory does not fail.
fn written(json: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(json).unwrap_or_default()
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
        let completed = complete(event, 3, line.as_bytes(), map, &overlay, &mut filling)?;
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
        let deep = format!("{{\"a\":{}", "[".repeat(200));
        let expected = "line 3 is nested more than 127 levels deep";
        assert_eq!(message(deep.as_bytes()), expected);
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
    fn members_are_put_in_front_without_a_comma_too_many() {
        let whole = |members: &[u8], line: &[u8]| {
            let mut whole = b"left over".to_vec();
            splice(members, line, &mut whole);
            String::from_utf8(whole).unwrap()
        };
        let members = br#"{"a":1,"b":"x"}"#;
        assert_eq!(whole(members, b"{ }"), r#"{"a":1,"b":"x" }"#);
        assert_eq!(whole(members, b" { \"c\":2}"), r#" {"a":1,"b":"x", "c":2}"#);
        assert_eq!(whole(b"{}", b"{\"c\":2}"), r#"{"c":2}"#);
        assert_eq!(whole(b"{}", b"{ }"), "{ }");
    }
}
