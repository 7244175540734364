//! Ctrl-C and SIGTERM: the first asks a command that can finish early to do so, the second ends the process at once. A
//! command that cannot is ended by the first.

use crate::error::{Error, Status};
use crate::ops::consume::handler::kill_all;
use crate::ops::stop::Stop;
use crate::ui::{Manner, Ui, asking};
use std::sync::{Mutex, Once, PoisonError};
use tokio::signal::unix::{SignalKind, signal};

/// Who is to be told.
static LISTENER: Mutex<Option<Stop>> = Mutex::new(None);

/// From here on a signal tells the one that is answered.
pub fn listen() -> Stop {
    let stop = Stop::new();
    *LISTENER.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop.clone());
    watch();
    stop
}

/// From here on a signal ends the process only after the terminal was put in order: whatever is asked in between leaves
/// it without echo and cursor. Not where nobody is asked, where signals do what the one who started us has set.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tokio::spawn(async {
            let (Ok(mut interrupt), Ok(mut terminate)) = (
                signal(SignalKind::interrupt()),
                signal(SignalKind::terminate()),
            ) else {
                return;
            };
            loop {
                tokio::select! {
                    _ = interrupt.recv() => tell(Status::Interrupted),
                    _ = terminate.recv() => tell(Status::Terminated),
                }
            }
        });
    });
}

fn tell(status: Status) {
    let listener = LISTENER.lock().unwrap_or_else(PoisonError::into_inner);
    match &*listener {
        Some(stop) if stop.requested().is_none() => stop.request(status),
        _ => leave(status),
    }
}

/// Nobody can be told, or the user asked twice: nothing that is still under way is waited for.
#[allow(clippy::disallowed_methods)] // The one place that may: nothing else is left to wait for.
fn leave(status: Status) -> ! {
    // They are in process groups of their own, and would live on.
    kill_all();
    if asking::leave_in_order() {
        // Below the question.
        let ui = Ui::new(Manner::default());
        ui.status("");
        ui.error(&Error::stopped(status));
    }
    std::process::exit(status.code().into())
}
