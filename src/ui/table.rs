//! Aligned columns without borders, for people.

use super::{escape, style};
use crate::model::wording::shortened;
use crate::report::{Cell, Table};
use comfy_table::{CellAlignment, ContentArrangement};
use std::io::Write;

/// The most characters of a cell: one that has millions, as anybody's id or error may, would make the rows of all others
/// as long. `--json` and `--output plain` have all of it.
const LONGEST_CELL: usize = 1000;

/// Title, rows, notes, then further tables after a blank line. On a terminal long rows are wrapped at its width;
/// in a pipe every row stays one line.
pub fn write(table: &Table, wrap: bool, styled: bool, out: &mut impl Write) -> std::io::Result<()> {
    write_one(table, wrap, styled, out)?;
    for next in &table.more {
        if next.rows.is_empty() && next.notes.is_empty() {
            continue;
        }
        writeln!(out)?;
        write_one(next, wrap, styled, out)?;
    }
    Ok(())
}

fn write_one(table: &Table, wrap: bool, styled: bool, out: &mut impl Write) -> std::io::Result<()> {
    if let Some(title) = &table.title {
        writeln!(out, "{}", escape::line(title))?;
    }
    if !table.rows.is_empty() {
        let mut rendered = comfy_table::Table::new();
        rendered.load_style(comfy_table::TableStyle::new());
        rendered.force_no_tty();
        if wrap {
            rendered.set_content_arrangement(ContentArrangement::Dynamic);
            let width = terminal_size::terminal_size().map_or(120, |(width, _)| width.0);
            rendered.set_width(width);
        }
        rendered.set_header(table.headers.iter().map(|header| {
            let cell = comfy_table::Cell::new(header);
            if styled {
                cell.add_attribute(comfy_table::Attribute::Dim)
            } else {
                cell
            }
        }));
        for row in &table.rows {
            rendered.add_row(row.iter().map(|value| cell(value, styled)));
        }
        align_numbers(&mut rendered, table);
        if styled {
            rendered.enforce_styling();
        }
        for line in rendered.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
    }
    for (note, tone) in &table.notes {
        writeln!(out, "{}", style::tone(&escape::line(note), *tone))?;
    }
    Ok(())
}

fn cell(value: &Cell, styled: bool) -> comfy_table::Cell {
    let (text, tone) = match value {
        Cell::Text(text, tone) => {
            let text = shortened(text, LONGEST_CELL);
            (escape::line(&text).into_owned(), *tone)
        }
        Cell::Number(number, tone) => (number.to_string(), *tone),
        Cell::Missing => ("-".to_owned(), crate::report::Tone::Plain),
    };
    let cell = comfy_table::Cell::new(text);
    match style::cell(tone) {
        Some(colour) if styled => cell.fg(colour),
        _ => cell,
    }
}

/// Numbers stand right, under a header that stands right too; text stands left. One space apart from its neighbour.
fn align_numbers(rendered: &mut comfy_table::Table, table: &Table) {
    for (index, column) in rendered.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        let numeric = table
            .rows
            .iter()
            .filter_map(|row| row.get(index))
            .any(|cell| matches!(cell, Cell::Number(..)));
        if numeric {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Tone;

    #[test]
    fn a_text_without_end_is_cut() {
        let mut table = Table::new(&["ID", "EVENTS"], "none");
        table.row([
            "é".repeat(LONGEST_CELL).into(),
            Cell::Number(1, Tone::Plain),
        ]);
        table.row(["é".repeat(2_000_000).into(), Cell::Number(2, Tone::Plain)]);
        let mut out = Vec::new();
        write(&table, false, false, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        let lengths: Vec<usize> = out.lines().map(|line| line.chars().count()).collect();
        // Of the longest and its ellipsis, two of space, and `EVENTS`.
        assert_eq!(lengths, [LONGEST_CELL + 9; 3]);
        assert_eq!(out.matches('…').count(), 1);
    }

    #[test]
    fn text_left_numbers_right_nothing_raw() {
        let mut table = Table::new(&["NAME", "RECORDS"], "none");
        table.row(["orders".into(), Cell::Number(1200, Tone::Bad)]);
        table.row(["evil\x1b[2J".into(), Cell::Missing]);
        table.note("2 topics", Tone::Plain);
        let mut out = Vec::new();
        write(&table, false, false, &mut out).unwrap();
        let expected = "NAME           RECORDS\n\
                        orders            1200\n\
                        evil\\u{1b}[2J        -\n\
                        2 topics\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
