//! Where to listen, as people write it.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// `HOST:PORT`, or `:PORT` for the loopback address: what listens to the world says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress(String);

impl ListenAddress {
    /// `HOST:PORT`, which may still have to be resolved.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text does not say where to listen.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "expected HOST:PORT, or :PORT for the loopback address, such as 127.0.0.1:9308 or [::1]:9308"
)]
pub struct AddressError;

impl FromStr for ListenAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').ok_or(AddressError)?;
        // `+80` would parse as a number, and is none that a port has.
        if !port.bytes().all(|byte| byte.is_ascii_digit()) || port.parse::<u16>().is_err() {
            return Err(AddressError);
        }
        let bracketed = host.starts_with('[') && host.ends_with(']');
        if (host.contains(':') && !bracketed) || host.contains(char::is_whitespace) {
            return Err(AddressError);
        }
        Ok(ListenAddress(match host {
            "" => format!("127.0.0.1:{port}"),
            _ => text.to_owned(),
        }))
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_on_the_loopback_address() {
        let read = |text: &str| text.parse::<ListenAddress>().map(|address| address.0);
        assert_eq!(read(":9308"), Ok("127.0.0.1:9308".to_owned()));
        for whole in ["127.0.0.1:0", "0.0.0.0:9308", "localhost:80", "[::1]:9308"] {
            assert_eq!(read(whole), Ok(whole.to_owned()));
        }
        for wrong in [
            "",
            ":",
            "9308",
            "host:",
            "host:65536",
            ":+80",
            "::1:80",
            "a b:1",
        ] {
            assert_eq!(read(wrong), Err(AddressError), "{wrong}");
        }
    }
}
