//! Signals to processes that a test started.

use std::process::Command;

/// The shell's own `kill`: the standard library can only send SIGKILL, and the program may be missing.
pub fn signal(name: &str, id: u32) {
    let command = format!("kill -{name} {id}");
    let status = Command::new("sh")
        .args(["-c", &command])
        .status()
        .expect("a shell");
    assert!(status.success(), "`{command}` failed");
}
