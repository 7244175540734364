use super::own_broker::OwnBroker;
use crate::commands::arguments;
use crate::commands::context::Context;
use crate::demo::compare::{self, CompareOptions};
use crate::error::{Error, Result, Status};
use std::sync::Arc;
use std::time::Duration;

/// Compare synchronous HTTP with events, by measurement
///
/// The same order flow twice on this machine, the one after the other: an order service that calls payment and then
/// notification by HTTP and answers when both are done, and one that answers when its event is acknowledged, with
/// payment and notification as consumer groups behind it. Both have real servers on loopback, the same workers, and the
/// same times that payment and notification take. What was measured stands beside what is claimed of such systems.
///
/// Response times are measured at a rate that both can take, from the moment an order was due to be sent. Then the
/// payment service is gone for a while: its servers are killed, or its consumers stop. Last, as many orders come in as
/// are taken, with 1, 2 and 4 instances of every service.
///
/// Events do not make the whole faster: an order is complete when payment and notification are done with it, either way.
/// What is accepted faster than it is worked off waits in its topic.
///
/// Runs on an embedded broker inside this process, unless brokers are named (--brokers, EDA_BROKERS, --context): there
/// the topics and groups get a prefix of their own and are deleted at the end.
#[derive(Debug, clap::Args)]
#[command(
    before_long_help = "\
Examples:
  eda demo compare
  eda demo compare --payment 80ms --notification 120ms --rate 100 --json
  eda demo compare --workers 200 --instances 1,2,4,8
  eda demo compare --brokers kafka:9092",
    after_long_help = "\
Exit status: 0 when it was measured, whatever came of it; 4 when an order was accepted and never became complete."
)]
pub struct Args {
    /// How long the payment service takes for an order
    #[arg(long, value_name = "DURATION", default_value = "800ms", value_parser = arguments::positive)]
    payment: Duration,

    /// How long the notification service takes, after it
    #[arg(long, value_name = "DURATION", default_value = "1200ms", value_parser = arguments::positive)]
    notification: Duration,

    /// How many orders an instance of a service works on at a time, as a pool of threads has it
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    workers: u16,

    /// Orders a second while response times are measured, and while payment is down
    #[arg(long, value_name = "N", default_value = "20", value_parser = arguments::rate)]
    rate: f64,

    /// How long each measurement takes
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = arguments::positive)]
    span: Duration,

    /// How long the payment service is down
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = arguments::positive)]
    outage: Duration,

    /// Measure throughput with so many instances of every service, one number after the other
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1,2,4", value_parser = clap::value_parser!(u8).range(1..=12))]
    instances: Vec<u8>,
}

/// Longer than anybody waits.
const LONGEST: Duration = Duration::from_secs(600);

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    for (flag, given) in [
        ("--payment", args.payment),
        ("--notification", args.notification),
        ("--span", args.span),
        ("--outage", args.outage),
    ] {
        if given > LONGEST {
            return Err(Error::usage(format!(
                "`{flag}` is ten minutes at most, for it is waited for"
            )));
        }
    }
    let mut instances: Vec<usize> = args.instances.into_iter().map(usize::from).collect();
    instances.sort_unstable();
    instances.dedup();
    let progress = context.ui.progress(None, "starting");
    let mut options = CompareOptions {
        payment: args.payment,
        notification: args.notification,
        workers: args.workers.into(),
        rate: args.rate,
        span: args.span,
        outage: args.outage,
        instances,
        prefix: "compare-".to_owned(),
        stop: context.stop_on_signals(),
        tell: Arc::new(move |text| progress.say(text.to_owned())),
    };
    // Before anything is started.
    options.check()?;
    let report = if context.settings.brokers_named {
        options.prefix = format!("compare-{:06x}-", fastrand::u32(..1 << 24));
        compare::compare(context.cluster()?, &options).await?
    } else {
        let broker = OwnBroker::fleeting().await?;
        let cluster = broker.cluster(context)?;
        let outcome = compare::compare(&cluster, &options).await;
        broker.stop().await;
        outcome?
    };
    // The spinner ends with the options, before the report is written.
    drop(options);
    context.ui.report(&report)
}
