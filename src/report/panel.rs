//! Tables that a person looks at for hours: sorted, filtered, opened; what is in them changes all the time.

use super::{Cell, Tone};
use std::cmp::Ordering;

/// All there is to see at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// What is looked at.
    pub title: String,
    /// When it was seen, and how often it is looked at.
    pub seen: String,
    /// What is wrong with the looking itself.
    pub alarm: Option<String>,
    pub panels: Vec<Panel>,
}

/// One table of a view, or of a row that was opened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    pub title: String,
    pub columns: Vec<Column>,
    pub rows: Vec<PanelRow>,
    /// Said when there are no rows.
    pub empty: String,
    /// The column that it is sorted by to begin with, and whether the greatest comes first.
    pub sort: (usize, bool),
    /// Whether a row can be opened.
    pub opens: bool,
    /// How bad it is.
    pub tone: Tone,
}

/// A column, and how wide a window must be for it to be seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    pub header: &'static str,
    pub from: u16,
    pub kind: ColumnKind,
}

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// A name: it takes what room there is.
    Name,
    /// Words.
    Text,
    /// A figure: on the right.
    Figure,
    /// A course of blocks: where there is no room for all of it, the latest are seen.
    Course,
}

/// A row, and what each column is sorted by.
#[derive(Clone, Debug, PartialEq)]
pub struct PanelRow {
    /// No two rows of a panel have the same.
    pub name: String,
    pub cells: Vec<Cell>,
    pub keys: Vec<Key>,
}

/// What a row is sorted by in a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    Text(String),
    Number(f64),
    /// The first decides.
    Both(f64, f64),
}

impl Key {
    /// Kinds are not mixed within a column.
    pub fn order(&self, other: &Key) -> Ordering {
        match (self, other) {
            (Key::Text(one), Key::Text(other)) => one.cmp(other),
            (Key::Number(one), Key::Number(other)) => one.total_cmp(other),
            (Key::Both(one, one_then), Key::Both(other, other_then)) => {
                one.total_cmp(other).then(one_then.total_cmp(other_then))
            }
            _ => Ordering::Equal,
        }
    }
}
