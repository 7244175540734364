use crate::commands::candidates;
use crate::commands::context::Context;
use crate::error::{Result, Status};
use crate::ops::topic;
use clap_complete::engine::ArgValueCandidates;

/// Show a topic's partitions, configuration and readers
///
/// Partitions with leader, replicas and offsets; the configurations that differ from the default; the groups that
/// have committed offsets in it.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda topic describe order-created
  eda topic describe order-created --all-configs --json")]
pub struct Args {
    /// Name of the topic
    #[arg(add = ArgValueCandidates::new(candidates::topics))]
    name: String,

    /// Every configuration, not only those that were set on the topic
    #[arg(long)]
    all_configs: bool,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let report = topic::describe(context.cluster()?, &args.name, args.all_configs).await?;
    context.ui.report(&report)
}
