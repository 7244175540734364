use super::place::PlaceArgs;
use crate::commands::arguments;
use crate::commands::context::Context;
use crate::commands::going_on::{Rate, STOPPING};
use crate::error::{Result, Status};
use crate::model::outbox::OnDead;
use crate::ops::outbox::relay::{self, Figures, RelayRequest, Told, TopicTemplate};
use crate::ui::working::Working;
use clap::ValueEnum;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Publish the events of an outbox
///
/// Claims events, sends them, and marks them as published when all in-sync replicas have them (acks=all, idempotent).
/// Each goes, as Debezium's event router has it, to the topic outbox.event.<aggregatetype>, with its aggregateid as the
/// key, its payload as the value, byte for byte, and its id as the header `id`. Once database and brokers have answered it
/// goes on through outages of both, until Ctrl-C: what is in hand is then finished and marked, the rest given back, and the
/// exit status is 130; a second Ctrl-C ends it at once. With --once it ends when there is nothing more to claim: what it had
/// refused has its attempts before, and what other relays have in hand is waited for until it is published or free, for
/// --lease at most. Then the exit status is 0; it is 1 if an event died, waits for a topic that does not exist or for an
/// attempt that was put off before, or is still in another's hand; 3 if the database or the brokers did not answer for
/// --timeout.
///
/// Several relays share the work. What one has in hand is its own for the length of the lease, which it renews; the
/// events of one that died are taken over when the lease has run out.
#[derive(Debug, clap::Args)]
#[command(
    before_long_help = "\
Examples:
  eda outbox relay
  eda outbox relay --db postgres://shop@db.example.com/orders --topic '{event}'
  eda outbox relay --once && eda outbox status --max-age 0s --max-dead 0
  eda outbox relay --max-attempts 10 --backoff 1s..5m --on-dead block
  EDA_OUTBOX=postgres://shop:secret@db.example.com/orders eda outbox relay --json",
    after_long_help = GUARANTEES
)]
pub struct Args {
    /// End when there is nothing more to claim; what was refused or others have in hand is waited for
    #[arg(long)]
    once: bool,

    /// Where events go; {aggregatetype}, {type} and {event} (the type as order-created) are filled in
    #[arg(long, value_name = "TEMPLATE", default_value_t = TopicTemplate::default())]
    topic: TopicTemplate,

    /// Also write the type into a header of this name; ce_type is the one that `eda consume --event` knows
    #[arg(long, value_name = "NAME", value_parser = type_header)]
    type_header: Option<String>,

    /// The most events that are claimed at once
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch: u32,

    /// How long a claim lasts; renewed at a third of it
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = lease)]
    lease: Duration,

    /// So often the brokers may refuse an event before it is dead
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    max_attempts: u32,

    /// How long to wait before another attempt: at random up to the first, twice that each time, up to the second
    #[arg(long, value_name = "FROM..TO", default_value = "1s..1m", value_parser = arguments::backoff)]
    backoff: (Duration, Duration),

    /// What is done with the later events of an aggregate of which one is dead
    #[arg(long, value_enum, value_name = "WHAT", default_value = "park")]
    on_dead: OnDeadChoice,

    /// How long what is in hand may take when it is to stop
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = arguments::duration)]
    grace: Duration,

    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnDeadChoice {
    /// They are published; the dead one stays behind
    Park,
    /// They wait until somebody retries the dead one or purges it; one event of an aggregate is under way at a time
    Block,
}

const GUARANTEES: &str = "\
Guarantees:
  at least once  An event is marked after its acknowledgement, so a relay that is killed, or a
                 database that goes away in between, repeats up to two batches, with the same
                 ids, and loses none. Consumers know duplicates by the header `id`:
                 `eda consume --dedupe` does. Keep --lease longer than --timeout, which is how
                 long the database may take to answer: else the events of a relay that waits for
                 it are taken over meanwhile, and are sent twice.
  order          The first occurrences of the events of one aggregate are in the order of their
                 positions, in each topic they go to. That is the order of their inserts; of
                 their commits, too, if the writers of one aggregate wait for each other (a row
                 lock, a version). Between aggregates there is no order.
                 An event that the brokers refuse loses its place with --on-dead park: those of
                 its aggregate that were under way already overtake it, the others wait for its
                 attempts. With --on-dead block nothing ever overtakes it, which is slower where
                 aggregates have many events at once.

