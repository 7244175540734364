use super::place::PlaceArgs;
use crate::commands::context::Context;
use crate::commands::global::SafetyArgs;
use crate::error::{Result, Status};
use crate::ops::outbox::retry;

/// Make dead events pending again
///
/// A relay then tries them anew, with all their attempts. Shows which, and asks first. An id that is named and not dead
/// makes the exit status 1.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda outbox retry 0198c6a0-1234-7abc-8def-0123456789ab
  eda outbox retry --all --dry-run
  eda outbox retry --all --yes")]
pub struct Args {
    /// Ids of dead events (can be repeated)
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<String>,

    /// All that are dead
    #[arg(long, conflicts_with = "ids")]
    all: bool,

    #[command(flatten)]
    place: PlaceArgs,

    #[command(flatten)]
    safety: SafetyArgs,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let outbox = args.place.open(context).await?;
    let plan = retry::plan(outbox.as_ref(), &args.ids).await?;
    if plan.is_empty() || args.safety.dry_run {
        return context.ui.report(&plan);
    }
    let question = "Try these again?";
    let consent = context.ui.consent(&plan, question, args.safety.yes)?;
    let outcome = retry::retry(outbox.as_ref(), plan, consent).await?;
    context.ui.report(&outcome)
}
