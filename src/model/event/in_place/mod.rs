//! Fields of a JSON object taken out and set where they stand. Whatever is not touched stays byte for byte: the spacing,
//! the order, and numbers that nobody could read without rounding them.

mod inside;

#[cfg(test)]
mod tests;

use super::path::{self, Step};
use super::{Assignment, EventError, check_distinct};
use inside::Inside;
use serde_json::value::RawValue;
use thiserror::Error;

/// Fields that are to be taken out of a JSON object, and those that are to be set in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    unset: Vec<String>,
    set: Vec<Assignment>,
}

/// Why a JSON text cannot be edited.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EditError {
    #[error("its value is no JSON object")]
    NotAnObject,
    #[error(transparent)]
    Path(#[from] EventError),
}

impl Edits {
    /// Those of `unset` are taken out, and then those of `set` are set. A value that is JSON (a number, `true`, a list,
    /// text in quotes) is set as such, as it was typed; everything else is text.
    ///
    /// # Errors
    /// A path that cannot be read, or an assignment that would undo another.
    pub fn new(unset: Vec<String>, set: Vec<Assignment>) -> Result<Self, EventError> {
        let mut paths = unset.iter().chain(set.iter().map(|one| &one.path));
        paths.try_for_each(|text| path::steps(text).map(drop))?;
        check_distinct(&set)?;
        Ok(Edits { unset, set })
    }

    /// The paths that are taken out.
    pub fn unset(&self) -> &[String] {
        &self.unset
    }

    /// The fields that are set.
    pub fn set(&self) -> &[Assignment] {
        &self.set
    }

    /// The object with all that done. Objects that are missing on the way are made, and so is an item behind a list's
    /// last; what is to be taken out and is not there is no error.
    ///
    /// # Errors
    /// It is no JSON object, or a path leads into something that is no object, or no list.
    pub fn apply(&self, json: &[u8]) -> Result<String, EditError> {
        let text = std::str::from_utf8(json).map_err(|_| EditError::NotAnObject)?;
        if !matches!(Inside::of(text), Inside::Object(_)) {
            return Err(EditError::NotAnObject);
        }
        let mut text = text.to_owned();
        let mut places = Vec::new();
        for path in &self.unset {
            places.push(path::steps(path)?);
        }
        // From behind, so that the number of each item of a list is the one it had.
        places.sort_by(|one, other| other.cmp(one));
        places.dedup();
        for steps in &places {
            while let Some(rest) = without(&text, steps) {
                text = rest;
                // A name may be there twice; behind an item of a list is another, which stays.
                if matches!(steps.last(), Some(Step::Index(_))) {
                    break;
                }
            }
        }
        for assignment in &self.set {
            text = with(&text, assignment)?;
        }
        Ok(text)
    }
}

/// The text without what the steps lead to; `None` when it is not there.
fn without(text: &str, steps: &[Step<'_>]) -> Option<String> {
    let (last, way) = steps.split_last()?;
    let (mut at, mut container) = (0, text);
    for step in way {
        let span = Inside::of(container).find(step)?;
        at += span.start;
        container = &container[span];
    }
    let cut = Inside::of(container).cut(container, last)?;
    Some([&text[..at + cut.start], &text[at + cut.end..]].concat())
}

/// The text with what is assigned.
fn with(text: &str, assignment: &Assignment) -> Result<String, EventError> {
    let (path, value) = (&assignment.path, literal(&assignment.value));
    let steps = path::steps(path)?;
    let (mut at, mut place) = (0, text);
    for (done, step) in steps.iter().enumerate() {
        let inside = Inside::of(place);
        if let Some(span) = inside.find(step) {
            at += span.start;
            place = &place[span];
            continue;
        }
        // What is not there is made, and nothing behind it is.
        let made = |steps: &[Step<'_>]| made(path, steps, &value);
        return match (&inside, step) {
            (Inside::Null, _) => Ok(replaced(text, at, place.len(), &made(&steps[done..])?)),
            (Inside::Object(members), Step::Name(name)) => {
                let member = format!("{}:{}", quoted(name), made(&steps[done + 1..])?);
                let end = members.last().map(|(_, span)| span.end);
                Ok(appended(text, at, place, end, &member))
            }
            (Inside::List(items), Step::Index(index)) if *index == items.len() => {
                let item = made(&steps[done + 1..])?;
                let end = items.last().map(|span| span.end);
                Ok(appended(text, at, place, end, &item))
            }
            (Inside::List(items), Step::Index(_)) => {
                let reason = format!("give the list's item {} first", items.len());
                Err(path::wrong(path, reason))
            }
            (_, Step::Name(name)) => {
                Err(path::wrong(path, format!("what has `{name}` is no object")))
            }
            (_, Step::Index(index)) => Err(path::wrong(
                path,
                format!("what has `[{index}]` is no list"),
            )),
        };
    }
    Ok(replaced(text, at, place.len(), &value))
}

/// What a value that was typed is in JSON, as it was typed where that is JSON.
fn literal(typed: &str) -> String {
    match serde_json::from_str::<&RawValue>(typed) {
        Ok(json) => json.get().to_owned(),
        Err(_) => quoted(typed),
    }
}

/// Writing text to memory does not fail.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// The objects and lists that the steps lead through, around the value.
fn made(path: &str, steps: &[Step<'_>], value: &str) -> Result<String, EventError> {
    let (mut before, mut behind) = (String::new(), String::new());
    for step in steps {
        match step {
            Step::Name(name) => {
                before.push_str(&format!("{{{}:", quoted(name)));
                behind.push('}');
            }
            Step::Index(0) => {
                before.push('[');
                behind.push(']');
            }
            Step::Index(_) => return Err(path::wrong(path, "give the list's item 0 first")),
        }
    }
    // The innermost is closed first.
    behind = behind.chars().rev().collect();
    Ok(before + value + &behind)
}

fn replaced(text: &str, at: usize, length: usize, value: &str) -> String {
    [&text[..at], value, &text[at + length..]].concat()
}

/// Behind the last part of a container, which ends at `end` within it; as its first when it has none.
fn appended(text: &str, at: usize, container: &str, end: Option<usize>, part: &str) -> String {
    let (place, comma) = match end {
        Some(end) => (at + end, ","),
        None => (at + inside::opening(container), ""),
    };
    [&text[..place], comma, part, &text[place..]].concat()
}
