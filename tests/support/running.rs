//! A run of `eda` that goes on: watched, signalled, ended.

use super::eda::{Eda, Output, parse_lines};
use super::signal::signal;
use super::wait::wait_for;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

type Collected = Arc<Mutex<Vec<u8>>>;

/// A process that was started and has not been waited for. Killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    eda: Eda,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Collected,
    stderr: Collected,
    readers: Vec<JoinHandle<()>>,
    started: Instant,
}

impl Running {
    pub(super) fn start(mut command: Command, eda: Eda) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().expect("eda can be started");
        let (stdout, stderr) = (Collected::default(), Collected::default());
        let readers = vec![
            collect(
                child.stdout.take().expect("standard output is a pipe"),
                &stdout,
            ),
            collect(
                child.stderr.take().expect("standard error is a pipe"),
                &stderr,
            ),
        ];
        Running {
            eda,
            stdin: child.stdin.take(),
            child,
            stdout,
            stderr,
            readers,
            started,
        }
    }

    /// The process's own id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard output so far.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout.lock().unwrap()).into_owned()
    }

    /// What it has written to standard error so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.lock().unwrap()).into_owned()
    }

    /// The records it has written so far, one whole line each.
    pub fn records(&self) -> Vec<serde_json::Value> {
        parse_lines(&self.stdout(), "a running eda")
    }

    /// Writes to its standard input, which [`Eda::spawn_with_input`] left open.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_mut().expect("standard input was left open");
        stdin
            .write_all(bytes.as_ref())
            .expect("eda reads its standard input");
        stdin.flush().expect("eda reads its standard input");
    }

    /// Ends its standard input.
    pub fn close_input(&mut self) {
        self.stdin = None;
    }

    /// Waits until what was collected satisfies the condition; fails the test, showing it, when it does not.
    #[track_caller]
    pub fn wait_until(&self, what: &str, deadline: Duration, condition: impl Fn(&Self) -> bool) {
        if wait_for(deadline, || condition(self).then_some(())).is_none() {
            panic!(
                "waited {deadline:?} for {what}\n--- stdout\n{}\n--- stderr\n{}",
                self.stdout(),
                self.stderr()
            );
        }
    }

    /// Waits for a text on standard output.
    #[track_caller]
    pub fn wait_for_line(&self, text: &str, deadline: Duration) {
        self.wait_until(text, deadline, |running| {
            running.stdout().lines().any(|line| line.contains(text))
        });
    }

    /// Waits for a number of records on standard output.
    #[track_caller]
    pub fn wait_for_records(&self, count: usize, deadline: Duration) {
        let newlines = |running: &Self| {
            running
                .stdout
                .lock()
                .unwrap()
                .iter()
                .filter(|byte| **byte == b'\n')
                .count()
        };
        self.wait_until(&format!("{count} records"), deadline, |running| {
            newlines(running) >= count
        });
    }

    /// kill -9: it has no chance to say goodbye.
    pub fn kill(mut self) -> Output {
        self.child.kill().expect("a child can be killed");
        self.wait(Duration::from_secs(10))
    }

    /// Ctrl-C.
    pub fn interrupt(&self) {
        signal("INT", self.id());
    }

    /// What a service manager sends.
    pub fn terminate(&self) {
        signal("TERM", self.id());
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(mut self, deadline: Duration) -> Output {
        let status = wait_for(deadline, || {
            self.child.try_wait().expect("a child can be asked")
        });
        let Some(status) = status else {
            panic!(
                "it did not end within {deadline:?}\n--- stdout\n{}\n--- stderr\n{}",
                self.stdout(),
                self.stderr()
            );
        };
        self.collected(status)
    }

    fn collected(&mut self, status: ExitStatus) -> Output {
        let took = self.started.elapsed();
        for reader in self.readers.drain(..) {
            reader.join().expect("a reader of a pipe does not panic");
        }
        let stdout = std::mem::take(&mut *self.stdout.lock().unwrap());
        let stderr = std::mem::take(&mut *self.stderr.lock().unwrap());
        self.eda.output(
            std::process::Output {
                status,
                stdout,
                stderr,
            },
            took,
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended, and been waited for, already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(mut source: impl Read + Send + 'static, into: &Collected) -> JoinHandle<()> {
    let into = into.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(length) = source.read(&mut buffer)
            && length > 0
        {
            into.lock().unwrap().extend_from_slice(&buffer[..length]);
        }
    })
}
