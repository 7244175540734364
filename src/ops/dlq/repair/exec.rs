//! A program that dead letters go through: it is given a record a line, and answers a line for each, in their order.
//!
//! It is started once a batch and given the whole batch at once, so that whatever reads lines and writes lines will do:
//! `jq -c`, `sed`, a script. What it answers first has room while the rest is still being written to it.

use super::{Answer, Patient};
use crate::error::{Error, Result, Status};
use crate::model::dead_letter::Original;
use crate::model::duration::human;
use crate::model::record::{Headers, Record, RecordRef, TimestampType};
use crate::model::{json_layout, record_json};
use crate::ops::consume::handler::{
    Environment, Group, LAST_WORDS, LONGEST_TIMEOUT, Program, Tail, ending, start,
};
use crate::ops::stop::Stop;
use serde::Deserialize;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdout};
use tokio::runtime::Handle;

/// The most that is taken of what it answers to a batch.
const MOST: usize = 64 * 1024 * 1024;

/// What stands for a partition and an offset that nobody knows, as in Kafka's protocol.
const UNKNOWN: i64 = -1;

/// What a [`Filter`] is.
#[derive(Debug)]
pub struct FilterOptions {
    /// As the user wrote it.
    pub command: String,
    /// The program and its arguments, split already: no shell is asked.
    pub argv: Vec<String>,
    /// What it inherits, `PATH` among it, where it is looked for.
    pub environment: Environment,
    /// How long a batch may take.
    pub timeout: Duration,
    /// Ends it early.
    pub stop: Stop,
}

/// A program that records go through.
#[derive(Clone, Debug)]
pub struct Filter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    command: String,
    program: Program,
    timeout: Duration,
    /// Somebody wants it to end.
    stop: Stop,
    /// Nobody takes what it answers.
    over: Stop,
}

/// Only what tells whose answer it is.
#[derive(Deserialize)]
struct Place {
    partition: Option<i64>,
    offset: Option<i64>,
}

impl Filter {
    /// How long a batch may take, unless somebody says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(60);

    /// Finds the program, once.
    ///
    /// # Errors
    /// Usage: there is no such program, or it may not be run.
    pub fn new(options: FilterOptions) -> Result<Self> {
        Ok(Filter(Arc::new(Inner {
            command: options.command,
            program: Program::find_as("filter", options.argv, options.environment)?,
            timeout: options.timeout.min(LONGEST_TIMEOUT),
            stop: options.stop,
            over: Stop::new(),
        })))
    }

    /// The command as the user wrote it.
    pub(super) fn command(&self) -> &str {
        &self.0.command
    }

    /// How long a batch may take.
    pub(super) fn timeout(&self) -> Duration {
        self.0.timeout
    }

    /// Nobody takes what it answers from now on: it is ended.
    pub(super) fn end(&self) {
        self.0.over.request(Status::Failed);
    }

    /// How it is to end early, if somebody wants that.
    pub(super) fn stopped(&self) -> Option<Status> {
        self.0.stop.requested().or(self.0.over.requested())
    }

    /// What it makes of the letters.
    ///
    /// # Errors
    /// It was stopped; or it failed for all of them, and none is to be put back: it does not start, ends with another
    /// status than 0, not in time, or answers less or more than a line for each.
    pub(super) fn answers(
        &self,
        runtime: &Handle,
        records: &[Record],
        patients: &[Patient],
    ) -> Result<Vec<Answer>> {
        if let Some(status) = self.stopped() {
            return Err(Error::stopped(status));
        }
        let (Some(first), Some(last)) = (patients.first(), patients.last()) else {
            return Ok(Vec::new());
        };
        let mut given = Vec::new();
        for patient in patients {
            write(patient, &patient.original, &mut given);
            given.push(b'\n');
        }
        let answered = runtime.block_on(self.run(&given));
        let read = answered.and_then(|answered| self.read(&answered, patients));
        read.map_err(|error| {
            let place = |patient: &Patient| records[patient.at].coordinates();
            match (patients.len(), self.stopped()) {
                (_, Some(status)) => Error::stopped(status),
                (1, None) => error.context(format!("`{}` is not repaired", place(first))),
                (count, None) => error.context(format!(
                    "the {count} dead letters from `{}` to `{}` are not repaired",
                    place(first),
                    place(last)
                )),
            }
        })
    }

    /// One answer a line.
    fn read(&self, answered: &[u8], patients: &[Patient]) -> Result<Vec<Answer>> {
        let lines = answered.strip_suffix(b"\n").unwrap_or(answered);
        let lines = lines.split(|byte| *byte == b'\n');
        // Counted before they are looked at: they may be nothing but line breaks.
        let count = match answered.is_empty() {
            true => 0,
            false => lines.clone().count(),
        };
        if count != patients.len() {
            let text = format!(
                "`{}` answered {count} lines to {} records",
                self.0.program.name(),
                patients.len()
            );
            return Err(Error::failed(text).hint(
                "it is to write a line for each, in their order: `null` leaves a letter where it is, \
                 such as jq -c 'if .value.total then . else null end'",
            ));
        }
        let answers = lines.zip(patients);
        answers
            .map(|(line, patient)| self.answer(line.trim_ascii(), patient))
            .collect()
    }

