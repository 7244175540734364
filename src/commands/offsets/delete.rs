use super::limits::LimitArgs;
use crate::commands::candidates;
use crate::commands::choose;
use crate::commands::context::Context;
use crate::commands::global::SafetyArgs;
use crate::error::{Result, Status};
use crate::ops::offsets::{self, DeleteRequest};
use clap_complete::engine::ArgValueCandidates;

/// Make a group forget where it was
///
/// Deletes committed offsets, also those in topics that do not exist any more, so that they stop showing as lag. Shows
/// them and asks first. A group with members keeps those of the topics it subscribes to; each refusal is named, and
/// the exit status is then 1.
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "rm",
    before_long_help = "\
Examples:
  eda offsets delete payment-service --topic order-created
  eda offsets delete payment-service -t order-created -p 3 --yes"
)]
pub struct Args {
    /// The group; chosen from a list on a terminal when missing
    #[arg(value_name = "GROUP", add = ArgValueCandidates::new(candidates::groups))]
    group: Option<String>,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    safety: SafetyArgs,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let rest = args.limits.words();
    let group = choose::group_for(context, ["offsets", "delete"], args.group, &rest).await?;
    let request = DeleteRequest {
        group,
        limits: args.limits.into(),
    };
    let plan = offsets::plan_delete(context.cluster()?, &request).await?;
    if plan.is_empty() || args.safety.dry_run {
        return context.ui.report(&plan);
    }
    let consent = context.ui.consent(&plan, "Forget them?", args.safety.yes)?;
    let outcome = offsets::delete(context.cluster()?, plan, consent).await?;
    context.ui.report(&outcome)
}
