use super::audit::AuditArgs;
use super::editing;
use super::order::OrderArgs;
use super::repair::{REPAIRS, RepairArgs};
use super::selection::SelectionArgs;
use crate::commands::context::Context;
use crate::commands::global::SafetyArgs;
use crate::commands::{arguments, candidates};
use crate::error::{Error, Result, Status};
use crate::ops::dlq::{self, Aim, Delivery, ListRequest, Manner, ReplayRequest, Target};
use crate::ops::stop::Stop;
use clap::builder::NonEmptyStringValueParser;
use clap_complete::engine::ArgValueCandidates;

/// Put dead letters back into the topics they came from
///
/// Shows a histogram of reasons first, and asks. Each goes to the topic its origin header names, with key, value
/// and original headers byte for byte, to the same partition where that exists, else by its key. Its timestamp is the time
/// of the replay, for retention would soon take an old one; the header eda-replay-origin has the record's own. One that
/// names no topic goes to the one that the dead-letter topic is called after (orders for orders.dlq or orders-dlt), if there
/// is exactly one such topic, it is none of dead letters, and no other letter says that it came from elsewhere; the plan
/// says how many those are. Where errors are logged as well (orders-errors, error.orders.GROUP) only for what is told to be
/// a dead letter. Nothing else is guessed: such a record stays, is named in the result, and the exit status is 1.
///
/// What is not chosen stays unreplayed, and so does what cannot be put back: a later replay finds it, and finds nothing
/// that was put back already. It ends where the topic ended when the plan was made. Progress is the committed offsets of
/// the group eda-replay.<TOPIC>. What is put back behind a record that stays is remembered in the compacted topic
/// <group>.ledger, which is created when it is needed first.
#[derive(Debug, clap::Args)]
#[command(before_long_help = EXAMPLES, after_long_help = format!("{GUARANTEES}\n\n{REPAIRS}"))]
pub struct Args {
    /// The dead-letter topic; chosen from a list on a terminal when missing
    #[arg(value_name = "TOPIC", add = ArgValueCandidates::new(candidates::dead_letter_topics))]
    topic: Option<String>,

    /// Put back no more than N
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Also those that were put back before; an interrupted one goes on without it
    #[arg(long)]
    from_beginning: bool,

    #[command(flatten)]
    selection: SelectionArgs,

    #[command(flatten)]
    way: WayArgs,

    #[command(flatten)]
    order: OrderArgs,

    #[command(flatten)]
    audit: AuditArgs,

    #[command(flatten)]
    repair: RepairArgs,

    #[command(flatten)]
    safety: SafetyArgs,
}

/// Where to, and how.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "How they are put back")]
struct WayArgs {
    /// All to this topic instead, by their keys
    #[arg(long, value_name = "TOPIC", conflicts_with = "to_group_retry", add = ArgValueCandidates::new(candidates::topics))]
    to: Option<String>,

    /// Each to the retry topic that only its group reads: ORIGIN.GROUP.retry, ORIGIN__GROUP__retry, or Spring's
    /// ORIGIN-retry for Spring's dead letters; what has none stays
    #[arg(long)]
    to_group_retry: bool,

    /// Also into a topic that is itself one of dead letters
    #[arg(long)]
    force: bool,

    /// No more than so many records a second
    #[arg(long, value_name = "N", value_parser = arguments::rate)]
    rate: Option<f64>,

    /// What was put back N times already goes to <TOPIC>.parking instead
    #[arg(long, value_name = "N", default_value_t = Manner::default().max_replays)]
    max_replays: u32,

    /// What does not say where it came from, or whose origin is gone, does not make the exit status 1
    #[arg(long)]
    skip_unknown: bool,

    /// Leave the headers that tell why it died
    #[arg(long)]
    keep_diagnostics: bool,

    /// With the timestamp of the original record
    #[arg(long)]
    preserve_timestamp: bool,

    /// Without transactions, for clusters that have none
    #[arg(long)]
    at_least_once: bool,

