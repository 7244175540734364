//! `eda consume --group` into what cannot take it: nothing that was not printed whole is committed.

use super::{PATIENCE, send_numbers, topic};
use crate::support::{broker, eda, fresh};
use std::path::Path;

const RECORDS: u32 = 2000;

/// Runs a shell's line, in which `"$@"` stands for the program with these arguments.
fn shell(script: &str, arguments: &[&str], folder: &Path) -> std::process::Output {
    assert_cmd::Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(crate::support::eda::program())
        .args(arguments)
        .args(["--brokers", broker().address()])
        .current_dir(folder)
        .timeout(PATIENCE)
        .output()
        .unwrap()
}

/// The group's next offset in the topic's one partition; nothing is 0.
#[track_caller]
fn committed(group: &str) -> usize {
    let lag = eda(&["lag", "--group", group, "--json"]).on(broker()).run();
    let rows = match lag.status {
        0 => lag.json(),
        _ => return 0,
    };
    let committed = rows[0]["committed"].as_u64().unwrap_or_default();
    usize::try_from(committed).unwrap()
}

#[test]
fn what_could_not_be_printed_is_not_committed() {
    let topic = topic("orders", 1);
    send_numbers(&topic, 1, RECORDS);
    let folder = tempfile::tempdir().unwrap();
    let count = RECORDS.to_string();
    let outputs = [
        // A full device.
        ("exec \"$@\" >/dev/full", "No space left on device"),
        // A descriptor that is open, and not for writing.
        ("exec \"$@\" 1</dev/null", "Bad file descriptor"),
    ];
    let manners: [&[&str]; 4] = [&["--json"], &["-f", "%v\n"], &["-n", &count], &["-n", "1"]];
    for (script, reason) in outputs {
        for manner in manners {
            let group = fresh("printing");
            let arguments = [&["consume", &topic, "-g", &group], manner].concat();
            let output = shell(script, &arguments, folder.path());
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{script} {manner:?}: {said}");
            assert!(said.contains("cannot write to standard output"), "{said}");
            assert!(said.contains(reason), "{said}");
            assert_eq!(committed(&group), 0, "{script} {manner:?}");
        }
    }
}

/// The limit of a file's size stands for a full file system: the write that meets it is cut short.
#[test]
fn a_file_that_cannot_grow_holds_all_that_was_committed() {
    let topic = topic("orders", 1);
    send_numbers(&topic, 1, RECORDS);
    let folder = tempfile::tempdir().unwrap();
    for manner in [&["--json"][..], &["-f", "%v\n"]] {
        let group = fresh("printing");
        let arguments = [&["consume", &topic, "-g", &group], manner].concat();
        let script = "trap '' XFSZ; ulimit -f 8; exec \"$@\" >out";
        let output = shell(script, &arguments, folder.path());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("cannot write to standard output"), "{said}");
        let printed = std::fs::read(folder.path().join("out")).unwrap();
        let whole = printed.iter().filter(|byte| **byte == b'\n').count();
        assert!(whole > 0 && whole < RECORDS as usize, "{whole}");
        let committed = committed(&group);
        assert!(committed <= whole, "{committed} of {whole} printed");
        // Whoever comes next gets the rest.
        let rest = RECORDS as usize - committed;
        let next = eda(&["consume", &topic, "-g", &group, "--json"])
            .args(["-n", &rest.to_string()])
            .on(broker())
            .run()
            .succeeds();
        assert_eq!(next.records()[0]["offset"], committed);
    }
}
