use super::audit::AuditArgs;
use super::selection::SelectionArgs;
use crate::commands::context::Context;
use crate::commands::global::SafetyArgs;
use crate::commands::{arguments, candidates};
use crate::error::{Result, Status};
use crate::ops::dlq::{self, Aim, BY_HAND, Delivery, Manner, ReplayRequest};
use clap::builder::NonEmptyStringValueParser;
use clap_complete::engine::ArgValueCandidates;

/// Move dead letters out of the way, into <TOPIC>.parking
///
/// Shows what they died of first, and asks. A parked letter is the dead letter byte for byte, with the headers
/// eda-parked-reason, eda-parked-at and eda-parked-source beside its own. Kafka cannot delete one record: it stays where it
/// lay, too, but no replay of this topic under the same group meets it any more. One whose origin nobody knows can be
/// parked as well.
///
/// Out of the parking topic, which is created when it is needed first and keeps what it has for ever,
/// `eda dlq replay <TOPIC>.parking` puts letters back into the topics they came from.
#[derive(Debug, clap::Args)]
#[command(before_long_help = EXAMPLES, after_long_help = GUARANTEES)]
pub struct Args {
    /// The dead-letter topic
    #[arg(value_name = "TOPIC", add = ArgValueCandidates::new(candidates::dead_letter_topics))]
    topic: String,

    /// Park no more than N
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Why they are parked: the header eda-parked-reason
    #[arg(long, value_name = "TEXT", default_value = BY_HAND, value_parser = note)]
    note: String,

    #[command(flatten)]
    selection: SelectionArgs,

    #[command(flatten)]
    way: WayArgs,

    #[command(flatten)]
    audit: AuditArgs,

    #[command(flatten)]
    safety: SafetyArgs,
}

/// How.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "How they are parked")]
struct WayArgs {
    /// No more than so many records a second
    #[arg(long, value_name = "N", value_parser = arguments::rate)]
    rate: Option<f64>,

    /// Without transactions, for clusters that have none
    #[arg(long)]
    at_least_once: bool,

    /// The group whose offsets are the progress [default: eda-replay.<TOPIC>]
    #[arg(long, value_name = "GROUP", value_parser = NonEmptyStringValueParser::new())]
    replay_group: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  eda dlq park order-created.dlq --reason 'no such user' --dry-run
  eda dlq park order-created.dlq --key order-7 --note 'OPS-12: refunded by hand' --yes
  eda dlq park order-created.dlq --until -30d --yes";

const GUARANTEES: &str = "\
It is done as a replay is (`eda dlq replay --help`): exactly once, in transactions that also hold
the progress, unless --at-least-once is given. It has the replay's transactional id, so that of a
replay and a parking of the same topic under the same group the second takes over. The first
Ctrl-C finishes the transaction in hand and exits with 130.";

/// The longest note, in bytes: it lies beside the letter in one record.
const LONGEST_NOTE: usize = 8 * 1024;

fn note(text: &str) -> Result<String, String> {
    match text.len() {
        0 => Err("it is empty".to_owned()),
        length if length > LONGEST_NOTE => Err(format!(
            "{length} bytes are more than a note may have ({LONGEST_NOTE})"
        )),
        _ => Ok(text.to_owned()),
    }
}

impl Args {
    fn request(self) -> ReplayRequest {
        ReplayRequest {
            topic: self.topic,
            selection: self.selection.into(),
            count: self.count,
            group: self.way.replay_group,
            manner: Manner {
                aim: Aim::Park(self.note),
                ..Manner::default()
            },
            delivery: match self.way.at_least_once {
                true => Delivery::AtLeastOnce,
                false => Delivery::ExactlyOnce,
            },
            rate: self.way.rate,
            audit: self.audit.wanted(),
            ..ReplayRequest::default()
        }
    }
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let safety = args.safety;
    let request = args.request();
    let planning = context.ui.progress(None, "reading the dead letters");
    let plan = dlq::plan(context.cluster()?, &request).await?;
    drop(planning);
    if plan.is_empty() || safety.dry_run {
        return context.ui.report(&plan);
    }
    let consent = context.ui.consent(&plan, "Park them?", safety.yes)?;
    let progress = context.ui.progress(Some(plan.total()), "parking");
    let stop = context.stop_on_signals();
    let watch = move |done: u64| progress.set(done);
    let outcome = dlq::replay(context.cluster()?, plan, stop, watch, consent).await?;
    context.ui.report(&outcome)
}
