//! Addresses of brokers.

use crate::error::{Error, Result};

/// Refuses what can be no address before librdkafka makes another of it: it takes port 99636 for 34100, and waits in
/// vain for a name that is empty. The text is not repeated where it may hold a password.
pub(super) fn check_brokers(brokers: &str) -> Result<()> {
    let refuse = |why: String| Err(Error::usage(why).hint("brokers are HOST:PORT,HOST:PORT"));
    if brokers.contains('@') {
        return refuse("a broker's address has no user in it".to_owned());
    }
    for broker in brokers.split(',') {
        let broker = broker.trim();
        let (host, port) = match broker.rsplit_once(':') {
            // The colons of a bare IPv6 address belong to it.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
            _ => (broker, None),
        };
        if host.is_empty() || host.contains(['/', ' ']) {
            return refuse(format!("`{broker}` is no broker's address"));
        }
        if let Some(port) = port
            && !port.parse::<u16>().is_ok_and(|port| port > 0)
        {
            return refuse(format!("`{broker}` has no port from 1 to 65535"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_can_be_none_are_refused() {
        for good in [
            "a",
            "a:1",
            "a:1,b:2",
            "[::1]:9092",
            "::1",
            "127.0.0.1:65535",
            "a:1, b:2",
        ] {
            assert!(check_brokers(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            ",",
            "a:",
            ":1",
            "a:0",
            "a:99636",
            "a:x",
            "http://a:1",
            "a:1,",
            "u:p@a:1",
        ] {
            assert!(check_brokers(bad).is_err(), "{bad}");
        }
        let error = check_brokers("user:hunter2@a:1").unwrap_err();
        assert!(!error.one_line().contains("hunter2"));
    }
}
