use crate::commands::candidates;
use crate::commands::choose;
use crate::commands::context::Context;
use crate::error::{Result, Status};
use crate::model::pattern::Pattern;
use crate::ops::group;
use clap_complete::engine::ArgValueCandidates;

/// Show a group's members, what each reads, and the offsets
///
/// Members with client id, host and partitions; during a KIP-848 rebalance also what each is to read. Then every
/// partition that the group reads or has committed in, with offsets, lag, and the member that reads it.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda group describe payment-service
  eda group describe 'payment-*' --json | jq '.[].members[].host'")]
pub struct Args {
    /// Groups, or patterns with * and ? (can be repeated); chosen from a list on a terminal when missing
    #[arg(value_name = "GROUP", add = ArgValueCandidates::new(candidates::groups))]
    groups: Vec<String>,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let groups = choose::groups_for(context, ["group", "describe"], args.groups, &[]).await?;
    let patterns: Vec<Pattern> = groups.iter().map(|group| group.as_str().into()).collect();
    let report = group::describe(context.cluster()?, &patterns).await?;
    context.ui.report(&report)
}
