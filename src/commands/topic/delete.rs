use crate::commands::candidates;
use crate::commands::context::Context;
use crate::commands::global::SafetyArgs;
use crate::error::{Result, Status};
use crate::ops::topic;
use clap_complete::engine::ArgValueCandidates;

/// Delete topics and all their records
///
/// Shows what would be lost and asks first. If one of the names is unknown, nothing is deleted.
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "rm",
    before_long_help = "\
Examples:
  eda topic delete order-created
  eda topic delete old-a old-b --yes
  eda topic delete order-created --dry-run"
)]
pub struct Args {
    /// Topics to delete (can be repeated)
    #[arg(required = true, value_name = "NAME", add = ArgValueCandidates::new(candidates::topics))]
    names: Vec<String>,

    #[command(flatten)]
    safety: SafetyArgs,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let plan = topic::plan_delete(context.cluster()?, &args.names).await?;
    if args.safety.dry_run {
        return context.ui.report(&plan);
    }
    let consent = context.ui.consent(&plan, "Delete them?", args.safety.yes)?;
    let outcome = topic::delete(context.cluster()?, plan, consent).await?;
    context.ui.report(&outcome)
}
