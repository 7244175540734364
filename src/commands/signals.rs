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
            // A terminal that is closed, a connection that is lost; unless whoever started us would have it ignored (nohup).
            let mut hang_up = match is_hang_up_ignored() {
                true => None,
                false => signal(SignalKind::hangup()).ok(),
            };
            loop {
                let hung_up = async {
                    match &mut hang_up {
                        Some(signal) => signal.recv().await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    _ = interrupt.recv() => tell(Status::Interrupted),
                    _ = terminate.recv() => tell(Status::Terminated),
                    _ = hung_up => tell(Status::Terminated),
                }
            }
        });
    });
}

/// Whether SIGHUP is ignored already, as far as the system says it (proc(5)); where it does not, it is left as it is.
fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask & 1 != 0)
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
