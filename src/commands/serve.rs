use super::arguments;
use super::context::Context;
use crate::error::{Error, Result, Status};
use crate::ops::http::{HostName, ListenAddress};
use crate::ops::overview::{HandlerPage, OverviewRequest};
use crate::ops::serve::{self, News, ServeRequest};
use crate::ui::Format;
use std::time::Duration;

/// Show on a web page what is going on, and export it to Prometheus
///
/// A page for a browser: groups with lag, rates, time left and status, dead letters, how fast topics are written, and
/// what could not be learnt. It is read-only, needs nothing from elsewhere, and is drawn anew with every look at the
/// cluster. While the cluster is away the page says since when and shows what was seen last; it goes on by itself, but at
/// the start the cluster has to be there. Status, rates and time left are as in `eda lag --watch`.
///
/// A dead-letter topic is known by its name or configuration, as in `eda dlq list --no-probe`. UNREPLAYED is what lies
/// beyond the commits of the group that replays it: what was put back out of order still counts, for only `eda dlq list`
/// reads the ledger.
#[derive(Debug, clap::Args)]
#[command(
    before_long_help = "\
Examples:
  eda serve                                               on http://127.0.0.1:8080
  eda serve :9000 --every 5s
  eda serve --handler 127.0.0.1:9400                      beside: eda consume … --metrics :9400
  eda serve 0.0.0.0:8080 --allow-host watch.internal      for others, under that name
  eda serve --grafana > dashboard.json                    to import into Grafana
  curl -s http://127.0.0.1:8080/api/state | jq -c '.groups[] | {group, lag, status}'",
    after_long_help = "\
Paths:
  /                   the page
  /events             the state with every look, as server-sent events
  /api/state          the state: {time, brokers, everyMs, staleAfterMs, seen, error, groups, topics,
                      deadLetters, handlers, failures}. seen is when the cluster was seen last,
                      error {kind, message, since} why it was not since. Lists are sorted by name,
                      null is unknown, keys are only ever added. groups are those of
                      `eda lag --watch --json`, and severity: 0 good, 1 unknown, 2 a warning, 3 bad;
                      eta: etaMs as people read it, or never; and history: the lag of the last 30
                      looks.
  /api/groups/NAME    {group, partitions}: rows as in `eda lag --watch --json`, and eta
  /metrics            for Prometheus

Metrics:
  What `eda lag --serve` exports (kafka_consumergroup_lag, kafka_topic_partition_current_offset
  and others, by a look of its own), and eda_dlq_messages{topic} and
  eda_dlq_unreplayed_messages{topic}.
  They are answered within 8/10 of --timeout: when the cluster has not answered by then, with
  eda_exporter_up 0 and what is known without it.
  Processing time and error rate are known to the handlers alone: `eda consume --metrics` has
  them as eda_handler_duration_seconds, eda_handler_failed_attempts_total and others. Either
  Prometheus scrapes the handlers itself, or --handler names them here: then they are on the page,
  and in /metrics with the label instance. Not both, or sums count twice.

Who may look:
  There is neither authentication nor TLS: :PORT and the default listen on the loopback address
  alone. Only GET and HEAD are answered. A request whose Host is not localhost, 127.0.0.1, [::1],
  the address or --allow-host gets status 421, one from another site's page 403.
  32 may watch /events at once. One more gets status 503, and the page asks for /api/state every
  2 seconds instead until a seat is free. Whoever reads slowly misses events; whoever reads
  nothing loses the seat 30 seconds after nothing more could be sent, when the buffers on the way
  are full. There are 64 connections at most.
  Ctrl-C or SIGTERM ends it, with status 0, as `eda lag --serve`. A cluster that is not there at the start is status 3."
)]
pub struct Args {
    /// Where to listen; :PORT is on the loopback address
    #[arg(value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    address: ListenAddress,

    /// How often to look at the cluster
    #[arg(long, value_name = "INTERVAL", default_value = "2s", value_parser = arguments::interval)]
    every: Duration,

    /// Also show a handler by its metrics: what `eda consume --metrics HOST:PORT` was told (can be repeated)
    #[arg(long = "handler", value_name = "HOST:PORT", visible_alias = "scrape")]
    handlers: Vec<HandlerPage>,

    /// Another name by which this server may be asked for (can be repeated)
    #[arg(long = "allow-host", value_name = "NAME")]
    names: Vec<HostName>,

    /// Print a dashboard for Grafana of the metrics here, and end
    #[arg(long, conflicts_with_all = ["address", "every", "handlers", "names"])]
    grafana: bool,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    if args.grafana {
        let text = format!("{:#}\n", serve::dashboard());
        context.ui.text(text.as_bytes())?;
        return Ok(Status::Done);
    }
    // Not clap's to refuse: it does not know of global flags when it writes the manual.
    if context.ui.format() != Format::Table {
        return Err(Error::usage(
            "`eda serve` prints nothing, so `--json` and `--output` do not go with it",
        )
        .hint("what it shows is at /api/state as JSON; `eda lag --watch --json` prints"));
    }
    let request = ServeRequest {
        overview: OverviewRequest {
            every: args.every,
            handlers: args.handlers,
        },
        address: args.address,
        names: args.names,
    };
    let stop = context.stop_on_signals();
    let tell = |news| match news {
        News::Listening(address) => {
            context.listens(address, &format!("open http://{address}/ (Ctrl-C ends it)"));
        }
        News::Lost(reason) => context.ui.warn(&format!("no answer: {reason}")),
        News::Back => context.ui.status("the cluster answers again"),
    };
    serve::serve(context.cluster()?, request, &stop, tell).await?;
    // A server that is asked to end, and ends, has done what it should.
    Ok(Status::Done)
}
