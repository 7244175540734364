//! What a handler's process says: shown line by line, its end kept for the failure. Hostile and endless as it may be.

use crate::ops::consume::Notices;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Of a longer line the beginning is shown.
pub(super) const LONGEST_LINE: usize = 8 * 1024;
/// So much of the end of standard error becomes the failure's message.
const TAIL: usize = 4 * 1024;

/// Tells whoever watches what is said, a line at a time.
pub(super) struct Said {
    notices: Arc<dyn Notices>,
    line: Vec<u8>,
    /// Bytes that may still be shown; `None` is any number.
    left: Option<usize>,
    /// Whether it was said that there was more.
    cut: bool,
}

impl Said {
    /// Shows `bound` bytes, if there is a bound, and says when there were more.
    pub(super) fn new(notices: Arc<dyn Notices>, bound: Option<usize>) -> Self {
        Said {
            notices,
            line: Vec::new(),
            left: bound,
            cut: false,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = match part.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (part, false),
            };
            let room = LONGEST_LINE - self.line.len().min(LONGEST_LINE);
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            if ended {
                self.show();
            }
        }
    }

    /// The last line may have no end.
    pub(super) fn finish(&mut self) {
        if !self.line.is_empty() {
            self.show();
        }
    }

    fn show(&mut self) {
        let size = self.line.len() + 1;
        match &mut self.left {
            None => self.notices.handler_said(&self.line),
            Some(left) if !self.cut && *left >= size => {
                *left -= size;
                self.notices.handler_said(&self.line);
            }
            Some(_) if self.cut => {}
            Some(_) => {
                self.cut = true;
                let text = "(the handler said more, which is left out)";
                self.notices.handler_said(text.as_bytes());
            }
        }
        self.line.clear();
    }
}

/// The last bytes of a stream.
#[derive(Debug, Default)]
pub(in crate::ops) struct Tail(Vec<u8>);

impl Tail {
    pub(in crate::ops) fn push(&mut self, bytes: &[u8]) {
        let kept = &bytes[bytes.len().saturating_sub(TAIL)..];
        let surplus = (self.0.len() + kept.len()).saturating_sub(TAIL);
        self.0.drain(..surplus);
        self.0.extend_from_slice(kept);
    }

    /// As text, without the space around it.
    pub(in crate::ops) fn text(&self) -> String {
        // The first character may have lost its first bytes.
        let begin = self.0.iter().position(|byte| byte & 0xc0 != 0x80);
        let whole = &self.0[begin.filter(|begin| *begin < 4).unwrap_or(0)..];
        String::from_utf8_lossy(whole).trim().to_owned()
    }
}

/// Reads to the end, shows the lines and keeps the last of them in `tail`.
pub(super) async fn listen(mut pipe: impl AsyncRead + Unpin, mut said: Said, tail: &mut Tail) {
    let mut buffer = [0; 4096];
    // A pipe has no errors but those that end it.
    while let Ok(length @ 1..) = pipe.read(&mut buffer).await {
        said.push(&buffer[..length]);
        tail.push(&buffer[..length]);
    }
    said.finish();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::consume::handler::tests::Heard;

    #[test]
    fn lines_are_shown_however_they_arrive_and_no_longer_than_they_may_be() {
        let heard = Arc::new(Heard::default());
        let mut said = Said::new(heard.clone(), None);
        for part in ["one\ntw", "o\n", "\nfour"] {
            said.push(part.as_bytes());
        }
        said.finish();
        said.finish();
        said.push(&[b'x'; LONGEST_LINE + 100]);
        said.push(b"yz\nshort\xff\n");
        let lines = heard.lines();
        assert_eq!(&lines[..4], ["one", "two", "", "four"]);
        assert_eq!(lines[4], "x".repeat(LONGEST_LINE));
        assert_eq!(&lines[5..], ["short\u{fffd}"]);
    }

    #[test]
    fn a_flood_is_cut_off_and_said_to_be() {
        let heard = Arc::new(Heard::default());
        let mut said = Said::new(heard.clone(), Some(10));
        said.push(b"1234\n5678\n9\n10\n");
        assert_eq!(
            heard.lines(),
            ["1234", "5678", "(the handler said more, which is left out)"]
        );
    }

    #[test]
    fn the_tail_is_the_end() {
        let mut tail = Tail::default();
        tail.push(b" \n");
        assert_eq!(tail.text(), "");
        tail.push(b"why\n");
        assert_eq!(tail.text(), "why");
        for _ in 0..3000 {
            tail.push("ä".as_bytes());
        }
        tail.push(b"b");
        let text = tail.text();
        assert_eq!(text, format!("{}b", "ä".repeat(TAIL / 2 - 1)));
        tail.push(&[b'c'; 2 * TAIL]);
        assert_eq!(tail.text(), "c".repeat(TAIL));
    }
}
