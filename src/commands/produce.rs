mod asking;

use super::arguments;
use super::candidates;
use super::context::Context;
use super::global::{EventsArgs, SafetyArgs};
use crate::error::{Error, Result, Status};
use crate::model::cloud_event::Envelope;
use crate::model::event::{Assignment, check_distinct};
use crate::model::record::Header;
use crate::model::template::{Reader, Template};
use crate::ops::produce::{self, Destination, Input, ProduceRequest};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap_complete::engine::ArgValueCandidates;
use std::io::{BufReader, Read};

/// Send events to a topic
///
/// An event of the catalog gets its id, type and time filled in, is checked, and is keyed by its entity (orderId),
/// so that one order's events stay in order: the partition is the one Java's producer would choose. Any other
/// topic takes JSON as it comes. Payloads come from FIELD=VALUE, from -n (generated), from a file, or from
/// standard input, one JSON object a line; on a terminal the fields are asked for.
///
/// --edit opens $VISUAL or $EDITOR on the event as JSON, with the fields given and the others made up. It is checked
/// when the editor ends, edited again if it is wrong, then shown, and sent when you say so. An editor that fails (:cq)
/// sends nothing.
///
/// A template (-f) reads what is no JSON: %k key, %v value, %p partition, %d timestamp in milliseconds,
/// %H%h{%k=%v,} headers; \t \n \r \0 \xNN. %t and %o are read and passed over: the topic is the one named here. A part
/// ends where the text behind it begins, or has the length that %K or %V gives, in digits or as {big32}; %k{hex} and
/// %v{base64} are decoded.
///
/// --envelope cloudevents adds CloudEvents 1.0's headers, as its Kafka binding has them: ce_specversion, ce_id (the
/// eventId), ce_source, ce_type (the eventType), ce_subject (the entity's id), ce_time (the timestamp) and content-type;
/// the value stays the event. cloudevents-structured puts the same into the value, and the event into its data.
/// `eda consume --event TYPE` finds either.
///
/// --dry-run sends nothing and shows the record, or one like those to come: its headers, and its partition, which is
/// `any` without a key.
///
/// Every record that is reported was acknowledged by all in-sync replicas (acks=all, idempotent). A line that is
/// wrong stops the run: the lines before it are delivered, nothing after it is sent, the exit status is 1. A record
/// over the topic's max.message.bytes is named, with its line and size, and the others are sent unless --fail-fast is
/// given; the exit status is 1 all the same.
///
/// --transactional commits all records or none, in one transaction. A line that is wrong, a record that is refused, a
/// broker that fails, Ctrl-C: each aborts it, and whoever reads committed records only (isolation.level=read_committed,
/// `eda consume`) sees none of them, ever; whoever reads uncommitted ones sees what had been written. Once it says
/// committed that is certain, and each partition shows its records a moment later. Should the answer to the commit be
/// lost, it says that the outcome is not known, with exit status 1 or 3; --json then has "unknown" as the transaction's
/// outcome, and its id. The broker aborts what is open for longer than
/// transaction.timeout.ms, 60 seconds from the first record: -X transaction.timeout.ms=MS raises that. So ends a run that
/// is killed, too; until then readers of committed records wait at its first record. Where there are ACLs, the user needs
/// Write on the transactional id: each run has an id of its own that begins with eda-produce-, so grant that prefix, or
/// give an id that is allowed: -X transactional.id=ID.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda produce order-created orderId=order-123 userId=user-456 total=12.50
  eda produce order-created orderId=order-123 --edit
  eda produce order-created -n 1000
  eda produce order-created orderId=order-123 userId=user-456 total=12.50 --dry-run
  eda produce order-created orders.ndjson
  eda produce order-created orders.ndjson --transactional
  jq -c '.[]' orders.json | eda produce order-created
  eda produce order-created -n 10 --envelope cloudevents --source /shop/checkout
  eda produce orders -f '%k\\t%v\\n' orders.tsv
  eda consume order-created --json -n 10 | eda produce order-copy --records")]
