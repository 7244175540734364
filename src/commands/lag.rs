use super::arguments;
use super::candidates;
use super::context::Context;
use crate::error::{Error, Result, Status};
use crate::kafka::Isolation;
use crate::model::pattern::Pattern;
use crate::ops::http::ListenAddress;
use crate::ops::lag::exporter::{self, Flavour, Health, News, Selection};
use crate::ops::lag::{self, GateRequest, LagRequest, Sort, Totals, WatchRequest};
use crate::ui::Format;
use clap_complete::engine::ArgValueCandidates;
use std::time::Duration;

/// Show how far consumer groups are behind
///
/// Lag is the end of a partition minus the group's committed offset, also for groups without members. Without a commit it
/// is unknown (`-` in a table, null in JSON), never counted from the start.
///
/// A record is lost when it was deleted before the group read it (committed < start): such rows are flagged and counted. A
/// group is about to lose records when it stands in the oldest tenth of a log (of 100 offsets or more) whose head was
/// deleted before.
///
/// Gate: with --max N it exits with 4 when a group is more than N records behind in all its partitions together, or when
/// that is not known; with 0 when none is. Offsets that hold nothing to read do not count: deleted records, and the
/// markers that transactions leave at the end. A gate never passes because it saw nothing: no group at all is exit status 1.
/// --within D waits: 0 as soon as it holds, 4 when the time is over; groups and topics that do not exist yet are waited
/// for, and so is a broker that is away (3 when it still is at the end). --for D asks that it holds in every look for D: alone,
/// the first look that does not hold is 4; with --within, the count begins anew. Looks are 0.2 to 2 seconds apart.
///
/// Watch: --watch looks every 2 seconds, or every D, until Ctrl-C. READ/s and WRITTEN/s are means over the last ten
/// samples, ETA is lag / (read - written), "never" when it does not shrink. After an outage, and when a topic was made
/// anew, they begin anew. On a terminal the worst rows that fit are shown; elsewhere every sample is a block after an
/// empty line, or with --json one line {time, rows, groups, failures, error}, whose error {kind, message, since} is null unless
/// the cluster did not answer.
///
/// Status (Burrow's rules over the last ten samples; - until there are ten): OK there is no lag, or there was none at
/// some time, or it falls; WARN commits move on and the lag never fell; STALLED the commit did not move and the group has
/// members; STOPPED the same and it has none; REWIND the commit went back and did not return. A group is ERR when a
/// partition is STALLED, STOPPED or REWIND.
///
/// JSON: a row a partition, {group, topic, partition, committed, start, end, lag, lost, effectiveLag, retentionAtRisk,
/// timeLagMs, error}. Null is unknown; offsets and lags are in records, times in milliseconds; effectiveLag is the lag
/// without what holds nothing to read; error says why a partition did not tell its offsets. --watch adds
/// {consumedPerSecond, producedPerSecond, etaMs, catchingUp, status}; catchingUp is false where the ETA is never.
#[derive(Debug, clap::Args)]
#[command(
    before_long_help = "\
Examples:
  eda lag
  eda lag --group payment-service
  eda lag -g 'payment-*' --total --sort lag               a row a group, the worst first
  eda lag -g payment-service --time                       how old the next record to read is
  eda lag -g payment-service -t order-created --max 100 || echo 'payment is behind'
  eda lag -g payment-service --max 0 --within 60s         wait for a group to catch up
  eda lag --watch
  eda lag --watch 5s --json | jq -c '.groups[] | {group, lag, status}'
  eda lag --json | jq 'map(.lag) | add'
  eda lag --prometheus > lag.prom                         once, as Prometheus reads it
  eda lag --serve 127.0.0.1:9308                          an exporter that Prometheus scrapes",
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

    /// Only this topic, or those that match (can be repeated)
    #[arg(short, long = "topic", value_name = "TOPIC", add = ArgValueCandidates::new(candidates::topics))]
    topics: Vec<Pattern>,

    /// Order of rows: name, lag (the greatest first, and before it what is unknown), time (the oldest first, with --time)
    #[arg(long, value_name = "BY")]
    sort: Option<Sort>,

    /// A row a group: the sum over its partitions
    #[arg(long)]
    total: bool,

    /// Also read the record at each committed offset, and show its age by its timestamp
    #[arg(long)]
    time: bool,

    /// Count to the last stable offset: records of open transactions are no lag
    #[arg(long)]
    read_committed: bool,

    /// Exit with status 4 when a group is more than N records behind in all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    max: Option<i64>,

    /// Ask that --max holds for this long
    #[arg(long = "for", value_name = "DURATION", requires = "max", value_parser = arguments::duration)]
    hold: Option<Duration>,

    /// Wait up to this long for --max to hold
    #[arg(long, value_name = "DURATION", requires = "max", value_parser = arguments::duration)]
    within: Option<Duration>,

    /// Look again every so often, with rates, time left, status and trend
    #[arg(
        long,
        value_name = "INTERVAL",
        num_args = 0..=1,
        default_missing_value = "2s",
        conflicts_with = "max",
        value_parser = arguments::interval
    )]
    watch: Option<Duration>,

    /// Print the lag, offsets and replicas as metrics for Prometheus, once
    #[arg(long, group = "exporter", conflicts_with_all = NOT_EXPORTED)]
    prometheus: bool,

    /// Answer Prometheus on http://HOST:PORT/metrics until Ctrl-C; :PORT is on the loopback address
    #[arg(long, value_name = "HOST:PORT", group = "exporter", conflicts_with_all = NOT_EXPORTED)]
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

