//! A report that is shown again and again: in place on a terminal, one after the other elsewhere.
//!
//! In place means: the cursor goes up over what was written and it is written anew. No other screen and no hidden cursor,
//! so there is nothing to restore, however the program ends, and the last state stays to be read.

use super::{Format, Ui, escape, table};
use crate::error::{Error, Result};
use crate::report::{Cell, Report, Table, Tone};
use std::io::Write;
use unicode_width::UnicodeWidthStr;

/// Columns and lines of a terminal that does not tell.
const USUAL_SIZE: (u16, u16) = (120, 30);

/// Names are shortened to this at most, to make room for what stands beside them.
const SHORTEST_NAME: usize = 8;

/// Writes samples of one report to stdout.
#[derive(Debug)]
pub struct Live<'a> {
    ui: &'a Ui,
    /// Lines of the last frame, and the width it was made for.
    drawn: Option<(usize, u16)>,
    is_first: bool,
}

impl Ui {
    /// For a report that is shown again and again.
    pub fn live(&self) -> Live<'_> {
        Live {
            ui: self,
            drawn: None,
            is_first: true,
        }
    }
}

impl Live<'_> {
    /// Shows it: in place on a terminal; else as a line of JSON, or as a block after an empty line.
    ///
    /// # Errors
    /// Also when the reader of stdout is gone.
    pub fn show(&mut self, report: &impl Report) -> Result<()> {
        self.write(report).map_err(Error::output)
    }

    fn write(&mut self, report: &impl Report) -> std::io::Result<()> {
        let ui = self.ui;
        let mut out = ui.stdout()?;
        if ui.manner.format == Format::Json {
            serde_json::to_writer(&mut out, report)?;
            writeln!(out)?;
            return out.flush();
        }
        let table = report.table();
        if ui.manner.format == Format::Table && ui.stdout_is_terminal {
            let size = terminal_size::terminal_size().map_or(USUAL_SIZE, |(w, h)| (w.0, h.0));
            let lines = frame(table, size, ui.styled())?;
            out.write_all(redraw(&lines, self.drawn, size.0).as_bytes())?;
            self.drawn = Some((lines.len(), size.0));
            return out.flush();
        }
        if !self.is_first {
            writeln!(out)?;
        }
        self.is_first = false;
        if ui.manner.format == Format::Plain {
            super::plain::write(&table, &mut out)?;
            out.flush()?;
            ui.notes(&table);
            return Ok(());
        }
        let is_empty = table.rows.is_empty();
        table::write(&table, false, ui.styled(), &mut out)?;
        if is_empty {
            writeln!(out, "{}", escape::line(&table.empty))?;
        }
        out.flush()
    }
}

/// The lines of a frame that fits: what stands first is shown, what does not fit is counted.
fn frame(
    mut table: Table,
    (width, height): (u16, u16),
    styled: bool,
) -> std::io::Result<Vec<String>> {
    let width = usize::from(width);
    if table.rows.is_empty() && !table.empty.is_empty() {
        table.notes.insert(0, (table.empty.clone(), Tone::Plain));
    }
    // Title, headers and the line of the cursor take three; notes up to a third of the rest.
    let room = usize::from(height).saturating_sub(3).max(2);
    let notes = table.notes.len().min((room / 3).max(1));
    let hidden_notes = table.notes.len() - notes;
    table.notes.truncate(notes);
    let for_rows = room.saturating_sub(notes + usize::from(hidden_notes > 0));
    if table.rows.len() > for_rows {
        let shown = for_rows.saturating_sub(1);
        let more = table.rows.len() - shown;
        table.rows.truncate(shown);
        table
            .notes
            .insert(0, (format!("and {more} more"), Tone::Plain));
    }
    if hidden_notes > 0 {
        table.note(format!("and {hidden_notes} more notes"), Tone::Plain);
    }
    shorten(&mut table, width);
    let mut text = Vec::new();
    table::write(&table, false, styled, &mut text)?;
    let text = String::from_utf8_lossy(&text);
    let cut = |line: &str| console::truncate_str(line, width, "…").into_owned();
    Ok(text.lines().map(cut).collect())
}

