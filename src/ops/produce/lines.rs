//! Lines of JSON, out of a file or pipe.

use super::blocks::Blocks;
use crate::error::{Error, Result};
use crate::ops::stop::Stop;
use std::io::BufRead;

/// Hands over each line without its ending, with its number from 1, until `each` wants no more, the input ends, or a
/// stop is asked for. Empty lines are passed over, as readers of JSON do; they count all the same.
pub(super) fn each_line(
    reader: Box<dyn BufRead + Send>,
    stop: &Stop,
    mut each: impl FnMut(u64, &[u8]) -> Result<bool>,
) -> Result<()> {
    let mut blocks = Blocks::new(reader, stop);
    let mut number = 0;
    loop {
        number += 1;
        let line = blocks.next_line().map_err(|error| {
            Error::failed(format!("cannot read line {number}")).caused_by(error)
        })?;
        let Some(line) = line else {
            return Ok(());
        };
        let is_blank = line.iter().all(u8::is_ascii_whitespace);
        if !is_blank && !each(number, line)? {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;

    fn lines(text: &'static str) -> Vec<(u64, String)> {
        let mut lines = Vec::new();
        let each = |number, line: &[u8]| {
            lines.push((number, String::from_utf8(line.to_vec()).unwrap()));
            Ok(lines.len() < 3)
        };
        each_line(Box::new(text.as_bytes()), &Stop::new(), each).unwrap();
        lines
    }

    #[test]
    fn lines_are_numbered_as_an_editor_shows_them() {
        let expected = [(1, "a".to_owned()), (4, "b".to_owned())];
        assert_eq!(lines("a\r\n\n  \nb"), expected);
        assert_eq!(lines("a\nb\nc\nd\n").len(), 3);
        assert!(lines("").is_empty());
    }

    #[test]
    fn a_silent_pipe_does_not_keep_a_stop_waiting() {
        let (reader, _writer) = std::io::pipe().unwrap();
        let stop = Stop::new();
        stop.request(Status::Interrupted);
        let reader = Box::new(std::io::BufReader::new(reader));
        let none = |_, _: &[u8]| panic!("there is no line");
        each_line(reader, &stop, none).unwrap();
    }
}
