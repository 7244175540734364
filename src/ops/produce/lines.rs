//! Lines of a file or pipe.

use super::blocks::Blocks;
use crate::error::{Error, Result};
use crate::ops::stop::Stop;
use std::io::BufRead;

/// Lines without their ending, numbered from 1; they end with the input, or when asked to stop.
pub(super) struct Lines {
    blocks: Blocks,
    skip_blank: bool,
    number: u64,
}

impl Lines {
    /// Starts reading. `skip_blank` passes over empty lines, as readers of JSON do; they count all the same.
    pub(super) fn new(reader: Box<dyn BufRead + Send>, skip_blank: bool, stop: &Stop) -> Self {
        Lines {
            blocks: Blocks::new(reader, stop),
            skip_blank,
            number: 0,
        }
    }
}

impl Iterator for Lines {
    type Item = Result<(u64, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = match self.blocks.next_line() {
                Ok(line) => line?,
                Err(error) => {
                    let text = format!("cannot read line {}", self.number + 1);
                    return Some(Err(Error::failed(text).caused_by(error)));
                }
            };
            self.number += 1;
            if !(self.skip_blank && line.iter().all(u8::is_ascii_whitespace)) {
                return Some(Ok((self.number, line.to_vec())));
            }
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