pub struct Args {
    /// An event of the catalog or a topic
    #[arg(value_name = "EVENT|TOPIC", add = ArgValueCandidates::new(candidates::events_and_topics))]
    name: Option<String>,

    /// Fields as FIELD=VALUE, or one FILE of JSON lines (- is standard input)
    #[arg(value_name = "FIELD=VALUE|FILE")]
    fields: Vec<String>,

    /// Generate N realistic events
    #[arg(short = 'n', long, visible_alias = "max-messages", value_name = "N")]
    count: Option<u64>,

    /// Key of every record, instead of the event's own
    #[arg(short, long)]
    key: Option<String>,

    /// A header NAME=VALUE; a bare name is a null header (can be repeated)
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE", value_parser = arguments::header)]
    headers: Vec<Header>,

    /// Edit the event as JSON in $VISUAL or $EDITOR
    #[arg(long, conflicts_with_all = ["count", "raw", "records", "format"])]
    edit: bool,

    /// What an event of the catalog is wrapped in
    #[arg(long, value_name = "ENVELOPE", default_value = "plain", hide_default_value = true,
        value_parser = PossibleValuesParser::new(Envelope::NAMES).try_map(|name| name.parse::<Envelope>()),
        conflicts_with_all = ["raw", "records", "format"])]
    envelope: Envelope,

    /// Source that the envelope names, instead of /eda/TOPIC
    #[arg(long, value_name = "URI", value_parser = arguments::uri_reference, requires = "envelope")]
    source: Option<String>,

    /// Partition of every record, instead of by key
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,

    /// Compress batches
    #[arg(short = 'z', long, value_name = "CODEC", value_parser = ["none", "gzip", "snappy", "lz4", "zstd"])]
    compression: Option<String>,

    /// Send no more than N records a second
    #[arg(long, value_name = "N", value_parser = arguments::rate)]
    rate: Option<f64>,

    /// Make generated events repeatable, but for their time and the part of their ids that is made of it
    #[arg(long, value_name = "N", requires = "count")]
    seed: Option<u64>,

    /// Lines are whole records, as `eda consume --json` writes them, past the catalog; topic and offset are passed over
    #[arg(long, conflicts_with_all = ["count", "raw"])]
    records: bool,

    /// Lines are values, sent as they come, past the catalog
    #[arg(long, conflicts_with = "count")]
    raw: bool,

    /// Records as TEMPLATE says, past the catalog: '%k\t%v\n' is a key, a tab and a value on each line
    #[arg(short = 'f', long, value_name = "TEMPLATE", conflicts_with_all = ["count", "raw", "records"])]
    format: Option<Template>,

    /// An empty value, or an empty key of a template, is null: a tombstone
    #[arg(short = 'Z', long = "null")]
    null: bool,

    /// Stop reading at the first record that is refused
    #[arg(long)]
    fail_fast: bool,

    /// All records or none: one transaction
    #[arg(long)]
    transactional: bool,

    #[command(flatten)]
    events: EventsArgs,

    #[command(flatten)]
    safety: SafetyArgs,
}

/// Where the payloads come from, as far as the words tell.
struct Words {
    assignments: Vec<Assignment>,
    file: Option<String>,
}

fn sort_words(fields: &[String]) -> Result<Words> {
    let mut words = Words {
        assignments: Vec::new(),
        file: None,
    };
    for field in fields {
        if field.contains('=') {
            let assignment = field.parse::<Assignment>();
            words
                .assignments
                .push(assignment.map_err(|error| Error::usage(error.to_string()))?);
        } else if words.file.replace(field.clone()).is_some() {
            return Err(Error::usage("one file at a time").hint("fields are FIELD=VALUE"));
        }
    }
    check_distinct(&words.assignments).map_err(|error| Error::usage(error.to_string()))?;
    Ok(words)
}

