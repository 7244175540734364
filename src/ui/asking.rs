//! What a question does to the terminal, undone however it ends.
//!
//! A question hides the cursor and takes keys one by one, without echo. A person leaves it with an answer, with Ctrl-C
//! (which the terminal then sends as a key), or because somebody ends the process: whichever way, the shell that comes
//! next must find its terminal as it was.

use super::screen;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// The terminal as it was before the question that is open now.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// A question is open as long as this lives.
pub(super) struct Asking(());

impl Asking {
    pub(super) fn begin() -> Self {
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = tcgetattr(std::io::stderr()).ok();
        Asking(())
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        leave_in_order();
    }
}

/// Gives the terminal back as it was before the question, or before all of it was taken. False when neither was, and
/// nothing was to be done.
pub fn leave_in_order() -> bool {
    if screen::leave() {
        return true;
    }
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(before) = before else {
        return false;
    };
    // It was a terminal a moment ago. If it is gone, there is nothing left to put in order.
    let mut stderr = std::io::stderr();
    let _ = tcsetattr(&stderr, OptionalActions::Now, &before);
    let _ = console::Term::stderr().show_cursor();
    let _ = stderr.flush();
    true
}
