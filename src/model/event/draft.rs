//! An event as a text that a person edits, and what comes back.

use super::{Assignment, ENVELOPE, EventError, EventType, Field, FieldKind, Filling, object};
use serde_json::{Map, Value};
use thiserror::Error;

/// Why an edited text is no event.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DraftError {
    /// With the parser's sentence, which says line and column.
    #[error("not valid JSON: {0}")]
    NotJson(String),
    #[error("not a JSON object")]
    NotAnObject,
    #[error(transparent)]
    Event(#[from] EventError),
}

/// See [`EventType::draft`]. The envelope is left out: it is filled in when the event is sent.
pub(super) fn write(
    event: &EventType,
    assignments: &[Assignment],
    filling: &mut Filling,
) -> Result<String, EventError> {
    let mut fields = event.generate(filling);
    fields.retain(|name, _| !ENVELOPE.contains(&name.as_str()));
    event.assign(&mut fields, assignments)?;
    // Writing to memory does not fail.
    Ok(serde_json::to_string_pretty(&fields).unwrap_or_default() + "\n")
}

/// See [`EventType::edited`].
pub(super) fn read(
    event: &EventType,
    draft: &str,
    filling: &mut Filling,
) -> Result<Vec<Assignment>, DraftError> {
    let edited = match serde_json::from_str(draft) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => return Err(DraftError::NotAnObject),
        Err(error) => return Err(DraftError::NotJson(error.to_string())),
    };
    let mut whole = edited.clone();
    whole.extend(event.missing(&edited, filling));
    event.validate(&Value::Object(whole))?;
    let assignments = assignments(event, &edited);
    let built = event.build(&assignments, filling)?;
    // A name with a dot in it is a path when it is assigned.
    match edited
        .iter()
        .find(|(name, value)| built.get(*name) != Some(*value))
    {
        Some((name, _)) => Err(DraftError::Event(EventError::Path {
            path: name.clone(),
            reason: "it cannot be given as FIELD=VALUE".to_owned(),
        })),
        None => Ok(assignments),
    }
}

/// Each field as it would be typed.
fn assignments(event: &EventType, fields: &Map<String, Value>) -> Vec<Assignment> {
    let typed = |(name, value): (&String, &Value)| {
        let kind = event
            .field(name)
            .map_or(&FieldKind::Any, |Field { kind, .. }| kind);
        let text = match (value, kind) {
            (Value::String(text), FieldKind::Text) => text.clone(),
            (Value::String(text), _) if object::guess(text).as_ref() == Ok(value) => text.clone(),
            (value, _) => value.to_string(),
        };
        Assignment::new(name.as_str(), text)
    };
    fields.iter().map(typed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Catalog;

    fn filling() -> Filling {
        Filling {
            now_ms: 1_767_323_045_006,
            random: fastrand::Rng::with_seed(7),
        }
    }

    #[test]
    fn a_draft_comes_back_as_what_was_given() {
        for event in Catalog::built_in().events() {
            let draft = event.draft(&[], &mut filling()).unwrap();
            let fields: Map<String, Value> = serde_json::from_str(&draft).unwrap();
            assert!(ENVELOPE.iter().all(|name| !fields.contains_key(*name)));
            let assignments = event.edited(&draft, &mut filling()).unwrap();
            let built = event.build(&assignments, &mut filling()).unwrap();
            for (name, value) in &fields {
                assert_eq!(built.get(name), Some(value), "{}", event.name);
            }
        }
    }

    #[test]
    fn a_draft_holds_the_fields_that_were_given() {
        let event = Catalog::built_in().find("OrderCreated").unwrap();
        let given = ["orderId=order-7".parse().unwrap()];
        let draft = event.draft(&given, &mut filling()).unwrap();
        assert!(draft.contains(r#""orderId": "order-7""#), "{draft}");
        let wrong = ["orderid=order-7".parse().unwrap()];
        assert!(event.draft(&wrong, &mut filling()).is_err());
    }

    #[test]
    fn what_is_no_event_is_refused_with_its_place() {
        let event = Catalog::built_in().find("OrderCreated").unwrap();
        let cases = [
            (
                "{",
                "not valid JSON: EOF while parsing an object at line 1 column 1",
            ),
            ("[]", "not a JSON object"),
            (
                r#"{"orderId":"o","userId":"u"}"#,
                "`OrderCreated` needs `/total`",
            ),
            (
                r#"{"orderId":"o","userId":"u","total":"12"}"#,
                "`/total` must be a number",
            ),
            (
                r#"{"orderId":"o","userId":"u","total":1,"extra":2}"#,
                "no field `extra`",
            ),
        ];
        for (draft, expected) in cases {
            let error = event.edited(draft, &mut filling()).unwrap_err().to_string();
            assert!(error.contains(expected), "{draft}: {error}");
        }
    }
}
