use crate::commands::candidates;
use crate::commands::choose;
use crate::commands::context::Context;
use crate::error::{Result, Status};
use crate::model::pattern::Pattern;
use crate::ops::offsets;
use clap_complete::engine::ArgValueCandidates;

/// Show the offsets that groups have committed
///
/// The offset of the next record to read in each partition, and where the log starts and ends. Partitions without a
/// commit are left out; `eda lag` shows them too.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda offsets show payment-service
  eda offsets show payment-service -t order-created --json")]
pub struct Args {
    /// Groups, or patterns with * and ? (can be repeated); chosen from a list on a terminal when missing
    #[arg(value_name = "GROUP", add = ArgValueCandidates::new(candidates::groups))]
    groups: Vec<String>,

    /// Only this topic, or those that match (can be repeated)
    #[arg(short, long = "topic", value_name = "TOPIC", add = ArgValueCandidates::new(candidates::topics))]
    topics: Vec<Pattern>,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let groups = choose::groups_for(context, ["offsets", "show"], args.groups, &[]).await?;
    let patterns: Vec<Pattern> = groups.iter().map(|group| group.as_str().into()).collect();
    let report = offsets::show(context.cluster()?, patterns, args.topics).await?;
    context.ui.report(&report)
}
