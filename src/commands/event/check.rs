use crate::commands::context::Context;
use crate::commands::global::EventsArgs;
use crate::error::{Error, Result, Status};
use crate::model::event::compatibility::Compatibility;
use crate::ops::event;
use std::path::PathBuf;

/// Check events: their names, envelope and key, and whether a change breaks anybody
///
/// An event is named after what happened: `CreateOrder` is a command, `Order` a bare noun. It has the envelope
/// (eventType, eventId, timestamp, all required) and a required key field.
///
/// --against says how the schemas stand to older ones. Backward: the new schema reads what the old one allowed.
/// Forward: the old schema reads what the new one allows. Full: both. Each change is named with its JSON pointer into
/// the event. Events are taken to carry only fields that their schema names, so an optional field can be added and
/// removed. What `not`, `if` and `dependentSchemas` say is not compared.
///
/// Exit status: 0 when nothing is found, 1 when an event is badly made or less compatible than --compatibility asks,
/// 2 when a file describes no events.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda event check
  eda event check events/InvoicePaid.json
  eda event check asyncapi.yaml --against released/asyncapi.yaml
  eda event check events --against main/events --compatibility backward")]
pub struct Args {
    /// A JSON Schema, an AsyncAPI 3 document, or a folder of them; without any, the catalog in force
    #[arg(value_name = "FILE|FOLDER")]
    paths: Vec<PathBuf>,

    /// The older file or folder to compare with
    #[arg(long, value_name = "OLD")]
    against: Option<PathBuf>,

    /// What the events must be to the older ones
    #[arg(
        long,
        value_enum,
        value_name = "LEVEL",
        default_value = "full",
        requires = "against"
    )]
    compatibility: Level,

    #[command(flatten)]
    events: EventsArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Level {
    /// Old and new read each other
    Full,
    /// The new one reads what the old one wrote
    Backward,
    /// The old one reads what the new one writes
    Forward,
    /// Only said, never an error
    None,
}

pub fn run(context: &Context, args: Args) -> Result<Status> {
    let required = match args.compatibility {
        Level::Full => Compatibility::Full,
        Level::Backward => Compatibility::Backward,
        Level::Forward => Compatibility::Forward,
        Level::None => Compatibility::None,
    };
    let older = args.against.as_deref().map(event::read).transpose()?;
    let older = older.as_deref();
    if args.paths.is_empty() {
        let catalog = context.catalog(&args.events)?;
        return context
            .ui
            .report(&event::check(catalog.events(), older, required));
    }
    let mut events = Vec::new();
    for path in &args.paths {
        let read = event::read(path)?;
        if read.is_empty() {
            let error = Error::usage(format!("`{}` holds no schemas", path.display()));
            return Err(
                error.hint("schemas are *.json files, an AsyncAPI document is *.json or *.yaml")
            );
        }
        events.extend(read);
    }
    context.ui.report(&event::check(&events, older, required))
}
