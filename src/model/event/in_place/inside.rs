//! Where the parts of an object or a list stand in their text.

use super::Step;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::ops::Range;

/// What is inside of a JSON value: spans of its text, in their order.
#[derive(Debug)]
pub(super) enum Inside {
    /// Names, and where their values stand.
    Object(Vec<(String, Range<usize>)>),
    List(Vec<Range<usize>>),
    Null,
    /// Text, a number, a truth; or what is no JSON.
    Nothing,
}

impl Inside {
    pub(super) fn of(text: &str) -> Inside {
        let read = match text.trim_ascii_start().as_bytes().first() {
            Some(b'{' | b'[') => {
                let mut reader = serde_json::Deserializer::from_str(text);
                let read = reader.deserialize_any(Parts(text)).ok();
                read.filter(|_| reader.end().is_ok())
            }
            _ if text.trim_ascii() == "null" => Some(Inside::Null),
            _ => None,
        };
        read.unwrap_or(Inside::Nothing)
    }

    /// Where the value stands that a step leads to. Of two members of one name the later counts, as everywhere.
    pub(super) fn find(&self, step: &Step<'_>) -> Option<Range<usize>> {
        match (self, step) {
            (Inside::Object(members), Step::Name(name)) => {
                let found = members.iter().rfind(|(known, _)| known == name);
                found.map(|(_, span)| span.clone())
            }
            (Inside::List(items), Step::Index(index)) => items.get(*index).cloned(),
            _ => None,
        }
    }

    /// What has to be cut out of the container's text for the part to be gone, with one comma.
    pub(super) fn cut(&self, container: &str, step: &Step<'_>) -> Option<Range<usize>> {
        let (at, spans): (usize, Vec<&Range<usize>>) = match (self, step) {
            (Inside::Object(members), Step::Name(name)) => (
                members.iter().rposition(|(known, _)| known == name)?,
                members.iter().map(|(_, span)| span).collect(),
            ),
            (Inside::List(items), Step::Index(index)) => (*index, items.iter().collect()),
            _ => return None,
        };
        let end = spans.get(at)?.end;
        if let Some(before) = at.checked_sub(1) {
            return Some(spans[before].end..end);
        }
        let start = begin(container, opening(container));
        Some(match spans.len() {
            1 => start..end,
            // Up to where the next begins, behind the comma.
            _ => start..begin(container, begin(container, end) + 1),
        })
    }
}

/// Behind the bracket that opens it.
pub(super) fn opening(container: &str) -> usize {
    container.find(['{', '[']).map_or(0, |at| at + 1)
}

/// The first that is no space, from there on.
fn begin(text: &str, from: usize) -> usize {
    let spaces = text.as_bytes().iter().skip(from);
    from + spaces.take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// Reads the parts of this text without looking into them.
struct Parts<'a>(&'a str);

impl Parts<'_> {
    fn span(&self, part: &RawValue) -> Range<usize> {
        let part = part.get();
        let start = part.as_ptr().addr() - self.0.as_ptr().addr();
        start..start + part.len()
    }
}

impl<'de> Visitor<'de> for Parts<'_> {
    type Value = Inside;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Inside, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
            members.push((name, self.span(value)));
        }
        Ok(Inside::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Inside, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<&'de RawValue>()? {
            items.push(self.span(item));
        }
        Ok(Inside::List(items))
    }
}
