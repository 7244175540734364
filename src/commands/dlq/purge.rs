use super::audit::AuditArgs;
use crate::commands::candidates;
use crate::commands::context::Context;
use crate::commands::global::SafetyArgs;
use crate::error::{Result, Status};
use crate::ops::dlq::{self, PurgeRequest};
use clap::builder::NonEmptyStringValueParser;
use clap_complete::engine::ArgValueCandidates;

/// Delete dead letters that replays are done with
///
/// From each partition up to what the replay group has committed: what was put back or parked behind a letter that
/// stays is deleted together with that one, later. With --all also what was never put back; how many that is, is said
/// first. Asks before it deletes. What dies after the plan was made stays. The counts are of offsets.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda dlq purge order-created.dlq --dry-run
  eda dlq purge order-created.dlq --yes
  eda dlq purge order-created.dlq --all --audit audit.ndjson --yes")]
pub struct Args {
    /// The dead-letter topic
    #[arg(value_name = "TOPIC", add = ArgValueCandidates::new(candidates::dead_letter_topics))]
    topic: String,

    /// Also those that were never put back
    #[arg(long)]
    all: bool,

    /// The group whose offsets are the progress [default: eda-replay.<TOPIC>]
    #[arg(long, value_name = "GROUP", value_parser = NonEmptyStringValueParser::new())]
    replay_group: Option<String>,

    #[command(flatten)]
    audit: AuditArgs,

    #[command(flatten)]
    safety: SafetyArgs,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let request = PurgeRequest {
        topic: args.topic,
        group: args.replay_group,
        all: args.all,
        audit: args.audit.wanted(),
    };
    let plan = dlq::plan_purge(context.cluster()?, &request).await?;
    if plan.is_empty() || args.safety.dry_run {
        return context.ui.report(&plan);
    }
    let question = "Delete these dead letters?";
    let consent = context.ui.consent(&plan, question, args.safety.yes)?;
    let outcome = dlq::purge(context.cluster()?, plan, consent).await?;
    context.ui.report(&outcome)
}
