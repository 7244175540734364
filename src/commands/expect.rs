use super::arguments;
use super::candidates;
use super::context::Context;
use super::global::EventsArgs;
use crate::error::{Error, Result, Status};
use crate::model::event::{Assignment, check_distinct};
use crate::model::expectation::Expectation;
use crate::model::json_layout;
use crate::ops::expect::{self, ExpectRequest, Sending};
use clap_complete::engine::ArgValueCandidates;
use serde_json::value::RawValue;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Send an event, and check that the events come that should come of it
///
/// For tests of a flow in CI: the event is sent, and each --then waits for one with the same key. It ends with 0 as soon
/// as all have come, and with 1 when the time is over, with a timeline of everything that came with the key, its dead
/// letters too, and what is missing. Reading begins where the topics end before anything is sent: nothing is missed, and
/// nothing older counts. The time runs from when the last event was acknowledged; what lay in the topics when it was over
/// counts. They may come in any order, and one record meets one expectation.
///
/// An expectation is an event of the catalog (by its type, or by its topic) or any topic, then perhaps `where` and what
/// must hold for fields of the value, as `eda consume --where` has it, joined by `and`; there is no `or`, and text with
/// blanks is in double quotes: 'EVENT where total>10 and note="two words"'. A field that the event's schema does not have
/// ends it with 2 when it is like one that it has, or when the schema is closed, and is warned of otherwise. --never is for
/// what must not come before all the others have; without any --then it is waited for until the time is over.
///
/// Of an expectation that was not met it tells why: the first three such events with the key for which the comparisons do
/// not hold, and how many came with another key. With --json that is nearMisses, nearMissesInAll and otherKeys of each.
///
/// --send takes the event from a FILE of JSON, of which -, standard input, is one, or from fields; what an event of the
/// catalog needs besides is made up. Without --send, what comes with --key counts, or whatever comes.
///
/// A topic that does not exist ends it with 1 at once. Exit status 3: the brokers do not answer, and nothing is known.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda expect --send order-created:order.json --then payment-processed --within 10s
  eda expect --send 'order-created orderId=order-123 total=12.50' \\
      --then payment-processed --then 'order-shipped where orderId=order-123' --never payment-failed
  eda expect --send order-created --then 'payment-processed where amount>0' --junit report.xml
  eda expect --key order-123 --then order-shipped --within 1m")]
pub struct Args {
    /// An event that is sent: EVENT:FILE, or EVENT and fields (can be repeated)
    #[arg(long = "send", value_name = "EVENT[:FILE]", value_parser = Send::parse, add = ArgValueCandidates::new(candidates::events_and_topics))]
    sends: Vec<Send>,

    /// What must come: EVENT, or 'EVENT where FIELD=VALUE' (can be repeated)
    #[arg(long = "then", value_name = "EXPECTATION", required_unless_present = "forbidden", value_parser = expect::expectation, add = ArgValueCandidates::new(candidates::events_and_topics))]
    expected: Vec<Expectation>,

    /// What must not come (can be repeated)
    #[arg(long = "never", id = "forbidden", value_name = "EXPECTATION", value_parser = expect::expectation, add = ArgValueCandidates::new(candidates::events_and_topics))]
    forbidden: Vec<Expectation>,

    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = arguments::duration)]
    within: Duration,

    /// Key of what is sent, and of what counts
    #[arg(short, long, conflicts_with = "any_key")]
    key: Option<String>,

    /// Whatever its key, an event counts
    #[arg(long)]
    any_key: bool,

    /// Also write the result here, as JUnit's XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Name of the suite there, by which runs are told apart [default: what is expected]
    #[arg(long, value_name = "NAME", requires = "junit")]
    name: Option<String>,

    #[command(flatten)]
    events: EventsArgs,
}

/// The words of one `--send`.
#[derive(Clone, Debug)]
struct Send {
    name: String,
    file: Option<PathBuf>,
    assignments: Vec<Assignment>,
}

