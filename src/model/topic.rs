//! Topics: their names, partitions, retention and configuration.

use super::duration::{self, DurationError};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// One partition of one topic; shown and read as `order-created:0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicPartition {
    pub topic: String,
    pub partition: i32,
}

impl TopicPartition {
    /// Partition `partition` of `topic`.
    pub fn new(topic: impl Into<String>, partition: i32) -> Self {
        TopicPartition {
            topic: topic.into(),
            partition,
        }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.topic, self.partition)
    }
}

/// Why a text is not a partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TopicPartitionError {
    #[error("`{0}` is not a partition: write TOPIC:NUMBER, such as `order-created:0`")]
    Shape(String),
    #[error(transparent)]
    Topic(#[from] TopicNameError),
}

impl FromStr for TopicPartition {
    type Err = TopicPartitionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = || TopicPartitionError::Shape(text.to_owned());
        let (topic, partition) = text.rsplit_once(':').ok_or_else(shape)?;
        // `+1` would parse as a number, and is none that a partition has.
        if !partition.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(shape());
        }
        let partition = partition.parse().map_err(|_| shape())?;
        let topic: TopicName = topic.parse()?;
        Ok(TopicPartition::new(topic.0, partition))
    }
}

/// A name that Kafka accepts for a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TopicName(String);

impl TopicName {
    /// Kafka's limit, in bytes: with the partition's number it must fit into a file name of 255.
    pub const MAX_LENGTH: usize = 249;

    /// The name itself.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// The rule of Kafka's that a topic's name breaks (`org.apache.kafka.common.internals.Topic`).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TopicNameError {
    #[error("a topic's name cannot be empty")]
    Empty,
    #[error("a topic's name has at most 249 characters, this one has {0}")]
    Length(usize),
    #[error("a topic cannot be named `{0}`: a file system would not know it from a folder")]
    Dots(String),
    #[error("topic `{name}` has `{}` in its name: only letters a-z, digits, `.`, `_` and `-` are allowed", .character.escape_debug())]
    Character { name: String, character: char },
}

impl FromStr for TopicName {
    type Err = TopicNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if text.is_empty() {
            return Err(TopicNameError::Empty);
        }
        if let Some(character) = text.chars().find(|character| !allowed(character)) {
            let name = text.escape_debug().to_string();
            return Err(TopicNameError::Character { name, character });
        }
        if text == "." || text == ".." {
            return Err(TopicNameError::Dots(text.to_owned()));
        }
        if text.len() > Self::MAX_LENGTH {
            return Err(TopicNameError::Length(text.len()));
        }
        Ok(TopicName(text.to_owned()))
    }
}

impl AsRef<str> for TopicName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<TopicName> for String {
    fn from(name: TopicName) -> Self {
        name.0
    }
}

/// How long a topic keeps its records: `retention.ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Retention(i64);

impl Retention {
    /// Records are kept for ever, `-1` in Kafka's configuration.
    pub const INFINITE: Retention = Retention(-1);

    /// The value of `retention.ms`: milliseconds, or -1 for ever.
    pub fn milliseconds(&self) -> i64 {
        self.0
    }
}

impl Default for Retention {
    /// Seven days, as a topic of ours is created.
    fn default() -> Self {
        Retention(7 * 24 * 60 * 60 * 1000)
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match u64::try_from(self.0) {
            Ok(milliseconds) => {
                let length = std::time::Duration::from_millis(milliseconds);
                formatter.write_str(&duration::human(length))
            }
            Err(_) => formatter.write_str("infinite"),
        }
    }
}

/// Why a text is not a retention.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RetentionError {
    #[error(transparent)]
    Duration(#[from] DurationError),
    #[error("`{0}` is longer than Kafka can count: write `infinite`")]
    TooLong(String),
}

impl FromStr for Retention {
    type Err = RetentionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "-1" || text.eq_ignore_ascii_case("infinite") {
            return Ok(Self::INFINITE);
        }
        let length = duration::parse(text)?;
        i64::try_from(length.as_millis())
            .map(Retention)
            .map_err(|_| RetentionError::TooLong(text.to_owned()))
    }
}

