//! The whole terminal as one screen, drawn again and again; given back as it was however it ends.
//!
//! - [`viewer`]: what is shown and what keys do to it, without a terminal; - [`draw`]: the same as lines of a window;
//! - [`keys`]: keys as they are pressed.
//!
//! What was taken is given back by [`leave`]: when the [`Screen`] is dropped, before a panic is told of, and before the
//! process is ended by a second signal.

mod draw;
mod keys;
mod layout;
mod viewer;

pub use keys::Pressed;
pub use viewer::{Action, Viewer};

use super::Ui;
use crate::error::{Error, Result};
use keys::Keys;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use rustix::process::{Signal, kill_current_process_group};
use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{self, SignalKind, signal};

/// Whether the terminal is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);

type Drawn = Terminal<CrosstermBackend<Out>>;

/// The terminal for as long as it is ours. The library writes once more when it is dropped, and complains on standard
/// error if it cannot: where the terminal is gone, that is gone too, and the complaint would be a panic.
struct Out(BufWriter<File>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match TAKEN.load(Ordering::Acquire) {
            true => self.0.write(bytes),
            false => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match TAKEN.load(Ordering::Acquire) {
            true => self.0.flush(),
            false => Ok(()),
        }
    }
}

/// The terminal, taken.
pub struct Screen {
    terminal: Drawn,
    keys: Keys,
    /// Ctrl-Z, where somebody else presses it.
    stops: unix::Signal,
    styled: bool,
}

impl Ui {
    /// Whether there is a terminal to be taken: one that is read, and one that is written.
    pub fn has_screen(&self) -> bool {
        self.stdout_is_terminal && std::io::stdin().is_terminal()
    }

    /// Takes the whole terminal.
    ///
    /// # Errors
    /// When there is none, or it is gone.
    pub fn screen(&self) -> Result<Screen> {
        let stops = signal(SignalKind::from_raw(Signal::TSTP.as_raw()));
        let stops = stops.map_err(Error::output)?;
        enter().map_err(Error::output)?;
        match blank() {
            Ok(terminal) => Ok(Screen {
                terminal,
                keys: Keys::listen(),
                stops,
                styled: self.styled(),
            }),
            Err(error) => {
                leave();
                Err(Error::output(error))
            }
        }
    }
}

impl Screen {
    /// Shows it as it is now.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, viewer: &mut Viewer) -> Result<()> {
        let styled = self.styled;
        let drawn = self
            .terminal
            .draw(|frame| draw::draw(frame, viewer, styled));
        drawn.map(drop).map_err(Error::output)
    }

    /// The next key that is pressed, or that the window has another size. Who is told to stop was pressed Ctrl-Z.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub async fn next(&mut self) -> Result<Pressed> {
        tokio::select! {
            pressed = self.keys.next() => pressed.map_err(Error::output),
            Some(()) = self.stops.recv() => Ok(Pressed::Control('z')),
        }
    }

    /// Gives the terminal back and stops, as Ctrl-Z does; takes it again when somebody lets it go on.
    ///
    /// # Errors
    /// When the terminal is gone by then.
    pub fn suspend(&mut self) -> Result<()> {
        leave();
        // Not the signal that asked for it: that one is listened to. The whole job stops, as it does by the terminal's own
        // Ctrl-Z: a shell waits for its job, and not for a program that `time` or a script has started.
        let stopped = kill_current_process_group(Signal::STOP);
        stopped.map_err(|error| Error::output(error.into()))?;
        enter().map_err(Error::output)?;
        // Not cleared by the library, which asks the terminal where its cursor is and waits for the answer.
        self.terminal = blank().map_err(Error::output)?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

/// A screen on which nothing was drawn yet, as it is when it was taken.
fn blank() -> std::io::Result<Drawn> {
    let out = BufWriter::with_capacity(64 * 1024, super::stdout()?);
    Terminal::new(CrosstermBackend::new(Out(out)))
}

fn enter() -> std::io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::Release);
    let entered = super::stdout().and_then(|mut out| execute!(out, EnterAlternateScreen, Hide));
    if entered.is_err() {
        leave();
    }
    entered
}

/// Gives the terminal back. False when it was not taken, and nothing was to be done.
pub fn leave() -> bool {
    if !TAKEN.swap(false, Ordering::AcqRel) {
        return false;
    }
    // It was there a moment ago. If it is gone, there is nothing left to put in order.
    let _ = super::stdout().and_then(|mut out| {
        execute!(out, LeaveAlternateScreen, Show)?;
        out.flush()
    });
    let _ = disable_raw_mode();
    true
}
