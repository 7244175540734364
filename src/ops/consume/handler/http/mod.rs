//! A request a record: POST, the record's value as the body, its metadata as headers, the status the verdict.
//!
//! # What the server is sent
//!
//! - The body: the value, byte for byte; empty for a null value, and then `eda-value-null: true`.
//! - `content-type`: the record's own (header `content-type` or `ce_datacontenttype`), else `application/json` or
//!   `application/octet-stream`, as the value is.
//! - `eda-topic`, `eda-partition`, `eda-offset`, `eda-timestamp` (milliseconds since 1970-01-01 UTC), `eda-key`, `eda-attempt`
//!   (from 1), `eda-event-id`, `eda-group`, and `eda-header-<name>` for each header of the record: its name in small
//!   letters, with `-` for what is no letter or digit. Of headers whose names are then the same the last counts. What is
//!   not there is null.
//! - An event is a CloudEvent in the binary mode (HTTP protocol binding 1.0.2): the record's `ce_` headers become `ce-`
//!   headers; an event without them that has an `eventType` gets them from its fields.
//! - Values are percent-encoded where they are no visible ASCII, or are `"` or `%`. One of more than 4 KiB, or beyond
//!   12 KiB in all, is left out and named in `eda-omitted`.
//!
//! # What it answers
//!
//! A status, see `verdict.rs`. The beginning of the body of a failure becomes its message. `Retry-After` is heeded, up to five
//! minutes. Redirects are not followed. An answer that breaks off is none: the record is sent again.
//!
//! Connections are kept. A request that found its connection closed is sent again on another, if nothing of it was sent.

mod headers;
mod pool;
mod target;
mod tls;
mod wait;

#[cfg(test)]
mod tests;

use super::program::LONGEST_TIMEOUT;
use super::{Closing, Handled, Handler, Handling, verdict};
use crate::error::{Error, Result};
use crate::model::codes::Overrides;
use crate::model::dead_letter::{Failure, FailureKind};
use crate::model::duration::human;
use crate::model::record::Record;
use crate::ops::consume::Notices;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, TE,
    TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use hyper::http::response::Parts;
use hyper::{Method, Request, Response, Uri};
use pool::{Connection, Pool};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use target::Target;
use tokio::time::{Instant, timeout_at};

