use super::place::PlaceArgs;
use crate::commands::candidates;
use crate::commands::context::Context;
use crate::commands::global::{EventsArgs, SafetyArgs};
use crate::error::{Error, Result, Status};
use crate::model::event::{Assignment, check_distinct};
use crate::ops::outbox::add::{self, AddRequest};
use clap::builder::NonEmptyStringValueParser;
use clap_complete::engine::ArgValueCandidates;
use std::io::{BufRead, BufReader, Read};

/// Put events into the outbox, for scripts and tests
///
/// An application writes its events itself, in the transaction of what they are about: this command is no substitute
/// for that. An event of the catalog gets its id, type and time filled in and is checked; its aggregate is its entity
/// (orderId=order-7 is the order order-7). Any other type takes its fields or its payload as they come, and needs
/// --aggregate-type and --aggregate. Prints the ids.
///
/// With --records the input is whole rows, a JSON object a line, under the names of the columns: aggregatetype,
/// aggregateid, type, and if wanted id and payload. A payload that is text is that text, null is a tombstone, any other
/// is the JSON as it stands. A thousand rows are one transaction; a line that is wrong ends it, with exit status 1.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda outbox add order-created orderId=order-7 userId=user-1 total=12.50
  eda outbox add order-created order.json
  eda outbox add InvoiceSent --aggregate-type invoice --aggregate 2026-17 total=12.50
  pdftotext invoice.pdf - | eda outbox add InvoiceRead --aggregate-type invoice --aggregate 2026-17 -
  eda outbox add --records rows.ndjson")]
pub struct Args {
    /// An event of the catalog, or any type
    #[arg(value_name = "TYPE", required_unless_present = "records", add = ArgValueCandidates::new(candidates::events))]
    event_type: Option<String>,

    /// Fields as FIELD=VALUE, or one FILE that holds the payload (- is standard input)
    #[arg(value_name = "FIELD=VALUE|FILE")]
    fields: Vec<String>,

    /// To which one it happened: the record's key
    #[arg(long, value_name = "ID")]
    aggregate: Option<String>,

    /// What kind of thing it happened to: where the record goes
    #[arg(long, value_name = "TYPE", value_parser = NonEmptyStringValueParser::new())]
    aggregate_type: Option<String>,

    /// The event's id, instead of a new one
    #[arg(long, value_name = "UUID", value_parser = NonEmptyStringValueParser::new())]
    id: Option<String>,

    /// FILE, or standard input, holds whole rows
    #[arg(long, conflicts_with_all = ["aggregate", "aggregate_type", "id", "dry_run"])]
    records: bool,

    #[command(flatten)]
    events: EventsArgs,

    #[command(flatten)]
    place: PlaceArgs,

    #[command(flatten)]
    safety: SafetyArgs,
}

/// What is larger is no event.
const LARGEST: u64 = 64 * 1024 * 1024;

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    if args.records {
        return add_rows(context, args).await;
    }
    let mut request = AddRequest {
        event_type: args.event_type.unwrap_or_default(),
        aggregate_type: args.aggregate_type,
        aggregate_id: args.aggregate,
        id: args.id,
        ..AddRequest::default()
    };
    for field in &args.fields {
        if field.contains('=') {
            let assignment = field.parse::<Assignment>();
            let assignment = assignment.map_err(|error| Error::usage(error.to_string()))?;
            request.assignments.push(assignment);
        } else if request.payload.replace(read(field)?).is_some() {
            return Err(Error::usage("one file at a time").hint("fields are FIELD=VALUE"));
        }
    }
    check_distinct(&request.assignments).map_err(|error| Error::usage(error.to_string()))?;
    let plan = add::plan(&context.catalog(&args.events)?, request)?;
    if args.safety.dry_run {
        return context.ui.report(&plan);
    }
    let outbox = args.place.open(context).await?;
    let yes = args.safety.yes;
    let consent = context.ui.consent_to_add(&plan, "Add it?", false, yes)?;
    let outcome = add::add(outbox.as_ref(), plan, consent).await?;
    context.ui.report(&outcome)
}

async fn add_rows(context: &Context, args: Args) -> Result<Status> {
    let words: Vec<String> = args.event_type.into_iter().chain(args.fields).collect();
    let file = match words.as_slice() {
        [] => "-",
        [file] => file.as_str(),
        [_, other, ..] => {
            return Err(Error::usage(format!(
                "`{other}` has no use here: rows say everything themselves"
            ))
            .hint("`--records` takes one FILE"));
        }
    };
    let input: Box<dyn BufRead + Send> = Box::new(BufReader::new(open(file)?));
    let outbox = args.place.open(context).await?;
    let empty = add::AddOutcome::default();
    let yes = args.safety.yes;
    let consent = context.ui.consent_to_add(&empty, "Add them?", false, yes)?;
    let outcome = add::add_rows(outbox.as_ref(), input, consent).await;
    let shown = context.ui.report(&outcome);
    super::end(outcome.error, shown)
}

fn open(file: &str) -> Result<Box<dyn Read + Send>> {
    match file {
        "-" => Ok(Box::new(std::io::stdin())),
        path => match std::fs::File::open(path) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) => Err(Error::usage(format!("cannot open `{path}`"))
                .caused_by(error)
                .hint("a field is FIELD=VALUE, a file is FILE, standard input is -")),
        },
    }
}

/// The whole payload; a file that ends its last line is none the longer for it.
fn read(file: &str) -> Result<Vec<u8>> {
    let mut payload = Vec::new();
    let mut input = open(file)?.take(LARGEST + 1);
    input
        .read_to_end(&mut payload)
        .map_err(|error| Error::failed(format!("cannot read `{file}`")).caused_by(error))?;
    if payload.len() as u64 > LARGEST {
        return Err(Error::usage(format!(
            "`{file}` is larger than {LARGEST} bytes"
        )));
    }
    if payload.last() == Some(&b'\n') {
        payload.pop();
    }
    Ok(payload)
}
