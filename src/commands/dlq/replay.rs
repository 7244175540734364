use crate::commands::candidates;
use crate::commands::context::Context;
use crate::commands::global::SafetyArgs;
use crate::error::{Error, Result, Status};
use crate::ops::dlq::{self, ReplayRequest};
use clap_complete::engine::ArgValueCandidates;

/// Put dead letters back into the topics they came from
///
/// Shows a histogram of reasons first, and asks. Each goes to the topic its origin header names, with key, value
/// and original headers byte for byte, to the same partition where that exists. Its timestamp is the time of the replay,
/// for retention would soon take an old one; the header eda-replay-origin has the record's own. What the origin header does not
/// say is never guessed: such a record is passed over and named in the result, and the exit status is 1. It stays
/// in the dead-letter topic, and --from-beginning looks at it again.
///
/// Guarantee: at least once. A record is acknowledged by its topic before the progress is committed (in the group
/// eda-replay.<TOPIC>), so an interrupted replay goes on where it stood; records of the batch in hand (500) when the
/// process was killed are sent again, and none is lost. A record that its topic refuses ends the replay. It ends
/// where the topic ended when the plan was made. Two replays of one topic at the same time send everything twice.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda dlq replay order-created.dlq --dry-run
  eda dlq replay order-created.dlq -n 1 --yes
  eda dlq replay order-created.dlq --yes")]
pub struct Args {
    /// The dead-letter topic; chosen from a list on a terminal when missing
    #[arg(value_name = "TOPIC", add = ArgValueCandidates::new(candidates::dead_letter_topics))]
    topic: Option<String>,

    /// Put back no more than N
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Begin anew, also with those that were put back before
    #[arg(long)]
    from_beginning: bool,

    #[command(flatten)]
    safety: SafetyArgs,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let topic = match &args.topic {
        Some(topic) => topic.clone(),
        None => choose(context).await?,
    };
    let request = ReplayRequest {
        topic,
        count: args.count,
        from_beginning: args.from_beginning,
    };
    let planning = context.ui.progress(None, "reading the dead letters");
    let plan = dlq::plan(context.cluster()?, &request).await?;
    drop(planning);
    if plan.is_empty() || args.safety.dry_run {
        return context.ui.report(&plan);
    }
    if args.topic.is_none() {
        context.show_command(request.command_line());
    }
    let consent = context
        .ui
        .consent(&plan, "Put them back?", args.safety.yes)?;
    let progress = context.ui.progress(Some(plan.total()), "replaying");
    let stop = context.stop_on_signals();
    let watch = move |done: u64| progress.set(done);
    let outcome = dlq::replay(context.cluster()?, plan, stop, watch, consent).await?;
    context.ui.report(&outcome)
}

async fn choose(context: &Context) -> Result<String> {
    if !context.ui.can_ask() {
        return context
            .ui
            .choose("Dead-letter topic", &[], "the dead-letter TOPIC");
    }
    let topics = dlq::list(context.cluster()?, None).await?.names();
    if topics.is_empty() {
        return Err(Error::failed("there is no dead-letter topic"));
    }
    context
        .ui
        .choose("Dead-letter topic", &topics, "the dead-letter TOPIC")
}
