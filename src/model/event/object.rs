//! A JSON object from what a person typed, for topics that no event of the catalog goes on.

use super::{Assignment, EventError, path};
use serde_json::{Map, Number, Value};

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
            guess(&assignment.value).map_err(|number| rounded(assignment, &number))?,
        )?;
    }
    Ok(object)
}

/// JSON as such, and everything else as text.
///
/// # Errors
/// A number with more digits than can be held, as it would be: an id, or an amount, must not be rounded.
pub(super) fn guess(text: &str) -> Result<Value, Number> {
    match serde_json::from_str(text) {
        Ok(Value::Number(number)) => exact(text, number).map(Value::Number),
        Ok(Value::String(_)) | Err(_) => Ok(Value::from(text)),
        Ok(value) => Ok(value),
    }
}

/// The number, which was read from this text.
///
/// # Errors
/// It is another one than the text says.
pub(super) fn exact(text: &str, number: Number) -> Result<Number, Number> {
    match decimal(text) == decimal(&number.to_string()) {
        true => Ok(number),
        false => Err(number),
    }
}

/// See [`exact`].
pub(super) fn rounded(assignment: &Assignment, number: &Number) -> EventError {
    EventError::Rounded {
        path: assignment.path.clone(),
        text: assignment.value.clone(),
        rounded: number.to_string(),
    }
}

/// A JSON number as its sign, its digits without zeros around them, and the power of ten that they count.
fn decimal(text: &str) -> (bool, String, i64) {
    let (negative, text) = match text.trim().strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.trim()),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let significant = digits.trim_end_matches('0');
    let zeros = i64::try_from(digits.len() - significant.len()).unwrap_or(i64::MAX);
    let places = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return (false, String::new(), 0);
    }
    // Beyond that no number is read at all.
    let exponent: i64 = exponent.parse().unwrap_or(i64::MAX);
    let power = exponent.saturating_add(zeros).saturating_sub(places);
    (negative, significant.to_owned(), power)
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
            ("a=-0.10", json!({"a": -0.1})),
            ("a=1e3", json!({"a": 1e3})),
            (
                "a=123456789012345690000000",
                json!({"a": 1.2345678901234569e23}),
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
    fn a_number_that_would_be_rounded_is_refused() {
        let expected = "`a` cannot hold `123456789012345678901234`: a number of JSON would be rounded to \
                        1.2345678901234569e+23";
        assert_eq!(
            of(&["a=123456789012345678901234"]),
            Err(expected.to_owned())
        );
        for text in [
            "0.1234567890123456789",
            "18446744073709551617",
            "1e-400",
            "-9223372036854775809",
        ] {
            assert!(of(&[&format!("a={text}")]).is_err(), "{text}");
        }
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
        let deep = |levels: usize| format!("a{}", "[0]".repeat(levels - 1));
        assert!(of(&[&format!("{}=1", deep(127))]).is_ok());
        let error = of(&[&format!("{}=1", deep(43_000))]).unwrap_err();
        let expected =
            "`a[0][0][0][0][0][0][0][0…` cannot be read: it leads more than 127 levels deep";
        assert_eq!(error, expected);
        assert!(of(&[&format!("{}=1", deep(128))]).is_err());
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
