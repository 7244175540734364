//! Something to look at while waiting: on stderr, on a terminal only, never with `--quiet` or json.

use super::{Ui, escape};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// A bar or a spinner; draws nothing where nobody watches. Ends when dropped.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Ui {
    /// A bar towards `total`, or a spinner when the total is unknown. Appears within 100 ms.
    pub fn progress(&self, total: Option<u64>, message: &str) -> Progress {
        if !self.is_watched() {
            return Progress(ProgressBar::hidden());
        }
        let (bar, template) = match total {
            Some(total) => (
                ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10)),
                "{msg} {bar:30} {pos}/{len} {per_sec} {eta}",
            ),
            None => (
                ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10)),
                "{spinner} {msg} {elapsed}",
            ),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(message.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        Progress(bar)
    }
}

impl Progress {
    /// How far it has come.
    pub fn set(&self, position: u64) {
        self.0.set_position(position);
    }

    /// What is being done.
    pub fn say(&self, message: String) {
        self.0.set_message(message);
    }

    /// A line that stays, above the bar; nothing where nobody watches.
    pub fn line(&self, text: &str) {
        self.0.println(escape::line(text));
    }

    /// Takes the bar away, so that what follows stands on a clean line.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
