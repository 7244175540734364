use crate::commands::context::Context;
use crate::error::{Result, Status};
use crate::ops::dlq::{self, ListRequest};

/// List the dead-letter topics
///
/// FOUND says what each is known by: its name (order-created.dlq, orders-dlt, …), its config (share groups may write to
/// it: errors.deadletterqueue.group.enable), or its last records, which are all dead letters of another topic and written
/// by a framework that eda knows. Topics of retries are none.
///
/// UNREPLAYED is what `eda dlq replay` has yet to look at: letters, up to 10,000 of a topic; beyond that, and in RECORDS,
/// offsets, some of which are marks that transactions leave. OLDEST and NEWEST are when those died that are first and last
/// in their partitions, as `eda dlq show` says it; RATE is how many came in an hour, over the last 24 hours or since the oldest, by the records'
/// timestamps, which Kafka Connect and Streams keep as they were before the record died.
///
/// What cannot be looked into is said on standard error. The exit status is 1 only if a topic that is known by its name or
/// config did not answer: not for what may not be read, nor for a topic whose name says nothing.
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
    for warning in report.warnings() {
        context.ui.warn(warning);
    }
    context.ui.report(&report)
}