    /// The group whose offsets are the progress [default: eda-replay.<TOPIC>]
    #[arg(long, value_name = "GROUP", value_parser = NonEmptyStringValueParser::new())]
    replay_group: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  eda dlq replay order-created.dlq --dry-run
  eda dlq replay order-created.dlq -n 1 --yes
  eda dlq replay order-created.dlq --reason timeout --since -1d --yes
  eda dlq replay order-created.dlq --group payment-service --where 'total<100' --rate 50 --yes
  eda dlq replay order-created.dlq --order key --same-key block --yes
  eda dlq replay order-created.dlq --to order-created-repaired --yes
  eda dlq replay order-created.dlq --reason 'no currency' --set currency=EUR --dry-run
  eda dlq replay order-created.dlq --exec \"jq -c '.value.total *= 100'\" --yes
  eda dlq replay order-created.dlq --key order-7 --edit";

const GUARANTEES: &str = "\
Guarantees:
  exactly once   The default. What is put back, what is parked and the progress are committed in one
                 transaction, of up to 10,000 records, 8 MiB or half a second: all of it, or none.
                 Whoever reads committed records sees each dead letter put back once, however often
                 the replay is killed and started again; whoever reads uncommitted ones may see
                 copies that were withdrawn. Its transactional id is eda-replay.<group>/<TOPIC>: a
                 second replay of the topic under the same group ends what the first has in hand,
                 takes over, and the first ends with status 1. Brokers before 2.5 have no such
                 transactions. Kafka forgets the offsets of a group that nobody uses after
                 offsets.retention.minutes (7 days), and so which letters were put back.
  --at-least-once
                 A record is acknowledged before the progress is committed: a kill, or a broker that
                 does not answer, repeats up to 10,000 records, and loses none. Two replays at the
                 same time send everything twice.
  --from-beginning sends again whatever is chosen; what is interrupted then begins anew with the
  same command. A --replay-group of its own begins at the beginning too, and can be resumed.

Newer records of the same key:
  With --same-key block or skip-older the topic, partition and offset that a letter came from are
  looked up, wherever it is to go: is there a record of its key behind it? Not one that the same
  group gave up, too, as far as its dead letter is in this topic; and a copy that a replay has put
  there counts as the record it is a copy of. The plan reads the whole dead-letter topic for it,
  and each partition letters came from, from behind the oldest failure to its end; what is written
  after that is not seen, nor what retention or compaction has taken away. Letters without a key
  have no order to keep. One with a key whose origin is not known to the offset, or is gone, stays.

Audit:
  To a file, which is made for its owner alone if it is not there, each event is a line; what is
  begun is on disk before anything is changed. A kill right behind a transaction leaves its line
  out. The topic of topic:NAME must be there; a transaction is told in the transaction itself, so
  that whoever reads committed records sees both or none. The command is told in words that ask
  for the same, with the keys, headers and values that it chooses by, but without what --set sets
  and what --exec gives its program. When the audit cannot be written the replay ends with an
  error.

What its topic refuses stays, with the reason, and the exit status is 1; the others are put back.
What is larger than its topic takes goes to <TOPIC>.parking, with the reason in a header. The
first Ctrl-C finishes the transaction in hand and exits with 130. What a share group's letter
points at is fetched; of a copy only the headers are, where the record is still there.";

impl Args {
    fn request(self, context: &Context, topic: String, stop: Stop) -> Result<ReplayRequest> {
        let (way, repair) = (self.way, self.repair.repair(context, stop)?);
        let target = match (way.to, way.to_group_retry) {
            (Some(topic), _) => Target::Topic(topic),
            (None, true) => Target::GroupRetry,
            (None, false) => Target::Origin,
        };
        Ok(ReplayRequest {
            topic,
            selection: self.selection.into(),
            count: self.count,
            from_beginning: self.from_beginning,
            group: way.replay_group,
            manner: Manner {
                aim: Aim::PutBack,
                target,
                force: way.force,
                max_replays: way.max_replays,
                keep_diagnostics: way.keep_diagnostics,
                preserve_timestamp: way.preserve_timestamp,
                same_key: self.order.same_key,
                repair,
            },
            order: self.order.order,
            delivery: match way.at_least_once {
                true => Delivery::AtLeastOnce,
                false => Delivery::ExactlyOnce,
            },
            rate: way.rate,
            skips_unknown: way.skip_unknown,
            audit: self.audit.wanted(),
        })
    }
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let (is_chosen, safety) = (args.topic.is_none(), args.safety);
    let topic = match &args.topic {
        Some(topic) => topic.clone(),
        None => choose(context).await?,
    };
    // Who starts programs for the plan has to be told that it is over.
    let mut stop = match args.repair.starts_a_program() {
        true => Some(context.stop_on_signals()),
        false => None,
    };
    let editor = match args.repair.edit {
        true => Some(editing::find_editor(context)?),
        false => None,
    };
    let mut request = args.request(context, topic, stop.clone().unwrap_or_default())?;
    if let Some(editor) = editor {
        editing::edit(context, &editor, &mut request).await?;
    }
    let planning = context.ui.progress(None, "reading the dead letters");
    let plan = dlq::plan(context.cluster()?, &request).await?;
    drop(planning);
    if plan.is_empty() || safety.dry_run {
        return context.ui.report(&plan);
    }
    if is_chosen {
        context.show_command(request.command_line());
    }
    let consent = context.ui.consent(&plan, "Put them back?", safety.yes)?;
    let progress = context.ui.progress(Some(plan.total()), "replaying");
    let stop = stop.take().unwrap_or_else(|| context.stop_on_signals());
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
    let request = ListRequest::default();
    let topics = dlq::list(context.cluster()?, &request).await?.names();
    if topics.is_empty() {
        return Err(Error::failed("there is no dead-letter topic"));
    }
    context
        .ui
        .choose("Dead-letter topic", &topics, "the dead-letter TOPIC")
}
