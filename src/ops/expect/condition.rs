//! What must hold, as it was written: read more strictly than a filter's, held against the catalog, and told where a
//! record does not meet it.

use crate::error::{Error, Result};
use crate::model::event::{Assignment, Catalog, EventError, EventType};
use crate::model::expectation::{Expectation, ExpectationError};
use crate::model::filter::{Comparison, ComparisonError};
use crate::model::suggest;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Of a value from a record no more is shown.
const SHOWN: usize = 60;

const SIGNS: [char; 4] = ['=', '!', '<', '>'];

/// What a CloudEvent in one JSON object has beside its event.
const ENVELOPE: [&str; 10] = [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "dataschema",
    "data",
    "partitionkey",
];

/// An expectation as it is written. Text that a filter takes for a value, blanks and all, must be in quotes here: behind
/// a comparison stands `and` or nothing.
///
/// # Errors
/// A sentence that names the place, and says what may be written there.
pub fn expectation(text: &str) -> std::result::Result<Expectation, String> {
    let expectation: Expectation = text.parse().map_err(|error| match error {
        ExpectationError::Comparison(ComparisonError::Several { first, second, .. }) => format!(
            "`{second}` behind `{first}` cannot be read: write `and` between comparisons, all of which must hold"
        ),
        other => other.to_string(),
    })?;
    for comparison in &expectation.comparisons {
        check_shape(&comparison.to_string())?;
    }
    Ok(expectation)
}

fn check_shape(comparison: &str) -> std::result::Result<(), String> {
    let (path, _, literal) = parts(comparison);
    let is_logic = |word: &str| {
        ["and", "or", "not"]
            .iter()
            .any(|it| word.eq_ignore_ascii_case(it))
    };
    if path.contains(char::is_whitespace) && path.split_whitespace().any(is_logic) {
        return Err(format!(
            "`{path}` is no path of a field: write comparisons such as `total>100`, with `and` between them; there is \
             neither `or` nor `not`, but `!=`"
        ));
    }
    if serde_json::from_str::<String>(literal).is_ok() {
        return Ok(());
    }
    // Where text in quotes ends, else where the first word does.
    let end = match literal.strip_prefix('"') {
        Some(inner) => inner.find('"').map(|at| at + 2),
        None => literal.find(char::is_whitespace),
    };
    let Some(end) = end else {
        return Ok(());
    };
    let first = &comparison[..comparison.len() - literal.len() + end];
    let rest = literal[end..].trim();
    Err(format!(
        "`{rest}` behind `{first}` cannot be read: write `and` between comparisons, all of which must hold (there is no \
         `or`), and text with blanks in quotes, such as `note=\"two words\"`"
    ))
}

/// Path, sign and literal of a comparison that was read already.
fn parts(comparison: &str) -> (&str, &str, &str) {
    let (path, rest) = comparison.split_at(comparison.find(SIGNS).unwrap_or(comparison.len()));
    let literal = rest.trim_start_matches(SIGNS);
    let sign = &rest[..rest.len() - literal.len()];
    (path.trim(), sign, literal.trim())
}

/// Holds the fields that are named against the catalog; a sentence each where a record may have one all the same, for a
/// type may grow unless its schema is closed. What the catalog does not know may have any fields.
///
/// # Errors
/// A field that none of the events has which are meant by their type, and that is none by its likeness to one or by a
/// closed schema.
pub(super) fn check(catalog: &Catalog, expectation: &Expectation) -> Result<Vec<String>> {
    let events = catalog.matching(&expectation.name);
    let mut doubts = Vec::new();
    for comparison in &expectation.comparisons {
        let text = comparison.to_string();
        let (path, ..) = parts(&text);
        let unknown = events.iter().map(|event| unknown(event, path));
        let Some(unknown) = unknown.collect::<Option<Vec<EventError>>>() else {
            doubts.extend(unnamed(&events, path));
            continue;
        };
        let is_close = |error: &&EventError| {
            matches!(
                error,
                EventError::UnknownField {
                    suggestion: Some(_),
                    ..
                }
            )
        };
        let close = unknown.iter().find(is_close);
        let is_closed = |event: &Arc<EventType>| event.schema["additionalProperties"] == false;
        let Some(error) = close.or(unknown.first()) else {
            continue;
        };
        // What is meant by the name of a topic is anything that is on it.
        let is_topic = events.iter().any(|event| event.topic == expectation.name);
        if is_topic || close.is_none() && !events.iter().all(is_closed) {
            doubts.push(format!("by its schema {error}"));
            continue;
        }
        let name = &expectation.name;
        return Err(Error::usage(format!("`{expectation}`: {error}"))
            .hint(format!("`eda event show {name}` shows its fields")));
    }
    Ok(doubts)
}

