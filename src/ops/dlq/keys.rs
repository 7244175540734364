//! The keys that most letters have.

use crate::model::heavy_hitters::{HeavyHitters, Hitter};
use crate::report::{Cell, Table, Tone};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use std::fmt::Write;

/// Keys that are counted apart: whichever has more than a thousandth of the letters is found.
const COUNTERS: usize = 1000;

/// Keys that are named.
const NAMED: usize = 10;

/// A key and how many letters have it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeyCount {
    /// Of a long one the beginning.
    key: KeyText,
    /// Bytes of all of it.
    length: usize,
    count: u64,
    /// Less than the count where more keys were met than are counted apart: then that is the most it can be.
    at_least: u64,
    #[serde(skip)]
    is_cut: bool,
}

/// Text, or `{"base64":"…"}` where it is none: as in a record's JSON.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum KeyText {
    Text(String),
    Bytes {
        base64: String,
        #[serde(skip)]
        shown: String,
    },
}

/// Counts the keys of letters.
pub(super) struct Keys {
    hitters: HeavyHitters,
    /// Letters whose record has no key, or is not to be had.
    pub(super) without: u64,
}

impl Default for Keys {
    fn default() -> Self {
        Keys {
            hitters: HeavyHitters::new(COUNTERS),
            without: 0,
        }
    }
}

impl Keys {
    pub(super) fn add(&mut self, key: Option<&[u8]>) {
        match key {
            Some(key) => self.hitters.add(key),
            None => self.without += 1,
        }
    }

    /// Those that most letters have, the commonest first.
    pub(super) fn top(&self) -> Vec<KeyCount> {
        let top = self.hitters.top(NAMED).into_iter();
        top.map(KeyCount::from).collect()
    }
}

impl From<Hitter> for KeyCount {
    fn from(hitter: Hitter) -> Self {
        let is_cut = hitter.length > hitter.kept.len();
        let whole = match std::str::from_utf8(&hitter.kept) {
            // Cut within a character.
            Err(error) if is_cut && error.error_len().is_none() => {
                &hitter.kept[..error.valid_up_to()]
            }
            _ => &hitter.kept,
        };
        let key = match std::str::from_utf8(whole) {
            Ok(text) => KeyText::Text(text.to_owned()),
            Err(_) => KeyText::Bytes {
                base64: STANDARD.encode(&hitter.kept),
                shown: shown(&hitter.kept),
            },
        };
        KeyCount {
            key,
            length: hitter.length,
            count: hitter.count,
            at_least: hitter.at_least,
            is_cut,
        }
    }
}

/// Bytes as text, `\xNN` for what is none.
fn shown(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        shown.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

/// The keys as a table; `without` letters have none.
pub(super) fn table(keys: &[KeyCount], without: u64) -> Table {
    let mut table = Table::new(&["KEY", "LETTERS"], "").titled("keys hit most");
    for key in keys {
        let text = match &key.key {
            KeyText::Text(text) => text,
            KeyText::Bytes { shown, .. } => shown,
        };
        let end = if key.is_cut { "…" } else { "" };
        let count = match key.at_least < key.count {
            true => Cell::from(format!("~{}", key.count)),
            false => key.count.into(),
        };
        table.row([format!("{text}{end}").into(), count]);
    }
    if keys.iter().any(|key| key.at_least < key.count) {
        let text =
            "there are more keys than are counted apart: a count with ~ is the most it can be";
        table.note(text, Tone::Plain);
    }
    if without > 0 {
        table.note(format!("{without} without a key"), Tone::Plain);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(keys: &[&[u8]]) -> (serde_json::Value, Vec<String>) {
        let mut counted = Keys::default();
        keys.iter().for_each(|key| counted.add(Some(key)));
        let top = counted.top();
        let shown = |row: &Vec<Cell>| match &row[0] {
            Cell::Text(text, _) => text.clone(),
            other => panic!("{other:?}"),
        };
        let rows = table(&top, 0).rows.iter().map(shown).collect();
        (serde_json::to_value(&top).unwrap(), rows)
    }

    #[test]
    fn keys_are_text_where_they_are_and_bytes_where_not() {
        let (json, rows) = told(&[b"order-7", b"order-7", b"\xff\x00a"]);
        let expected = json!([
            {"key": "order-7", "length": 7, "count": 2, "atLeast": 2},
            {"key": {"base64": "/wBh"}, "length": 3, "count": 1, "atLeast": 1},
        ]);
        assert_eq!(json, expected);
        assert_eq!(rows, ["order-7", "\\xff\u{0}a"]);
    }

    #[test]
    fn a_long_key_is_cut_at_a_character() {
        let long = format!("{}ß{}", "x".repeat(255), "y".repeat(50));
        let (json, rows) = told(&[long.as_bytes()]);
        assert_eq!(json[0]["key"], "x".repeat(255));
        assert_eq!(json[0]["length"], 307);
        assert_eq!(rows, [format!("{}…", "x".repeat(255))]);
    }

    #[test]
    fn a_count_that_is_a_bound_says_so() {
        let mut counted = Keys::default();
        for number in 0..2 * COUNTERS {
            counted.add(Some(number.to_string().as_bytes()));
        }
        counted.add(None);
        let top = counted.top();
        assert_eq!((top[0].count, top[0].at_least), (2, 1));
        let table = table(&top, counted.without);
        assert_eq!(table.rows[0][1], Cell::from("~2"));
        assert_eq!(table.notes.len(), 2);
    }
}
