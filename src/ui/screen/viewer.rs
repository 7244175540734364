//! What is shown, and what keys do to it.

use super::keys::Pressed;
use crate::report::panel::{Panel, PanelRow, View};
use std::collections::BTreeMap;

/// A filter is not longer than this.
const LONGEST: usize = 249;

/// What a key asks for that is not the viewer's to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Nothing,
    Quit,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-Z.
    Suspend,
}

/// Where one is in a table.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// Where it is not as the panel has it.
    sort: Option<(usize, bool)>,
    /// The row with the cursor, by name: it stays on it wherever it goes.
    selected: Option<String>,
    /// The first row that is seen.
    pub(super) top: usize,
}

/// Tables beside each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    pub(super) panels: Vec<Panel>,
    pub(super) at: usize,
    pub(super) filter: String,
    places: BTreeMap<String, Place>,
}

/// What is shown.
#[derive(Clone, Debug, Default)]
pub struct Viewer {
    pub(super) title: String,
    pub(super) seen: String,
    pub(super) alarm: Option<String>,
    pub(super) paused: bool,
    pub(super) helps: bool,
    /// Letters go into the filter.
    pub(super) types: bool,
    outer: Level,
    inner: Option<(String, Level)>,
    /// How many rows are seen at once.
    pub(super) page: usize,
}

impl Level {
    fn show(&mut self, panels: Vec<Panel>) {
        // A table stays in sight though another came before it.
        let title = self.panel().map(|panel| panel.title.clone());
        self.panels = panels;
        let same =
            title.and_then(|title| self.panels.iter().position(|panel| panel.title == title));
        let last = self.panels.len().saturating_sub(1);
        self.at = same.unwrap_or(self.at.min(last));
    }

    pub(super) fn panel(&self) -> Option<&Panel> {
        self.panels.get(self.at)
    }

    pub(super) fn place(&self) -> Place {
        let title = self.panel().map(|panel| panel.title.as_str());
        let place = title.and_then(|title| self.places.get(title));
        place.cloned().unwrap_or_default()
    }

    fn place_mut(&mut self) -> &mut Place {
        let title = self.panel().map(|panel| panel.title.clone());
        self.places.entry(title.unwrap_or_default()).or_default()
    }

    /// The column it is sorted by, and whether the greatest comes first.
    pub(super) fn sort(&self) -> (usize, bool) {
        let own = self.panel().map_or((0, false), |panel| panel.sort);
        self.place().sort.unwrap_or(own)
    }

    /// The rows that the filter lets through, in their order.
    pub(super) fn rows(&self) -> Vec<&PanelRow> {
        let Some(panel) = self.panel() else {
            return Vec::new();
        };
        let wanted = self.filter.to_lowercase();
        let fits = |row: &&PanelRow| wanted.is_empty() || row.name.to_lowercase().contains(&wanted);
        let mut rows: Vec<&PanelRow> = panel.rows.iter().filter(fits).collect();
        let (column, descending) = self.sort();
        rows.sort_by(|one, other| {
            let order = match (one.keys.get(column), other.keys.get(column)) {
                (Some(one), Some(other)) => one.order(other),
                _ => std::cmp::Ordering::Equal,
            };
            let order = if descending { order.reverse() } else { order };
            order.then_with(|| one.name.cmp(&other.name))
        });
        rows
    }

    /// Where the cursor is among these rows.
    pub(super) fn cursor(&self, rows: &[&PanelRow]) -> usize {
        let selected = self.place().selected;
        let at = selected.and_then(|name| rows.iter().position(|row| row.name == name));
        at.unwrap_or(0)
    }

    /// Moves the cursor.
    fn go(&mut self, to: impl Fn(usize) -> usize) {
        let rows = self.rows();
        let last = rows.len().saturating_sub(1);
        let at = to(self.cursor(&rows)).min(last);
        let name = rows.get(at).map(|row| row.name.clone());
        self.place_mut().selected = name;
    }

    /// To the next column.
    fn sort_on(&mut self) {
        let columns = self.panel().map_or(1, |panel| panel.columns.len().max(1));
        let next = (self.sort().0 + 1) % columns;
        // Names begin with A, figures with the greatest.
        self.place_mut().sort = Some((next, next != 0));
    }

    fn turn(&mut self) {
        let (column, descending) = self.sort();
        self.place_mut().sort = Some((column, !descending));
    }

    fn beside(&mut self, step: usize) {
        let count = self.panels.len().max(1);
        self.at = (self.at + step) % count;
    }

    /// Keeps the cursor in sight.
    pub(super) fn scroll(&mut self, page: usize) {
        let rows = self.rows();
        let (cursor, last) = (self.cursor(&rows), rows.len().saturating_sub(page));
        let place = self.place_mut();
        let lowest = (cursor + 1).saturating_sub(page);
        place.top = place.top.clamp(lowest, cursor.max(lowest)).min(last);
    }
}

