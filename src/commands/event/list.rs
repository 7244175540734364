use crate::commands::context::Context;
use crate::commands::global::EventsArgs;
use crate::error::{Result, Status};
use crate::ops::event;

/// List the events of the catalog
///
/// The catalog is the built-in order pipeline's events and your own: those that --events names, else EDA_EVENTS, else
/// the context's `events`, else the folder `events` where there is one. Your own hide built-in ones of their name.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda event list
  eda event list --events ./schemas
  eda event list --events asyncapi.yaml --json")]
pub struct Args {
    #[command(flatten)]
    events: EventsArgs,
}

pub fn run(context: &Context, args: Args) -> Result<Status> {
    let catalog = context.catalog(&args.events)?;
    context.ui.report(&event::list(&catalog))
}
