//! The processes that handlers have running, so that they can be ended when we end in a hurry.

use super::program::Group;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use tokio::process::Child;

/// Held while a process is started, until it is among [`LEADERS`].
static GATE: RwLock<()> = RwLock::new(());
/// The leaders of the groups that live.
static LEADERS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

fn leaders() -> MutexGuard<'static, BTreeSet<i32>> {
    LEADERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the program as the leader of a group that [`kill_all`] knows.
pub(in crate::ops) fn spawn(command: Command) -> std::io::Result<(Child, Group)> {
    let _gate = GATE.read().unwrap_or_else(PoisonError::into_inner);
    let child = tokio::process::Command::from(command).spawn()?;
    let group = Group::led_by(&child);
    Ok((child, group))
}

/// One more lives.
pub(super) fn add(leader: Pid) {
    leaders().insert(leader.as_raw_nonzero().get());
}

/// It has ended, or is left alone: its number may soon be another's.
pub(super) fn remove(leader: Pid) {
    leaders().remove(&leader.as_raw_nonzero().get());
}

/// Kills every process of every handler, for a program that exits at once: from here on none is started.
pub fn kill_all() {
    // For ever: what is being started is waited for, and who would start another waits for our end.
    std::mem::forget(GATE.write().unwrap_or_else(PoisonError::into_inner));
    for leader in leaders().iter().copied().filter_map(Pid::from_raw) {
        // It may just have gone.
        let _ = kill_process_group(leader, Signal::KILL);
    }
}
