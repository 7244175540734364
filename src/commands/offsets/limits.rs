//! `--topic` and `--partition` of the commands that are about some of a group's offsets.

use crate::commands::candidates;
use crate::ops::offsets::Limits;
use clap_complete::engine::ArgValueCandidates;

#[derive(Debug, Clone, Default, clap::Args)]
pub struct LimitArgs {
    /// Only this topic (can be repeated)
    #[arg(short, long = "topic", value_name = "TOPIC", add = ArgValueCandidates::new(candidates::topics))]
    pub topics: Vec<String>,

    /// Only this partition of the topics (can be repeated)
    #[arg(short, long = "partition", value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub partitions: Vec<i32>,
}

impl LimitArgs {
    /// The same as words of a command line.
    pub fn words(&self) -> Vec<String> {
        let topics = self.topics.iter().map(|topic| ("--topic", topic.clone()));
        let partitions = self
            .partitions
            .iter()
            .map(|number| ("--partition", number.to_string()));
        topics
            .chain(partitions)
            .flat_map(|(flag, value)| [flag.to_owned(), value])
            .collect()
    }
}

impl From<LimitArgs> for Limits {
    fn from(args: LimitArgs) -> Self {
        Limits {
            topics: args.topics,
            partitions: args.partitions,
        }
    }
}