/// What is to be said of a field that an open schema welcomes without naming it.
fn unnamed(events: &[Arc<EventType>], path: &str) -> Option<String> {
    let (first, _) = path.split_at(path.find(['.', '[']).unwrap_or(path.len()));
    let is_fine = |event: &Arc<EventType>| event.fields.is_empty() || event.field(first).is_some();
    let event = events.first()?;
    if ENVELOPE.contains(&first) || events.iter().any(is_fine) {
        return None;
    }
    let names = events.iter().flat_map(|event| &event.fields);
    let close = suggest::closest(first, names.map(|field| field.name.as_str()));
    Some(format!(
        "the schema of `{}` does not name `{first}`{}",
        event.name,
        suggest::clause(close)
    ))
}

/// Why the event has no such field.
fn unknown(event: &EventType, path: &str) -> Option<EventError> {
    let has = |path: &str| {
        let assigned = event.assign(&mut Map::new(), &[Assignment::new(path, "")]);
        match assigned {
            // Of other errors the value may be the reason, and here there is none.
            Err(error @ EventError::UnknownField { .. }) => Err(error),
            _ => Ok(()),
        }
    };
    let error = has(path).err()?;
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    match (first, rest) {
        ("data", rest) if !rest.is_empty() => has(rest).err(),
        (first, "") if ENVELOPE.contains(&first) => None,
        _ => Some(error),
    }
}

/// Whether all of these hold for a record's value.
pub(super) fn hold(comparisons: &[Comparison], value: Option<&[u8]>) -> bool {
    let holds = |value: &Value| comparisons.iter().all(|one| one.holds(value));
    comparisons.is_empty()
        || value
            .and_then(|value| serde_json::from_slice(value).ok())
            .is_some_and(|value| holds(&value))
}

/// What of these does not hold for a record's value, each as `total is 5, not >10`.
pub(super) fn contradictions(comparisons: &[Comparison], value: Option<&[u8]>) -> String {
    let Some(value) = value else {
        return "it has no value".to_owned();
    };
    let Ok(value) = serde_json::from_slice::<Value>(value) else {
        return "its value is not JSON".to_owned();
    };
    let failed = comparisons.iter().filter(|one| !one.holds(&value));
    let told: Vec<String> = failed.map(|one| contradiction(one, &value)).collect();
    told.join(", ")
}

fn contradiction(comparison: &Comparison, value: &Value) -> String {
    let text = comparison.to_string();
    let (path, sign, literal) = parts(&text);
    let Some(found) = found(value, path) else {
        return format!("{path} is not there");
    };
    let is_quoted = literal.starts_with('"');
    let wanted = match (sign, found) {
        ("=" | "==", Value::String(_)) if !is_quoted => format!("\"{literal}\""),
        ("=" | "==", _) => literal.to_owned(),
        _ => format!("{sign}{literal}"),
    };
    format!("{path} is {}, not {wanted}", shown(found))
}

/// What the path leads to.
fn found<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |at, segment| {
        let mut steps = segment.split('[');
        let named = at.get(steps.next().unwrap_or_default())?;
        steps.try_fold(named, |at, index| {
            at.get(index.trim_end_matches(']').parse::<usize>().ok()?)
        })
    })
}