/// Shortens the longest names until a row fits, or nothing can be shortened any more.
fn shorten(table: &mut Table, width: usize) {
    let columns = table.headers.len();
    let shown = |cell: &Cell| match cell {
        Cell::Text(text, _) => escape::line(text).width(),
        Cell::Number(number, _) => number.to_string().len(),
        Cell::Missing => 1,
    };
    let mut widths: Vec<usize> = table.headers.iter().map(|header| header.len()).collect();
    let mut is_text = vec![false; columns];
    for row in &table.rows {
        for (at, cell) in row.iter().enumerate().take(columns) {
            widths[at] = widths[at].max(shown(cell));
            // The last column may be cut where the terminal ends.
            is_text[at] |= matches!(cell, Cell::Text(..)) && at + 1 < columns;
        }
    }
    let gaps = 2 * columns.saturating_sub(1);
    let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(width);
    let mut limits = widths.clone();
    while excess > 0 {
        let may =
            |&at: &usize| is_text[at] && limits[at] > SHORTEST_NAME.max(table.headers[at].len());
        let Some(longest) = (0..columns).filter(may).max_by_key(|&at| limits[at]) else {
            break;
        };
        limits[longest] -= 1;
        excess -= 1;
    }
    for row in &mut table.rows {
        for (at, cell) in row.iter_mut().enumerate().take(columns) {
            if let Cell::Text(text, _) = cell
                && limits[at] < widths[at]
            {
                *text = console::truncate_str(&escape::line(text), limits[at], "…").into_owned();
            }
        }
    }
}

/// What replaces the last frame by this one. Where the width changed, its lines may have been wrapped, and all is cleared.
fn redraw(lines: &[String], drawn: Option<(usize, u16)>, width: u16) -> String {
    let mut text = String::new();
    match drawn {
        Some((count, before)) if before == width && count > 0 => {
            text.push_str(&format!("\x1b[{count}A\r"));
        }
        Some((_, before)) if before != width => text.push_str("\x1b[2J\x1b[H"),
        _ => {}
    }
    for line in lines {
        text.push_str(line);
        // To the end of the line: what stood there before was perhaps longer.
        text.push_str("\x1b[K\n");
    }
    text.push_str("\x1b[J");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: usize, notes: usize) -> Table {
        let mut table = Table::new(&["GROUP", "LAG", "TREND"], "nothing");
        for row in 0..rows {
            let name = format!("a-group-with-a-long-name-{row}");
            table.row([name.into(), 5i64.into(), "▁▂▃".into()]);
        }
        for note in 0..notes {
            table.note(format!("note {note}"), Tone::Bad);
        }
        table.titled("title")
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let cases = [
            // rows, notes, height → rows shown
            (3, 0, 24, 3, false),
            (21, 0, 24, 21, false),
            (22, 0, 24, 20, true),
            (1000, 0, 24, 20, true),
            (1000, 2, 24, 18, true),
            (1000, 500, 24, 12, true),
            (1000, 500, 3, 0, true),
        ];
        for (rows, notes, height, shown, counted) in cases {
            let lines = frame(table(rows, notes), (80, height), false).unwrap();
            let what = format!("{rows} rows, {notes} notes, {height} lines: {lines:?}");
            let rows = lines.iter().filter(|line| line.contains("a-group")).count();
            assert_eq!(rows, shown, "{what}");
            assert_eq!(
                lines.iter().any(|line| line.contains(" more")),
                counted,
                "{what}"
            );
            assert!(lines.len() < usize::from(height).max(6), "{what}");
        }
    }

    #[test]
    fn names_make_room_for_figures() {
        let wide = frame(table(1, 0), (80, 24), false).unwrap();
        assert_eq!(wide[2], "a-group-with-a-long-name-0    5  ▁▂▃");
        let narrow = frame(table(1, 0), (24, 24), false).unwrap();
        assert_eq!(narrow[2], "a-group-wit…    5  ▁▂▃");
        let tiny = frame(table(1, 0), (12, 24), false).unwrap();
        assert!(tiny.iter().all(|line| line.width() <= 12), "{tiny:?}");
    }

    #[test]
    fn nothing_is_said() {
        let lines = frame(table(0, 0), (80, 24), false).unwrap();
        assert_eq!(lines, ["title", "nothing"]);
    }

    #[test]
    fn a_frame_replaces_the_one_before() {
        let lines = ["one".to_owned(), "two".to_owned()];
        assert_eq!(redraw(&lines, None, 80), "one\x1b[K\ntwo\x1b[K\n\x1b[J");
        let again = redraw(&lines, Some((2, 80)), 80);
        assert!(again.starts_with("\x1b[2A\rone"), "{again:?}");
        let resized = redraw(&lines, Some((2, 80)), 60);
        assert!(resized.starts_with("\x1b[2J\x1b[Hone"), "{resized:?}");
    }
}
