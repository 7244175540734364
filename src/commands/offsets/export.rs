use super::limits::LimitArgs;
use crate::commands::candidates;
use crate::commands::choose;
use crate::commands::context::Context;
use crate::error::{Error, Result, Status};
use crate::model::offset_file;
use crate::ops::offsets;
use crate::ui::Format;
use clap_complete::engine::ArgValueCandidates;

/// Write committed offsets to standard output, for `eda offsets import`
///
/// JSON, a row a line; with --csv as Apache's `kafka-consumer-groups --export` writes it, without the group when there
/// is only one. Groups may have members: what is written is then where they were at that moment.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda offsets export payment-service > payment-service.json
  eda offsets export payment-service audit --csv > offsets.csv
  eda offsets export payment-service -t order-created | jq length")]
pub struct Args {
    /// Groups to write (can be repeated); chosen from a list on a terminal when missing
    #[arg(value_name = "GROUP", add = ArgValueCandidates::new(candidates::groups))]
    groups: Vec<String>,

    #[command(flatten)]
    limits: LimitArgs,

    /// CSV instead of JSON
    #[arg(long)]
    csv: bool,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    if args.csv && context.ui.format() == Format::Json {
        return Err(Error::usage("`--csv` and `--json` contradict each other"));
    }
    let groups = choose::groups_for(
        context,
        ["offsets", "export"],
        args.groups,
        &args.limits.words(),
    )
    .await?;
    let rows = offsets::export(context.cluster()?, &groups, &args.limits.into()).await?;
    let text = match args.csv {
        true => offset_file::to_csv(&rows),
        false => offset_file::to_json(&rows),
    };
    if rows.is_empty() {
        context.ui.status("no committed offsets");
    }
    context.ui.text(text.as_bytes())?;
    Ok(Status::Done)
}
