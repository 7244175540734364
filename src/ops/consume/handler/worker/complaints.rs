//! What a worker writes on its standard error: shown, and its end kept for the failure's message.

use crate::ops::consume::Notices;
use crate::ops::consume::handler::said::{Said, Tail};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::ChildStderr;
use tokio::time::timeout;

/// What was written before the end is in the pipe already: this is for us to notice.
const DRAINING: Duration = Duration::from_millis(50);

pub(super) struct Complaints {
    /// `None` when it was closed.
    pipe: Option<ChildStderr>,
    said: Said,
    tail: Tail,
    buffer: Box<[u8]>,
}

impl Complaints {
    pub(super) fn new(pipe: Option<ChildStderr>, notices: &Arc<dyn Notices>) -> Self {
        Complaints {
            pipe,
            said: Said::new(Arc::clone(notices), None),
            tail: Tail::default(),
            buffer: vec![0; 4096].into(),
        }
    }

    pub(super) fn may_come(&self) -> bool {
        self.pipe.is_some()
    }

    /// Hears a part. Nothing is lost when the future is dropped.
    pub(super) async fn hear(&mut self) {
        let Some(pipe) = &mut self.pipe else {
            return;
        };
        match pipe.read(&mut self.buffer).await {
            Ok(length @ 1..) => {
                self.said.push(&self.buffer[..length]);
                self.tail.push(&self.buffer[..length]);
            }
            _ => {
                self.pipe = None;
                self.said.finish();
            }
        }
    }

    /// Hears all that is said until `end`: nobody is to wait for us to listen.
    pub(super) async fn during<T>(&mut self, end: impl Future<Output = T>) -> T {
        tokio::pin!(end);
        loop {
            tokio::select! {
                end = &mut end => return end,
                () = self.hear(), if self.may_come() => {}
            }
        }
    }

    /// Hears what was said before the process ended.
    pub(super) async fn hear_out(&mut self) {
        let all = async {
            while self.may_come() {
                self.hear().await;
            }
        };
        let _ = timeout(DRAINING, all).await;
        self.said.finish();
    }

    /// The last that was said.
    pub(super) fn last(&self) -> String {
        self.tail.text()
    }
}
