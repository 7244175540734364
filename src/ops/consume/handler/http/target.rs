//! Where records are sent: the URL, taken apart.

use crate::error::{Error, Result};
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper::http::uri::PathAndQuery;

/// A URL that can be posted to.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) secure: bool,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    /// What the server is called in a request: the port is left out where it is the scheme's own.
    pub(super) authority: HeaderValue,
    pub(super) path: PathAndQuery,
}

impl Target {
    /// Errors are usage errors, and repeat nothing of the URL that may be a secret.
    pub(super) fn read(url: &str) -> Result<Self> {
        let shape = |text: String| Err(Error::usage(text).hint("write `http://HOST:PORT/PATH`"));
        // Before anything may quote it.
        let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            let text = "the URL of the handler has a user or a password in it, which everybody on this machine can see";
            return Err(Error::usage(text).hint(
                "put an `Authorization` header into a file, and name it with `--http-headers`",
            ));
        }
        let Ok(uri) = url.parse::<Uri>() else {
            return shape("the URL of the handler is none".to_owned());
        };
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(other) => {
                return shape(format!(
                    "a handler's URL is `http` or `https`, not `{other}`"
                ));
            }
            None => return shape("the URL of the handler has no `http://`".to_owned()),
        };
        let host = uri.host().unwrap_or_default();
        let explicit = uri
            .authority()
            .map(|authority| &authority.as_str()[host.len()..]);
        let port = match (explicit, uri.port_u16()) {
            (_, Some(port @ 1..)) => port,
            // A port that is none, such as `:99999`.
            (Some(":" | ""), None) => {
                if secure {
                    443
                } else {
                    80
                }
            }
            _ => return shape("the URL of the handler has no port from 1 to 65535".to_owned()),
        };
        let named = match (secure, port) {
            (true, 443) | (false, 80) => host.to_owned(),
            _ => format!("{host}:{port}"),
        };
        let Some(authority) = HeaderValue::from_str(&named)
            .ok()
            .filter(|_| !host.is_empty())
        else {
            return shape("the URL of the handler has no host".to_owned());
        };
        // A URL may go on with its query where its host ends; a request may not begin with it.
        let path = match uri.path_and_query().map(PathAndQuery::as_str) {
            None | Some("") => "/".to_owned(),
            Some(path) if path.starts_with('/') => path.to_owned(),
            Some(query) => format!("/{query}"),
        };
        let Ok(path) = path.parse::<PathAndQuery>() else {
            return shape("the path of the handler's URL is none".to_owned());
        };
        Ok(Target {
            secure,
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            authority,
            path,
        })
    }

    /// `host:port`, for messages: the rest of a URL may hold a secret.
    pub(super) fn place(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let cases = [
            ("http://a", "a:80", "a", "/"),
            ("http://a:80/x", "a:80", "a", "/x"),
            ("http://a:8080/x?y=1#z", "a:8080", "a:8080", "/x?y=1"),
            ("https://a.example?y", "a.example:443", "a.example", "/?y"),
            ("https://a:80", "a:80", "a:80", "/"),
            ("http://[::1]:8080/", "[::1]:8080", "[::1]:8080", "/"),
            ("HTTP://127.0.0.1/", "127.0.0.1:80", "127.0.0.1", "/"),
            ("http://a:/x@y", "a:80", "a", "/x@y"),
        ];
        for (url, place, authority, path) in cases {
            let target = Target::read(url).unwrap();
            assert_eq!(target.place(), place, "{url}");
            assert_eq!(target.authority, authority, "{url}");
            assert_eq!(target.path.as_str(), path, "{url}");
            assert_eq!(target.secure, url.starts_with("https"));
        }
    }

    #[test]
    fn what_cannot_be_posted_to_is_refused() {
        let cases = [
            ("", "is none"),
            ("a", "has no `http://`"),
            ("/x", "has no `http://`"),
            ("ftp://a/", "not `ftp`"),
            ("http://", "is none"),
            ("http:///x", "is none"),
            ("http://a:99999/", "no port"),
            ("http://a:0/", "no port"),
            ("http://a b/", "is none"),
        ];
        for (url, reason) in cases {
            let error = Target::read(url).unwrap_err();
            assert_eq!(error.kind(), crate::error::Kind::Usage);
            assert!(
                error.one_line().contains(reason),
                "{url}: {}",
                error.one_line()
            );
        }
        for url in ["http://me:hunter2@a/", "me:hunter2@a", "ftp://hunter2@a?x"] {
            let error = Target::read(url).unwrap_err();
            assert!(error.one_line().contains("a user or a password"), "{url}");
            assert!(!format!("{error:?}").contains("hunter2"), "{url}");
        }
    }
}