    fn answer(&self, line: &[u8], patient: &Patient) -> Result<Answer> {
        if matches!(line, b"" | b"null") {
            return Ok(Err("the command gave none for it".to_owned()));
        }
        // Whoever loses the order would put one record back as another.
        if line.starts_with(b"{")
            && let Ok(place) = serde_json::from_slice::<Place>(line)
        {
            let is_other = |told: Option<i64>, given: i64| told.is_some_and(|told| told != given);
            if is_other(place.offset, patient.offset())
                || is_other(place.partition, patient.partition())
            {
                let text = format!(
                    "`{}` does not answer in the order of the records",
                    self.0.program.name()
                );
                return Err(Error::failed(text)
                    .hint("partition and offset of a record are to stay, or to be left out"));
            }
        }
        let read = match record_json::read(line) {
            Ok(read) => read,
            Err(error) => return Ok(Err(format!("the command's answer is no record: {error}"))),
        };
        // Written anew it is often the same again, in another spacing.
        let value = match (&patient.original.value, read.value) {
            (Some(old), Some(new)) if json_layout::is_same(old, &new) => Some(old.clone()),
            (_, new) => new,
        };
        Ok(Ok(Original {
            key: read.key,
            value,
            headers: read.headers,
        }))
    }

    /// What it writes when it is given this.
    async fn run(&self, given: &[u8]) -> Result<Vec<u8>> {
        let name = self.0.program.name();
        let mut command = self.0.program.command();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let started = start(command);
        let (mut child, mut group) = started
            .map_err(|error| Error::failed(format!("cannot start `{name}`")).caused_by(error))?;
        let mut complaint = Tail::default();
        let ended = {
            let run = self.talk(&mut child, given, &mut complaint);
            tokio::select! {
                ended = tokio::time::timeout(self.0.timeout, run) => ended,
                status = self.0.stop.wait() => Ok(Err(Error::stopped(status))),
                status = self.0.over.wait() => Ok(Err(Error::stopped(status))),
            }
        };
        let why = complaint.text();
        let explained = |error: Error| match why.is_empty() {
            true => error,
            false => error.caused_by(why.clone()),
        };
        match ended {
            Ok(Ok((status, answered))) => {
                group.forget();
                if !status.success() {
                    let text = format!("`{name}` ended with {}", ending(status));
                    return Err(explained(Error::failed(text)));
                }
                if !why.is_empty() {
                    tracing::info!("`{name}` said: {why}");
                }
                Ok(answered)
            }
            Ok(Err(error)) => {
                end(&mut group, &mut child).await;
                Err(error)
            }
            Err(_) => {
                end(&mut group, &mut child).await;
                let text = format!("`{name}` did not end within {}", human(self.0.timeout));
                Err(explained(Error::failed(text)).hint("`--exec-timeout` gives it longer"))
            }
        }
    }

    /// Writes and reads at the same time, or both would wait for each other.
    async fn talk(
        &self,
        child: &mut Child,
        given: &[u8],
        complaint: &mut Tail,
    ) -> Result<(std::process::ExitStatus, Vec<u8>)> {
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let feeding = async {
            if let Some(mut stdin) = stdin {
                // It need not read everything: what it answers shows.
                let _ = stdin.write_all(given).await;
            }
            Ok(())
        };
        let complaining = async {
            if let Some(mut stderr) = stderr {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
                    complaint.push(&buffer[..length]);
                }
            }
            Ok(())
        };
        let ((), answered, ()) = tokio::try_join!(feeding, self.listen(stdout), complaining)?;
        let status = child.wait().await.map_err(|error| {
            Error::failed("how the command ended is not known").caused_by(error)
        })?;
        Ok((status, answered))
    }

    async fn listen(&self, stdout: Option<ChildStdout>) -> Result<Vec<u8>> {
        let mut answered = Vec::new();
        if let Some(stdout) = stdout {
            let name = self.0.program.name();
            let most = u64::try_from(MOST).unwrap_or(u64::MAX);
            let read = stdout.take(most + 1).read_to_end(&mut answered).await;
            read.map_err(|error| {
                Error::failed(format!("cannot read what `{name}` answers")).caused_by(error)
            })?;
            if answered.len() > MOST {
                let text = format!("`{name}` answered more than {} MiB", MOST / 1024 / 1024);
                return Err(Error::failed(text));
            }
        }
        Ok(answered)
    }
}

/// With all that it has started.
async fn end(group: &mut Group, child: &mut Child) {
    group.end(child, LAST_WORDS).await;
}

/// The record as it would be put back: with the coordinates of its origin, and -1 for those that nobody knows.
pub(super) fn write(patient: &Patient, original: &Original, line: &mut Vec<u8>) {
    let record = RecordRef {
        topic: &patient.topic,
        partition: patient.origin.partition.unwrap_or(-1),
        offset: patient.offset(),
        timestamp: (patient.origin.timestamp).map(|at| (at, TimestampType::Create)),
        key: original.key.as_deref(),
        value: original.value.as_deref(),
        headers: Headers::Owned(&original.headers),
    };
    record_json::write(record, None, line);
}

impl Patient {
    fn partition(&self) -> i64 {
        self.origin.partition.map_or(UNKNOWN, i64::from)
    }

    fn offset(&self) -> i64 {
        self.origin.offset.unwrap_or(UNKNOWN)
    }
}
