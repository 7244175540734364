//! The page of one handler: where it is, and what is on it.

use super::Exposition;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use std::str::FromStr;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpStream;

/// A page is not longer than this: one of ours has some kilobytes.
const LONGEST: usize = 4 * 1024 * 1024;
/// Nor is the head of an answer.
const LONGEST_HEAD: usize = 64 * 1024;

/// Where `eda consume --metrics` has its page.
const USUAL: &str = "/metrics";

/// `http://HOST:PORT/metrics`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandlerPage {
    /// `HOST:PORT`.
    address: String,
    /// The same, and the path where it is not the usual one.
    instance: String,
    path: String,
}

/// The text is not where a handler's metrics are.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected the address of a handler's metrics, such as http://127.0.0.1:9400/metrics")]
pub struct HandlerPageError;

impl FromStr for HandlerPage {
    type Err = HandlerPageError;

    /// `HOST:PORT` alone will do, or `:PORT` for the loopback address: that is what `eda consume --metrics` is told.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_url = text.contains("://");
        let text = match text {
            url if is_url => url.to_owned(),
            port if port.starts_with(':') => format!("http://127.0.0.1{port}"),
            other => format!("http://{other}"),
        };
        let uri: Uri = text.parse().map_err(|_| HandlerPageError)?;
        let authority = uri.authority().ok_or(HandlerPageError)?.as_str();
        // A password would be seen by everybody on this machine, and there is no TLS.
        if uri.scheme_str() != Some("http") || authority.contains('@') {
            return Err(HandlerPageError);
        }
        let host = uri.host().unwrap_or_default();
        let port = match uri.port_u16() {
            Some(port @ 1..) => port,
            None if is_url && authority == host => 80,
            _ => return Err(HandlerPageError),
        };
        if host.is_empty() {
            return Err(HandlerPageError);
        }
        let path = match uri.path_and_query().map(|path| path.as_str()) {
            None | Some("" | "/") => USUAL.to_owned(),
            Some(path) => path.to_owned(),
        };
        // Two pages at one address are two instances.
        let shown = if path == USUAL { "" } else { &path };
        let instance = format!("{host}:{port}{shown}");
        Ok(HandlerPage {
            address: format!("{host}:{port}"),
            instance,
            path,
        })
    }
}

impl HandlerPage {
    /// What it is called: `HOST:PORT`, and its path where it is not the usual one.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// What is on it, or why that could not be learnt, in time.
    pub(super) async fn fetch(&self, wait: Duration) -> Result<Exposition, String> {
        let text = tokio::time::timeout(wait, self.text()).await;
        let text = text.map_err(|_| "it does not answer in time".to_owned())??;
        Exposition::read(&text)
            .map_err(|error| format!("{error}: is this `eda consume --metrics`?"))
    }

    async fn text(&self) -> Result<String, String> {
        let stream = TcpStream::connect(&self.address).await;
        let stream = stream.map_err(|error| format!("cannot connect: {error}"))?;
        let broken = |error: hyper::Error| format!("the connection broke: {error}");
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(LONGEST_HEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let request = Request::get(&self.path)
            .header(HOST, &self.address)
            .body(Empty::<Bytes>::new())
            .map_err(|error| error.to_string())?;
        let exchange = async {
            let answer = sender.send_request(request).await.map_err(broken)?;
            if answer.status() != StatusCode::OK {
                return Err(format!("it answered with {}", answer.status()));
            }
            let body = Limited::new(answer.into_body(), LONGEST).collect().await;
            let body = body.map_err(|error| format!("its page was not read: {error}"))?;
            String::from_utf8(body.to_bytes().into()).map_err(|_| "its page is no text".to_owned())
        };
        // The connection is driven here, and ends with this.
        tokio::pin!(connection);
        tokio::pin!(exchange);
        tokio::select! {
            text = &mut exchange => text,
            _ = &mut connection => exchange.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_enough() {
        let cases = [
            ("127.0.0.1:9400", "127.0.0.1:9400", "/metrics"),
            ("http://localhost:9400/", "localhost:9400", "/metrics"),
            ("http://[::1]:9400/x?y=1", "[::1]:9400/x?y=1", "/x?y=1"),
            (":9400", "127.0.0.1:9400", "/metrics"),
            ("http://handlers", "handlers:80", "/metrics"),
        ];
        for (text, instance, path) in cases {
            let page: HandlerPage = text.parse().unwrap();
            assert_eq!((page.instance(), page.path.as_str()), (instance, path));
        }
        for wrong in [
            "",
            "https://a:1/",
            "http://me:secret@a:1/",
            "http://a:0/",
            "http://a:99999/",
            "handlers",
            "http://",
            "a b:1",
        ] {
            assert_eq!(
                wrong.parse::<HandlerPage>(),
                Err(HandlerPageError),
                "{wrong}"
            );
        }
    }
}
