//! Lines of a file or pipe, read on a thread of their own: a pipe that is silent must not keep a Ctrl-C waiting.

use crate::error::{Error, Result};
use crate::ops::stop::Stop;
use std::io::BufRead;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

/// How far the reader may be ahead: bounded, and enough that neither side waits for the other.
const AHEAD: usize = 1024;

/// The longest a request to stop goes unseen.
const TICK: Duration = Duration::from_millis(50);

/// Lines without their ending, numbered from 1; they end with the input, or when asked to stop.
pub(super) struct Lines {
    receiver: Receiver<Result<(u64, Vec<u8>)>>,
    stop: Stop,
}

impl Lines {
    /// Starts reading. `skip_blank` passes over empty lines, as readers of JSON do; they count all the same.
    pub(super) fn new(mut reader: Box<dyn BufRead + Send>, skip_blank: bool, stop: &Stop) -> Self {
        let (sender, receiver) = sync_channel(AHEAD);
        // It ends with its input, or when nobody takes its lines. Blocked in a read it ends with the process.
        std::thread::spawn(move || {
            let mut number = 0;
            while let Some(line) = next(&mut *reader, &mut number, skip_blank) {
                let over = line.is_err();
                if sender.send(line).is_err() || over {
                    break;
                }
            }
        });
        Lines {
            receiver,
            stop: stop.clone(),
        }
    }
}

impl Iterator for Lines {
    type Item = Result<(u64, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.receiver.recv_timeout(TICK) {
                Ok(line) => return Some(line),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) if self.stop.requested().is_some() => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

fn next(
    reader: &mut dyn BufRead,
    number: &mut u64,
    skip_blank: bool,
) -> Option<Result<(u64, Vec<u8>)>> {
    loop {
        let mut line = Vec::new();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Ok(_) => *number += 1,
            Err(error) => {
                let text = format!("cannot read line {}", *number + 1);
                return Some(Err(Error::failed(text).caused_by(error)));
            }
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        if !(skip_blank && line.iter().all(u8::is_ascii_whitespace)) {
            return Some(Ok((*number, line)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;

    fn lines(text: &'static str, skip_blank: bool) -> Vec<(u64, String)> {
        let lines = Lines::new(Box::new(text.as_bytes()), skip_blank, &Stop::new());
        lines
            .map(|line| line.unwrap())
            .map(|(number, line)| (number, String::from_utf8(line).unwrap()))
            .collect()
    }

    #[test]
    fn lines_are_numbered_as_an_editor_shows_them() {
        let expected = [(1, "a".to_owned()), (3, "b".to_owned())];
        assert_eq!(lines("a\r\n\nb", true), expected);
        assert_eq!(lines("a\n\nb\n", false).len(), 3);
        assert!(lines("", false).is_empty());
    }

    #[test]
    fn a_silent_pipe_does_not_keep_a_stop_waiting() {
        let (reader, _writer) = std::io::pipe().unwrap();
        let stop = Stop::new();
        let mut lines = Lines::new(Box::new(std::io::BufReader::new(reader)), false, &stop);
        stop.request(Status::Interrupted);
        assert!(lines.next().is_none());
    }
}
