use crate::commands::arguments;
use crate::commands::context::Context;
use crate::commands::global::{EventsArgs, SafetyArgs};
use crate::error::{Error, Result, Status};
use crate::model::topic::{Retention, TopicName};
use crate::ops::topic::{self, CreateRequest};

/// Create a topic
///
/// Waits until the topic can be used. Three partitions and seven days of retention unless told otherwise; the
/// replication factor is the broker's default.
///
/// --from-events creates the topics of your own events instead: with the partitions, replicas and topicConfiguration
/// of an AsyncAPI document's Kafka bindings, and --partitions and --replicas where it does not say. Topics that are
/// there already stay as they are, and what differs is said. Each topic has a result of its own; one that fails makes
/// the exit status 1.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda topic create order-created
  eda topic create order-created --partitions 6 --retention 7d
  eda topic create customers -c cleanup.policy=compact --if-not-exists
  eda topic create --from-events --events asyncapi.yaml --dry-run")]
pub struct Args {
    /// Name of the topic; asked for on a terminal when missing
    name: Option<TopicName>,

    /// How many partitions: the most members of one group that can work side by side
    #[arg(short, long, value_name = "N", value_parser = arguments::partitions)]
    partitions: Option<i32>,

    /// On how many brokers each partition is kept
    #[arg(short, long, value_name = "N", alias = "replication-factor", value_parser = clap::value_parser!(i16).range(1..))]
    replicas: Option<i16>,

    /// How long records are kept: 90s, 12h, 7d, or infinite
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    retention: Option<Retention>,

    /// A topic configuration, such as cleanup.policy=compact (can be repeated)
    #[arg(short, long = "config", value_name = "KEY=VALUE", value_parser = arguments::config)]
    configs: Vec<(String, String)>,

    /// Do nothing when the topic exists; says what differs
    #[arg(long)]
    if_not_exists: bool,

    /// Create the topics of your own events
    #[arg(long, conflicts_with_all = ["name", "retention", "configs", "if_not_exists"])]
    from_events: bool,

    #[command(flatten)]
    events: EventsArgs,

    #[command(flatten)]
    safety: SafetyArgs,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    if args.from_events {
        return from_events(context, &args).await;
    }
    if args.events.events.is_some() {
        return Err(Error::usage("`--events` is of use with `--from-events`"));
    }
    if args.retention.is_some() && args.configs.iter().any(|(name, _)| name == "retention.ms") {
        return Err(Error::usage(
            "`--retention` and `-c retention.ms` say the same thing twice",
        ));
    }
    let names: Vec<&str> = args.configs.iter().map(|(name, _)| name.as_str()).collect();
    if let Some(twice) = (1..names.len()).find(|&at| names[..at].contains(&names[at])) {
        return Err(Error::usage(format!(
            "`-c {}` is given twice",
            names[twice]
        )));
    }
    let asked = args.name.is_none();
    let (name, partitions, retention) = match args.name {
        Some(name) => (name, args.partitions, args.retention),
        None => {
            let name: TopicName = context.ui.ask("Topic", None, "the topic's NAME")?;
            let partitions = match args.partitions {
                Some(partitions) => partitions,
                None => context
                    .ui
                    .ask::<std::num::NonZeroU16>("Partitions", Some("3"), "--partitions")?
                    .get()
                    .into(),
            };
            let retention = match args.retention {
                Some(retention) => retention,
                None => context.ui.ask("Retention", Some("7d"), "--retention")?,
            };
            (name, Some(partitions), Some(retention))
        }
    };
    let request = CreateRequest {
        name,
        partitions: partitions.unwrap_or(topic::DEFAULT_PARTITIONS),
        replicas: args.replicas,
        retention,
        configs: args.configs,
        if_not_exists: args.if_not_exists,
    };
    let plan = topic::plan_create(context.cluster()?, &request).await?;
    if plan.is_empty() || args.safety.dry_run {
        return context.ui.report(&plan);
    }
    if asked {
        context.show_command(request.command_line());
    }
    let consent = context
        .ui
        .consent_to_add(&plan, "Create it?", asked, args.safety.yes)?;
    let outcome = topic::create(context.cluster()?, plan, consent).await?;
    context.ui.report(&outcome)
}

async fn from_events(context: &Context, args: &Args) -> Result<Status> {
    let catalog = context.catalog(&args.events)?;
    let partitions = args.partitions.unwrap_or(topic::DEFAULT_PARTITIONS);
    let requests = topic::requests(&catalog, partitions, args.replicas)?;
    let plan = topic::plan_create_all(context.cluster()?, &requests).await?;
    if plan.is_empty() || args.safety.dry_run {
        return context.ui.report(&plan);
    }
    let consent = context
        .ui
        .consent_to_add(&plan, "Create them?", false, args.safety.yes)?;
    let outcome = topic::create_all(context.cluster()?, plan, consent).await?;
    context.ui.report(&outcome)
}
