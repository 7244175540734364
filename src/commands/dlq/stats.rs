use super::selection::SelectionArgs;
use crate::commands::candidates;
use crate::commands::context::Context;
use crate::error::{Result, Status};
use crate::ops::dlq::{self, StatsRequest};
use clap_complete::engine::ArgValueCandidates;

/// Show why dead letters died, when, and which keys they have
///
/// Counts, as the plan of a replay does: how many died of what, of which group and with which origin, and how many can be
/// put back. Then how many died in each hour (UTC), and the keys that most of them have. Reads all that are chosen, and
/// changes nothing. In a message # stands for an id or a number of more than three digits, so that what died of the same is
/// counted together; `eda dlq show` has the messages as they are.
///
/// The newest 48 hours in which any died are shown; --json has up to 10,000. Of the keys 1,000 are counted apart: a count
/// with ~ is the most it can be, and with --json `atLeast` is the least.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda dlq stats order-created.dlq
  eda dlq stats order-created.dlq --unreplayed --since -1d
  eda dlq stats order-created.dlq --group payment-service --reason timeout
  eda dlq stats order-created.dlq --json | jq '.keys[0]'")]
pub struct Args {
    /// The dead-letter topic
    #[arg(value_name = "TOPIC", add = ArgValueCandidates::new(candidates::dead_letter_topics))]
    topic: String,

    /// Only those that `eda dlq replay` is not done with
    #[arg(long)]
    unreplayed: bool,

    #[command(flatten)]
    selection: SelectionArgs,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let request = StatsRequest {
        topic: args.topic,
        selection: args.selection.into(),
        unreplayed: args.unreplayed,
    };
    let reading = context.ui.progress(None, "reading the dead letters");
    let stats = dlq::stats(context.cluster()?, &request).await?;
    drop(reading);
    context.ui.report(&stats)
}
