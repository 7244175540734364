//! The properties every client starts with; the user's own come last and win.

use super::ffi::handle::{Properties, Refusal};
use super::{Connection, ConsumerOptions};
use crate::error::{Error, Result};
use std::time::Duration;

/// The parts of librdkafka's debug log that help with a connection, a group or a request; not its property dump.
const DEBUG_CONTEXTS: &str = "generic,broker,security,metadata,topic,admin,cgrp,consumer,eos";

/// How long a refused connection waits at first and at most: commands are short, and so is the user's patience.
/// Half of the first is also how often librdkafka opens a connection at all.
const RECONNECT: (&str, &str) = ("20", "1000");

/// Name and value.
pub(super) type Property = (String, String);

/// What all clients have in common, then `own`, then the user's.
pub(super) fn merged(connection: &Connection, own: &[(&str, String)]) -> Vec<Property> {
    // A connection that is being set up is given no longer than the user gives the whole request; librdkafka wants
    // a second at least.
    let setup = connection
        .timeout
        .clamp(Duration::from_secs(1), Duration::from_secs(30));
    let mut properties: Vec<Property> = [
        ("bootstrap.servers", connection.brokers.clone()),
        (
            "client.id",
            concat!("eda/", env!("CARGO_PKG_VERSION")).to_owned(),
        ),
        ("allow.auto.create.topics", "false".to_owned()),
        ("log.connection.close", "false".to_owned()),
        ("reconnect.backoff.ms", RECONNECT.0.to_owned()),
        ("reconnect.backoff.max.ms", RECONNECT.1.to_owned()),
        (
            "socket.connection.setup.timeout.ms",
            setup.as_millis().to_string(),
        ),
        ("socket.nagle.disable", "true".to_owned()),
        // A statically linked OpenSSL knows no system folder by itself.
        ("ssl.ca.location", "probe".to_owned()),
        ("enable.metrics.push", "false".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    if connection.verbose_client_logs {
        properties.push(("debug".to_owned(), DEBUG_CONTEXTS.to_owned()));
    }
    let own = own
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    properties.extend(own);
    properties.extend(connection.properties.iter().cloned());
    properties
}

/// The user's own value of a property.
pub(super) fn of_user<'a>(connection: &'a Connection, name: &str) -> Option<&'a str> {
    let mut latest_first = connection.properties.iter().rev();
    latest_first.find_map(|(known, value)| (known == name).then_some(value.as_str()))
}

/// The properties of a consumer, in the order they are applied.
pub(super) fn of_consumer(connection: &Connection, options: &ConsumerOptions) -> Vec<Property> {
    let choose =
        |yes: bool, when: &str, otherwise: &str| (if yes { when } else { otherwise }).to_owned();
    // librdkafka's consumer wants a group even to read partitions that it is given; this one is never joined.
    let group = options
        .group
        .clone()
        .unwrap_or_else(|| format!("eda-{:016x}", fastrand::u64(..)));
    let mut own = vec![
        ("group.id", group),
        ("enable.auto.commit", "false".to_owned()),
        ("enable.auto.offset.store", "false".to_owned()),
        (
            "auto.offset.reset",
            choose(options.from_beginning, "earliest", "latest"),
        ),
        (
            "isolation.level",
            choose(
                options.read_uncommitted,
                "read_uncommitted",
                "read_committed",
            ),
        ),
        ("enable.partition.eof", options.end_of_partition.to_string()),
        // How long a broker holds back a fetch that finds nothing: a partition that joins meanwhile waits as long, and
        // so does the news that the end was reached.
        (
            "fetch.wait.max.ms",
            choose(options.end_of_partition, "50", "100"),
        ),
        // Of one consumer, whatever the number of partitions; but of each partition when each has a queue of its own.
        (
            "queued.max.messages.kbytes",
            choose(options.apart.is_some(), "2048", "65536"),
        ),
        (
            "queued.min.messages",
            choose(options.apart.is_some(), "5000", "100000"),
        ),
        // A topic that is not there is not there.
        ("topic.metadata.propagation.max.ms", "1000".to_owned()),
        ("fetch.error.backoff.ms", "100".to_owned()),
        // How long a full queue stops the fetching: a second, if left alone, is longer than emptying it takes.
        ("fetch.queue.backoff.ms", "10".to_owned()),
    ];
    let overrides = options
        .overrides
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()));
    own.extend(overrides);
    merged(connection, &own)
}

/// The properties as librdkafka's own, or a usage error that names the wrong one and never its value.
pub(super) fn native(properties: &[Property]) -> Result<Properties> {
    Properties::new(properties).map_err(refused)
}

/// The usage error for properties that make no client.
pub(super) fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Unknown { property } => {
            Error::usage(format!("there is no client property `{property}`"))
                .hint("librdkafka's CONFIGURATION.md lists them; Java's names differ in places")
        }
        Refusal::Invalid { property } => Error::usage(format!(
            "client property `{property}` does not accept the value it was given"
        ))
        .hint("librdkafka's CONFIGURATION.md lists the values"),
        Refusal::Contradiction(sentence) => {
            Error::usage("the client properties do not go together").caused_by(sentence)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::connection;
    use super::*;
    use crate::error::Kind;

    fn last<'a>(properties: &'a [Property], name: &str) -> Option<&'a str> {
        properties
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    #[test]
    fn the_users_property_wins() {
        let mut connection = connection("localhost:1");
        connection
            .properties
            .push(("client.id".to_owned(), "mine".to_owned()));
        let properties = merged(&connection, &[("client.id", "ours".to_owned())]);
        assert_eq!(last(&properties, "client.id"), Some("mine"));
        assert_eq!(last(&properties, "allow.auto.create.topics"), Some("false"));
        assert!(native(&properties).is_ok());
    }

    #[test]
    fn a_wrong_property_is_named_and_its_value_is_not() {
        for (name, value) in [
            ("sasl.pasword", "s3cret"),
            ("acks", "s3cret"),
            ("acks", "s3\0cret"),
        ] {
            let mut connection = connection("localhost:1");
            connection
                .properties
                .push((name.to_owned(), value.to_owned()));
            let error = native(&merged(&connection, &[]))
                .err()
                .expect("a usage error");
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.message().contains(&format!("`{name}`")), "{error}");
            let everything = format!("{error:?} {}", error.one_line());
            assert!(!everything.contains("s3"), "{everything}");
            assert!(!format!("{connection:?}").contains("s3"));
        }
    }

    #[test]
    fn the_debug_log_is_a_wish() {
        let mut connection = connection("localhost:1");
        assert_eq!(last(&merged(&connection, &[]), "debug"), None);
        connection.verbose_client_logs = true;
        assert_eq!(
            last(&merged(&connection, &[]), "debug"),
            Some(DEBUG_CONTEXTS)
        );
        assert!(native(&merged(&connection, &[])).is_ok());
    }
}
