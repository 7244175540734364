use crate::commands::candidates;
use crate::commands::choose;
use crate::commands::context::Context;
use crate::error::{Result, Status};
use crate::ops::topic;
use clap_complete::engine::ArgValueCandidates;

/// Show a topic's partitions, configuration and readers
///
/// Partitions with leader, replicas and offsets; the configurations that are not Kafka's default, with where each comes
/// from; the groups that read it or have committed offsets in it.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda topic describe order-created
  eda topic describe order-created --all-configs --json")]
pub struct Args {
    /// Name of the topic; chosen from a list on a terminal when missing
    #[arg(add = ArgValueCandidates::new(candidates::topics))]
    name: Option<String>,

    /// Every configuration, also those that have Kafka's default
    #[arg(long)]
    all_configs: bool,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let name = choose::topic_for(context, ["topic", "describe"], args.name).await?;
    let report = topic::describe(context.cluster()?, &name, args.all_configs).await?;
    context.ui.report(&report)
}
