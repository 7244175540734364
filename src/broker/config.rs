//! Configuration of topics and of the broker: the names, types and defaults of Apache Kafka 4, one table each.
//!
//! What the broker acts on: `cleanup.policy` and what belongs to it, `retention.*`, `max.message.bytes`,
//! `message.timestamp.*`, `min.insync.replicas` (there is one replica) and `segment.*` as an upper bound. The others are
//! validated, kept and described, so that tools find what they expect.

use std::collections::BTreeMap;

use super::log::{Compaction, Policy};

/// The type of a value, as DescribeConfigs numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// `true` or `false`.
    Boolean = 1,
    /// Any text.
    String = 2,
    /// A 32-bit number.
    Int = 3,
    /// A 64-bit number.
    Long = 5,
    /// A decimal fraction.
    Double = 6,
    /// Words with commas between them.
    List = 7,
}

/// Which values are allowed.
#[derive(Clone, Copy)]
enum Rule {
    Any,
    AtLeast(i64),
    Between(i64, i64),
    Fraction,
    OneOf(&'static [&'static str]),
}

/// A configuration a topic has.
pub(crate) struct Definition {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its type.
    pub(crate) kind: Type,
    /// The value where nothing was set.
    pub(crate) default: &'static str,
    rule: Rule,
    /// The broker's configuration of the same meaning, for the synonyms.
    pub(crate) broker_name: &'static str,
}

const fn define(
    name: &'static str,
    kind: Type,
    default: &'static str,
    rule: Rule,
    broker_name: &'static str,
) -> Definition {
    Definition {
        name,
        kind,
        default,
        rule,
        broker_name,
    }
}

const MAX: &str = "9223372036854775807";

/// Every topic configuration of Kafka 4, sorted by name (`org.apache.kafka.common.config.TopicConfig`).
#[rustfmt::skip]
pub(crate) static TOPIC: &[Definition] = &[
    define("cleanup.policy", Type::List, "delete", Rule::OneOf(&["delete", "compact"]), "log.cleanup.policy"),
    define("compression.gzip.level", Type::Int, "-1", Rule::Between(-1, 9), "compression.gzip.level"),
    define("compression.lz4.level", Type::Int, "9", Rule::Between(1, 17), "compression.lz4.level"),
    define("compression.type", Type::String, "producer", Rule::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), "compression.type"),
    define("compression.zstd.level", Type::Int, "3", Rule::Between(-131072, 22), "compression.zstd.level"),
    define("delete.retention.ms", Type::Long, "86400000", Rule::AtLeast(0), "log.cleaner.delete.retention.ms"),
    define("file.delete.delay.ms", Type::Long, "60000", Rule::AtLeast(0), "log.segment.delete.delay.ms"),
    define("flush.messages", Type::Long, MAX, Rule::AtLeast(1), "log.flush.interval.messages"),
    define("flush.ms", Type::Long, MAX, Rule::AtLeast(0), "log.flush.interval.ms"),
    define("follower.replication.throttled.replicas", Type::List, "", Rule::Any, ""),
    define("index.interval.bytes", Type::Int, "4096", Rule::AtLeast(0), "log.index.interval.bytes"),
    define("leader.replication.throttled.replicas", Type::List, "", Rule::Any, ""),
    define("local.retention.bytes", Type::Long, "-2", Rule::AtLeast(-2), "log.local.retention.bytes"),
    define("local.retention.ms", Type::Long, "-2", Rule::AtLeast(-2), "log.local.retention.ms"),
    define("max.compaction.lag.ms", Type::Long, MAX, Rule::AtLeast(1), "log.cleaner.max.compaction.lag.ms"),
    define("max.message.bytes", Type::Int, "1048588", Rule::AtLeast(0), "message.max.bytes"),
    define("message.timestamp.after.max.ms", Type::Long, "3600000", Rule::AtLeast(0), "log.message.timestamp.after.max.ms"),
    define("message.timestamp.before.max.ms", Type::Long, MAX, Rule::AtLeast(0), "log.message.timestamp.before.max.ms"),
    define("message.timestamp.type", Type::String, "CreateTime", Rule::OneOf(&["CreateTime", "LogAppendTime"]), "log.message.timestamp.type"),
    define("min.cleanable.dirty.ratio", Type::Double, "0.5", Rule::Fraction, "log.cleaner.min.cleanable.ratio"),
    define("min.compaction.lag.ms", Type::Long, "0", Rule::AtLeast(0), "log.cleaner.min.compaction.lag.ms"),
    define("min.insync.replicas", Type::Int, "1", Rule::AtLeast(1), "min.insync.replicas"),
    define("preallocate", Type::Boolean, "false", Rule::Any, "log.preallocate"),
    define("remote.log.copy.disable", Type::Boolean, "false", Rule::Any, ""),
    define("remote.log.delete.on.disable", Type::Boolean, "false", Rule::Any, ""),
    define("remote.storage.enable", Type::Boolean, "false", Rule::Any, ""),
    define("retention.bytes", Type::Long, "-1", Rule::AtLeast(-1), "log.retention.bytes"),
    define("retention.ms", Type::Long, "604800000", Rule::AtLeast(-1), "log.retention.ms"),
    define("segment.bytes", Type::Int, "1073741824", Rule::AtLeast(1024 * 1024), "log.segment.bytes"),
    define("segment.index.bytes", Type::Int, "10485760", Rule::AtLeast(4), "log.index.size.max.bytes"),
    define("segment.jitter.ms", Type::Long, "0", Rule::AtLeast(0), "log.roll.jitter.ms"),
    define("segment.ms", Type::Long, "604800000", Rule::AtLeast(1), "log.roll.ms"),
    define("unclean.leader.election.enable", Type::Boolean, "false", Rule::Any, "unclean.leader.election.enable"),
];

