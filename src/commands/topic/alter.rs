use crate::commands::arguments;
use crate::commands::candidates;
use crate::commands::choose;
use crate::commands::context::Context;
use crate::commands::global::SafetyArgs;
use crate::error::{Error, Result, Status};
use crate::model::topic::Retention;
use crate::ops::topic::{self, AlterRequest};
use clap_complete::engine::ArgValueCandidates;

/// Change a topic's configuration, or give it more partitions
///
/// Only what is named is changed; every other configuration stays as it is. Shows each change with the value it has now
/// and where that comes from, and asks first. The broker is asked beforehand whether it takes it.
///
/// More partitions move keys: records with the same key go to another partition than before, and are not in order
/// with the earlier ones. The plan shows where to, for a few of the latest keys. Partitions are never taken away.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda topic alter order-created --retention 30d
  eda topic alter order-created -c max.message.bytes=2097152 --unset segment.ms
  eda topic alter order-created --partitions 12 --dry-run")]
pub struct Args {
    /// Name of the topic; chosen from a list on a terminal when missing
    #[arg(add = ArgValueCandidates::new(candidates::topics))]
    name: Option<String>,

    /// How many partitions it is to have; more than now
    #[arg(short, long, value_name = "N", value_parser = arguments::partitions)]
    partitions: Option<i32>,

    /// How long records are kept: 90s, 12h, 7d, or infinite
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    retention: Option<Retention>,

    /// A topic configuration to set (can be repeated)
    #[arg(short, long = "config", value_name = "KEY=VALUE", value_parser = arguments::config)]
    configs: Vec<(String, String)>,

    /// A topic configuration to give back to the broker's default (can be repeated)
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,

    #[command(flatten)]
    safety: SafetyArgs,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let mut set = args.configs;
    if let Some(retention) = args.retention {
        set.push((
            "retention.ms".to_owned(),
            retention.milliseconds().to_string(),
        ));
    }
    let names: Vec<&String> = set
        .iter()
        .map(|(name, _)| name)
        .chain(&args.unset)
        .collect();
    if let Some(twice) = (1..names.len()).find(|&at| names[..at].contains(&names[at])) {
        return Err(Error::usage(format!(
            "`{}` is set or unset twice",
            names[twice]
        )));
    }
    if names.is_empty() && args.partitions.is_none() {
        return Err(Error::usage("there is nothing to change").hint(
            "`--partitions`, `--retention`, `--config KEY=VALUE` and `--unset KEY` say what",
        ));
    }
    let (name, asked) = choose::topic(context, args.name).await?;
    let request = AlterRequest {
        name,
        partitions: args.partitions,
        set,
        unset: args.unset,
    };
    if asked {
        context.show_command(request.command_line());
    }
    let plan = topic::plan_alter(context.cluster()?, &request).await?;
    if plan.is_empty() || args.safety.dry_run {
        return context.ui.report(&plan);
    }
    let consent = context.ui.consent(&plan, "Change it?", args.safety.yes)?;
    let outcome = topic::alter(context.cluster()?, plan, consent).await?;
    context.ui.report(&outcome)
}
