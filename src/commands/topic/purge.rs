use crate::commands::candidates;
use crate::commands::context::Context;
use crate::commands::global::SafetyArgs;
use crate::error::{Error, Result, Status};
use crate::model::offset::Position;
use crate::ops::topic::{self, PurgeRequest};
use clap_complete::engine::ArgValueCandidates;

/// Delete a topic's records, all or those before a position
///
/// The topic stays, with its configuration and offsets: it begins at a later offset afterwards. Shows how many records
/// of each partition that is, and which groups have not read them yet, and asks first. Records that come after the
/// plan was made stay. Kafka deletes no records from a topic that is only compacted.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda topic purge order-created --dry-run
  eda topic purge order-created --before @-7d --yes
  eda topic purge order-created --before -1000          keeps the last thousand of each partition
  eda topic purge order-created --before 4711 -p 2")]
pub struct Args {
    /// Topics to delete records from (can be repeated)
    #[arg(required = true, value_name = "NAME", add = ArgValueCandidates::new(candidates::topics))]
    names: Vec<String>,

    /// Keep what is there from: end (the default: keep nothing), N, +N, -N, @TIME or @-1h
    #[arg(
        long,
        value_name = "POSITION",
        default_value = "end",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    before: Position,

    /// Only this partition (can be repeated)
    #[arg(short, long = "partition", value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    partitions: Vec<i32>,

    #[command(flatten)]
    safety: SafetyArgs,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    if matches!(args.before, Position::Stored) {
        return Err(
            Error::usage("`stored` is a group's, and no place in a topic")
                .hint("`eda offsets show GROUP` shows where a group is"),
        );
    }
    let request = PurgeRequest {
        topics: args.names,
        before: args.before,
        partitions: args.partitions,
    };
    let plan = topic::plan_purge(context.cluster()?, &request).await?;
    if plan.is_empty() || args.safety.dry_run {
        return context.ui.report(&plan);
    }
    let consent = context
        .ui
        .consent(&plan, "Delete these records?", args.safety.yes)?;
    let outcome = topic::purge(context.cluster()?, plan, consent).await?;
    context.ui.report(&outcome)
}