What is refused, and what is not:
  An event is refused when the brokers say no: it is too large, or its topic may not be written
  to. It is tried again after --backoff, and dead after --max-attempts: `eda outbox status` says
  why, `eda outbox retry` gives it another chance.
  A topic that does not exist and is not created by itself is waited for, as long as it takes:
  that is no attempt. The relay says so once, tries it again after --backoff, and publishes the
  events in their order when it is there. Those behind them in their aggregates wait with them;
  to other topics, as of --topic '{event}', those that were claimed with them go ahead.
  With --once it does not wait: it says how many events are left for which topic, and leaves them
  pending (exit status 1).
  Brokers and databases that do not answer are nobody's fault: the relay says so once, and goes
  on when they answer again. At its start they must be there (exit status 3).
  A payload of more than 64 MiB is refused by the relay itself.

A table that was made for Debezium:
  Debezium reads the database's log; a relay reads the table. So an application that deletes its
  rows at once, as one may with Debezium, publishes nothing: a row must stay until it is marked
  in the table beside, and `eda outbox purge` deletes it then. The id must be there and differ:
  of two rows with the same id one alone is published, and one whose id is NULL never is
  (`eda outbox status` counts them).";

/// `id` is that of the event's id.
fn type_header(text: &str) -> std::result::Result<String, String> {
    match text {
        "" => Err("a header has a name".to_owned()),
        "id" => Err("the header `id` is that of the event's id".to_owned()),
        name => Ok(name.to_owned()),
    }
}

/// Shorter ones would run out before they are renewed.
fn lease(text: &str) -> std::result::Result<Duration, String> {
    match arguments::duration(text)? {
        length if length < Duration::from_secs(1) => Err("at least 1s".to_owned()),
        length if length > Duration::from_secs(24 * 3600) => Err("at most 1d".to_owned()),
        length => Ok(length),
    }
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    relay::refuse_properties(&context.settings.properties)?;
    let place = args.place.place(context)?;
    let request = RelayRequest {
        topic: args.topic,
        type_header: args.type_header.map(Arc::from),
        batch: usize::try_from(args.batch).unwrap_or(usize::MAX),
        lease: args.lease,
        max_attempts: args.max_attempts,
        backoff: args.backoff,
        on_dead: match args.on_dead {
            OnDeadChoice::Park => OnDead::Park,
            OnDeadChoice::Block => OnDead::Block,
        },
        once: args.once,
        grace: args.grace,
    };
    let outbox = place.open(context).await?;
    let working = context.ui.working();
    let stop = context.stop_on_signals();
    let cluster = context.cluster()?;
    if !args.once {
        working.status(&format!(
            "`{}` of `{}` goes to `{}`",
            place.table, place.address, request.topic
        ));
    }
    let shown = Shown {
        working: &working,
        rate: Mutex::default(),
        said: AtomicBool::new(false),
    };
    let tell = |told: Told<'_>| shown.tell(told);
    let outcome = relay::relay(cluster, outbox, request, &stop, &tell).await;
    working.finish();
    let reported = match outcome.is_telling() {
        true => context.ui.report(&outcome),
        false => Ok(Status::Done),
    };
    super::end(outcome.error, reported)
}

struct Shown<'a> {
    working: &'a Working,
    rate: Mutex<Rate>,
    /// That it is stopping.
    said: AtomicBool,
}

impl Shown<'_> {
    fn tell(&self, told: Told<'_>) {
        match told {
            Told::Warning(text) => self.working.warn(text),
            Told::Idle => self.working.status(IDLE),
            Told::Progress(figures) if self.working.is_watched() => {
                let rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
                self.working
                    .show(line(figures, { rate }.of(figures.published)));
            }
            Told::Progress(figures) => {
                if figures.stopping && !self.said.swap(true, Ordering::Relaxed) {
                    self.working.status(STOPPING);
                }
            }
        }
    }
}

/// Said once, when there is nothing to do for the first time.
const IDLE: &str = "nothing to publish now: waiting for events, Ctrl-C ends it";

/// How it is doing, on one line.
fn line(figures: &Figures, rate: f64) -> String {
    let mut text = format!("{} published, {rate:.0}/s", figures.published);
    for (count, what) in [(figures.refused, "refused"), (figures.dead, "dead")] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text.push_str(&format!(", {} in hand", figures.in_hand));
    if figures.stopping {
        text.push_str(&format!("; {STOPPING}"));
    }
    text
}
