//! What `eda` is about: records, topics, groups, offsets, lag, events and dead letters, as plain data and pure functions.
//!
//! Nothing here does I/O, reads the environment or looks at a clock: who needs the time is given `now_ms`,
//! milliseconds since 1970-01-01 UTC. What a person types on the command line ([`topic::TopicName`],
//! [`offset::Range`], [`event::Assignment`], …) is a type with `FromStr`, whose error is a sentence for him.

pub mod cloud_event;
pub mod cluster;
pub mod codes;
pub mod dead_letter;
pub mod duration;
pub mod event;
pub mod expectation;
pub mod filter;
pub mod group;
pub mod heavy_hitters;
pub mod json_layout;
pub mod junit;
pub mod lag;
pub mod ledger;
pub mod offset;
pub mod offset_file;
pub mod outbox;
pub mod partitioner;
pub mod pattern;
pub mod record;
pub mod record_json;
pub mod record_size;
pub mod same_key;
pub mod suggest;
pub mod template;
pub mod topic;
pub mod wording;

#[cfg(test)]
mod tests {
    use proptest::prelude::ProptestConfig;

    /// So many cases, unless `PROPTEST_CASES` asks for more; failures are not kept in files among the sources.
    pub fn cases(count: u32) -> ProptestConfig {
        let asked = ProptestConfig::default();
        ProptestConfig {
            cases: asked.cases.max(count),
            failure_persistence: None,
            ..asked
        }
    }
}
