use crate::commands::candidates;
use crate::commands::context::Context;
use crate::commands::global::SafetyArgs;
use crate::error::{Result, Status};
use crate::ops::group;
use clap_complete::engine::ArgValueCandidates;

/// Delete consumer groups and their committed offsets
///
/// Shows what would be forgotten and asks first. A group with members is refused, and named with them. If one of the
/// names is unknown, nothing is deleted.
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "rm",
    before_long_help = "\
Examples:
  eda group delete old-service
  eda group delete old-a old-b --yes
  eda offsets export old-service > old-service.json && eda group delete old-service --yes"
)]
pub struct Args {
    /// Groups to delete (can be repeated)
    #[arg(required = true, value_name = "GROUP", add = ArgValueCandidates::new(candidates::groups))]
    groups: Vec<String>,

    #[command(flatten)]
    safety: SafetyArgs,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let plan = group::plan_delete(context.cluster()?, &args.groups).await?;
    if args.safety.dry_run {
        return context.ui.report(&plan);
    }
    if let Some(refusal) = plan.refusal() {
        return Err(refusal);
    }
    let consent = context.ui.consent(&plan, "Delete them?", args.safety.yes)?;
    let outcome = group::delete(context.cluster()?, plan, consent).await?;
    context.ui.report(&outcome)
}
