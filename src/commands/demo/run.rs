use super::own_broker::{self, OwnBroker};
use crate::commands::arguments;
use crate::commands::context::Context;
use crate::demo::{
    self, ChaosEvent, ChaosOptions, DemoOptions, DemoProgress, DemoReport, Follow, Invariant, Rates,
};
use crate::error::{Result, Status};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

pub const ABOUT: &str = "Run the order pipeline, end to end";

/// Shared by `eda demo` and `eda demo run`, which are the same.
pub const LONG_ABOUT: &str = "\
Run the order pipeline, end to end

Seven services, each a consumer group, turn orders into payments, reservations and shipments, with compensation \
where something fails. Failures are injected by rate; the same seed gives every order the same fate. At the end the \
audit, which reads every topic, says whether each invariant holds; exit status 4 when one does not.

Runs on an embedded broker inside this process, unless brokers are named (--brokers, EDA_BROKERS, --context): there \
the topics and groups of the run get a prefix of their own and are deleted at the end.

With --chaos, instances of every service but the audit are killed in the middle of their work and others are started in \
their place or added, the handling of some events takes long, the payment provider is down for a while, and the \
embedded broker, then with its data in a temporary folder, is killed and started again; brokers that were named are \
left alone. What goes wrong, and when, follows from the seed; the orders come in over that time unless --rate says \
otherwise. Killed means: nothing more is committed, marked or sent, and the group finds out by itself. The services \
survive it as real ones would: offsets are committed after the work, each service remembers in a SQLite file what it \
has done, the id of an event follows from the event that led to it, the payment provider charges once for each \
payment's id, and what fails while it is down is tried again for as long as that takes. All instances, and the embedded \
broker, are threads of this process, and share its clock.

With --outbox the order service writes each order and its first event into a SQLite file in one transaction, and two \
relays, as of `eda outbox relay`, publish the events from there. Two invariants more are then judged: every stored \
order has its event, and no event is without its order. With --chaos, too, a relay is killed, and some transactions are \
rolled back as if the service had crashed, and begun again.";

#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(about = ABOUT, long_about = LONG_ABOUT, before_long_help = "\
Examples:
  eda demo
  eda demo --orders 500 --seed 7 --json
  eda demo --payment-failures 0.5 --instances payment=4
  eda demo --chaos --outbox --orders 1000 --seed 7
  eda demo --follow order-3            its way through the services, event by event
  eda demo --follow cancelled
  eda demo --brokers kafka:9092 --keep")]
pub struct Args {
    /// How many orders
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    orders: u64,

    /// Orders a second; as fast as they go without it
    #[arg(long, value_name = "N", value_parser = arguments::rate)]
    rate: Option<f64>,

    /// Members of a service's group, at most 32 (can be repeated) [default: payment=2, the others 1]
    #[arg(long, value_name = "SERVICE=N", value_parser = arguments::instances)]
    instances: Vec<(String, u32)>,

    /// The same seed, the same business outcome
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Share of payments that are declined
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = arguments::share)]
    payment_failures: f64,

    /// Share of reservations that find the shelf empty
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = arguments::share)]
    inventory_failures: f64,

    /// Share of orders that cannot be read
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = arguments::share)]
    malformed: f64,

    /// Share of events that are sent twice
    #[arg(long, value_name = "SHARE", default_value_t = 0.02, value_parser = arguments::share)]
    duplicates: f64,

    /// Share of events whose handling fails at first, and is tried again
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = arguments::share)]
    transient: f64,

    /// Kill and add instances, let payment be down, restart the broker, and see that nothing is lost or done twice
    #[arg(long)]
    chaos: bool,

    /// With --chaos: how long the payment provider is down
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = arguments::duration, requires = "chaos")]
    payment_outage: Duration,

    /// Write each order and its first event in one transaction, and let two relays publish the events
    #[arg(long)]
    outbox: bool,

    /// Show this order's timeline at the end; shipped, cancelled or parked: the first such
    #[arg(long, value_name = "ORDER", value_parser = Follow::from_str)]
    follow: Option<Follow>,

    /// On brokers that were named: leave the topics and groups of the run in place
    #[arg(long)]
    keep: bool,

    /// Break an invariant on purpose, to see that it is noticed
    #[arg(long = "break", value_name = "INVARIANT", hide = true)]
    sabotage: Option<Invariant>,
}

/// Of events whose handling takes long, with chaos.
const DELAYS: f64 = 0.05;

/// How soon a group on somebody's Kafka notices that an instance is gone: the least that Kafka allows unless told
/// otherwise.
const SESSION_TIMEOUT: Duration = Duration::from_secs(6);

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let stop = context.stop_on_signals();
    let mut options = DemoOptions {
        orders: args.orders,
        rate: args.rate,
        seed: args.seed,
        rates: Rates {
            payment_failures: args.payment_failures,
            inventory_failures: args.inventory_failures,
            malformed: args.malformed,
            duplicates: args.duplicates,
            transient: args.transient,
            delays: if args.chaos { DELAYS } else { 0.0 },
        },
        chaos: args.chaos.then_some(ChaosOptions {
            payment_outage: args.payment_outage,
            session_timeout: SESSION_TIMEOUT,
            restart_broker: None,
            storyteller: None,
        }),
        outbox: args.outbox,
        follow: args.follow,
        keep: args.keep,
        stop,
        sabotage: args.sabotage,
        ..DemoOptions::default()
    };
    options.instances.extend(args.instances);
    options.check()?;
    let progress = Arc::new(context.ui.progress(Some(args.orders), "orders"));
    if let Some(chaos) = &mut options.chaos {
        let progress = Arc::clone(&progress);
        chaos.storyteller = Some(Arc::new(move |event: &ChaosEvent| {
            progress.line(&format!("{:>7}  {}", event.time(), event.sentence()));
        }));
    }
    options.progress = Some(Arc::new(move |done: DemoProgress| {
        progress.set(done.finished())
    }));
    let report = match context.settings.brokers_named {
        true => {
            options.prefix = format!("demo-{:06x}-", fastrand::u32(..1 << 24));
            demo::run(context.cluster()?, &options).await?
        }
        false => run_on_own_broker(context, &mut options).await?,
    };
    // The bar ends with the options, before the report is written.
    drop(options);
    context.ui.report(&report)
}

async fn run_on_own_broker(context: &Context, options: &mut DemoOptions) -> Result<DemoReport> {
    let broker = match &mut options.chaos {
        None => OwnBroker::fleeting().await?,
        Some(chaos) => {
            let broker = OwnBroker::durable().await?;
            chaos.session_timeout = own_broker::SESSION_TIMEOUT;
            chaos.restart_broker = Some(broker.restarter());
            broker
        }
    };
    let cluster = broker.cluster(context)?;
    let outcome = demo::run(&cluster, options).await;
    broker.stop().await;
    outcome
}
