//! A process that never outlives the tests, however they end: killed, interrupted, or done.
//!
//! A shell stands between. The tests hold the only writing end of the pipe that is its standard input; when they
//! are gone it reads the end, and ends its child by its own id. It is in a process group of its own, so that a
//! Ctrl-C meant for the tests does not end it before its work is done.

use super::signal::signal;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// The child says its id before it becomes the program. The shell lets go of standard output, so that the end of the
/// child is the end of the pipe.
const SCRIPT: &str = r#"
signal=$1; folder=$2; shift 2
sh -c 'echo "$$"; exec "$@"' keeper "$@" </dev/null &
child=$!
exec >/dev/null
while read -r _; do :; done
kill -"$signal" "$child"
wait "$child"
rm -rf -- "$folder"
"#;

/// The process, its shell, and a folder of its own that goes with it.
#[derive(Debug)]
pub struct Keeper {
    shell: Child,
    /// The writing end: dropping it ends everything.
    pipe: Option<ChildStdin>,
    id: u32,
    folder: PathBuf,
}

/// The lines the process writes to standard output.
#[derive(Debug)]
pub struct Lines(Receiver<String>);

impl Keeper {
    /// Starts the program. `folder` is removed when it ends; what it writes to standard error is kept in there.
    pub fn start(
        program: impl AsRef<OsStr>,
        arguments: &[OsString],
        folder: PathBuf,
    ) -> Result<(Keeper, Lines), String> {
        Keeper::start_ended_by("KILL", program, arguments, folder)
    }

    /// As [`Keeper::start`], for a program that has something to do when it is to end: it is sent the signal, and
    /// may take its time.
    pub fn start_ended_by(
        signal: &str,
        program: impl AsRef<OsStr>,
        arguments: &[OsString],
        folder: PathBuf,
    ) -> Result<(Keeper, Lines), String> {
        let failed = |what: &str, error: std::io::Error| format!("cannot {what}: {error}");
        let log = File::create(folder.join(LOG)).map_err(|error| failed("write a log", error))?;
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "keeper", signal])
            .arg(&folder)
            .arg(program)
            .args(arguments)
            .env("HOME", &folder)
            .env("XDG_CONFIG_HOME", &folder)
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0)
            .spawn()
            .map_err(|error| failed("start a shell", error))?;
        let pipe = shell.stdin.take();
        let stdout = shell.stdout.take().ok_or("no standard output")?;
        let (sender, receiver) = channel();
        // Goes on reading when nobody asks any more: a full pipe would stop the process.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let lines = Lines(receiver);
        let id = lines.next(Duration::from_secs(10))?;
        let id = id.parse().map_err(|_| format!("`{id}` is no process id"))?;
        Ok((
            Keeper {
                shell,
                pipe,
                id,
                folder,
            },
            lines,
        ))
    }

    /// The process's own id, not the shell's.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// kill -9 of the process.
    pub fn kill(&self) {
        signal("KILL", self.id);
    }

    /// The end of what it wrote to standard error, for a message about why it did not start.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.folder.join(LOG)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

const LOG: &str = "stderr.log";

impl Drop for Keeper {
    fn drop(&mut self) {
        self.pipe = None;
        let _ = self.shell.wait();
    }
}

impl Lines {
    /// The next line, or why there is none.
    pub fn next(&self, deadline: Duration) -> Result<String, String> {
        self.0.recv_timeout(deadline).map_err(|error| match error {
            RecvTimeoutError::Timeout => format!("it said nothing for {deadline:?}"),
            RecvTimeoutError::Disconnected => "it ended".to_owned(),
        })
    }
}

#[test]
fn the_process_ends_with_its_keeper() {
    use super::wait::wait_until;
    let folder = tempfile::tempdir().unwrap().keep();
    let arguments = ["-c".into(), "echo ready; exec sleep 1000".into()];
    let (keeper, lines) = Keeper::start("sh", &arguments, folder.clone()).unwrap();
    assert_eq!(lines.next(Duration::from_secs(10)).unwrap(), "ready");
    let process = PathBuf::from(format!("/proc/{}", keeper.id()));
    assert!(process.exists());
    drop(keeper);
    wait_until("the process to end", Duration::from_secs(10), || {
        !process.exists()
    });
    assert!(!folder.exists());
}

#[test]
fn a_process_that_ends_early_is_noticed_and_its_words_are_kept() {
    let folder = tempfile::tempdir().unwrap().keep();
    let arguments = ["-c".into(), "echo no disk >&2; exit 1".into()];
    let (keeper, lines) = Keeper::start("sh", &arguments, folder).unwrap();
    assert_eq!(lines.next(Duration::from_secs(10)).unwrap_err(), "it ended");
    assert_eq!(keeper.log(), "no disk");
}
