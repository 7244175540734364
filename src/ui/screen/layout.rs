//! How wide columns are, so that a row fits.

use super::super::escape;
use crate::report::Cell;
use crate::report::panel::{Column, ColumnKind, PanelRow};
use unicode_width::UnicodeWidthStr;

/// Between two columns.
pub(super) const GAP: usize = 2;
/// A course has this part of the window.
const COURSE: usize = 5;
/// Columns are not made narrower than this, but for figures, which are never cut.
const SHORTEST_NAME: usize = 12;
const SHORTEST_TEXT: usize = 6;
const SHORTEST_COURSE: usize = 8;

/// A cell as it is shown.
pub(super) fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Text(text, _) => escape::line(text).into_owned(),
        Cell::Number(number, _) => number.to_string(),
        Cell::Missing => "-".to_owned(),
    }
}

/// The columns that are seen in a window of this width, by number, and how wide each is.
pub(super) fn widths(
    columns: &[Column],
    rows: &[&PanelRow],
    sorted: usize,
    width: usize,
) -> Vec<(usize, usize)> {
    let seen = columns.iter().enumerate();
    let seen = seen.filter(|(_, column)| usize::from(column.from) <= width);
    let mut widths: Vec<(usize, usize)> = seen
        .map(|(at, column)| {
            // The sorted column has an arrow.
            let header = column.header.width() + usize::from(at == sorted);
            let cells = rows.iter().filter_map(|row| row.cells.get(at));
            let widest = cells.map(|cell| shown(cell).width()).max().unwrap_or(0);
            let wanted = match column.kind {
                // As wide now as when there is more of it: columns that move are hard to read.
                ColumnKind::Course => (width / COURSE).max(SHORTEST_COURSE),
                _ => widest,
            };
            (at, header.max(wanted))
        })
        .collect();
    let kind = |at: usize| {
        columns
            .get(at)
            .map_or(ColumnKind::Text, |column| column.kind)
    };
    let gaps = GAP * widths.len().saturating_sub(1);
    let mut excess =
        (widths.iter().map(|(_, width)| width).sum::<usize>() + gaps).saturating_sub(width);
    // Courses give way first, then words, then names.
    let order = [
        (ColumnKind::Course, SHORTEST_COURSE),
        (ColumnKind::Text, SHORTEST_TEXT),
        (ColumnKind::Name, SHORTEST_NAME),
    ];
    for (giving, shortest) in order {
        while excess > 0 {
            let may = |(at, width): &&mut (usize, usize)| kind(*at) == giving && *width > shortest;
            let Some(widest) = widths
                .iter_mut()
                .filter(may)
                .max_by_key(|(_, width)| *width)
            else {
                break;
            };
            widest.1 -= 1;
            excess -= 1;
        }
    }
    // What is left goes to the name: the figures stand at the right edge.
    let used = widths.iter().map(|(_, width)| width).sum::<usize>() + gaps;
    if let Some(name) = widths
        .iter_mut()
        .find(|(at, _)| kind(*at) == ColumnKind::Name)
    {
        name.1 += width.saturating_sub(used);
    }
    widths
}

/// The text in exactly this width.
pub(super) fn fitted(text: &str, kind: ColumnKind, width: usize) -> String {
    let length = text.width();
    let text = match kind {
        _ if length <= width => text.to_owned(),
        // The latest are on the right.
        ColumnKind::Course => text.chars().skip(text.chars().count() - width).collect(),
        _ => console::truncate_str(text, width, "…").into_owned(),
    };
    let padding = " ".repeat(width.saturating_sub(text.width()));
    match kind {
        ColumnKind::Figure | ColumnKind::Course => padding + &text,
        ColumnKind::Name | ColumnKind::Text => text + &padding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_as_wide_as_its_column() {
        let cases = [
            ("orders", ColumnKind::Name, 8, "orders  "),
            ("orders", ColumnKind::Name, 4, "ord…"),
            ("12", ColumnKind::Figure, 4, "  12"),
            ("▁▂▃▄", ColumnKind::Course, 2, "▃▄"),
            ("▁▂", ColumnKind::Course, 4, "  ▁▂"),
        ];
        for (text, kind, width, expected) in cases {
            assert_eq!(fitted(text, kind, width), expected);
        }
    }
}
