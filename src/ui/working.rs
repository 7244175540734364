//! A line that says how work is doing, and what is said meanwhile above it: on stderr, the line on a terminal only,
//! never with `--quiet` or json.

use super::{Ui, escape};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::Write;
use std::time::Duration;

/// Ends when dropped. Shared by those who have something to say.
#[derive(Debug)]
pub struct Working {
    ui: Ui,
    line: ProgressBar,
}

impl Ui {
    /// For work that goes on until somebody ends it.
    pub fn working(&self) -> Working {
        let line = match self.is_watched() {
            true => ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10)),
            false => ProgressBar::hidden(),
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
            line.set_style(style);
        }
        Working {
            ui: self.clone(),
            line,
        }
    }
}

impl Working {
    /// Whether anybody sees the line.
    pub fn is_watched(&self) -> bool {
        self.ui.is_watched()
    }

    /// How it is doing.
    pub fn show(&self, text: String) {
        self.line.set_message(escape::line(&text).into_owned());
        if self.line.elapsed() >= Duration::from_millis(100) {
            self.line.tick();
        }
    }

    /// A line that matters.
    pub fn warn(&self, text: &str) {
        self.line.suspend(|| self.ui.warn(text));
    }

    /// A line for whoever watches; not with `--quiet`.
    pub fn status(&self, text: &str) {
        self.line.suspend(|| self.ui.status(&escape::line(text)));
    }

    /// What a handler wrote, a line of it: escaped on a terminal, else byte for byte.
    pub fn handler_said(&self, line: &[u8]) {
        let mut text = match self.ui.stderr_is_terminal {
            true => escape::bytes(line).into_bytes(),
            false => line.to_vec(),
        };
        text.push(b'\n');
        // At once, so that no other line comes between. A stderr that is gone is no reason to fail.
        self.line.suspend(|| {
            let _ = std::io::stderr().lock().write_all(&text);
        });
    }

    /// Takes the line away, so that what follows stands on a clean one.
    pub fn finish(&self) {
        self.line.finish_and_clear();
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.finish();
    }
}
