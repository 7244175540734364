use crate::commands::candidates;
use crate::commands::context::Context;
use crate::commands::global::EventsArgs;
use crate::error::{Result, Status};
use crate::ops::event;
use clap_complete::engine::ArgValueCandidates;

/// Show an event: its topic, key, fields and an example
///
/// --json also gives its JSON Schema, and how the catalog wants its topic.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda event show OrderCreated
  eda event show order-created
  eda event show OrderCreated --json | jq .schema")]
pub struct Args {
    /// An event, by its name or its topic
    #[arg(value_name = "EVENT", add = ArgValueCandidates::new(candidates::events))]
    name: String,

    #[command(flatten)]
    events: EventsArgs,
}

pub fn run(context: &Context, args: Args) -> Result<Status> {
    let catalog = context.catalog(&args.events)?;
    context.ui.report(&event::show(&catalog, &args.name)?)
}
