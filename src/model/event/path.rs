//! Where in an event an assignment puts its value: `orderId`, `items[0].sku`.

use super::EventError;
use serde_json::{Map, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::model) enum Step<'a> {
    Name(&'a str),
    /// The item of a list, from 0.
    Index(usize),
}

/// As many levels of objects and lists as JSON's readers take, serde_json among them.
const DEEPEST: usize = 127;

/// The steps of a path; the first is a name, and there are no more of them than [`DEEPEST`].
pub(in crate::model) fn steps(path: &str) -> Result<Vec<Step<'_>>, EventError> {
    let mut steps = Vec::new();
    if path.matches(['.', '[']).count() >= DEEPEST {
        let start: String = path.chars().take(24).collect();
        let reason = format!("it leads more than {DEEPEST} levels deep");
        return Err(wrong(&format!("{start}…"), reason));
    }
    for segment in path.split('.') {
        let (name, mut rest) = segment.split_at(segment.find('[').unwrap_or(segment.len()));
        if name.is_empty() {
            return Err(shape(path));
        }
        steps.push(Step::Name(name));
        while !rest.is_empty() {
            let (index, tail) = index(rest).ok_or_else(|| shape(path))?;
            steps.push(Step::Index(index));
            rest = tail;
        }
    }
    Ok(steps)
}

/// `[12]…` is 12 and what comes after it.
fn index(text: &str) -> Option<(usize, &str)> {
    let (digits, tail) = text.strip_prefix('[')?.split_once(']')?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    Some((digits.parse().ok().filter(|_| plain)?, tail))
}

fn shape(path: &str) -> EventError {
    wrong(
        path,
        "write names with `.` between them and `[N]` for the item N of a list, such as `items[0].sku`",
    )
}

/// The path cannot be followed, for this reason.
pub(super) fn wrong(path: &str, reason: impl Into<String>) -> EventError {
    EventError::Path {
        path: path.to_owned(),
        reason: reason.into(),
    }
}

/// Whether what `later` sets would undo what `earlier` has set: it is the same place, or one around it.
pub(super) fn undoes(later: &str, earlier: &str) -> bool {
    match (steps(later), steps(earlier)) {
        (Ok(later), Ok(earlier)) => earlier.starts_with(&later),
        // Whoever reads them says so.
        _ => false,
    }
}

/// Puts the value where the steps lead, making the objects and list items on the way.
pub(super) fn put(
    object: &mut Map<String, Value>,
    path: &str,
    steps: &[Step<'_>],
    value: Value,
) -> Result<(), EventError> {
    let Some((Step::Name(first), rest)) = steps.split_first() else {
        return Err(shape(path));
    };
    let mut place = object.entry(*first).or_insert(Value::Null);
    for step in rest {
        place = match step {
            Step::Name(name) => {
                if place.is_null() {
                    *place = Value::Object(Map::new());
                }
                let Value::Object(inner) = place else {
                    return Err(wrong(path, format!("what has `{name}` is no object")));
                };
                inner.entry(*name).or_insert(Value::Null)
            }
            Step::Index(index) => {
                if place.is_null() {
                    *place = Value::Array(Vec::new());
                }
                let Value::Array(list) = place else {
                    return Err(wrong(path, format!("what has `[{index}]` is no list")));
                };
                let length = list.len();
                if *index == length {
                    list.push(Value::Null);
                }
                // Holes would have to be filled with something: a list grows from its end.
                let item = list.get_mut(*index);
                item.ok_or_else(|| wrong(path, format!("give the list's item {length} first")))?
            }
        };
    }
    *place = value;
    Ok(())
}
