//! The viewer as lines of a window.

use super::super::{escape, style};
use super::layout::{GAP, fitted, shown, widths};
use super::viewer::{Level, Viewer};
use crate::report::panel::Panel;
use crate::report::{Cell, Tone};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

/// Less cannot be shown.
pub(super) const WIDTH: u16 = 60;
pub(super) const HEIGHT: u16 = 14;

/// Lines that are no rows: title, tables, headers and keys; what is wrong or filtered takes one or two more.
const AROUND: u16 = 4;

const KEYS: &str = "q quit  ? help  Enter open  Tab next  / filter  s sort  r reverse  p pause";

const LOOKING: &str = "looking for the first time (q or Esc ends it)";

const HELP: [(&str, &str); 20] = [
    ("↑ ↓  k j", "move"),
    ("PgUp PgDn", "move by a page"),
    ("Home End  g G", "to the first, to the last"),
    ("Tab  ← →  1 to 4", "to another table"),
    ("Enter", "open a group: its partitions, and who is in it"),
    ("Esc", "back"),
    ("s", "sort by the next column"),
    ("r", "the other way round"),
    ("/", "filter by name; Enter keeps it, Esc ends it"),
    ("p", "pause, and go on"),
    ("Ctrl-Z", "leave it for a while; `fg` comes back"),
    ("q", "quit"),
    ("any key", "ends this help"),
    // Where the window has room for them: `eda top --help` has them too.
    ("OK", "no lag, or at some time none, or it falls"),
    ("WARN", "commits move on, and the lag never fell"),
    ("STALLED", "the commit stands still, and there are members"),
    ("STOPPED", "the same, and there are none"),
    ("REWIND", "the commit went back and did not return"),
    ("ERR", "a partition is STALLED, STOPPED or REWIND"),
    ("-", "not known, as a status until there are ten looks"),
];

/// Draws it, in colour where that is `styled`.
pub(super) fn draw(frame: &mut Frame<'_>, viewer: &mut Viewer, styled: bool) {
    let area = frame.area();
    if area.width < WIDTH || area.height < HEIGHT {
        return too_small(frame, area);
    }
    let paint = Paint { styled };
    let notice = paint.notice(viewer, usize::from(area.width));
    let page = usize::from(area.height - AROUND) - notice.len();
    viewer.page = page;
    viewer.level_mut().scroll(page);
    let mut lines = vec![paint.title(viewer, area.width), paint.tabs(viewer)];
    lines.extend(notice);
    match viewer.helps {
        true => lines.extend(paint.help()),
        false => lines.extend(paint.table(viewer.level(), area.width, page)),
    }
    lines.truncate(usize::from(area.height - 1));
    let rest = Rect {
        height: area.height - 1,
        ..area
    };
    frame.render_widget(Paragraph::new(lines), rest);
    let last = Rect {
        y: area.y + area.height - 1,
        height: 1,
        ..area
    };
    frame.render_widget(Paragraph::new(Line::from(KEYS).style(paint.faint())), last);
}

fn too_small(frame: &mut Frame<'_>, area: Rect) {
    let text = [
        format!("This window is {}x{}.", area.width, area.height),
        format!("eda top needs {WIDTH}x{HEIGHT}:"),
        "make it larger, or".to_owned(),
        "press q to quit.".to_owned(),
    ];
    let lines: Vec<Line<'_>> = text.iter().map(|line| Line::from(line.as_str())).collect();
    frame.render_widget(Paragraph::new(lines), area);
}

/// Meaning to style.
struct Paint {
    styled: bool,
}

impl Paint {
    fn tone(&self, tone: Tone) -> Style {
        match self.styled {
            true => style::on_screen(tone),
            // Without colours, what is bad still stands out.
            false if tone == Tone::Bad => Style::new().add_modifier(Modifier::BOLD),
            false => Style::new(),
        }
    }

    fn faint(&self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    fn title(&self, viewer: &Viewer, width: u16) -> Line<'static> {
        let right = match viewer.paused {
            true => format!("PAUSED  {}", viewer.seen),
            false => viewer.seen.clone(),
        };
        let left = format!("eda top  {}", escape::line(&viewer.title));
        let room = usize::from(width).saturating_sub(right.width() + GAP);
        let left = console::truncate_str(&left, room, "…").into_owned();
        let gap = " ".repeat(usize::from(width).saturating_sub(left.width() + right.width()));
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let right = match viewer.paused {
            true => Span::styled(right, self.tone(Tone::Warn)),
            false => Span::raw(right),
        };
        Line::from(vec![Span::styled(left, bold), Span::raw(gap), right])
    }

