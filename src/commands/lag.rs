use super::candidates;
use super::context::Context;
use crate::error::{Result, Status};
use crate::model::pattern::Pattern;
use crate::ops::lag::{self, LagRequest};
use clap_complete::engine::ArgValueCandidates;

/// Show how far consumer groups are behind
///
/// Lag is end minus committed offset of each partition, also for groups without members. A partition without a
/// commit has unknown lag. With --max it is a gate for scripts: exit status 4 when a group is further behind, or
/// when its lag is unknown though there are records.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda lag
  eda lag --group payment-service
  eda lag -g payment-service -t order-created --max 100 || echo 'payment is behind'
  eda lag --json | jq 'map(.lag) | add'")]
pub struct Args {
    /// Only this group, or those that match: * stands for any text, ? for one character (can be repeated)
    #[arg(short, long = "group", value_name = "GROUP", add = ArgValueCandidates::new(candidates::groups))]
    groups: Vec<Pattern>,

    /// Only this topic (can be repeated)
    #[arg(short, long = "topic", value_name = "TOPIC", add = ArgValueCandidates::new(candidates::topics))]
    topics: Vec<String>,

    /// Exit with status 4 when a group is more than N records behind in all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    max: Option<i64>,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let request = LagRequest {
        groups: args.groups,
        topics: args.topics,
        max: args.max,
    };
    let report = lag::lag(context.cluster()?, &request).await?;
    context.ui.report(&report)
}
