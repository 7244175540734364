mod handler;
mod headers;
mod help;
mod refused;
mod work;

use super::arguments;
use super::candidates;
use super::context::Context;
use crate::error::{Error, Result, Status};
use crate::model::filter::{Comparison, Filter, Grep};
use crate::model::offset::Range;
use crate::model::record::RecordRef;
use crate::model::template::Template;
use crate::ops::consume::print::{self, PrintRequest, Sink};
use crate::ui::record::Records;
use crate::ui::{Format, Ui};
use clap_complete::engine::ArgValueCandidates;
use handler::HandlerArgs;
use std::time::Duration;

/// Read records and print them, or have them handled
///
/// Without a group: everything from the beginning (-o says otherwise), and then what arrives, until Ctrl-C, -n or
/// --idle. With a group: joins it, begins where the group left off (or at the beginning), and commits what was
/// printed, never past it; after a crash a record may be printed again, none is passed over. Two with the same
/// group share the partitions.
///
/// While nothing comes the brokers are asked whether they are there, and how long that may take is --timeout. When they
/// do not answer, what has an end (-n, --idle, a range) ends with status 3; what has none says so and goes on when they
/// are back. --idle ends with 1, not 0, when the group gave this member no partition: other members hold them, one that
/// died until its session is over. A topic that is deleted ends it with 1. What stdout did not take is never committed,
/// but a pipe takes more than its reader reads: behind `| head -3` what fits into the pipe is committed.
///
/// On a terminal a record is a line with control characters escaped; in a pipe, or with --json, it is one line of
/// lossless JSON that `eda produce --records` reads back. With -f it is what the template says: %t topic, %p partition,
/// %o offset, %d timestamp in ms, %k key, %v value, %h{…} the headers (%k and %v within), %T %K %V lengths, %H number of
/// headers, {hex} or {base64} behind a verb encodes; \n \t \0 \xNN. Null and empty are both nothing. A pipe gets the
/// bytes themselves, a terminal sees control characters escaped.
///
/// --grep, --where and --event choose what is printed; several must all hold, except that one --event is enough. What is
/// not printed is read all the same, with a group committed too, and not counted by -n.
///
/// A TOPIC that begins with ^ is a regular expression. Without a group it is matched once, against the topics there are;
/// a group's members also get topics that come later, and theirs is POSIX's extended kind (no \d). Kafka's own topics
/// (__…) are only meant by an expression that begins with ^__.
#[derive(Debug, clap::Args)]
#[command(before_long_help = help::EXAMPLES, after_long_help = help::HANDLERS)]
pub struct Args {
    /// Topics to read (can be repeated)
    #[arg(required = true, value_name = "TOPIC", add = ArgValueCandidates::new(candidates::topics))]
    topics: Vec<String>,

    /// Read as a member of this group, and commit
    #[arg(short, long, add = ArgValueCandidates::new(candidates::groups))]
    group: Option<String>,

    /// Where to begin: beginning, end, stored, N, -N, +N, @TIME, @-1h; N:M, @T1:T2 and :end also say where to end
    #[arg(short, long, value_name = "OFFSET", allow_hyphen_values = true)]
    offset: Option<Range>,

    /// End after N records were printed, or handled; with a group, nothing past them is committed
    #[arg(short = 'n', long, visible_alias = "max-messages", value_name = "N")]
    count: Option<u64>,

    /// Only this partition (can be repeated)
    #[arg(short, long = "partition", value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    partitions: Vec<i32>,

    /// End when nothing came for this long
    #[arg(long, value_name = "DURATION", value_parser = arguments::duration)]
    idle: Option<Duration>,

    /// Write each record by a template of kcl's verbs, such as '%k\t%v\n'
    #[arg(short, long, value_name = "TEMPLATE")]
    format: Option<Template>,

    /// Only records in which the expression is found, or in: key:RE, value:RE, header:RE, header[NAME]:RE
    #[arg(long, value_name = "REGEX")]
    grep: Vec<Grep>,

    /// Only values whose field compares so, such as total>100 or status=paid; = != < <= > >=
    #[arg(long = "where", value_name = "COMPARISON")]
    comparisons: Vec<Comparison>,

    /// Only events of this type, by the value's eventType, the header ce_type, or a CloudEvent's type
    #[arg(long = "event", value_name = "TYPE")]
    events: Vec<String>,

    /// Also records of transactions that are open or were aborted
    #[arg(long)]
    read_uncommitted: bool,

    #[command(flatten)]
    handler: HandlerArgs,
}

impl Args {
    fn filter(&self) -> Filter {
        Filter {
            greps: self.grep.clone(),
            comparisons: self.comparisons.clone(),
            events: self.events.clone(),
        }
    }
}

struct ToUi {
    ui: Ui,
    records: Records,
}

impl Sink for ToUi {
    fn record(&mut self, record: RecordRef<'_>) -> Result<()> {
        self.records.write(record, None)
    }

    fn flush(&mut self) -> Result<()> {
        self.records.flush()
    }

    fn warn(&mut self, text: &str) {
        self.ui.warn(text);
    }
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    if args.handler.is_given() {
        return work::run(context, args).await;
    }
    if args.format.is_some() && context.ui.format() == Format::Json {
        let text = "`-f` writes each record by its template, `--json` as JSON: give one";
        return Err(Error::usage(text));
    }
    let request = PrintRequest {
        filter: args.filter(),
        topics: args.topics,
        group: args.group,
        range: args.offset,
        count: args.count,
        partitions: args.partitions,
        idle: args.idle,
        read_uncommitted: args.read_uncommitted,
    };
    let filtered = !request.filter.is_empty();
    let stop = context.stop_on_signals();
    let sink = Box::new(ToUi {
        ui: context.ui.clone(),
        records: context.ui.records_by(args.format),
    });
    let printed = print::print(context.cluster()?, request, sink, stop).await?;
    if filtered {
        let (records, read) = (printed.records, printed.read);
        context
            .ui
            .status(&format!("{records} of {read} records matched"));
    } else if printed.records == 0 {
        context.ui.status("no records");
    }
    if printed.not_json > 0 {
        let count = printed.not_json;
        context.ui.status(&format!(
            "{count} passed over by --where: their values are not JSON"
        ));
    }
    Ok(printed.stopped.unwrap_or(Status::Done))
}
