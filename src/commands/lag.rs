use super::candidates;
use super::context::Context;
use crate::error::{Error, Result, Status};
use crate::model::pattern::Pattern;
use crate::ops::http::ListenAddress;
use crate::ops::lag::exporter::{self, Flavour, Health, News, Selection};
use crate::ops::lag::{self, LagRequest};
use crate::ui::Format;
use clap_complete::engine::ArgValueCandidates;

/// Show how far consumer groups are behind
///
/// Lag is end minus committed offset of each partition, also for groups without members. A partition without a
/// commit has unknown lag. With --max it is a gate for scripts: exit status 4 when a group is further behind, or
/// when its lag is unknown though there are records.
#[derive(Debug, clap::Args)]
#[command(
    before_long_help = "\
Examples:
  eda lag
  eda lag --group payment-service
  eda lag -g payment-service -t order-created --max 100 || echo 'payment is behind'
  eda lag --json | jq 'map(.lag) | add'
  eda lag --prometheus > lag.prom                       once, as Prometheus reads it
  eda lag --serve 127.0.0.1:9308                        an exporter that Prometheus scrapes",
    after_long_help = "\
The Prometheus exporter:
  The series are kafka_exporter's by name, label and type (kafka_consumergroup_*,
  kafka_topic_*, kafka_broker*), of all topics and groups, or of those that -t and -g choose;
  both take patterns here. Where a value is unknown there is no series: kafka_exporter says -1
  for a partition without a commit, which spoils every sum.
  eda_exporter_up is 0 when the cluster did not answer a scrape, which then has status 200 and
  no kafka_ series. eda_exporter_scrape_faults counts what a scrape could not learn of a
  cluster that did answer.
  A scrape takes --timeout at most: keep that below Prometheus's scrape_timeout. Scrapes at
  the same time share one look at the cluster.
  There is neither authentication nor TLS; :PORT listens on the loopback address alone. Ctrl-C
  or SIGTERM ends it, with status 0."
)]
pub struct Args {
    /// Only this group, or those that match: * stands for any text, ? for one character (can be repeated)
    #[arg(short, long = "group", value_name = "GROUP", add = ArgValueCandidates::new(candidates::groups))]
    groups: Vec<Pattern>,

    /// Only this topic (can be repeated)
    #[arg(short, long = "topic", value_name = "TOPIC", add = ArgValueCandidates::new(candidates::topics))]
    topics: Vec<String>,

    /// Exit with status 4 when a group is more than N records behind in all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    max: Option<i64>,

    /// Print the lag, offsets and replicas as metrics for Prometheus, once
    #[arg(long, group = "exporter", conflicts_with = "max")]
    prometheus: bool,

    /// Answer Prometheus on http://HOST:PORT/metrics until Ctrl-C; :PORT is on the loopback address
    #[arg(
        long,
        value_name = "HOST:PORT",
        group = "exporter",
        conflicts_with = "max"
    )]
    serve: Option<ListenAddress>,

    /// Whose names the metrics have; kafka-exporter's when nothing is said
    #[arg(long, value_enum, value_name = "EXPORTER", requires = "exporter")]
    flavor: Option<FlavourChoice>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FlavourChoice {
    /// danielqsj/kafka_exporter's: kafka_consumergroup_lag and others
    KafkaExporter,
    /// seglo/kafka-lag-exporter's: kafka_consumergroup_group_lag and others, without the labels of members
    KafkaLagExporter,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    if args.prometheus || args.serve.is_some() {
        return export(context, args).await;
    }
    let request = LagRequest {
        groups: args.groups,
        topics: args.topics,
        max: args.max,
    };
    let report = lag::lag(context.cluster()?, &request).await?;
    context.ui.report(&report)
}

async fn export(context: &Context, args: Args) -> Result<Status> {
    // Not clap's to refuse: it does not know of global flags when it writes the manual.
    if context.ui.format() != Format::Table {
        return Err(Error::usage(
            "`--prometheus` and `--serve` write Prometheus's format, so `--json` and `--output` do not go with them",
        ));
    }
    let selection = Selection {
        groups: args.groups,
        topics: args
            .topics
            .iter()
            .map(|topic| topic.as_str().into())
            .collect(),
        flavour: match args.flavor {
            None | Some(FlavourChoice::KafkaExporter) => Flavour::KafkaExporter,
            Some(FlavourChoice::KafkaLagExporter) => Flavour::KafkaLagExporter,
        },
    };
    let Some(address) = args.serve else {
        let scrape = exporter::scrape(context.cluster()?, &selection).await?;
        context.ui.text(scrape.text.as_bytes())?;
        for failure in &scrape.failures {
            context.ui.warn(failure);
        }
        return Ok(match scrape.failures.is_empty() {
            true => Status::Done,
            false => Status::Failed,
        });
    };
    let stop = context.stop_on_signals();
    let tell = |news| match news {
        News::Listening(address) => {
            if !address.ip().is_loopback() {
                context.ui.warn(&format!(
                    "listening on {address}: anyone who can reach it can read the names of topics and groups"
                ));
            }
            let line = format!("listening on http://{address}/metrics (Ctrl-C ends it)");
            context.ui.status(&line);
        }
        News::Health(Health::Down(reason)) => {
            context.ui.warn(&format!("scrapes fail: {reason}"));
        }
        News::Health(Health::Partial(reason)) => {
            context
                .ui
                .warn(&format!("scrapes lack something: {reason}"));
        }
        News::Health(Health::Whole) => context.ui.status("scrapes are whole again"),
    };
    exporter::serve(context.cluster()?, selection, &address, &stop, tell).await?;
    // A server that is asked to end, and ends, has done what it should.
    Ok(Status::Done)
}
