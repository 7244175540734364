//! What keeps other sites' pages out of a server on this machine.
//!
//! A browser sends a request to whatever address a page names. A page of another site may not read the answer, unless
//! the name of that site is made to lead to this machine (DNS rebinding): then `Host` has that name, and is refused.
//! Nothing is loaded from elsewhere, nothing is framed, nothing is kept.

use super::ListenAddress;
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use hyper::{Request, StatusCode, header};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use thiserror::Error;

/// A name that this server has for others: a host without a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(String);

/// The text is no name of a host.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected the name of a host without a port, such as eda.internal")]
pub struct HostNameError;

impl FromStr for HostName {
    type Err = HostNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match host(text) {
            Some(host) if host.len() == text.len() => Ok(HostName(text.to_ascii_lowercase())),
            _ => Err(HostNameError),
        }
    }
}

/// Knows the names that this server is called by.
#[derive(Clone, Debug)]
pub struct Guard {
    names: Vec<String>,
}

impl Guard {
    /// By the loopback names, the address as it was written and as it was bound, and the `others`.
    pub fn new(address: &ListenAddress, bound: SocketAddr, others: Vec<HostName>) -> Self {
        let mut names = ["localhost", "127.0.0.1", "[::1]"]
            .map(str::to_owned)
            .to_vec();
        names.extend(host(address.as_str()).map(str::to_ascii_lowercase));
        names.push(written(bound.ip()));
        names.extend(others.into_iter().map(|name| name.0));
        Guard { names }
    }

    /// Whether the request was meant for this server; `local` is the address that it came to.
    ///
    /// # Errors
    /// The status to answer with, and why.
    pub(super) fn check<B>(
        &self,
        request: &Request<B>,
        local: Option<IpAddr>,
    ) -> Result<(), (StatusCode, &'static str)> {
        let foreign = (
            StatusCode::MISDIRECTED_REQUEST,
            "this server does not have that name: `--allow-host NAME` gives it one more\n",
        );
        let known = |authority: &str| {
            host(authority).is_some_and(|host| {
                let is_ours = |name: &String| name.eq_ignore_ascii_case(host);
                self.names.iter().any(is_ours) || local.map(written).as_deref() == Some(host)
            })
        };
        let called = one(request.headers(), HOST).filter(|called| known(called));
        let called = called.ok_or(foreign)?;
        if request
            .uri()
            .authority()
            .is_some_and(|named| !known(named.as_str()))
        {
            return Err(foreign);
        }
        let refused = (
            StatusCode::FORBIDDEN,
            "pages of other sites are not answered\n",
        );
        // What a page of another site loads without asking may not be read there, and would take a seat; a link is fine.
        let says = |name: &'static str, value: &str| {
            let said = request.headers().get(name);
            said.is_some_and(|said| said.as_bytes() == value.as_bytes())
        };
        if says("sec-fetch-site", "cross-site") && !says("sec-fetch-mode", "navigate") {
            return Err(refused);
        }
        if !request.headers().contains_key(ORIGIN) {
            return Ok(());
        }
        let origin = one(request.headers(), ORIGIN).and_then(|origin| origin.split_once("://"));
        let is_own = origin.is_some_and(|(scheme, authority)| {
            matches!(scheme, "http" | "https") && authority.eq_ignore_ascii_case(called)
        });
        match is_own {
            true => Ok(()),
            false => Err(refused),
        }
    }
}

/// The header's value, where it is there exactly once.
fn one(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// As an address stands in a URL.
fn written(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// What precedes the port of an authority, which must be nothing else.
fn host(authority: &str) -> Option<&str> {
    let end = match authority.starts_with('[') {
        true => authority.find(']')? + 1,
        false => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(end);
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
    let fits = !host.is_empty() && host.bytes().all(is_name);
    let ends = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    (fits && ends).then_some(host)
}

/// What every answer of a guarded server says: nothing from elsewhere, no frames, no guessing, no keeping.
pub(super) fn dress(headers: &mut HeaderMap) {
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                  base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let said = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in said {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(HeaderName, &str)]) -> u16 {
        let names = vec!["eda.internal".parse().unwrap()];
        let guard = Guard::new(
            &"watch:8080".parse().unwrap(),
            "192.0.2.7:8080".parse().unwrap(),
            names,
        );
        let mut request = Request::get("/");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = request.body(()).unwrap();
        match guard.check(&request, Some("192.0.2.9".parse().unwrap())) {
            Ok(()) => 200,
            Err((status, _)) => status.as_u16(),
        }
    }

    #[test]
    fn only_names_of_ours_are_answered() {
        for ours in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:1",
            "[::1]:8080",
            "[::1]",
            "192.0.2.7",
            "192.0.2.9:8080",
            "watch",
            "EDA.internal:443",
        ] {
            assert_eq!(check(&[(HOST, ours)]), 200, "{ours}");
        }
        for foreign in [
            "",
            ":8080",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8080",
            "localhost@evil",
            "localhost:80a",
            "[::1",
            "[::2]:8080",
            "192.0.2.8",
            "0.0.0.0:8080",
        ] {
            assert_eq!(check(&[(HOST, foreign)]), 421, "{foreign}");
        }
        assert_eq!(check(&[]), 421);
        let twice = [(HOST, "localhost"), (HOST, "localhost")];
        assert_eq!(check(&twice), 421);
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        let from = |origin| check(&[(HOST, "localhost:8080"), (ORIGIN, origin)]);
        assert_eq!(from("http://localhost:8080"), 200);
        for foreign in [
            "null",
            "",
            "http://evil.example",
            "http://localhost",
            "http://localhost:3000",
            "http://127.0.0.1:8080",
            "file://localhost:8080",
        ] {
            assert_eq!(from(foreign), 403, "{foreign}");
        }
    }

    #[test]
    fn what_other_sites_load_is_refused_and_links_are_followed() {
        let from = |site, mode| {
            let site = (HeaderName::from_static("sec-fetch-site"), site);
            let mode = (HeaderName::from_static("sec-fetch-mode"), mode);
            check(&[(HOST, "localhost:8080"), site, mode])
        };
        assert_eq!(from("cross-site", "no-cors"), 403);
        assert_eq!(from("cross-site", "navigate"), 200);
        assert_eq!(from("same-origin", "cors"), 200);
        assert_eq!(from("none", "navigate"), 200);
    }

    #[test]
    fn a_name_has_no_port() {
        assert!("eda.internal".parse::<HostName>().is_ok());
        for wrong in ["", "a:1", "http://a", "a/b", "a b", "*"] {
            assert_eq!(wrong.parse::<HostName>(), Err(HostNameError), "{wrong}");
        }
    }
}