/// What the exporter has no use for.
const NOT_EXPORTED: [&str; 6] = ["max", "watch", "sort", "total", "time", "read_committed"];

impl Args {
    fn request(&self) -> Result<LagRequest> {
        if let Some((hold, within)) = self.hold.zip(self.within)
            && hold >= within
        {
            return Err(Error::usage(
                "`--for` is not shorter than `--within`, so it cannot hold in time",
            ));
        }
        Ok(LagRequest {
            groups: self.groups.clone(),
            topics: self.topics.clone(),
            isolation: match self.read_committed {
                true => Isolation::ReadCommitted,
                false => Isolation::ReadUncommitted,
            },
            max: self.max,
            time: self.time || self.sort == Some(Sort::Time),
            sort: self.sort,
        })
    }
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    if args.prometheus || args.serve.is_some() {
        return export(context, args).await;
    }
    let request = args.request()?;
    if let Some(interval) = args.watch {
        return watch(context, request, interval, args.total).await;
    }
    let (time, sort) = (request.time, request.sort);
    if args.hold.is_some() || args.within.is_some() {
        let gate = GateRequest {
            hold: args.hold,
            within: args.within,
        };
        let stop = context.stop_on_signals();
        let progress = context.ui.progress(None, "looking");
        let news = |news| progress.say(news);
        let waited = lag::wait(context.cluster()?, &request, gate, news, &stop).await;
        drop(progress);
        let waited = waited?;
        return match args.total {
            true => context
                .ui
                .report(&waited.map(|report| Totals::of(report, time, sort))),
            false => context.ui.report(&waited),
        };
    }
    let report = lag::lag(context.cluster()?, &request).await?;
    match args.total {
        true => context.ui.report(&Totals::of(report, time, sort)),
        false => context.ui.report(&report),
    }
}

async fn watch(
    context: &Context,
    lag: LagRequest,
    interval: Duration,
    total: bool,
) -> Result<Status> {
    let request = WatchRequest {
        lag,
        interval,
        total,
    };
    let stop = context.stop_on_signals();
    let mut live = context.ui.live();
    lag::watch(
        context.cluster()?,
        &request,
        |sample| live.show(sample),
        &stop,
    )
    .await
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
        topics: args.topics,
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
            context.listens(
                address,
                &format!("listening on http://{address}/metrics (Ctrl-C ends it)"),
            );
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
