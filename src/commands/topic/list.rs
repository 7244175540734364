use crate::commands::context::Context;
use crate::error::{Result, Status};
use crate::model::pattern::Pattern;
use crate::ops::topic;

/// List the topics
///
/// --long counts the records, too: end minus start of each partition, in which deleted and compacted ones in between
/// count as well. It asks the leader of every partition, so it takes longer on a large cluster.
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "ls",
    before_long_help = "\
Examples:
  eda topic list
  eda topic list 'order-*' --long
  eda topic list --json | jq -r '.[].name'"
)]
pub struct Args {
    /// Only names that match: * stands for any text, ? for one character (can be repeated)
    #[arg(value_name = "PATTERN")]
    patterns: Vec<Pattern>,

    /// Also Kafka's own topics, such as __consumer_offsets
    #[arg(long)]
    internal: bool,

    /// Also how many records each topic holds
    #[arg(short, long)]
    long: bool,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let request = topic::ListRequest {
        patterns: args.patterns,
        internal: args.internal,
        count: args.long,
    };
    let report = topic::list(context.cluster()?, &request).await?;
    context.ui.report(&report)
}