impl Viewer {
    /// What is shown before there is anything to show.
    pub fn looking(title: &str) -> Self {
        Viewer {
            title: title.to_owned(),
            ..Viewer::default()
        }
    }

    /// Whether nothing was seen yet.
    pub(super) fn is_empty(&self) -> bool {
        self.outer.panels.is_empty()
    }

    /// Shows what was seen, unless it is paused: then only that something is wrong.
    pub fn show(&mut self, view: View) {
        self.alarm = view.alarm;
        if self.paused {
            return;
        }
        self.title = view.title;
        self.seen = view.seen;
        self.outer.show(view.panels);
    }

    /// The row that was opened.
    pub fn opened(&self) -> Option<&str> {
        self.inner.as_ref().map(|(name, _)| name.as_str())
    }

    /// Shows what is in the row that was opened.
    pub fn show_opened(&mut self, panels: Vec<Panel>) {
        if let Some((_, level)) = &mut self.inner
            && (!self.paused || level.panels.is_empty())
        {
            level.show(panels);
        }
    }

    pub(super) fn level(&self) -> &Level {
        self.inner.as_ref().map_or(&self.outer, |(_, level)| level)
    }

    pub(super) fn level_mut(&mut self) -> &mut Level {
        match &mut self.inner {
            Some((_, level)) => level,
            None => &mut self.outer,
        }
    }

    /// Does what a key is for.
    pub fn press(&mut self, pressed: Pressed) -> Action {
        match pressed {
            Pressed::Control('c') => return Action::Interrupt,
            Pressed::Control('z') => return Action::Suspend,
            _ => {}
        }
        if self.helps {
            // Whatever is pressed ends it.
            self.helps = pressed == Pressed::Resized;
            return Action::Nothing;
        }
        if self.types && self.type_in(pressed) {
            return Action::Nothing;
        }
        let page = self.page.max(1);
        match pressed {
            Pressed::Letter('q') => return Action::Quit,
            Pressed::Letter('?' | 'h') => self.helps = true,
            Pressed::Letter('p' | ' ') => self.paused = !self.paused,
            Pressed::Letter('/') => self.types = true,
            Pressed::Letter('s') => self.level_mut().sort_on(),
            Pressed::Letter('r') => self.level_mut().turn(),
            Pressed::Letter('j') | Pressed::Down => self.level_mut().go(|at| at + 1),
            Pressed::Letter('k') | Pressed::Up => self.level_mut().go(|at| at.saturating_sub(1)),
            Pressed::Letter('g') | Pressed::Home => self.level_mut().go(|_| 0),
            Pressed::Letter('G') | Pressed::End => self.level_mut().go(|_| usize::MAX),
            Pressed::PageDown => self.level_mut().go(|at| at + page),
            Pressed::PageUp => self.level_mut().go(|at| at.saturating_sub(page)),
            Pressed::Next => self.level_mut().beside(1),
            Pressed::Previous => {
                let back = self.level().panels.len().saturating_sub(1);
                self.level_mut().beside(back);
            }
            Pressed::Letter(digit @ '1'..='9') => {
                let at = digit as usize - '1' as usize;
                let level = self.level_mut();
                if at < level.panels.len() {
                    level.at = at;
                }
            }
            Pressed::Enter => self.open(),
            // There is nothing to go back to.
            Pressed::Escape if self.is_empty() => return Action::Quit,
            Pressed::Escape | Pressed::Backspace => self.back(),
            _ => {}
        }
        Action::Nothing
    }

    /// Whether the key was the filter's.
    fn type_in(&mut self, pressed: Pressed) -> bool {
        let level = self.level_mut();
        match pressed {
            Pressed::Letter(letter) if level.filter.len() < LONGEST => level.filter.push(letter),
            Pressed::Letter(_) => {}
            Pressed::Backspace => {
                level.filter.pop();
            }
            Pressed::Enter => self.types = false,
            Pressed::Escape => {
                level.filter.clear();
                self.types = false;
            }
            _ => return false,
        }
        true
    }

    fn open(&mut self) {
        let level = self.level();
        let rows = level.rows();
        let row = rows.get(level.cursor(&rows));
        let opens = level.panel().is_some_and(|panel| panel.opens);
        if let Some(name) = row.map(|row| row.name.clone()).filter(|_| opens) {
            self.level_mut().place_mut().selected = Some(name.clone());
            self.inner = Some((name, Level::default()));
        }
    }

    /// From the filter, else from what was opened.
    fn back(&mut self) {
        let level = self.level_mut();
        match level.filter.is_empty() {
            true => self.inner = None,
            false => level.filter.clear(),
        }
    }
}
