//! A JSON object from what a person typed, for topics that no event of the catalog goes on.

use super::{Assignment, EventError, path};
use serde_json::{Map, Value};

/// The object with these fields. A value that is JSON (a number, `true`, `null`, a list, an object) is taken as
/// such, everything else is text as it stands.
///
/// # Errors
/// A path that cannot be read, or that leads into something which is no object or no list.
pub fn object(assignments: &[Assignment]) -> Result<Map<String, Value>, EventError> {
    let mut object = Map::new();
    for assignment in assignments {
        let steps = path::steps(&assignment.path)?;
        path::put(
            &mut object,
            &assignment.path,
            &steps,
            guess(&assignment.value),
        )?;
    }
    Ok(object)
}

pub(super) fn guess(text: &str) -> Value {
    match serde_json::from_str(text) {
        // A number with more digits than can be held is an id rather, and must not be rounded.
        Ok(Value::Number(number)) if number.is_f64() && text.len() > 17 => Value::from(text),
        Ok(Value::String(_)) | Err(_) => Value::from(text),
        Ok(value) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(assignments: &[&str]) -> Result<Value, String> {
        let assignments: Vec<Assignment> = assignments
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        object(&assignments)
            .map(Value::Object)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_json_where_they_are_and_text_where_not() {
        let cases = [
            ("a=1", json!({"a": 1})),
            ("a=12.50", json!({"a": 12.5})),
            ("a=007", json!({"a": "007"})),
            ("a=\"7\"", json!({"a": "\"7\""})),
            ("a=true", json!({"a": true})),
            ("a=null", json!({"a": null})),
            ("a=", json!({"a": ""})),
            ("a=[1,{}]", json!({"a": [1, {}]})),
            (
                "a=123456789012345678901234",
                json!({"a": "123456789012345678901234"}),
            ),
            ("a=18446744073709551615", json!({"a": u64::MAX})),
            ("a.b[0][0].c=x y", json!({"a": {"b": [[{"c": "x y"}]]}})),
        ];
        for (assignment, expected) in cases {
            assert_eq!(of(&[assignment]), Ok(expected), "{assignment}");
        }
        assert_eq!(
            of(&["a[0]=1", "b=2", "a[1]=3", "b=4"]),
            Ok(json!({"a": [1, 3], "b": 4}))
        );
    }

    #[test]
    fn paths_that_lead_nowhere_are_refused() {
        let cases: [(&[&str], &str); 4] = [
            (
                &["a=1", "a.b=2"],
                "`a.b` cannot be read: what has `b` is no object",
            ),
            (
                &["a=1", "a[0]=2"],
                "`a[0]` cannot be read: what has `[0]` is no list",
            ),
            (
                &["a[1]=2"],
                "`a[1]` cannot be read: give the list's item 0 first",
            ),
            (
                &["a..b=1"],
                "`a..b` cannot be read: write names with `.` between them and `[N]` for the item N of a list, such as `items[0].sku`",
            ),
        ];
        for (assignments, expected) in cases {
            assert_eq!(of(assignments), Err(expected.to_owned()));
        }
        for path in [
            "[0]",
            "a[",
            "a[]",
            "a[-1]",
            "a[0]b",
            "a.",
            ".a",
            "a[99999999999999999999]",
        ] {
            assert!(of(&[&format!("{path}=1")]).is_err(), "{path}");
        }
    }
}
