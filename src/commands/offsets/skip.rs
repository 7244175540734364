use crate::commands::candidates;
use crate::commands::context::Context;
use crate::commands::global::SafetyArgs;
use crate::error::{Result, Status};
use crate::model::dead_letter::DEFAULT_TEMPLATE;
use crate::model::topic::TopicPartition;
use crate::ops::offsets::{self, SkipRequest};
use clap_complete::engine::ArgValueCandidates;

/// Take a group past the one record it cannot get past
///
/// Shows the record that the group is to read next and asks; copies it to the dead-letter topic (created when it is
/// not there), with the group and the reason in its headers; and moves the offset to one past it, no further. A group
/// with members is refused, and named with them.
///
/// Guarantee: the copy is acknowledged before the offset is moved. Killed in between, the group is where it was and
/// the copy is there; repeating the command copies the record once more. With --discard it is kept nowhere else.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda offsets skip payment-service order-created:2 --dry-run
  eda offsets skip payment-service order-created:2 --reason 'negative total, TICKET-7'
  eda offsets skip payment-service order-created:2 --discard --yes")]
pub struct Args {
    /// The group
    #[arg(value_name = "GROUP", add = ArgValueCandidates::new(candidates::groups))]
    group: String,

    /// The partition it is stuck in
    #[arg(value_name = "TOPIC:PARTITION")]
    place: TopicPartition,

    /// Do not keep the record
    #[arg(long)]
    discard: bool,

    /// Where to keep it: {topic} and {group} stand for their names
    #[arg(long, value_name = "TOPIC", default_value = DEFAULT_TEMPLATE, conflicts_with = "discard")]
    dlq_topic: String,

    /// Why, for whoever looks at the dead letter
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "skipped by an operator",
        conflicts_with = "discard"
    )]
    reason: String,

    /// The group reads uncommitted records too: the next one may be of an open or aborted transaction
    #[arg(long)]
    read_uncommitted: bool,

    #[command(flatten)]
    safety: SafetyArgs,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let request = SkipRequest {
        group: args.group,
        place: args.place,
        dlq: (!args.discard).then_some(args.dlq_topic),
        reason: args.reason,
        read_uncommitted: args.read_uncommitted,
    };
    let plan = offsets::plan_skip(context.cluster()?, &request).await?;
    if plan.is_empty() || args.safety.dry_run {
        return context.ui.report(&plan);
    }
    if let Some(refusal) = plan.refusal() {
        return Err(refusal);
    }
    let consent = context.ui.consent(&plan, "Skip it?", args.safety.yes)?;
    let outcome = offsets::skip(context.cluster()?, plan, consent).await?;
    context.ui.report(&outcome)
}
