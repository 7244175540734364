//! A small HTTP/1.1 server for those who scrape or look: it answers GET and HEAD on a few paths, until it is asked to stop.
//!
//! Whoever connects is a stranger. A request has [`REQUEST_TIME`] and [`REQUEST_BYTES`] to arrive in, an answer
//! [`patience::ANSWER_TIME`] to be taken in, and there are [`CONNECTIONS`] at most: when one more comes, the oldest that
//! waits for nothing of ours makes room, so that nobody is kept out by those who only hold on. Bodies of requests are
//! never read. There is neither TLS nor authentication; where browsers are to come, a [`Guard`] refuses what other pages
//! send them for. Answers that go on and on ([`Events`]) are [`STREAMS`] at most; one whose reader is slow misses events,
//! and is closed when it takes none.

mod address;
mod answer;
mod connections;
mod guard;
mod patience;

pub use address::{AddressError, ListenAddress};
pub use answer::Events;
pub use guard::{Guard, HostName, HostNameError};

use crate::error::{Error, Result};
use crate::ops::stop::Stop;
use answer::Answer;
use bytes::Bytes;
use connections::{Busy, Connections};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use patience::Patient;
use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// How many may be connected at once.
const CONNECTIONS: usize = 64;
/// So many of them may be answers that go on and on: the others are for who asks once.
const STREAMS: usize = 32;
/// A request's head must be there within this, counted from the answer before it: an idle connection ends then, too.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// A request's head is not longer than this.
const REQUEST_BYTES: usize = 16 * 1024;
/// How long to wait when no connection can be accepted: out of file descriptors, most likely.
const RESPITE: Duration = Duration::from_millis(50);

/// What is at a path.
#[derive(Clone, Debug)]
pub struct Page {
    pub content_type: &'static str,
    /// Cheap to clone: many readers of one text hold it once.
    pub body: Bytes,
}

/// What a server has to show.
pub trait Pages: Send + Sync + 'static {
    /// The page at this path, made now; `None` when there is none. Dropped half-way when its reader has gone.
    fn page(&self, path: &str) -> impl Future<Output = Option<Page>> + Send;

    /// What goes on and on at this path, if anything does.
    fn events(&self, path: &str) -> Option<Events> {
        let _ = path;
        None
    }

    /// What refuses requests that another site's page made a browser send. `None` where no browser is to come.
    fn guard(&self) -> Option<&Guard> {
        None
    }
}

/// A server that listens, and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Takes the address.
    ///
    /// # Errors
    /// When it cannot be listened on: somebody else does, or it is not one of this machine's.
    pub async fn bind(address: &ListenAddress) -> Result<Server> {
        let listening = TcpListener::bind(address.as_str()).await;
        let bound =
            listening.and_then(|listener| listener.local_addr().map(|address| (listener, address)));
        let (listener, address) = bound.map_err(|error| {
            let is_taken = error.kind() == std::io::ErrorKind::AddrInUse;
            let failed = Error::failed(format!("cannot listen on `{address}`")).caused_by(error);
            match is_taken {
                true => failed.hint("does somebody else listen there? port 0 picks a free one"),
                false => failed,
            }
        })?;
        Ok(Server { listener, address })
    }

    /// The address it listens on, with the port that was picked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until it is asked to stop; then, and when the future is dropped, it closes every connection.
    pub async fn run(self, pages: Arc<impl Pages>, stop: &Stop) {
        let mut connections = Connections::new(CONNECTIONS);
        let seats = Arc::new(Semaphore::new(STREAMS));
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = stop.wait() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let (pages, seats) = (Arc::clone(&pages), Arc::clone(&seats));
                    let room = connections.open(|busy| answer(stream, pages, busy, seats));
                    if !room {
                        tracing::debug!(%peer, "refused: all connections are at work");
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(RESPITE).await;
                }
            }
        }
    }
}

/// One connection, request after request, until the client has done or has taken too long.
async fn answer(stream: TcpStream, pages: Arc<impl Pages>, busy: Busy, seats: Arc<Semaphore>) {
    // Without it, the end of an answer waits for the client's acknowledgement of its beginning.
    let _ = stream.set_nodelay(true);
    let local = stream.local_addr().ok().map(|address| address.ip());
    let service = service_fn(|request| {
        let (pages, busy, seats) = (Arc::clone(&pages), busy.clone(), Arc::clone(&seats));
        async move {
            let at_work = busy.at_work();
            let mut response = response(&request, &*pages, local, &seats).await;
            response.body_mut().keep(at_work);
            if pages.guard().is_some() {
                guard::dress(response.headers_mut());
            }
            Ok::<_, Infallible>(response)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIME)
        .max_buf_size(REQUEST_BYTES)
        .serve_connection(TokioIo::new(Patient::new(stream)), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a client's connection ended early");
    }
}

async fn response<B>(
    request: &Request<B>,
    pages: &impl Pages,
    local: Option<IpAddr>,
    seats: &Arc<Semaphore>,
) -> Response<Answer> {
    // hyper leaves the body of an answer to HEAD out.
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = sentence(
            StatusCode::METHOD_NOT_ALLOWED,
            "only GET and HEAD are answered\n",
        );
        let allowed = HeaderValue::from_static("GET, HEAD");
        refusal.headers_mut().insert(ALLOW, allowed);
        return refusal;
    }
    if let Some(guard) = pages.guard()
        && let Err((status, reason)) = guard.check(request, local)
    {
        return sentence(status, reason);
    }
    let path = request.uri().path();
    if let Some(events) = pages.events(path) {
        return match Arc::clone(seats).try_acquire_owned() {
            Ok(seat) => typed(StatusCode::OK, answer::EVENTS, Answer::stream(events, seat)),
            Err(_) => sentence(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many watch already: try again later\n",
            ),
        };
    }
    match pages.page(path).await {
        Some(page) => typed(StatusCode::OK, page.content_type, page.body.into()),
        None => sentence(StatusCode::NOT_FOUND, "there is nothing here\n"),
    }
}

fn sentence(status: StatusCode, text: &'static str) -> Response<Answer> {
    typed(
        status,
        "text/plain; charset=utf-8",
        Bytes::from_static(text.as_bytes()).into(),
    )
}

fn typed(status: StatusCode, content_type: &'static str, body: Answer) -> Response<Answer> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests;
