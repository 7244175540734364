//! The ways in which a process ends, or is ended.

use super::{CHUNK, End, Invalid, Output, Process};
use crate::model::dead_letter::Failure;
use crate::model::duration::human;
use crate::ops::consume::handler::program::{LAST_WORDS, ending};
use crate::ops::consume::handler::worker::answer::INVALID;
use crate::ops::consume::handler::worker::lane::{Ends, Lane};
use std::process::ExitStatus;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

/// How long a worker that has closed its output may take to end.
const PARTING: Duration = Duration::from_secs(1);
/// What was written before the end is in the pipe already: this is for us to notice.
const DRAINING: Duration = Duration::from_millis(50);

impl Process {
    /// Ends the processes, and hears what they say meanwhile.
    async fn end(&mut self) {
        self.stdin = None;
        let end = self.group.end(&mut self.child, LAST_WORDS);
        self.complaints.during(end).await;
        self.complaints.hear_out().await;
    }

    /// It has ended, with this status, or has closed its output, or its input.
    pub(super) async fn died(
        mut self,
        status: Option<ExitStatus>,
        lane: &Lane,
        ends: &mut Ends,
    ) -> End {
        self.stdin = None;
        let status = match status {
            Some(status) => Some(status),
            None => {
                let parting = timeout(PARTING, self.child.wait());
                let parting = self.complaints.during(parting).await;
                parting.ok().and_then(Result::ok)
            }
        };
        let exception = match status {
            Some(status) => {
                self.group.clear();
                // A process that it left behind may hold its output open.
                let _ = timeout(DRAINING, self.hear_answers(lane, ends)).await;
                self.complaints.hear_out().await;
                ending(status)
            }
            None => {
                self.end().await;
                "closed output".to_owned()
            }
        };
        let why = self.complaints.last();
        let text = match why.is_empty() {
            true => format!("worker `{}` ended before it answered", self.name),
            false => why,
        };
        End::Failed {
            failure: Failure::death(exception, text),
            blame: false,
        }
    }

    /// The answers that there are, to the end or to one that is none.
    async fn hear_answers(&mut self, lane: &Lane, ends: &mut Ends) {
        loop {
            self.answers.reserve(CHUNK);
            let read = self.stdout.read_buf(&mut self.answers).await;
            if !matches!(self.hear(&read, lane, ends), Ok(Output::More)) {
                return;
            }
        }
    }

    /// The time of the first unanswered record is over.
    pub(super) async fn late(mut self, patience: Duration) -> End {
        self.end().await;
        let why = self.complaints.last();
        let mut text = format!("no answer within {}", human(patience));
        if !why.is_empty() {
            text = format!("{text}: {why}");
        }
        End::Failed {
            failure: Failure::transient("timeout", text),
            blame: true,
        }
    }

    pub(super) async fn invalid(mut self, invalid: Invalid) -> End {
        if !invalid.line.is_empty() {
            self.notices.handler_said(&invalid.line);
        }
        self.end().await;
        End::Failed {
            failure: Failure::transient(INVALID, invalid.reason),
            blame: false,
        }
    }

    /// Tells it that there is no more by closing its input, and ends it when the time is over.
    pub(super) async fn close(mut self, grace: Duration, lane: &Lane, ends: &mut Ends) {
        self.stdin = None;
        let force = (grace / 4).min(LAST_WORDS);
        let exit = async {
            let mut answering = true;
            loop {
                self.answers.reserve(CHUNK);
                tokio::select! {
                    _ = self.child.wait() => return,
                    read = self.stdout.read_buf(&mut self.answers), if answering => {
                        answering = matches!(self.hear(&read, lane, ends), Ok(Output::More));
                    }
                    () = self.complaints.hear(), if self.complaints.may_come() => {}
                }
            }
        };
        match timeout(grace.saturating_sub(force), exit).await {
            Ok(()) => {
                self.group.clear();
                self.complaints.hear_out().await;
            }
            Err(_) => {
                let end = self.group.end(&mut self.child, force);
                self.complaints.during(end).await;
            }
        }
    }
}
