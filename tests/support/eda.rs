//! One run of `eda`: arguments in; standard output, standard error and status out.

use super::broker::Broker;
use super::redact;
use super::running::Running;
use super::terminal::Terminal;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longer than anything a test waits for: what takes this long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program that was just built.
pub fn program() -> PathBuf {
    assert_cmd::cargo::cargo_bin!("eda").to_path_buf()
}

/// `Eda::new().args(…)`, which is what nearly every test begins with.
pub fn eda<S: AsRef<OsStr>>(arguments: &[S]) -> Eda {
    Eda::new().args(arguments)
}

/// A run of `eda` to be: an empty environment, an empty home, nothing on standard input.
#[derive(Clone, Debug)]
pub struct Eda {
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    stdin: Option<Vec<u8>>,
    timeout: Duration,
    broker: Option<String>,
    home: Arc<tempfile::TempDir>,
}

impl Eda {
    pub fn new() -> Self {
        let home = Arc::new(tempfile::tempdir().expect("a folder for the run's home"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let home_path = home.path().as_os_str().to_owned();
        let config = home.path().join("config").into_os_string();
        Eda {
            arguments: Vec::new(),
            environment: vec![
                ("PATH".into(), path),
                ("HOME".into(), home_path),
                ("XDG_CONFIG_HOME".into(), config),
            ],
            stdin: None,
            timeout: PATIENCE,
            broker: None,
            home,
        }
    }

    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        let arguments = arguments
            .into_iter()
            .map(|argument| argument.as_ref().to_owned());
        self.arguments.extend(arguments);
        self
    }

    /// Adds `--brokers` with the broker's address, which snapshots then show as `[broker]`.
    pub fn on(mut self, broker: &Broker) -> Self {
        self.broker = Some(broker.address().to_owned());
        self.arg("--brokers").arg(broker.address())
    }

    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// What standard input holds; without it, it is empty.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// After this long the run is killed and the test fails.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The home of this run, empty; its contexts file is `config/eda/contexts.toml` in there.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs it to its end.
    pub fn run(&self) -> Output {
        let mut command = assert_cmd::Command::new(program());
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().cloned());
        command.current_dir(self.home.path()).timeout(self.timeout);
        if let Some(bytes) = &self.stdin {
            command.write_stdin(bytes.clone());
        }
        let started = Instant::now();
        let output = command.output().expect("eda can be started");
        let took = started.elapsed();
        let output = Output::new(&self.arguments, output, self.broker.clone(), took);
        assert!(
            took < self.timeout,
            "{} did not end within {:?}\n{}",
            output.command_line,
            self.timeout,
            output.text()
        );
        output
    }

    /// Starts it and leaves it running; it is killed when the test lets go of it.
    pub fn spawn(&self) -> Running {
        self.start(Stdio::null())
    }

    /// As [`Eda::spawn`], with standard input left open for [`Running::write`].
    pub fn spawn_with_input(&self) -> Running {
        self.start(Stdio::piped())
    }

    /// Starts it on a terminal of its own.
    pub fn on_a_terminal(&self) -> Terminal {
        Terminal::start(self, None, false)
    }

    /// The same with a terminal of so many columns and rows, which can be made another size.
    pub fn on_a_terminal_of(&self, columns: u16, rows: u16) -> Terminal {
        Terminal::start(self, Some((columns, rows)), false)
    }

    /// The same, started by a shell that waits for it.
    pub fn on_a_terminal_under_a_shell(&self, columns: u16, rows: u16) -> Terminal {
        Terminal::start(self, Some((columns, rows)), true)
    }

    fn start(&self, stdin: Stdio) -> Running {
        let mut command = std::process::Command::new(program());
        command.args(&self.arguments).stdin(stdin);
        self.start_as(command)
    }

    pub(super) fn words(&self) -> &[OsString] {
        &self.arguments
    }

    /// Starts a command in this run's home and environment.
    pub(super) fn start_as(&self, mut command: std::process::Command) -> Running {
        command
            .env_clear()
            .envs(self.environment.iter().cloned())
            .current_dir(self.home.path());
        Running::start(command, self.clone())
    }

    pub(super) fn output(&self, output: std::process::Output, took: Duration) -> Output {
        Output::new(&self.arguments, output, self.broker.clone(), took)
    }
}

/// What a run left behind.
#[derive(Clone, Debug)]
pub struct Output {
    /// `eda topic list …`, for messages.
    pub command_line: String,
    pub stdout: String,
    pub stderr: String,
    /// The exit code; 128 and the signal's number when a signal ended it.
    pub status: i32,
    /// How long it took.
    pub took: Duration,
    broker: Option<String>,
}

impl Output {
    fn new(
        arguments: &[OsString],
        output: std::process::Output,
        broker: Option<String>,
        took: Duration,
    ) -> Self {
        let words = arguments.iter().map(|word| word.to_string_lossy());
        let words: Vec<_> = std::iter::once("eda".into()).chain(words).collect();
        Output {
            command_line: words.join(" "),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            status: code(output.status),
            took,
            broker,
        }
    }

    /// Status, standard output and standard error, with what changes from run to run replaced: for an inline
    /// snapshot.
    pub fn snapshot(&self) -> String {
        redact::redact(&self.text(), self.broker.as_deref())
    }

    fn text(&self) -> String {
        let line = |text: &str| match text {
            "" => String::new(),
            text if text.ends_with('\n') => text.to_owned(),
            text => format!("{text}\n"),
        };
        format!(
            "status: {}\n--- stdout\n{}--- stderr\n{}",
            self.status,
            line(&self.stdout),
            line(&self.stderr)
        )
    }

    /// Fails the test unless the exit status is this.
    #[track_caller]
    pub fn status(self, expected: i32) -> Self {
        assert_eq!(
            self.status,
            expected,
            "{}\n{}",
            self.command_line,
            self.text()
        );
        self
    }

    #[track_caller]
    pub fn succeeds(self) -> Self {
        self.status(0)
    }

    /// Fails the test unless standard error holds the text.
    #[track_caller]
    pub fn stderr_has(self, expected: &str) -> Self {
        assert!(
            self.stderr.contains(expected),
            "{}: no `{expected}` in\n{}",
            self.command_line,
            self.text()
        );
        self
    }

    /// Fails the test unless standard output holds the text.
    #[track_caller]
    pub fn stdout_has(self, expected: &str) -> Self {
        assert!(
            self.stdout.contains(expected),
            "{}: no `{expected}` in\n{}",
            self.command_line,
            self.text()
        );
        self
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!(
                "{} wrote no JSON: {error}\n{}",
                self.command_line,
                self.text()
            ),
        }
    }

    /// Standard output as one JSON document a line.
    #[track_caller]
    pub fn records(&self) -> Vec<serde_json::Value> {
        parse_lines(&self.stdout, &self.command_line)
    }

    /// Standard error as the one JSON object an error is under `--json`.
    #[track_caller]
    pub fn error_json(&self) -> serde_json::Value {
        let last = self.stderr.lines().last().unwrap_or_default();
        match serde_json::from_str::<serde_json::Value>(last) {
            Ok(value) => value["error"].clone(),
            Err(error) => panic!("{}: {error}\n{}", self.command_line, self.text()),
        }
    }
}

/// Every whole line as JSON.
#[track_caller]
pub fn parse_lines(text: &str, what: &str) -> Vec<serde_json::Value> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let parse = |line: &str| match serde_json::from_str(line) {
        Ok(value) => value,
        Err(error) => panic!("{what}: {error} in line {line}"),
    };
    whole.lines().map(parse).collect()
}

fn code(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}
