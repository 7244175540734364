use crate::commands::candidates;
use crate::commands::context::Context;
use crate::error::{Result, Status};
use crate::model::group::GroupState;
use crate::model::pattern::Pattern;
use crate::ops::group::{self, ListRequest};
use clap_complete::engine::ArgValueCandidates;

/// List the consumer groups
///
/// State, protocol (classic, or consumer as of KIP-848), members, topics with commits, and records behind in all. The
/// lag is unknown where a partition holds records and has no commit. A KIP-848 group in the middle of an assignment
/// is shown as Unknown: it is live.
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "ls",
    before_long_help = "\
Examples:
  eda group list
  eda group list 'payment-*' --state Empty
  eda group list --json | jq -r '.[] | select(.lag > 0).group'"
)]
pub struct Args {
    /// Only names that match: * stands for any text, ? for one character (can be repeated)
    #[arg(value_name = "PATTERN", add = ArgValueCandidates::new(candidates::groups))]
    patterns: Vec<Pattern>,

    /// Only groups in this state: Stable, Empty, PreparingRebalance, … (can be repeated)
    #[arg(long = "state", value_name = "STATE")]
    states: Vec<GroupState>,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let request = ListRequest {
        patterns: args.patterns,
        states: args.states,
    };
    let report = group::list(context.cluster()?, &request).await?;
    context.ui.report(&report)
}
