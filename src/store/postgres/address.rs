//! `postgres://[USER[:PASSWORD]@]HOST[:PORT][,HOST…]/DATABASE[?PARAMETER=VALUE&…]`, as libpq has it.
//!
//! `sslmode` is `disable`, `prefer` (the default), `require`, `verify-ca` or `verify-full`, and means what it means to
//! libpq: only the last two ask who the server is. `sslrootcert` is a file of certificates to trust instead of the
//! system's.

use crate::error::Error;
use crate::store::redis::address::host_and_port;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// A PostgreSQL database, and how to log in to it.
#[derive(Clone)]
pub struct PostgresAddress {
    config: Config,
    tls: Tls,
}

/// How the server is asked who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Tls {
    pub check: Check,
    /// Who is trusted, when it is not whom the system trusts.
    pub roots: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) enum Check {
    /// Not at all: what is sent is hidden from those who listen, not from who answers.
    #[default]
    Nothing,
    /// Somebody who is trusted has signed it.
    Authority,
    /// And it is the host that was meant.
    Host,
}

impl PostgresAddress {
    /// Whether the address holds a password.
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    /// Host and port, or several, for messages.
    pub fn host_and_port(&self) -> String {
        let ports = self.config.get_ports();
        let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        let hosts = self.config.get_hosts().iter().enumerate();
        let shown: Vec<String> = hosts
            .map(|(at, host)| match host {
                Host::Tcp(host) => host_and_port(host, port(at)),
                Host::Unix(folder) => format!("{}:{}", folder.display(), port(at)),
            })
            .collect();
        shown.join(",")
    }

    pub(in crate::store) fn config(&self) -> &Config {
        &self.config
    }

    pub(in crate::store) fn tls(&self) -> &Tls {
        &self.tls
    }
}

impl FromStr for PostgresAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).ok_or_else(|| {
            Error::usage("this is no address of a PostgreSQL database").hint(
                "it is `postgres://[USER@]HOST[:PORT]/DATABASE[?sslmode=…]`; in a password `%`, `@`, `:`, `/`, `?` and \
                 `#` are written as `%25`, `%40`, `%3A`, `%2F`, `%3F` and `%23`",
            )
        })
    }
}

/// What was wrong is not said: the parser's errors may repeat a part of a password that was not encoded.
fn parse(text: &str) -> Option<PostgresAddress> {
    let (base, query) = text.rsplit_once('?').unwrap_or((text, ""));
    let mut tls = Tls::default();
    let mut mode = SslMode::Prefer;
    let mut others = Vec::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=')?;
        match name {
            "sslmode" => (mode, tls.check) = ssl_mode(value)?,
            "sslrootcert" if value == "system" => tls.roots = None,
            "sslrootcert" => {
                let path = percent_decode_str(value).decode_utf8().ok()?;
                tls.roots = Some(PathBuf::from(path.as_ref()));
            }
            _ => others.push(parameter),
        }
    }
    let mut config: Config = format!("{base}?{}", others.join("&")).parse().ok()?;
    config.ssl_mode(mode);
    let hosts = config.get_hosts();
    // What is before the last `@` of a password that was not encoded.
    let is_host = |host: &Host| match host {
        Host::Tcp(host) => !host.is_empty() && !host.contains(['@', '#', '?', '/']),
        Host::Unix(_) => true,
    };
    let is_whole = !hosts.is_empty() && hosts.iter().all(is_host);
    is_whole.then_some(PostgresAddress { config, tls })
}

fn ssl_mode(text: &str) -> Option<(SslMode, Check)> {
    Some(match text {
        "disable" => (SslMode::Disable, Check::Nothing),
        "prefer" => (SslMode::Prefer, Check::Nothing),
        "require" => (SslMode::Require, Check::Nothing),
        "verify-ca" => (SslMode::Require, Check::Authority),
        "verify-full" => (SslMode::Require, Check::Host),
        _ => return None,
    })
}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("postgres://")?;
        if let Some(user) = self.config.get_user() {
            write!(formatter, "{user}@")?;
        }
        formatter.write_str(&self.host_and_port())?;
        match self.config.get_dbname() {
            Some(database) => write!(formatter, "/{database}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