/// So much of a failure's body becomes its message.
const REASON: usize = 4 * 1024;
/// A longer body is not read to its end, and its connection is closed.
const LONGEST_BODY: usize = 64 * 1024;
/// What a request's framing and routing rest on is not the user's to say.
const RESERVED: [HeaderName; 6] = [
    CONNECTION,
    CONTENT_LENGTH,
    HOST,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// What [`Http`] is to post to, and for whom.
pub struct HttpOptions {
    /// `http` or `https`, and no user or password in it.
    pub url: String,
    /// Further headers, names and values, above all others: an `Authorization` from a file, say. They are secrets.
    pub headers: Vec<(String, String)>,
    /// Certificates that sign the server's, as PEM. `None`: those that this machine trusts.
    pub authorities: Option<PathBuf>,
    /// The consumer group, for `eda-group`.
    pub group: String,
    /// How long an exchange may take, from connecting to the end of the answer.
    pub timeout: Duration,
    /// What the user says of statuses.
    pub verdicts: Overrides,
    pub notices: Arc<dyn Notices>,
}

/// Handles each record by posting it.
pub struct Http {
    pool: Pool,
    place: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    group: String,
    timeout: Duration,
    verdicts: Overrides,
    notices: Arc<dyn Notices>,
    /// Whether nobody was there the last time: it is told once.
    away: AtomicBool,
}

/// A body, as far as it was wanted.
struct Body {
    beginning: Vec<u8>,
    /// Whether its end was read, so that the connection may be used again.
    whole: bool,
    error: Option<hyper::Error>,
}

impl Http {
    /// Looks at the URL; nothing is connected yet.
    ///
    /// # Errors
    /// Usage: a URL that is none, is of another scheme or holds a password; a header that is none; certificates that cannot
    /// be read.
    pub fn new(options: HttpOptions) -> Result<Self> {
        let target = Target::read(&options.url)?;
        let tls = match target.secure {
            true => Some(tls::connector(options.authorities.as_deref())?),
            false => None,
        };
        let mut headers = Vec::new();
        for (name, value) in &options.headers {
            headers.push(user_header(name, value)?);
        }
        Ok(Http {
            place: target.place(),
            pool: Pool::new(target, tls),
            headers,
            group: options.group,
            timeout: options.timeout.min(LONGEST_TIMEOUT),
            verdicts: options.verdicts,
            notices: options.notices,
            away: AtomicBool::new(false),
        })
    }

    fn request(&self, record: &Record, attempt: u32) -> Request<Full<Bytes>> {
        let value = record.value.as_deref().unwrap_or_default();
        let mut request = Request::new(Full::new(Bytes::copy_from_slice(value)));
        *request.method_mut() = Method::POST;
        let target = self.pool.target();
        *request.uri_mut() = Uri::from(target.path.clone());
        let mut headers = headers::of(record, attempt, &self.group);
        headers.insert(HOST, target.authority.clone());
        let agent = concat!("eda/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        *request.headers_mut() = headers;
        request
    }

    async fn post(&self, record: &Record, attempt: u32) -> Result<Handled, Failure> {
        let deadline = Instant::now() + self.timeout;
        let late = || {
            let text = format!(
                "no answer from `{}` within {}",
                self.place,
                human(self.timeout)
            );
            Failure::transient("timeout", text)
        };
        let request = self.request(record, attempt);
        let asked = timeout_at(deadline, self.ask(request)).await;
        let asked = asked.unwrap_or_else(|_| Err(late()));
        self.tell(asked.as_ref().err());
        let (response, connection) = asked?;
        let (head, body) = response.into_parts();
        let verdict = verdict::of_status(head.status.as_u16(), &self.verdicts);
        let mut beginning = Body {
            beginning: Vec::new(),
            whole: false,
            error: None,
        };
        let read = timeout_at(deadline, beginning.read(body)).await;
        if beginning.whole {
            self.pool.give(connection);
        }
        match (verdict, read, beginning.error.take()) {
            (None, Ok(()), None) => Ok(Handled::default()),
            (None, Err(_), _) => Err(late()),
            (None, Ok(()), Some(error)) => Err(self.lost(&error)),
            // Why it failed is known by the status, whatever came of the reason.
            (Some(kind), _, _) => Err(failure(kind, &head, &beginning.beginning)),
        }
    }

    /// Sends the request, on a connection that was used before if there is one.
    async fn ask(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Connection), Failure> {
        while let Some(mut connection) = self.pool.take().await {
            match connection.sender.try_send_request(request).await {
                Ok(response) => return Ok((response, connection)),
                // The server had closed it: hyper gives back what it had not begun to send.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(self.lost(error.error())),
                },
            }
        }
        let mut connection = self.pool.connect().await?;
        match connection.sender.try_send_request(request).await {
            Ok(response) => Ok((response, connection)),
            Err(error) => Err(self.lost(error.error())),
        }
    }

    fn lost(&self, error: &hyper::Error) -> Failure {
        let mut text = format!("`{}` broke off: {error}", self.place);
        // hyper says what happened, its source why.
        if let Some(source) = std::error::Error::source(error) {
            text = format!("{text}: {source}");
        }
        let exception = match error.is_parse() {
            true => "invalid answer",
            false => "connection lost",
        };
        Failure::transient(exception, text)
    }

    /// Tells that nobody is there, once, until somebody is.
    fn tell(&self, failure: Option<&Failure>) {
        let away = failure.is_some();
        if self.away.swap(away, Ordering::Relaxed) != away
            && let Some(failure) = failure
        {
            self.notices.warn(&format!("handler: {failure}"));
        }
    }
}

impl Handler for Http {
    fn handle<'a>(&'a self, record: &'a Record, attempt: u32) -> Handling<'a> {
        Box::pin(self.post(record, attempt))
    }

    fn close(&self, _grace: Duration) -> Closing<'_> {
        self.pool.clear();
        Box::pin(std::future::ready(()))
    }
}

impl Body {
    /// Reads it, no further than anybody needs. What was read stays when the future is dropped.
    async fn read(&mut self, mut body: Incoming) {
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            let data = match frame {
                Ok(frame) => frame.into_data().unwrap_or_default(),
                Err(error) => {
                    self.error = Some(error);
                    return;
                }
            };
            length += data.len();
            let room = REASON - self.beginning.len();
            self.beginning
                .extend_from_slice(&data[..data.len().min(room)]);
            if length > LONGEST_BODY {
                return;
            }
        }
        self.whole = true;
    }
}

/// What the status and the body say.
fn failure(kind: FailureKind, head: &Parts, body: &[u8]) -> Failure {
    let status = head.status;
    let exception = format!("HTTP {}", status.as_u16());
    let text = |name: HeaderName| head.headers.get(name);
    let mut message = String::from_utf8_lossy(body).trim().to_owned();
    if message.is_empty() {
        message = status.canonical_reason().unwrap_or("no reason").to_owned();
    }
    if status.is_redirection()
        && let Some(location) = text(LOCATION)
    {
        let place = &location.as_bytes()[..location.len().min(REASON / 4)];
        let place = String::from_utf8_lossy(place);
        message = format!("redirects are not followed, here to `{place}`: {message}");
    }
    match kind {
        FailureKind::Transient => {
            let wait = text(RETRY_AFTER).and_then(|wait| wait.to_str().ok());
            let wait = wait.and_then(|wait| wait::retry_after(wait, SystemTime::now()));
            Failure::transient(exception, message).retry_after(wait)
        }
        _ => Failure::permanent(exception, message),
    }
}

/// A header of the user's. Errors do not repeat its value.
fn user_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue)> {
    let wrong = |why: &str| Error::usage(format!("`{}` {why}", name.escape_debug()));
    let read = name.parse::<HeaderName>();
    let header = read.map_err(|_| wrong("is no name of a header"))?;
    if RESERVED.contains(&header) {
        return Err(wrong("is a header that the connection needs for itself"));
    }
    let value = HeaderValue::from_str(value);
    let mut value = value.map_err(|_| wrong("has a value that no header may have"))?;
    value.set_sensitive(true);
    Ok((header, value))
}