impl Send {
    fn parse(text: &str) -> Result<Self, String> {
        let words = shell_words::split(text).map_err(|error| error.to_string())?;
        let [first, fields @ ..] = words.as_slice() else {
            return Err("name an event or a topic".to_owned());
        };
        let (name, file) = match first.split_once(':') {
            Some((name, file)) => (name, Some(PathBuf::from(file))),
            None => (first.as_str(), None),
        };
        if name.is_empty() || name.contains('=') {
            return Err(format!("`{first}` is no event and no topic"));
        }
        if let (Some(_), Some(field)) = (&file, fields.first()) {
            return Err(format!("`{field}` has no use beside a file"));
        }
        let parse = |field: &String| field.parse().map_err(|error| format!("{error}"));
        let assignments: Vec<Assignment> = fields.iter().map(parse).collect::<Result<_, _>>()?;
        check_distinct(&assignments).map_err(|error| error.to_string())?;
        Ok(Send {
            name: name.to_owned(),
            file,
            assignments,
        })
    }

    fn read(self) -> Result<Sending> {
        Ok(Sending {
            payload: self.file.as_deref().map(read).transpose()?,
            name: self.name,
            assignments: self.assignments,
        })
    }
}

/// The event in a file, on one line.
fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let done = match path.as_os_str() == "-" {
        true => std::io::stdin().read_to_end(&mut bytes).map(drop),
        false => File::open(path).and_then(|mut file| file.read_to_end(&mut bytes).map(drop)),
    };
    let shown = path.display();
    done.map_err(|error| Error::usage(format!("cannot read `{shown}`")).caused_by(error))?;
    let json = serde_json::from_slice::<&RawValue>(&bytes).map_err(|error| {
        Error::usage(format!("`{shown}` does not hold one event as JSON")).caused_by(error)
    })?;
    Ok(json_layout::compact(json.get()).into_bytes())
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    // First of all, so that nothing is sent whose result has nowhere to go.
    let mut junit = args.junit.as_deref().map(create).transpose()?;
    let mut request = ExpectRequest {
        sends: Vec::new(),
        expected: args.expected,
        forbidden: args.forbidden,
        within: args.within,
        key: args.key,
        any_key: args.any_key,
    };
    let suite = args.name.unwrap_or_else(|| expect::suite(&request));
    // From here on whatever fails is in that file, too.
    let outcome = async {
        let catalog = context.catalog(&args.events)?;
        let sends = args.sends.into_iter().map(Send::read);
        request.sends = sends.collect::<Result<_>>()?;
        wait(context, &catalog, request).await
    }
    .await;
    if let Some((file, path)) = &mut junit {
        let xml = match &outcome {
            Ok(outcome) => outcome.junit(&suite),
            Err(error) => expect::junit_of_error(&suite, error),
        };
        let written = file
            .write_all(xml.as_bytes())
            .and_then(|()| file.sync_all());
        written.map_err(|error| unwritable(path, error))?;
    }
    context.ui.report(&outcome?)
}

async fn wait(
    context: &Context,
    catalog: &crate::model::event::Catalog,
    request: ExpectRequest,
) -> Result<expect::ExpectOutcome> {
    let prepared = expect::prepare(context.cluster()?, catalog, request).await?;
    for doubt in prepared.doubts() {
        context.ui.warn(doubt);
    }
    let plans = prepared.plans().iter();
    let consents = plans
        .map(|plan| context.ui.consent_to_add(plan, "Send it?", false, true))
        .collect::<Result<Vec<_>>>()?;
    let _waiting = context.ui.progress(None, "waiting for events");
    let stop = context.stop_on_signals();
    expect::expect(context.cluster()?, prepared, stop, consents).await
}

fn create(path: &Path) -> Result<(File, PathBuf)> {
    let file = File::create(path).map_err(|error| unwritable(path, error))?;
    Ok((file, path.to_owned()))
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::failed(format!("cannot write `{}`", path.display())).caused_by(error)
}