fn open(file: &str) -> Result<Box<dyn std::io::BufRead + Send>> {
    const BUFFER: usize = 256 * 1024;
    let reader: Box<dyn Read + Send> = match file {
        "-" => Box::new(std::io::stdin()),
        path => Box::new(std::fs::File::open(path).map_err(|error| {
            Error::usage(format!("cannot open `{path}`"))
                .caused_by(error)
                .hint("a field is FIELD=VALUE, a file is FILE, standard input is -")
        })?),
    };
    Ok(Box::new(BufReader::with_capacity(BUFFER, reader)))
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let mut words = sort_words(&args.fields)?;
    let editor = match args.edit {
        true => Some(asking::find_editor(context, words.file.is_some())?),
        false => None,
    };
    let mut asked = args.name.is_none();
    let catalog = context.catalog(&args.events)?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => {
            let mut events: Vec<String> = Vec::new();
            for event in catalog.events() {
                if !events.contains(&event.topic) {
                    events.push(event.topic.clone());
                }
            }
            context.ui.choose("Event", &events, "EVENT|TOPIC")?
        }
    };
    let template = args.format.as_ref().map(Template::reader).transpose();
    let template = template.map_err(|error| Error::usage(error.to_string()))?;
    if args.null && !args.raw && args.format.is_none() {
        return Err(
            Error::usage("`-Z` is about values that are sent as they come")
                .hint("give `--raw` or `-f TEMPLATE` with it"),
        );
    }
    let whole_lines = args.records || args.raw || args.format.is_some();
    let nothing_given =
        words.assignments.is_empty() && words.file.is_none() && args.count.is_none();
    let from_stdin = nothing_given && editor.is_none() && (whole_lines || !context.ui.can_ask());
    let input = match (&words.file, args.count) {
        (Some(_), Some(_)) => {
            return Err(Error::usage(
                "`-n` generates events, and a file holds them: give one",
            ));
        }
        (Some(file), None) => lines(&args, template, open(file)?),
        (None, Some(count)) => Input::Generated(count),
        (None, None) if from_stdin => lines(&args, template, open("-")?),
        (None, None) => Input::Fields,
    };
    let destination = Destination::find(context.cluster()?, &catalog, &name, whole_lines).await?;
    if let Some(editor) = &editor {
        words.assignments = asking::edit_fields(context, &destination, words.assignments, editor)?;
        asked = true;
    } else if nothing_given && !from_stdin {
        words.assignments = asking::ask_fields(context, &destination)?;
        asked = true;
    }
    let request = ProduceRequest {
        name,
        assignments: words.assignments,
        key: args.key,
        headers: args.headers,
        envelope: args.envelope,
        source: args.source,
        partition: args.partition,
        compression: args.compression,
        rate: args.rate,
        seed: args.seed,
        empty_is_null: args.null,
        fail_fast: args.fail_fast,
        transactional: args.transactional,
    };
    let plan = produce::plan(&destination, &request, &input)?;
    if asked {
        let mut words = request.command_line();
        if let Input::Generated(count) = input {
            words.extend(["-n".to_owned(), count.to_string()]);
        }
        context.show_command(words);
    }
    if args.safety.dry_run {
        return context.ui.report(&plan);
    }
    let consent = context
        .ui
        .consent_to_add(&plan, "Send it?", asked, args.safety.yes)?;
    let progress = context.ui.progress(args.count, "producing");
    let stop = context.stop_on_signals();
    let outcome = produce::produce(
        context.cluster()?,
        destination,
        request,
        input,
        stop,
        move |sent| progress.set(sent),
        consent,
    )
    .await?;
    let shown = context.ui.report(&outcome);
    outcome.end(shown)
}

fn lines(args: &Args, template: Option<Reader>, reader: Box<dyn std::io::BufRead + Send>) -> Input {
    match (template, args.records, args.raw) {
        (Some(template), ..) => Input::Template(reader, template),
        (None, true, _) => Input::Records(reader),
        (None, _, true) => Input::Raw(reader),
        _ => Input::Payloads(reader),
    }
}
