//! A connection that does not wait for ever for its reader.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A whole answer must be taken within this, however it trickles.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(30);

/// Writing fails when what was written since the last flush took longer than [`ANSWER_TIME`]. hyper flushes when it has
/// handed over all there is.
pub(super) struct Patient<S> {
    stream: S,
    limit: Duration,
    /// Runs while an answer is on its way.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S) -> Self {
        Patient {
            stream,
            limit: ANSWER_TIME,
            deadline: None,
        }
    }

    /// What came of a write; one that has to wait waits for the deadline too.
    fn bounded<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let limit = self.limit;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(limit)));
        if written.is_ready() {
            return written;
        }
        ready!(deadline.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bounded(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.bounded(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() {
            self.deadline = None;
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    #[tokio::test]
    async fn a_reader_that_only_trickles_is_given_up() {
        let (ours, mut theirs) = duplex(16);
        let mut patient = Patient::new(ours);
        patient.limit = Duration::from_millis(100);
        let trickle = async {
            // One byte a millisecond is progress, and not enough.
            let mut pace = tokio::time::interval(Duration::from_millis(1));
            loop {
                pace.tick().await;
                let _ = theirs.read_u8().await;
            }
        };
        let text = [0; 16 * 1024];
        let given_up = tokio::select! {
            written = patient.write_all(&text) => written.unwrap_err(),
            () = trickle => unreachable!(),
        };
        assert_eq!(given_up.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn each_answer_has_its_own_time() {
        let (ours, mut theirs) = duplex(16);
        let mut patient = Patient::new(ours);
        for _ in 0..2 {
            patient.write_all(b"answer").await.unwrap();
            assert!(patient.deadline.is_some());
            patient.flush().await.unwrap();
            assert!(patient.deadline.is_none());
        }
        let mut taken = [0; 12];
        theirs.read_exact(&mut taken).await.unwrap();
        assert_eq!(&taken, b"answeranswer");
    }
}
