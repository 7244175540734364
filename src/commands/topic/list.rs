use crate::commands::context::Context;
use crate::error::{Result, Status};
use crate::model::pattern::Pattern;
use crate::ops::topic;

/// List the topics
///
/// Records are counted as end minus start of each partition: deleted and compacted ones in between count too.
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "ls",
    before_long_help = "\
Examples:
  eda topic list
  eda topic list 'order-*'
  eda topic list --json | jq -r '.[].name'"
)]
pub struct Args {
    /// Only names that match: * stands for any text, ? for one character (can be repeated)
    #[arg(value_name = "PATTERN")]
    patterns: Vec<Pattern>,

    /// Also Kafka's own topics, such as __consumer_offsets
    #[arg(long)]
    internal: bool,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let report = topic::list(context.cluster()?, &args.patterns, args.internal).await?;
    context.ui.report(&report)
}