    fn tabs(&self, viewer: &Viewer) -> Line<'static> {
        let level = viewer.level();
        let mut spans = Vec::new();
        if let Some(name) = viewer.opened() {
            let name = console::truncate_str(&escape::line(name), 30, "…").into_owned();
            spans.push(Span::styled(
                format!("{name}  "),
                Style::new().add_modifier(Modifier::BOLD),
            ));
        }
        for (at, panel) in level.panels.iter().enumerate() {
            let mut style = self.tone(panel.tone);
            if at == level.at {
                style = style.add_modifier(Modifier::REVERSED);
            }
            let text = format!(" {} {} {} ", at + 1, panel.title, panel.rows.len());
            spans.push(Span::styled(text, style));
        }
        Line::from(spans)
    }

    /// What is wrong, else what is filtered.
    fn notice(&self, viewer: &Viewer, width: usize) -> Vec<Line<'static>> {
        let level = viewer.level();
        let filter = match (viewer.types, level.filter.is_empty()) {
            (true, _) => format!("filter: {}_", escape::line(&level.filter)),
            (false, false) => format!("filter: {} (Esc ends it)", escape::line(&level.filter)),
            (false, true) => String::new(),
        };
        let Some(alarm) = viewer.alarm.as_ref().filter(|_| !viewer.types) else {
            return vec![Line::from(filter)];
        };
        // The reason is at its end: it may take two lines.
        let alarm = escape::line(alarm);
        let first = console::truncate_str(&alarm, width, "").into_owned();
        let second = console::truncate_str(&alarm[first.len()..], width, "…").into_owned();
        let lines = [first, second].into_iter().filter(|line| !line.is_empty());
        lines
            .map(|line| Line::from(Span::styled(line, self.tone(Tone::Bad))))
            .collect()
    }

    fn help(&self) -> Vec<Line<'static>> {
        let line = |(keys, does): &(&'static str, &'static str)| {
            let bold = Style::new().add_modifier(Modifier::BOLD);
            Line::from(vec![
                Span::styled(
                    fitted(keys, crate::report::panel::ColumnKind::Name, 18),
                    bold,
                ),
                Span::raw(*does),
            ])
        };
        HELP.iter().map(line).collect()
    }

    fn table(&self, level: &Level, width: u16, page: usize) -> Vec<Line<'static>> {
        let Some(panel) = level.panel() else {
            return vec![Line::from(LOOKING)];
        };
        let rows = level.rows();
        let cursor = level.cursor(&rows);
        let top = level.place().top;
        let (sorted, descending) = level.sort();
        let seen: Vec<_> = rows.iter().skip(top).take(page).copied().collect();
        let widths = widths(&panel.columns, &seen, sorted, usize::from(width));
        let mut lines = vec![self.headers(panel, &widths, sorted, descending)];
        if rows.is_empty() {
            let empty = match panel.rows.is_empty() {
                true => escape::line(&panel.empty).into_owned(),
                false => "none fits the filter".to_owned(),
            };
            lines.push(Line::from(empty));
        }
        for (at, row) in seen.iter().enumerate() {
            let mut spans = Vec::with_capacity(2 * widths.len());
            for (number, (column, width)) in widths.iter().enumerate() {
                if number > 0 {
                    spans.push(Span::raw(" ".repeat(GAP)));
                }
                let Some(cell) = row.cells.get(*column) else {
                    continue;
                };
                let text = fitted(&shown(cell), panel.columns[*column].kind, *width);
                spans.push(Span::styled(text, self.tone(tone(cell))));
            }
            let line = Line::from(spans);
            lines.push(match top + at == cursor {
                true => line.style(Style::new().add_modifier(Modifier::REVERSED)),
                false => line,
            });
        }
        lines
    }

    fn headers(
        &self,
        panel: &Panel,
        widths: &[(usize, usize)],
        sorted: usize,
        descending: bool,
    ) -> Line<'static> {
        let mut spans = Vec::new();
        for (number, (at, width)) in widths.iter().enumerate() {
            if number > 0 {
                spans.push(Span::raw(" ".repeat(GAP)));
            }
            let column = &panel.columns[*at];
            let arrow = match (*at == sorted, descending) {
                (true, true) => "↓",
                (true, false) => "↑",
                (false, _) => "",
            };
            let text = fitted(&format!("{}{arrow}", column.header), column.kind, *width);
            let style = match *at == sorted {
                true => Style::new().add_modifier(Modifier::BOLD),
                false => self.faint(),
            };
            spans.push(Span::styled(text, style));
        }
        Line::from(spans)
    }
}

fn tone(cell: &Cell) -> Tone {
    match cell {
        Cell::Text(_, tone) | Cell::Number(_, tone) => *tone,
        Cell::Missing => Tone::Plain,
    }
}

#[cfg(test)]
mod tests;
