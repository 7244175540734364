//! The one error of the program, and the one table of exit codes.
//!
//! Every fallible function returns [`Result`]. An error says what kind of trouble it is ([`Kind`], which alone
//! decides the exit code), what happened in one lower-case sentence without a full stop, what caused it, and,
//! where there is one, the next command to try.

use std::fmt;

/// `std::result::Result` with the program's own error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// What kind of trouble an [`Error`] is. The kind decides the exit code, see [`Status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The broker refused, a thing is missing, an item of a batch failed, a prompt was declined.
    Failed,
    /// Bad flags, a bad file given by the user, a prompt needed where there is no terminal.
    Usage,
    /// Could not connect, authenticate or get an answer in time: trying again may help.
    Unreachable,
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
    /// The reader of our output went away (`| head`): not an error to anyone but us.
    BrokenPipe,
}

impl Kind {
    /// The word for it in `{"error":{"kind":…}}`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Failed => "failed",
            Kind::Usage => "usage",
            Kind::Unreachable => "unreachable",
            Kind::Interrupted => "interrupted",
            Kind::Terminated => "terminated",
            Kind::BrokenPipe => "broken-pipe",
        }
    }

    /// How the program ends when an error of this kind reaches `main`.
    pub fn status(self) -> Status {
        match self {
            Kind::Failed => Status::Failed,
            Kind::Usage => Status::Usage,
            Kind::Unreachable => Status::Unreachable,
            Kind::Interrupted => Status::Interrupted,
            Kind::Terminated => Status::Terminated,
            Kind::BrokenPipe => Status::Done,
        }
    }
}

/// How a command ended: THE table of exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 0: done, or nothing to do.
    Done,
    /// 1: it failed, or any item of a batch did.
    Failed,
    /// 2: the command line or a file of the user's is wrong; nothing was sent.
    Usage,
    /// 3: the cluster could not be reached in time.
    Unreachable,
    /// 4: the command worked and the answer is bad (`lag --max` exceeded, a broken invariant).
    Alarm,
    /// 130: Ctrl-C.
    Interrupted,
    /// 143: SIGTERM.
    Terminated,
}

impl Status {
    /// Of a report that has an item that failed, or has none.
    pub fn failed_if(failed: bool) -> Status {
        match failed {
            true => Status::Failed,
            false => Status::Done,
        }
    }

    /// The number the process exits with.
    pub fn code(self) -> u8 {
        match self {
            Status::Done => 0,
            Status::Failed => 1,
            Status::Usage => 2,
            Status::Unreachable => 3,
            Status::Alarm => 4,
            Status::Interrupted => 130,
            Status::Terminated => 143,
        }
    }
}

/// What went wrong, why, and what to do next.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    source: Option<Source>,
    hint: Option<String>,
}

impl Error {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error {
            kind,
            message: message.into(),
            source: None,
            hint: None,
        }
    }

    /// The request cannot be carried out (exit 1).
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// The user's command line or file is wrong (exit 2).
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// The cluster did not answer (exit 3).
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unreachable, message)
    }

    /// The user pressed Ctrl-C (exit 130).
    pub fn interrupted() -> Self {
        Self::new(Kind::Interrupted, "interrupted")
    }

    /// A signal asked the command to stop before it was done: 130 for Ctrl-C, 143 for SIGTERM.
    pub fn stopped(status: Status) -> Self {
        match status {
            Status::Terminated => Self::new(Kind::Terminated, "terminated"),
            _ => Self::interrupted(),
        }
    }

    /// Writing to standard output failed. A reader that went away (`| head`) is nobody's fault; only `ui` can tell
    /// that the stream was standard output, so only it calls this.
    pub fn output(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::new(Kind::BrokenPipe, "the reader went away"),
            _ => Self::failed("cannot write to standard output").caused_by(error),
        }
    }

    /// Adds the next thing to try, a whole clause without a full stop.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what caused it, shown under "caused by".
    pub fn caused_by(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says what was being done: the old message becomes the cause, kind and hint stay.
    pub fn context(self, doing: impl Into<String>) -> Self {
        Error {
            kind: self.kind,
            message: doing.into(),
            hint: self.hint.clone(),
            source: Some(Box::new(Error { hint: None, ..self })),
        }
    }

    /// Adds to the sentence itself, for a figure that must not be lost behind a cause.
    pub fn adding(mut self, addition: &str) -> Self {
        self.message.push_str("; ");
        self.message.push_str(addition);
        self
    }

    /// What kind of trouble it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The sentence itself, without cause and hint.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The next thing to try, when there is one.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The chain of causes, outermost first.
    pub fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut next = std::error::Error::source(self);
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        causes
    }

    /// Message and causes in one line, for a cell of a table or a log.
    pub fn one_line(&self) -> String {
        let mut line = self.message.clone();
        for cause in self.causes() {
            line.push_str(": ");
            line.push_str(&cause);
        }
        line
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_keeps_kind_and_hint_and_lists_the_cause_once() {
        let error = Error::unreachable("connection refused")
            .hint("`eda broker` starts one")
            .context("could not list topics");
        assert_eq!(error.kind(), Kind::Unreachable);
        assert_eq!(error.hint_text(), Some("`eda broker` starts one"));
        assert_eq!(error.causes(), ["connection refused"]);
        assert_eq!(
            error.one_line(),
            "could not list topics: connection refused"
        );
    }

    #[test]
    fn a_closed_pipe_ends_quietly() {
        let gone = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert_eq!(Error::output(gone()).kind().status(), Status::Done);
        // Any other pipe that breaks is a failure: a handler's, a socket's.
        assert_eq!(Error::from(gone()).kind().status(), Status::Failed);
    }
}
