//! The machine that servers of the tests run on: their programs, their user, its ports.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

/// In PATH, or where Debian has the programs of PostgreSQL, the newest first.
pub fn program(name: &str) -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    versions.sort_by_key(|path| {
        path.components().nth(4).map(|part| {
            part.as_os_str()
                .to_string_lossy()
                .parse::<u32>()
                .unwrap_or(0)
        })
    });
    versions.reverse();
    let path = std::env::var_os("PATH").unwrap_or_default();
    versions.extend(std::env::split_paths(&path));
    versions
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// The program; `None`, which is said, when it is not installed, and in CI a failure.
pub fn missing_or(test: &str, program: Option<PathBuf>, package: &str) -> Option<PathBuf> {
    if program.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "Debian's package `{package}` is not installed, and CI is to have it"
        );
        let line = format!(
            "not carried out: `{test}`, because it needs Debian's package `{package}`, which is not installed\n"
        );
        // Not eprintln!, which the harness keeps to itself when a test passes.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    program
}

/// PostgreSQL refuses to run as root, so both run as the user that its package makes, or as nobody.
pub fn other_user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.starts_with(&format!("{name}:")))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    ids("postgres").or_else(|| ids("nobody"))
}

/// What goes before a program so that it runs as that user, as the same process.
pub fn user_words() -> Vec<OsString> {
    let Some((user, group)) = other_user() else {
        return Vec::new();
    };
    vec![
        "setpriv".into(),
        format!("--reuid={user}").into(),
        format!("--regid={group}").into(),
        "--clear-groups".into(),
    ]
}

/// One that has ended, and was not waited for yet, has no memory.
pub fn is_running(process: &Path) -> bool {
    let statistics = fs::read_to_string(process.join("statm")).unwrap_or_default();
    !statistics.is_empty() && !statistics.starts_with("0 ")
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