/// A topic to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewTopic {
    pub name: String,
    pub partitions: i32,
    /// `None`: the broker's default.
    pub replicas: Option<i16>,
    /// Configuration that differs from the broker's defaults, such as `retention.ms`.
    pub configs: Vec<(String, String)>,
}

/// A topic as the cluster describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Topic {
    pub name: String,
    /// Another for each topic that ever had the name (KIP-516), in base64; `None` where nobody was asked, or no broker
    /// says (before 2.8).
    #[serde(skip)]
    pub id: Option<String>,
    /// Kafka's own: the name starts with `__`.
    pub internal: bool,
    pub partitions: Vec<Partition>,
}

impl Topic {
    /// Its partitions.
    pub fn places(&self) -> impl Iterator<Item = TopicPartition> {
        let ids = self.partitions.iter().map(|partition| partition.id);
        ids.map(|id| TopicPartition::new(&self.name, id))
    }
}

/// A partition as the cluster describes it; the numbers are brokers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Partition {
    pub id: i32,
    /// `None`: nobody leads it, so it can be neither written nor read.
    pub leader: Option<i32>,
    pub replicas: Vec<i32>,
    pub in_sync: Vec<i32>,
}

/// Where a configuration's value comes from, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ConfigSource {
    Topic,
    DynamicBroker,
    DynamicDefaultBroker,
    StaticBroker,
    Default,
    Unknown,
}

impl ConfigSource {
    /// What a table says of it.
    pub fn name(self) -> &'static str {
        match self {
            ConfigSource::Topic => "topic",
            ConfigSource::DynamicBroker => "broker",
            ConfigSource::DynamicDefaultBroker => "all brokers",
            ConfigSource::StaticBroker => "server.properties",
            ConfigSource::Default => "default",
            ConfigSource::Unknown => "unknown",
        }
    }
}

/// One key of a topic's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigEntry {
    pub name: String,
    /// `None`: null, or a secret that the broker keeps to itself.
    pub value: Option<String>,
    pub source: ConfigSource,
    pub sensitive: bool,
    pub read_only: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_kafkas_rules() {
        let longest = "a".repeat(249);
        for name in ["order-created", "a", "...", "A_b.c-9", longest.as_str()] {
            assert_eq!(name.parse::<TopicName>().unwrap().as_ref(), name);
        }
        let cases = [
            ("", "a topic's name cannot be empty"),
            (
                "..",
                "a topic cannot be named `..`: a file system would not know it from a folder",
            ),
            (
                "a b",
                "topic `a b` has ` ` in its name: only letters a-z, digits, `.`, `_` and `-` are allowed",
            ),
            (
                "a\u{1b}",
                "topic `a\\u{1b}` has `\\u{1b}` in its name: only letters a-z, digits, `.`, `_` and `-` are allowed",
            ),
        ];
        for (name, expected) in cases {
            assert_eq!(name.parse::<TopicName>().unwrap_err().to_string(), expected);
        }
        assert_eq!(
            "a".repeat(250).parse::<TopicName>(),
            Err(TopicNameError::Length(250))
        );
    }

    #[test]
    fn partitions_are_written_as_they_are_shown() {
        let partition: TopicPartition = "order-created:12".parse().unwrap();
        assert_eq!(partition, TopicPartition::new("order-created", 12));
        assert_eq!(partition.to_string(), "order-created:12");
        for text in [
            "order-created",
            "a:",
            "a:-1",
            "a:+1",
            "a:9999999999",
            ":1",
            "a b:1",
        ] {
            assert!(text.parse::<TopicPartition>().is_err(), "{text}");
        }
    }

    #[test]
    fn retention_is_a_duration_or_for_ever() {
        let cases = [
            ("7d", 604_800_000, "7d"),
            ("-1", -1, "infinite"),
            ("Infinite", -1, "infinite"),
            ("90m", 5_400_000, "1h30m"),
        ];
        for (text, milliseconds, shown) in cases {
            let retention: Retention = text.parse().unwrap();
            assert_eq!(
                (retention.milliseconds(), retention.to_string().as_str()),
                (milliseconds, shown)
            );
        }
        assert_eq!(Retention::default(), "7d".parse().unwrap());
        assert!("-2".parse::<Retention>().is_err());
        assert!("9999999999999w".parse::<Retention>().is_err());
    }
}
