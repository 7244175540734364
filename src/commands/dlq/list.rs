use crate::commands::context::Context;
use crate::error::{Result, Status};
use crate::ops::dlq;

/// List the dead-letter topics
///
/// Found by name (order-created.dlq, orders-dlt, …). UNREPLAYED is what `eda dlq replay` has yet to look at.
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "ls",
    before_long_help = "\
Examples:
  eda dlq list
  eda dlq list --max 0 || echo 'somebody has to look'"
)]
pub struct Args {
    /// Exit with status 4 when more than N dead letters wait in all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    max: Option<i64>,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let report = dlq::list(context.cluster()?, args.max).await?;
    context.ui.report(&report)
}
