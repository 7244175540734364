//! A worker's process, from its start to its end: lines out, lines in.

mod end;

use super::answer;
use super::complaints::Complaints;
use super::lane::{Closing, Ends, Lane, close_ordered};
use super::queue::Reply;
use crate::model::dead_letter::Failure;
use crate::ops::consume::Notices;
use crate::ops::consume::handler::Handled;
use crate::ops::consume::handler::live;
use crate::ops::consume::handler::program::{Group, Program};
use crate::ops::consume::handler::said::LONGEST_LINE;
use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::Child;
use tokio::time::sleep;

/// So much is read at once: many answers, or a part of one with much to produce.
const CHUNK: usize = 64 * 1024;
/// A longer line is no answer.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;

/// How it ended.
pub(super) enum End {
    /// As it was told.
    Closed,
    /// By itself, or because it had to be killed.
    Failed {
        failure: Failure,
        /// Whether it is the first unanswered record's fault even if the process was given nothing of it.
        blame: bool,
    },
}

/// Not an answer.
struct Invalid {
    line: Vec<u8>,
    reason: String,
}

/// What came from its output.
enum Output {
    More,
    End,
}

/// A running process. Dropped, it takes all its processes with it.
pub(super) struct Process {
    group: Group,
    child: Child,
    /// `None` when nothing can be written any more.
    stdin: Option<pipe::Sender>,
    stdout: pipe::Receiver,
    complaints: Complaints,
    notices: Arc<dyn Notices>,
    name: String,
    /// Answers that were read; of these the first `scanned` bytes hold no line's end.
    answers: Vec<u8>,
    scanned: usize,
    /// Kept for its memory.
    read: Vec<Result<Handled, Failure>>,
    settled: Vec<(Reply, Result<Handled, Failure>)>,
}

impl Process {
    pub(super) fn start(program: &Program, notices: Arc<dyn Notices>) -> Result<Self, Failure> {
        let failed = |error: io::Error| {
            let text = format!("cannot start `{}`: {error}", program.name());
            Failure::transient("spawn", text)
        };
        let mut command = program.command();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (mut child, group) = live::spawn(command).map_err(failed)?;
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let stdin = child.stdin.take().ok_or_else(gone);
        let stdin = stdin.and_then(|stdin| pipe::Sender::from_owned_fd(stdin.into_owned_fd()?));
        let stdout = child.stdout.take().ok_or_else(gone);
        let stdout =
            stdout.and_then(|stdout| pipe::Receiver::from_owned_fd(stdout.into_owned_fd()?));
        Ok(Process {
            group,
            stdin: Some(stdin.map_err(failed)?),
            stdout: stdout.map_err(failed)?,
            complaints: Complaints::new(child.stderr.take(), &notices),
            child,
            notices,
            name: program.name().to_owned(),
            answers: Vec::new(),
            scanned: 0,
            read: Vec::new(),
            settled: Vec::new(),
        })
    }

    /// Asks and hears the answers until the process ends, has to be ended, or it is time to close.
    pub(super) async fn serve(
        mut self,
        lane: &Lane,
        closing: &mut Closing,
        ends: &mut Ends,
    ) -> End {
        let clock = sleep(lane.timeout);
        tokio::pin!(clock);
        loop {
            let blocked = self.write(lane);
            if self.stdin.is_none() && !lane.queue().is_begun() {
                return self.died(None, lane, ends).await;
            }
            self.answers.reserve(CHUNK);
            tokio::select! {
                read = self.stdout.read_buf(&mut self.answers) => match self.hear(&read, lane, ends) {
                    Ok(Output::More) => {}
                    Ok(Output::End) => return self.died(None, lane, ends).await,
                    Err(invalid) => return self.invalid(invalid).await,
                },
                () = lane.wake.notified(), if !blocked => {}
                () = writable(&self.stdin), if blocked => {}
                () = self.complaints.hear(), if self.complaints.may_come() => {}
                status = self.child.wait() => return self.died(status.ok(), lane, ends).await,
                () = clock.as_mut() => match due(lane) {
                    Some(due) => clock.as_mut().reset(due.into()),
                    None => return self.late(lane.timeout).await,
                },
                grace = close_ordered(closing) => {
                    self.close(grace, lane, ends).await;
                    return End::Closed;
                }
            }
        }
    }

    /// Writes what it takes; whether it takes no more for now.
    fn write(&mut self, lane: &Lane) -> bool {
        let Some(stdin) = &self.stdin else {
            return false;
        };
        let mut queue = lane.queue();
        while !queue.unwritten().is_empty() {
            match stdin.try_write(queue.unwritten()) {
                Ok(written) => queue.wrote(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => {
                    // It has closed its input, but may still answer what it took.
                    self.stdin = None;
                    return false;
                }
            }
        }
        false
    }

    /// After a read of its output.
    fn hear(
        &mut self,
        read: &io::Result<usize>,
        lane: &Lane,
        ends: &mut Ends,
    ) -> Result<Output, Invalid> {
        if let Ok(1..) = read {
            return self.take(lane, ends).map(|()| Output::More);
        }
        // The last line may have no end.
        if !self.answers.is_empty() {
            self.answers.push(b'\n');
            self.take(lane, ends)?;
        }
        Ok(Output::End)
    }

    /// Takes the lines that are there for answers, and hands these out.
    fn take(&mut self, lane: &Lane, ends: &mut Ends) -> Result<(), Invalid> {
        let mut done = 0;
        let mut invalid = None;
        while let Some(length) = memchr::memchr(b'\n', &self.answers[self.scanned..]) {
            let end = self.scanned + length;
            let line = self.answers[done..end].trim_ascii();
            if !line.is_empty() {
                match answer::read(line) {
                    Ok(answer) => self.read.push(answer),
                    Err(reason) => {
                        invalid = Some(Invalid::new(line, reason));
                        break;
                    }
                }
            }
            done = end + 1;
            self.scanned = done;
        }
        let mut queue = lane.queue();
        for answer in self.read.drain(..) {
            match queue.answered() {
                Some(reply) => self.settled.push((reply, answer)),
                None => {
                    let reason = "there was an answer more than records asked".to_owned();
                    invalid = Some(Invalid::new(b"", reason));
                    break;
                }
            }
        }
        if !self.settled.is_empty() {
            queue.restart_clock(Instant::now());
            ends.forget();
        }
        drop(queue);
        lane.settle(self.settled.drain(..));
        if let Some(invalid) = invalid {
            return Err(invalid);
        }
        self.answers.drain(..done);
        self.answers.shrink_to(2 * CHUNK);
        self.scanned = self.answers.len();
        match self.scanned > LONGEST_ANSWER {
            true => Err(Invalid::new(
                &self.answers,
                format!("a line of more than {LONGEST_ANSWER} bytes"),
            )),
            false => Ok(()),
        }
    }
}

impl Invalid {
    fn new(line: &[u8], reason: String) -> Self {
        let line = line[..line.len().min(LONGEST_LINE)].to_vec();
        Invalid { line, reason }
    }
}

/// When the first unanswered record's time is over, or that of one that came now would be; `None` when it is.
fn due(lane: &Lane) -> Option<Instant> {
    let now = Instant::now();
    let queue = lane.queue();
    let since = if queue.is_empty() { now } else { queue.since() };
    let due = since + lane.timeout;
    (due > now).then_some(due)
}

async fn writable(stdin: &Option<pipe::Sender>) {
    if let Some(stdin) = stdin {
        // Where there is an error, writing finds it.
        let _ = stdin.writable().await;
    }
}
