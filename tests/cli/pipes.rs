//! Colour and closed pipes.

use super::nobody;
use crate::support::{eda, eda::program};
use std::process::{Command, Stdio};

#[test]
fn no_colour_in_a_pipe_unless_it_is_asked_for() {
    let address = nobody();
    let list = eda(&["topic", "list", "--brokers", &address]);
    let plain = list.run().status(3);
    assert!(!plain.stderr.contains('\u{1b}'), "{:?}", plain.stderr);
    let coloured = list.clone().args(["--color", "always"]).run().status(3);
    assert!(coloured.stderr.contains('\u{1b}'), "{:?}", coloured.stderr);
    for never in [
        list.clone().args(["--color", "never"]),
        list.env("NO_COLOR", "1"),
    ] {
        assert!(!never.run().stderr.contains('\u{1b}'));
    }
}

#[test]
fn the_flag_wins_over_no_color() {
    let list =
        eda(&["topic", "list", "--color", "always", "--brokers", &nobody()]).env("NO_COLOR", "1");
    assert!(list.run().status(3).stderr.contains('\u{1b}'));
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    for arguments in [&["--help"][..], &["completions", "bash"], &["man"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(program())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .and_then(|child| child.wait_with_output())
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn help_that_could_not_be_written_is_a_failure() {
    for arguments in [&["--help"][..], &["--version"], &["completions", "bash"]] {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let output = Command::new(program())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(full.unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("cannot write to standard output"), "{said}");
    }
}
