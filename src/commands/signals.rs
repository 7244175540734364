//! Ctrl-C and SIGTERM: the first asks the command to finish, the second ends the process at once.

use crate::error::Status;
use crate::ops::stop::Stop;
use tokio::signal::unix::{SignalKind, signal};

/// Starts listening; the answer is told when a signal has come.
pub fn listen() -> Stop {
    let stop = Stop::new();
    let told = stop.clone();
    tokio::spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        ) else {
            return;
        };
        loop {
            let status = tokio::select! {
                _ = interrupt.recv() => Status::Interrupted,
                _ = terminate.recv() => Status::Terminated,
            };
            if told.requested().is_some() {
                leave(status);
            }
            told.request(status);
        }
    });
    stop
}

/// The user asked twice: nothing that is still under way is waited for.
#[allow(clippy::disallowed_methods)] // The one place that may: a second Ctrl-C must not wait for anything.
fn leave(status: Status) -> ! {
    std::process::exit(status.code().into())
}
