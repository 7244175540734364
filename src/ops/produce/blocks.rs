//! A file or pipe in big pieces, read on a thread of its own: a pipe that is silent must not keep a Ctrl-C waiting.

use crate::error::{Error, Result};
use crate::ops::stop::Stop;
use std::io::{BufRead, ErrorKind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// How much is read at once, and what is left free before it: the start of a record whose end is in the next piece
/// goes there, so that the piece need not be copied.
const BLOCK: usize = 256 * 1024;
const HEADROOM: usize = 64 * 1024;

/// How many pieces the reader may be ahead: bounded, and enough that neither side waits for the other.
const AHEAD: usize = 4;

/// More than this is no record: librdkafka's own limit.
const LONGEST: usize = 1_000_000_000;

/// The longest a request to stop goes unseen.
const TICK: Duration = Duration::from_millis(50);

/// What was read and not yet consumed.
pub(super) struct Blocks {
    receiver: Receiver<Result<Vec<u8>>>,
    /// Pieces go back to be filled again.
    returns: SyncSender<Vec<u8>>,
    stop: Stop,
    buffer: Vec<u8>,
    start: usize,
    /// Nothing comes after what is there.
    complete: bool,
}

impl Blocks {
    /// Starts reading.
    pub(super) fn new(mut reader: Box<dyn BufRead + Send>, stop: &Stop) -> Self {
        let (sender, receiver) = sync_channel(AHEAD);
        let (returns, returned) = sync_channel::<Vec<u8>>(AHEAD);
        // It ends with its input, or when nobody takes its pieces. Blocked in a read it ends with the process.
        std::thread::spawn(move || {
            loop {
                let mut block = returned.try_recv().unwrap_or_default();
                block.resize(HEADROOM + BLOCK, 0);
                let read = match reader.read(&mut block[HEADROOM..]) {
                    Ok(0) => return,
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Ok(length) => {
                        block.truncate(HEADROOM + length);
                        Ok(block)
                    }
                    Err(error) => Err(Error::failed("cannot read the input").caused_by(error)),
                };
                let over = read.is_err();
                if sender.send(read).is_err() || over {
                    return;
                }
            }
        });
        Blocks {
            receiver,
            returns,
            stop: stop.clone(),
            buffer: Vec::new(),
            start: 0,
            complete: false,
        }
    }

    /// What is there.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Whether nothing comes after [`Blocks::bytes`].
    pub(super) fn complete(&self) -> bool {
        self.complete
    }

    /// Passes over so many bytes, which were used.
    pub(super) fn consume(&mut self, length: usize) {
        self.start += length;
    }

    /// The next line without its ending, as `\r\n` or `\n`; `None` at the end, or when asked to stop.
    ///
    /// # Errors
    /// Those of [`Blocks::more`].
    pub(super) fn next_line(&mut self) -> Result<Option<&[u8]>> {
        loop {
            let bytes = self.bytes();
            let (length, taken) = match memchr::memchr(b'\n', bytes) {
                Some(end) => (
                    bytes[..end].strip_suffix(b"\r").map_or(end, <[u8]>::len),
                    end + 1,
                ),
                None if self.complete && bytes.is_empty() => return Ok(None),
                None if self.complete => (bytes.len(), bytes.len()),
                None if self.more()? => continue,
                None => return Ok(None),
            };
            let start = self.start;
            self.consume(taken);
            return Ok(Some(&self.buffer[start..start + length]));
        }
    }

    /// Waits for more, at least as much again as is there; false when asked to stop meanwhile.
    ///
    /// # Errors
    /// The input cannot be read, or a record in it is longer than any can be.
    pub(super) fn more(&mut self) -> Result<bool> {
        let wanted = self.bytes().len().saturating_mul(2).max(1);
        if wanted > 2 * LONGEST {
            let text = format!("a record of the input is longer than {LONGEST} bytes");
            return Err(Error::failed(text));
        }
        while !self.complete && self.bytes().len() < wanted {
            match self.receiver.recv_timeout(TICK) {
                Ok(block) => self.append(block?),
                Err(RecvTimeoutError::Disconnected) => self.complete = true,
                Err(RecvTimeoutError::Timeout) if self.stop.requested().is_some() => {
                    return Ok(false);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        Ok(true)
    }

    fn append(&mut self, mut block: Vec<u8>) {
        let left = &self.buffer[self.start..];
        if left.len() <= HEADROOM {
            let start = HEADROOM - left.len();
            block[start..HEADROOM].copy_from_slice(left);
            self.start = start;
            std::mem::swap(&mut self.buffer, &mut block);
        } else {
            self.buffer.drain(..self.start);
            self.start = 0;
            self.buffer.extend_from_slice(&block[HEADROOM..]);
        }
        // A piece that grew to hold a long record is let go of with it.
        if block.capacity() <= HEADROOM + BLOCK {
            let _ = self.returns.try_send(block);
        }
    }
}
