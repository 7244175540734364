use crate::commands::context::Context;
use crate::error::{Error, Result, Status};
use crate::model::event::{lint, starter};

/// Print a schema to start a new event with
///
/// A JSON Schema with the envelope (eventType, eventId, timestamp), the entity's id as the record's key, and one field
/// to change. Nothing is written but to standard output. Beside JSON Schema's own words these are understood:
/// x-topic and x-key at the top (else the name in kebab case, and the first required …Id), and on a field x-id (a new
/// id with this prefix when nobody gives one) and x-distinct (how many different ids are made up).
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda event new InvoicePaid > events/InvoicePaid.json
  eda event check events")]
pub struct Args {
    /// What happened, in the past tense: InvoicePaid, or invoice-paid
    #[arg(value_name = "EVENT")]
    name: String,
}

pub fn run(context: &Context, args: Args) -> Result<Status> {
    let starts_well = args
        .name
        .starts_with(|letter: char| letter.is_ascii_alphabetic());
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if !starts_well || !args.name.chars().all(is_plain) {
        let error = Error::usage(format!("`{}` is no name for an event", args.name));
        return Err(error.hint("a name is letters and digits, such as `InvoicePaid`"));
    }
    let schema = starter::schema(&args.name);
    if let Some(finding) = schema["title"].as_str().and_then(lint::name) {
        context.ui.warn(&finding.message);
    }
    let mut text = serde_json::to_string_pretty(&schema)
        .map_err(|error| Error::failed("cannot write the schema").caused_by(error))?;
    text.push('\n');
    context.ui.text(text.as_bytes())?;
    Ok(Status::Done)
}
