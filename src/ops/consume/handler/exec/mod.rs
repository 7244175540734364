//! A process a record: the record's value on its standard input, its metadata in its environment, its exit status the
//! verdict.
//!
//! # What the process is given
//!
//! - Standard input: the value, byte for byte; nothing for a null value, and `EDA_VALUE_NULL=1`. It need not be read.
//! - The environment of `eda`, and of the record `EDA_TOPIC`, `EDA_PARTITION`, `EDA_OFFSET`, `EDA_TIMESTAMP` (milliseconds
//!   since 1970-01-01 UTC), `EDA_KEY`, `EDA_ATTEMPT` (from 1), `EDA_EVENT_ID`, `EDA_GROUP`, and `EDA_HEADER_<NAME>` for each
//!   header: the name in capitals, with `_` for what is no letter, digit or `_`. Of headers whose names are then the same
//!   the last counts. A variable that is not there stands for null. What no environment takes, a value with a NUL in it or
//!   of more than 64 KiB, or all that is beyond 256 KiB, is left out and named in `EDA_OMITTED`, with spaces between.
//!
//! # What it answers
//!
//! Its exit status, see `verdict.rs`. What it writes, on standard output and error, is shown; the last 4 KiB of standard
//! error become the failure's message. A signal that is not ours is a death. When its time is over it is asked to end
//! (SIGTERM) with all processes that it started, and then made to (SIGKILL).

mod environment;

#[cfg(test)]
mod tests;

use super::live;
use super::program::{Environment, Group, LAST_WORDS, Program, ending};
use super::said::{Said, Tail, listen};
use super::{Handled, Handler, Handling, verdict};
use crate::error::Result;
use crate::model::codes::Overrides;
use crate::model::dead_letter::{Failure, FailureKind};
use crate::model::duration::human;
use crate::model::record::Record;
use crate::ops::consume::Notices;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin};
use tokio::time::timeout;

/// So much of each of the two streams of a process is shown, a record.
const SHOWN: usize = 64 * 1024;
/// When the process has ended, what it wrote is in the pipes: this is for us to notice. A process that it left behind may
/// hold them open for ever.
const DRAINING: Duration = Duration::from_millis(50);

/// What [`Exec`] is to start, and for whom.
#[derive(Debug)]
pub struct ExecOptions {
    /// The program and its arguments, split already: no shell is asked.
    pub argv: Vec<String>,
    /// What it inherits, `PATH` among it, where it is looked for.
    pub environment: Environment,
    /// The consumer group, for `EDA_GROUP`.
    pub group: String,
    /// How long a process may take.
    pub timeout: Duration,
    /// What the user says of exit codes.
    pub verdicts: Overrides,
    pub notices: Arc<dyn Notices>,
}

/// Handles each record by a process of its own.
#[derive(Debug)]
pub struct Exec {
    program: Program,
    group: String,
    timeout: Duration,
    verdicts: Overrides,
    notices: Arc<dyn Notices>,
}

impl Exec {
    /// Finds the program, once.
    ///
    /// # Errors
    /// Usage: there is no such program, or it may not be run.
    pub fn new(options: ExecOptions) -> Result<Self> {
        let mut program = Program::find(options.argv, options.environment)?;
        program.without(environment::is_ours);
        Ok(Exec {
            program,
            group: options.group,
            timeout: options.timeout,
            verdicts: options.verdicts,
            notices: options.notices,
        })
    }

