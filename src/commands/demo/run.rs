use crate::broker::{Broker, Options};
use crate::commands::arguments;
use crate::commands::context::Context;
use crate::demo::{self, DemoOptions, DemoProgress, Invariant, Rates};
use crate::error::{Result, Status};
use crate::kafka::{Cluster, Connection};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

pub const ABOUT: &str = "Run the order pipeline, end to end";

/// Shared by `eda demo` and `eda demo run`, which are the same.
pub const LONG_ABOUT: &str = "\
Run the order pipeline, end to end

Seven services, each a consumer group, turn orders into payments, reservations and shipments, with compensation \
where something fails. Failures are injected by rate; the same seed gives every order the same fate. At the end the \
audit, which reads every topic, says whether each invariant holds; exit status 4 when one does not.

Runs on an embedded broker inside this process, unless brokers are named (--brokers, EDA_BROKERS, --context): there \
the topics and groups of the run get a prefix of their own and are deleted at the end.";

#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(about = ABOUT, long_about = LONG_ABOUT, before_long_help = "\
Examples:
  eda demo
  eda demo --orders 500 --seed 7 --json
  eda demo --payment-failures 0.5 --instances payment=4
  eda demo --brokers kafka:9092 --keep")]
pub struct Args {
    /// How many orders
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    orders: u64,

    /// Orders a second; as fast as they go without it
    #[arg(long, value_name = "N", value_parser = arguments::rate)]
    rate: Option<f64>,

    /// Members of a service's group (can be repeated) [default: payment=2, the others 1]
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

    /// On brokers that were named: leave the topics and groups of the run in place
    #[arg(long)]
    keep: bool,

    /// Break an invariant on purpose, to see that it is noticed
    #[arg(long = "break", value_name = "INVARIANT", hide = true)]
    sabotage: Option<Invariant>,
}

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
        },
        keep: args.keep,
        stop,
        sabotage: args.sabotage,
        ..DemoOptions::default()
    };
    options.instances.extend(args.instances);
    options.check()?;
    let progress = context.ui.progress(Some(args.orders), "orders");
    options.progress = Some(Arc::new(move |done: DemoProgress| {
        progress.set(done.finished())
    }));
    let report = if context.settings.brokers_named {
        options.prefix = format!("demo-{:06x}-", fastrand::u32(..1 << 24));
        demo::run(context.cluster()?, &options).await?
    } else {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let broker = Broker::start(Options {
            listen,
            ..Options::default()
        })
        .await?;
        // The user's properties are for the user's cluster: this one knows no TLS, for example.
        let cluster = Cluster::new(Connection {
            brokers: broker.address().to_string(),
            properties: Vec::new(),
            ..context.connection()
        })?;
        let outcome = demo::run(&cluster, &options).await;
        broker.stop().await;
        outcome?
    };
    // The bar ends with the options, before the report is written.
    drop(options);
    context.ui.report(&report)
}
