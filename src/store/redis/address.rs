//! `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`, and `rediss://…` for the same over TLS.

use crate::error::Error;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use std::fmt;
use std::str::FromStr;

/// A server of Redis, and how to log in to it.
#[derive(Clone)]
pub struct RedisAddress {
    info: ConnectionInfo,
}

impl RedisAddress {
    /// Whether the address holds a password.
    pub fn has_password(&self) -> bool {
        self.info.redis_settings().password().is_some()
    }

    /// Host and port, for messages.
    pub fn host_and_port(&self) -> String {
        match self.info.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                host_and_port(host, *port)
            }
            other => other.to_string(),
        }
    }

    pub(super) fn info(&self) -> &ConnectionInfo {
        &self.info
    }
}

/// A host that is an address of IPv6 has colons of its own.
pub(in crate::store) fn host_and_port(host: &str, port: u16) -> String {
    match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

impl FromStr for RedisAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::usage("this is no address of a Redis server").hint(
                "it is `redis://[USER@]HOST[:PORT][/DATABASE]`, `rediss://` for TLS; in a password `%`, `@`, `:`, `/`, \
                 `?` and `#` are written as `%25`, `%40`, `%3A`, `%2F`, `%3F` and `%23`",
            )
        };
        // A parameter would be ignored.
        let is_bare = text.contains("://") && !text.contains('?');
        let info = text.into_connection_info();
        match info {
            Ok(info) if is_bare => Ok(RedisAddress { info }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.info.addr() {
            ConnectionAddr::TcpTls { .. } => "rediss",
            _ => "redis",
        };
        write!(formatter, "{scheme}://")?;
        let settings = self.info.redis_settings();
        if let Some(user) = settings.username() {
            write!(formatter, "{user}@")?;
        }
        write!(formatter, "{}/{}", self.host_and_port(), settings.db())
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
