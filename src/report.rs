//! What a command found or did, as plain data: no terminal, no colour, no format.
//!
//! A command's result implements [`Report`]. `ui` renders it: JSON from `Serialize`, rows from [`Report::table`].

pub mod panel;

use crate::error::{Result, Status};
use serde::Serialize;

/// What a command found or did: JSON for machines, rows for people.
pub trait Report: Serialize {
    /// Headers, rows, and the sentence shown when there are none.
    fn table(&self) -> Table;

    /// How the command ends. A report that holds failures says so here.
    fn status(&self) -> Result<Status> {
        Ok(Status::Done)
    }

    /// What failed or could not be learnt and has no row of its own, a sentence each: on stderr in every format, for
    /// stdout may be a file that nobody looks at. JSON has it too where it is about one item.
    fn failures(&self) -> &[String] {
        &[]
    }

    /// What has been done already, a clause, for when the report cannot be written: nobody is to do it a second time for
    /// not having read it.
    fn effect(&self) -> Option<String> {
        None
    }
}

/// What a value means to the reader; only `ui/style.rs` turns it into a colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Plain,
    Good,
    Warn,
    Bad,
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Text(String, Tone),
    Number(i64, Tone),
    /// Unknown or not applicable: `-` in a table, empty in plain output.
    Missing,
}

impl Cell {
    /// The same value, with a meaning.
    pub fn tone(self, tone: Tone) -> Self {
        match self {
            Cell::Text(text, _) => Cell::Text(text, tone),
            Cell::Number(number, _) => Cell::Number(number, tone),
            Cell::Missing => Cell::Missing,
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(text.to_owned(), Tone::Plain)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Cell::Text(text, Tone::Plain)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Cell::Number(number, Tone::Plain)
    }
}

impl From<i32> for Cell {
    fn from(number: i32) -> Self {
        Cell::Number(number.into(), Tone::Plain)
    }
}

impl From<usize> for Cell {
    fn from(number: usize) -> Self {
        Cell::Number(i64::try_from(number).unwrap_or(i64::MAX), Tone::Plain)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Cell::Number(i64::try_from(number).unwrap_or(i64::MAX), Tone::Plain)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Missing, Into::into)
    }
}

/// A bar in eighths of a character, `width` characters for the greatest; what is not nothing does not look like it.
pub fn bar(count: u64, greatest: u64, width: u32) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let scaled = u128::from(count) * u128::from(width) * 8;
    let eighths = scaled.div_ceil(u128::from(greatest.max(1)));
    let eighths = usize::try_from(eighths).unwrap_or_default();
    format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8])
}

/// Rows under headers, with an optional line before and after them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Shown above the rows on a table only, never in plain output.
    pub title: Option<String>,
    /// Upper case, without spaces, so that `awk` and people agree on columns.
    pub headers: Vec<&'static str>,
    pub rows: Vec<Vec<Cell>>,
    /// Shown on stderr instead of a table when there are no rows, unless it is empty.
    pub empty: String,
    /// Shown below the rows on a table only: totals, warnings, the next command.
    pub notes: Vec<(String, Tone)>,
    /// Further tables of the same report, each rendered after a blank line.
    pub more: Vec<Table>,
}

impl Table {
    /// A table with these headers and no rows yet; `empty` is the sentence said when none come.
    pub fn new(headers: &[&'static str], empty: impl Into<String>) -> Self {
        Table {
            headers: headers.to_vec(),
            empty: empty.into(),
            ..Table::default()
        }
    }

    /// Adds one row; it has as many cells as there are headers.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let cells: Vec<Cell> = cells.into_iter().collect();
        debug_assert_eq!(cells.len(), self.headers.len(), "a row for every header");
        self.rows.push(cells);
    }

    /// A line above the rows.
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// A line below the rows for each of them.
    pub fn note_all<'a>(&mut self, texts: impl IntoIterator<Item = &'a String>, tone: Tone) {
        for text in texts {
            self.note(text.as_str(), tone);
        }
    }

    /// A line below the rows.
    pub fn note(&mut self, text: impl Into<String>, tone: Tone) {
        self.notes.push((text.into(), tone));
    }
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn bars() {
        assert_eq!(bar(0, 10, 40), "");
        assert_eq!(bar(1, u64::MAX, 40), "▏");
        assert_eq!(bar(10, 10, 40), "█".repeat(40));
        assert_eq!(bar(1, 80, 40), "▌");
        assert_eq!(bar(u64::MAX, u64::MAX, 40), "█".repeat(40));
    }
}