/// A value as JSON: a line that is not too long and commands no terminal.
fn shown(value: &Value) -> String {
    let json = value.to_string();
    let mut characters = json.chars();
    let mut shown = String::new();
    for character in characters.by_ref().take(SHOWN) {
        match character.is_control() {
            true => shown.extend(character.escape_unicode()),
            false => shown.push(character),
        }
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn behind_a_comparison_stands_and_or_nothing() {
        for text in [
            "a",
            "a where n=1 and total>2",
            "a where note=\"this or that\" and n=1",
            "a where note=\"a \\\"b\\\" c\"",
            "a where note=order",
            "a where n = 1",
            "a where note=",
        ] {
            assert!(expectation(text).is_ok(), "{text}: {:?}", expectation(text));
        }
        for (text, place) in [
            ("a where n=1 or total>2", "`or total>2` behind `n=1`"),
            ("a where n=1 OR total>2", "`OR total>2` behind `n=1`"),
            ("a where n=1 || total>2", "`|| total>2` behind `n=1`"),
            ("a where n = 1 x", "`x` behind `n = 1`"),
            ("a where n=1 and", "`and` behind `n=1`"),
            ("a where n=1 and total>2 or b", "`or b` behind `total>2`"),
            ("a where note=two words", "`words` behind `note=two`"),
            (
                "a where n=\"x\" or n=\"y\"",
                "`or n=\"y\"` behind `n=\"x\"`",
            ),
            ("a where n=\"x\"\tor b", "`or b` behind `n=\"x\"`"),
            ("a where n=1 AND total>2", "`total>2` behind `n=1`"),
            ("a where n=1, total>2", "`total>2` behind `n=1`"),
            ("a where not n=1", "`not n` is no path"),
            ("a where total or n=1", "`total or n` is no path"),
        ] {
            let error = expectation(text).unwrap_err();
            assert!(error.contains(place), "{text}: {error}");
            assert!(error.contains("`and`"), "{text}: {error}");
        }
    }

    #[test]
    fn fields_are_those_of_the_catalog() {
        let said = |text: &str| {
            let expectation = expectation(text).unwrap();
            check(Catalog::built_in(), &expectation).map_err(|error| error.one_line())
        };
        for text in [
            "OrderCreated where orderId=a and items[0].sku=lamp",
            "order-created where eventType=OrderCreated",
            // As CloudEvents in one JSON object have it.
            "order-created where data.orderId=a and source=b and id=c",
            "anything where nosuch=1",
        ] {
            assert_eq!(said(text), Ok(Vec::new()), "{text}");
        }
        for (text, end) in [
            (
                "OrderCreated where ordrId=a",
                "has no field `ordrId`, did you mean `orderId`?",
            ),
            (
                "OrderCreated where total>1 and items[3].skuu=a",
                "did you mean `sku`?",
            ),
            (
                "OrderCreated where data.ordrId=a",
                "did you mean `orderId`?",
            ),
        ] {
            let error = said(text).unwrap_err();
            assert!(error.ends_with(end), "{text}: {error}");
        }
        // It may have grown; and on a topic of that name there may be anything.
        let doubt = "by its schema `OrderCreated` has no field `nosuch`";
        for text in [
            "OrderCreated where nosuch=1",
            "order-created where nosuch=1",
        ] {
            assert_eq!(said(text), Ok(vec![doubt.to_owned()]), "{text}");
        }
        let doubt = "by its schema `OrderCreated` has no field `ordrId`, did you mean `orderId`?";
        assert_eq!(
            said("order-created where ordrId=a"),
            Ok(vec![doubt.to_owned()])
        );
    }

    #[test]
    fn an_open_schema_leaves_a_doubt_and_a_closed_one_none() {
        let catalog = |open: bool| {
            let schema = json!({
                "title": "Noted", "x-topic": "notes", "type": "object", "additionalProperties": open,
                "properties": {
                    "eventType": {"const": "Noted"},
                    "eventId": {"type": "string"},
                    "timestamp": {"type": "string"},
                    "author": {"type": "string"},
                },
            });
            Catalog::with(vec![EventType::from_schema("noted.json", schema).unwrap()])
        };
        let far = expectation("Noted where nosuch=a").unwrap();
        assert!(check(&catalog(false), &far).is_err());
        let said = |text: &str| check(&catalog(true), &expectation(text).unwrap()).unwrap();
        assert_eq!(said("Noted where author=a"), Vec::<String>::new());
        assert_eq!(
            said("Noted where autor=a"),
            ["the schema of `Noted` does not name `autor`, did you mean `author`?"]
        );
    }

    #[test]
    fn what_does_not_hold_is_told_in_a_line() {
        let told = |condition: &str, value: &str| {
            let expectation = expectation(&format!("a where {condition}")).unwrap();
            contradictions(&expectation.comparisons, Some(value.as_bytes()))
        };
        let value = "{\"id\": \"order-9\", \"n\": 5, \"items\": [{\"sku\": null}], \"text\": \"\\u001b[31m\u{9b}\"}";
        for (condition, expected) in [
            ("id=order-123", "id is \"order-9\", not \"order-123\""),
            ("id=\"order 1\"", "id is \"order-9\", not \"order 1\""),
            ("n>5 and id=order-9", "n is 5, not >5"),
            (
                "n=x and id!=order-9",
                "n is 5, not x, id is \"order-9\", not !=order-9",
            ),
            ("items[0].sku=lamp", "items[0].sku is null, not lamp"),
            ("items[1].sku=lamp", "items[1].sku is not there"),
            ("text=a", "text is \"\\u001b[31m\\u{9b}\", not \"a\""),
        ] {
            assert_eq!(told(condition, value), expected, "{condition}");
        }
        let long = format!("{{\"id\": \"{}\"}}", "é".repeat(1000));
        assert_eq!(
            told("id=a", &long),
            format!("id is \"{}…, not \"a\"", "é".repeat(59))
        );
        assert_eq!(told("id=a", "<xml>"), "its value is not JSON");
    }
}
