//! Meaning to colour: the only place that knows colours by name.

use crate::report::Tone;
use colored::{Color, Colorize};

/// `colored` looks at stdout alone; we always colour and let the stream strip what its reader cannot show.
pub fn prepare() {
    colored::control::set_override(true);
}

/// The text in the colour of its meaning.
pub fn tone(text: &str, tone: Tone) -> String {
    match colour(tone) {
        Some(colour) => text.color(colour).bold().to_string(),
        None => text.to_owned(),
    }
}

/// Less important than what stands beside it.
pub fn faint(text: &str) -> String {
    text.dimmed().to_string()
}

/// The name of something, such as a record's key.
pub fn name(text: &str) -> String {
    text.color(Color::Cyan).to_string()
}

/// A number or another word of JSON's, beside the text around it.
pub fn literal(text: &str) -> String {
    text.color(Color::Yellow).to_string()
}

fn colour(tone: Tone) -> Option<Color> {
    match tone {
        Tone::Plain => None,
        Tone::Good => Some(Color::Green),
        Tone::Warn => Some(Color::Yellow),
        Tone::Bad => Some(Color::Red),
    }
}

/// The same colours in the table library's own type, which it needs to measure widths.
pub fn cell(tone: Tone) -> Option<comfy_table::Color> {
    match tone {
        Tone::Plain => None,
        Tone::Good => Some(comfy_table::Color::Green),
        Tone::Warn => Some(comfy_table::Color::Yellow),
        Tone::Bad => Some(comfy_table::Color::Red),
    }
}

/// The same colours for the whole screen.
pub fn on_screen(tone: Tone) -> ratatui::style::Style {
    use ratatui::style::{Color, Modifier, Style};
    let style = |colour| Style::new().fg(colour).add_modifier(Modifier::BOLD);
    match tone {
        Tone::Plain => Style::new(),
        Tone::Good => Style::new().fg(Color::Green),
        Tone::Warn => style(Color::Yellow),
        Tone::Bad => style(Color::Red),
    }
}
