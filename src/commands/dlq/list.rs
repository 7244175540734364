use crate::commands::context::Context;
use crate::error::{Result, Status};
use crate::ops::dlq::{self, ListRequest};

/// List the dead-letter topics
///
/// FOUND says what each is known by: its name (order-created.dlq, orders-dlt, …), its config (share groups may write to
/// it: errors.deadletterqueue.group.enable), or its last records, which are all dead letters of another topic and written
/// by a framework that eda knows. Topics of retries are none.
///
/// UNREPLAYED is what `eda dlq replay` has yet to look at; OLDEST and NEWEST are when the first and the last died, as
/// `eda dlq show` says it; RATE is how many came in an hour, over the last 24 hours or since the oldest. What cannot be
/// looked into is said on standard error: the exit status is 1 only if it did not answer, not if it may not be read.
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "ls",
    before_long_help = "\
Examples:
  eda dlq list
  eda dlq list --no-probe
  eda dlq list --max 0 || echo 'somebody has to look'"
)]
pub struct Args {
    /// Exit with status 4 when more than N dead letters wait in all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    max: Option<i64>,

    /// Do not look at the records of topics whose name and config say nothing
    #[arg(long)]
    no_probe: bool,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let request = ListRequest {
        max: args.max,
        probe: !args.no_probe,
    };
    let looking = context.ui.progress(None, "looking for dead letters");
    let report = dlq::list(context.cluster()?, &request).await?;
    drop(looking);
    for refused in report.refused() {
        context.ui.warn(refused);
    }
    context.ui.report(&report)
}
