use super::place::PlaceArgs;
use crate::commands::arguments;
use crate::commands::context::Context;
use crate::commands::global::SafetyArgs;
use crate::error::{Result, Status};
use crate::ops::outbox::purge::{self, PurgeRequest};
use std::time::Duration;

/// Delete events that are published, or dead
///
/// Shows how many, and asks first. They are deleted some thousand at a time, so that writers and relays are not kept
/// waiting; Ctrl-C ends it between two. Pending events are never deleted.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda outbox purge --published --older-than 7d --dry-run
  eda outbox purge --published --older-than 1d --yes
  eda outbox purge --dead --yes")]
#[group(id = "what", required = true, multiple = true, args = ["published", "dead"])]
pub struct Args {
    /// Those that were published longer ago than --older-than
    #[arg(long)]
    published: bool,

    /// How long ago
    #[arg(long, value_name = "DURATION", default_value = "7d", requires = "published", value_parser = arguments::duration)]
    older_than: Duration,

    /// The dead ones, whose events nobody will see
    #[arg(long)]
    dead: bool,

    #[command(flatten)]
    place: PlaceArgs,

    #[command(flatten)]
    safety: SafetyArgs,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let request = PurgeRequest {
        published: args.published.then_some(args.older_than),
        dead: args.dead,
    };
    let outbox = args.place.open(context).await?;
    let plan = purge::plan(outbox.as_ref(), request).await?;
    if plan.is_empty() || args.safety.dry_run {
        return context.ui.report(&plan);
    }
    let question = "Delete these events?";
    let consent = context.ui.consent(&plan, question, args.safety.yes)?;
    let stop = context.stop_on_signals();
    let outcome = purge::purge(outbox.as_ref(), plan, &stop, consent).await;
    let shown = context.ui.report(&outcome);
    super::end(outcome.error, shown)
}
