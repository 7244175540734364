//! Connections to the one server: opened when none is free, kept while they may be used again.

use super::target::Target;
use super::tls;
use crate::model::dead_letter::Failure;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use openssl::ssl::SslConnector;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

/// More are not kept. There are never more open than records in hand.
const KEPT: usize = 256;
/// Who was not used for so long has probably been forgotten on the way.
const IDLE: Duration = Duration::from_secs(60);
/// The head of an answer is not longer than this.
const LONGEST_HEAD: usize = 64 * 1024;

/// A connection that may be asked. Dropped, it is closed, whatever is going on.
pub(super) struct Connection {
    pub(super) sender: SendRequest<Full<Bytes>>,
    task: AbortHandle,
    since: Instant,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where connections come from, and go back to.
pub(super) struct Pool {
    target: Target,
    tls: Option<SslConnector>,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    pub(super) fn new(target: Target, tls: Option<SslConnector>) -> Self {
        Pool {
            target,
            tls,
            idle: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that was used before and can be used again, the last used first.
    pub(super) async fn take(&self) -> Option<Connection> {
        loop {
            let mut connection = self.idle().pop()?;
            // The server may have closed it; or the end of the last answer is not all read by hyper.
            if connection.since.elapsed() < IDLE && connection.sender.ready().await.is_ok() {
                return Some(connection);
            }
        }
    }

    /// Takes back one whose answer was read to its end.
    pub(super) fn give(&self, mut connection: Connection) {
        if connection.sender.is_closed() {
            return;
        }
        connection.since = Instant::now();
        let mut idle = self.idle();
        if idle.len() >= KEPT {
            idle.remove(0);
        }
        idle.push(connection);
    }

    /// Closes those that are idle.
    pub(super) fn clear(&self) {
        self.idle().clear();
    }

    #[cfg(test)]
    pub(super) fn has_open(&self) -> bool {
        self.idle().iter().any(|idle| !idle.sender.is_closed())
    }

    /// A new one. Failures are transient, and name the server.
    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        let target = &self.target;
        let connected = TcpStream::connect((target.host.as_str(), target.port)).await;
        let stream = connected.map_err(|error| {
            let exception = match error.kind() {
                io::ErrorKind::ConnectionRefused => "connection refused",
                _ => "connect",
            };
            let text = format!("cannot connect to `{}`: {error}", target.place());
            Failure::transient(exception, text)
        })?;
        // A request is written at once: nothing to wait for.
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => self.introduce(stream).await,
            Some(connector) => {
                let stream = tls::connect(connector, &target.host, stream).await;
                self.introduce(stream.map_err(|reason| {
                    let text = format!("no TLS with `{}`: {reason}", target.place());
                    Failure::transient("tls", text)
                })?)
                .await
            }
        }
    }

    async fn introduce(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Connection, Failure> {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(LONGEST_HEAD);
        let introduced = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = introduced.map_err(|error| {
            let text = format!("cannot connect to `{}`: {error}", self.target.place());
            Failure::transient("connect", text)
        })?;
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the handler ended");
            }
        });
        Ok(Connection {
            sender,
            task: task.abort_handle(),
            since: Instant::now(),
        })
    }
}