    fn start(&self, record: &Record, attempt: u32) -> Result<Running, Failure> {
        let value = record.value.as_deref().unwrap_or_default();
        let mut command = self.program.command();
        command
            .envs(environment::variables(record, attempt, &self.group))
            .stdin(match value.is_empty() {
                true => Stdio::null(),
                false => Stdio::piped(),
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let spawned = live::spawn(command);
        let (child, group) = spawned.map_err(|error| {
            let text = format!("cannot start `{}`: {error}", self.program.name());
            Failure::transient("spawn", text)
        })?;
        Ok(Running { group, child })
    }

    async fn run(&self, record: &Record, attempt: u32) -> Result<Handled, Failure> {
        let value = record.value.as_deref().unwrap_or_default();
        let mut running = self.start(record, attempt)?;
        let (stdin, stdout, stderr) = running.pipes();
        let said = || Said::new(Arc::clone(&self.notices), Some(SHOWN));
        let mut complaint = Tail::default();
        let ended = {
            let mut output = Tail::default();
            let reading = async {
                let output = async {
                    if let Some(stdout) = stdout {
                        listen(stdout, said(), &mut output).await;
                    }
                };
                let complaint = async {
                    if let Some(stderr) = stderr {
                        listen(stderr, said(), &mut complaint).await;
                    }
                };
                tokio::join!(output, complaint);
            };
            let feeding = feed(stdin, value);
            running.finish(feeding, reading, self.timeout).await
        };
        self.judge(ended, &complaint)
    }

    fn judge(&self, ended: Ended, complaint: &Tail) -> Result<Handled, Failure> {
        let why = complaint.text();
        let status = match ended {
            Ended::Exit(status) => status,
            Ended::Late => {
                let mut text = format!("no end within {}", human(self.timeout));
                if !why.is_empty() {
                    text = format!("{text}: {why}");
                }
                return Err(Failure::transient("timeout", text));
            }
            Ended::Unknown(error) => return Err(Failure::transient("wait", error.to_string())),
        };
        let why = match why.is_empty() {
            true => format!("`{}` said nothing on standard error", self.program.name()),
            false => why,
        };
        let exception = ending(status);
        match status.code() {
            None => Err(Failure::death(exception, why)),
            Some(code) => match verdict::of_exit(code, &self.verdicts) {
                None => Ok(Handled::default()),
                Some(FailureKind::Permanent) => Err(Failure::permanent(exception, why)),
                Some(_) => Err(Failure::transient(exception, why)),
            },
        }
    }
}

impl Handler for Exec {
    fn handle<'a>(&'a self, record: &'a Record, attempt: u32) -> Handling<'a> {
        Box::pin(self.run(record, attempt))
    }
}

/// The value, as far as it is wanted: whoever does not read it has no need of it.
async fn feed(stdin: Option<ChildStdin>, value: &[u8]) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(value).await;
    }
}

/// How the process ended.
enum Ended {
    Exit(ExitStatus),
    /// Its time was over.
    Late,
    Unknown(std::io::Error),
}

/// Dropped, it takes its processes with it.
struct Running {
    /// First, for it must be killed while the child is not yet given up.
    group: Group,
    child: Child,
}

impl Running {
    fn pipes(
        &mut self,
    ) -> (
        Option<ChildStdin>,
        Option<tokio::process::ChildStdout>,
        Option<tokio::process::ChildStderr>,
    ) {
        let child = &mut self.child;
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    }

    /// Until the process has ended, or its time is over and it was made to.
    async fn finish(
        &mut self,
        feeding: impl Future<Output = ()>,
        reading: impl Future<Output = ()>,
        patience: Duration,
    ) -> Ended {
        tokio::pin!(feeding, reading);
        let (mut fed, mut read) = (false, false);
        let child = &mut self.child;
        let exit = async {
            loop {
                tokio::select! {
                    status = child.wait() => return status,
                    () = &mut feeding, if !fed => fed = true,
                    () = &mut reading, if !read => read = true,
                }
            }
        };
        let ended = match timeout(patience, exit).await {
            Ok(Ok(status)) => {
                self.group.forget();
                Ended::Exit(status)
            }
            Ok(Err(error)) => Ended::Unknown(error),
            Err(_) => {
                // It may say why it took so long, and must not wait for us to hear it.
                let end = self.group.end(&mut self.child, LAST_WORDS);
                tokio::pin!(end);
                loop {
                    tokio::select! {
                        _ = &mut end => break,
                        () = &mut reading, if !read => read = true,
                    }
                }
                Ended::Late
            }
        };
        if !read {
            let _ = timeout(DRAINING, &mut reading).await;
        }
        ended
    }
}