/// What DescribeConfigs says of the broker: name, type, value. All are read-only.
pub(crate) static BROKER: &[(&str, Type, &str)] = &[
    ("auto.create.topics.enable", Type::Boolean, "false"),
    ("broker.id", Type::Int, "1"),
    ("compression.type", Type::String, "producer"),
    ("default.replication.factor", Type::Int, "1"),
    ("delete.topic.enable", Type::Boolean, "true"),
    ("log.cleanup.policy", Type::List, "delete"),
    ("log.message.timestamp.type", Type::String, "CreateTime"),
    ("log.retention.bytes", Type::Long, "-1"),
    ("log.retention.ms", Type::Long, "604800000"),
    ("log.segment.bytes", Type::Int, "1073741824"),
    ("message.max.bytes", Type::Int, "1048588"),
    ("min.insync.replicas", Type::Int, "1"),
    ("node.id", Type::Int, "1"),
    ("offset.metadata.max.bytes", Type::Int, "4096"),
    ("offsets.retention.minutes", Type::Int, "10080"),
    ("producer.id.expiration.ms", Type::Int, "86400000"),
];

/// The definition of a topic configuration.
pub(crate) fn definition(name: &str) -> Option<&'static Definition> {
    TOPIC.iter().find(|definition| definition.name == name)
}

impl Definition {
    /// Checks a value; the error is a sentence.
    fn check(&self, value: &str) -> Result<(), String> {
        let valid = match self.kind {
            Type::Boolean => matches!(value, "true" | "false"),
            Type::String => self.allows_word(value),
            Type::Int => value
                .trim()
                .parse::<i32>()
                .is_ok_and(|number| self.allows_number(number.into())),
            Type::Long => value
                .trim()
                .parse::<i64>()
                .is_ok_and(|number| self.allows_number(number)),
            Type::Double => value
                .trim()
                .parse::<f64>()
                .is_ok_and(|number| (0.0..=1.0).contains(&number)),
            Type::List => words(value).all(|word| self.allows_word(word)),
        };
        if valid {
            return Ok(());
        }
        Err(format!(
            "Invalid value {value} for configuration {}",
            self.name
        ))
    }

    fn allows_number(&self, number: i64) -> bool {
        match self.rule {
            Rule::AtLeast(least) => number >= least,
            Rule::Between(least, most) => (least..=most).contains(&number),
            Rule::Any | Rule::Fraction | Rule::OneOf(_) => true,
        }
    }

    fn allows_word(&self, word: &str) -> bool {
        match self.rule {
            Rule::OneOf(allowed) => allowed.contains(&word),
            Rule::Any | Rule::AtLeast(_) | Rule::Between(..) | Rule::Fraction => true,
        }
    }
}

/// The items of a list value.
pub(crate) fn words(value: &str) -> impl Iterator<Item = &str> {
    value
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
}

/// A topic's configuration: what was set, and what that means. Times are milliseconds, sizes bytes.
#[derive(Clone, Debug)]
pub(crate) struct TopicConfig {
    overrides: BTreeMap<String, String>,
    /// How its logs append and keep.
    pub(crate) policy: Policy,
    /// `max.message.bytes`.
    pub(crate) max_message_bytes: i32,
    /// `message.timestamp.before.max.ms`.
    pub(crate) timestamp_before_max: i64,
    /// `message.timestamp.after.max.ms`.
    pub(crate) timestamp_after_max: i64,
    /// `min.insync.replicas`.
    pub(crate) min_insync_replicas: i32,
}

impl Default for TopicConfig {
    fn default() -> Self {
        TopicConfig::of(BTreeMap::new())
    }
}

impl TopicConfig {
    /// A configuration with these values set. The error is a sentence about the first name that does not exist or value
    /// that is not allowed: INVALID_CONFIG.
    pub(crate) fn new(overrides: BTreeMap<String, String>) -> Result<TopicConfig, String> {
        for (name, value) in &overrides {
            definition(name)
                .ok_or_else(|| format!("Unknown topic config name: {name}"))?
                .check(value)?;
        }
        Ok(TopicConfig::of(overrides))
    }

    fn of(overrides: BTreeMap<String, String>) -> TopicConfig {
        let text = |name: &str| match overrides.get(name) {
            Some(value) => value.as_str(),
            None => definition(name).map_or("", |definition| definition.default),
        };
        let number = |name: &str| text(name).trim().parse::<i64>().unwrap_or_default();
        let cleans = |word: &str| words(text("cleanup.policy")).any(|policy| policy == word);
        TopicConfig {
            policy: Policy {
                delete: cleans("delete"),
                retention_milliseconds: number("retention.ms"),
                retention_bytes: number("retention.bytes"),
                segment_bytes: number("segment.bytes").unsigned_abs(),
                segment_milliseconds: number("segment.ms"),
                append_time: text("message.timestamp.type") == "LogAppendTime",
                compaction: cleans("compact").then(|| Compaction {
                    min_dirty_ratio: text("min.cleanable.dirty.ratio")
                        .trim()
                        .parse()
                        .unwrap_or_default(),
                    min_lag: number("min.compaction.lag.ms"),
                    max_lag: number("max.compaction.lag.ms"),
                    delete_retention: number("delete.retention.ms"),
                }),
            },
            max_message_bytes: number("max.message.bytes") as i32,
            timestamp_before_max: number("message.timestamp.before.max.ms"),
            timestamp_after_max: number("message.timestamp.after.max.ms"),
            min_insync_replicas: number("min.insync.replicas") as i32,
            overrides,
        }
    }

    /// What was set, by name.
    pub(crate) fn overrides(&self) -> &BTreeMap<String, String> {
        &self.overrides
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Result<TopicConfig, String> {
        TopicConfig::new(BTreeMap::from([(name.to_owned(), value.to_owned())]))
    }

    #[test]
    fn defaults_obey_their_own_rules() {
        for definition in TOPIC {
            assert_eq!(
                definition.check(definition.default),
                Ok(()),
                "{}",
                definition.name
            );
        }
        assert!(TOPIC.is_sorted_by_key(|definition| definition.name));
    }

    #[test]
    fn values_are_checked_and_read() {
        assert!(with("no.such.thing", "1").is_err());
        for (name, value) in [
            ("retention.ms", "soon"),
            ("retention.ms", "-2"),
            ("cleanup.policy", "delete,burn"),
            ("message.timestamp.type", "createtime"),
            ("preallocate", "yes"),
            ("min.cleanable.dirty.ratio", "1.5"),
            ("max.message.bytes", "3000000000"),
        ] {
            assert!(with(name, value).is_err(), "{name}={value}");
        }
        let both = with("cleanup.policy", "compact, delete").unwrap();
        assert!(both.policy.compaction.is_some() && both.policy.delete);
        assert!(!with("cleanup.policy", "compact").unwrap().policy.delete);
        assert_eq!(
            with("retention.ms", "1000")
                .unwrap()
                .policy
                .retention_milliseconds,
            1000
        );
    }
}
